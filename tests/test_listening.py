"""
``wsfallback:...`` in server strings.
"""

from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint, IStreamServerEndpointStringParser
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from wsfallback import FallbackServerFactory
from wsfallback.descriptions import unparsed
from wsfallback.listening import parse
from wsfallback.testing import VERSIONS, attach, request


class Echo(Protocol):
    """
    Of bytes.
    """

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class EndpointTests(SynchronousTestCase):
    """
    By Twisted's own way in.
    """

    def listening(self, description: str) -> Any:
        """
        The factory that listens at such a string, and all else that the reactor was told.
        """
        reactor = MemoryReactorClock()
        endpoint = serverFromString(reactor, description)
        verifyObject(IStreamServerEndpoint, endpoint)
        self.successResultOf(endpoint.listen(Factory.forProtocol(Echo)))
        (server,) = reactor.tcpServers
        return server

    def checkEcho(self, factory: Any, binary: bool = False) -> None:
        """
        It serves every draft.
        """
        for draft in VERSIONS:
            client = attach(factory, draft)
            client.deliver(request(draft))
            self.assertEqual(client.status, 101)
            client.send("h\xe9llo")
            received = client.receive()
            isText = not binary or draft.startswith("hixie")
            self.assertEqual(received, "h\xe9llo" if isText else "h\xe9llo".encode())

    def test_tcp(self) -> None:
        """
        Listens as the other endpoint does, and serves all drafts.
        """
        port, factory, backlog, interface = self.listening(
            "wsfallback:tcp:8080:interface=127.0.0.1:backlog=7"
        )
        self.assertEqual((port, backlog, interface), (8080, 7, "127.0.0.1"))
        self.assertIsInstance(factory, FallbackServerFactory)
        self.checkEcho(factory)

    def test_binary(self) -> None:
        """
        Binary messages for clients that can have them.
        """
        self.checkEcho(self.listening("wsfallback:tcp:8080:binary=yes")[1], True)
        self.checkEcho(self.listening("wsfallback:tcp:8080:binary=no")[1])

    def test_haproxy(self) -> None:
        """
        Endpoints in endpoints, without a backslash.
        """
        port, wrapper, *_ = self.listening("wsfallback:haproxy:tcp:8080:interface=\\:\\:1")
        self.assertEqual(port, 8080)
        self.assertIsInstance(wrapper.wrappedFactory, FallbackServerFactory)

    def test_itself(self) -> None:
        """
        WebSocket in WebSocket is of little use, and possible.
        """
        self.assertEqual(self.listening("wsfallback:wsfallback:tcp:8080")[0], 8080)

    def test_others(self) -> None:
        """
        What is told to the other endpoint reaches it: TLS, systemd.
        """
        reactor: Any = MemoryReactorClock()
        # This process has no sockets of systemd's, so the first of them is none.
        self.assertRaises(
            IndexError, serverFromString, reactor, "wsfallback:systemd:domain=INET:index=0"
        )
        error = self.assertRaises(
            FileNotFoundError,
            serverFromString,
            reactor,
            "wsfallback:ssl:443:privateKey=/no/such=file\\:here.pem",
        )
        self.assertEqual(error.filename, "/no/such=file:here.pem")

    def test_strings(self) -> None:
        """
        What Twisted has taken apart is put together again.
        """
        self.assertEqual(
            unparsed(("unix", "/a:b\\c"), {"mode": "660", "x": "y=z"}),
            "unix:/a\\:b\\\\c:mode=660:x=y\\=z",
        )
        self.assertIsInstance(parse(MemoryReactorClock(), "tcp", "1")._inner, TCP4ServerEndpoint)

    def test_mistakes(self) -> None:
        """
        Say what to do.
        """
        reactor = MemoryReactorClock()
        for wrong in ("wsfallback:", "wsfallback:ecko:1", "wsfallback:tcp:1:binary=maybe"):
            self.assertRaises(ValueError, serverFromString, reactor, wrong)
        error = self.assertRaises(ValueError, parse, reactor)
        self.assertIn("wsfallback:tcp:8080", str(error))

    def test_plugin(self) -> None:
        """
        There is one, and it imports nothing before it is wanted: see test_layers.
        """
        found = [
            each
            for each in getPlugins(IStreamServerEndpointStringParser)
            if each.prefix == "wsfallback"
        ]
        self.assertEqual(len(found), 1)
