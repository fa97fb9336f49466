"""
`Journal`: the log of a server's connections, a line for each stage and no flood of them.
"""

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.errors import HandshakeError, printable
from wsfallback.quota import Quota
from wsfallback.record import HTTP, IObserver, Record

# At module level, as in `wsfallback.forwarding`.
_log = Logger()


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
        :param maxLines: as of `wsfallback.quota.Quota`.
        """
        self._quota = Quota(clock, maxLines)

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

    def sumUp(self) -> None:
        """
        Log what was left out, and count anew.
        """
        self._quota.sumUp()

    def _hasRoom(self, record: Record, what: str) -> bool:
        return self._quota.hasRoom(record.peer, what)


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
