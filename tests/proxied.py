"""
A reverse proxy between a client and its backends, in memory.
"""

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.pipe import Network
from wsfallback.proxy import ReverseProxy
from wsfallback.testing import MemoryTransport

GET = b"GET /a?b HTTP/1.1\r\nHost: www.test\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: www.test\r\nContent-Length: 6\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: www.test\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Backend(Protocol):
    """
    A server that keeps what comes, and says what a test tells it.

    :ivar received: what came.
    :ivar lost: the connection is over.
    """

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        """
        It is over.
        """
        self.lost = True

    @property
    def head(self) -> bytes:
        """
        Of the first request.
        """
        return self.received.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """
        All behind that.
        """
        return self.received.partition(b"\r\n\r\n")[2]


class ProxyTestCase(SynchronousTestCase):
    """
    What these tests need.
    """

    def proxy(
        self, *servers: Any, urls: tuple[str, ...] = ("http://one.test",), **options: Any
    ) -> Any:
        """
        A proxy whose connections are in memory.

        :param servers: what it gets when it connects, one after the other, as of `Network`; by
            default three backends.
        """
        self.clock = Clock()
        self.backends = [Backend(), Backend(), Backend()]
        self.net = Network(self.clock, servers or self.backends)
        self.asked: list[str] = []

        def endpoint(url: str) -> Network:
            self.asked.append(url)
            return self.net

        return ReverseProxy(urls, reactor=self.clock, endpoint=endpoint, **options)

    def client(self, proxy: Any, *segments: bytes) -> MemoryTransport:
        """
        A client's connection to it, on which these segments come.
        """
        transport = MemoryTransport(self.clock)
        transport.attach(proxy.buildProtocol(transport.getPeer()))
        for segment in segments:
            transport.arrive(segment)
        self.net.settle()
        return transport

    def say(self, data: bytes, number: int = 0) -> None:
        """
        A backend says something.
        """
        self.backends[number].transport.write(data)
        self.net.settle()

    def hear(self, client: MemoryTransport, data: bytes) -> None:
        """
        Something comes from the client.
        """
        client.arrive(data)
        self.net.settle()

    def answer(self, client: MemoryTransport) -> bytes:
        """
        What the client has got since it was asked last.
        """
        got = b"".join(client.writes)
        client.writes.clear()
        return got

    def assertRefused(self, client: MemoryTransport, status: int) -> None:
        """
        The client got this status and the end, and the proxy keeps nothing of it.
        """
        self.assertEqual(self.answer(client)[:13], b"HTTP/1.1 %d " % status)
        self.assertTrue(client.finished)
        client.lose(ConnectionDone())
        self.net.settle()

    def assertQuiet(self, proxy: Any) -> None:
        """
        There is nothing left.
        """
        self.assertEqual([backend.open for backend in proxy.backends.all], [0])
        proxy.stopFactory()
        self.net.settle()
        self.assertTrue(self.net.isQuiet, self.clock.getDelayedCalls())
