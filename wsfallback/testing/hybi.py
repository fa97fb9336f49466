"""
In-memory clients of hybi-07 and later, whose frames are those of RFC 6455.
"""

import struct
import zlib
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1

from twisted.internet.task import Clock

from wsfallback.testing.client import Client
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
