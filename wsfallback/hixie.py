"""
`HixieServerProtocol`: any row of the table that has an opening and a framing, over a transport.
"""

from dataclasses import replace

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.admission import ServerForwarding
from wsfallback.drafts.hixie75 import Opening
from wsfallback.errors import HandshakeError
from wsfallback.handshake import Acceptance, connectionRequest, denial
from wsfallback.hixie_connection import HixieConnection, Stage
from wsfallback.interfaces import IMessageChannel, IMessageHandler


@implementer(IHalfCloseableProtocol, IMessageHandler, IMessageChannel)
class HixieServerProtocol(ServerForwarding, HixieConnection):
    """
    The server's end of one connection with a hixie client.
    """

    _headSent = False
    _opening: Opening

    def opened(self, rest: bytes) -> None:
        """
        Begin: the transport is ours, and the request has been read.

        :param rest: what came behind its head.
        """
        admission, opening = self._admission, self.draft.opening
        self.peer = admission.peer
        assert opening is not None, "the row is Autobahn's"
        self._framing = self._makeFraming()
        try:
            # The path that its client knows; the handler has ours.
            target = admission.prefix + admission.request.target
            outside = replace(admission.request, target=target)
            self._opening = opening(outside, admission.isSecure)
        except HandshakeError as error:
            self._refuse(error)
            return
        if not self._hold(rest):
            return
        self._deadline.late = self._lateClient
        protocols = self._opening.protocols
        request = connectionRequest(admission.request, self.draft, self.peer, protocols)
        decision = self.onConnect(request)
        decision.addCallbacks(self._accepted, self._denies)
        if self._stage is Stage.DECIDING:
            self._decisionPending()

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the client's.
        """
        if self._stage in (Stage.OPEN, Stage.CLOSING):
            self._read(data)
        elif self._stage is not Stage.LEAVING and self._hold(data):
            self._answer()

    # Opening.

    def _accepted(self, acceptance: Acceptance) -> None:
        self._head = self._opening.head(*acceptance)
        self._stage = Stage.ANSWERING
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
        if self._stage is not Stage.ANSWERING:
            return
        head, self._head = self._head, b""
        self._headSent = True
        size = self._opening.bodySize
        if len(self._held) < size:
            if head:
                self.transport.write(head)
            return
        try:
            # key3 may have taken its time.
            self._admission.place.checkRoom()
        except HandshakeError as error:
            self._refuse(error)
            return
        held = self._release()
        self.transport.write(head + self._opening.answer(held[:size]))
        self._opens(held[size:])

    def _denies(self, failure: Failure) -> None:
        self._decided()
        deny = failure.value
        if isinstance(deny, ConnectionDeny) and not self._abandoned:
            self._refuse(denial(deny.code, deny.reason))

    def _refuse(self, error: HandshakeError) -> None:
        """
        Answer with a status, or after the head of the answer with the end of the connection.
        """
        self._refused(error)
        if not self._headSent:
            self.transport.write(error.answer())
        self._leave()

    def _lateClient(self) -> None:
        self._refuse(HandshakeError(408, "The opening handshake took too long"))
