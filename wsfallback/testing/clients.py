"""
Clients of every draft, written apart from the server so that neither repeats the other's mistakes.
"""

import struct
import zlib
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock

from wsfallback.testing.transport import MemoryTransport

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True, slots=True)
class Frame:
    """
    A frame of hybi-07 or later, as the server sent it.

    :ivar rsv: the three reserved bits; 4 says that the message is deflated.
    """

    opcode: int
    payload: bytes
    isFinal: bool = True
    rsv: int = 0


class Client:
    """
    A client, and what it got from the server.

    Its methods send at once and let the server act on it.

    :ivar transport: the server's end of the connection.
    :ivar status: the status that the server answered the handshake with, `None` before.
    :ivar fields: the fields of that answer, names in lower case, several of a name joined.
    :ivar body: what came behind an answer that is no 101.
    :ivar closing: code and reason of the server's close; `None` where it has none of them, or
        before there is one: see `serverClosed`.
    :ivar serverClosed: the server's half of the closing handshake came.
    :ivar answersClose: whether this client answers a close, and the end of TCP; WebKits of 2010
        don't answer the first.
    """

    def __init__(self, transport: MemoryTransport, clock: Clock, segment: int | None) -> None:
        self.transport = transport
        self.status: int | None = None
        self.fields: dict[str, str] = {}
        self.body = b""
        self._messages: list[str | bytes] = []
        self.closing: tuple[int, str] | None = None
        self.serverClosed = False
        self.answersClose = True
        self._clock = clock
        self._segment = segment
        self._taken = 0
        self._buffer = bytearray()

    # What it does.

    def deliver(self, data: bytes, segment: int | None = None) -> None:
        """
        Send bytes as they are.

        :param segment: cut them into pieces of this size; by default in one, or as `connect`
            was told.
        """
        size = segment or self._segment or len(data) or 1
        for start in range(0, len(data), size):
            self.transport.arrive(data[start : start + size])
            self.settle()

    def send(self, message: str | bytes) -> None:
        """
        Send a message: text if it is `str`, binary if `bytes`.

        :raises TypeError: a binary message on a draft that has none.
        """
        self.deliver(self.message(message))

    def close(self, code: int | None = None, reason: str = "") -> None:
        """
        Begin the closing handshake of the draft; on hixie-75 end TCP, which has no other.
        """
        self.deliver(self.closeFrame(code, reason))

    def finish(self) -> None:
        """
        End TCP in the orderly way: the server reads a FIN.
        """
        self._lose(ConnectionDone())

    def drop(self) -> None:
        """
        End TCP by a RST, as when the network or the client's process is gone.
        """
        self._lose(ConnectionLost())

    def advance(self, seconds: float) -> None:
        """
        Let time pass on the server's clock.
        """
        self._clock.advance(seconds)
        self.settle()

    # What it sees.

    @property
    def writes(self) -> list[bytes]:
        """
        Each of the server's writes.
        """
        return self.transport.writes

    @property
    def wire(self) -> bytes:
        """
        All that the server wrote.
        """
        return b"".join(self.transport.writes)

    @property
    def messages(self) -> list[str | bytes]:
        """
        Messages that were not yet fetched by `receive`: `str` text, `bytes` binary.
        """
        self.settle()
        return self._messages

    @property
    def isOpen(self) -> bool:
        """
        Whether the handshake succeeded, and nobody has begun to close.
        """
        self.settle()
        return self.status == 101 and not (self.serverClosed or self.disconnected)

    @property
    def disconnected(self) -> bool:
        """
        Whether the server has ended TCP, or its own half of it.
        """
        return self.transport.finished or not self.transport.connected

    @property
    def protocol(self) -> str | None:
        """
        The subprotocol that the server chose.
        """
        for name in ("sec-websocket-protocol", "websocket-protocol"):
            if name in self.fields:
                return self.fields[name]
        return None

    def receive(self) -> str | bytes:
        """
        The next message.

        :raises AssertionError: there is none.
        """
        if not self.messages:
            raise AssertionError(f"no message came; the server wrote {self.wire!r}")
        return self.messages.pop(0)

    def settle(self) -> None:
        """
        Let the server finish what is due now, and read what it wrote.
        """
        self._clock.advance(0)
        wire = self.wire
        if len(wire) > self._taken:
            self._buffer += wire[self._taken :]
            self._taken = len(wire)
            self._read()
            self._clock.advance(0)
        if self.transport.finished and self.transport.connected and self.answersClose:
            self._lose(ConnectionDone())

    def _lose(self, reason: BaseException) -> None:
        self.transport.leave(reason)
        self._clock.advance(0)

    def _read(self) -> None:
        if self.status is None:
            head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end or not self._headEnds(rest):
                return
            line, *lines = head.decode("latin-1").split("\r\n")
            self.status = int(line.split(" ")[1])
            for name, _, value in (each.partition(": ") for each in lines):
                before = self.fields.get(name.lower())
                self.fields[name.lower()] = value if before is None else f"{before}, {value}"
            self._buffer = bytearray(rest)
            if self.status == 101:
                self._checkAnswer()
        if self.status == 101:
            self._readFrames()
        else:
            self.body = bytes(self._buffer)

    # What the drafts differ in.

    def message(self, message: str | bytes) -> bytes:
        """
        The bytes of a message.
        """
        raise NotImplementedError

    def closeFrame(self, code: int | None = None, reason: str = "") -> bytes:
        """
        The bytes of a close.
        """
        raise NotImplementedError

    def _headEnds(self, rest: bytes) -> bool:
        return True

    def _checkAnswer(self) -> None:
        raise NotImplementedError

    def _readFrames(self) -> None:
        raise NotImplementedError


class Hixie75Client(Client):
    """
    A client of hixie-75.
    """

    def message(self, message: str | bytes) -> bytes:
        """
        ``00 text FF``.
        """
        if not isinstance(message, str):
            raise TypeError("hixie drafts have no binary messages")
        return b"\x00" + message.encode() + b"\xff"

    def closeFrame(self, code: int | None = None, reason: str = "") -> bytes:
        """
        There is none.
        """
        return b""

    def close(self, code: int | None = None, reason: str = "") -> None:
        """
        End TCP.
        """
        self.finish()

    def _checkAnswer(self) -> None:
        assert "websocket-location" in self.fields, self.fields

    def _readFrames(self) -> None:
        while self._buffer:
            if self._buffer.startswith(b"\xff\x00"):
                self.serverClosed = True
                self._buffer.clear()
                if self.answersClose and self.transport.connected:
                    self.transport.arrive(b"\xff\x00")
                return
            end = self._buffer.find(b"\xff")
            if end < 0:
                return
            assert self._buffer[0] == 0, f"no text frame: {bytes(self._buffer[:20])!r}"
            self._messages.append(self._buffer[1:end].decode())
            del self._buffer[: end + 1]


class Hixie76Client(Hixie75Client):
    """
    A client of hixie-76, with the keys of the draft's first example.
    """

    key1, key2, key3 = "4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", b"^n:ds[4U"
    digest = b"8jKS'y:G*Co,Wxa-"

    def closeFrame(self, code: int | None = None, reason: str = "") -> bytes:
        """
        ``FF 00``.
        """
        return b"\xff\x00"

    def close(self, code: int | None = None, reason: str = "") -> None:
        """
        Send it.
        """
        self.deliver(self.closeFrame())

    def _headEnds(self, rest: bytes) -> bool:
        # The digest may come in a later segment than the head.
        return not self._buffer.startswith(b"HTTP/1.1 101") or len(rest) >= 16

    def _checkAnswer(self) -> None:
        assert "sec-websocket-location" in self.fields, self.fields
        assert self._buffer[:16] == self.digest, bytes(self._buffer[:16])
        del self._buffer[:16]


class HybiClient(Client):
    """
    A client of hybi-07 or later.

    :ivar frames: every frame that came.
    :ivar answersPings: whether this client answers a ping.
    """

    key = b64encode(b"the sample nonce").decode()
    mask = b"\x37\xfa\x21\x3d"  # RFC 6455 §5.7

    def __init__(self, transport: MemoryTransport, clock: Clock, segment: int | None) -> None:
        super().__init__(transport, clock, segment)
        self.frames: list[Frame] = []
        self.answersPings = True
        self._pieces: list[bytes] = []
        self._opcode = 0
        self._isDeflated = False
        self._inflater = zlib.decompressobj(wbits=-15)

    def frame(self, opcode: int, payload: bytes = b"", isFinal: bool = True, rsv: int = 0) -> bytes:
        """
        The bytes of a frame, masked.

        RFC 6455 §5.2.
        """
        first = isFinal << 7 | rsv << 4 | opcode
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", first, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", first, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", first, 0x80 | 127, size)
        return head + self.mask + _masked(payload, self.mask)

    def message(self, message: str | bytes) -> bytes:
        """
        One frame.
        """
        if isinstance(message, str):
            return self.frame(TEXT, message.encode())
        return self.frame(BINARY, message)

    def closeFrame(self, code: int | None = None, reason: str = "") -> bytes:
        """
        One frame.
        """
        payload = b"" if code is None else struct.pack("!H", code) + reason.encode()
        return self.frame(CLOSE, payload)

    def ping(self, payload: bytes = b"") -> None:
        """
        Send a ping.
        """
        self.deliver(self.frame(PING, payload))

    def _checkAnswer(self) -> None:
        wanted = b64encode(sha1(self.key.encode() + _GUID).digest()).decode()
        assert self.fields["sec-websocket-accept"] == wanted, self.fields

    def _readFrames(self) -> None:
        while (frame := self._nextFrame()) is not None:
            self.frames.append(frame)
            if frame.opcode < CLOSE:
                self._take(frame)
            elif frame.opcode == CLOSE:
                self._closed(frame.payload)
            elif frame.opcode == PING and self.answersPings:
                self.transport.arrive(self.frame(PONG, frame.payload))

    def _take(self, frame: Frame) -> None:
        if frame.opcode:
            self._opcode, self._isDeflated = frame.opcode, frame.rsv == 4
        self._pieces.append(frame.payload)
        if frame.isFinal:
            payload = b"".join(self._pieces)
            self._pieces = []
            if self._isDeflated:  # RFC 7692 §7.2.2
                payload = self._inflater.decompress(payload + b"\x00\x00\xff\xff")
            self._messages.append(payload.decode() if self._opcode == TEXT else payload)

    def _closed(self, payload: bytes) -> None:
        self.serverClosed = True
        if payload:
            self.closing = struct.unpack("!H", payload[:2])[0], payload[2:].decode()
        if self.answersClose and self.transport.connected:
            self.transport.arrive(self.frame(CLOSE, payload))

    def _nextFrame(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        assert not buffer[1] & 0x80, "a server masks nothing"
        size, at = buffer[1], 2
        for marker, form in ((126, "!H"), (127, "!Q")):
            if buffer[1] == marker:
                at += struct.calcsize(form)
                if len(buffer) < at:
                    return None
                (size,) = struct.unpack(form, buffer[2:at])
        if len(buffer) < at + size:
            return None
        frame = Frame(
            buffer[0] & 0xF, bytes(buffer[at : at + size]), buffer[0] > 0x7F, buffer[0] >> 4 & 7
        )
        del buffer[: at + size]
        return frame


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    repeated = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ repeated).to_bytes(size, "big")


#: A client for each draft, by name, oldest first.
CLIENTS: dict[str, type[Client]] = {
    "hixie-75": Hixie75Client,
    "hixie-76": Hixie76Client,
    "hybi-07": HybiClient,
    "hybi-10": HybiClient,
    "rfc6455": HybiClient,
}
