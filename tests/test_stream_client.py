"""
Any Twisted protocol as a client of WebSocket, on every draft.
"""

from base64 import b64encode
from typing import Any

from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import connectProtocol
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    NoProtocol,
)
from twisted.internet.interfaces import (
    IConsumer,
    IHandshakeListener,
    IPushProducer,
    ISSLTransport,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from tests.contract import Produced, recorder
from tests.contract import Recorder as Messages
from tests.pipe import Network
from tests.test_stream import HIXIE, Recorder, recorders
from wsfallback import FallbackServerFactory, NoDraftWorked, StreamEndpoint
from wsfallback.testing import SERVER_ADDRESS, VERSIONS

URL = "ws://example.com/chat"
ALL = bytes(range(256))


class ClientCase(SynchronousTestCase):
    """
    With a server of ours in memory.
    """

    def setUp(self) -> None:
        self.clock = Clock()

    def endpoint(self, servers: Any, draft: str = "rfc6455", **options: Any) -> StreamEndpoint:
        """
        One that reaches these.
        """
        how = {name: options.pop(name) for name in ("isSecure", "isCut") if name in options}
        self.net = Network(self.clock, servers, **how)
        return StreamEndpoint(self.net, url=URL, reactor=self.clock, drafts=[draft], **options)

    def opened(self, servers: Any, draft: str, factory: Any, **options: Any) -> Any:
        """
        A protocol that is connected.
        """
        connecting = self.endpoint(servers, draft, **options).connect(factory)
        self.net.settle()
        return self.successResultOf(connecting)

    def streams(self, factory: Any, **options: Any) -> FallbackServerFactory:
        """
        Our own twin.
        """
        return FallbackServerFactory.forStream(factory, reactor=self.clock, **options)

    def messages(self, **actions: Any) -> Any:
        """
        A server of messages, and its handlers.
        """
        kind = recorder(**actions)
        return FallbackServerFactory(kind, reactor=self.clock), kind

    def assertOver(self, protocol: Any, *how: Any) -> None:
        """
        It has been told once how it ended, and nothing is left.
        """
        self.clock.pump([0.0] * 20 + [2.0] * 4)
        self.assertEqual(protocol.lost, [*how])
        self.assertTrue(self.net.isQuiet)


def answering(protocol: str | None) -> Any:
    """
    What has a handler choose a subprotocol, and keep what it was asked.
    """

    def choose(handler: Any) -> str | None:
        handler.asked = handler.request.protocols
        return protocol

    return choose


def received(kind: Any) -> list[tuple[bytes, bool]]:
    """
    The messages that the server's one handler got.
    """
    calls = kind.made[-1].calls
    return [call[1:] for call in calls if call[0] == "message"]


class CarrierTests(ClientCase):
    """
    What carries the bytes, by what the server says.
    """

    def test_ours(self) -> None:
        """
        With our own server any bytes pass, on every draft, however either is set.
        """
        for draft in VERSIONS:
            for binary in (False, True):
                server = recorders(lambda protocol, data: protocol.transport.write(data))
                client = recorders()
                protocol = self.opened(self.streams(server), draft, client, binary=binary)
                self.assertIs(protocol, client.made[0])
                protocol.transport.write(ALL)
                self.net.settle()
                self.assertEqual(server.made[0].received, [ALL])
                self.assertEqual(protocol.received, [ALL])

    def test_whoKnowsNothingOfIt(self) -> None:
        """
        Gets text; binary messages where they are wanted and the draft has them.
        """
        for draft in VERSIONS:
            for binary in (False, True):
                server, kind = self.messages()
                protocol = self.opened(server, draft, recorders(), binary=binary)
                protocol.transport.write(b"h\xc3")
                protocol.transport.write(b"\xa9")
                self.net.settle()
                isBinary = binary and draft not in HIXIE
                whole = [(b"h\xc3", True), (b"\xa9", True)]
                split = [(b"h", False), (b"\xc3\xa9", False)]
                self.assertEqual(received(kind), whole if isBinary else split)

    def test_whoChooses(self) -> None:
        """
        Websockify and its like take one of the two, by its exact name.
        """
        for draft in VERSIONS:
            for chosen in ("binary", "base64"):
                if chosen == "binary" and draft in HIXIE:
                    continue
                server, kind = self.messages(connect=answering(chosen))
                protocol = self.opened(server, draft, recorders())
                self.assertEqual(kind.made[0].asked[:2], ["binary", "base64"])
                protocol.transport.write(ALL)
                self.net.settle()
                isBinary = chosen == "binary"
                sent = ALL if isBinary else b64encode(ALL)
                self.assertEqual(received(kind), [(sent, isBinary)])
                kind.made[0].sendMessage(sent, isBinary)
                self.net.settle()
                self.assertEqual(protocol.received, [ALL])

    def test_whoRepeats(self) -> None:
        """
        A hixie server that repeats the one string that it takes the list for has chosen nothing.
        """
        for draft in HIXIE:
            server, kind = self.messages(connect=answering("binary,base64"))
            protocol = self.opened(server, draft, recorders())
            protocol.transport.write(b"text")
            self.net.settle()
            self.assertEqual(received(kind), [(b"text", False)])

    def test_others(self) -> None:
        """
        Another subprotocol, or none, can be asked for: MQTT's servers want theirs, in binary.
        """
        for draft in VERSIONS:
            for asked in (["mqtt"], []):
                chosen = asked[0] if asked else None
                server, kind = self.messages(connect=answering(chosen))
                protocol = self.opened(server, draft, recorders(), binary=True, protocols=asked)
                self.assertEqual(kind.made[0].asked, asked)
                protocol.transport.write(b"x")
                self.net.settle()
                self.assertEqual(received(kind), [(b"x", draft not in HIXIE)])

    def test_whatComes(self) -> None:
        """
        Messages of either type are bytes; empty ones are nothing.
        """

        def greet(handler: Any) -> None:
            for message in (b"a", b"", b"b"):
                handler.sendMessage(message)
            if handler.draft.binary:
                handler.sendMessage(ALL, True)

        for draft in VERSIONS:
            server, _ = self.messages(open=greet)
            protocol = self.opened(server, draft, recorders())
            self.assertEqual(
                protocol.received, [b"a", b"b", *([ALL] if draft not in HIXIE else [])]
            )

    def test_bytesThatAreNoText(self) -> None:
        """
        Close the connection to who wants text; the log says why.
        """
        for draft in VERSIONS:
            server, kind = self.messages()
            protocol = self.opened(server, draft, recorders())
            protocol.transport.write(b"\xff")
            protocol.transport.write(b"more")
            self.assertOver(protocol, ConnectionDone)
            self.assertEqual(received(kind), [])
            code = 1005 if draft in HIXIE else 1003
            self.assertEqual(kind.made[0].calls[-1][:3], ("close", True, code))

    def test_notBase64(self) -> None:
        """
        Closes the connection.
        """
        for draft in VERSIONS:
            server, _ = self.messages(
                connect=answering("base64"), open=lambda handler: handler.sendMessage(b"A P")
            )
            protocol = self.opened(server, draft, recorders())
            self.assertOver(protocol, ConnectionDone)
            self.assertEqual(protocol.received, [])

    def test_textThatIsNone(self) -> None:
        """
        Is not mended, as it is for clients of messages: a stream has every byte or its end.
        """
        for draft in HIXIE:
            server, _ = self.messages()
            protocol = self.opened(server, draft, recorders())
            self.net.ends[0][1].write(b"\x00\xff\x00\xc3(\xff")
            self.assertOver(protocol, ConnectionLost)
            self.assertEqual(protocol.received, [])


class TransportTests(ClientCase):
    """
    What a protocol may know of its transport.
    """

    def test_interfaces(self) -> None:
        """
        Addresses and options are the real ones.
        """
        for draft in VERSIONS:
            protocol = self.opened(self.streams(recorders()), draft, recorders())
            transport = protocol.transport
            for interface in (ITCPTransport, IConsumer, IPushProducer):
                verifyObject(interface, transport)
            self.assertFalse(ISSLTransport.providedBy(transport))
            near = self.net.ends[0][0]
            self.assertEqual(transport.getPeer(), near.getPeer())
            self.assertEqual(transport.getHost(), near.getHost())

    def test_tls(self) -> None:
        """
        Is seen, with the server's certificate; who waits for its handshake hears that it is done.
        """
        for draft in HIXIE:
            made: list[Any] = []

            class Listening(Recorder):
                def __init__(self, made: list[Any] = made) -> None:
                    alsoProvides(self, IHandshakeListener)
                    self.isSecured = False
                    made.append(self)

                def handshakeCompleted(self) -> None:
                    self.isSecured = self.connected

            factory = recorders()
            factory.protocol = Listening
            server = self.streams(recorders())
            connecting = self.endpoint(server, draft, isSecure=True).connect(factory)
            self.net.settle()
            near: Any = self.net.ends[0][0]
            near.getPeerCertificate = lambda: "the server's"
            near._protocol.handshakeCompleted()
            self.net.settle()
            protocol = self.successResultOf(connecting)
            self.assertTrue(protocol.isSecured)
            self.assertTrue(ISSLTransport.providedBy(protocol.transport))
            self.assertEqual(protocol.transport.getPeerCertificate(), "the server's")

    def test_loseConnection(self) -> None:
        """
        Everything written arrives; both ends hear of a clean end, once.
        """
        for draft in VERSIONS:
            for ends in ("loseConnection", "loseWriteConnection", "stopProducing"):
                server = recorders()
                protocol = self.opened(self.streams(server), draft, recorders())
                protocol.transport.write(b"last")
                getattr(protocol.transport, ends)()
                protocol.transport.write(b"late")
                self.assertOver(protocol, ConnectionDone)
                self.assertEqual(server.made[0].received, [b"last"])
                self.assertEqual(server.made[0].lost, [ConnectionDone])

    def test_abortConnection(self) -> None:
        """
        At once; the other end has lost it.
        """
        for draft in VERSIONS:
            server = recorders()
            protocol = self.opened(self.streams(server), draft, recorders())
            protocol.transport.abortConnection()
            self.assertOver(protocol, ConnectionAborted)
            self.assertEqual(server.made[0].lost, [ConnectionLost])

    def test_theServerLeaves(self) -> None:
        """
        In the way of its draft, or not.
        """
        for draft in VERSIONS:
            for leaves, how in (
                ("loseConnection", ConnectionDone),
                ("abortConnection", ConnectionLost),
            ):
                server = recorders()
                protocol = self.opened(self.streams(server), draft, recorders())
                produced = Produced()
                protocol.transport.registerProducer(produced, True)
                getattr(server.made[0].transport, leaves)()
                self.assertOver(protocol, how)
                self.assertEqual(produced.calls, ["stop"])

    def test_producers(self) -> None:
        """
        The socket pauses the one that sends; pausing the transport pauses the socket.
        """
        for draft in VERSIONS:
            server = recorders()
            protocol = self.opened(self.streams(server), draft, recorders())
            near = self.net.ends[0][0]
            produced = Produced()
            protocol.transport.registerProducer(produced, True)
            near.producer.pauseProducing()
            near.producer.resumeProducing()
            self.assertEqual(produced.calls, ["pause", "resume"])
            protocol.transport.unregisterProducer()
            protocol.transport.pauseProducing()
            self.assertTrue(near.paused)
            server.made[0].transport.write(b"later")
            self.net.settle()
            self.assertEqual(protocol.received, [])
            protocol.transport.resumeProducing()
            self.net.settle()
            self.assertEqual(protocol.received, [b"later"])

    def test_silenceWhilePaused(self) -> None:
        """
        Is the protocol's own doing, and not the server's.
        """
        limits = {"idleTimeout": 60.0, "pingInterval": 30.0, "pingTimeout": 30.0}
        server = dict.fromkeys(limits, 3600.0)
        for draft in VERSIONS:
            served = self.streams(recorders(), **server)
            protocol = self.opened(served, draft, recorders(), **limits)
            protocol.transport.pauseProducing()
            self.clock.pump([10.0] * 50)
            self.assertEqual(protocol.lost, [])
            protocol.transport.resumeProducing()
            self.net.ends[0][1].paused = True
            self.clock.pump([1.0] * 59)
            self.assertEqual(protocol.lost, [])
            self.clock.pump([1.0] * 10)
            self.assertEqual(protocol.lost, [ConnectionLost])
            self.net.ends[0][1].resumeProducing()
            self.net.settle()

    def test_mistakes(self) -> None:
        """
        Of a protocol close its connection, and are logged.
        """
        for draft in VERSIONS:
            server = recorders(lambda protocol, data: protocol.transport.write(data))
            client = recorders(lambda *_: 1 / 0)
            protocol = self.opened(self.streams(server), draft, client)
            protocol.transport.write(b"x")
            self.assertOver(protocol, ConnectionLost)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class EndpointTests(ClientCase):
    """
    As Twisted's own client endpoints.
    """

    def heard(self, factory: Any) -> list[str]:
        """
        What the factory is told.
        """
        heard: list[str] = []
        factory.startFactory = lambda: heard.append("start")
        factory.stopFactory = lambda: heard.append("stop")
        return heard

    def test_connect(self) -> None:
        """
        The factory builds one for the server's address, and is in use as long as that.
        """
        for draft in VERSIONS:
            endpoint = self.endpoint(self.streams(recorders()), draft)
            verifyObject(IStreamClientEndpoint, endpoint)
            factory = recorders()
            asked: list[Any] = []
            build = factory.buildProtocol
            factory.buildProtocol = lambda addr, asked=asked, build=build: (
                asked.append(addr) or build(addr)
            )
            heard = self.heard(factory)
            connecting = endpoint.connect(factory)
            self.net.settle()
            protocol = self.successResultOf(connecting)
            self.assertEqual((asked, heard), ([SERVER_ADDRESS], ["start"]))
            protocol.transport.loseConnection()
            self.assertOver(protocol, ConnectionDone)
            self.assertEqual(heard, ["start", "stop"])

    def test_connectProtocol(self) -> None:
        """
        Works.
        """
        endpoint = self.endpoint(self.streams(recorders()))
        protocol = Recorder()
        protocol.factory = recorders()
        connecting = connectProtocol(endpoint, protocol)
        self.net.settle()
        self.assertIs(self.successResultOf(connecting), protocol)

    def test_failures(self) -> None:
        """
        Are those of `connect`; the factory is not in use any more.
        """
        for draft in VERSIONS:
            factory = recorders()
            heard = self.heard(factory)
            connecting = self.endpoint([ConnectionRefusedError()], draft).connect(factory)
            self.failureResultOf(connecting, NoDraftWorked)
            self.assertEqual((factory.made, heard), ([], ["start", "stop"]))

    def test_noProtocol(self) -> None:
        """
        A factory that builds none, or fails, fails the attempt, and the server is left.
        """
        for draft in VERSIONS:
            for builds, error in (
                (lambda _: None, NoProtocol),
                (lambda _: 1 / 0, ZeroDivisionError),
            ):
                server, kind = self.messages()
                factory = recorders()
                factory.buildProtocol = builds
                heard = self.heard(factory)
                connecting = self.endpoint(server, draft).connect(factory)
                self.clock.pump([0.0] * 20 + [2.0] * 4)
                self.failureResultOf(connecting, error)
                self.assertEqual(heard, ["start", "stop"])
                self.assertEqual(kind.made[0].calls[-1][0], "close")
                self.assertTrue(self.net.isQuiet)

    def test_cancel(self) -> None:
        """
        Ends the attempt.
        """
        factory = recorders()
        heard = self.heard(factory)
        connecting = self.endpoint([None]).connect(factory)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual((self.net.cancelled, heard), (1, ["start", "stop"]))

    def test_cancelLater(self) -> None:
        """
        While the server thinks.
        """
        for draft in VERSIONS:
            server, _ = self.messages()
            connecting = self.endpoint(server, draft).connect(recorders())
            connecting.cancel()
            self.failureResultOf(connecting, CancelledError)
            self.net.settle()
            self.assertTrue(self.net.isQuiet)

    def test_oneByteAtATime(self) -> None:
        """
        What comes right behind the answer is received after connectionMade.
        """

        class Greeting(Messages):
            def onOpen(self) -> None:
                self.sendMessage(b"welcome")

        for draft in VERSIONS:
            for isCut in (False, True):
                server = FallbackServerFactory(Greeting, reactor=self.clock)
                protocol = self.opened(server, draft, recorders(), isCut=isCut)
                self.assertEqual(protocol.received, [b"welcome"])

    def test_service(self) -> None:
        """
        Reconnects, and closes in the way of the draft when it stops.
        """
        for draft in VERSIONS:
            server = recorders()
            endpoint = self.endpoint(self.streams(server), draft)
            client = recorders()
            service = ClientService(endpoint, client, retryPolicy=lambda _: 1.0, clock=self.clock)
            service.startService()
            self.net.settle()
            server.made[0].transport.abortConnection()
            self.net.settle()
            self.assertEqual(client.made[0].lost, [ConnectionLost])
            self.clock.advance(1.0)
            self.net.settle()
            server.made[1].transport.write(b"again")
            self.net.settle()
            self.assertEqual(client.made[1].received, [b"again"])
            stopping = service.stopService()
            assert stopping is not None
            self.net.settle()
            self.successResultOf(stopping)
            self.assertEqual(client.made[1].lost, [ConnectionDone])
            self.assertEqual(server.made[1].lost, [ConnectionDone])
            self.assertTrue(self.net.isQuiet)

    def test_mistakes(self) -> None:
        """
        Are those of `Client`.
        """
        self.assertRaises(TypeError, StreamEndpoint, Network(self.clock, []), reactor=self.clock)
        self.assertRaises(
            ValueError, StreamEndpoint, "ws://a/", drafts=["hixie-74"], reactor=self.clock
        )
