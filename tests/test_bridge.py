"""
An Autobahn factory as it is, on every draft.
"""

import gc
from typing import Any

import txaio
from autobahn.twisted.util import create_transport_details
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from OpenSSL.SSL import TLS_METHOD, Connection, Context
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from tests.contract import Produced
from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.bridge import AutobahnApplication, Bridge
from wsfallback.opening13 import MAX_ANSWER
from wsfallback.testing import CLIENT_ADDRESS, SERVER_ADDRESS, VERSIONS, attach, connect, request

#: Those that Autobahn has no word for.
OLD = ("hixie-75", "hixie-76", "hybi-07")
HIXIE = ("hixie-75", "hixie-76")


class Recorder(WebSocketServerProtocol):
    """
    An application of somebody's: knows of Autobahn, and of nothing else.
    """

    def does(self, name: str, *arguments: Any) -> Any:
        self.factory.calls.append((name, *arguments))
        return self.factory.actions.get(name, lambda *_: None)(self, *arguments)

    def onConnect(self, request: ConnectionRequest) -> Any:
        self.factory.made.append(self)
        return self.does("connect", request)

    def onOpen(self) -> None:
        self.does("open")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.does("message", payload, isBinary)

    def onPong(self, payload: bytes) -> None:
        self.does("pong", payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.does("close", wasClean, code, reason)


def application(clock: Clock, **actions: Any) -> Any:
    """
    A factory of Autobahn's.

    :param actions: ``message=function``: what its ``onMessage`` does, called with the protocol.
    """
    factory: Any = WebSocketServerFactory(reactor=clock)
    factory.protocol = Recorder
    factory.calls, factory.made, factory.actions = [], [], actions
    return factory


class BridgeCase(SynchronousTestCase):
    """
    With a client and an application.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        # The clock of Autobahn's timers is one for all factories.
        self.patch(txaio.config, "loop", self.clock)

    def served(self, draft: str, options: Any = None, **actions: Any) -> tuple[Any, Any]:
        """
        A client that has asked, and the application.
        """
        factory = application(self.clock, **actions)
        client = connect(
            FallbackServerFactory.forAutobahn(factory, reactor=self.clock, **(options or {})),
            draft,
            path="/chat?a=1",
            protocols=["one", "two"],
            headers={"Cookie": "a=b"},
        )
        return client, factory

    def opened(self, draft: str, options: Any = None, **actions: Any) -> tuple[Any, Any]:
        """
        A client that is open, and the application.
        """
        client, factory = self.served(draft, options, **actions)
        self.assertEqual(client.status, 101, client.wire)
        return client, factory

    def calls(self, factory: Any, name: str) -> list[Any]:
        """
        How often this came, and with what.
        """
        return [call[1:] for call in factory.calls if call[0] == name]

    def assertOver(self, client: Any, factory: Any, *how: Any) -> None:
        """
        Nothing is left of the connection, and the application has heard how it ended.
        """
        client.settle()
        self.assertFalse(client.transport.connected)
        (ended,) = self.calls(factory, "close")
        self.assertEqual(ended[: len(how)], how)
        self.clock.advance(60)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ConstructorTests(SynchronousTestCase):
    """
    What can be bridged.
    """

    def test_notAutobahns(self) -> None:
        """
        Is a mistake that is seen when the factory is made.
        """
        for wrong in (MessageHandler, object(), WebSocketServerProtocol):
            self.assertRaises(TypeError, FallbackServerFactory.forAutobahn, wrong)

    def test_optionsAreTheConstructors(self) -> None:
        """
        And so are their mistakes.
        """
        clock = Clock()
        factory = application(clock)
        server = FallbackServerFactory.forAutobahn(
            factory, reactor=clock, drafts=["hixie-76"], maxMessage=7
        )
        self.assertEqual(server.limits.maxMessage, 7)
        self.assertEqual(connect(server).status, 426)
        self.assertRaises(
            TypeError, FallbackServerFactory.forAutobahn, factory, reactor=clock, maxMesage=1
        )

    def test_beingStarted(self) -> None:
        """
        The factory hears that it is served, and when no more.
        """
        factory = application(Clock())
        heard: list[str] = []
        factory.startFactory = lambda: heard.append("start")
        factory.stopFactory = lambda: heard.append("stop")
        server = FallbackServerFactory.forAutobahn(factory, reactor=Clock())
        server.doStart()
        server.doStop()
        self.assertEqual(heard, ["start", "stop"])

    def test_besideHandlers(self) -> None:
        """
        An application can have one path of several.
        """
        clock = Clock()
        factory = application(clock)
        server = FallbackServerFactory(
            MessageHandler, routes={"/old": AutobahnApplication(factory)}, reactor=clock
        )
        for draft in VERSIONS:
            self.assertEqual(connect(server, draft, path="/old").status, 101)
            self.assertEqual(connect(server, draft, path="/new").status, 101)
        self.assertEqual(len(factory.made), len(VERSIONS))


class WholeTests(BridgeCase):
    """
    Clients that Autobahn serves by itself.
    """

    def test_theProtocolItself(self) -> None:
        """
        The very protocol has the transport, and every byte.
        """
        for draft in ("rfc6455", "hybi-10"):
            client, factory = self.opened(draft)
            self.assertIs(factory.made[0].transport, client.transport)
            raw = request(
                draft, path="/chat?a=1", protocols=["one", "two"], headers={"Cookie": "a=b"}
            )
            self.assertEqual(factory.made[0].http_request_data, raw)

    def test_bytesBehindTheHead(self) -> None:
        """
        None is lost.
        """
        factory = application(self.clock)
        client = attach(FallbackServerFactory.forAutobahn(factory, reactor=self.clock))
        client.deliver(request("rfc6455") + client.message("early"))
        self.assertEqual(self.calls(factory, "message"), [(b"early", False)])

    def test_itsOwnOptions(self) -> None:
        """
        Are what holds for them: the protocol is the application's alone.
        """
        factory = application(self.clock)
        factory.setProtocolOptions(versions=[13])
        server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
        connect(server, "rfc6455")
        connect(server, "hybi-10")
        first, second = factory.made
        self.assertNotIsInstance(second.transport, type(first.transport))

    def test_whatItWouldRefuse(self) -> None:
        """
        Keys of 15 bytes, and origins without a scheme, come by the bridge.
        """
        factory = application(self.clock)
        server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
        for draft in VERSIONS:
            client = connect(server, draft, origin="127.0.0.1:8080")
            self.assertEqual(client.status, 101, client.wire)
        seen = {request.origin for (request,) in self.calls(factory, "connect")}
        self.assertEqual(seen, {"http://127.0.0.1:8080"})
        client = attach(server, "hybi-10")
        client.key = "A" * 20
        client.deliver(request("hybi-10").replace(type(client).key.encode(), b"A" * 20))
        self.assertEqual(client.status, 101)

    def test_bytesThatAutobahnTakesForALineEnd(self) -> None:
        """
        0x85, as in the UTF-8 of some letters, ends no line of ours: such a field is left out.
        """
        factory = application(self.clock)
        server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
        for draft in VERSIONS:
            headers = {"X": "a\x85Evil: 1", "Y": "b"}
            self.assertEqual(connect(server, draft, headers=headers).status, 101)
        for (seen,) in self.calls(factory, "connect"):
            self.assertNotIn("evil", seen.headers)
            self.assertNotIn("x", seen.headers)
            self.assertEqual(seen.headers["y"], "b")

    def test_factoryThatFails(self) -> None:
        """
        500 for the client, one Failure for the log; none at all is 503.
        """
        for draft in VERSIONS:
            factory = application(self.clock)
            factory.buildProtocol = lambda _: None
            server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
            self.assertEqual(connect(server, draft).status, 503)
            factory.buildProtocol = lambda _: 1 / 0
            self.assertEqual(connect(server, draft).status, 500)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class OpeningTests(BridgeCase):
    """
    The handshake.
    """

    def test_theRequest(self) -> None:
        """
        The application sees the client's own, in the version that it knows.
        """
        for draft in VERSIONS:
            _, factory = self.opened(draft)
            ((seen,),) = self.calls(factory, "connect")
            self.assertEqual(seen.peer, "tcp4:192.0.2.7:52914")
            self.assertEqual((seen.path, seen.params), ("/chat", {"a": ["1"]}))
            self.assertEqual(seen.origin, "http://example.com")
            self.assertEqual(seen.host, "example.com")
            self.assertEqual(seen.protocols, ["one", "two"])
            self.assertEqual(seen.headers["cookie"], "a=b")
            self.assertIn(seen.version, (8, 13))
            protocol = factory.made[0]
            self.assertEqual(protocol.peer, "tcp4:192.0.2.7:52914")
            self.assertEqual(protocol.transport.getPeer(), CLIENT_ADDRESS)
            self.assertEqual(protocol.transport.getHost(), SERVER_ADDRESS)
            self.assertNotIn("sec-websocket-key1", seen.headers)

    def test_theAnswer(self) -> None:
        """
        Subprotocol and fields pass through, several of a name too.
        """
        fields = {"Set-Cookie": ["a=1", "b=2"], "X-One": "1"}
        for draft in VERSIONS:
            client, _ = self.opened(draft, connect=lambda *_: ("two", fields))
            self.assertEqual(client.protocol, "two")
            self.assertEqual(client.fields["set-cookie"], "a=1, b=2")
            self.assertEqual(client.fields["x-one"], "1")
            self.assertEqual(client.wire.count(b"Upgrade:"), 1)

    def test_asynchronously(self) -> None:
        """
        The client's answer waits for the application's, and what it sends meanwhile for both.
        """
        for draft in OLD:
            decision: Deferred[str] = Deferred()
            client, factory = self.served(
                draft, connect=lambda *_, decision=decision: decision, open=lambda p: None
            )
            self.assertIsNone(client.status)
            client.send("early")
            self.assertEqual(self.calls(factory, "message"), [])
            decision.callback("one")
            client.settle()
            self.assertEqual((client.status, client.protocol), (101, "one"))
            self.assertEqual(self.calls(factory, "message"), [(b"early", False)])
            self.assertEqual([call[0] for call in factory.calls], ["connect", "open", "message"])

    def test_sentWithTheHead(self) -> None:
        """
        In one segment, and decided on later: it is received when Autobahn is open.
        """
        for draft in OLD:
            decided: Deferred[Any] = Deferred()
            factory = application(self.clock, connect=lambda *_, d=decided: d)
            client = attach(FallbackServerFactory.forAutobahn(factory, reactor=self.clock), draft)
            client.deliver(request(draft) + client.message("early"))
            decided.callback(None)
            client.settle()
            self.assertEqual(self.calls(factory, "message"), [(b"early", False)])

    def test_refusals(self) -> None:
        """
        Status and reason pass through, now or later; the application hears of the end.
        """

        def deny(*_: Any) -> None:
            raise ConnectionDeny(403, "members only")

        for draft in OLD:
            later: Deferred[None] = Deferred()
            for connected in (deny, lambda *_, later=later: later):
                client, factory = self.served(draft, connect=connected)
                if not later.called and connected is not deny:
                    later.errback(ConnectionDeny(403, "members only"))
                    client.settle()
                self.assertEqual((client.status, client.body), (403, b"members only\n"))
                self.assertTrue(client.disconnected)
                self.assertOver(client, factory, False, 1006)

    def test_refusalsOfAutobahns(self) -> None:
        """
        Its own checks hold for old clients.
        """
        for draft in VERSIONS:
            factory = application(self.clock)
            factory.setProtocolOptions(allowedOrigins=["https://good.test:*"])
            server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
            self.assertEqual(connect(server, draft).status, 400)
            self.assertEqual(connect(server, draft, origin="https://good.test").status, 101)

    def test_mistakeInOnConnect(self) -> None:
        """
        500, as Autobahn has it.
        """
        for draft in OLD:
            client, _ = self.served(draft, connect=lambda *_: 1 / 0)
            self.assertEqual(client.status, 500)

    def test_neverAnswered(self) -> None:
        """
        The one deadline of the handshake ends it: Autobahn has no answer to a subprotocol that
        wasn't offered.
        """
        for draft in OLD:
            client, factory = self.served(draft, connect=lambda *_: Deferred())
            client.advance(3.5)
            self.assertIsNone(client.status)
            client.advance(1.6)
            # Autobahn has a deadline too, of about as long, and drops the transport.
            self.assertIn(client.status, (500, 503))
            client.advance(3)
            self.assertOver(client, factory, False, 1006)
            client, _ = self.served(draft, connect=lambda *_: "three")
            client.advance(5.1)
            self.assertIn(client.status, (500, 503))
            del client, factory
        # Autobahn leaves that mistake in a Deferred.
        gc.collect()
        self.flushLoggedErrors(Exception)

    def test_decisionAfterTheEnd(self) -> None:
        """
        Is one that nobody waits for.
        """
        for draft in OLD:
            decision: Deferred[None] = Deferred()
            client, factory = self.served(draft, connect=lambda *_, decision=decision: decision)
            client.transport.paused = False  # else the end is noticed no earlier
            client.drop()
            self.assertOver(client, factory, False, 1006)
            decision.callback(None)

    def test_applicationThatLeaves(self) -> None:
        """
        Without an answer: the client gets one.
        """
        for draft in OLD:
            for leaves in ("loseConnection", "abortConnection"):
                client, _ = self.served(
                    draft,
                    connect=lambda p, _, leaves=leaves: (
                        getattr(p.transport, leaves)() or Deferred()
                    ),
                )
                self.assertEqual(client.status, 500)

    def test_answerInPieces(self) -> None:
        """
        An answer is read when it is whole.
        """

        def answer(app: Any, _: Any) -> Deferred[None]:
            app.transport.write(b"HTTP/1.1 403 mem")
            app.transport.writeSequence([b"bers only", b"\r\n", b"\r\n"])
            return Deferred()

        for draft in OLD:
            client, _ = self.served(draft, connect=answer)
            self.assertEqual((client.status, client.body), (403, b"members only\n"))

    def test_endlessAnswer(self) -> None:
        """
        The head of an answer is bounded.
        """
        for draft in OLD:
            client, _ = self.served(
                draft,
                connect=lambda p, _: p.transport.write(b"x" * (MAX_ANSWER + 1)) or Deferred(),
            )
            self.assertEqual(client.status, 500)

    def test_key3ArrivesLate(self) -> None:
        """
        What the application sends when it is open waits for the client's challenge, and so does
        its producer.
        """
        factory = application(
            self.clock, open=lambda p: (p.sendMessage(b"hello"), p.registerProducer(produced, True))
        )
        produced = Produced()
        client = attach(FallbackServerFactory.forAutobahn(factory, reactor=self.clock), "hixie-76")
        raw = request("hixie-76")
        client.deliver(raw[:-8])
        self.assertEqual(self.calls(factory, "open"), [()])
        self.assertIsNone(client.transport.producer)
        self.assertEqual(produced.calls, ["pause"])
        client.deliver(raw[-8:])
        self.assertEqual(client.messages, ["hello"])
        self.assertIsNotNone(client.transport.producer)
        self.assertEqual(produced.calls, ["pause", "resume"])

    def test_key3NeverArrives(self) -> None:
        """
        What waits for it is bounded, in bytes and in time.
        """
        factory = application(self.clock)
        server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock, maxMessage=1000)
        client = attach(server, "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        factory.made[0].sendMessage(b"x" * 900)
        self.assertFalse(client.transport.aborted)
        factory.made[0].sendMessage(b"x" * 100)
        self.assertTrue(client.transport.aborted)
        self.assertOver(client, factory, True, 1009)
        client = attach(server, "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        client.advance(5.1)
        self.assertTrue(client.transport.finished)


class MessageTests(BridgeCase):
    """
    What goes to and fro.
    """

    def test_echo(self) -> None:
        """
        Text of any kind and size, and binary where the draft has it.
        """
        for draft in VERSIONS:
            client, _ = self.opened(draft, message=lambda p, *m: p.sendMessage(*m))
            for text in ("one", "", "h\xe9llo \u2713 \U0001d11e", "x" * 130, "y" * 70000):
                client.send(text)
                self.assertEqual(client.receive(), text)
            if draft not in HIXIE:
                client.send(b"\0\xff")
                self.assertEqual(client.receive(), b"\0\xff")

    def test_inAnySegmentation(self) -> None:
        """
        A byte at a time is the same.
        """
        for draft in VERSIONS:
            factory = application(self.clock, message=lambda p, *m: p.sendMessage(*m))
            client = connect(
                FallbackServerFactory.forAutobahn(factory, reactor=self.clock), draft, segment=1
            )
            client.send("one")
            client.send("two")
            self.assertEqual(client.messages, ["one", "two"])

    def test_greeting(self) -> None:
        """
        What onOpen sends comes first.
        """
        for draft in VERSIONS:
            client, _ = self.opened(draft, open=lambda p: p.sendMessage(b"welcome"))
            self.assertEqual(client.messages, ["welcome"])

    def test_prepared(self) -> None:
        """
        A prepared message, sent to several.
        """
        for draft in VERSIONS:
            factory = application(self.clock)
            server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
            clients = [connect(server, draft) for _ in range(2)]
            prepared = factory.prepareMessage("to ✓ all".encode(), False)
            for each in factory.made:
                each.sendPreparedMessage(prepared)
            self.assertEqual([client.messages for client in clients], [["to ✓ all"]] * 2)

    def test_clientsFrames(self) -> None:
        """
        With ``frames``, too, the application has whole messages: Autobahn puts them together.
        """
        for draft in VERSIONS:
            client, factory = self.opened(draft, {"frames": True})
            client.send("one")
            wanted = [(b"one", False)]
            if draft not in HIXIE:
                client.deliver(client.frame(2, b"t", False) + client.frame(0, b"w", False))
                self.assertEqual(self.calls(factory, "message"), wanted)
                client.deliver(client.frame(0, b"o") + client.frame(1, b"three"))
                wanted += [(b"two", True), (b"three", False)]
            self.assertEqual(self.calls(factory, "message"), wanted)

    def test_fragments(self) -> None:
        """
        A message in frames, and a frame in pieces, arrive as one message.
        """
        for draft in VERSIONS:
            client, factory = self.opened(draft)
            app = factory.made[0]
            app.beginMessage()
            app.sendMessageFrame(b"a")
            self.assertEqual(client.messages, [])
            app.beginMessageFrame(2)
            app.sendMessageFrameData(b"b")
            app.sendMessageFrameData(b"c")
            app.sendPing(b"between")
            app.endMessage()
            self.assertEqual(client.messages, ["abc"])
            app.sendMessage(b"0123456789", fragmentSize=3)
            self.assertEqual(client.messages, ["abc", "0123456789"])

    def test_fragmentsWithoutEnd(self) -> None:
        """
        What is kept of them is bounded; a message in one frame has any size.
        """
        for draft in OLD:
            client, factory = self.opened(draft, {"maxMessage": 1000})
            app = factory.made[0]
            app.sendMessage(b"x" * 5000)
            self.assertEqual(len(client.receive()), 5000)
            app.beginMessage()
            for _ in range(10):
                app.sendMessageFrame(b"x" * 100)
            client.settle()
            self.assertOver(client, factory, True, 1009)
            self.assertEqual(client.messages, [])
            client, factory = self.opened(draft, {"maxMessage": 1000})
            app = factory.made[0]
            app.beginMessage()
            app.beginMessageFrame(1 << 40)
            app.sendMessageFrameData(b"x" * 1001)
            client.settle()
            self.assertOver(client, factory, True, 1009)

    def test_binaryToATextDraft(self) -> None:
        """
        Closes the connection: with 1003 towards the application.
        """
        for draft in HIXIE:
            client, factory = self.opened(draft)
            factory.made[0].sendMessage(b"\0", True)
            client.settle()
            self.assertTrue(client.disconnected)
            self.assertEqual(client.messages, [])
            self.assertOver(client, factory, True, 1003)

    def test_textThatIsNone(self) -> None:
        """
        Closes it with 1007: it can't be sent, and on hixie would be frames of its own.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            factory.made[0].sendMessage(b"\xff\0evil")
            self.assertNotIn(b"evil", client.wire)
            self.assertOver(client, factory, True, 1007)

    def test_mistakeInOnMessage(self) -> None:
        """
        Costs this connection alone.
        """
        for draft in OLD:
            client, factory = self.opened(draft, message=lambda *_: 1 / 0)
            client.send("x")
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            client.advance(3)
            self.assertOver(client, factory, False, 1006)

    def test_mistakeInOnOpen(self) -> None:
        """
        Leaves the connection, as Autobahn does; messages still come.
        """
        for draft in OLD:
            client, factory = self.opened(draft, open=lambda *_: 1 / 0)
            client.send("x")
            self.assertEqual(self.calls(factory, "message"), [(b"x", False)])
            del factory, client
        gc.collect()
        self.flushLoggedErrors(ZeroDivisionError)

    def test_constructorOfItsOwn(self) -> None:
        """
        Of which Autobahn's isn't part: then it has no ``is_open``, and fails when all is done.
        """

        class Constructed(Recorder):
            def __init__(self) -> None:
                self.is_closed: Any = Deferred()

        for draft in OLD:
            factory = application(self.clock, message=lambda p, *_: p.sendMessage(b"answer"))
            factory.protocol = Constructed
            client = attach(FallbackServerFactory.forAutobahn(factory, reactor=self.clock), draft)
            client.deliver(request(draft) + client.message("early"))
            client.settle()
            client.send("late")
            self.assertEqual(client.messages, ["answer", "answer"])
            client.close()
            self.assertOver(client, factory, True)
            gc.collect()
            self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_maskedByTheServer(self) -> None:
        """
        maskServerFrames, an option of Autobahn's for tests, does no harm.
        """
        for draft in OLD:
            factory = application(self.clock, message=lambda p, *m: p.sendMessage(*m))
            factory.setProtocolOptions(maskServerFrames=True)
            client = connect(FallbackServerFactory.forAutobahn(factory, reactor=self.clock), draft)
            client.send("h\xe9llo")
            self.assertEqual(client.messages, ["h\xe9llo"])

    def test_itsOwnBounds(self) -> None:
        """
        Autobahn's limits hold for old clients, too.
        """
        for draft in OLD:
            factory = application(self.clock)
            factory.setProtocolOptions(maxMessagePayloadSize=10)
            client = connect(FallbackServerFactory.forAutobahn(factory, reactor=self.clock), draft)
            client.send("x" * 11)
            self.assertEqual(self.calls(factory, "message"), [])
            self.assertOver(client, factory, False, 1006)


class TlsTests(BridgeCase):
    """
    What an application is told of TLS. Clients of hybi-07 come by it in the integration tests:
    Autobahn's engine has no less use for a real transport.
    """

    def secured(self, draft: str, **has: Any) -> Any:
        """
        The application of a client that came by TLS, and what it was told when.

        :param has: what the transport has besides.
        """
        told: list[Any] = []
        factory = application(
            self.clock,
            connect=lambda p, _: told.append(p.transport_details.is_secure),
            open=lambda p: told.append(p.transport_details.is_secure),
        )
        server = FallbackServerFactory.forAutobahn(factory, reactor=self.clock)
        client = attach(server, draft, secure=True)
        vars(client.transport).update(has)
        client.deliver(request(draft))
        client.send("x")
        self.assertEqual(self.calls(factory, "message"), [(b"x", False)])
        return factory.made[0], told

    def test_details(self) -> None:
        """
        All that Autobahn asks of TLS, from onConnect on, is the real transport's.
        """
        connection = Connection(Context(TLS_METHOD), None)
        for draft in HIXIE:
            asked: list[str] = []
            app, told = self.secured(
                draft,
                getHandle=lambda: connection,
                getPeerCertificate=lambda asked=asked: asked.append("certificate"),
                negotiatedProtocol=b"http/1.1",
            )
            self.assertEqual(told, [True, True])
            self.assertTrue(ISSLTransport.providedBy(app.transport))
            details = app.transport_details
            self.assertEqual(details.channel_type, details.CHANNEL_TYPE_TLS)
            # What it is while OpenSSL has no handshake to tell of.
            self.assertEqual(details.channel_id, {"tls-unique": bytes(32)})
            self.assertGreater(len(asked), 0)
            self.assertIs(app.transport.getHandle(), connection)
            self.assertEqual(app.transport.negotiatedProtocol, b"http/1.1")
            app.transport.loseConnection()
            self.clock.advance(3)
            self.assertEqual(len(self.calls(app.factory, "close")), 1)

    def test_withoutAHandle(self) -> None:
        """
        Of OpenSSL's: Autobahn would fail on it, so nothing is said of TLS.
        """
        for draft in HIXIE:
            for has in ({}, {"getHandle": object}):
                app, told = self.secured(draft, **has)
                self.assertEqual(told, [False, False])
                self.assertFalse(ISSLTransport.providedBy(app.transport))


class PingTests(BridgeCase):
    """
    Pings are answered for the client.
    """

    def test_ping(self) -> None:
        """
        In a turn of its own.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            wire = client.wire
            factory.made[0].sendPing(b"there?")
            self.assertEqual(self.calls(factory, "pong"), [])
            client.settle()
            self.assertEqual(self.calls(factory, "pong"), [(b"there?",)])
            self.assertEqual(client.wire, wire)

    def test_pongThatComesTooLate(self) -> None:
        """
        A connection that is lost has nothing left to do, nor to wait for.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            factory.made[0].sendPing(b"there?")
            client.transport.lose(ConnectionLost())
            self.assertOver(client, factory, False, 1006)

    def test_mistakeInOnPong(self) -> None:
        """
        Costs this connection alone; before it is open, too.
        """
        for draft in OLD:
            client, factory = self.opened(draft, pong=lambda *_: 1 / 0)
            factory.made[0].sendPing(b"there?")
            client.settle()
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            self.assertFalse(client.isOpen)
        factory = application(
            self.clock, open=lambda p: p.sendPing(b"there?"), pong=lambda *_: 1 / 0
        )
        client = attach(FallbackServerFactory.forAutobahn(factory, reactor=self.clock), "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(client.transport.aborted)

    def test_autoPing(self) -> None:
        """
        Keeps the connection.
        """
        for draft in OLD:
            factory = application(self.clock)
            factory.setProtocolOptions(autoPingInterval=5, autoPingTimeout=2)
            server = FallbackServerFactory.forAutobahn(
                factory, reactor=self.clock, idleTimeout=1000, pingInterval=1000
            )
            client = connect(server, draft)
            for _ in range(60):
                client.advance(1)
            self.assertTrue(client.isOpen, draft)
            self.assertGreater(len(self.calls(factory, "pong")), 8)


class FlowTests(BridgeCase):
    """
    What pauses one side pauses the other.
    """

    def test_producer(self) -> None:
        """
        The application's is registered with the real transport.
        """
        for draft in VERSIONS:
            produced = Produced()
            client, factory = self.opened(draft)
            factory.made[0].registerProducer(produced, True)
            client.transport.producer.pauseProducing()
            client.transport.producer.resumeProducing()
            self.assertEqual(produced.calls, ["pause", "resume"])
            factory.made[0].unregisterProducer()
            if draft in OLD:
                client.transport.producer.pauseProducing()
            self.assertEqual(produced.calls, ["pause", "resume"])

    def test_producerOfALostConnection(self) -> None:
        """
        Is stopped, once; after a close Autobahn has taken it away before.
        """
        for draft in OLD:
            produced = Produced()
            client, factory = self.opened(draft)
            factory.made[0].registerProducer(produced, True)
            client.drop()
            self.assertEqual(produced.calls, ["stop"])
            late = Produced()
            factory.made[0].transport.registerProducer(late, True)
            self.assertEqual(late.calls, ["stop"])

    def test_pausing(self) -> None:
        """
        The application's stops reading from the socket; what was read waits.
        """
        for draft in OLD:
            client, factory = self.opened(draft, message=lambda p, *_: p.transport.pauseProducing())
            client.deliver(client.message("one") + client.message("two"))
            self.assertTrue(client.transport.paused)
            client.send("three")
            self.assertEqual(self.calls(factory, "message"), [(b"one", False)])
            factory.actions.clear()
            factory.made[0].transport.resumeProducing()
            client.settle()
            self.assertFalse(client.transport.paused)
            self.assertEqual(len(self.calls(factory, "message")), 3)

    def test_silenceWhilePaused(self) -> None:
        """
        Is the application's own doing, and no reason to close; afterwards it is.
        """
        limits = {"idleTimeout": 60, "pingInterval": 30, "pingTimeout": 30}
        for draft in OLD:
            client, factory = self.opened(
                draft, limits, message=lambda p, *_: p.transport.pauseProducing()
            )
            client.answersPings = False
            client.deliver(client.message("one") + client.message("two"))
            for _ in range(20):
                client.advance(29)
            self.assertTrue(client.isOpen)
            factory.actions.clear()
            factory.made[0].transport.resumeProducing()
            client.settle()
            for _ in range(59):
                client.advance(1)
            self.assertTrue(client.isOpen)
            self.assertEqual(self.calls(factory, "message"), [(b"one", False), (b"two", False)])
            client.advance(1)
            self.assertFalse(client.isOpen)

    def test_pingsWhilePaused(self) -> None:
        """
        Are answered later, and not all of them: what waits is bounded.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            app = factory.made[0]
            app.transport.pauseProducing()
            for number in range(1000):
                app.sendPing(b"%d" % number)
            client.settle()
            self.assertEqual(self.calls(factory, "pong"), [])
            app.transport.resumeProducing()
            client.settle()
            self.assertEqual(self.calls(factory, "pong"), [(b"%d" % n,) for n in range(16)])

    def test_droppedWhilePaused(self) -> None:
        """
        An application that drops its transport hears of the end though it doesn't read.
        """
        for draft in OLD:
            client, factory = self.opened(draft, message=lambda p, *_: p.transport.pauseProducing())
            client.deliver(client.message("one") + client.message("two"))
            factory.made[0].dropConnection(abort=True)
            self.assertOver(client, factory, False, 1006)
            self.assertEqual(len(self.calls(factory, "message")), 1)

    def test_pausedInOnOpen(self) -> None:
        """
        An application that pauses before its client is open has it paused when it is.
        """
        for draft in OLD:
            client, factory = self.opened(draft, open=lambda p: p.transport.pauseProducing())
            self.assertTrue(client.transport.paused)
            client.send("one")
            self.assertEqual(self.calls(factory, "message"), [])
            factory.made[0].transport.resumeProducing()
            client.settle()
            self.assertEqual(self.calls(factory, "message"), [(b"one", False)])

    def test_whatWaitsIsBounded(self) -> None:
        """
        Where the real transport can't pause.
        """
        for draft in OLD:
            client, factory = self.opened(
                draft, {"maxMessage": 100_000}, message=lambda p, *_: p.transport.pauseProducing()
            )
            for _ in range(6):
                client.transport.paused = False
                client.send("x" * 100_000)
            self.assertFalse(client.isOpen)
            self.assertEqual(len(self.calls(factory, "message")), 1)

    def test_closeWhilePaused(self) -> None:
        """
        What came before a close is read before it.
        """
        for draft in OLD:
            client, factory = self.opened(draft, message=lambda p, *_: p.transport.pauseProducing())
            client.answersClose = False
            client.deliver(client.message("one") + client.message("two") + client.closeFrame())
            client.transport.lose(ConnectionDone() if draft == "hixie-75" else ConnectionLost())
            factory.actions.clear()
            self.assertEqual(self.calls(factory, "close"), [])
            factory.made[0].transport.resumeProducing()
            self.clock.advance(0)
            self.assertEqual([call[0] for call in factory.calls[-2:]], ["message", "close"])


class ClosingTests(BridgeCase):
    """
    From both sides.
    """

    def test_byTheClient(self) -> None:
        """
        The application hears its code where there is one.
        """
        for draft in VERSIONS:
            client, factory = self.opened(draft)
            client.close(*(() if draft in HIXIE else (3001, "enough")))
            expected = (None, None) if draft in HIXIE else (3001, "enough")
            self.assertOver(client, factory, True, *expected)

    def test_byTheApplication(self) -> None:
        """
        The client hears its code where there is one, after all that was sent before.
        """
        for draft in VERSIONS:
            client, factory = self.opened(draft)
            factory.made[0].sendMessage(b"last")
            factory.made[0].sendClose(3002, "done")
            client.settle()
            self.assertEqual(client.messages, ["last"])
            if draft not in HIXIE:
                self.assertEqual(client.closing, (3002, "done"))
            code = None if draft in HIXIE else 3002
            self.assertOver(client, factory, True, code)

    def test_inOnOpen(self) -> None:
        """
        A close right after the answer.
        """
        for draft in VERSIONS:
            client, factory = self.opened(draft, open=lambda p: p.sendClose(1000))
            client.settle()
            self.assertOver(client, factory, True)

    def test_clientThatNeverAnswers(self) -> None:
        """
        WebKits of 2010: it has our time, and Autobahn's is over before.
        """
        for draft in ("hixie-76", "hybi-07"):
            client, factory = self.opened(draft)
            client.answersClose = False
            factory.made[0].sendClose(1000)
            client.advance(1.5)
            self.assertFalse(client.transport.aborted)
            client.advance(2)
            client.advance(2.1)
            self.assertOver(client, factory, False, 1006)

    def test_lostConnection(self) -> None:
        """
        Is not clean, and is said to the application once.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            client.drop()
            self.assertOver(client, factory, False, 1006)

    def test_dropped(self) -> None:
        """
        An application that drops its transport drops the client.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            factory.made[0].dropConnection(abort=True)
            self.assertTrue(client.transport.aborted)
            self.assertOver(client, factory, False, 1006)
            client, factory = self.opened(draft)
            factory.made[0].dropConnection()
            client.settle()
            self.assertFalse(client.transport.aborted)
            self.assertOver(client, factory, False, 1006)

    def test_sendingWhileTheClientCloses(self) -> None:
        """
        Is in vain, and no mistake.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            client.answersClose = False
            client.transport.paused = False
            client.transport.arrive(client.closeFrame())
            if draft != "hixie-75":
                self.assertTrue(client.transport.finished)
                factory.made[0].sendMessage(b"late")
            client.settle()
            self.assertEqual(client.messages, [])

    def test_codesThatNobodyMaySend(self) -> None:
        """
        Autobahn sends what it is told; the client gets a close without one.
        """
        for draft in OLD:
            client, factory = self.opened(draft)
            factory.made[0].sendCloseFrame(1005)
            client.settle()
            self.assertIsNone(client.closing)
            self.assertOver(client, factory, True)


class DependencyTests(SynchronousTestCase):
    """
    What the bridge knows of Autobahn, so that a change there is seen here.
    """

    def test_publicNames(self) -> None:
        """
        State, versions, and what it takes for a transport of TLS.
        """
        transport = StringTransport()
        alsoProvides(transport, ISSLTransport)
        error = self.assertRaises(RuntimeError, create_transport_details, transport, True)
        self.assertIn("tls-unique", str(error))
        self.assertEqual(WebSocketServerProtocol.STATE_CONNECTING, 1)
        self.assertEqual(set(application(Clock()).versions), {8, 13})

    def test_bridgeIsAHandler(self) -> None:
        """
        Like any other.
        """
        self.assertTrue(issubclass(Bridge, MessageHandler))
