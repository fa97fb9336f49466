"""
A connection of the proxy's to a backend.
"""

from twisted.internet.error import ConnectionDone

from tests.proxied import GET, OK, POST, ProxyTestCase


class ConnectionTests(ProxyTestCase):
    """
    What ends a connection, instead of its being kept.
    """

    def test_end(self) -> None:
        """
        If its end was that of an answer, there is nothing to keep.
        """
        client = self.client(self.proxy(), GET)
        self.say(b"HTTP/1.1 200 OK\r\n\r\nhi")
        self.backends[0].transport.loseConnection()
        self.net.settle()
        self.answer(client)
        self.hear(client, GET)
        self.say(OK, 1)
        self.assertEqual(self.answer(client), OK)

    def test_unasked(self) -> None:
        """
        If the backend says something, it is closed.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET)
        self.say(OK)
        self.say(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        self.assertTrue(self.backends[0].lost)
        self.hear(client, GET)
        self.say(OK, 1)
        self.assertEqual(self.answer(client), OK + OK)

    def test_notKept(self) -> None:
        """
        The backend may not want it to be kept.
        """
        proxy = self.proxy()
        client = self.client(proxy, GET)
        self.say(OK[:-4].replace(b"OK", b"OK\r\nConnection: close") + b"\r\nhi")
        self.assertTrue(self.backends[0].lost)
        client.lose(ConnectionDone())
        self.assertQuiet(proxy)

    def test_gone(self) -> None:
        """
        The producer of a request that nobody takes is stopped with its connection.
        """
        proxy = self.proxy()
        client = self.client(proxy, POST)
        ((near, _),) = self.net.ends
        near.producer.stopProducing()
        self.backends[0].transport.abortConnection()
        self.net.settle()
        self.assertRefused(client, 502)
        self.assertQuiet(proxy)
