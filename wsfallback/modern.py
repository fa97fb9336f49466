"""
`ModernServerProtocol`: hybi-07 to RFC 6455, by Autobahn's engine.

Autobahn gets a request of ours with what it needs to know, never the client's bytes: its reader
is laxer than ours, and stricter where old clients need it not to be (version 7, keys of 15 bytes,
origins without a scheme). In the same way the answer is ours, with what Autobahn has agreed on.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha1
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.drafts.table import HYBI_10, RFC_6455
from wsfallback.errors import HandshakeError, NotOpen
from wsfallback.forwarding import (
    MAX_HELD,
    Acceptance,
    Forwarding,
    checked,
    connectionRequest,
    denial,
    extensions,
)
from wsfallback.interfaces import IMessageChannel, IMessageHandler
from wsfallback.leaving import leave
from wsfallback.policy import FRAGMENT_OVERHEAD, FREE_FRAGMENTS, Limits
from wsfallback.request import Request

#: RFC 6455 §1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_TEXT, _BINARY, _CONTINUATION, _CONTROL = 1, 2, 0, 8
_MAX_CONTROL = 125
_COMPRESSED = 4  # RSV1 among the three RSV bits, as Autobahn counts them
_NAME = "permessage-deflate"


class _Silent:
    """
    Takes the place of Autobahn's logger: a connection that fails has its one line from us.
    """

    def _nothing(self, *arguments: object, **fields: object) -> None:
        pass

    trace = debug = info = warn = error = failure = critical = _nothing


@implementer(IMessageHandler, IMessageChannel)
class ModernServerProtocol(Forwarding, WebSocketServerProtocol):  # type: ignore[misc]
    """
    The server's end of one connection with a client of hybi-07 or later.
    """

    log = _Silent()
    websocket_extensions_in_use: list[Any] = []  # noqa: RUF012  # Autobahn sets it when it opens

    _pinged = False

    # Opening.

    def opened(self, rest: bytes) -> None:
        """
        Begin: the transport is ours, and the request has been read.

        :param rest: what came behind its head.
        """
        self._deadline.late = self._lateDecision
        try:
            self._hold(rest)
        except HandshakeError as error:
            self._refuse(error)
            return
        super().dataReceived(_engineRequest(self._admission.request, self._limits))
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
            connectionRequest(asked, self.draft, self.peer or "", _protocols(asked))
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
        The answer to the handshake.

        RFC 6455 §4.2.2 step 5; ``Upgrade`` in lower case, since hybi-08 clients compare it.

        :param engines: Autobahn's, for the extensions that it has agreed on.
        """
        protocol, fields = self._acceptance
        key = self._admission.request.get(b"sec-websocket-key") or b""
        accept = b64encode(sha1(key + GUID, usedforsecurity=False).digest())
        agreed = re.search(rb"\r\nSec-WebSocket-Extensions: ([^\r\n]+)", engines)
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accept,
        ]
        if protocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + protocol.encode("latin-1"))
        if agreed is not None:
            lines.append(b"Sec-WebSocket-Extensions: " + agreed[1])
        lines.extend(f"{name}: {value}".encode("latin-1") for name, value in fields)
        return b"\r\n".join(lines) + b"\r\n\r\n"

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
            try:
                self._hold(data)
            except HandshakeError as error:
                self._refuse(error)
            return
        # Autobahn goes on to collect what comes after the end, and behind a frame that failed.
        if self.state == self.STATE_CLOSED:
            return
        if self.failedByMe and len(self.data) > MAX_HELD:
            self.dropConnection()
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
            self._messageSize = self._fragments = self.message_data_total_length = 0
        self._frameSize = 0
        self._fragments += 1
        # What a deflated frame holds is known when it is inflated; Autobahn bounds that.
        if not self._isDeflated:
            self._checkSizes(length)
        super().onMessageFrameBegin(length)

    def onMessageFrameData(self, payload: bytes) -> None:
        """
        Count what a frame really has.
        """
        self._frameSize += len(payload)
        self._messageSize += len(payload)
        if self._isDeflated:
            self._checkSizes(0)
        super().onMessageFrameData(payload)

    def _checkSizes(self, coming: int) -> None:
        if self.failedByMe:
            return
        limits = self._limits
        overhead = FRAGMENT_OVERHEAD * max(0, self._fragments - FREE_FRAGMENTS)
        if self._frameSize + coming > limits.maxFrame:
            self._fail(1009, f"a frame is longer than {limits.maxFrame} bytes")
        elif self._messageSize + coming + overhead > limits.maxMessage:
            self._fail(1009, f"a message is longer than {limits.maxMessage} bytes")

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
                # Autobahn names its own bound, which leaves room for inflating.
                reasonUtf8 = f"a message is longer than {self._limits.maxMessage} bytes".encode()
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
        self._gone()
        super().connectionLost(reason)
        self.data = b""
        self.message_data = self.frame_data = []

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


class ModernServerFactory(WebSocketServerFactory):
    """
    What Autobahn wants to be told, once for all connections.
    """

    protocol = ModernServerProtocol
    log = _Silent()

    def __init__(self, limits: Limits, clock: IReactorTime) -> None:
        super().__init__(server="", reactor=clock)  # type: ignore[no-untyped-call]
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            webStatus=False,
            # A bound for inflating. Ours is exact; this one leaves room for what a message
            # that does not deflate grows by.
            maxMessagePayloadSize=limits.maxMessage + limits.maxMessage // 1024 + 64,
            failByDrop=False,
            echoCloseCodeReason=True,  # RFC 6455 §5.5.1; browsers report the code that comes back
            tcpNoDelay=not limits.nagle,
            allowNullOrigin=True,
            perMessageCompressionAccept=_acceptDeflate,
            # Deadlines are ours, on the clock that we were given.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
        )


def _acceptDeflate(offers: list[Any]) -> Any:
    """
    Accept the first offer; none other than permessage-deflate is passed on to Autobahn.
    """
    return PerMessageDeflateOfferAccept(offers[0])


def _protocols(request: Request) -> list[str]:
    """
    The subprotocols that a client offers, in its order, each once.
    """
    members = request.members(b"sec-websocket-protocol")
    return list(dict.fromkeys(member.decode("ascii") for member in members))


def _engineRequest(request: Request, limits: Limits) -> bytes:
    """
    The opening handshake that Autobahn gets.
    """
    version = RFC_6455.version
    if request.get(b"sec-websocket-version") != b"%d" % version:
        version = HYBI_10.version  # hybi-07 has hybi-10's wire
    lines = [
        "GET / HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Version: {version}",
        f"Sec-WebSocket-Key: {'A' * 22}==",
    ]
    protocols = _protocols(request)
    if protocols:
        lines.append(f"Sec-WebSocket-Protocol: {', '.join(protocols)}")
    offers = list(_deflateOffers(request)) if limits.compress else []
    if offers:
        lines.append(f"Sec-WebSocket-Extensions: {', '.join(offers)}")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"


def _deflateOffers(request: Request) -> Iterator[str]:
    """
    The client's offers of permessage-deflate that can be accepted.

    RFC 7692 §7.1 has a server decline an offer that it doesn't understand; Autobahn refuses the
    whole handshake for it.
    """
    for name, parameters in extensions(request):
        if name == _NAME:
            try:
                offer = PerMessageDeflateOffer.parse(parameters)
                PerMessageDeflateOfferAccept(offer)
            except Exception:  # Autobahn's parser raises just that
                continue
            pairs = [
                key if value is True else f"{key}={value}" for key, (value,) in parameters.items()
            ]
            yield "; ".join([_NAME, *pairs])


def unfinished(data: bytes) -> int:
    """
    How many bytes at the end of a piece of UTF-8 begin a character that is not complete.

    RFC 3629 §3.
    """
    for back, byte in enumerate(reversed(data[-3:]), 1):
        if byte >= 0xC0:
            return back if back < (2 + (byte >= 0xE0) + (byte >= 0xF0)) else 0
        if byte < 0x80:
            return 0
    return 0


def clipped(text: str, size: int) -> bytes:
    """
    As much of a text, in UTF-8, as has room.
    """
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore").encode()
