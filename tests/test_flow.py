"""
Who waits for whom: what an application that pauses its reading does to a connection, on every
draft.
"""

from functools import partial
from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from wsfallback import FallbackServerFactory
from wsfallback.flow import TURN
from wsfallback.testing import VERSIONS, attach, connect, request

HIXIE = ("hixie-75", "hixie-76")
PING = b"\x89\x00"


class FlowCase(SynchronousTestCase):
    """
    With a server.
    """

    def opened(self, draft: str, limits: Any = None, **actions: Any) -> tuple[Any, Any]:
        """
        A client that is open, and its handler.
        """
        kind = recorder(**actions)
        factory = FallbackServerFactory(kind, reactor=Clock(), **(limits or {}))
        client = connect(factory, draft)
        self.assertEqual(client.status, 101, client.wire)
        return client, kind.made[0]

    def messages(self, handler: Any) -> list[bytes]:
        """
        What it got.
        """
        return [call[1] for call in handler.calls if call[0] == "message"]

    def assertOver(self, client: Any, handler: Any, wasClean: bool) -> None:
        """
        It has heard of the end once and at last, and nothing is left.
        """
        client.settle()
        self.assertEqual([call[0] for call in handler.calls].count("close"), 1)
        self.assertEqual(handler.calls[-1][:2], ("close", wasClean))
        self.assertFalse(client.transport.connected)
        self.assertEqual(client._clock.getDelayedCalls(), [])


def pause(handler: Any) -> None:
    """
    Read no more.
    """
    handler.channel.pauseReading()


class BeforeOpenTests(FlowCase):
    """
    A pause before the connection is open is for then.
    """

    def test_inOnConnect(self) -> None:
        """
        The rest of the handshake is read, and no message.
        """
        for draft in VERSIONS:
            kind = recorder(connect=pause)
            client = attach(FallbackServerFactory(kind, reactor=Clock()), draft)
            raw = request(draft)
            client.deliver(raw[:-8])
            client.deliver(raw[-8:] + client.message("one"))
            self.assertEqual(client.status, 101)
            self.assertTrue(client.transport.paused)
            (handler,) = kind.made
            self.assertEqual(self.messages(handler), [])
            handler.channel.resumeReading()
            self.assertEqual(self.messages(handler), [b"one"])

    def test_takenBack(self) -> None:
        """
        Is none.
        """

        def both(handler: Any) -> None:
            handler.channel.pauseReading()
            handler.channel.resumeReading()

        for draft in VERSIONS:
            client, handler = self.opened(draft, connect=both)
            self.assertFalse(client.transport.paused)
            client.send("one")
            self.assertEqual(self.messages(handler), [b"one"])

    def test_inOnOpen(self) -> None:
        """
        Holds, after a decision that took a while too.
        """
        for draft in VERSIONS:
            decision: Deferred[None] = Deferred()
            kind = recorder(connect=lambda _, decision=decision: decision, open=pause)
            client = connect(FallbackServerFactory(kind, reactor=Clock()), draft)
            client.send("one")
            decision.callback(None)
            client.settle()
            client.send("two")
            self.assertTrue(client.transport.paused)
            (handler,) = kind.made
            self.assertEqual(self.messages(handler), [])
            handler.channel.resumeReading()
            client.settle()
            self.assertEqual(self.messages(handler), [b"one", b"two"])

    def test_itTakesNothingFromTheHandshakesTime(self) -> None:
        """
        Nor adds to it.
        """

        def both(handler: Any) -> Any:
            for _ in range(4):
                handler.channel.pauseReading()
                handler.channel.resumeReading()
            return Deferred()

        for draft in VERSIONS:
            client = connect(FallbackServerFactory(recorder(connect=both), reactor=Clock()), draft)
            client.advance(4.9)
            self.assertIsNone(client.status)
            client.advance(0.2)
            self.assertEqual(client.status, 503)


class DeadlineTests(FlowCase):
    """
    Silence that is our own doing is not held against the client.
    """

    limits = {"idleTimeout": 60, "pingInterval": 30, "pingTimeout": 30}  # noqa: RUF012

    def test_whilePaused(self) -> None:
        """
        It is waited for without end.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, self.limits)
            client.answersPings = False
            handler.channel.pauseReading()
            for _ in range(20):
                client.advance(29)
            self.assertTrue(client.isOpen)

    def test_afterwards(self) -> None:
        """
        The time begins anew.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, self.limits)
            client.answersPings = False
            client.advance(29)
            handler.channel.pauseReading()
            client.advance(500)
            handler.channel.resumeReading()
            for _ in range(59):
                client.advance(1)
            self.assertTrue(client.isOpen)
            client.advance(1)
            self.assertFalse(client.isOpen)
            client.advance(3)
            client.advance(3)
            self.assertOver(client, handler, False)

    def test_whileAPingIsOut(self) -> None:
        """
        The answer to it may have come while nothing was read.
        """
        for draft in VERSIONS:
            if draft in HIXIE:
                continue
            client, handler = self.opened(draft, self.limits)
            client.answersPings = False
            client.advance(30)
            self.assertTrue(client.wire.endswith(PING))
            handler.channel.pauseReading()
            client.advance(100)
            handler.channel.resumeReading()
            client.advance(29)
            self.assertTrue(client.isOpen)


class EndTests(FlowCase):
    """
    A connection that ends while it is paused.
    """

    def test_byUs(self) -> None:
        """
        The client's part in it is read, and nothing else is handed over; a pause is too late.
        """
        for draft in VERSIONS:
            for sends in (True, False):
                client, handler = self.opened(draft)
                handler.channel.pauseReading()
                client.send("late")
                handler.sendClose(1000)
                handler.channel.pauseReading()
                if sends:
                    client.send("later")
                client.settle()
                if draft == "hixie-75":
                    client.close()
                self.assertEqual(self.messages(handler), [])
                self.assertOver(client, handler, True)

    def test_whatWasRead(self) -> None:
        """
        A close that is behind messages which aren't handed over any more is found.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, message=pause)
            client.answersClose = False
            client.deliver(client.message("one") + client.message("two") + client.closeFrame())
            handler.sendClose(1000)
            if draft == "hixie-75":
                client.finish()
            client.settle()
            client.finish()
            self.assertEqual(self.messages(handler), [b"one"])
            self.assertOver(client, handler, True)

    def test_byAMistake(self) -> None:
        """
        Of the handler, that comes out while it is paused.
        """
        for draft in VERSIONS:
            trouble: Deferred[None] = Deferred()

            def wait(handler: Any, trouble: Deferred[None] = trouble) -> Deferred[None]:
                handler.channel.pauseReading()
                return trouble

            client, handler = self.opened(draft, message=wait)
            client.send("one")
            trouble.errback(ZeroDivisionError())
            client.settle()
            client.close()
            self.assertFalse(client.transport.aborted)
            self.assertOver(client, handler, False)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), len(VERSIONS))

    def test_byTheClient(self) -> None:
        """
        Is noticed when it is read, after all that came before.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, message=pause)
            client.send("one")
            client.send("two")
            client.close()
            client.settle()
            self.assertEqual(handler.calls[-1][:2], ("message", b"one"))
            del type(handler).messageDoes
            handler.channel.resumeReading()
            client.settle()
            self.assertEqual(self.messages(handler), [b"one", b"two"])
            self.assertOver(client, handler, True)

    def test_byTheNetwork(self) -> None:
        """
        What was read before is handed over before that, though the handler pauses again.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, message=pause)
            client.deliver(b"".join(map(client.message, ("one", "two", "three"))))
            self.assertEqual(self.messages(handler), [b"one"])
            client.transport.lose(ConnectionLost())
            self.assertEqual(self.messages(handler), [b"one", b"two", b"three"])
            handler.channel.pauseReading()
            handler.channel.resumeReading()
            self.assertOver(client, handler, False)

    def test_byTheNetworkWithAClose(self) -> None:
        """
        One that was read before is answered in vain, and touches the transport no more.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, message=pause)
            if draft == "hixie-75":
                continue
            client.deliver(client.message("one") + client.message("two") + client.closeFrame())
            client.transport.lose(ConnectionLost())
            self.assertFalse(client.transport.finished)
            self.assertEqual(self.messages(handler), [b"one", b"two"])
            self.assertOver(client, handler, True)

    def test_whatIsReadAtTheEndIsBounded(self) -> None:
        """
        Few bytes may hold many messages, and nobody can pause them any more.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, {"maxMessage": 100_000}, message=pause)
            client.deliver(client.message("x" * 100_000) * 8)
            client.transport.lose(ConnectionLost())
            # maxMessage and 256 KiB, and the one that goes beyond.
            self.assertEqual(len(self.messages(handler)), 1 + 4)
            self.assertOver(client, handler, False)

    def test_frames(self) -> None:
        """
        Are no different from messages.
        """
        for draft in VERSIONS:
            limits = {"maxMessage": 100_000, "frames": True}
            client, handler = self.opened(draft, limits, message=pause)
            client.deliver(client.message("x" * 100_000) * 8)
            self.assertEqual(len(self.messages(handler)), 1)
            client.transport.lose(ConnectionLost())
            self.assertEqual(len(self.messages(handler)), 1 + 4)
            self.assertOver(client, handler, False)

    def test_byAnAbort(self) -> None:
        """
        Who throws the connection away gets nothing more.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, message=pause)
            client.deliver(b"".join(map(client.message, ("one", "two"))))
            handler.channel.transport.abortConnection()
            client.settle()
            self.assertEqual(self.messages(handler), [b"one"])
            self.assertOver(client, handler, False)
            client.transport.lose(ConnectionAborted())

    def test_beforeOpen(self) -> None:
        """
        There is nothing to hand over.
        """
        for draft in VERSIONS:
            kind = recorder(connect=lambda handler: pause(handler) or Deferred())
            client = connect(FallbackServerFactory(kind, reactor=Clock()), draft)
            client.transport.paused = False
            client.send("early")
            client.transport.lose(ConnectionLost())
            self.assertEqual(self.messages(kind.made[0]), [])
            self.assertOver(client, kind.made[0], False)


class BoundTests(FlowCase):
    """
    A transport that can't pause.
    """

    def test_overrun(self) -> None:
        """
        The client that sends on is closed.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, {"maxMessage": 100_000}, message=pause)
            client.send("one")
            for _ in range(3):
                client.transport.paused = False
                client.send("x" * 100_000)
            self.assertTrue(client.isOpen)
            client.transport.paused = False
            client.send("x" * 100_000)
            self.assertFalse(client.isOpen)
            client.settle()
            if draft not in HIXIE:
                self.assertEqual(client.closing[0], 1009)
            self.assertEqual(self.messages(handler), [b"one"])
            client.finish()
            self.assertOver(client, handler, False)
            self.assertIn("doesn't read", handler.calls[-1][3])


class TurnTests(FlowCase):
    """
    A client that sends much at once, for a handler that takes its time with each message.
    """

    seconds = TURN * 0.6

    def busy(self, draft: str, *frames: str) -> tuple[Any, Any]:
        """
        A client that has just sent these in one segment, and its handler.
        """
        client, handler = self.opened(draft, message=self.slow)
        client.transport.arrive(b"".join(map(client.message, frames)))
        return client, handler

    def test_othersComeBetween(self) -> None:
        """
        Each turn has an end, and is followed by another one.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, message=self.slow)
            with mock.patch.object(client.transport, "pauseProducing") as pausing:
                pausing.side_effect = partial(handler.calls.append, ("paused",))
                client.deliver(b"".join(map(client.message, "abcde")))
            heard = [call[1] if call[0] == "message" else call[0] for call in handler.calls[-7:]]
            self.assertEqual(heard, [b"a", b"b", "paused", b"c", b"d", "paused", b"e"])
            self.assertEqual(b"".join(self.messages(handler)), b"abcde")
            client.send("f")
            self.assertEqual(b"".join(self.messages(handler)), b"abcdef")
            client.close()
            self.assertOver(client, handler, True)

    def test_alone(self) -> None:
        """
        Who sends little is not held back, be its handler slow.
        """
        self.seconds = TURN * 10
        for draft in VERSIONS:
            client, handler = self.busy(draft, "a")
            client.settle()
            self.assertFalse(client.transport.paused)
            client.send("b")
            self.assertEqual(self.messages(handler), [b"a", b"b"])

    def test_pausedMeanwhile(self) -> None:
        """
        The next turn is the application's to give.
        """
        for draft in VERSIONS:
            client, handler = self.busy(draft, *"abcde")
            handler.channel.pauseReading()
            client.settle()
            self.assertEqual(self.messages(handler), [b"a", b"b"])
            self.assertTrue(client.transport.paused)
            handler.channel.resumeReading()
            client.settle()
            self.assertEqual(b"".join(self.messages(handler)), b"abcde")
            self.assertFalse(client.transport.paused)

    def test_resumedMeanwhile(self) -> None:
        """
        A pause that is taken back makes nobody's turn longer.
        """
        for draft in VERSIONS:
            client, handler = self.busy(draft, *"abcde")
            handler.channel.pauseReading()
            handler.channel.resumeReading()
            self.assertEqual(self.messages(handler), [b"a", b"b"])
            self.assertTrue(client.transport.paused)
            client.settle()
            self.assertEqual(b"".join(self.messages(handler)), b"abcde")
            self.assertFalse(client.transport.paused)

    def test_lost(self) -> None:
        """
        Who is cut off has one turn more.
        """
        for draft in VERSIONS:
            client, handler = self.busy(draft, *"abcdefg")
            client.transport.lose(ConnectionLost())
            self.assertEqual(b"".join(self.messages(handler)), b"abcd")
            self.assertOver(client, handler, False)

    def test_left(self) -> None:
        """
        Of who leaves in order, as TLS may tell at once, all is handed over.
        """
        for draft in VERSIONS:
            client, handler = self.busy(draft, *"abcdefg")
            client.transport.lose(ConnectionDone())
            self.assertEqual(b"".join(self.messages(handler)), b"abcdefg")
            self.assertOver(client, handler, draft in HIXIE)

    def test_closedByUs(self) -> None:
        """
        The client's half of the close is found behind what nobody wants any more.
        """
        for draft in VERSIONS:
            client, handler = self.busy(draft, *"abcde")
            handler.sendClose(1000)
            client.settle()
            if draft == "hixie-75":
                client.close()
            self.assertEqual(self.messages(handler), [b"a", b"b"])
            self.assertOver(client, handler, True)

    def test_brokenFraming(self) -> None:
        """
        What came before a mistake is handed over before it.
        """
        for draft in VERSIONS:
            client, handler = self.opened(draft, message=self.slow)
            wrong = b"\x00\xfe\xff" if draft in HIXIE else b"\x83\x80\0\0\0\0"
            client.transport.arrive(b"".join(map(client.message, "abc")) + wrong)
            client.settle()
            self.assertEqual(b"".join(self.messages(handler)), b"abc")
            self.assertFalse(client.isOpen)
            client.finish()
            self.assertOver(client, handler, False)

    def test_silence(self) -> None:
        """
        Is our own doing, where what has come can't be read for long.
        """
        for draft in VERSIONS:
            client, handler = self.busy(draft, *"abcdefgh")
            self.assertTrue(client.transport.paused)
            client.advance(61)
            self.assertEqual(b"".join(self.messages(handler)), b"abcdefgh")
            self.assertTrue(client.isOpen)
            self.assertNotIn(PING, client.wire)

    def slow(self, handler: Any) -> None:
        """
        A handler that takes its time.
        """
        handler.channel._deadline.clock.rightNow += self.seconds
