"""
The connections to backends that a proxy keeps.
"""

from twisted.internet.error import ConnectionDone

from tests.proxied import GET, OK, Backend, ProxyTestCase
from wsfallback.proxy_pool import KEPT, MOST_KEPT


class KeptTests(ProxyTestCase):
    """
    What becomes of a connection when its exchange is over.
    """

    def test_shared(self) -> None:
        """
        It is for any client, the last one first.
        """
        proxy = self.proxy()
        clients = [self.client(proxy, GET), self.client(proxy, GET)]
        for number in range(2):
            self.say(OK, number)
        self.hear(clients[0], GET)
        self.assertEqual([each.received.count(b"GET ") for each in self.backends], [1, 2, 0])

    def test_resumed(self) -> None:
        """
        It is read, whoever had paused it.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET)
        self.backends[0].transport.write(OK)
        self.clock.pump([0])
        ((near, _),) = self.net.ends
        client.write = lambda data: client.producer.pauseProducing()  # type: ignore[method-assign]
        self.net.settle()
        self.assertFalse(near.paused)

    def test_expires(self) -> None:
        """
        It waits for a while, and not while it is used.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET)
        self.say(OK)
        self.clock.advance(KEPT - 1)
        self.hear(client, GET)
        self.clock.advance(KEPT)
        self.assertFalse(self.backends[0].lost)
        self.say(OK)
        self.clock.advance(KEPT)
        self.hear(client, GET)
        self.assertTrue(self.backends[0].lost)
        self.assertEqual(self.net.tried, 2)

    def test_backendCloses(self) -> None:
        """
        If the backend closes it meanwhile, it is not used.
        """
        client = self.client(self.proxy(), GET)
        self.say(OK)
        self.backends[0].transport.loseConnection()
        self.net.settle()
        self.hear(client, GET)
        self.assertEqual(self.net.tried, 2)

    def test_most(self) -> None:
        """
        There is a bound to how many wait.
        """
        backends = [Backend() for _ in range(MOST_KEPT + 1)]
        proxy = self.proxy(*backends)
        for _ in backends:
            self.client(proxy, GET)
        for backend in backends:
            backend.transport.write(OK)
        self.net.settle()
        self.assertEqual([each.lost for each in backends], [False] * MOST_KEPT + [True])

    def test_stopped(self) -> None:
        """
        When the proxy stops, none waits.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET)
        self.say(OK)
        proxy.stopFactory()
        self.net.settle()
        self.assertTrue(self.backends[0].lost)
        client.lose(ConnectionDone())
        self.assertQuiet(proxy)

    def test_stoppedInTheMiddle(self) -> None:
        """
        One whose exchange ends after that is not kept, until the proxy starts again.
        """
        proxy = self.proxy()
        self.client(proxy, GET)
        proxy.stopFactory()
        self.say(OK)
        self.assertTrue(self.backends[0].lost)
        proxy.startFactory()
        self.client(proxy, GET)
        self.say(OK, 1)
        self.assertFalse(self.backends[1].lost)
