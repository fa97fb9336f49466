"""
What is read before a protocol gets the connection, and who gets it.
"""

from typing import Any
from unittest import mock

from twisted.internet.address import IPv4Address
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.test_server import serve
from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import VERSIONS, MemoryTransport, attach, connect, request


class Page(Resource):
    """
    Says what was asked of it.
    """

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"GET " + request.uri + b"\n"

    def render_POST(self, request: Any) -> bytes:
        return b"POST " + request.content.read() + b"\n"


class RefusalTests(SynchronousTestCase):
    """
    What is refused before a protocol gets the connection.
    """

    def refused(self, data: bytes, status: int, **options: Any) -> Any:
        """
        The same answer in one piece and byte by byte: complete, one line, none of the client's
        bytes in it, and the end of TCP.
        """
        answers = []
        for segment in (None, 1):
            with capturedLogs() as events:
                client = attach(serve(**options), segment=segment)
                client.answersClose = False
                client.deliver(data)
            self.assertEqual(client.status, status, client.wire)
            self.assertIn("close", client.fields["connection"])
            self.assertEqual(int(client.fields["content-length"]), len(client.body))
            self.assertEqual(client.body.count(b"\n"), 1)
            self.assertNotIn(b"EVIL", client.wire)
            self.assertTrue(client.disconnected)
            refusals = [event for event in events if "refused" in event["log_format"]]
            self.assertEqual(len(refusals), 1)
            line = refusals[0]["error"]
            self.assertTrue(line.isprintable(), line)
            client.advance(2)
            self.assertFalse(client.transport.connected)
            self.assertEqual(client._clock.getDelayedCalls(), [])
            answers.append(client.wire)
        self.assertEqual(answers[0], answers[1])
        return client

    def test_malformed(self) -> None:
        """
        400.
        """
        for data in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"<policy-file-request/>\0",
            b"GET /EVIL\x1b[31m HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\nEVIL\x1b\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            request("rfc6455", headers={"EVIL": "a\0b"}),
            request("rfc6455", headers={"Sec-WebSocket-Key1": "EVIL"}),
            request("hixie-76", origin="http://EVIL\x9bx"),
            request("hixie-76", host="EVIL/x"),
            request("hixie-75", path="/#EVIL"),
        ):
            self.refused(data, 400)

    def test_tooLarge(self) -> None:
        """
        414 the request line, 431 the rest.
        """
        self.refused(b"GET /EVIL" + b"x" * 9000, 414)
        self.refused(request("rfc6455", headers={"EVIL": "x" * 9000}), 431)
        self.refused(request("rfc6455", headers={f"EVIL{n}": "" for n in range(100)}), 431)
        self.refused(request("rfc6455", headers={"EVIL": "x" * 500}), 431, maxHead=500)

    def test_noPlainHTTPWithoutASite(self) -> None:
        """
        405 and 426 say what there is.
        """
        client = self.refused(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405)
        self.assertEqual(client.fields["allow"], "GET")
        client = self.refused(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426)
        self.assertEqual(client.fields["upgrade"], "websocket")
        self.assertEqual(client.fields["sec-websocket-version"], "13, 8, 7")

    def test_upgradeByAnotherMethod(self) -> None:
        """
        405, with a site as well.
        """
        data = request("rfc6455").replace(b"GET", b"POST")
        self.refused(data, 405)
        self.refused(data, 405, site=Site(Page()))

    def test_origin(self) -> None:
        """
        403.
        """
        self.refused(request("hixie-75", origin="http://EVIL"), 403, origins=["http://a"])

    def test_path(self) -> None:
        """
        404.
        """
        self.refused(request("hixie-75", path="/EVIL"), 404, handler=None, routes={"/": Echo})

    def test_discardedAfterwards(self) -> None:
        """
        What a refused client goes on sending is read and dropped.
        """
        client = attach(serve())
        client.answersClose = False
        client.deliver(b"\0")
        answer = client.wire
        client.deliver(request("rfc6455"))
        self.assertEqual(client.wire, answer)

    def test_silence(self) -> None:
        """
        408 after the handshake timeout, which no byte starts again.
        """
        for begun in (b"", b"GET / HTT", request("rfc6455")[:-2]):
            client = attach(serve(handshakeTimeout=5))
            client.advance(4)
            client.deliver(begun)
            client.advance(0.9)
            self.assertEqual(client.wire, b"")
            client.advance(0.1)
            self.assertEqual(client.status, 408)
            self.assertTrue(client.disconnected)


class ConnectionsTests(SynchronousTestCase):
    """
    How many at once.
    """

    def test_oneTooMany(self) -> None:
        """
        The next one gets 503; one that leaves makes room.
        """
        factory = serve(maxConnections=2)
        first, _ = connect(factory), attach(factory)
        third = connect(factory)
        self.assertEqual(third.status, 503)
        self.assertTrue(third.disconnected)
        first.close(1000)
        self.assertEqual(connect(factory).status, 101)

    def test_refusedOnesTakeNoRoom(self) -> None:
        """
        Those that are told 503, and linger, are not counted.
        """
        factory = serve(maxConnections=1)
        first = connect(factory)
        for _ in range(5):
            attach(factory).answersClose = False
        first.drop()
        self.assertEqual(connect(factory).status, 101)

    def test_refusedOnesAreCountedOut(self) -> None:
        """
        Whatever becomes of connections, none is counted for ever.
        """
        factory = serve(maxConnections=1, site=Site(Page(), reactor=Clock()))
        for data in (b"", b"\0", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", request("hixie-76")):
            client = attach(factory, "hixie-76")
            client.deliver(data)
            client.drop()
            client = connect(factory)
            self.assertEqual(client.status, 101)
            client.drop()

    def test_socketOptions(self) -> None:
        """
        TCP's keepalive is on, Nagle's algorithm off unless wanted.
        """
        transport = connect(serve()).transport
        self.assertEqual((transport.keepAlive, transport.noDelay), (True, True))
        transport = connect(serve(nagle=True)).transport
        self.assertEqual((transport.keepAlive, transport.noDelay), (True, False))

    def test_socketsWithoutThem(self) -> None:
        """
        A UNIX socket is served, though it refuses these options.
        """
        with mock.patch.object(MemoryTransport, "setTcpNoDelay", side_effect=OSError):
            self.assertEqual(connect(serve(), "hixie-76").status, 101)


class HTTPTests(SynchronousTestCase):
    """
    Plain HTTP on the same port.
    """

    def setUp(self) -> None:
        self.factory = serve(site=Site(Page(), reactor=Clock()))
        self.client = attach(self.factory)

    def test_keepAlive(self) -> None:
        """
        The site has the connection: one request after the other.
        """
        for path in (b"/one", b"/two"):
            self.client.deliver(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(self.client.wire.endswith(b"GET " + path + b"\n"))
        self.assertFalse(self.client.disconnected)

    def test_deadline(self) -> None:
        """
        The handshake's is over; what follows is the site's to bound.
        """
        self.client.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.client.advance(10)
        self.assertFalse(self.client.disconnected)

    def test_segmentsAndBodies(self) -> None:
        """
        Nothing of what came is lost: neither a body nor a request behind the first.
        """
        self.client.deliver(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
            b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n",
            segment=7,
        )
        self.assertIn(b"POST hello\n", self.client.wire)
        self.assertTrue(self.client.wire.endswith(b"GET /next\n"))

    def test_HTTP10(self) -> None:
        """
        HTTP/1.0 is HTTP, even if it asks for an upgrade.
        """
        self.client.deliver(request("hixie-76").replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.assertIn(b"GET /\n", self.client.wire)

    def test_upgradeToSomethingElse(self) -> None:
        """
        RFC 9110 §7.8: a server may ignore it.
        """
        self.client.deliver(
            b"GET /h2 HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
        )
        self.assertIn(b"GET /h2\n", self.client.wire)

    def test_noSiteToday(self) -> None:
        """
        A site that refuses the connection is 503.
        """

        class Full(Factory):
            def buildProtocol(self, addr: Any) -> None:
                return None

        client = attach(serve(site=Full()))
        client.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(client.status, 503)


class HandOverTests(SynchronousTestCase):
    """
    The peeker steps aside.
    """

    def test_nothingIsKept(self) -> None:
        """
        The bytes of the request are let go.
        """
        client = connect(serve())
        self.assertEqual(client.transport._protocol._reader.received, b"")

    def test_addressBehindAProxy(self) -> None:
        """
        Whoever builds a protocol for a client is told the client's address, where a PROXY header
        has it.
        """
        told = []

        class Remembering(Factory):
            def buildProtocol(self, addr: Any) -> Protocol:
                told.append(addr)
                return Protocol()

        reactor: Any = MemoryReactorClock()
        factory = FallbackServerFactory.forStream(
            Remembering(), site=Remembering(), reactor=reactor
        )
        self.successResultOf(serverFromString(reactor, "haproxy:tcp:8080").listen(factory))
        wrapper = reactor.tcpServers[0][1]
        for opening in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", *map(request, VERSIONS)):
            transport = MemoryTransport(reactor)
            transport.attach(wrapper.buildProtocol(transport.getPeer()))
            transport.arrive(b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 80\r\n" + opening)
        self.assertEqual(told, [IPv4Address("TCP", "198.51.100.9", 4711)] * 6)
