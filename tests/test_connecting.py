"""
``wsfallback:...`` in client strings.
"""

from typing import Any

from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import (
    IStreamClientEndpoint,
    IStreamClientEndpointStringParserWithReactor,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from wsfallback.client import NEWEST_FIRST
from wsfallback.connecting import parse
from wsfallback.stream_client import StreamEndpoint


class EndpointTests(SynchronousTestCase):
    """
    By Twisted's own way in.
    """

    def endpoint(self, description: str) -> Any:
        """
        That of such a string.
        """
        endpoint = clientFromString(MemoryReactorClock(), description)
        verifyObject(IStreamClientEndpoint, endpoint)
        self.assertIsInstance(endpoint, StreamEndpoint)
        return endpoint

    def destination(self, description: str) -> Any:
        """
        What such a one asks for.
        """
        return self.endpoint(description)._client._errand.destination

    def test_tcp(self) -> None:
        """
        Connects as the other endpoint does, and then asks for the path.
        """
        reactor = MemoryReactorClock()
        endpoint = clientFromString(
            reactor, "wsfallback:tcp:192.0.2.1:8080:path=/chat:bindAddress=192.0.2.7"
        )
        connecting = endpoint.connect(Factory.forProtocol(Protocol))
        ((host, port, factory, _, bound),) = reactor.tcpClients
        self.assertEqual((host, port, bound), ("192.0.2.1", 8080, ("192.0.2.7", 0)))
        protocol, transport = factory.buildProtocol(None), StringTransport()
        protocol.makeConnection(transport)
        head = transport.value().decode().split("\r\n")
        self.assertEqual(head[:2], ["GET /chat HTTP/1.1", "Host: 192.0.2.1:8080"])
        self.assertIn("Sec-WebSocket-Protocol: binary, base64", head)
        self.assertNoResult(connecting)

    def test_urls(self) -> None:
        """
        The host is that of the other endpoint, however it says it; without the default port.
        """
        for description, url in (
            ("tcp:example.org:8080", "ws://example.org:8080/"),
            ("tcp:example.org:80", "ws://example.org/"),
            ("tcp:example.org:443", "ws://example.org:443/"),
            ("TCP:host=example.org:port=8080:path=/a?b\\=c", "ws://example.org:8080/a?b=c"),
            ("tcp:8080:host=example.org", "ws://example.org:8080/"),
            ("tcp:\\:\\:1:8080", "ws://[::1]:8080/"),
            ("tls:example.org:443:path=/chat", "wss://example.org/chat"),
            ("tls:example.org:80", "wss://example.org:80/"),
            ("tls:example.org:443:endpoint=unix\\:/run/x", "wss://example.org/"),
            ("unix:/run/chat.sock:path=/chat", "ws://localhost/chat"),
            ("unix:/run/chat.sock:timeout=9", "ws://localhost/"),
            ("wsfallback:tls:example.org:8443", "wss://example.org:8443/"),
            ("tcp:wsfallback:8080", "ws://wsfallback:8080/"),
        ):
            self.assertEqual(self.destination(f"wsfallback:{description}").location, url)

    def test_inner(self) -> None:
        """
        The other endpoint has its own arguments, and none of ours.
        """
        reactor = MemoryReactorClock()
        endpoint = clientFromString(reactor, "wsfallback:unix:/a\\:b\\\\c\\=d:lockfile=1:path=/e")
        endpoint.connect(Factory.forProtocol(Protocol))
        ((address, _, _, checkPID),) = reactor.unixClients
        self.assertEqual((address, checkPID), ("/a:b\\c=d", True))

    def test_options(self) -> None:
        """
        Are those of `Client`, by name.
        """
        plain = self.endpoint("wsfallback:tcp:a:1")
        asked = plain._client._errand.destination
        self.assertEqual((asked.origin, asked.protocols), (None, ("binary", "base64")))
        self.assertEqual([draft.name for draft in plain._client.drafts], [*NEWEST_FIRST])
        self.assertEqual(plain._client.limits.handshakeTimeout, 10.0)
        self.assertFalse(plain._isBinary)
        reactor = MemoryReactorClock()
        endpoint: Any = clientFromString(
            reactor,
            "wsfallback:tcp:a:1:drafts=hixie-76, hixie-75:origin=https\\://b:protocols=mqtt,wamp"
            ":binary=yes:timeout=3",
        )
        asked = endpoint._client._errand.destination
        self.assertEqual((asked.origin, asked.protocols), ("https://b", ("mqtt", "wamp")))
        self.assertEqual(
            [draft.name for draft in endpoint._client.drafts], ["hixie-76", "hixie-75"]
        )
        self.assertEqual(endpoint._client.limits.handshakeTimeout, 3.0)
        endpoint.connect(Factory.forProtocol(Protocol))
        self.assertEqual(reactor.tcpClients[0][3], 3)
        self.assertTrue(endpoint._isBinary)
        self.assertEqual(self.destination("wsfallback:tcp:a:1:protocols=").protocols, ())

    def test_mistakes(self) -> None:
        """
        Say what to do.
        """
        reactor = MemoryReactorClock()
        for wrong in (
            "wsfallback:",
            "wsfallback:ecko:a:1",
            "wsfallback:tcp:a:1:binary=maybe",
            "wsfallback:tcp:a:1:path=chat",
            "wsfallback:tcp:a:1:path=/#a",
            "wsfallback:tcp:a:1:drafts=",
            "wsfallback:tcp:a:1:drafts=hixie-74",
            "wsfallback:tcp:a:1:origin=a b",
            "wsfallback:tcp:a:1:protocols=a b",
            "wsfallback:tcp:a:1:timeout=soon",
            "wsfallback:tcp:a b:1",
        ):
            self.assertRaises(ValueError, clientFromString, reactor, wrong)
        error = self.assertRaises(ValueError, parse, reactor)
        self.assertIn("wsfallback:tcp:example.org:80", str(error))
        # As any of Twisted's endpoints says it of what it doesn't know.
        self.assertRaises(TypeError, clientFromString, reactor, "wsfallback:tcp:a:1:paht=/")

    def test_plugin(self) -> None:
        """
        There is one, and it imports nothing before it is wanted: see test_layers.
        """
        found = [
            each
            for each in getPlugins(IStreamClientEndpointStringParserWithReactor)
            if each.prefix == "wsfallback"
        ]
        self.assertEqual(len(found), 1)
