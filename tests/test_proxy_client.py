"""
A client's connection to the proxy: one request after the other, none for ever.
"""

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from zope.interface.verify import verifyObject

from tests.proxied import CHUNKED, GET, OK, POST, ProxyTestCase
from wsfallback.addresses import networks
from wsfallback.proxy_client import MAX_AHEAD
from wsfallback.testing import MemoryTransport


class ConnectionTests(ProxyTestCase):
    """
    RFC 9112 §9.
    """

    def test_kept(self) -> None:
        """
        Requests follow each other on one connection, and on one to the backend.
        """
        proxy = self.proxy()
        client = self.client(proxy)
        for _ in range(3):
            self.hear(client, GET)
            self.say(OK)
            self.assertEqual(self.answer(client), OK)
        self.assertEqual(self.net.tried, 1)
        client.lose(ConnectionDone())
        self.assertQuiet(proxy)

    def test_close(self) -> None:
        """
        Until the client says that this was the last.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET[:-2] + b"Connection: close\r\n\r\n" + GET)
        self.say(OK)
        self.assertIn(b"\r\nConnection: close\r\n", self.answer(client))
        self.assertTrue(client.finished)
        # It may take its time to read the answer.
        self.clock.advance(59)
        self.assertTrue(client.connected)
        self.clock.advance(1)
        self.net.settle()
        self.assertTrue(client.aborted)
        self.assertQuiet(proxy)

    def test_hosts(self) -> None:
        """
        Each request is for a host of ours, or gets 421, and no backend hears of it.
        """
        other = GET.replace(b"www.test", b"evil.test")
        told = GET[:-2] + b"X-Forwarded-Host: evil.test\r\n\r\n"
        absolute = GET.replace(b"/a", b"http://evil.test/a")
        for second in (other, absolute, told):
            proxy = self.proxy(hosts=["www.test"], trusted=networks(["192.0.2.0/24"]))
            client = self.client(proxy, GET)
            self.say(OK)
            self.assertEqual(self.answer(client), OK)
            heard = self.backends[0].received
            self.hear(client, second)
            self.assertRefused(client, 421)
            self.assertEqual(self.backends[0].received, heard)
            self.assertQuiet(proxy)

    def test_pipelined(self) -> None:
        """
        Requests that came at once are answered in their order, one after the other.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET + POST + b"abcdef" + GET)
        for number in (0, 1, 1):
            self.assertEqual(client.writes, [])
            self.say(OK, number)
            self.assertEqual(self.answer(client), OK)
        self.assertIn(b"abcdefGET ", self.backends[1].received)

    def test_lineEnds(self) -> None:
        """
        RFC 9112 §2.2: empty lines before a request are left out, and are none.
        """
        proxy = self.proxy()
        client = self.client(proxy, b"\r\n\r\n", GET, b"\r\n", b"\r\n" + GET)
        self.say(OK)
        self.assertEqual(self.answer(client), OK)
        self.say(OK)
        self.assertEqual(self.answer(client), OK)
        self.hear(client, b"\r\n")
        self.clock.advance(59)
        self.assertFalse(client.finished)

    def test_ahead(self) -> None:
        """
        A client is read during an answer, so that its end is noticed, but not without bound.
        """
        client = self.client(self.proxy(), GET)
        self.assertFalse(client.paused)
        self.hear(client, GET.replace(b"/a", b"/" + MAX_AHEAD * b"a"))
        self.assertTrue(client.paused)
        self.say(OK)
        self.assertFalse(client.paused)

    def test_leaves(self) -> None:
        """
        When a client leaves, nobody works for it any more.
        """
        for segments in ((), (GET[:9],), (GET,), (POST, b"abc")):
            proxy = self.proxy()
            client = self.client(proxy, *segments)
            client.lose(ConnectionDone())
            self.net.settle()
            self.assertQuiet(proxy)
            self.assertEqual(self.backends[0].lost, len(segments) > 0 and segments != (GET[:9],))

    def test_half(self) -> None:
        """
        A client that has ended its half gets the answers that it is owed.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET + GET)
        client.leave(ConnectionDone())
        for _ in range(2):
            self.assertFalse(client.finished)
            self.say(OK)
            self.assertEqual(self.answer(client), OK)
        self.assertTrue(client.finished)
        self.assertGone(client, proxy)

    def test_halfWhileConnecting(self) -> None:
        """
        While the backend is still being reached, too.
        """
        client = self.client(self.proxy(None), GET)
        client.leave(ConnectionDone())
        self.assertFalse(client.finished)

    def test_halfAtLast(self) -> None:
        """
        Nor does it lose the time that it has to read the last answer.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET[:-2] + b"Connection: close\r\n\r\n")
        self.say(OK)
        client.loseConnection = lambda: None  # type: ignore[method-assign]  # it isn't sent yet
        client.leave(ConnectionDone())
        self.clock.advance(59)
        self.assertTrue(client.connected)
        del client.loseConnection
        client.leave(ConnectionDone())
        self.assertGone(client, proxy)

    def test_halfTooEarly(self) -> None:
        """
        But not for half a request.
        """
        for segments in ((), (GET[:9],), (POST, b"abc")):
            proxy = self.proxy()
            client = self.client(proxy, *segments)
            client.leave(ConnectionDone())
            self.assertTrue(client.finished)
            self.assertGone(client, proxy)

    def assertGone(self, client: MemoryTransport, proxy: Any) -> None:
        """
        The connection is over, without another word of the client's and without a wait.
        """
        self.net.settle()
        self.assertFalse(client.connected)
        self.assertFalse(client.aborted)
        self.assertQuiet(proxy)

    def test_interfaces(self) -> None:
        """
        What Twisted asks of it.
        """
        protocol = self.proxy().buildProtocol(None)
        verifyObject(IHalfCloseableProtocol, protocol)
        verifyObject(IPushProducer, protocol)
        protocol.writeConnectionLost()
        self.assertEqual(protocol.logPrefix(), "ReverseProxy")

    def test_resumedLate(self) -> None:
        """
        What is told of a connection that is over changes nothing.
        """
        client = self.client(self.proxy(), GET)
        producer = client.producer
        client.lose(ConnectionDone())
        producer.pauseProducing()
        producer.resumeProducing()
        producer.stopProducing()
        self.assertFalse(client.paused)


class DeadlineTests(ProxyTestCase):
    """
    Every wait has an end.
    """

    def test_idle(self) -> None:
        """
        A connection without a request is closed, the first time and later.
        """
        for segments in ((), (GET,)):
            proxy = self.proxy(timeout=30.0)
            client = self.client(proxy, *segments)
            if segments:
                self.clock.advance(20)
                self.say(OK)
                self.assertEqual(self.answer(client), OK)
            self.clock.advance(29)
            self.assertFalse(client.finished)
            self.clock.advance(1)
            self.assertTrue(client.finished)
            self.assertEqual(client.writes, [])
            self.clock.advance(2)
            self.net.settle()
            self.assertFalse(client.connected)
            self.assertQuiet(proxy)

    def test_head(self) -> None:
        """
        408 for a head that takes too long, however many bytes come.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET[:5])
        for at in range(5, 9):
            self.clock.advance(1)
            self.hear(client, GET[at : at + 1])
        self.clock.advance(1)
        self.assertRefused(client, 408)
        self.assertQuiet(proxy)

    def test_body(self) -> None:
        """
        408 for a body that doesn't come; each byte buys it the time anew.
        """
        proxy = self.proxy(timeout=30.0)
        client = self.client(proxy, POST)
        for byte in (b"a", b"b"):
            self.clock.advance(29)
            self.hear(client, byte)
        self.clock.advance(29)
        self.assertEqual(client.writes, [])
        self.clock.advance(1)
        self.assertRefused(client, 408)
        self.assertTrue(self.backends[0].lost)
        self.assertQuiet(proxy)

    def test_backendTakesNothing(self) -> None:
        """
        504 where it is the backend that the body waits for.
        """
        proxy = self.proxy(timeout=30.0)
        client = self.client(proxy, POST)
        ((near, _),) = self.net.ends
        near.producer.pauseProducing()
        self.clock.advance(30)
        self.assertRefused(client, 504)
        self.assertQuiet(proxy)

    def test_answer(self) -> None:
        """
        504 for an answer that doesn't come.
        """
        proxy = self.proxy(timeout=30.0)
        client = self.client(proxy, GET)
        self.clock.advance(29)
        self.assertEqual(client.writes, [])
        self.clock.advance(1)
        self.assertRefused(client, 504)
        self.assertQuiet(proxy)

    def test_rest(self) -> None:
        """
        An answer whose rest doesn't come is broken off.
        """
        proxy = self.proxy(timeout=30.0)
        client = self.client(proxy, GET)
        self.clock.advance(29)
        self.say(OK[:-1])
        self.clock.advance(29)
        self.assertFalse(client.aborted)
        self.clock.advance(1)
        self.assertTrue(client.aborted)
        self.net.settle()
        self.assertQuiet(proxy)

    def test_slowReader(self) -> None:
        """
        A client that takes nothing of a long answer is no reason to wait for ever, either.
        """
        proxy = self.proxy(timeout=30.0)
        client = self.client(proxy, GET)
        client.producer.pauseProducing()
        self.clock.advance(29)
        client.producer.resumeProducing()
        client.producer.pauseProducing()
        self.clock.advance(29)
        self.assertTrue(client.connected)
        self.clock.advance(1)
        self.net.settle()
        self.assertFalse(client.connected and not client.finished)

    def test_refusedTwice(self) -> None:
        """
        What comes behind a refusal is not read.
        """
        client = self.client(self.proxy(), CHUNKED.replace(b"POST", b"TRACE"), GET)
        self.assertEqual(self.answer(client).count(b"HTTP/1.1 "), 1)
        self.assertFalse(client.paused)
