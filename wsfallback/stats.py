"""
`Statistics`: what is counted of a server's connections.
"""

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from wsfallback.errors import HandshakeError, printable
from wsfallback.record import HTTP, MAX_TEXT, IObserver, Record, Traffic
from wsfallback.snapshot import (
    MAX_REASONS,
    MAX_SEEN,
    NAMES,
    OTHER_REASONS,
    UNKNOWN,
    Histogram,
    Row,
    Seen,
    Snapshot,
    latest,
)

#: Seconds of an interval of the history, and how many of them are kept: an hour.
STEP = 30
STEPS = 120

#: Seconds, to a day.
DURATIONS = (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 86400.0)
#: Bytes that waited to be sent, to the default bound.
QUEUES = (0.0, 1024.0, 16384.0, 65536.0, 262144.0, 1048576.0)

#: RFC 6455 §7.4 and IANA's registry.
_CODES = range(1000, 1016)
_OWN_CODES = range(3000, 5000)


@implementer(IObserver)
class Statistics:
    """
    Counts connections, messages and bytes, and remembers who has spoken which draft.

    An observer for `FallbackServerFactory`, of one or of several. It costs nothing for a message:
    what open connections have sent is added up when somebody asks. It waits for nothing, so that
    there is nothing to stop.
    """

    def __init__(self, clock: IReactorTime) -> None:
        """
        :param clock: the factory's. Its ``seconds`` are those since 1970, as of all reactors of
            Twisted's: when a client was last seen is to be true in another process, too.
        """
        self._clock = clock
        self._start = clock.seconds()
        self._interval = int(self._start // STEP)
        self._rows = {name: _Counts() for name in (*NAMES, HTTP, UNKNOWN)}

    def opened(self, record: Record) -> None:
        """
        `IObserver.opened`.
        """
        now, row = self._now(record)
        row.opened += 1
        row.open.add(record)
        row.peak = max(row.peak, len(row.open))
        row.saw(record, now, 1)

    def refused(self, record: Record, error: HandshakeError) -> None:
        """
        `IObserver.refused`.
        """
        row = self._rows[record.draft or UNKNOWN]
        reason = error.status, printable(error.sentence)[:MAX_TEXT]
        if reason not in row.refusals and len(row.refusals) >= MAX_REASONS:
            reason = error.status, OTHER_REASONS
        row.refusals[reason] += 1

    def ended(self, record: Record) -> None:
        """
        `IObserver.ended`.
        """
        now, row = self._now(record)
        if record not in row.open:
            row.left += record.status is None
            return
        row.open.remove(record)
        row.saw(record, now, 0)
        _add(row.total, record.traffic)
        assert record.opened is not None, "it was opened"
        # The wall clock may have been set back.
        row.durations.observe(max(0.0, now - record.opened))
        row.queueHighs.observe(record.traffic.queueHigh)
        if record.code is not None:
            row.closes[_code(record.code)] += 1

    def snapshot(self) -> Snapshot:
        """
        All of it as it is now.
        """
        now = self._clock.seconds()
        self._advance(now)
        return {
            "time": now,
            "start": self._start,
            "since": self._start,
            "drafts": {name: row.shown(now) for name, row in self._rows.items()},
            "history": {
                "step": STEP,
                "end": (self._interval + 1) * STEP,
                "open": {name: [*row.peaks, row.peak] for name, row in self._rows.items()},
            },
        }

    def _now(self, record: Record) -> tuple[float, "_Counts"]:
        now = self._clock.seconds()
        self._advance(now)
        return now, self._rows[record.draft or UNKNOWN]

    def _advance(self, now: float) -> None:
        """
        Finish the intervals that are over. Between two events nothing has changed, so that nobody
        needs to look in between.
        """
        interval = int(now // STEP)
        passed, self._interval = interval - self._interval, interval
        if passed > 0:
            for row in self._rows.values():
                present = len(row.open)
                row.peaks.append(row.peak)
                row.peaks.extend([present] * min(passed - 1, STEPS))
                row.peak = present


class _Observed:
    """
    A histogram.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """
        Count one.
        """
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def shown(self) -> Histogram:
        """
        As it is now.
        """
        return {"bounds": [*self._bounds], "counts": [*self._counts], "sum": self._sum}


class _Recent:
    """
    Texts that were seen, the latest last, and of all others none.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def saw(self, text: str, now: float, more: int) -> None:
        """
        It was there.

        :param more: how often, beside what has been counted.
        """
        # Who ends when it has been forgotten meanwhile was there once all the same.
        count, _ = self._seen.pop(text, (1 - more, now))
        self._seen[text] = count + more, now
        if len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]

    def shown(self, present: Counter[str], now: float) -> list[Seen]:
        """
        All of them, the latest first.

        :param present: how many connections are open with each, so that it is seen now.
        """
        seen: list[Seen] = []
        for text, (count, last) in self._seen.items():
            seen.append({"text": text, "count": count, "last": now if text in present else last})
        for text in present.keys() - self._seen.keys():
            seen.append({"text": text, "count": present[text], "last": now})
        return latest(seen)


@dataclass(slots=True)
class _Counts:
    """
    What is counted of one draft.

    :ivar total: the traffic of connections that are over.
    :ivar peaks: the history without the present interval, whose is ``peak``.
    """

    open: set[Record] = field(default_factory=set)
    opened: int = 0
    left: int = 0
    total: Traffic = field(default_factory=Traffic)
    lastSeen: float | None = None
    durations: _Observed = field(default_factory=lambda: _Observed(DURATIONS))
    queueHighs: _Observed = field(default_factory=lambda: _Observed(QUEUES))
    closes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[int, str]] = field(default_factory=Counter)
    agents: _Recent = field(default_factory=_Recent)
    origins: _Recent = field(default_factory=_Recent)
    peaks: deque[int] = field(default_factory=lambda: deque([0] * (STEPS - 1), STEPS - 1))
    peak: int = 0

    def saw(self, record: Record, now: float, more: int) -> None:
        """
        A connection was open.
        """
        self.lastSeen = now
        if record.draft != HTTP:
            self.agents.saw(record.agent or "", now, more)
            self.origins.saw(record.origin or "", now, more)

    def shown(self, now: float) -> Row:
        """
        With what is open.
        """
        asked = [record for record in self.open if record.draft != HTTP]
        total = Traffic()
        _add(total, self.total)
        for record in self.open:
            _add(total, record.traffic)
        return {
            "open": len(self.open),
            "opened": self.opened,
            "left": self.left,
            "messagesIn": total.messagesIn,
            "bytesIn": total.bytesIn,
            "messagesOut": total.messagesOut,
            "bytesOut": total.bytesOut,
            "dropped": total.dropped,
            "queueHigh": total.queueHigh,
            "lastSeen": now if self.open else self.lastSeen,
            "durations": self.durations.shown(),
            "queueHighs": self.queueHighs.shown(),
            "closes": {code: self.closes[code] for code in sorted(self.closes)},
            "refusals": [
                {"status": status, "reason": reason, "count": count}
                for (status, reason), count in self.refusals.most_common()
            ],
            "agents": self.agents.shown(Counter(each.agent or "" for each in asked), now),
            "origins": self.origins.shown(Counter(each.origin or "" for each in asked), now),
        }


def _add(total: Traffic, more: Traffic) -> None:
    total.messagesIn += more.messagesIn
    total.bytesIn += more.bytesIn
    total.messagesOut += more.messagesOut
    total.bytesOut += more.bytesOut
    total.dropped += more.dropped
    total.queueHigh = max(total.queueHigh, more.queueHigh)


def _code(code: int) -> str:
    """
    One of few names for a close code: a client may send any.
    """
    if code in _CODES:
        return str(code)
    return f"{code // 1000}xxx" if code in _OWN_CODES else "other"
