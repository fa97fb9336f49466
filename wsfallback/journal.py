"""
`Journal`: the log of a server's connections, a line for each stage and no flood of them.
"""

from collections import Counter

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
        # Lines of each address in this window, and what of them was left out.
        self._lines: dict[str, int] = {}
        self._left: dict[str, Counter[str]] = {}
        self._began = -WINDOW
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
        seconds, traffic = max(0.0, record.ended - record.opened), record.traffic
        if record.wasClean is None:
            # Somebody else's protocol had it, and tells nothing.
            _log.info(
                "#{connection} {peer} {draft} {path}: ended after {seconds:.1f} s",
                seconds=seconds,
                **_asked(record),
            )
            return
        _log.info(
            f"{_who(record)}: ended after {{seconds:.1f}} s"
            f"{', {code}' if record.code is not None else ''}"
            f"{' {reason}' if record.reason else ''};"
            " in {messagesIn} ({bytesIn} bytes), out {messagesOut} ({bytesOut} bytes)",
            seconds=seconds,
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
        # The wall clock may have been set back: by hours, in which nobody would have a line.
        if not 0 <= now - self._began < WINDOW:
            self.sumUp()
            self._began = now
        address = source(record.peer)
        if address not in self._lines and len(self._lines) >= MAX_ADDRESSES:
            address = _OTHERS
        lines = self._lines[address] = self._lines.get(address, 0) + 1
        if lines <= self._maxLines:
            return True
        self._left.setdefault(address, Counter())[what] += 1
        if self._call is None:
            # And not before: with nothing to say there is nothing to wait for.
            self._call = self._clock.callLater(self._began + WINDOW - now, self.sumUp)
        return False

    def sumUp(self) -> None:
        """
        Log what was left out, and count anew.
        """
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        self._lines.clear()
        left, self._left = self._left, {}
        for address, kinds in left.items():
            _log.info(
                "{address}: {count} more in {seconds:.0f} s: {what}",
                address=address,
                count=kinds.total(),
                seconds=WINDOW,
                what=", ".join(f"{count} {what}" for what, count in kinds.items()),
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
