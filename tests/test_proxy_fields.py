"""
Which fields go through a reverse proxy.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.head import MAX_FIELDS
from wsfallback.proxy_fields import asked, framing, passed, trouble


class PassedTests(SynchronousTestCase):
    """
    RFC 9110 §7.6.1.
    """

    def test_endToEnd(self) -> None:
        """
        What is not of the connection stays as it is, in its order, twice if it is there twice.
        """
        fields = [(b"Set-Cookie", b"a=1"), (b"ETag", b'"x"'), (b"set-cookie", b"b=2")]
        self.assertEqual(list(passed(fields)), fields)

    def test_hopByHop(self) -> None:
        """
        What is of the connection stays on it.
        """
        for name in (
            b"Connection",
            b"Content-Length",
            b"HTTP2-Settings",
            b"Keep-Alive",
            b"Proxy-Authenticate",
            b"Proxy-Authorization",
            b"Proxy-Connection",
            b"TE",
            b"Trailer",
            b"Transfer-Encoding",
            b"Upgrade",
        ):
            self.assertEqual(list(passed([(name, b"1"), (b"a", b"2")])), [(b"a", b"2")])

    def test_listed(self) -> None:
        """
        And so does all that Connection lists, in however many lines.
        """
        fields = [
            (b"X-One", b"1"),
            (b"connection", b"x-one, close"),
            (b"x-two", b"2"),
            (b"Connection", b" X-TWO "),
            (b"x-three", b"3"),
        ]
        self.assertEqual(list(passed(fields)), [(b"x-three", b"3")])


class AskedTests(SynchronousTestCase):
    """
    What a client may not say of itself.
    """

    def test_names(self) -> None:
        """
        Names get their usual case, values lose the white space around them.
        """
        self.assertEqual(list(asked([(b"user-agent", b" x y ")])), [(b"User-Agent", b"x y")])

    def test_ofProxies(self) -> None:
        """
        Fields in which proxies are believed, and what becomes them in CGI.
        """
        for name in (
            b"host",
            b"forwarded",
            b"proxy",
            b"x-forwarded-for",
            b"x-forwarded-anything",
            b"x-real-ip",
            b"x_forwarded_for",
            b"content_length",
        ):
            self.assertEqual(list(asked([(name, b"1"), (b"a", b"2")])), [(b"A", b"2")])


class TroubleTests(SynchronousTestCase):
    """
    Answers that had better not be passed on.
    """

    def test_good(self) -> None:
        """
        Tabs, obsolete text and as many fields as there may be are nothing to mind.
        """
        self.assertIsNone(trouble(b"OK", [(b"a", b"b\tc\xe9")] * MAX_FIELDS, 1000))

    def test_bad(self) -> None:
        """
        Each has its sentence.
        """
        for reason, fields, sentence in (
            (b"O\x1bK", [], "control"),
            (b"", [(b"a", b"\x01")], "control"),
            (b"", [(b"a", b"b")] * (MAX_FIELDS + 1), "large"),
            (b"", [(b"a", b"b" * 1000)], "large"),
            (b"", [(b"content-length", b"1"), (b"transfer-encoding", b"chunked")], "Transfer"),
        ):
            self.assertIn(sentence, str(trouble(reason, fields, 1000)))


class FramingTests(SynchronousTestCase):
    """
    RFC 9112 §6.
    """

    def test_framing(self) -> None:
        """
        One field at most, and Transfer-Encoding before Content-Length.
        """
        chunked, length = (b"transfer-encoding", b"Chunked"), (b"content-length", b" 7 ")
        self.assertEqual(framing([(b"a", b"b")]), [])
        self.assertEqual(framing([length]), [(b"Content-Length", b"7")])
        self.assertEqual(framing([(b"content-length", b"010")]), [(b"Content-Length", b"10")])
        self.assertEqual(framing([length, chunked]), [(b"Transfer-Encoding", b"chunked")])
