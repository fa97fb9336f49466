"""
The reader of response heads.
"""

import h11
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.segments import cut, single
from wsfallback.errors import AnswerError
from wsfallback.head import MAX_FIELDS, MAX_LINE
from wsfallback.response import Response, ResponseReader

HEAD = b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\r\n"
MAX_HEAD = 16384

Outcome = tuple[Response, bytes] | str | None


def outcome(pieces: list[bytes], maxHead: int = MAX_HEAD) -> Outcome:
    """
    What a reader makes of these segments: a response and what came behind its head, why it is
    none, or `None`: it wants more.
    """
    reader = ResponseReader(maxHead)
    for index, piece in enumerate(pieces):
        try:
            response = reader.feed(piece)
        except AnswerError as error:
            # What it quotes depends on how much had come.
            return str(error).partition(":")[0]
        if response is not None:
            return response, reader.rest + b"".join(pieces[index + 1 :])
    return None


class ResponseReaderTests(SynchronousTestCase):
    """
    RFC 9112 §4, strictly.
    """

    def assertRefused(self, data: bytes, sentence: str) -> None:
        """
        Whole and byte by byte alike.
        """
        for pieces in ([data], single(data)):
            found = outcome(pieces)
            assert isinstance(found, str), found
            self.assertTrue(found.startswith(sentence), found)

    def test_aHead(self) -> None:
        """
        Status, phrase, fields, and what comes behind.
        """
        response = Response(
            b"HTTP/1.1", 101, b"Web Socket Protocol Handshake", ((b"upgrade", b" WebSocket"),)
        )
        for pieces in ([HEAD + b"rest"], single(HEAD + b"rest")):
            self.assertEqual(outcome(pieces), (response, b"rest"))
        self.assertEqual(response.get(b"upgrade"), b"WebSocket")

    def test_statusLines(self) -> None:
        """
        Any phrase, or none, and HTTP/1.0.
        """
        for line, read in (
            (b"HTTP/1.0 101 OK", (b"HTTP/1.0", 101, b"OK")),
            (b"HTTP/1.1 404 ", (b"HTTP/1.1", 404, b"")),
            (b"HTTP/1.1 426", (b"HTTP/1.1", 426, b"")),
            (b"HTTP/1.1 500 caf\xc3\xa9", (b"HTTP/1.1", 500, b"caf\xc3\xa9")),
        ):
            self.assertEqual(outcome([line + b"\r\n\r\n"]), (Response(*read, ()), b""))

    def test_malformedStatusLines(self) -> None:
        """
        Anything else.
        """
        for line in (
            b"HTTP/1.1  101 x",
            b"HTTP/1.1 10 x",
            b"HTTP/1.1 1010 x",
            b"HTTP/1.1 +11 x",
            b"HTTP/1.1 011 x",
            b"HTTP/1.1 101\tx",
            b"HTTP/1.2 101 x",
            b"HTTP/1.1 101 \x01",
        ):
            self.assertRefused(line + b"\r\n\r\n", "The status line is malformed")

    def test_otherProtocols(self) -> None:
        """
        Are told by their first bytes.
        """
        for data in (b"SSH-2.0-x", b"\x15\x03\x01", b"HTTP/2", b"\r\n", b"http/1.1 101 x\r\n"):
            self.assertRefused(data, "The server doesn't speak HTTP")

    def test_lines(self) -> None:
        """
        No bare CR or LF, no NUL, no folding, no space before the colon.
        """
        for line in (b"a: b\n", b"a: \rb\r\n", b"a: \0\r\n"):
            self.assertRefused(b"HTTP/1.1 101 x\r\n" + line, "A line of the head has")
        for line in (b"a : b\r\n", b" b\r\n", b": b\r\n", b"ab\r\n", b"a: \x01\r\n"):
            self.assertRefused(b"HTTP/1.1 101 x\r\n" + line, "A header field is malformed")

    def test_bounds(self) -> None:
        """
        Of a line, of the fields, of the whole: at it, and one more.
        """
        first = b"HTTP/1.1 101 x\r\n"
        tooLarge = "The head of the answer is too large"
        line = b"a:" + b"b" * (MAX_LINE - 2) + b"\r\n"
        self.assertIsInstance(outcome([first + line + b"\r\n"]), tuple)
        self.assertRefused(first + b"b" + line, tooLarge)
        fields = b"a: b\r\n" * MAX_FIELDS
        self.assertIsInstance(outcome([first + fields + b"\r\n"]), tuple)
        self.assertRefused(first + fields + b"a: b\r\n", "There are too many header fields")
        self.assertIsInstance(outcome([HEAD], len(HEAD)), tuple)
        self.assertEqual(outcome([HEAD], len(HEAD) - 1), tooLarge)
        self.assertEqual(outcome([b"HTTP/1.1 " + b"1" * MAX_HEAD]), tooLarge)

    @given(st.binary(max_size=80), st.lists(st.integers(0, 400)))
    def test_anyBytes(self, data: bytes, at: list[int]) -> None:
        """
        However they are cut, the outcome is the same, and no other error.
        """
        for before in (b"", b"HTTP/1.1 ", b"HTTP/1.1 101 x\r\n", HEAD[:-2]):
            self.assertEqual(outcome(cut(before + data, at)), outcome([before + data]))

    @settings(deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [b"HTTP/1.1 ", b"101", b" ", b"OK", b"\r\n", b"a: b", b":", b"\t", b"\n", b"\xe9"]
            ),
            max_size=12,
        )
    )
    def test_h11(self, parts: list[bytes]) -> None:
        """
        What it accepts, h11 accepts.
        """
        data = b"HTTP/1.1 200 " + b"".join(parts) + b"\r\n\r\n"
        found = outcome([data])
        if isinstance(found, tuple):
            peer = h11.Connection(h11.CLIENT)
            peer.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
            peer.receive_data(data)
            event = peer.next_event()
            self.assertIsInstance(event, h11.Response)
            self.assertEqual(found[0].status, event.status_code)
