"""
RFC 6455's frames as a client has them, for a connection that is in memory.

Source: RFC 6455, §5.2 (base framing protocol), §5.5 (control frames), §7.4 (close codes).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from wsfallback.errors import FrameError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

#: §5.3 wants a client's frames masked, against proxies that misread them. There are none in
#: memory; a mask of zeros leaves the payload as it is.
_MASK = b"\0\0\0\0"
_MASKED = 0x80


@dataclass(frozen=True, slots=True)
class Frame:
    """
    A frame of the server's.
    """

    opcode: int
    payload: bytes = b""
    isFinal: bool = True


def frame(opcode: int, payload: bytes = b"", isFinal: bool = True) -> bytes:
    """
    A frame of the client's.

    §5.2.

    :param isFinal: whether it is the last one of its message.
    """
    size = len(payload)
    first = (0x80 if isFinal else 0) | opcode
    if size < 126:
        head = struct.pack("!BB", first, _MASKED | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", first, _MASKED | 127, size)
    return head + _MASK + payload


def closePayload(code: int | None, reason: bytes = b"") -> bytes:
    """
    What a close frame holds, §5.5.1.

    :param reason: UTF-8, at most 123 bytes; nothing without a code.
    """
    return b"" if code is None else struct.pack("!H", code) + reason


def closeOf(payload: bytes) -> tuple[int | None, str | None]:
    """
    Code and reason of a close frame, §5.5.1.
    """
    if len(payload) < 2:
        return None, None
    return struct.unpack("!H", payload[:2])[0], payload[2:].decode("utf-8", "replace") or None


class FrameReader:
    """
    The server's bytes to frames.
    """

    def __init__(self, maxKept: int) -> None:
        """
        :param maxKept: bound in bytes of what is kept of a frame that is not complete. One that
            comes whole may have any size: whoever wrote it had it in memory.
        """
        self._maxKept = maxKept
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """
        Take some bytes, and yield what is complete.

        :raises FrameError: 1009 too much was to be kept.
        """
        self._buffer += data
        while (found := self._next()) is not None:
            yield found
        if len(self._buffer) > self._maxKept:
            raise FrameError(1009, f"more than {self._maxKept} bytes of a frame wait for its end")

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, at = buffer[1] & 0x7F, 2
        for marker, form in ((126, "!H"), (127, "!Q")):
            if buffer[1] & 0x7F == marker:
                at += struct.calcsize(form)
                if len(buffer) < at:
                    return None
                (size,) = struct.unpack_from(form, buffer, 2)
        # Autobahn's maskServerFrames, an option for tests, has the server mask.
        mask = bytes(buffer[at : at + 4]) if buffer[1] & _MASKED else b""
        at += 4 if buffer[1] & _MASKED else 0
        if len(buffer) < at + size:
            return None
        payload = bytes(buffer[at : at + size])
        found = Frame(buffer[0] & 0x0F, _unmasked(payload, mask), buffer[0] & 0x80 != 0)
        del buffer[: at + size]
        return found


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    """
    §5.3: octet i is XORed with octet i modulo 4 of the mask.
    """
    if not mask:
        return payload
    size = len(payload)
    repeated = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ repeated).to_bytes(size, "big")
