"""
An HTTP request head, read strictly: bytes in, one `Request` or a `HandshakeError` out.

Every protocol behind the port trusts this reader, so it takes only what RFC 9112 allows a
client to send, less what servers have disagreed on: no bare CR or LF, no folded lines, no
space before a colon, one Host, one Content-Length, never Content-Length with Transfer-Encoding.
"""

import re
from dataclasses import dataclass, replace

from wsfallback.errors import HandshakeError
from wsfallback.head import MAX_FIELDS, MAX_LINE, TOKEN, Fields, Head, HeadReader

__all__ = ["MAX_FIELDS", "MAX_LENGTH_DIGITS", "MAX_LINE", "Request", "RequestReader"]

#: What fits into 63 bits: servers have wrapped longer lengths around.
MAX_LENGTH_DIGITS = 18

_FIRST_BYTE = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]")
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)", re.IGNORECASE)
_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) (HTTP/1\.[01])")
_DIGITS = re.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class Request(Head):
    """
    One request head, as received.

    :ivar method: ``GET``, as sent.
    :ivar target: the request target as sent, bytes 21 to 7E.
    :ivar version: ``HTTP/1.0`` or ``HTTP/1.1``.
    """

    method: bytes
    target: bytes
    version: bytes
    fields: Fields

    @property
    def resource(self) -> bytes:
        """
        Path and query: the target, less scheme and authority where it is in absolute form.

        RFC 9112 §3.2.
        """
        absolute = _ABSOLUTE.match(self.target)
        if absolute is None:
            return self.target
        rest = self.target[absolute.end() :]
        return rest if rest.startswith(b"/") else b"/" + rest

    @property
    def host(self) -> bytes:
        """
        Who is asked: the ``Host``, or the authority of a target in absolute form, which goes before
        it; empty without either.

        RFC 9112 §3.2.2.
        """
        absolute = _ABSOLUTE.match(self.target)
        return absolute[1] if absolute is not None else self.get(b"host") or b""

    @property
    def path(self) -> bytes:
        """
        The path alone, as sent.
        """
        return self.resource.partition(b"?")[0]

    def askedOf(self, host: bytes) -> "Request":
        """
        The same request of another host.
        """
        others = tuple(field for field in self.fields if field[0] != b"host")
        # A target in absolute form would go before the field.
        return replace(self, target=self.resource, fields=((b"host", host), *others))


class RequestReader(HeadReader):
    """
    Reads one request head, a segment at a time.
    """

    _line: tuple[bytes, bytes, bytes]

    def feed(self, data: bytes) -> Request | None:
        """
        Take a segment.

        :returns: the request, or `None` while its head is incomplete.
        :raises HandshakeError: 400 malformed, 414 the request line is too long, 431 another line,
            their number or the whole is too large.
        """
        return self._finish() if self._read(data) else None

    def _begins(self) -> None:
        # Not a method: a TLS ClientHello (16), Flash's <policy-file-request/>, line noise.
        if self.received and not _FIRST_BYTE.match(self.received):
            raise self._malformed("This port speaks HTTP", bytes(self.received[:8]))

    def _first(self, line: bytes) -> None:
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise self._malformed("The request line is malformed", line)
        self._line = (match[1], match[2], match[3])

    def _finish(self) -> Request:
        """
        Check what concerns the head as a whole.

        :raises HandshakeError: 400.
        """
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

    def _malformed(self, sentence: str, seen: bytes) -> HandshakeError:
        return HandshakeError(400, sentence, seen)

    def _tooLarge(self) -> HandshakeError:
        if not self._hasFirst:
            return HandshakeError(414, "The request line is too long")
        return HandshakeError(431, "The header fields are too large")

    def _tooMany(self) -> HandshakeError:
        return HandshakeError(431, "There are too many header fields")
