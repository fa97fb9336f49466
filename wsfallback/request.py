"""
An HTTP request head, read strictly: bytes in, one `Request` or a `HandshakeError` out.

Every protocol behind the port trusts this reader, so it takes only what RFC 9112 allows a
client to send, less what servers have disagreed on: no bare CR or LF, no folded lines, no
space before a colon, one Host, one Content-Length, never Content-Length with Transfer-Encoding.

A line is judged when it is complete and in the order of the stream, so that the outcome is the
same however the bytes were cut into segments.
"""

import re
from dataclasses import dataclass

from wsfallback.errors import HandshakeError

# Precedents: nginx's large_client_header_buffers (8 KiB a line), Apache's LimitRequestFields (100).
MAX_LINE = 8192
MAX_FIELDS = 100

#: 20 digits hold any 64-bit number; int() of more is the peer's to waste.
MAX_LENGTH_DIGITS = 20

_TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_FIRST_BYTE = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]")
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) (HTTP/1\.[01])")
# DEL is let through: Java-WebSocket draws the noise of its hixie-76 keys from 0x3A-0x7F.
_FIELD = re.compile(rb"(" + _TOKEN + rb"):([\t\x20-\xff]*)")
_DIGITS = re.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request head, as received.

    :ivar method: ``GET``, as sent.
    :ivar target: the request target as sent, bytes 21 to 7E.
    :ivar version: ``HTTP/1.0`` or ``HTTP/1.1``.
    :ivar fields: name in lower case, and all that followed the colon, in order of arrival.
    """

    method: bytes
    target: bytes
    version: bytes
    fields: tuple[tuple[bytes, bytes], ...]

    def all(self, name: bytes) -> list[bytes]:
        """
        The values of a field, without the white space around them.

        :param name: in lower case.
        """
        return [value.strip(b" \t") for key, value in self.fields if key == name]

    def get(self, name: bytes) -> bytes | None:
        """
        The first value of a field, without the white space around it; `None` without the field.
        """
        return next(iter(self.all(name)), None)

    def exact(self, name: bytes) -> bytes | None:
        """
        The first value of a field, less the one space that belongs to the colon.

        For hixie-76's keys: each further space counts.
        """
        for key, value in self.fields:
            if key == name:
                return value.removeprefix(b" ")
        return None

    def members(self, name: bytes) -> list[bytes]:
        """
        The members of a list field, over all its lines, empty ones left out.

        RFC 9110 §5.6.1.
        """
        parts = b",".join(self.all(name)).split(b",")
        return [part for part in (part.strip(b" \t") for part in parts) if part]

    def has(self, name: bytes, token: bytes) -> bool:
        """
        Whether a list field has this member, in any case.

        :param token: in lower case.
        """
        return token in [member.lower() for member in self.members(name)]

    @property
    def resource(self) -> bytes:
        """
        Path and query: the target, less scheme and authority where it is in absolute form.

        RFC 9112 §3.2.
        """
        absolute = re.match(rb"https?://[^/?#]+", self.target, re.IGNORECASE)
        if absolute is None:
            return self.target
        rest = self.target[absolute.end() :]
        return rest if rest.startswith(b"/") else b"/" + rest

    @property
    def path(self) -> bytes:
        """
        The path alone, as sent.
        """
        return self.resource.partition(b"?")[0]


class RequestReader:
    """
    Reads one request head, a segment at a time.

    :ivar received: every byte so far, those behind the head included.
    :ivar rest: the bytes behind the head, once it is complete.
    """

    def __init__(self, maxHead: int) -> None:
        """
        :param maxHead: bound of the head in bytes, the blank line included.
        """
        self.received = bytearray()
        self.rest = b""
        self._maxHead = maxHead
        self._start = 0  # of the line that is being read
        self._searched = 0
        self._line: tuple[bytes, bytes, bytes] | None = None
        self._fields: list[tuple[bytes, bytes]] = []

    def feed(self, data: bytes) -> Request | None:
        """
        Take a segment.

        :returns: the request, or `None` while its head is incomplete.
        :raises HandshakeError: 400 malformed, 414 the request line is too long, 431 another line,
            their number or the whole is too large.
        """
        self.received += data
        # Not a method: a TLS ClientHello (16), Flash's <policy-file-request/>, line noise.
        if self.received and not _FIRST_BYTE.match(self.received):
            raise HandshakeError(400, "This port speaks HTTP", bytes(self.received[:8]))
        while True:
            end = self.received.find(b"\n", self._searched)
            size = (len(self.received) if end < 0 else end + 1) - self._start
            # The line end is not the line's, so a line may be MAX_LINE + 2 with it.
            if size > MAX_LINE + (1 if end < 0 else 2) or self._start + size > self._maxHead:
                raise self._tooLarge()
            if end < 0:
                self._searched = len(self.received)
                return None
            line = bytes(self.received[self._start : end + 1])
            self._start = self._searched = end + 1
            if self._take(line):
                break
        self.rest = bytes(self.received[self._start :])
        return self._finish()

    def _take(self, line: bytes) -> bool:
        """
        Take a line with its end; true for the blank one that ends the head.
        """
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            raise HandshakeError(400, "A line of the head has a bare CR or LF, or a NUL", line)
        line = line[:-2]
        if self._line is None:
            match = _REQUEST_LINE.fullmatch(line)
            if match is None:
                raise HandshakeError(400, "The request line is malformed", line)
            self._line = (match[1], match[2], match[3])
            return False
        if not line:
            return True
        match = _FIELD.fullmatch(line)
        if match is None:
            raise HandshakeError(400, "A header field is malformed", line)
        if len(self._fields) == MAX_FIELDS:
            raise HandshakeError(431, "There are too many header fields")
        self._fields.append((match[1].lower(), match[2]))
        return False

    def _finish(self) -> Request:
        """
        Check what concerns the head as a whole.

        :raises HandshakeError: 400.
        """
        assert self._line is not None, "a blank first line is a malformed request line"
        request = Request(*self._line, tuple(self._fields))
        hosts = request.all(b"host")
        if len(hosts) > 1 or (not hosts and request.version == b"HTTP/1.1"):
            raise HandshakeError(400, "There must be one Host field")
        lengths = request.all(b"content-length")
        codings = request.all(b"transfer-encoding")
        if lengths and codings:
            raise HandshakeError(400, "Content-Length and Transfer-Encoding exclude each other")
        if len(lengths) > 1 or not all(
            _DIGITS.fullmatch(length) and len(length) <= MAX_LENGTH_DIGITS for length in lengths
        ):
            raise HandshakeError(400, "There must be one Content-Length, of digits", lengths[-1])
        if codings and [coding.lower() for coding in codings] != [b"chunked"]:
            raise HandshakeError(400, "Transfer-Encoding must be chunked", codings[-1])
        # RFC 9112 §6.1: in HTTP/1.0 its framing can't be trusted.
        if codings and request.version == b"HTTP/1.0":
            raise HandshakeError(400, "There is a Transfer-Encoding in HTTP/1.0")
        return request

    def _tooLarge(self) -> HandshakeError:
        if self._line is None:
            return HandshakeError(414, "The request line is too long")
        return HandshakeError(431, "The header fields are too large")
