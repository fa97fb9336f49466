"""
A request whose body nobody reads.
"""

from io import BytesIO
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import attach
from wsfallback.unread import UnreadRequest


class Watching(Resource):
    """
    Keeps what came as the bodies of requests.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[Any] = []

    def render_POST(self, request: Any) -> bytes:
        """
        Answer.
        """
        self.bodies.append((type(request.content), request.content.read()))
        return b"done"


class UnreadRequestTests(SynchronousTestCase):
    """
    Of any length, announced or not.
    """

    def test_bodies(self) -> None:
        """
        None is kept, in memory or in a file, and the next request is found behind it.
        """
        root = Watching()
        site = Site(root, reactor=Clock(), requestFactory=UnreadRequest)
        client = attach(FallbackServerFactory(Echo, site=site, reactor=Clock()))
        head = b"POST / HTTP/1.1\r\nHost: a\r\n"
        for length in (0, 1, 99_999, 300_000):
            client.deliver(head + b"Content-Length: %d\r\n\r\n" % length + b"x" * length)
        client.deliver(head + b"Transfer-Encoding: chunked\r\n\r\n")
        client.deliver(b"10000\r\n" + b"x" * 0x10000 + b"\r\n0\r\n\r\n")
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"
        client.deliver(head + form)
        self.assertEqual(client.wire.count(b"HTTP/1.1 200 OK\r\n"), 6)
        self.assertEqual(root.bodies, [(BytesIO, b"")] * 6)
