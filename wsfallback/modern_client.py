"""
`ModernClientProtocol`: the client's end of a connection of hybi-07 to RFC 6455.
"""

import os
import struct
from typing import Any

from autobahn.twisted.websocket import WebSocketClientProtocol
from autobahn.websocket.types import ConnectionResponse
from autobahn.websocket.xormasker import create_xor_masker  # type: ignore[attr-defined]
from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer

from wsfallback.commission import ClientForwarding
from wsfallback.drafts.asking import Answer
from wsfallback.engine import ENGINE_KEY, engineAnswer
from wsfallback.interfaces import IClientChannel, IMessageHandler
from wsfallback.modern_connection import ModernConnection

_MASKED = 0x80
_MAX_SHORT = 125


@implementer(IHalfCloseableProtocol, IMessageHandler, IClientChannel)
class ModernClientProtocol(  # type: ignore[misc]
    ClientForwarding, ModernConnection, WebSocketClientProtocol
):
    """
    The client's end of one connection with a server of hybi-07 or later.
    """

    _engineAnswer = b""
    _isTold = False

    def startHandshake(self) -> None:
        """
        Ask nothing: the server has been asked, and has answered. Autobahn's half is played to it.
        """
        self.websocket_key = ENGINE_KEY

    def opened(self, answer: Answer) -> None:
        """
        Begin: the transport is ours, and the server has accepted.

        :raises AnswerError: with an extension that wasn't offered.
        """
        self._engineAnswer = engineAnswer(answer, self._limits)
        super().opened(answer)

    def onConnect(  # type: ignore[override]  # Autobahn takes a Deferred, and doesn't say so
        self, response: ConnectionResponse
    ) -> Any:
        """
        Tell the handler; Autobahn asks again for what it has been played.
        """
        if not self._isTold:
            return super().onConnect(response)
        self._boundInflating("server")
        return None

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the server's.
        """
        if self.state == self.STATE_CONNECTING:
            self._hold(data)
        else:
            self._receive(data)

    def sendFrame(  # type: ignore[override]  # Autobahn's has more, for those who test servers
        self, opcode: int, payload: bytes = b"", fin: bool = True, rsv: int = 0
    ) -> None:
        """
        Send a frame, RFC 6455 §5.2-5.3.

        By hand: §10.3 wants masks that can't be guessed, and Autobahn draws its own from a
        generator whose next ones can be told from those before.
        """
        size = len(payload)
        if size <= _MAX_SHORT:
            length = struct.pack("!B", _MASKED | size)
        elif size <= 0xFFFF:
            length = struct.pack("!BH", _MASKED | 126, size)
        else:
            length = struct.pack("!BQ", _MASKED | 127, size)
        key = os.urandom(4)
        masked = create_xor_masker(key, size).process(payload) if size else b""
        self.sendData(bytes([fin << 7 | rsv << 4 | opcode]) + length + key + masked)

    def onCloseHandshakeTimeout(self) -> None:
        """
        The server's half didn't come; or it did, and the server doesn't end TCP: RFC 6455 §7.1.1
        has the client wait for that, and for a while only.
        """
        if self.wasClean:
            self.dropConnection(abort=False)
        else:
            super().onCloseHandshakeTimeout()

    def _begin(self) -> None:
        self._isTold = True
        # Past our own dataReceived, which would hold it.
        WebSocketClientProtocol.dataReceived(self, self._engineAnswer)
        held = self._release()
        if held:
            self._receive(held)
