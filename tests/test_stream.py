"""
Any Twisted factory as WebSocket, on every draft.
"""

from base64 import b64decode, b64encode
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ISSLTransport, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.protocols.basic import LineReceiver
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import Produced
from wsfallback import FallbackServerFactory
from wsfallback.testing import CLIENT_ADDRESS, SERVER_ADDRESS, TEXT, VERSIONS, connect

HIXIE = ("hixie-75", "hixie-76")


class Recorder(Protocol):
    """
    Knows of bytes.
    """

    factory: Any

    def connectionMade(self) -> None:
        self.factory.made.append(self)
        self.received: list[bytes] = []
        self.lost: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.received.append(data)
        self.factory.acts(self, data)

    def connectionLost(self, reason: Any) -> None:
        self.lost.append(reason.type)


class Upper(LineReceiver):
    """
    A line protocol.
    """

    delimiter = b"\n"

    def connectionMade(self) -> None:
        self.sendLine(b"hello")

    def lineReceived(self, line: bytes) -> None:
        if line == b"quit":
            self.transport.loseConnection()
        self.sendLine(line.upper())


def recorders(acts: Any = lambda *_: None) -> Any:
    """
    A factory of recorders.

    :param acts: what one does with what it received.
    """
    factory: Any = Factory.forProtocol(Recorder)
    factory.made, factory.acts = [], acts
    return factory


class StreamCase(SynchronousTestCase):
    """
    With a server.
    """

    def opened(self, draft: str, factory: Any, binary: bool = False, **options: Any) -> Any:
        """
        A client that is open.
        """
        limits = options.pop("limits", {})
        server = FallbackServerFactory.forStream(factory, binary=binary, reactor=Clock(), **limits)
        client = connect(server, draft, **options)
        self.assertEqual(client.status, 101, client.wire)
        return client


class ConstructorTests(StreamCase):
    """
    What can be a stream.
    """

    def test_noFactory(self) -> None:
        """
        Is a mistake that is seen at once.
        """
        self.assertRaises(TypeError, FallbackServerFactory.forStream, object(), reactor=Clock())

    def test_beingStarted(self) -> None:
        """
        The factory hears that it is served, and when no more.
        """
        heard: list[str] = []
        factory: Any = recorders()
        factory.startFactory = lambda: heard.append("start")
        factory.stopFactory = lambda: heard.append("stop")
        server = FallbackServerFactory.forStream(factory, reactor=Clock())
        server.doStart()
        server.doStop()
        self.assertEqual(heard, ["start", "stop"])

    def test_nobodyThere(self) -> None:
        """
        A factory that builds no protocol refuses.
        """
        factory = recorders()
        factory.buildProtocol = lambda _: None
        for draft in VERSIONS:
            server = FallbackServerFactory.forStream(factory, reactor=Clock())
            self.assertEqual(connect(server, draft).status, 503)


class CarrierTests(StreamCase):
    """
    What carries the bytes.
    """

    def test_lines(self) -> None:
        """
        A line protocol, in text: a message is what was written, not what a line is.
        """
        for draft in VERSIONS:
            client = self.opened(draft, Factory.forProtocol(Upper))
            self.assertEqual(client.receive(), "hello\n")
            client.send("on")
            client.send("e\ntwo\n")
            self.assertEqual(client.messages, ["ONE\n", "TWO\n"])
            client.send("quit\n")
            self.assertTrue(client.disconnected or client.serverClosed)

    def test_text(self) -> None:
        """
        Is cut between characters.
        """
        for draft in VERSIONS:
            factory = recorders()
            client = self.opened(draft, factory)
            for piece in (b"h\xc3", b"\xa9", b"llo", b"", b"\xf0\x9d", b"\x84\x9e"):
                factory.made[0].transport.write(piece)
            self.assertEqual("".join(client.messages), "h\xe9llo\U0001d11e")
            self.assertNotIn("", client.messages)

    def test_bytesThatAreNoText(self) -> None:
        """
        Close the connection, with 1003 where there are codes; nothing of them is sent.
        """
        for draft in VERSIONS:
            factory = recorders()
            client = self.opened(draft, factory)
            factory.made[0].transport.write(b"\xff\0evil")
            factory.made[0].transport.write(b"more")
            client.settle()
            self.assertNotIn(b"evil", client.wire)
            self.assertEqual(client.messages, [])
            if draft not in HIXIE:
                assert client.closing is not None
                self.assertEqual(client.closing[0], 1003)
            self.assertEqual(len(factory.made[0].lost), 1)

    def test_binary(self) -> None:
        """
        Where it is wanted and can be; a client may send either type.
        """
        for draft in VERSIONS:
            factory = recorders(lambda protocol, data: protocol.transport.write(data))
            client = self.opened(draft, factory, binary=True)
            client.send("text")
            self.assertEqual(client.receive(), "text" if draft in HIXIE else b"text")
            if draft not in HIXIE:
                client.send(b"\0\xff")
                self.assertEqual(client.receive(), b"\0\xff")

    def test_subprotocolBinary(self) -> None:
        """
        As asked for, where the draft has it.
        """
        for draft in VERSIONS:
            factory = recorders(lambda protocol, data: protocol.transport.write(data))
            client = self.opened(draft, factory, protocols=["binary"])
            self.assertEqual(client.protocol, None if draft in HIXIE else "binary")
            client.send("x")
            self.assertEqual(client.receive(), "x" if draft in HIXIE else b"x")

    def test_subprotocolBase64(self) -> None:
        """
        On all drafts, whatever the server would rather do.
        """
        for draft in VERSIONS:
            for binary in (False, True):
                factory = recorders(lambda protocol, data: protocol.transport.write(data))
                client = self.opened(draft, factory, binary, protocols=["base64"])
                self.assertEqual(client.protocol, "base64")
                client.send(b64encode(b"\0\xff\x80").decode())
                self.assertEqual(client.receive(), "AP+A")
                self.assertEqual(factory.made[0].received, [b"\0\xff\x80"])

    def test_both(self) -> None:
        """
        The first that can be: noVNC offers both.
        """
        for draft in VERSIONS:
            client = self.opened(draft, recorders(), protocols=["binary", "base64"])
            self.assertEqual(client.protocol, "base64" if draft in HIXIE else "binary")

    def test_otherSubprotocols(self) -> None:
        """
        Are not ours.
        """
        for draft in VERSIONS:
            self.assertIsNone(self.opened(draft, recorders(), protocols=["chat"]).protocol)

    def test_frames(self) -> None:
        """
        With the option a part of a message is received as it comes, in base64 as far as it is
        whole, and what is malformed is found all the same.
        """
        for wrong in (False, True):
            factory = recorders()
            limits = {"frames": True}
            client = self.opened("rfc6455", factory, protocols=["base64"], limits=limits)
            text = b"AP/+AQ" + (b"==" if not wrong else b"=")
            for at in range(len(text)):
                isFinal = at + 1 == len(text)
                client.deliver(client.frame(0 if at else TEXT, text[at : at + 1], isFinal=isFinal))
            self.assertEqual(
                b"".join(factory.made[0].received), b"\x00\xff\xfe" + b"\x01" * (not wrong)
            )
            self.assertEqual(client.isOpen, not wrong)

    def test_notBase64(self) -> None:
        """
        Closes the connection.
        """
        for draft in VERSIONS:
            for wrong in ("AP+", "A P+A", "\u2713", "===="):
                factory = recorders()
                client = self.opened(draft, factory, protocols=["base64"])
                client.send(wrong)
                client.settle()
                self.assertEqual(factory.made[0].received, [])
                self.assertFalse(client.isOpen)


class TransportTests(StreamCase):
    """
    What a protocol may know of its transport.
    """

    def test_interfaces(self) -> None:
        """
        Addresses and options are the real ones.
        """
        for draft in VERSIONS:
            factory = recorders()
            client = self.opened(draft, factory)
            transport = factory.made[0].transport
            for interface in (ITCPTransport, IConsumer, IPushProducer):
                verifyObject(interface, transport)
            self.assertEqual(transport.getPeer(), CLIENT_ADDRESS)
            self.assertEqual(transport.getHost(), SERVER_ADDRESS)
            self.assertFalse(ISSLTransport.providedBy(transport))
            transport.setTcpNoDelay(False)
            transport.setTcpKeepAlive(False)
            self.assertFalse(client.transport.noDelay or client.transport.keepAlive)
            self.assertFalse(transport.getTcpNoDelay() or transport.getTcpKeepAlive())

    def test_tls(self) -> None:
        """
        Is seen, and so is the client's certificate.
        """
        for draft in HIXIE:
            factory = recorders()
            client = self.opened(draft, factory, secure=True)
            client.transport.getPeerCertificate = lambda: "the client's"
            transport = factory.made[0].transport
            self.assertTrue(ISSLTransport.providedBy(transport))
            self.assertEqual(transport.getPeerCertificate(), "the client's")

    def test_writing(self) -> None:
        """
        A sequence is one message, an empty write none, and text is a mistake.
        """
        for draft in VERSIONS:
            factory = recorders()
            client = self.opened(draft, factory)
            transport = factory.made[0].transport
            transport.writeSequence([b"a", b"b"])
            transport.write(b"")
            self.assertRaises(TypeError, transport.write, "text")
            self.assertEqual(client.messages, ["ab"])

    def test_longWrite(self) -> None:
        """
        Is several messages, none longer than the other end may take; text is cut anywhere.
        """
        written = "\u2713" * 1000
        for draft in VERSIONS:
            for asked in ([], ["base64"]):
                factory = recorders()
                limits = {"maxMessage": 1000}
                client = self.opened(draft, factory, protocols=asked, limits=limits)
                factory.made[0].transport.write(written.encode())
                self.assertTrue(1 < len(client.messages) < 10)
                self.assertTrue(all(len(each.encode()) <= 1000 for each in client.messages))
                pieces = [b64decode(each) if asked else each.encode() for each in client.messages]
                self.assertEqual(b"".join(pieces), written.encode())

    def test_emptyMessage(self) -> None:
        """
        Is nothing that a stream could have received.
        """
        for draft in VERSIONS:
            factory = recorders()
            self.opened(draft, factory).send("")
            self.assertEqual(factory.made[0].received, [])

    def test_loseConnection(self) -> None:
        """
        Everything written arrives, nothing after it; the end was clean.
        """
        for draft in VERSIONS:
            for ends in ("loseConnection", "loseWriteConnection", "stopProducing"):
                factory = recorders()
                client = self.opened(draft, factory)
                protocol = factory.made[0]
                protocol.transport.write(b"last")
                getattr(protocol.transport, ends)()
                self.assertTrue(protocol.transport.disconnecting)
                self.assertEqual(protocol.lost, [])
                protocol.transport.write(b"late")
                client.settle()
                self.assertEqual(client.messages, ["last"])
                self.assertEqual(protocol.lost, [ConnectionDone])
                protocol.transport.write(b"too late")
                protocol.transport.loseConnection()

    def test_loseConnectionWithAProducer(self) -> None:
        """
        Waits for it.
        """
        for draft in VERSIONS:
            factory = recorders()
            client = self.opened(draft, factory)
            protocol = factory.made[0]
            protocol.transport.registerProducer(Produced(), True)
            self.assertRaises(RuntimeError, protocol.transport.registerProducer, Produced(), True)
            protocol.transport.loseConnection()
            protocol.transport.write(b"last")
            self.assertTrue(client.isOpen)
            protocol.transport.unregisterProducer()
            client.settle()
            self.assertEqual(client.messages, ["last"])
            self.assertEqual(protocol.lost, [ConnectionDone])

    def test_abortConnection(self) -> None:
        """
        At once.
        """
        for draft in VERSIONS:
            factory = recorders()
            client = self.opened(draft, factory)
            factory.made[0].transport.abortConnection()
            self.assertTrue(client.transport.aborted)
            client.settle()
            self.assertEqual(factory.made[0].lost, [ConnectionAborted])

    def test_theClientLeaves(self) -> None:
        """
        In the way of its draft, or not.
        """
        for draft in VERSIONS:
            for leaves, how in (("close", ConnectionDone), ("drop", ConnectionLost)):
                factory = recorders()
                client = self.opened(draft, factory)
                produced = Produced()
                factory.made[0].transport.registerProducer(produced, True)
                getattr(client, leaves)()
                client.settle()
                self.assertEqual(factory.made[0].lost, [how])
                self.assertEqual(produced.calls, ["stop"])

    def test_producers(self) -> None:
        """
        Those that push and those that are pulled.
        """

        class Pulled(Produced):
            def resumeProducing(self) -> None:
                super().resumeProducing()
                transport.write(b"piece")
                if len(self.calls) == 3:
                    transport.unregisterProducer()

        for draft in VERSIONS:
            factory = recorders()
            client = self.opened(draft, factory)
            transport = factory.made[0].transport
            produced = Produced()
            transport.registerProducer(produced, True)
            client.transport.producer.pauseProducing()
            client.transport.producer.resumeProducing()
            self.assertEqual(produced.calls, ["pause", "resume"])
            transport.unregisterProducer()
            client.transport.producer.pauseProducing()
            client.transport.producer.resumeProducing()
            self.assertEqual(produced.calls, ["pause", "resume"])
            transport.registerProducer(Pulled(), False)
            self.assertEqual(client.messages, ["piece"] * 3)

    def test_pausing(self) -> None:
        """
        Nothing is received, nor read from the socket, until it goes on, in a turn of its own.
        """
        for draft in VERSIONS:
            factory = recorders(lambda protocol, _: protocol.transport.pauseProducing())
            client = self.opened(draft, factory)
            client.deliver(client.message("one") + client.message("two"))
            protocol = factory.made[0]
            self.assertTrue(client.transport.paused)
            self.assertEqual(protocol.received, [b"one"])
            factory.acts = lambda *_: None
            protocol.transport.resumeProducing()
            self.assertEqual(protocol.received, [b"one"])
            client.settle()
            self.assertEqual(protocol.received, [b"one", b"two"])
            self.assertFalse(client.transport.paused)

    def test_silenceWhilePaused(self) -> None:
        """
        Is the protocol's own doing, and no reason to close; afterwards it is.
        """
        limits = {"idleTimeout": 60, "pingInterval": 30, "pingTimeout": 30}
        for draft in VERSIONS:
            factory = recorders(lambda protocol, _: protocol.transport.pauseProducing())
            client = self.opened(draft, factory, limits=limits)
            client.answersPings = False
            client.deliver(client.message("one") + client.message("two"))
            for _ in range(20):
                client.advance(29)
            self.assertTrue(client.isOpen)
            factory.acts = lambda *_: None
            factory.made[0].transport.resumeProducing()
            client.settle()
            for _ in range(59):
                client.advance(1)
            self.assertTrue(client.isOpen)
            self.assertEqual(factory.made[0].received, [b"one", b"two"])
            client.advance(1)
            self.assertFalse(client.isOpen)

    def test_pausingInConnectionMade(self) -> None:
        """
        Has nothing received.
        """
        for draft in VERSIONS:
            factory = recorders()
            made = Recorder.connectionMade

            def paused(protocol: Any, made: Any = made) -> None:
                made(protocol)
                protocol.transport.pauseProducing()

            self.patch(Recorder, "connectionMade", paused)
            client = self.opened(draft, factory)
            self.patch(Recorder, "connectionMade", made)
            client.send("one")
            self.assertTrue(client.transport.paused)
            self.assertEqual(factory.made[0].received, [])
            factory.made[0].transport.resumeProducing()
            client.settle()
            self.assertEqual(factory.made[0].received, [b"one"])

    def test_pausingAndResuming(self) -> None:
        """
        In one call keeps the order; who pauses again within the turn is not read for.
        """

        def both(protocol: Any, _: bytes) -> None:
            protocol.transport.pauseProducing()
            protocol.transport.resumeProducing()

        for draft in VERSIONS:
            factory = recorders(both)
            client = self.opened(draft, factory)
            client.deliver(b"".join(map(client.message, "abc")))
            client.settle()
            self.assertEqual(factory.made[0].received, [b"a", b"b", b"c"])
            transport = factory.made[0].transport
            transport.pauseProducing()
            transport.resumeProducing()
            transport.pauseProducing()
            client.settle()
            self.assertTrue(client.transport.paused)

    def test_endWhilePaused(self) -> None:
        """
        What was read is received before a loss, when the protocol reads again; nothing more is
        after an end of its own, of which it is told at once.
        """
        for draft in VERSIONS:
            factory = recorders(lambda protocol, _: protocol.transport.pauseProducing())
            client = self.opened(draft, factory)
            client.deliver(client.message("one") + client.message("two"))
            client.transport.lose(ConnectionLost())
            protocol = factory.made[0]
            self.assertEqual((protocol.received, protocol.lost), ([b"one"], []))
            factory.acts = lambda *_: None
            protocol.transport.resumeProducing()
            client.settle()
            self.assertEqual(protocol.received, [b"one", b"two"])
            self.assertEqual(protocol.lost, [ConnectionLost])
            for ends, how in (
                ("loseConnection", ConnectionDone),
                ("abortConnection", ConnectionAborted),
            ):
                factory = recorders(lambda protocol, _: protocol.transport.pauseProducing())
                client = self.opened(draft, factory)
                client.deliver(client.message("one") + client.message("two"))
                protocol = factory.made[0]
                getattr(protocol.transport, ends)()
                client.settle()
                self.assertEqual((protocol.received, protocol.lost), ([b"one"], [how]))
                protocol.transport.resumeProducing()
                protocol.transport.pauseProducing()
                self.assertEqual(client._clock.getDelayedCalls(), [])

    def test_whatWaitsIsBounded(self) -> None:
        """
        A transport that can't pause makes a client that sends on a client that is closed.
        """
        for draft in VERSIONS:
            factory = recorders(lambda protocol, _: protocol.transport.pauseProducing())
            client = self.opened(draft, factory, limits={"maxMessage": 100_000})
            for _ in range(5):
                client.transport.paused = False
                client.send("x" * 100_000)
            self.assertFalse(client.isOpen)
            self.assertEqual(len(factory.made[0].received), 1)

    def test_mistakes(self) -> None:
        """
        Of a protocol cost its own connection, in whatever turn.
        """

        def fail(protocol: Any, data: bytes) -> None:
            if data == b"pause":
                protocol.transport.pauseProducing()
            else:
                raise ZeroDivisionError("the application's mistake")

        for draft in VERSIONS:
            for first in ("pause", "fail"):
                factory = recorders(fail)
                client = self.opened(draft, factory)
                client.deliver(client.message(first) + client.message("fail"))
                factory.made[0].transport.resumeProducing()
                client.settle()
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
                self.assertFalse(client.isOpen)
