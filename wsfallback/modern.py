"""
`ModernServerProtocol`: hybi-07 to RFC 6455, by Autobahn's engine.
"""

import re
from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer

from wsfallback.admission import ServerForwarding
from wsfallback.drafts import rfc6455
from wsfallback.engine import engineRequest, offeredProtocols
from wsfallback.errors import HandshakeError
from wsfallback.handshake import Acceptance, connectionRequest, denial
from wsfallback.interfaces import IMessageChannel, IMessageHandler
from wsfallback.modern_connection import ModernConnection


@implementer(IHalfCloseableProtocol, IMessageHandler, IMessageChannel)
class ModernServerProtocol(  # type: ignore[misc]
    ServerForwarding, ModernConnection, WebSocketServerProtocol
):
    """
    The server's end of one connection with a client of hybi-07 or later.
    """

    # Opening.

    def opened(self, rest: bytes) -> None:
        """
        Begin: the transport is ours, and the request has been read.

        :param rest: what came behind its head.
        """
        self.peer = self._admission.peer
        if not self._hold(rest):
            return
        super().dataReceived(engineRequest(self._admission.request, self._limits))
        if self.state == self.STATE_CONNECTING:
            self._decisionPending()

    def onConnect(  # type: ignore[override]  # Autobahn takes a Deferred, and doesn't say so
        self, request: ConnectionRequest
    ) -> Deferred[Any]:
        """
        Ask the handler, with the client's own request instead of ours.
        """
        asked = self._admission.request
        decision = super().onConnect(
            connectionRequest(asked, self.draft, self.peer or "", offeredProtocols(asked))
        )
        return decision.addCallback(self._accepted)

    def _accepted(self, acceptance: Acceptance) -> str | None:
        self._acceptance = acceptance
        return acceptance[0]

    def succeedHandshake(self, res: Any) -> None:
        """
        Open, and then read what has come meanwhile: after the handshake, as bytes of frames.
        """
        super().succeedHandshake(res)
        self._boundInflating("client")
        self._decided()
        held = self._release()
        if held:
            self.dataReceived(held)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """
        Write, and in place of Autobahn's answer to the handshake ours.
        """
        if self.state == self.STATE_CONNECTING:
            data = self._answer(data)
        super().sendData(data, sync, chopsize)

    def _answer(self, engines: bytes) -> bytes:
        """
        Our answer to the handshake.

        :param engines: Autobahn's, for the extensions that it has agreed on.
        """
        key = self._admission.request.get(b"sec-websocket-key") or b""
        agreed = re.search(rb"\r\nSec-WebSocket-Extensions: ([^\r\n]+)", engines)
        protocol, fields = self._acceptance
        return rfc6455.head(key, protocol, agreed and agreed[1], fields)

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        """
        Refuse, as Autobahn or the handler wants it.
        """
        self._decided()
        if not self._abandoned:
            self._refuse(denial(code, reason))

    def _refuse(self, error: HandshakeError) -> None:
        """
        Answer with a status, whole.
        """
        self._refused(error)
        self.transport.write(error.answer())
        self.dropConnection(abort=False)

    # Receiving.

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the client's.
        """
        if self.state == self.STATE_CONNECTING:
            self._hold(data)
        else:
            self._receive(data)
