"""
draft-hixie-75: no challenge, text frames between two sentinels, no closing handshake.

A whole opening handshake::

    GET /demo HTTP/1.1                             HTTP/1.1 101 Web Socket Protocol Handshake
    Upgrade: WebSocket                             Upgrade: WebSocket
    Connection: Upgrade                            Connection: Upgrade
    Host: example.com                              WebSocket-Origin: http://example.com
    Origin: http://example.com                     WebSocket-Location: ws://example.com/demo
    WebSocket-Protocol: sample                     WebSocket-Protocol: sample

Source: "The Web Socket protocol", draft-hixie-thewebsocketprotocol-75, §3.2 (reading the client's
opening handshake), §5 (sending the server's) and §4 (framing),
https://datatracker.ietf.org/doc/html/draft-hixie-thewebsocketprotocol-75.
Spoken by Chrome 4 and 5, Safari 5.0.0, web-socket-js until June 2010.
"""

from collections.abc import Iterator
from enum import Enum

from wsfallback.errors import FrameError, HandshakeError
from wsfallback.events import Closing, Event, Skipped, Text
from wsfallback.request import Request

TEXT = 0x00
SENTINEL = 0xFF
LENGTH_PREFIXED = 0x80  # the bit of the frame type

#: A 63-bit length takes 9 groups of 7 bits; more are leading zeros without an end.
MAX_LENGTH_GROUPS = 9


class Opening:
    """
    The server's half of the opening handshake.

    :cvar bodySize: how many bytes of the client's follow the head of its request.
    """

    bodySize = 0

    _status = "HTTP/1.1 101 Web Socket Protocol Handshake"
    _prefix = "WebSocket-"
    _protocolField = b"websocket-protocol"

    def __init__(self, request: Request, isSecure: bool) -> None:
        """
        :param isSecure: whether the client came by TLS: it decides ``ws`` or ``wss``.
        :raises HandshakeError: 400.
        """
        if len(request.all(self._protocolField)) > 1:
            raise HandshakeError(400, "There is more than one subprotocol field")
        self._request = request
        self._isSecure = isSecure

    @property
    def origin(self) -> str | None:
        """
        The origin of the page, as sent.
        """
        return _text(self._request.get(b"origin"))

    @property
    def protocols(self) -> list[str]:
        """
        The subprotocols to choose from.

        To the draft a subprotocol is one string, and WebKit wants the whole of it back.
        web-socket-js sends a list and takes any member, so a list is offered both ways.
        """
        whole = _text(self._request.get(self._protocolField))
        if not whole:
            return []
        members = [member.strip() for member in whole.split(",") if member.strip()]
        return list(dict.fromkeys([*members, whole]))

    def head(self, protocol: str | None, fields: tuple[tuple[str, str], ...]) -> bytes:
        """
        The head of the answer.

        §5: the first three lines byte for byte with nothing between them. Old WebKit compares
        Origin and Location with what it sent, so Host and target go back as they came.

        :param protocol: one of `protocols`, or `None`.
        :param fields: the application's own, ``(name, value)``.
        """
        scheme = "wss" if self._isSecure else "ws"
        host = _text(self._request.get(b"host"))
        target = self._request.target.decode("ascii")
        lines = [self._status, "Upgrade: WebSocket", "Connection: Upgrade"]
        if self.origin is not None:
            lines.append(f"{self._prefix}Origin: {self._originBack(self.origin)}")
        lines.append(f"{self._prefix}Location: {scheme}://{host}{target}")
        if protocol is not None:
            lines.append(f"{self._prefix}Protocol: {protocol}")
        lines.extend(f"{name}: {value}" for name, value in fields)
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def answer(self, body: bytes) -> bytes:
        """
        What follows the head of the answer: nothing in this draft.
        """
        return b""

    def _originBack(self, origin: str) -> str:
        return origin.lower()  # §5: "converted to ASCII lowercase"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


class _Part(Enum):
    TYPE = "the next byte is a frame type"
    TEXT = "inside a text frame"
    DISCARD = "inside a frame between sentinels that is no text"
    LENGTH = "inside the length of a length-prefixed frame"
    SKIP = "inside the payload of one"
    CLOSED = "the peer has closed"


class Framing:
    """
    Messages to frames and back.

    ``0x00 text 0xFF`` is a text message. Frames of any other type are read and discarded:
    ``0x80``-``0xFF`` with a base-128 length before the payload, ``0x01``-``0x7F`` up to ``0xFF``.
    """

    #: What the draft makes of 0xFF with length 0.
    _closes = False

    def __init__(self, maxMessage: int, maxSkipped: int, replaceInvalid: bool = False) -> None:
        """
        :param maxMessage: bound of one message in bytes.
        :param maxSkipped: bound of all discarded payload together, in bytes.
        :param replaceInvalid: replace what is not UTF-8 by U+FFFD instead of failing.
        """
        self._maxMessage = maxMessage
        self._maxSkipped = maxSkipped
        self._replaceInvalid = replaceInvalid
        self._part = _Part.TYPE
        self._buffer = bytearray()
        self._type = 0
        self._size = 0  # of the text so far, or what remains to be skipped
        self._length = 0
        self._groups = 0
        self._skipped = 0

    @property
    def atBoundary(self) -> bool:
        """
        Whether no frame is half received.
        """
        return self._part in (_Part.TYPE, _Part.CLOSED)

    def text(self, payload: bytes) -> bytes:
        """
        A message as one frame.

        :param payload: UTF-8, which never holds 0xFF: anything else would let it end the frame
            and speak for us.
        """
        return b"\x00" + payload + b"\xff"

    def close(self) -> bytes:
        """
        Our half of the closing handshake: the draft has none, its close is TCP's.
        """
        return b""

    def feed(self, data: bytes) -> Iterator[Event]:
        """
        Take a segment, and yield what is complete.

        Lazily, so that what came before an error is seen before the error. The iterator must be
        run to its end, or the framing be fed no more.

        :raises FrameError: 1007 a text is not UTF-8, 1009 beyond a bound, 1002 an endless length.
        """
        at = 0
        while at < len(data) and self._part is not _Part.CLOSED:
            if self._part is _Part.TYPE:
                self._type = data[at]
                at += 1
                self._begin()
            elif self._part is _Part.LENGTH:
                ended = self._lengthByte(data[at])
                at += 1
                if ended:
                    yield from self._lengthEnded()
            elif self._part is _Part.SKIP:
                step = min(self._size, len(data) - at)
                at += step
                self._size -= step
                if not self._size:
                    yield self._skippedFrame()
            else:
                end = data.find(SENTINEL, at)
                stop = len(data) if end < 0 else end
                self._grow(data[at:stop])
                at = stop
                if end >= 0:
                    at += 1
                    yield self._sentinelEnded()

    def _begin(self) -> None:
        """
        §4.2 step 2: the frame type decides how its end is found.
        """
        self._size = self._length = self._groups = 0
        if self._type == TEXT:
            self._part = _Part.TEXT
        elif self._type & LENGTH_PREFIXED:
            self._part = _Part.LENGTH
        else:
            self._part = _Part.DISCARD

    def _grow(self, data: bytes) -> None:
        self._size += len(data)
        if self._part is _Part.DISCARD:
            self._count(len(data))
            return
        if self._size > self._maxMessage:
            raise FrameError(1009, f"a text frame is longer than {self._maxMessage} bytes")
        self._buffer += data

    def _sentinelEnded(self) -> Event:
        discards = self._part is _Part.DISCARD
        self._part = _Part.TYPE
        if discards:
            return Skipped(self._type, self._size)
        payload = bytes(self._buffer)
        self._buffer.clear()
        if not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError:
                if not self._replaceInvalid:
                    raise FrameError(1007, "a text frame is not UTF-8") from None
                payload = payload.decode(errors="replace").encode()
        return Text(payload)

    def _lengthByte(self, byte: int) -> bool:
        """
        §4.2: seven bits a byte, the most significant first, until one without the high bit.
        """
        self._groups += 1
        self._length = self._length << 7 | byte & 0x7F
        if not byte & 0x80:
            return True
        if self._groups == MAX_LENGTH_GROUPS:
            raise FrameError(1002, "the length of a frame does not end")
        return False

    def _lengthEnded(self) -> Iterator[Event]:
        if self._closes and self._type == SENTINEL and not self._length:
            self._part = _Part.CLOSED
            yield Closing()
            return
        self._count(self._length)
        self._size = self._length
        self._part = _Part.SKIP
        if not self._length:
            yield self._skippedFrame()

    def _skippedFrame(self) -> Skipped:
        self._part = _Part.TYPE
        return Skipped(self._type, self._length)

    def _count(self, skipped: int) -> None:
        self._skipped += skipped
        if self._skipped > self._maxSkipped:
            raise FrameError(1009, f"more than {self._maxSkipped} bytes to be skipped")
