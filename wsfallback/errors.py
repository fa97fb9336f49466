"""
What can go wrong, told apart by who has to act.

::

    WSFallbackError
      HandshakeError   a client, before open: answered with an HTTP status
      AnswerError      a server, before open: its answer opens no connection
      FrameError       the peer, after open: answered with a close
      NoDraftWorked    a server, by all attempts: what each of them got
      ChannelError     ourselves: the caller of a channel
        NotOpen              sent before open, or after a close
        UnsupportedByDraft   the draft of this connection cannot carry it
        NotText              text that is not UTF-8
        SendQueueFull        too much waits to be sent already

Openings and framings raise; the protocol alone turns that into bytes and a close.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

#: How many bytes of a peer's text an error quotes.
CLIPPED = 80
#: How many characters a sentence may have.
MAX_SENTENCE = 500


def quoted(seen: bytes) -> str:
    """
    Make a peer's bytes fit for a log line: escaped, and clipped to `CLIPPED` bytes.
    """
    text = repr(bytes(seen[:CLIPPED]))[1:]
    return text if len(seen) <= CLIPPED else f"{text}..."


def printable(text: str) -> str:
    """
    Make a text fit for one line of a log or an answer: whoever wrote it, it may quote a peer.
    """
    line = "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))
    return line if len(line) <= MAX_SENTENCE else f"{line[:MAX_SENTENCE]}..."


def phrase(status: int) -> str:
    """
    The reason phrase of an HTTP status.
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"


class WSFallbackError(Exception):
    """
    Any error of this package.
    """


class HandshakeError(WSFallbackError):
    """
    The peer's opening handshake is refused.

    :ivar status: the HTTP status that refuses it, 400 to 599.
    :ivar sentence: what the peer is told: one line of ours, without a byte of the peer's.
    :ivar fields: more header fields of the answer, ``(name, value)``.
    :ivar draft: the name of the draft that was asked for, where it is refused for being that one;
        empty else.
    """

    def __init__(
        self,
        status: int,
        sentence: str,
        seen: bytes | None = None,
        fields: tuple[tuple[str, str], ...] = (),
        draft: str = "",
    ) -> None:
        """
        :param seen: what the peer sent, for the log alone.
        """
        text = f"{sentence}: {quoted(seen)}" if seen is not None else sentence
        super().__init__(text)
        self.status = status
        self.sentence = sentence
        self.fields = fields
        self.draft = draft

    def answer(self) -> bytes:
        """
        The whole HTTP answer, after which the connection is closed.

        RFC 9110 §15, RFC 9112 §9.6.
        """
        # The sentence may be an application's (ConnectionDeny).
        body = printable(self.sentence).encode() + b"\n"
        lines = [
            f"HTTP/1.1 {self.status} {phrase(self.status)}",
            # RFC 9110 §7.8: who sends Upgrade says so in Connection.
            f"Connection: close{', Upgrade' if 'Upgrade' in dict(self.fields) else ''}",
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in self.fields),
        ]
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


class AnswerError(WSFallbackError):
    """
    A server's answer to our opening handshake opens no connection.

    :ivar response: the head of the answer, a `wsfallback.response.Response`, if there is one.
    :ivar isOtherDraft: it means "I don't speak this": another draft may be tried.
    """

    def __init__(
        self,
        sentence: str,
        seen: bytes | None = None,
        response: Any = None,
        isOtherDraft: bool = False,
    ) -> None:
        """
        :param seen: what the server sent, quoted in the message.
        """
        super().__init__(f"{sentence}: {quoted(seen)}" if seen is not None else sentence)
        self.response = response
        self.isOtherDraft = isOtherDraft


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    What came of one attempt to connect.

    :ivar draft: the name of the draft that was spoken.
    :ivar status: the HTTP status that refused it; `None` if none did.
    :ivar error: what it came to: an `AnswerError`, or what Twisted has for connections that
        fail; `twisted.internet.error.TimeoutError` for one that took too long.
    :ivar response: the head of the answer, a `wsfallback.response.Response`, if there was one.
    """

    draft: str
    status: int | None
    error: Exception
    response: Any = None

    def __str__(self) -> str:
        return f"{self.draft}: {self.error}"


class NoDraftWorked(WSFallbackError):
    """
    A server could not be connected to.

    :ivar attempts: an `Attempt` for each, in their order; the last one is why there are no more.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        super().__init__("; ".join(map(str, attempts)))
        self.attempts = tuple(attempts)


class FrameError(WSFallbackError):
    """
    The peer broke the framing, or a limit, on an open connection.

    :ivar code: the close code that says so, on drafts that have them: 1002, 1007, 1008 or
        1009.
    """

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class ChannelError(WSFallbackError):
    """
    A channel was asked for something that it can't do; nothing was sent.
    """


class NotOpen(ChannelError):
    """
    The channel is not open yet, or is closing, or closed.
    """


class UnsupportedByDraft(ChannelError):
    """
    The draft that this client speaks cannot carry this: ask ``channel.draft`` beforehand.
    """


class NotText(ChannelError, ValueError):
    """
    A text message is not UTF-8.
    """


class SendQueueFull(ChannelError):
    """
    Too much waits to be sent to a peer that reads slowly; only where ``fullQueue`` is ``raise``.
    """
