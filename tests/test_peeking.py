"""
What is read before a protocol gets the connection, and who gets it.
"""

import gc
from types import FunctionType, ModuleType
from typing import Any, ClassVar
from unittest import mock

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.contract import recorder
from tests.observers import Seen
from tests.test_server import serve
from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import (
    CLIENT_ADDRESS,
    VERSIONS,
    MemoryTransport,
    attach,
    connect,
    request,
)


def wrappedByPROXY(factory: Any) -> Any:
    """
    A factory as ``haproxy:`` serves it.
    """
    reactor: Any = MemoryReactorClock()
    serverFromString(reactor, "haproxy:tcp:8080").listen(factory)
    wrapper = reactor.tcpServers[0][1]
    wrapper.reactor = factory.reactor
    return wrapper


class Page(Resource):
    """
    Says what was asked of it.
    """

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"GET " + request.uri + b"\n"

    def render_POST(self, request: Any) -> bytes:
        return b"POST " + request.content.read() + b"\n"


def kept(protocol: Any) -> list[Any]:
    """
    Long strings of bytes that are reached from a protocol, but for its transport.
    """
    found, seen, waiting = [], {id(protocol.transport)}, [protocol]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType):
            continue
        seen.add(id(each))
        if isinstance(each, bytes | bytearray) and len(each) > 10_000:
            found.append(each)
        waiting += gc.get_referents(each)
    return found


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
        The next one gets 503, before it is asked for; one that leaves makes room.
        """
        for draft in VERSIONS:
            kind = recorder()
            factory = serve(kind, maxConnections=2)
            first, _ = connect(factory, draft), connect(factory, draft)
            third = connect(factory, draft)
            self.assertEqual(third.status, 503)
            self.assertTrue(third.disconnected)
            self.assertEqual(len(kind.made), 2)
            first.drop()
            self.assertEqual(connect(factory, draft).status, 101)

    def test_HTTP(self) -> None:
        """
        Counts, too.
        """
        factory = serve(maxConnections=1, site=Site(Page(), reactor=Clock()))
        client = attach(factory)
        client.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(client.status, 200)
        self.assertEqual(connect(factory).status, 503)
        other = attach(factory)
        other.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(other.status, 503)
        client.drop()
        self.assertEqual(connect(factory).status, 101)

    def test_handshakesTakeNoRoom(self) -> None:
        """
        Nor do those that are told 503, and linger.
        """
        factory = serve(maxConnections=1)
        first = connect(factory)
        for _ in range(5):
            connect(factory).answersClose = False
            attach(factory)
        first.drop()
        self.assertEqual(connect(factory).status, 101)

    def test_fullWhenDecided(self) -> None:
        """
        The last place may be taken while a handler decides: then it is 503 all the same, and the
        handler hears of the end.
        """
        for draft in VERSIONS:
            decisions: list[Deferred[None]] = []
            kind = recorder(connect=lambda _, made=decisions: made.append(Deferred()) or made[-1])
            factory = serve(kind, maxConnections=1)
            first, second = connect(factory, draft), connect(factory, draft)
            for decision in decisions:
                decision.callback(None)
            first.settle()
            second.settle()
            self.assertEqual((first.status, second.status), (101, 503))
            self.assertEqual(second.body, b"There are too many connections\n")
            second.drop()
            self.assertEqual([each[0] for each in kind.made[1].calls], ["connect", "close"])
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_fullWhenKey3Comes(self) -> None:
        """
        Then only the end of TCP can say it.
        """
        kind = recorder()
        factory = serve(kind, maxConnections=1)
        late = attach(factory, "hixie-76")
        opening = request("hixie-76")
        late.deliver(opening[:-8])
        head = late.wire
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "))
        other = connect(factory)
        self.assertEqual(other.status, 101)
        late.deliver(opening[-8:])
        self.assertEqual(late.wire, head)
        self.assertTrue(late.disconnected)
        self.assertEqual(
            kind.made[0].calls,
            [
                ("connect",),
                ("close", False, 1006, "refused with 503: There are too many connections"),
            ],
        )

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

    def test_protocolsThatFail(self) -> None:
        """
        One that fails when it hears of the end is counted out, too, and the failure is not lost.
        """

        class Failing(Protocol):
            def connectionLost(self, reason: Any = None) -> None:
                raise ZeroDivisionError

        seen = Seen()
        site = Factory.forProtocol(Failing)
        factory = serve(maxConnections=1, maxPerAddress=1, site=site, observers=[seen])
        client = attach(factory)
        client.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertRaises(ZeroDivisionError, client.drop)
        self.assertEqual(factory.crowd.present, 0)
        self.assertEqual(seen.stages[-1:], ["ended"])
        other = connect(factory)
        self.assertEqual(other.status, 101)
        other.drop()
        self.successResultOf(factory.drain(5))

    def test_noProtocol(self) -> None:
        """
        A site that fails to make one, or makes none, is a refusal, and counted out.
        """
        makers: Any = ((lambda _: 1 // 0, 500), (lambda _: None, 503))
        for make, status in makers:
            site = Factory()
            self.patch(site, "buildProtocol", make)
            factory = serve(maxConnections=1, site=site)
            client = attach(factory)
            client.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(client.status, status)
            self.assertTrue(client.disconnected)
            client.drop()
            self.assertEqual(factory.crowd.present, 0)
            self.assertEqual(client._clock.getDelayedCalls(), [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_nothingIsKept(self) -> None:
        """
        What came with the request is kept for no longer than it takes to read it.
        """
        for draft in (*VERSIONS, "http"):
            site = Factory.forProtocol(Protocol)
            client = attach(serve(site=site), "rfc6455" if draft == "http" else draft)
            opening = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" if draft == "http" else request(draft)
            client.deliver(opening + client.message("x" * 50_000))
            self.assertTrue(client.transport.connected)
            self.assertEqual([len(each) for each in kept(client.transport._protocol)], [], draft)

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


class StallingTests(SynchronousTestCase):
    """
    Clients that don't finish their handshake.
    """

    def stalling(self, factory: Any, sent: bytes = b"") -> Any:
        """
        One that has sent so much.
        """
        client = attach(factory, "hixie-76")
        client.deliver(sent)
        return client

    def test_longestWait(self) -> None:
        """
        However many there are, a good one comes in; who has waited longest is dropped.
        """
        for draft in VERSIONS:
            for sent in (b"", b"GET / HT", request("hixie-76")[:-1]):
                factory = serve(maxHandshakes=3)
                stalling = [self.stalling(factory, sent) for _ in range(10)]
                client = connect(factory, draft)
                self.assertEqual(client.status, 101)
                # The newcomer had a place of its own for as long as its handshake took.
                gone = [not each.transport.connected for each in stalling]
                self.assertEqual(gone, [True] * 8 + [False] * 2)
                self.assertTrue(stalling[0].transport.aborted)
                self.assertTrue(client.isOpen)
                client.drop()
                for seconds in (5, 2, 0):  # until 408, until it is cut, and the end of it
                    client.advance(seconds)
                self.assertEqual(factory.crowd.present, 0)
                self.assertEqual(client._clock.getDelayedCalls(), [])

    def test_toldOnce(self) -> None:
        """
        Observers hear of a refusal, and the handler of the end.
        """
        seen, kind = Seen(), recorder()
        factory = serve(kind, maxHandshakes=1, observers=[seen])
        self.stalling(factory)
        self.stalling(factory, request("hixie-76")[:-1])
        last = self.stalling(factory)
        last.answersClose = False
        last.deliver(b"\0")  # refused, and lingers
        self.assertTrue(last.transport.connected)
        connect(factory, "hixie-75")
        self.assertTrue(last.transport.aborted)
        self.assertEqual(seen.stages.count("refused 503"), 2)
        self.assertEqual(seen.stages.count("refused 400"), 1)
        name, clean, code, reason = kind.made[0].calls[-1]
        self.assertEqual((name, clean, code), ("close", False, 1006))
        self.assertIn("Another client needs the place", reason)

    def test_whoWaitsForUsStays(self) -> None:
        """
        A client whose handler takes its time is not dropped for it.
        """
        decision: Deferred[None] = Deferred()
        kind = recorder(connect=lambda _: decision)
        factory = serve(kind, maxHandshakes=2)
        client = connect(factory)
        for _ in range(5):
            self.stalling(factory)
        decision.callback(None)
        client.settle()
        self.assertTrue(client.isOpen)

    def test_allWaitForUs(self) -> None:
        """
        Then there is no room: 503.
        """
        factory = serve(recorder(connect=lambda _: Deferred()), maxHandshakes=2)
        for _ in range(2):
            self.assertIs(connect(factory).status, None)
        self.assertEqual(attach(factory).status, 503)


class ClientAddressTests(SynchronousTestCase):
    """
    Who the client is.
    """

    CLIENT = "tcp4:198.51.100.7:0"
    FIELD: ClassVar[dict[str, str]] = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7"}
    OURS: ClassVar[list[str]] = ["192.0.2.0/24"]  # where the test's clients are

    def test_trusted(self) -> None:
        """
        Behind a proxy that is trusted it is the one that the proxy has spoken with: for handlers,
        observers and the log.
        """
        for draft in VERSIONS:
            for trusted, peer in (
                (self.OURS, self.CLIENT),
                (["203.0.113.0/24"], f"tcp4:{CLIENT_ADDRESS.host}:{CLIENT_ADDRESS.port}"),
                ([], f"tcp4:{CLIENT_ADDRESS.host}:{CLIENT_ADDRESS.port}"),
            ):
                seen = Seen()
                kind = recorder()
                factory = serve(kind, trusted=trusted, observers=[seen])
                connect(factory, draft, headers=self.FIELD)
                channel = kind.made[0].channel
                self.assertEqual((channel.peer, channel.request.peer), (peer, peer))
                self.assertEqual(kind.made[0].peer, peer)
                self.assertEqual([record.peer for record in seen.records], [peer])

    def test_refusals(self) -> None:
        """
        Are of the client, too, and of the proxy before its request was read.
        """
        seen = Seen()
        factory = serve(trusted=self.OURS, origins=["http://a"], observers=[seen])
        connect(factory, headers=self.FIELD)
        attach(factory).deliver(b"\0")
        wire = f"tcp4:{CLIENT_ADDRESS.host}:{CLIENT_ADDRESS.port}"
        refused = [
            record.peer
            for stage, record in zip(seen.stages, seen.records, strict=True)
            if stage.startswith("refused")
        ]
        self.assertEqual(refused, [self.CLIENT, wire])

    def test_legacyFrom(self) -> None:
        """
        The rules for networks go by it, too.
        """
        factory = serve(trusted=self.OURS, legacyFrom=["198.51.100.0/24"])
        for draft in ("hixie-75", "hixie-76"):
            self.assertEqual(connect(factory, draft, headers=self.FIELD).status, 101)
            other = {"X-Forwarded-For": "198.51.100.7, 203.0.113.1"}
            for headers in (other, None):
                self.assertEqual(connect(factory, draft, headers=headers).status, 426)

    def test_host(self) -> None:
        """
        What a proxy says of the server is believed for the proxy's own address.
        """
        factory = serve(trusted=self.OURS)
        said = {**self.FIELD, "X-Forwarded-Host": "www.test", "X-Forwarded-Proto": "https"}
        client = connect(factory, "hixie-76", headers=said)
        self.assertEqual(client.fields["sec-websocket-location"], "wss://www.test/")

    def test_perAddress(self) -> None:
        """
        It is the client that is counted: 429, before the handler is asked.
        """
        for draft in VERSIONS:
            kind = recorder()
            factory = serve(kind, trusted=self.OURS, maxPerAddress=2)
            clients = [connect(factory, draft, headers=self.FIELD) for _ in range(3)]
            self.assertEqual([each.status for each in clients], [101, 101, 429])
            self.assertEqual(len(kind.made), 2)
            other = {"X-Forwarded-For": "198.51.100.8"}
            self.assertEqual(connect(factory, draft, headers=other).status, 101)
            clients[0].drop()
            self.assertEqual(connect(factory, draft, headers=self.FIELD).status, 101)

    def test_perAddressWithoutAProxy(self) -> None:
        """
        Of who can be told from the start, so is that: who stalls counts, and so does HTTP.
        """
        factory = serve(maxPerAddress=3, site=Site(Page(), reactor=Clock()))
        stalling, http = attach(factory), attach(factory)
        http.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        connect(factory)
        last = attach(factory)
        self.assertEqual((last.status, last.body[:9]), (429, b"There are"))
        self.assertTrue(last.disconnected)
        peer = IPv4Address("TCP", "192.0.2.8", 5)
        self.assertEqual(connect(factory, peer=peer).status, 101)
        stalling.drop()
        self.assertEqual(connect(factory).status, 101)

    def test_newOnes(self) -> None:
        """
        429 says when to come again.
        """
        factory = serve(maxNewPerAddress=2)
        for _ in range(2):
            connect(factory).drop()
        client = attach(factory)
        self.assertEqual((client.status, client.fields["retry-after"]), (429, "1"))
        client.advance(3)
        self.assertEqual(connect(factory).status, 101)
        self.assertEqual(len(client._clock.getDelayedCalls()), 1)  # the keepalive of that

    def test_manyClientsOfAProxy(self) -> None:
        """
        A proxy's own address has no limit, and HTTP by it, where many share a connection, neither.
        """
        factory = serve(trusted=self.OURS, maxPerAddress=1, site=Site(Page(), reactor=Clock()))
        for _ in range(3):
            client = attach(factory)
            client.deliver(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n")
            self.assertEqual(client.status, 200)

    def test_PROXY(self) -> None:
        """
        Behind a header of the PROXY protocol it is known when that was read, and not before: the
        proxy is not counted for its clients.
        """
        for draft in VERSIONS:
            kind, seen = recorder(), Seen()
            factory = serve(kind, maxPerAddress=1, observers=[seen])
            wrapped = wrappedByPROXY(factory)
            statuses = []
            for number in (1, 2, 1):
                client = attach(wrapped, draft)
                client.deliver(b"PROXY TCP4 198.51.100.%d 192.0.2.1 56 80\r\n" % number)
                client.deliver(request(draft))
                statuses.append(client.status)
            self.assertEqual(statuses, [101, 101, 429])
            self.assertEqual(kind.made[0].peer, "tcp4:198.51.100.1:56")
            self.assertEqual(seen.records[0].peer, "tcp4:198.51.100.1:56")

    def test_PROXYThatIsSilent(self) -> None:
        """
        Who says nothing is refused as everybody.
        """
        seen = Seen()
        client = attach(wrappedByPROXY(serve(observers=[seen], handshakeTimeout=5)))
        client.advance(5)
        self.assertEqual(client.status, 408)
        self.assertEqual(seen.stages[0], "refused 408")


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
