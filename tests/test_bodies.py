"""
What requests to sites of ours may carry.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from wsfallback.bodies import MAX_BODY, ShortBodies
from wsfallback.demo import DemoPage
from wsfallback.status import StatusResource, StatusSite
from wsfallback.testing import attach
from wsfallback.testing.client import Client
from wsfallback.web import HostsSite

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


class Length(Resource):
    """
    Says how long a body was.
    """

    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        assert request.content is not None
        return b"<%d>" % len(request.content.read())


def announced(length: int) -> bytes:
    """
    The head of a request with such a body.
    """
    return HEAD + b"Content-Length: %d\r\n\r\n" % length


class BodyTests(SynchronousTestCase):
    """
    Short ones are read; long ones are not.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        site = Site(Length(), reactor=self.clock)  # type: ignore[no-untyped-call]
        site.protocol = ShortBodies  # type: ignore[assignment,method-assign]
        self.site = site

    def client(self) -> Client:
        """
        One that has not asked yet.
        """
        return attach(self.site)

    def test_bound(self) -> None:
        """
        Request by request.
        """
        client = self.client()
        for _ in range(3):
            client.deliver(announced(MAX_BODY))
            client.deliver(b"x" * MAX_BODY)
        self.assertEqual(client.wire.count(b"<%d>" % MAX_BODY), 3)
        client.deliver(announced(MAX_BODY + 1))
        client.deliver(b"x" * MAX_BODY)
        self.assertFalse(client.transport.finished)
        client.deliver(b"x")
        self.assertIn(b"HTTP/1.1 413 ", client.wire)
        self.assertTrue(client.transport.finished)

    def test_chunks(self) -> None:
        """
        Nobody says beforehand how long these are, and what is between them counts.
        """
        client = self.client()
        client.deliver(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
        self.assertIn(b"<3>", client.wire)
        client.deliver(CHUNKED)
        for _ in range(MAX_BODY // 6):
            client.deliver(b"1\r\nx\r\n")
        self.assertFalse(client.transport.finished)
        client.deliver(b"1\r\nx\r\n")
        self.assertTrue(client.transport.finished)

    def test_after(self) -> None:
        """
        What still comes is passed over, with one answer.
        """
        client = self.client()
        client.deliver(announced(10**12))
        for _ in range(5):
            client.transport.arrive(b"x" * MAX_BODY)
        self.assertTrue(client.transport.connected)
        self.assertEqual(client.wire.count(b"HTTP/1.1"), 1)

    def test_sites(self) -> None:
        """
        All of ours have it.
        """
        status = StatusResource(lambda: self.fail("not asked"))
        for site in (
            HostsSite(DemoPage(), [], reactor=self.clock),
            StatusSite(status, reactor=self.clock),
            StatusSite(status, isKept=False, reactor=self.clock),
        ):
            client = attach(site)
            client.deliver(announced(10**12))
            client.deliver(b"x" * (MAX_BODY + 1))
            self.assertIn(b"HTTP/1.1 413 ", client.wire)
