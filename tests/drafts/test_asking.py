"""
The client's half of an opening handshake: what all drafts have in common.
"""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drafts.asked import URL, AskingTestCase
from tests.segments import cut
from wsfallback.destination import destination
from wsfallback.drafts.asking import Answer, ClientOpening, joined
from wsfallback.response import Response

HEAD = b"HTTP/1.1 101 Yes\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"


class Plain(ClientOpening):
    """
    The least that a draft is: a body of four bytes, which are ``good`` or ``odd!``.
    """

    bodySize = 4

    def request(self) -> bytes:
        return b"please"

    def _check(self, response: Response) -> None:
        if response.get(b"x-other") is not None:
            raise self._wrong("It has X-Other", response.get(b"x-other"))

    def _checkBody(self, body: bytes) -> None:
        if body == b"odd!":
            self._oddities.append("The body is odd")
        elif body != b"good":
            raise self._wrong("The body is wrong", body)

    def _protocol(self, response: Response) -> str | None:
        return self._chosen(response, b"x-protocol")


def plain(*protocols: str, maxHead: int = 1000, isStrict: bool = False) -> Plain:
    """
    One that wants one of these subprotocols.
    """
    where = destination(URL, protocols=protocols)
    return Plain(where, Random(1), maxHead=maxHead, isStrict=isStrict)


def with_(line: bytes) -> bytes:
    """
    A whole answer that has this line.
    """
    return HEAD[:-2] + line + b"\r\n\r\ngood"


class AnswerTests(AskingTestCase):
    """
    An answer that opens the connection.
    """

    def test_whole(self) -> None:
        """
        Head and body, byte by byte: it comes with the last one, and nothing is odd.
        """
        answer = self.assertAnswered(plain(), HEAD + b"good")
        self.assertEqual((answer.response.status, answer.response.phrase), (101, b"Yes"))
        self.assertEqual((answer.protocol, answer.extensions, answer.oddities), (None, None, ()))

    def test_withoutABody(self) -> None:
        """
        A draft that has none is answered by the head.
        """

        class Bare(Plain):
            bodySize = 0

            def _checkBody(self, body: bytes) -> None:
                ClientOpening._checkBody(self, body)

        opening = Bare(destination(URL), Random(1), maxHead=1000)
        self.assertEqual(self.answer(opening, HEAD + b"\0x\xff").rest, b"\0x\xff")

    def test_anyCase(self) -> None:
        """
        RFC 9110 §7.6.1: names and tokens in any case, ``upgrade`` in a list.
        """
        data = b"HTTP/1.0 101 \r\nupgrade: websocket\r\nCONNECTION: keep-alive, UPGRADE\r\n\r\ngood"
        self.assertEqual(self.answer(plain(), data).response.version, b"HTTP/1.0")

    @settings(deadline=None)
    @given(st.binary(max_size=20), st.lists(st.integers(0, 200), max_size=5))
    def test_segmentsDoNotMatter(self, frames: bytes, at: list[int]) -> None:
        """
        However it is cut, the answer is the same, and no byte behind it is lost.
        """
        opening, found = plain(), list[Answer]()
        behind = b""
        for piece in cut(HEAD + b"good" + frames, at):
            if found:
                behind += piece
                continue
            answer = opening.feed(piece)
            if answer is not None:
                found.append(answer)
        self.assertEqual(found[0].rest + behind, frames)
        self.assertEqual(found[0].response.phrase, b"Yes")

    def test_extensions(self) -> None:
        """
        Are told as the server has them.
        """
        answer = self.answer(plain(), with_(b"Sec-WebSocket-Extensions: a; b=1, c"))
        self.assertEqual(answer.extensions, b"a; b=1, c")

    def test_oddities(self) -> None:
        """
        Open the connection, and are told; where the caller is strict they are wrong.
        """
        self.assertEqual(self.answer(plain(), HEAD + b"odd!").oddities, ("The body is odd",))
        self.assertRefused(
            plain(isStrict=True), HEAD + b"odd!", "The body is odd", isOtherDraft=True
        )


class SubprotocolTests(AskingTestCase):
    """
    The subprotocol, as far as all drafts agree.
    """

    def test_chosen(self) -> None:
        """
        One of those asked for, or none; an empty field chooses none.
        """
        for line, chosen in ((b"X-Protocol: b", "b"), (b"X-Protocol: ", None), (b"Y: b", None)):
            self.assertEqual(self.answer(plain("a", "b"), with_(line)).protocol, chosen)

    def test_another(self) -> None:
        """
        One that wasn't asked for, in another case, or two of them: the draft is right, so
        another draft wouldn't help.
        """
        for line in (b"X-Protocol: c", b"X-Protocol: A", b"X-Protocol: a\r\nX-Protocol: b"):
            self.assertRefused(
                plain("a", "b"),
                with_(line),
                "The server chose another subprotocol",
                isOtherDraft=False,
            )


class RefusalTests(AskingTestCase):
    """
    An answer that opens none.
    """

    def test_statuses(self) -> None:
        """
        Some say "I don't speak this"; others are about who asks, or what for.
        """
        for statuses, isOther in (
            ((200, 400, 405, 426, 501, 505), True),
            ((100, 204, 301, 302, 401, 403, 404, 407, 500, 502, 503, 504), False),
        ):
            for status in statuses:
                error = self.assertRefused(
                    plain(),
                    b"HTTP/1.1 %d No\r\nUpgrade: websocket\r\n\r\n" % status,
                    f"The server answered {status}: 'No'",
                    isOtherDraft=isOther,
                )
                self.assertEqual(error.response.status, status)

    def test_beforeTheBody(self) -> None:
        """
        A head that refuses is not waited behind.
        """
        self.assertRefused(
            plain(), b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\n", "403", isOtherDraft=False
        )

    def test_upgrade(self) -> None:
        """
        A 101 says what it upgrades to, and that it does.
        """
        for line, instead, sentence in (
            (b"Upgrade: WebSocket", b"Upgrade: h2c", "upgrades to something else: 'h2c'"),
            (b"Upgrade: WebSocket", b"X: y", "upgrades to something else"),
            (b"Connection: Upgrade", b"Connection: close", "doesn't say upgrade: 'close'"),
            (b"Connection: Upgrade", b"X: y", "doesn't say upgrade"),
        ):
            data = HEAD.replace(line, instead)
            self.assertRefused(plain(), data, sentence, isOtherDraft=True)

    def test_anotherDraft(self) -> None:
        """
        A 101 that isn't this draft's may be another one's, by its head or its body.
        """
        error = self.assertRefused(plain(), with_(b"X-Other: 1"), "X-Other: '1'", isOtherDraft=True)
        self.assertEqual(error.response.get(b"x-other"), b"1")
        self.assertRefused(plain(), HEAD + b"evil", "is wrong: 'evil'", isOtherDraft=True)

    def test_garbage(self) -> None:
        """
        What is no HTTP is the answer of no draft, and has no head.
        """
        error = self.assertRefused(plain(), b"+OK POP3", "doesn't speak HTTP", isOtherDraft=False)
        self.assertIsNone(error.response)

    def test_bound(self) -> None:
        """
        A head of just the bound is read, one byte more is too large; what is behind the head
        doesn't count.
        """
        self.answer(plain(maxHead=len(HEAD)), HEAD + b"good" + b"x" * 1000)
        self.assertRefused(
            plain(maxHead=len(HEAD) - 1), HEAD, "answer is too large", isOtherDraft=False
        )


class JoinedTests(AskingTestCase):
    """
    The head of a request.
    """

    def test_lines(self) -> None:
        """
        Each ends with CRLF, the blank one too; a field's value may have any byte of Latin-1.
        """
        self.assertEqual(joined("GET / HTTP/1.1", "X: \xe9"), b"GET / HTTP/1.1\r\nX: \xe9\r\n\r\n")


class BaseTests(AskingTestCase):
    """
    What a draft brings along.
    """

    def test_nothingByItself(self) -> None:
        """
        The class that they share asks for nothing, and accepts nothing.
        """

        class Protocolless(ClientOpening):
            def _check(self, response: Response) -> None:
                pass

        opening = ClientOpening(destination(URL), Random(1), maxHead=1000)
        self.assertRaises(NotImplementedError, opening.request)
        self.assertRaises(NotImplementedError, opening.feed, HEAD)
        opening = Protocolless(destination(URL), Random(1), maxHead=1000)
        self.assertRaises(NotImplementedError, opening.feed, HEAD)
