"""
What the heads of requests and answers have in common: lines of fields, read strictly.

A line is judged when it is complete and in the order of the stream, so that the outcome is the
same however the bytes were cut into segments.
"""

import re

from wsfallback.errors import WSFallbackError

# Precedents: nginx's large_client_header_buffers (8 KiB a line), Apache's LimitRequestFields (100).
MAX_LINE = 8192
MAX_FIELDS = 100

#: A ``Host``: RFC 9110 §7.2, RFC 3986 §3.2.2. Nothing in it could end it where it is quoted.
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[-A-Za-z0-9._~%!$&'()*+;=]+)(:[0-9]{0,5})?")
TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
#: A token and the value of a field as text, in what we send: RFC 9110 §5.6.2, §5.5.
TOKEN_TEXT = re.compile(TOKEN.decode("ascii"))
VALUE_TEXT = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
# DEL is let through: Java-WebSocket draws the noise of its hixie-76 keys from 0x3A-0x7F.
_FIELD = re.compile(rb"(" + TOKEN + rb"):([\t\x20-\xff]*)")

Fields = tuple[tuple[bytes, bytes], ...]


class Head:
    """
    The fields of a head, as received.

    :ivar fields: name in lower case, and all that followed the colon, in order of arrival.
    """

    __slots__ = ()

    fields: Fields

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


class HeadReader:
    """
    Reads one head, a segment at a time; what its first line is, a subclass knows.

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
        self._hasFirst = False
        self._fields: list[tuple[bytes, bytes]] = []

    def _read(self, data: bytes) -> bool:
        """
        Take a segment.

        :returns: whether the head is complete.
        :raises WSFallbackError: as `_malformed`, `_tooLarge` and `_tooMany` have it.
        """
        self.received += data
        self._begins()
        while True:
            end = self.received.find(b"\n", self._searched)
            size = (len(self.received) if end < 0 else end + 1) - self._start
            # The line end is not the line's, so a line may be MAX_LINE + 2 with it.
            if size > MAX_LINE + (1 if end < 0 else 2) or self._start + size > self._maxHead:
                raise self._tooLarge()
            if end < 0:
                self._searched = len(self.received)
                return False
            line = bytes(self.received[self._start : end + 1])
            self._start = self._searched = end + 1
            if self._take(line):
                break
        self.rest = bytes(self.received[self._start :])
        return True

    def _take(self, line: bytes) -> bool:
        """
        Take a line with its end; true for the blank one that ends the head.
        """
        if not line.endswith(b"\r\n") or b"\r" in line[:-2] or b"\0" in line:
            raise self._malformed("A line of the head has a bare CR or LF, or a NUL", line)
        line = line[:-2]
        if not self._hasFirst:
            self._first(line)
            self._hasFirst = True
            return False
        if not line:
            return True
        match = _FIELD.fullmatch(line)
        if match is None:
            raise self._malformed("A header field is malformed", line)
        if len(self._fields) == MAX_FIELDS:
            raise self._tooMany()
        self._fields.append((match[1].lower(), match[2]))
        return False

    # What a subclass knows.

    def _begins(self) -> None:
        """
        Look at what has come, however little.
        """
        raise NotImplementedError

    def _first(self, line: bytes) -> None:
        """
        Take the first line, without its end.
        """
        raise NotImplementedError

    def _malformed(self, sentence: str, seen: bytes) -> WSFallbackError:
        """
        What to raise for a line that can't be.
        """
        raise NotImplementedError

    def _tooLarge(self) -> WSFallbackError:
        """
        What to raise for a line that is too long, or the last one that has room.
        """
        raise NotImplementedError

    def _tooMany(self) -> WSFallbackError:
        """
        What to raise for one field more than `MAX_FIELDS`.
        """
        raise NotImplementedError
