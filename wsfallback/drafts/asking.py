"""
The client's half of an opening handshake: what all drafts have in common.
"""

from dataclasses import dataclass
from random import Random

from wsfallback.destination import Destination
from wsfallback.errors import AnswerError
from wsfallback.response import Response, ResponseReader

#: Statuses by which a server says that it doesn't know this draft: 426 where it knows of drafts;
#: 400, 405, 501 and 505 where the request makes no sense to it; 200 where all that it saw was a
#: GET. Any other is about who asks, or what for, or the server's own trouble.
OTHER_DRAFT = (200, 400, 405, 426, 501, 505)


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An answer that opens the connection.

    :ivar protocol: the subprotocol that the server chose, one of those asked for, or `None`.
    :ivar extensions: those that it chose, as the field's value, or `None`.
    :ivar oddities: what it should not have said, a sentence each; nothing was proved by them.
    :ivar rest: the frames that came behind it.
    """

    response: Response
    protocol: str | None
    extensions: bytes | None
    oddities: tuple[str, ...]
    rest: bytes


class ClientOpening:
    """
    The client's half of the opening handshake.

    :cvar bodySize: how many bytes of the server's follow the head of its answer.
    """

    bodySize = 0

    def __init__(
        self,
        destination: Destination,
        random: Random,
        *,
        maxHead: int,
        isStrict: bool = False,
        compress: bool = False,
    ) -> None:
        """
        :param random: where keys are drawn from; not to be guessed, but for tests.
        :param maxHead: bound of the answer's head in bytes.
        :param isStrict: oddities of the answer are errors.
        :param compress: offer compression, where the draft can.
        """
        self._destination = destination
        self._random = random
        self._isStrict = isStrict
        self._compress = compress
        self._reader = ResponseReader(maxHead)
        self._response: Response | None = None
        self._behind = b""
        self._oddities: list[str] = []

    def request(self) -> bytes:
        """
        The whole request, to be sent in one write.
        """
        raise NotImplementedError

    def feed(self, data: bytes) -> Answer | None:
        """
        Take a segment of the answer.

        :returns: the answer, or `None` while it is incomplete.
        :raises AnswerError: it opens no connection of this draft.
        """
        if self._response is None:
            self._response = self._reader.feed(data)
            if self._response is None:
                return None
            self._behind, self._reader.received = self._reader.rest, bytearray()
            self._checkStatus(self._response)
            self._check(self._response)
        else:
            self._behind += data
        if len(self._behind) < self.bodySize:
            return None
        self._checkBody(self._behind[: self.bodySize])
        if self._oddities and self._isStrict:
            raise self._wrong(self._oddities[0], None)
        return Answer(
            self._response,
            self._protocol(self._response),
            self._response.get(b"sec-websocket-extensions"),
            tuple(self._oddities),
            self._behind[self.bodySize :],
        )

    # What the drafts differ in.

    def _check(self, response: Response) -> None:
        """
        Check the fields of a 101.

        :raises AnswerError: it is none of this draft.
        """
        raise NotImplementedError

    def _checkBody(self, body: bytes) -> None:
        """
        :raises AnswerError: it doesn't prove what it should.
        """

    def _protocol(self, response: Response) -> str | None:
        """
        The subprotocol that was chosen.

        :raises AnswerError: it isn't one of those asked for.
        """
        raise NotImplementedError

    # What they share.

    def _checkStatus(self, response: Response) -> None:
        if response.status != 101:
            raise AnswerError(
                f"The server answered {response.status}",
                response.phrase,
                response,
                response.status in OTHER_DRAFT,
            )
        if (response.get(b"upgrade") or b"").lower() != b"websocket":
            raise self._wrong("The answer upgrades to something else", response.get(b"upgrade"))
        if not response.has(b"connection", b"upgrade"):
            raise self._wrong("Connection doesn't say upgrade", response.get(b"connection"))

    def _wrong(self, sentence: str, seen: bytes | None) -> AnswerError:
        """
        A 101 that isn't this draft's: the server may have answered as to another one.
        """
        return AnswerError(sentence, seen, self._response, True)

    def _chosen(self, response: Response, name: bytes) -> str | None:
        """
        A subprotocol, as far as all drafts agree.

        :raises AnswerError: two of them, or one that wasn't asked for.
        """
        values = response.all(name)
        if not values or not values[0]:
            return None
        chosen = values[0].decode("latin-1")
        if len(values) > 1 or chosen not in self._destination.protocols:
            # The draft is right; another one wouldn't help.
            raise AnswerError("The server chose another subprotocol", values[0], response)
        return chosen


def joined(*lines: str) -> bytes:
    """
    The head of a request.
    """
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
