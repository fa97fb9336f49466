"""
`Journal`: the log of a server's connections, a line for each stage and no flood of them.
"""

from collections import Counter
from dataclasses import dataclass, field

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.addresses import source
from wsfallback.errors import HandshakeError, printable
from wsfallback.record import HTTP, IObserver, Record

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: Seconds for which the lines of one address are counted together.
WINDOW = 60.0
#: How many addresses are told apart in that time; the lines of all others are counted as one's.
MAX_ADDRESSES = 10000
_OTHERS = "others"


@dataclass(slots=True)
class _Lines:
    """
    What one address has caused since its window began.
    """

    count: int = 0
    left: Counter[str] = field(default_factory=Counter)


@implementer(IObserver)
class Journal:
    """
    Logs who comes, how long it stays, and who is refused.

    The events have fields beside their text: ``connection``, ``draft``, ``peer``, ``path``,
    ``origin``, ``agent``, ``status``, ``code``, ``reason``, ``seconds``, and those of
    `wsfallback.record.Traffic`. Plain HTTP that is served is the site's to log.
    """

    def __init__(self, clock: IReactorTime, maxLines: int) -> None:
        """
        :param maxLines: in a window of 60 s; what one address, or an IPv6 /64, causes beyond is
            summed up in one line when that is over.
        """
        self._clock = clock
        self._maxLines = maxLines
        self._lines: dict[str, _Lines] = {}
        self._ends = 0.0
        self._call: IDelayedCall | None = None

    def opened(self, record: Record) -> None:
        """
        `IObserver.opened`.
        """
        if record.draft != HTTP and self._hasRoom(record, "opened"):
            _log.info(
                f"{_who(record)}: opened"
                f"{', origin {origin}' if record.origin else ''}"
                f"{', agent {agent}' if record.agent else ''}",
                **_asked(record),
            )

    def refused(self, record: Record, error: HandshakeError) -> None:
        """
        `IObserver.refused`.
        """
        if self._hasRoom(record, f"refused with {error.status}"):
            _log.info(
                f"{_who(record)}: refused with {{status}}: {{error}}",
                status=error.status,
                error=printable(str(error)),
                **_asked(record),
            )

    def ended(self, record: Record) -> None:
        """
        `IObserver.ended`.
        """
        if record.draft == HTTP or record.opened is None or record.ended is None:
            return
        if not self._hasRoom(record, "ended"):
            return
        traffic = record.traffic
        _log.info(
            f"{_who(record)}: ended after {{seconds:.1f}} s"
            f"{', {code}' if record.code is not None else ''}"
            f"{' {reason}' if record.reason else ''};"
            " in {messagesIn} ({bytesIn} bytes), out {messagesOut} ({bytesOut} bytes)",
            seconds=record.ended - record.opened,
            wasClean=record.wasClean,
            code=record.code,
            reason=record.reason or "",
            messagesIn=traffic.messagesIn,
            bytesIn=traffic.bytesIn,
            messagesOut=traffic.messagesOut,
            bytesOut=traffic.bytesOut,
            dropped=traffic.dropped,
            queueHigh=traffic.queueHigh,
            **_asked(record),
        )

    def _hasRoom(self, record: Record, what: str) -> bool:
        """
        Whether there may be one more line of this peer's; if not, count it.
        """
        now = self._clock.seconds()
        if now >= self._ends:
            self.sumUp()
            self._ends = now + WINDOW
        address = source(record.peer)
        lines = self._lines.get(address)
        if lines is None and len(self._lines) >= MAX_ADDRESSES:
            address = _OTHERS
            lines = self._lines.get(address)
        if lines is None:
            lines = self._lines[address] = _Lines()
        lines.count += 1
        if lines.count <= self._maxLines:
            return True
        lines.left[what] += 1
        if self._call is None:
            # And not before: with nothing to say there is nothing to wait for.
            self._call = self._clock.callLater(self._ends - now, self.sumUp)
        return False

    def sumUp(self) -> None:
        """
        Log what was left out, and count anew.
        """
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        all_, self._lines = self._lines, {}
        for address, lines in all_.items():
            if lines.left:
                _log.info(
                    "{address}: {count} more in {seconds:.0f} s: {what}",
                    address=address,
                    count=lines.left.total(),
                    seconds=WINDOW,
                    what=", ".join(f"{count} {what}" for what, count in lines.left.items()),
                )


def _who(record: Record) -> str:
    """
    How a line begins: with all that is known by then.
    """
    draft = " {draft}" if record.draft else ""
    path = " {path}" if record.path else ""
    return f"#{{connection}} {{peer}}{draft}{path}"


def _asked(record: Record) -> dict[str, object]:
    return {
        "connection": record.number,
        "draft": record.draft,
        "peer": record.peer,
        "path": record.path,
        "origin": record.origin,
        "agent": record.agent,
    }
