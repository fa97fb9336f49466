"""
`ReverseProxy`: where requests go, and what the backend is asked.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from zope.interface import alsoProvides

from tests.pipe import Network
from tests.proxied import GET, OK, POST, Backend, ProxyTestCase
from wsfallback import FallbackServerFactory
from wsfallback.backends import SKIPPED
from wsfallback.proxy import ReverseProxy, httpDestination
from wsfallback.testing import MemoryTransport, attach

TWO = ("http://one.test", "http://two.test")


class URLTests(ProxyTestCase):
    """
    What names a backend.
    """

    def test_url(self) -> None:
        """
        Scheme, host and port; the port of the scheme where none is given.
        """
        for url, hostname, port, isSecure in (
            ("http://a.test", "a.test", 80, False),
            ("https://a.test/", "a.test", 443, True),
            ("http://[::1]:81", "::1", 81, False),
        ):
            where = httpDestination(url)
            self.assertEqual(
                (where.hostname, where.port, where.isSecure), (hostname, port, isSecure)
            )

    def test_wrong(self) -> None:
        """
        Nothing else: a path would be another one than the client's.
        """
        for url in (
            "",
            "a.test",
            "ws://a.test",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://u@a",
        ):
            self.assertRaises(ValueError, httpDestination, url)
        self.assertRaises(ValueError, ReverseProxy, [], reactor=Clock())
        for name in ("timeout", "connectTimeout"):
            for seconds in (0, -1.0, float("nan")):
                wrong = {name: seconds}
                self.assertRaises(ValueError, ReverseProxy, ["http://a"], reactor=Clock(), **wrong)

    def test_default(self) -> None:
        """
        It is reached over TCP.
        """
        reactor = MemoryReactorClock()
        proxy = ReverseProxy(["http://127.0.0.1:81"], reactor=reactor)
        reaching = Deferred.fromCoroutine(proxy.reach(True))
        self.assertEqual(reactor.tcpClients[0][:2], ("127.0.0.1", 81))
        reactor.advance(5)
        self.failureResultOf(reaching)


class AskingTests(ProxyTestCase):
    """
    What the backend is asked.
    """

    def test_get(self) -> None:
        """
        The client's request, the backend's host, and who the client is.
        """
        self.client(self.proxy(urls=("http://one.test:81",)), GET)
        self.assertEqual(
            self.backends[0].received,
            b"GET /a?b HTTP/1.1\r\n"
            b"Host: one.test:81\r\n"
            b"X-Forwarded-For: 192.0.2.7\r\n"
            b"X-Forwarded-Proto: http\r\n"
            b"X-Forwarded-Host: www.test\r\n"
            b'Forwarded: for=192.0.2.7;host="www.test";proto=http\r\n\r\n',
        )

    def test_keepHost(self) -> None:
        """
        The client's host, if that is wanted and it has one.
        """
        self.client(self.proxy(keepHost=True), GET)
        self.assertIn(b"\r\nHost: www.test\r\n", self.backends[0].head)
        absolute = GET.replace(b" /", b" http://a.test:1/")
        self.client(self.proxy(keepHost=True), absolute)
        self.assertIn(b"\r\nHost: a.test:1\r\n", self.backends[0].head)
        self.assertIn(b"\r\nX-Forwarded-Host: a.test:1\r\n", self.backends[0].head)
        self.client(self.proxy(keepHost=True), b"GET / HTTP/1.0\r\n\r\n")
        self.assertIn(b"\r\nHost: one.test\r\n", self.backends[0].head)

    def test_tls(self) -> None:
        """
        The backend is told of the client's TLS.
        """
        proxy = self.proxy()
        transport = MemoryTransport(self.clock)
        alsoProvides(transport, ISSLTransport)
        transport.attach(proxy.buildProtocol(transport.getPeer()))
        self.hear(transport, GET)
        self.assertIn(b"\r\nX-Forwarded-Proto: https\r\n", self.backends[0].head)

    def test_trusted(self) -> None:
        """
        A proxy that is trusted is believed, and nobody else.
        """
        request = GET[:-2] + b"X-Forwarded-For: 198.51.100.4\r\nX-Forwarded-Proto: https\r\n\r\n"
        for network, seen in (
            ("192.0.2.0/24", (b"198.51.100.4, 192.0.2.7", b"https")),
            ("203.0.113.0/24", (b"192.0.2.7", b"http")),
        ):
            self.client(self.proxy(trusted=[network]), request)
            head = self.backends[0].head
            self.assertIn(b"\r\nX-Forwarded-For: %s\r\nX-Forwarded-Proto: %s\r\n" % seen, head)

    def test_trustedInSeveralFields(self) -> None:
        """
        One field for each proxy on the way is one list: none is lost.
        """
        said = b"X-Forwarded-For: 198.51.100.4\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n"
        self.client(self.proxy(trusted=["192.0.2.0/24"]), GET[:-2] + said)
        self.assertIn(
            b"\r\nX-Forwarded-For: 198.51.100.4, 192.0.2.9, 192.0.2.7\r\n", self.backends[0].head
        )

    def test_absolute(self) -> None:
        """
        RFC 9112 §3.2.2: a target in absolute form is served, as its path.
        """
        self.client(self.proxy(), b"GET http://www.test/x HTTP/1.1\r\nHost: www.test\r\n\r\n")
        self.assertEqual(self.backends[0].received[:17], b"GET /x HTTP/1.1\r\n")

    def test_asterisk(self) -> None:
        """
        RFC 9112 §3.2.4.
        """
        self.client(self.proxy(), b"OPTIONS * HTTP/1.1\r\nHost: www.test\r\n\r\n")
        self.assertEqual(self.backends[0].received[:20], b"OPTIONS * HTTP/1.1\r\n")


class ReachTests(ProxyTestCase):
    """
    Which backend it is.
    """

    def test_fewest(self) -> None:
        """
        The one with the fewest requests.
        """
        proxy = self.proxy(urls=TWO)
        for _ in range(3):
            self.client(proxy, GET)
        self.assertEqual(self.asked, ["http://one.test", "http://two.test", "http://one.test"])

    def test_dead(self) -> None:
        """
        One that can't be reached is passed over, and comes last for a while.
        """
        one, other = Backend(), Backend()
        proxy = self.proxy(ConnectionRefusedError(), one, other, urls=TWO)
        client = self.client(proxy, POST + b"abcdef")
        one.transport.write(OK)
        self.net.settle()
        self.assertEqual(self.answer(client), OK)
        self.client(proxy, POST + b"abcdef")
        self.assertEqual(self.asked, ["http://one.test", "http://two.test", "http://two.test"])
        self.clock.advance(SKIPPED)
        self.client(proxy, POST + b"abcdef")
        self.assertEqual(self.asked[3:], ["http://one.test", "http://two.test"])

    def test_none(self) -> None:
        """
        502 where there is none.
        """
        proxy = self.proxy(ConnectionRefusedError())
        client = self.client(proxy, GET)
        self.assertRefused(client, 502)
        self.assertQuiet(proxy)

    def test_late(self) -> None:
        """
        504 where none can be reached in time.
        """
        proxy = self.proxy(None, connectTimeout=3.0)
        client = self.client(proxy, GET)
        self.clock.advance(2.9)
        self.assertEqual(client.writes, [])
        self.clock.advance(0.1)
        self.assertRefused(client, 504)
        self.assertEqual(self.net.cancelled, 1)
        self.assertQuiet(proxy)

    def test_clientLeaves(self) -> None:
        """
        A client that leaves meanwhile ends the attempt.
        """
        proxy = self.proxy(None)
        client = self.client(proxy, GET)
        self.assertFalse(client.paused)
        client.lose(ConnectionDone())
        self.assertEqual(self.net.cancelled, 1)
        self.assertQuiet(proxy)

    def test_clientLeavesTwo(self) -> None:
        """
        No other backend gets what nobody wants any more; and the first is not to blame.
        """
        proxy = self.proxy(None, *[Backend(), Backend()], urls=TWO)
        self.client(proxy, POST).lose(ConnectionDone())
        self.client(proxy, POST)
        self.assertEqual(self.asked, ["http://one.test", "http://one.test"])


class SecureTests(ProxyTestCase):
    """
    ``https://``.
    """

    def secure(self, **options: Any) -> Any:
        """
        A proxy whose backends are at the beginning of TLS.
        """
        proxy = self.proxy(**options)
        self.net = Network(self.clock, self.backends, isSecure=True)
        return proxy

    def test_certificate(self) -> None:
        """
        A backend whose certificate is not right has not been reached, and is told nothing.
        """
        client = self.client(self.secure(urls=TWO), POST + b"abcdef")
        self.net.ends[0][0].abortConnection()
        self.net.settle()
        self.assertEqual(self.backends[0].received, b"")
        self.net.ends[1][0]._protocol.handshakeCompleted()
        self.net.settle()
        self.say(OK, 1)
        self.assertEqual(self.answer(client), OK)

    def test_late(self) -> None:
        """
        Nor has one that doesn't get that far in time.
        """
        proxy = self.secure(connectTimeout=3.0)
        client = self.client(proxy, GET)
        self.clock.advance(3)
        self.net.settle()
        self.assertRefused(client, 504)
        self.assertTrue(self.backends[0].lost)
        self.assertQuiet(proxy)

    def test_clientLeaves(self) -> None:
        """
        A client that leaves meanwhile ends it.
        """
        proxy = self.secure()
        self.client(proxy, GET).lose(ConnectionDone())
        self.net.settle()
        self.assertTrue(self.backends[0].lost)
        self.assertQuiet(proxy)


class PortTests(ProxyTestCase):
    """
    Behind a `FallbackServerFactory`.
    """

    def test_site(self) -> None:
        """
        What is no WebSocket is the proxy's, and the head with it.
        """
        proxy = self.proxy()
        factory = FallbackServerFactory(routes={"/ws": self.fail}, site=proxy, reactor=self.clock)
        client = attach(factory)
        client.deliver(GET)
        self.net.settle()
        self.say(OK)
        self.assertEqual(b"".join(client.transport.writes), OK)
