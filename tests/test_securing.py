"""
``certificates:...`` in server strings.
"""

from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint, IStreamServerEndpointStringParser
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from zope.interface.verify import verifyObject

from tests.certificates import issue
from tests.test_certificates import CertificatesCase, Client, Echo
from tests.test_tap import parsed
from wsfallback import FallbackServerFactory
from wsfallback.descriptions import DescriptionError, unparsed
from wsfallback.reloading import IReloadable
from wsfallback.tap import makeService


class EndpointTests(CertificatesCase):
    """
    By Twisted's own way in.
    """

    def setUp(self) -> None:
        super().setUp()
        self.a = self.issue("a", "a.example")
        self.b = self.issue("b", "b.example")

    def endpoint(self, *inner: str, **options: str) -> Any:
        """
        The endpoint of such a string, on a reactor in memory.
        """
        self.clock = MemoryReactorClock()
        arguments = ("certificates", str(self.here), *inner)
        return serverFromString(self.clock, unparsed(arguments, options))

    def listening(self, *inner: str, **options: str) -> Any:
        """
        What the reactor was told of such a string.
        """
        endpoint = self.endpoint(*inner, **options)
        self.successResultOf(endpoint.listen(Factory.forProtocol(Echo)))
        (server,) = self.clock.tcpServers
        return server

    def test_tcp(self) -> None:
        """
        Listens as the other endpoint does, and speaks TLS.
        """
        port, factory, backlog, interface = self.listening(
            "tcp", "443", interface="127.0.0.1", backlog="7"
        )
        self.assertEqual((port, backlog, interface), (443, 7, "127.0.0.1"))
        for name, issued in ((b"a.example", self.a), (b"b.example", self.b), (None, self.a)):
            client = Client(factory, self.clock, name)
            self.assertEqual(client.serial, issued.serial)
            self.assertEqual(client.ask(b"hello"), b"hello")

    def test_options(self) -> None:
        """
        Ours are not the other endpoint's.
        """
        _, factory, *_ = self.listening("tcp", "443", default="b", lowest="1.3")
        self.assertEqual(Client(factory, self.clock).serial, self.b.serial)

    def test_reload(self) -> None:
        """
        What listens has the new certificates.
        """
        endpoint = self.endpoint("tcp", "443")
        verifyObject(IStreamServerEndpoint, endpoint)
        verifyObject(IReloadable, endpoint)
        self.successResultOf(endpoint.listen(Factory.forProtocol(Echo)))
        renewed = self.issue("b", "b.example")
        endpoint.reload()
        client = Client(self.clock.tcpServers[0][1], self.clock, b"b.example")
        self.assertEqual(client.serial, renewed.serial)

    def test_haproxy(self) -> None:
        """
        A PROXY header stands before TLS; with TLS who is behind the proxy is the peer.
        """
        _, factory, *_ = self.listening("haproxy", "tcp", "443")
        self.assertIn("PROXY", factory.logPrefix())
        self.assertIn("TLS", factory.wrappedFactory.logPrefix())

    def test_webSocket(self) -> None:
        """
        With WebSocket over it, for other programs than the command.
        """
        self.clock = MemoryReactorClock()
        endpoint = serverFromString(self.clock, f"wsfallback:certificates:{self.here}:tcp:443")
        self.successResultOf(endpoint.listen(Factory.forProtocol(Echo)))
        factory = self.clock.tcpServers[0][1]
        self.assertIsInstance(factory.wrappedFactory, FallbackServerFactory)

    def test_mistakes(self) -> None:
        """
        Say what to do.
        """
        self.assertRaises(ValueError, self.endpoint, "ecko", "1")
        error = self.assertRaises(DescriptionError, self.endpoint)
        self.assertIn("certificates:/etc/letsencrypt/live:tcp:443", str(error))
        for wrong, said in (({"default": "c"}, "called c"), ({"lowest": "3"}, "give 1.0")):
            error = self.assertRaises(DescriptionError, self.endpoint, "tcp", "1", **wrong)
            self.assertIn(said, str(error))

    def test_colons(self) -> None:
        """
        A directory with colons in its name is escaped, as everything there.
        """
        self.here /= "a:b\\c"
        self.here.mkdir()
        issued = issue("c.example")
        issued.file(self.here / "c.pem")
        _, factory, *_ = self.listening("tcp", "443")
        self.assertEqual(Client(factory, self.clock).serial, issued.serial)

    def test_plugin(self) -> None:
        """
        There is one, and the command takes it.
        """
        found = [
            each
            for each in getPlugins(IStreamServerEndpointStringParser)
            if each.prefix == "certificates"
        ]
        self.assertEqual(len(found), 1)
        ((service, _),) = makeService(parsed("--listen", f"certificates:{self.here}:tcp:0"))
        self.assertTrue(IReloadable.providedBy(service.endpoint))
