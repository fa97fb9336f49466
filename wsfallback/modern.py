"""
`ModernServerProtocol`: hybi-07 to RFC 6455, by Autobahn's engine.

Bounds, deadlines and closing are ours, so that they are the same as on the other drafts.
"""

import re
from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.drafts import rfc6455
from wsfallback.engine import Silent, engineRequest, offeredProtocols
from wsfallback.errors import HandshakeError, NotOpen
from wsfallback.forwarding import Forwarding, checked
from wsfallback.handshake import Acceptance, connectionRequest, denial
from wsfallback.inflate import Inflater
from wsfallback.interfaces import IMessageChannel, IMessageHandler
from wsfallback.leaving import leave
from wsfallback.policy import FRAGMENT_OVERHEAD, FREE_FRAGMENTS
from wsfallback.utf8 import clipped, unfinished

_TEXT, _BINARY, _CONTINUATION, _CONTROL = 1, 2, 0, 8
_MAX_CONTROL = 125
#: What Autobahn calls on an extension that inflates.
_INFLATING = ("start_decompress_message", "decompress_message_data", "end_decompress_message")
_COMPRESSED = 4  # RSV1 among the three RSV bits, as Autobahn counts them


@implementer(IHalfCloseableProtocol, IMessageHandler, IMessageChannel)
class ModernServerProtocol(Forwarding, WebSocketServerProtocol):  # type: ignore[misc]
    """
    The server's end of one connection with a client of hybi-07 or later.
    """

    log = Silent()
    websocket_extensions_in_use: list[Any] = []  # noqa: RUF012  # Autobahn sets it when it opens

    _pinged = False

    # Opening.

    def opened(self, rest: bytes) -> None:
        """
        Begin: the transport is ours, and the request has been read.

        :param rest: what came behind its head.
        """
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
        for extension in self.websocket_extensions_in_use:
            inflater = Inflater(
                extension.client_max_window_bits,
                not extension.client_no_context_takeover,
                self._room,
            )
            for name in _INFLATING:
                setattr(extension, name, getattr(inflater, name))
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
        self._abandon()
        self._failed(f"refused with {error.status}: {error}")
        self.transport.write(error.answer())
        self.dropConnection(abort=False)

    def onOpen(self) -> None:
        """
        The deadline of the handshake is over, keepalive begins.
        """
        self._deadline.set(self._limits.pingInterval, self._silent)
        super().onOpen()

    # Receiving.

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the client's.
        """
        if self.state == self.STATE_CONNECTING:
            self._hold(data)
            return
        # Autobahn would go on to collect what comes after the end.
        if self.state == self.STATE_CLOSED:
            return
        if self.state == self.STATE_OPEN:
            if self._pinged:
                self._pinged = False
                self._deadline.set(self._limits.pingInterval, self._silent)
            else:
                self._deadline.restart()
        super().dataReceived(data)

    def onFrameBegin(self) -> None:
        """
        Drop a client whose control frame is too long: Autobahn has failed it with 1002 by now,
        and would collect the payload all the same.
        """
        super().onFrameBegin()
        if self.current_frame.opcode >= _CONTROL and self.current_frame.length > _MAX_CONTROL:
            self.dropConnection()

    def onFrameData(self, payload: bytes) -> bool | None:
        """
        Drop a client whose frame doesn't inflate, or has no end when it does: Autobahn has failed
        it by now, and would read nothing behind that frame, its close neither.
        """
        going = super().onFrameData(payload)
        if going is False:
            self.dropConnection()
        return going

    def onMessageBegin(self, isBinary: bool) -> None:
        """
        Count anew.
        """
        super().onMessageBegin(isBinary)
        self._messageSize = self._fragments = 0
        self._isDeflated = self.current_frame.rsv == _COMPRESSED
        self._unfinished = b""

    def onMessageFrameBegin(self, length: int) -> None:
        """
        Check a frame before its payload is taken.
        """
        if self._limits.frames:
            # Nothing is assembled, so the bounds of a message hold for each frame.
            self._messageSize = self._fragments = 0
        self._frameSize = 0
        self._fragments += 1
        # What a deflated frame holds is known when it is inflated.
        self._checkSizes(0 if self._isDeflated else length)
        super().onMessageFrameBegin(length)

    def onMessageFrameData(self, payload: bytes) -> None:
        """
        Count what a frame really has.
        """
        self._frameSize += len(payload)
        self._messageSize += len(payload)
        super().onMessageFrameData(payload)

    def _checkSizes(self, coming: int) -> None:
        if coming > self._room() and not self.failedByMe:
            self._fail(1009, self._tooLong())

    def _room(self) -> int:
        """
        How many bytes may still come in the present frame.
        """
        return min(self._frameRoom(), self._messageRoom())

    def _tooLong(self) -> str:
        if self._frameRoom() < self._messageRoom():
            return f"a frame is longer than {self._limits.maxFrame} bytes"
        return f"a message is longer than {self._limits.maxMessage} bytes"

    def _frameRoom(self) -> int:
        return self._limits.maxFrame - self._frameSize

    def _messageRoom(self) -> int:
        overhead = FRAGMENT_OVERHEAD * max(0, self._fragments - FREE_FRAGMENTS)
        return self._limits.maxMessage - self._messageSize - overhead

    def onMessageFrame(self, payload: Any) -> None:
        """
        A whole frame.

        :param payload: its pieces.
        """
        if not self._limits.frames:
            super().onMessageFrame(payload)
            return
        data, isFinal = self._unfinished + b"".join(payload), self.current_frame.fin
        self._unfinished = b""
        if not self.message_is_binary:
            cut = len(data) - unfinished(data)
            data, self._unfinished = data[:cut], data[cut:]
        # A text that ends within a character is Autobahn's to refuse, right after this.
        if not (isFinal and self._unfinished):
            self.onFrame(data, self.message_is_binary, isFinal)

    def onMessageEnd(self) -> None:
        """
        The last frame of a message.
        """
        if not self._limits.frames:
            super().onMessageEnd()

    # Sending.

    def sendMessage(  # type: ignore[override]  # the channel's signature: Autobahn's has three more
        self, payload: bytes, isBinary: bool = False
    ) -> None:
        """
        Send a message.

        By hand on top of Autobahn's frames: its own holds outgoing messages to the bound of
        incoming ones, and ends a message of whole fragments with an empty one.
        """
        if self.state != self.STATE_OPEN:
            raise NotOpen("the connection is not open")
        checked(payload, isBinary)
        rsv = 0
        for extension in self.websocket_extensions_in_use:
            extension.start_compress_message()
            payload = extension.compress_message_data(payload) + extension.end_compress_message()
            rsv = _COMPRESSED
        size = self._limits.fragment or len(payload) or 1
        opcode = _BINARY if isBinary else _TEXT
        for start in range(0, len(payload) or 1, size):
            end = start + size
            self.sendFrame(
                opcode=opcode, payload=payload[start:end], fin=end >= len(payload), rsv=rsv
            )
            opcode, rsv = _CONTINUATION, 0

    # Closing.

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """
        Send our half of the close, and wait for the client's on our own clock.
        """
        if self.failedByMe and self.trouble is None:
            if code == 1009:
                # Found while inflating; Autobahn names its own bound, which is off.
                reasonUtf8 = self._tooLong().encode()
            self._failed(f"{code}: {(reasonUtf8 or b'').decode()}")
        wasOpen = self.state == self.STATE_OPEN
        super().sendCloseFrame(code, reasonUtf8, isReply)
        if wasOpen:
            self._deaf = True
            self._deadline.set(self._limits.closeTimeout, self.onCloseHandshakeTimeout)

    def onCloseHandshakeTimeout(self) -> None:
        """
        The client's half didn't come.
        """
        self._failed("the client didn't answer the close")
        self.dropConnection(abort=False)

    def dropConnection(self, abort: bool = False) -> None:
        """
        End TCP.

        In place of Autobahn's, which ends a finished closing handshake with a RST, and waits
        without end for a client that takes no more bytes.
        """
        if self.state == self.STATE_CLOSED:
            return
        if self.failedByMe:
            self._failed("the client broke the framing while it should close")
        self.state = self.STATE_CLOSED
        self.droppedByMe = True
        self._dropProducer()
        if abort and not self.wasClean:
            self._deadline.cancel()
            self.transport.abortConnection()
        else:
            leave(self.transport, self._deadline, self._limits.closeTimeout)
        self.is_closed.callback(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is over, and the handler hears how.
        """
        self._gone(reason)
        super().connectionLost(reason)
        # It was fired with the protocol: a cycle, which would keep what is not sent yet until
        # Python's collector runs.
        self.is_closed.addCallback(lambda _: None)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """
        Tell the handler; of a loss in the same words as on the other drafts.
        """
        super().onClose(wasClean, code, reason if wasClean else self._loss)

    def _leave(self) -> None:
        self.dropConnection()

    def _close(self, code: int | None, reason: str | None) -> None:
        if self.state == self.STATE_OPEN:
            reasonUtf8 = None if reason is None else clipped(reason, 123)
            self.sendCloseFrame(code, reasonUtf8)

    def _fail(self, code: int, trouble: str) -> None:
        """
        Fail the connection as Autobahn does, RFC 6455 §7.1.7.
        """
        self._failed(f"{code}: {trouble}")
        self.failedByMe = True
        self.sendCloseFrame(code, trouble.encode())

    # Keepalive.

    def _silent(self) -> None:
        if self._pinged:
            self._failed("the client didn't answer a ping")
            self.dropConnection(abort=True)
            return
        self._pinged = True
        self.sendPing()
        self._deadline.set(self._limits.pingTimeout, self._silent)
