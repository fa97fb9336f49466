"""
Errors, and the HTTP answer that one of them makes.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.errors import (
    CLIPPED,
    ChannelError,
    FrameError,
    HandshakeError,
    NotOpen,
    NotText,
    UnsupportedByDraft,
    WSFallbackError,
    phrase,
    quoted,
)


class TreeTests(SynchronousTestCase):
    """
    The tree of the module's docstring.
    """

    def test_everyErrorIsOfThePackage(self) -> None:
        """
        One `except` catches all of them.
        """
        for error in (HandshakeError, FrameError, ChannelError):
            self.assertTrue(issubclass(error, WSFallbackError), error)

    def test_callersErrors(self) -> None:
        """
        What a caller of a channel does wrong is a `ChannelError`.
        """
        for error in (NotOpen, UnsupportedByDraft, NotText):
            self.assertTrue(issubclass(error, ChannelError), error)
        self.assertTrue(issubclass(NotText, ValueError))

    def test_branchesAreApart(self) -> None:
        """
        Nobody catches a peer's error as his own, nor the other way round.
        """
        self.assertFalse(issubclass(HandshakeError, (FrameError, ChannelError)))
        self.assertFalse(issubclass(FrameError, (HandshakeError, ChannelError)))
        self.assertFalse(issubclass(ChannelError, (HandshakeError, FrameError)))


class QuotedTests(SynchronousTestCase):
    """
    A peer's bytes in a log line.
    """

    def test_escapes(self) -> None:
        """
        Nothing of the peer's breaks the line or reaches a terminal.
        """
        self.assertEqual(quoted(b"a\r\n\x1b[31m\xff'"), '"a\\r\\n\\x1b[31m\\xff\'"')

    def test_whole(self) -> None:
        """
        Up to the bound it is whole.
        """
        self.assertEqual(quoted(b"x" * CLIPPED), repr("x" * CLIPPED))

    def test_clipped(self) -> None:
        """
        One byte more is left out, and that is said.
        """
        self.assertEqual(quoted(b"x" * (CLIPPED + 1)), repr("x" * CLIPPED) + "...")


class UpgradeTests(SynchronousTestCase):
    """
    RFC 9110 §7.8 and §15.5.22: an answer that names another protocol.
    """

    def test_connectionField(self) -> None:
        """
        Says so in its Connection field, of which there is one.
        """
        answer = HandshakeError(426, "no", None, (("Upgrade", "websocket"),)).answer()
        self.assertIn(b"\r\nConnection: close, Upgrade\r\n", answer)
        self.assertEqual(answer.count(b"Connection:"), 1)
        self.assertIn(b"\r\nConnection: close\r\n", HandshakeError(400, "no").answer())


class PhraseTests(SynchronousTestCase):
    """
    RFC 9110 §15: reason phrases.
    """

    def test_known(self) -> None:
        """
        The registered one.
        """
        self.assertEqual(phrase(426), "Upgrade Required")

    def test_unknown(self) -> None:
        """
        There is one for each status, as an application may refuse with any.
        """
        self.assertEqual(phrase(499), "Refused")


class HandshakeErrorTests(SynchronousTestCase):
    """
    RFC 9112 §4, §9.6: the answer that refuses.
    """

    def test_answer(self) -> None:
        """
        A whole answer, after which the connection is closed.
        """
        self.assertEqual(
            HandshakeError(400, "No").answer(),
            b"HTTP/1.1 400 Bad Request\r\n"
            b"Connection: close\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: 3\r\n"
            b"\r\n"
            b"No\n",
        )

    def test_moreFields(self) -> None:
        """
        The error's own fields are in its answer.
        """
        error = HandshakeError(405, "No", fields=(("Allow", "GET"), ("X-Why", "y")))
        head = error.answer().partition(b"\r\n\r\n")[0]
        self.assertTrue(head.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n"))
        self.assertEqual(head.split(b"\r\n")[-2:], [b"Allow: GET", b"X-Why: y"])

    def test_seenIsForTheLog(self) -> None:
        """
        What the peer sent is in the error's text, quoted, and not in its answer.
        """
        error = HandshakeError(400, "No", b"<script>\r\n")
        self.assertEqual(str(error), "No: '<script>\\r\\n'")
        self.assertEqual(error.sentence, "No")
        self.assertNotIn(b"script", error.answer())

    def test_nothingSeen(self) -> None:
        """
        Nothing seen and an empty value seen are two things.
        """
        self.assertEqual(str(HandshakeError(400, "No")), "No")
        self.assertEqual(str(HandshakeError(400, "No", b"")), "No: ''")

    def test_attributes(self) -> None:
        """
        Status and fields can be asked for.
        """
        error = HandshakeError(426, "No", None, (("a", "b"),))
        self.assertEqual((error.status, error.fields), (426, (("a", "b"),)))

    def test_anApplicationsSentence(self) -> None:
        """
        An application's reason stays one line of the body, in UTF-8, its length in bytes.
        """
        head, _, body = HandshakeError(403, "Nö\r\n\r\n\udc80 way").answer().partition(b"\r\n\r\n")
        self.assertEqual(body, "Nö ? way\n".encode())
        self.assertIn(b"Content-Length: 10", head.split(b"\r\n"))

    def test_unknownStatus(self) -> None:
        """
        A status without a phrase of its own is sent as well.
        """
        self.assertTrue(HandshakeError(499, "No").answer().startswith(b"HTTP/1.1 499 Refused\r\n"))


class FrameErrorTests(SynchronousTestCase):
    """
    A broken frame.
    """

    def test_code(self) -> None:
        """
        It has the close code that says so.
        """
        error = FrameError(1009, "too long")
        self.assertEqual((error.code, str(error)), (1009, "too long"))
