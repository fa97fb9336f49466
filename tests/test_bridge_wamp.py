"""
Applications as people have them, untouched: WAMP, and what Autobahn's examples do.
"""

import json
from base64 import b64decode, b64encode
from typing import Any

import txaio
from autobahn.twisted.websocket import (
    WampWebSocketServerFactory,
    WebSocketServerFactory,
    WebSocketServerProtocol,
    WrappingWebSocketServerFactory,
)
from autobahn.wamp import message, role
from autobahn.wamp.serializer import JsonSerializer
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import FallbackServerFactory
from wsfallback.testing import VERSIONS, connect


class Router:
    """
    A session of the smallest router: one procedure, and topics.

    Autobahn has no router any more.
    """

    #: Autobahn's transport writes them into its log.
    _authid = _session_id = None

    def __init__(self, subscribers: list[tuple["Router", str, int]]) -> None:
        self.subscribers = subscribers

    def onOpen(self, transport: Any) -> None:
        self.transport = transport

    def onMessage(self, asked: Any) -> None:
        if isinstance(asked, message.Hello):
            roles = {"broker": role.RoleBrokerFeatures(), "dealer": role.RoleDealerFeatures()}
            self.transport.send(message.Welcome(1, roles, realm=asked.realm))
        elif isinstance(asked, message.Call):
            assert asked.procedure == "com.example.add"
            self.transport.send(message.Result(asked.request, args=[sum(asked.args)]))
        elif isinstance(asked, message.Subscribe):
            number = len(self.subscribers) + 1
            self.subscribers.append((self, asked.topic, number))
            self.transport.send(message.Subscribed(asked.request, number))
        elif isinstance(asked, message.Publish):
            for session, topic, number in self.subscribers:
                if topic == asked.topic and session is not self:
                    session.transport.send(message.Event(number, 7, args=asked.args))

    def onClose(self, wasClean: bool) -> None:
        self.subscribers[:] = [each for each in self.subscribers if each[0] is not self]


class WampTests(SynchronousTestCase):
    """
    A ``WampWebSocketServerFactory`` as it is.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.patch(txaio.config, "loop", self.clock)
        self.subscribers: list[tuple[Router, str, int]] = []
        self.server = FallbackServerFactory.forAutobahn(
            WampWebSocketServerFactory(
                lambda: Router(self.subscribers),
                serializers=[JsonSerializer()],
                reactor=self.clock,
            ),
            reactor=self.clock,
        )

    def joined(self, draft: str) -> Any:
        """
        A client that has a session.
        """
        client = connect(self.server, draft, protocols=["wamp.2.json"])
        self.assertEqual((client.status, client.protocol), (101, "wamp.2.json"))
        roles: dict[str, Any] = {"caller": {}, "subscriber": {}, "publisher": {}}
        client.send(json.dumps([1, "realm1", {"roles": roles}]))
        self.assertEqual(json.loads(client.receive())[0], 2)
        return client

    def test_call(self) -> None:
        """
        A call has its result.
        """
        for draft in VERSIONS:
            client = self.joined(draft)
            client.send(json.dumps([48, 1, {}, "com.example.add", [2, 3]]))
            self.assertEqual(json.loads(client.receive()), [50, 1, {}, [5]])

    def test_subscription(self) -> None:
        """
        What one publishes, subscribers of all drafts hear.
        """
        clients = {draft: self.joined(draft) for draft in VERSIONS}
        for number, client in enumerate(clients.values(), 1):
            client.send(json.dumps([32, 2, {}, "com.example.news"]))
            self.assertEqual(json.loads(client.receive()), [33, 2, number])
        clients["rfc6455"].send(json.dumps([16, 3, {}, "com.example.news", ["h\xe9llo"]]))
        for number, (draft, client) in enumerate(clients.items(), 1):
            heard = [json.loads(each) for each in client.messages]
            wanted = [] if draft == "rfc6455" else [[36, number, 7, {}, ["h\xe9llo"]]]
            self.assertEqual(heard, wanted)
        for client in clients.values():
            client.close()
            client.settle()
        self.assertEqual(self.subscribers, [])

    def test_otherSubprotocols(self) -> None:
        """
        Are refused, as Autobahn does it.
        """
        for draft in VERSIONS:
            self.assertEqual(connect(self.server, draft, protocols=["chat"]).status, 400)


class Broadcaster(WebSocketServerProtocol):
    """
    Tells all what one says, prepared once.
    """

    def onOpen(self) -> None:
        self.factory.all.append(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        prepared = self.factory.prepareMessage(payload, isBinary)
        for each in self.factory.all:
            each.sendPreparedMessage(prepared)

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        if self in self.factory.all:
            self.factory.all.remove(self)


class StreamingEcho(WebSocketServerProtocol):
    """
    Echoes each frame as it comes.
    """

    def onMessageBegin(self, isBinary: bool) -> None:
        super().onMessageBegin(isBinary)
        self.beginMessage(isBinary)

    def onMessageFrame(self, payload: list[bytes]) -> None:
        self.sendMessageFrame(b"".join(payload))

    def onMessageEnd(self) -> None:
        self.endMessage()


class Slow(WebSocketServerProtocol):
    """
    Asks elsewhere who may come in.
    """

    async def onConnect(self, request: Any) -> tuple[str, dict[str, str]]:
        user = await self.factory.asked
        return request.protocols[0], {"X-User": user}

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


class Telling(Protocol):
    """
    A stream that answers, in bytes.
    """

    def connectionMade(self) -> None:
        self.transport.write(b"\x00hello")

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data[::-1])


class ExampleTests(SynchronousTestCase):
    """
    What Autobahn's examples do.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.patch(txaio.config, "loop", self.clock)

    def served(self, protocol: Any) -> Any:
        """
        A factory with this protocol.
        """
        factory: Any = WebSocketServerFactory(reactor=self.clock)
        factory.protocol, factory.all = protocol, []
        return factory

    def test_broadcast(self) -> None:
        """
        A message to clients of all drafts.
        """
        factory = self.served(Broadcaster)
        server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
        clients = [connect(server, draft) for draft in VERSIONS]
        for speaker in clients:
            speaker.send("to \u2713 all")
            for client in clients:
                self.assertEqual(client.receive(), "to \u2713 all")
        for client in clients:
            client.drop()
        self.assertEqual(factory.all, [])

    def test_streaming(self) -> None:
        """
        Frame by frame.
        """
        server = FallbackServerFactory.forAutobahn(self.served(StreamingEcho), reactor=self.clock)
        for draft in VERSIONS:
            client = connect(server, draft)
            client.send("h\xe9llo")
            client.send("x" * 100_000)
            self.assertEqual(client.receive(), "h\xe9llo")
            self.assertEqual(len(client.receive()), 100_000)

    def test_asynchronousOnConnect(self) -> None:
        """
        A coroutine decides.
        """
        for draft in VERSIONS:
            factory = self.served(Slow)
            factory.asked = Deferred()
            server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
            client = connect(server, draft, protocols=["chat"])
            self.assertIsNone(client.status)
            factory.asked.callback("ann")
            client.settle()
            self.assertEqual((client.status, client.protocol), (101, "chat"))
            self.assertEqual(client.fields["x-user"], "ann")
            client.send("x")
            self.assertEqual(client.receive(), "x")

    def test_wrapping(self) -> None:
        """
        A stream within WebSocket, in Base64; to hixie clients that ask for binary it is closed.
        """
        for draft in VERSIONS:
            wrapping = WrappingWebSocketServerFactory(
                Factory.forProtocol(Telling), "ws://example.com", reactor=self.clock
            )
            server = FallbackServerFactory.forAutobahn(wrapping, reactor=self.clock)
            client = connect(server, draft, protocols=["base64"])
            client.send(b64encode(b"abc\xff").decode())
            heard = [b64decode(each) for each in client.messages]
            self.assertEqual(heard, [b"\x00hello", b"\xffcba"])
            other = connect(server, draft, protocols=["binary"])
            other.settle()
            self.assertEqual((other.status, other.protocol), (101, "binary"))
            hasBinary = VERSIONS[draft] is not None
            self.assertEqual(other.messages, [b"\x00hello"] if hasBinary else [])
            self.assertEqual(other.isOpen, hasBinary)
