"""
What `Files` and `PublicSite` add to Twisted's; that files are served is seen on sockets.
"""

from typing import Any
from unittest import mock

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPFactory
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import File

from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.quota import Quota
from wsfallback.testing import attach
from wsfallback.web import Files, PublicSite


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


class Names(Resource):
    """
    Says what was asked for.
    """

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        """
        The path.
        """
        return b"<%s>" % request.path


class PublicSiteTests(SynchronousTestCase):
    """
    What one client may make of the command's own pages.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.site = PublicSite(
            Names(), ["a"], ["192.0.2.7"], Quota(self.clock, 3), reactor=self.clock
        )
        self.client = attach(FallbackServerFactory(Echo, site=self.site, reactor=self.clock))

    def ask(self, *paths: bytes, fields: bytes = b"") -> None:
        """
        In one segment.
        """
        requests = [b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (path, fields) for path in paths]
        self.client.transport.arrive(b"".join(requests))

    def test_requestsAtOnce(self) -> None:
        """
        Are answered one in a turn, all of them, and in their order.
        """
        self.ask(b"/a", b"/b", b"/c", b"/d")
        self.assertIn(b"</a>", self.client.wire)
        self.assertNotIn(b"</b>", self.client.wire)
        self.client.settle()
        places = [self.client.wire.index(b"<%s>" % path) for path in (b"/a", b"/b", b"/c", b"/d")]
        self.assertEqual(places, sorted(places))

    def test_notKept(self) -> None:
        """
        A connection for one request is closed behind it.
        """
        self.ask(b"/a", fields=b"Connection: close\r\n")
        self.client.settle()
        self.assertIn(b"</a>", self.client.wire)
        self.assertTrue(self.client.disconnected)

    def test_lostMeanwhile(self) -> None:
        """
        There is nobody to go on for, and nothing is waited for.
        """
        self.ask(b"/a", b"/b")
        self.client.transport.lose(ConnectionLost())
        self.assertNotIn(b"</b>", self.client.wire)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.client = attach(FallbackServerFactory(Echo, site=self.site, reactor=self.clock))
        self.ask(b"/a")
        self.client.settle()
        self.client.transport.lose(ConnectionLost())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_log(self) -> None:
        """
        So many lines for each client, be it behind a proxy, and one for all others.
        """
        with mock.patch.object(HTTPFactory, "log") as log:
            for client, lines in ((b"198.51.100.1", 3), (b"198.51.100.2", 6)):
                for _ in range(5):
                    self.ask(b"/", fields=b"X-Forwarded-For: %s\r\n" % client)
                    self.client.settle()
                self.assertEqual(log.call_count, lines)
        self.client.drop()
        with capturedLogs() as events:
            self.clock.advance(61)
        self.assertEqual(
            [formatEvent(event) for event in events],
            [f"198.51.100.{n}: 2 more in 60 s: 2 asked by HTTP" for n in (1, 2)],
        )

    def test_stop(self) -> None:
        """
        What has been left out is said at last.
        """
        self.site.doStart()
        for _ in range(4):
            self.ask(b"/")
            self.client.settle()
        with capturedLogs() as events:
            self.site.doStop()
        self.assertIn(
            "192.0.2.7: 1 more in 60 s: 1 asked by HTTP", [formatEvent(each) for each in events]
        )
