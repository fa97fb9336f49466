"""
What an application has for a transport within a WebSocket connection.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport, ITransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import Produced
from wsfallback import NotOpen
from wsfallback.inner import InnerTransport
from wsfallback.testing import CLIENT_ADDRESS, SERVER_ADDRESS, MemoryTransport


class Channel:
    """
    A channel, and what is asked of it.
    """

    peer = "tcp4:192.0.2.7:52914"

    def __init__(self, transport: MemoryTransport) -> None:
        self.transport = transport
        self.isPaused = self.isClosed = False
        self.closes: list[tuple[int | None, str | None]] = []
        self.producer: Any = None

    def pauseReading(self) -> None:
        self.isPaused = True

    def resumeReading(self) -> None:
        self.isPaused = False

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        if self.isClosed:
            raise NotOpen("it is closed")
        self.closes.append((code, reason))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self.producer = None
        self.transport.unregisterProducer()


class Inner(InnerTransport):
    """
    The least that a subclass adds.
    """

    isReadyNow = True

    def isReady(self) -> bool:
        return self.isReadyNow and super().isReady()

    def write(self, data: bytes) -> None:
        self.wrote = data

    def loseConnection(self) -> None:
        self.disconnecting = True


class Application(Protocol):
    """
    Writes down what happens to it, and does what a test tells it to.
    """

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.acts: Callable[[bytes], object] = lambda _: None

    def dataReceived(self, data: bytes) -> None:
        # A second call within the first would be between these two.
        self.heard.append(data)
        self.acts(data)
        self.heard.append(len(data))

    def connectionLost(self, reason: Any = None) -> None:
        self.heard.append(reason.type)

    @property
    def received(self) -> list[bytes]:
        """
        What came, in this order; each call has ended before the next began.
        """
        whole = self.heard[:-1] if self.heard and isinstance(self.heard[-1], type) else self.heard
        assert whole[1::2] == [len(data) for data in whole[::2]], self.heard
        return whole[::2]


class InnerTestCase(SynchronousTestCase):
    """
    With an application, and a channel.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.outer = MemoryTransport(self.clock)
        self.outer.attach(Protocol())
        self.channel = Channel(self.outer)
        self.application = Application()
        self.inner = self.made(self.channel)

    def made(self, channel: Any) -> Inner:
        """
        A transport within this channel.
        """
        return Inner(channel, self.application, self.clock)

    def turn(self) -> None:
        """
        The next turn of the reactor.
        """
        self.clock.advance(0)

    def end(self) -> None:
        """
        The connection is lost.
        """
        self.inner.end(Failure(ConnectionDone()))

    def assertReading(self, isReading: bool) -> None:
        """
        Something comes from the peer, or is held back: by the channel, or by its transport.
        """
        self.assertEqual(self.channel.isPaused or self.outer.paused, not isReading)

    def assertReceived(self, *data: bytes) -> None:
        """
        The application has these, call by call, and has not heard of an end.
        """
        self.assertEqual(self.application.received, list(data))
        self.assertNotIn(ConnectionDone, self.application.heard)

    def assertEnded(self, *data: bytes) -> None:
        """
        It had these, and then the end, once; nothing is left to be done.
        """
        self.assertEqual(self.application.received, list(data))
        self.assertEqual(self.application.heard[-1:], [ConnectionDone])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class InterfaceTests(InnerTestCase):
    """
    What a protocol may know of its transport.
    """

    def test_interfaces(self) -> None:
        """
        Of TCP where the real one is that, and of nothing else.
        """
        for interface in (ITransport, IConsumer, IPushProducer, ITCPTransport):
            verifyObject(interface, self.inner)

        class Pipe:
            """
            The transport of a UNIX socket, say.
            """

        pipe: Any = Channel(Pipe())  # type: ignore[arg-type]
        self.assertFalse(ITCPTransport.providedBy(self.made(pipe)))

    def test_addresses(self) -> None:
        """
        Are the real ones.
        """
        self.assertEqual(self.inner.getPeer(), CLIENT_ADDRESS)
        self.assertEqual(self.inner.getHost(), SERVER_ADDRESS)

    def test_options(self) -> None:
        """
        Are the real socket's.
        """
        self.inner.setTcpNoDelay(True)
        self.assertEqual((self.outer.noDelay, self.inner.getTcpNoDelay()), (True, True))
        self.inner.setTcpKeepAlive(True)
        self.assertEqual((self.outer.keepAlive, self.inner.getTcpKeepAlive()), (True, True))

    def test_sequence(self) -> None:
        """
        Is one write.
        """
        self.inner.writeSequence(iter([b"a", b"", b"b"]))
        self.assertEqual(self.inner.wrote, b"ab")

    def test_noHalves(self) -> None:
        """
        To end a half, or to stop, is to close.
        """
        for ends in (self.inner.loseWriteConnection, self.inner.stopProducing):
            self.inner.disconnecting = False
            ends()
            self.assertTrue(self.inner.disconnecting)

    def test_nothingByItself(self) -> None:
        """
        How to write, to close and to abort is the subclass's.
        """
        for call in (
            lambda: InnerTransport.write(self.inner, b""),
            lambda: InnerTransport.loseConnection(self.inner),
            lambda: InnerTransport.abortConnection(self.inner),
        ):
            self.assertRaises(NotImplementedError, call)


class ReceivingTests(InnerTestCase):
    """
    Nothing is received while it is paused, nor within a call of the application's own.
    """

    def test_atOnce(self) -> None:
        """
        An application that reads gets what has come within the call.
        """
        self.inner.opened()
        self.inner.arrive(b"a")
        self.inner.arrive(b"b")
        self.assertReceived(b"a", b"b")

    def test_arrivalWithinACall(self) -> None:
        """
        What the application causes, comes when its call is over, and in order.
        """
        self.inner.opened()

        def acting(data: bytes) -> None:
            if data == b"a":
                self.inner.arrive(b"ax")
                self.inner.arrive(b"ay")

        self.application.acts = acting
        self.inner.arrive(b"a")
        self.assertReceived(b"a", b"ax", b"ay")

    def test_inATurnOfItsOwn(self) -> None:
        """
        So it is where it comes of a call that isn't ours to see; in order with all else.
        """
        self.inner.opened()
        self.inner.arriveSoon(b"a")
        self.inner.arriveSoon(b"b")
        self.assertReceived()
        self.turn()
        self.assertReceived(b"a", b"b")
        self.inner.arriveSoon(b"c")
        self.inner.arrive(b"d")
        self.assertReceived(b"a", b"b", b"c", b"d")
        self.turn()
        self.assertReceived(b"a", b"b", b"c", b"d")

    def test_notReady(self) -> None:
        """
        It waits for as long as the application can be given nothing.
        """
        self.inner.opened()
        self.inner.isReadyNow = False
        self.inner.arrive(b"a")
        self.inner.arriveSoon(b"b")
        self.turn()
        self.assertReceived()
        self.inner.isReadyNow = True
        self.inner.hand()
        self.assertReceived(b"a", b"b")

    def test_readyForALittle(self) -> None:
        """
        Each is handed over by itself.
        """
        self.inner.opened()
        self.inner.isReadyNow = False
        self.inner.arrive(b"a")
        self.inner.arrive(b"b")
        self.application.acts = lambda _: setattr(self.inner, "isReadyNow", False)
        self.inner.isReadyNow = True
        self.inner.handSoon()
        self.turn()
        self.assertReceived(b"a")

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(["arrive", "soon", "pause", "resume", "turn", "within"])))
    def test_order(self, what: list[str]) -> None:
        """
        Whatever is done, and however it is paused, everything comes, once and in order.
        """
        self.setUp()
        self.inner.opened()
        sent: list[bytes] = []

        def arrive(how: Callable[[bytes], None]) -> None:
            sent.append(b"%d" % len(sent))
            how(sent[-1])

        def within() -> None:
            self.application.acts = acting
            arrive(self.inner.arrive)

        def acting(_: bytes) -> None:
            self.application.acts = lambda _: None
            arrive(self.inner.arriveSoon)
            self.inner.pauseProducing()
            self.inner.resumeProducing()

        steps = {
            "arrive": lambda: arrive(self.inner.arrive),
            "soon": lambda: arrive(self.inner.arriveSoon),
            "pause": self.inner.pauseProducing,
            "resume": self.inner.resumeProducing,
            "turn": self.turn,
            "within": within,
        }
        for step in what:
            steps[step]()
        self.inner.resumeProducing()
        self.turn()
        self.turn()
        self.assertReceived(*sent)
        self.end()
        self.assertEnded(*sent)


class PausingTests(InnerTestCase):
    """
    What pauses one side of the channel pauses the other.
    """

    def test_pause(self) -> None:
        """
        Nothing is read from the peer, and what has come waits.
        """
        self.inner.opened()
        self.assertReading(True)
        self.inner.pauseProducing()
        self.assertReading(False)
        self.inner.arrive(b"a")
        self.inner.arriveSoon(b"b")
        self.turn()
        self.assertReceived()

    def test_resume(self) -> None:
        """
        What has waited comes in a turn of its own, and then the peer is read again.
        """
        self.inner.opened()
        self.inner.pauseProducing()
        self.inner.arrive(b"a")
        self.inner.arrive(b"b")
        self.inner.resumeProducing()
        self.assertReceived()
        self.turn()
        self.assertReceived(b"a", b"b")
        self.assertReading(True)
        self.inner.arrive(b"c")
        self.assertReceived(b"a", b"b", b"c")

    def test_withinACall(self) -> None:
        """
        An application that pauses while it is handed something gets just that.
        """
        self.inner.opened()
        self.inner.isReadyNow = False
        self.inner.arrive(b"a")
        self.inner.arrive(b"b")
        self.inner.isReadyNow = True
        self.application.acts = lambda _: self.inner.pauseProducing()
        self.inner.hand()
        self.assertReceived(b"a")
        self.assertReading(False)

    def test_pausedAgain(self) -> None:
        """
        Before its turn, it gets nothing.
        """
        self.inner.opened()
        self.inner.pauseProducing()
        self.inner.arrive(b"a")
        self.inner.resumeProducing()
        self.inner.pauseProducing()
        self.turn()
        self.assertReceived()
        self.assertReading(False)

    def test_beforeOpen(self) -> None:
        """
        It is for then; and if it is over by then, nothing is paused.
        """
        self.inner.pauseProducing()
        self.inner.opened()
        self.assertReading(False)
        self.setUp()
        self.inner.pauseProducing()
        self.inner.resumeProducing()
        self.inner.opened()
        self.turn()
        self.assertReading(True)


class EndTests(InnerTestCase):
    """
    The application hears of the end, once, when it has everything.
    """

    def test_end(self) -> None:
        """
        At once where nothing waits, paused or not.
        """
        for isPaused in (False, True):
            self.setUp()
            self.inner.opened()
            if isPaused:
                self.inner.pauseProducing()
            self.end()
            self.assertEnded()

    def test_paused(self) -> None:
        """
        What waits is read first, when it is read again.
        """
        self.inner.opened()
        self.inner.pauseProducing()
        self.inner.arrive(b"a")
        self.inner.arrive(b"b")
        self.end()
        self.turn()
        self.assertReceived()
        self.inner.resumeProducing()
        self.turn()
        self.assertEnded(b"a", b"b")

    def test_pausedOnTheWay(self) -> None:
        """
        It may go on one by one.
        """
        self.inner.opened()
        self.application.acts = lambda _: self.inner.pauseProducing()
        self.inner.arrive(b"a")
        self.inner.arrive(b"b")
        self.inner.arrive(b"c")
        self.end()
        self.assertReceived(b"a")
        self.inner.resumeProducing()
        self.turn()
        self.assertReceived(b"a", b"b")
        self.inner.resumeProducing()
        self.turn()
        self.assertEnded(b"a", b"b", b"c")

    def test_turnThatIsDue(self) -> None:
        """
        What would have come in it comes now, and there is none.
        """
        self.inner.opened()
        self.inner.arriveSoon(b"a")
        self.end()
        self.assertEnded(b"a")

    def test_withinACall(self) -> None:
        """
        The application's call ends before it hears.
        """
        self.inner.opened()
        self.application.acts = lambda _: self.end()
        self.inner.arrive(b"a")
        self.assertEnded(b"a")

    def test_neverReady(self) -> None:
        """
        At the end it gets what there is.
        """
        self.inner.isReadyNow = False
        self.inner.arrive(b"a")
        self.end()
        self.assertEnded(b"a")

    def test_afterwards(self) -> None:
        """
        Nothing comes, nothing is paused, and the end is not told again.
        """
        self.inner.opened()
        self.end()
        self.inner.arrive(b"late")
        self.inner.arriveSoon(b"late")
        self.outer.pauseProducing = self.fail  # type: ignore[assignment]
        self.outer.resumeProducing = self.fail  # type: ignore[assignment]
        self.inner.pauseProducing()
        self.inner.resumeProducing()
        self.turn()
        self.inner.hand()
        self.assertEnded()


class MistakeTests(InnerTestCase):
    """
    The application fails.
    """

    def fails(self, data: bytes) -> None:
        """
        Its mistake.
        """
        raise ZeroDivisionError("the application's mistake")

    def test_withinACall(self) -> None:
        """
        Is the caller's to handle, who caused it; the application can be told nothing more but the
        end.
        """
        self.inner.opened()
        self.application.acts = self.fails
        self.inner.isReadyNow = False
        self.inner.arrive(b"a")
        self.inner.arrive(b"b")
        self.inner.isReadyNow = True
        self.assertRaises(ZeroDivisionError, self.inner.hand)
        self.inner.arrive(b"c")
        self.inner.arriveSoon(b"d")
        self.turn()
        self.end()
        self.assertEqual(self.application.heard, [b"a", ConnectionDone])

    def test_inATurn(self) -> None:
        """
        Is logged, and closes the connection with 1011.
        """
        self.inner.opened()
        self.application.acts = self.fails
        self.inner.arriveSoon(b"a")
        self.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.channel.closes, [(1011, "the server failed")])
        self.assertFalse(self.outer.aborted)
        self.end()
        self.assertEqual(self.application.heard, [b"a", ConnectionDone])

    def test_inATurnBeforeOpen(self) -> None:
        """
        There is no close yet: it is aborted.
        """
        self.channel.isClosed = True
        self.application.acts = self.fails
        self.inner.arriveSoon(b"a")
        self.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(self.outer.aborted)


class ProducerTests(InnerTestCase):
    """
    An application's producer, as the real transport has it.
    """

    def test_flow(self) -> None:
        """
        Is paused while the socket takes nothing.
        """
        self.inner.opened()
        produced = Produced()
        self.inner.registerProducer(produced, True)
        self.outer.producer.pauseProducing()
        self.outer.producer.resumeProducing()
        self.assertEqual(produced.calls, ["pause", "resume"])
        self.inner.unregisterProducer()
        self.assertIsNone(self.outer.producer)

    def test_pulled(self) -> None:
        """
        One that is pulled is pulled until it is done.
        """

        class Pulled(Produced):
            def resumeProducing(pulled) -> None:
                super().resumeProducing()
                if len(pulled.calls) == 3:
                    self.inner.unregisterProducer()

        self.inner.opened()
        produced = Pulled()
        self.inner.registerProducer(produced, False)
        self.assertEqual(produced.calls, ["resume"] * 3)

    def test_pushedBeforeOpen(self) -> None:
        """
        Waits until then.
        """
        produced = Produced()
        self.inner.registerProducer(produced, True)
        self.assertEqual(produced.calls, ["pause"])
        self.assertIsNone(self.channel.producer)
        self.inner.opened()
        self.assertEqual(produced.calls, ["pause", "resume"])
        self.assertIsNotNone(self.outer.producer)

    def test_pulledBeforeOpen(self) -> None:
        """
        Is pulled from then on, and no more when it is done.
        """

        class Pulled(Produced):
            def resumeProducing(pulled) -> None:
                super().resumeProducing()
                self.inner.unregisterProducer()

        produced = Pulled()
        self.inner.registerProducer(produced, False)
        self.assertEqual(produced.calls, [])
        self.inner.opened()
        self.assertEqual(produced.calls, ["resume"])
        self.assertIsNone(self.outer.producer)

    def test_doneBeforeOpen(self) -> None:
        """
        One that has gone by then is nobody's.
        """
        self.inner.registerProducer(Produced(), True)
        self.inner.unregisterProducer()
        self.inner.opened()
        self.assertIsNone(self.channel.producer)

    def test_two(self) -> None:
        """
        Are a mistake, as with any transport; one after the other is none.
        """
        self.inner.opened()
        self.inner.registerProducer(Produced(), True)
        self.assertRaises(RuntimeError, self.inner.registerProducer, Produced(), True)
        self.inner.unregisterProducer()
        self.inner.registerProducer(Produced(), True)

    def test_none(self) -> None:
        """
        To unregister without one, as Autobahn does, is nothing.
        """
        self.inner.unregisterProducer()
        self.inner.opened()
        self.channel.unregisterProducer = self.fail  # type: ignore[assignment]
        self.inner.unregisterProducer()

    def test_stoppedOnce(self) -> None:
        """
        At the end, whoever tells it first; and it is told nothing after that.
        """
        for tellsFirst in (False, True):
            self.setUp()
            self.inner.opened()
            produced = Produced()
            self.inner.registerProducer(produced, True)
            real = self.outer.producer
            if tellsFirst:
                real.stopProducing()
            self.end()
            real.stopProducing()
            real.pauseProducing()
            real.resumeProducing()
            self.assertEqual(produced.calls, ["stop"])
            self.assertEnded()

    def test_stoppedBeforeTheEndIsTold(self) -> None:
        """
        Not while something waits: what is read may be answered.
        """
        self.inner.opened()
        produced = Produced()
        self.inner.registerProducer(produced, True)
        self.inner.pauseProducing()
        self.inner.arrive(b"a")
        self.end()
        self.assertEqual(produced.calls, [])
        self.inner.resumeProducing()
        self.turn()
        self.assertEqual(produced.calls, ["stop"])
        self.assertEnded(b"a")

    def test_afterTheEnd(self) -> None:
        """
        It is stopped, and the channel doesn't hear of it.
        """
        self.inner.opened()
        self.end()
        produced = Produced()
        self.inner.registerProducer(produced, True)
        self.assertEqual(produced.calls, ["stop"])
        self.assertIsNone(self.channel.producer)
        self.inner.unregisterProducer()

    def test_unregisteredWhileItEnds(self) -> None:
        """
        Is not the channel's business any more.
        """
        self.inner.opened()
        produced = Produced()
        self.inner.registerProducer(produced, True)
        self.inner.pauseProducing()
        self.inner.arrive(b"a")
        self.end()
        self.channel.unregisterProducer = self.fail  # type: ignore[assignment]
        self.inner.unregisterProducer()
        self.inner.resumeProducing()
        self.turn()
        self.assertEqual(produced.calls, [])
        self.assertEnded(b"a")
