"""
What `Files` adds to Twisted's; that files are served is seen on sockets.
"""

from unittest import mock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.server import Site
from twisted.web.static import File

from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import attach
from wsfallback.web import Files


class FilesTests(SynchronousTestCase):
    """
    Files.
    """

    def rangeLeft(self, *wanted: bytes) -> bool:
        """
        Whether Twisted gets to see the Range fields of a request.
        """
        request = mock.Mock(requestHeaders=Headers({b"range": list(wanted)}))
        with mock.patch.object(File, "render_GET", return_value=b"") as render:
            Files(".").render_GET(request)
        render.assert_called_once_with(request)
        return request.requestHeaders.hasHeader(b"range")

    def test_ranges(self) -> None:
        """
        Those that can be read.
        """
        for wanted in (b"0-3", b"7-", b"-2", b"0-1, 8-9", b",".join([b"0-0"] * 16)):
            self.assertTrue(self.rangeLeft(b"bytes=" + wanted), wanted)

    def test_rangesThatCantBeRead(self) -> None:
        """
        RFC 9110 §14.2: are ignored, and far too many are as none.
        """
        for wanted in (
            b"bytes=",
            b"bytes=\xff",
            b"bytes=a-b",
            b"bytes=-",
            b"bytes=1",
            b"lines=1-2",
            b"bytes=" + b"9" * 5000 + b"-",
            b"bytes=" + b",".join([b"0-0"] * 17),
        ):
            self.assertFalse(self.rangeLeft(wanted), wanted)
        self.assertFalse(self.rangeLeft(b"bytes=0-1", b"bytes=2-3"))

    def test_names(self) -> None:
        """
        What no file can be called is not found, without a traceback.
        """
        site = Site(Files("."), reactor=Clock())
        for path in (b"/%00", b"/x%00y", b"/%2e%2e/x", b"/nine.txt"):
            client = attach(FallbackServerFactory(Echo, site=site, reactor=Clock()))
            client.deliver(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(client.wire.startswith(b"HTTP/1.1 404 "), (path, client.wire))
        self.assertEqual(self.flushLoggedErrors(), [])
