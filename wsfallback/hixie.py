"""
`HixieServerProtocol`: any row of the table that has an opening and a framing, over a transport.
"""

from enum import Enum

from autobahn.twisted.util import peer2str
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.drafts.hixie75 import Framing, Opening
from wsfallback.errors import FrameError, HandshakeError, NotOpen, UnsupportedByDraft
from wsfallback.events import Closing, Event, Text
from wsfallback.forwarding import Forwarding, checked
from wsfallback.handshake import Acceptance, connectionRequest, denial
from wsfallback.interfaces import IMessageChannel, IMessageHandler
from wsfallback.leaving import leave


class _Stage(Enum):
    DECIDING = "the handler has not decided yet"
    ANSWERING = "the client's part of the challenge is awaited"
    OPEN = "open"
    CLOSING = "our half of the close is sent, the client's awaited"
    LEAVING = "nothing is sent or read any more; TCP ends"


@implementer(IHalfCloseableProtocol, IMessageHandler, IMessageChannel)
class HixieServerProtocol(Forwarding, Protocol):
    """
    The server's end of one connection with a hixie client.
    """

    _stage = _Stage.DECIDING
    _headSent = False
    _clientClosed = _weClosed = False
    _opening: Opening
    _framing: Framing

    def opened(self, rest: bytes) -> None:
        """
        Begin: the transport is ours, and the request has been read.

        :param rest: what came behind its head.
        """
        self.peer = peer2str(self.transport)
        limits, admission = self._limits, self._admission
        opening, framing = self.draft.opening, self.draft.framing
        assert opening is not None, "the row is Autobahn's"
        assert framing is not None, "the row is Autobahn's"
        self._framing = framing(
            min(limits.maxMessage, limits.maxFrame),
            limits.maxSkipped,
            limits.invalidText == "replace",
        )
        try:
            isSecure = ISSLTransport.providedBy(self.transport)
            self._opening = opening(admission.request, isSecure)
        except HandshakeError as error:
            self._refuse(error)
            return
        if not self._hold(rest):
            return
        self._deadline.late = self._lateClient
        protocols = self._opening.protocols
        request = connectionRequest(admission.request, self.draft, self.peer, protocols)
        decision = self.onConnect(request)
        decision.addCallbacks(self._accepted, self._refused)
        if self._stage is _Stage.DECIDING:
            self._decisionPending()

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the client's.
        """
        if self._stage in (_Stage.OPEN, _Stage.CLOSING):
            self._read(data)
        elif self._stage is not _Stage.LEAVING and self._hold(data):
            self._answer()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is over, and the handler hears how.

        To end TCP is the only close that hixie-75 has, and all that WebKits before 2011 do on
        hixie-76: between two frames, or after our close, that is a clean one.
        """
        clean = self._clientClosed or (
            self._wasOpened
            and reason.check(ConnectionDone) is not None
            and (self._weClosed or self._framing.atBoundary)
        )
        self._stage = _Stage.LEAVING
        self._gone(reason)
        if clean:
            self.onClose(True, None, None)
        else:
            self.onClose(False, 1006, self._loss)

    def sendMessage(self, payload: bytes, isBinary: bool = False) -> None:
        """
        Send a text message as one frame, in one write.
        """
        if self._stage is not _Stage.OPEN:
            raise NotOpen("the connection is not open")
        if isBinary:
            raise UnsupportedByDraft(f"{self.draft.name} has no binary messages")
        self.transport.write(self._framing.text(checked(payload, False)))

    # Opening.

    def _accepted(self, acceptance: Acceptance) -> None:
        self._head = self._opening.head(*acceptance)
        self._stage = _Stage.ANSWERING
        self._deadline.late = self._lateClient
        self._decided()
        self._answer()

    def _answer(self) -> None:
        """
        Answer as far as can be.

        draft-hixie-76 has the server read key3 first. Proxies hold those bytes back until they
        have seen the head of the answer, so it goes ahead without them; where they are there, it
        is one write, for clients that read once.
        """
        if self._stage is not _Stage.ANSWERING:
            return
        head, self._head = self._head, b""
        self._headSent = True
        size = self._opening.bodySize
        if len(self._held) < size:
            if head:
                self.transport.write(head)
            return
        held = self._release()
        self.transport.write(head + self._opening.answer(held[:size]))
        self._stage = _Stage.OPEN
        self._deadline.set(self._limits.idleTimeout, self._silent)
        self.onOpen()
        self._read(held[size:])

    def _refused(self, failure: Failure) -> None:
        self._decided()
        deny = failure.value
        if isinstance(deny, ConnectionDeny) and not self._abandoned:
            self._refuse(denial(deny.code, deny.reason))

    def _refuse(self, error: HandshakeError) -> None:
        """
        Answer with a status, or after the head of the answer with the end of the connection.
        """
        self._abandon()
        self._failed(f"refused with {error.status}: {error}")
        if not self._headSent:
            self.transport.write(error.answer())
        self._leave()

    def _lateClient(self) -> None:
        self._refuse(HandshakeError(408, "The opening handshake took too long"))

    # Open.

    def _read(self, data: bytes) -> None:
        if self._hasLeft():
            return
        if self._stage is _Stage.OPEN:
            self._deadline.restart()
        try:
            for event in self._framing.feed(data):
                self._take(event)
                # What is behind an end of ours is not read, be it in the same segment.
                if self._hasLeft():
                    return
        except FrameError as error:
            self._failed(str(error))
            self._bye()
            self._leave()

    def _take(self, event: Event) -> None:
        if isinstance(event, Text):
            # A message is one frame in these drafts.
            if self._limits.frames:
                self.onFrame(event.payload, False, True)
            else:
                self.onMessage(event.payload, False)
        elif isinstance(event, Closing):
            self._clientClosed = True
            self._deaf = True
            self._bye()
            self._leave()

    # Closing.

    def _close(self, code: int | None, reason: str | None) -> None:
        if self._stage is not _Stage.OPEN:
            return
        self._weClosed = True
        self._bye()
        if self._framing.close():
            self._deadline.set(self._limits.closeTimeout, self._unanswered)
        else:
            self._leave()

    def _bye(self) -> None:
        """
        Our half of the close, once.
        """
        if self._stage is _Stage.OPEN:
            self._stage = _Stage.CLOSING
            self.transport.write(self._framing.close())

    def _silent(self) -> None:
        self._failed(f"nothing was heard for {self._limits.idleTimeout:g} s")
        self._close(None, None)

    def _unanswered(self) -> None:
        self._failed("the client didn't answer the close")
        self._leave()

    def _hasLeft(self) -> bool:
        return self._stage is _Stage.LEAVING

    def _leave(self) -> None:
        if not self._hasLeft():
            self._stage = _Stage.LEAVING
            self._dropProducer()
            leave(self.transport, self._deadline, self._limits.closeTimeout, self._abort)

    def _abort(self) -> None:
        if not self._clientClosed:
            self._failed("the client didn't let the connection end")
        self.transport.abortConnection()
