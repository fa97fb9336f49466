"""
`Record`: what is known of one connection to the server; `IObserver`: who wants to know it.

A record tells its observer of the connection's stages, and carries only text that fits into a
line: whatever a client sent has been clipped, and is without control characters.
"""

from collections.abc import Callable
from dataclasses import dataclass

from zope.interface import Interface

from wsfallback.errors import HandshakeError, printable
from wsfallback.request import Request

#: What `Record.draft` has for a request of plain HTTP; before there is one it is empty.
HTTP = "http"
#: How many characters are kept of what a client says of itself.
MAX_TEXT = 200


@dataclass(slots=True)
class Traffic:
    """
    What came and went on one connection: messages, or frames where these are handed over.

    :ivar bytesIn: of their payloads.
    :ivar dropped: messages that had no room in the send queue, where ``fullQueue`` is ``drop``.
    :ivar queueHigh: the most bytes that waited to be sent.
    """

    messagesIn: int = 0
    bytesIn: int = 0
    messagesOut: int = 0
    bytesOut: int = 0
    dropped: int = 0
    queueHigh: int = 0


class IObserver(Interface):
    """
    Hears of every connection to a server. What it fails with is logged, and nothing else.
    """

    def opened(record: "Record") -> None:
        """
        A handshake has succeeded, or a request of plain HTTP has been passed on.
        """

    def refused(record: "Record", error: HandshakeError) -> None:
        """
        A handshake, or a request, was refused.
        """

    def ended(record: "Record") -> None:
        """
        The connection is over; `Record.opened` tells whether it ever was open.
        """


class Record:
    """
    One connection to the server.

    :ivar number: counts the connections of this factory, from 1.
    :ivar began: when TCP's connection was made, on the reactor's clock.
    :ivar peer: as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
    :ivar draft: the name of the row of the table, also of one that is not served; `HTTP`; or empty
        before that is known.
    :ivar path: of the request, without its query.
    :ivar origin: by the field that the draft has for it, or by any while the draft is not known.
    :ivar opened: when the handshake had succeeded; `None` before.
    :ivar status: that refused it; `None` if none did.
    :ivar ended: when the connection was over; `None` before.
    :ivar wasClean: how a WebSocket ended, as the handler's ``onClose`` has it, with `code` and
        `reason`; `None` where somebody else's protocol had the connection.
    """

    __slots__ = (
        "_clock",
        "_observer",
        "agent",
        "began",
        "code",
        "draft",
        "ended",
        "number",
        "opened",
        "origin",
        "path",
        "peer",
        "reason",
        "status",
        "traffic",
        "wasClean",
    )

    def __init__(self, number: int, clock: Callable[[], float], observer: IObserver) -> None:
        """
        :param clock: `IReactorTime.seconds`.
        """
        self._clock, self._observer = clock, observer
        self.number = number
        self.began = clock()
        self.peer = "unknown"
        self.draft = self.path = ""
        self.origin: str | None = None
        self.agent: str | None = None
        self.opened: float | None = None
        self.ended: float | None = None
        self.status: int | None = None
        self.wasClean: bool | None = None
        self.code: int | None = None
        self.reason: str | None = None
        self.traffic = Traffic()

    def asks(self, request: Request, peer: str) -> None:
        """
        The client has asked for something.
        """
        self.peer = peer
        self.path = _line(request.path)
        self.agent = _text(request.get(b"user-agent"))
        self.origin = _text(request.get(b"origin") or request.get(b"sec-websocket-origin"))

    def speaks(self, draft: str, origin: bytes | None) -> None:
        """
        It is known in what way.
        """
        self.draft = draft
        self.origin = _text(origin)

    def opens(self) -> None:
        """
        It gets it.
        """
        self.opened = self._clock()
        self._observer.opened(self)

    def refuses(self, error: HandshakeError) -> None:
        """
        It doesn't get it.
        """
        self.status = error.status
        # Of a draft that is switched off one wants to know who would still speak it.
        self.draft = self.draft or error.draft
        self._observer.refused(self, error)

    def closes(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """
        Note how a WebSocket ended.
        """
        self.wasClean, self.code = wasClean, code
        self.reason = None if reason is None else printable(reason)

    def ends(self) -> None:
        """
        The connection is over.
        """
        self.ended = self._clock()
        self._observer.ended(self)


def _text(value: bytes | None) -> str | None:
    return None if value is None else _line(value)


def _line(value: bytes) -> str:
    return printable(value.decode("latin-1"))[:MAX_TEXT]
