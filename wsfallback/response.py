"""
An HTTP response head, read as strictly as a request's: bytes in, one `Response` out.

RFC 9112 §4, less what it has a client put up with: no bare CR or LF, no folded lines, no space
before a colon. The reason phrase is anyone's: hixie's drafts and servers have four of them.
"""

import re
from dataclasses import dataclass

from wsfallback.errors import AnswerError
from wsfallback.head import Fields, Head, HeadReader

_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2})( [\t\x20-\xff]*)?")
_BEGINNING = b"HTTP/1."


@dataclass(frozen=True, slots=True)
class Response(Head):
    """
    One response head, as received.

    :ivar version: ``HTTP/1.0`` or ``HTTP/1.1``.
    :ivar status: 100 to 999.
    :ivar phrase: the reason phrase, as sent.
    """

    version: bytes
    status: int
    phrase: bytes
    fields: Fields


class ResponseReader(HeadReader):
    """
    Reads one response head, a segment at a time.
    """

    _line: tuple[bytes, int, bytes]

    def feed(self, data: bytes) -> Response | None:
        """
        Take a segment.

        :returns: the response, or `None` while its head is incomplete.
        :raises AnswerError: malformed, or too large.
        """
        if not self._read(data):
            return None
        return Response(*self._line, tuple(self._fields))

    def _begins(self) -> None:
        # What speaks another protocol is not waited for to end its line.
        if bytes(self.received[: len(_BEGINNING)]) != _BEGINNING[: len(self.received)]:
            raise self._malformed("The server doesn't speak HTTP", bytes(self.received[:8]))

    def _first(self, line: bytes) -> None:
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise self._malformed("The status line is malformed", line)
        self._line = (match[1], int(match[2]), (match[3] or b"")[1:])

    def _malformed(self, sentence: str, seen: bytes) -> AnswerError:
        return AnswerError(sentence, seen)

    def _tooLarge(self) -> AnswerError:
        return AnswerError("The head of the answer is too large")

    def _tooMany(self) -> AnswerError:
        return AnswerError("There are too many header fields")
