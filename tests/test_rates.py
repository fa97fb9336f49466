"""
So many a second.
"""

from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from tests.test_server import serve
from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.errors import FrameError
from wsfallback.policy import Limits
from wsfallback.rates import Bucket, Meter, meterFor
from wsfallback.testing import PING, PONG, TEXT, VERSIONS, connect

HIXIE = ("hixie-75", "hixie-76")
HYBI = tuple(name for name in VERSIONS if name not in HIXIE)


class BucketTests(SynchronousTestCase):
    """
    Tokens.
    """

    def test_take(self) -> None:
        """
        So many at once, and then as they come; never more than it holds.
        """
        bucket = Bucket(2, 3, 100.0)
        self.assertEqual([bucket.take(1) for _ in range(4)], [True] * 3 + [False])
        self.assertEqual(bucket.wait(1), 0.5)
        bucket.refill(100.5)
        self.assertEqual([bucket.take(1), bucket.take(1)], [True, False])
        self.assertFalse(bucket.isFull(101.0))
        self.assertTrue(bucket.isFull(200.0))
        self.assertFalse(bucket.take(4))
        self.assertTrue(bucket.take(3))

    def test_clockSetBack(self) -> None:
        """
        Takes nothing away, and time goes on from there.
        """
        bucket = Bucket(1, 2, 100.0)
        self.assertTrue(bucket.take(2))
        bucket.refill(50.0)
        self.assertFalse(bucket.take(1))
        bucket.refill(51.0)
        self.assertTrue(bucket.take(1))
        bucket.grant(10.0)
        self.assertFalse(bucket.take(1))

    def test_grant(self) -> None:
        """
        There may be more than it holds, for what has to come soon: it goes as fast as it came.
        """
        for later, left in ((10.0, 12), (11.0, 11), (19.0, 3), (20.0, 2), (100.0, 2)):
            bucket = Bucket(1, 2, 0.0)
            bucket.grant(10.0)
            bucket.refill(later)
            self.assertEqual([bucket.take(left), bucket.take(1)], [True, False], later)


class MeterTests(SynchronousTestCase):
    """
    What one connection may bring.
    """

    def meter(self, **limits: Any) -> Meter:
        """
        One on a clock.
        """
        self.clock = Clock()
        meter = meterFor(Limits(**limits), self.clock.seconds)
        assert meter is not None
        return meter

    def test_off(self) -> None:
        """
        Without a limit there is none.
        """
        self.assertIs(meterFor(Limits(), Clock().seconds), None)

    def test_oneOfThem(self) -> None:
        """
        Either limit is off without the other.
        """
        meter = self.meter(maxByteRate=1)
        for _ in range(1000):
            meter.begun()
        meter = self.meter(maxMessageRate=1)
        meter.came(1 << 40)

    def test_bytes(self) -> None:
        """
        A second's worth, or a message that may come, with its frames' heads.
        """
        for rate, longest, room in ((100, 1000, 1000 + 1024 * 14), (100_000, 1000, 100_000)):
            meter = self.meter(maxByteRate=rate, maxMessage=longest)
            meter.came(room)
            error = self.assertRaises(FrameError, meter.came, 1)
            self.assertEqual((error.code, str(error)), (1008, f"more than {rate} bytes a second"))
            self.clock.advance(0.5)
            meter.came(rate // 2)
            self.assertRaises(FrameError, meter.came, 1)

    def test_messages(self) -> None:
        """
        The time is read with each segment, and not with each of them.
        """
        meter = self.meter(maxMessageRate=3)
        for _ in range(3):
            meter.begun()
        self.clock.advance(1)
        error = self.assertRaises(FrameError, meter.begun)
        self.assertEqual((error.code, str(error)), (1008, "more than 3 messages a second"))
        meter.came(1)
        meter.begun()

    def test_pause(self) -> None:
        """
        What comes after a pause was sent during it; what was before, is over.
        """
        meter = self.meter(maxMessageRate=3, maxByteRate=1, maxMessage=1)
        self.clock.advance(100)
        meter.paused()
        self.clock.advance(10)
        meter.resumed()
        meter.came(1 + 1024 * 14 + 10)
        self.assertRaises(FrameError, meter.came, 1)
        for _ in range(33):
            meter.begun()
        self.assertRaises(FrameError, meter.begun)

    def test_pausesDontAddUp(self) -> None:
        """
        Who sends nothing in them may not send it all at once later.
        """
        meter = self.meter(maxMessageRate=10)
        for _ in range(100):
            meter.paused()
            self.clock.advance(10)
            meter.resumed()
            self.clock.advance(10)
            meter.came(0)
        for _ in range(10):
            meter.begun()
        self.assertRaises(FrameError, meter.begun)


class ServedTests(SynchronousTestCase):
    """
    What becomes of a client that brings too much.
    """

    def served(self, draft: str, **options: Any) -> Any:
        """
        A client, and its handler.
        """
        kind = recorder()
        self.factory: FallbackServerFactory = serve(kind, **options)
        client = connect(self.factory, draft)
        self.assertEqual(client.status, 101)
        self.handler: Any = kind.made[0]
        return client

    def heard(self) -> list[Any]:
        """
        How many messages the handler has had.
        """
        return [each for each in self.handler.calls if each[0] == "message"]

    def assertClosed(self, client: Any, trouble: str) -> None:
        """
        The client is told why where it can be, and nothing is left.
        """
        if client.closing is not None:
            self.assertEqual(client.closing, (1008, trouble))
        self.assertTrue(client.disconnected)
        client.drop()
        self.assertEqual(self.handler.calls[-1][:3], ("close", False, 1006))
        self.assertIn(trouble, self.handler.calls[-1][3])
        self.assertEqual(self.factory.crowd.present, 0)
        self.assertEqual(client._clock.getDelayedCalls(), [])

    def test_messages(self) -> None:
        """
        Those before the one too many are handed over, in one segment and in many.
        """
        for draft in VERSIONS:
            for isOne in (True, False):
                client = self.served(draft, maxMessageRate=5)
                message = client.message("a")
                if isOne:
                    client.deliver(message * 6)
                else:
                    for _ in range(6):
                        client.deliver(message)
                self.assertEqual(len(self.heard()), 5)
                if draft in HYBI:
                    self.assertEqual(client.closing, (1008, "more than 5 messages a second"))
                self.assertClosed(client, "more than 5 messages a second")

    def test_asManyAsMayCome(self) -> None:
        """
        All day long.
        """
        for draft in VERSIONS:
            client = self.served(draft, maxMessageRate=5)
            for _ in range(20):
                client.deliver(client.message("a") * 5)
                client.advance(1)
            self.assertEqual(len(self.heard()), 100)
            self.assertTrue(client.isOpen)

    def test_bytes(self) -> None:
        """
        As they are on the wire, before any of them is read.
        """
        for draft in VERSIONS:
            client = self.served(draft, maxByteRate=100_000, maxMessage=50_000)
            message = client.message("a" * 49_000)
            client.deliver(message)
            client.deliver(message)
            self.assertTrue(client.isOpen)
            client.deliver(message)
            self.assertEqual(len(self.heard()), 2)
            self.assertClosed(client, "more than 100000 bytes a second")

    def test_aWholeMessage(self) -> None:
        """
        One that may come may come in one go, whatever the rate; the next one takes its time.
        """
        for draft in VERSIONS:
            client = self.served(draft, maxByteRate=10_000, maxMessage=50_000, maxFrame=50_000)
            for _ in range(3):
                client.send("a" * 50_000)
                self.assertTrue(client.isOpen, draft)
                client.advance(6)
            self.assertEqual(len(self.heard()), 3)

    def test_controlFrames(self) -> None:
        """
        Pings and pongs count.
        """
        for draft in HYBI:
            for opcode in (PING, PONG):
                client = self.served(draft, maxMessageRate=5)
                for _ in range(6):
                    client.deliver(client.frame(opcode))
                self.assertClosed(client, "more than 5 messages a second")

    def test_discardedFrames(self) -> None:
        """
        So do frames that hixie has the server discard, and empty ones, which no other bound knows.
        """
        for draft in HIXIE:
            for data in (b"\x80\x00", b"\x01\xff"):
                client = self.served(draft, maxMessageRate=5)
                client.deliver(data * 5)
                self.assertTrue(client.isOpen)
                client.deliver(data)
                self.assertClosed(client, "more than 5 messages a second")

    def test_fragments(self) -> None:
        """
        Those of a message are one message, where it is put together.
        """
        for draft in HYBI:
            for frames in (False, True):
                client = self.served(draft, maxMessageRate=5, frames=frames)
                client.deliver(client.frame(TEXT, b"a", False))
                for _ in range(9):
                    client.deliver(client.frame(0, b"a", False))
                if frames:
                    self.assertClosed(client, "more than 5 messages a second")
                else:
                    client.deliver(client.frame(0, b"a"))
                    self.assertTrue(client.isOpen)
                    self.assertEqual(len(self.heard()), 1)

    def test_close(self) -> None:
        """
        Who has said all that may be said can still say goodbye.
        """
        for draft in VERSIONS:
            client = self.served(draft, maxMessageRate=1)
            client.send("a")
            client.close(1000 if draft in HYBI else None)
            self.assertEqual(self.handler.calls[-1][:2], ("close", True), draft)

    def test_pausedByTheApplication(self) -> None:
        """
        What was sent in that time may come when it is over.
        """
        for draft in VERSIONS:
            client = self.served(draft, maxMessageRate=5)
            self.handler.channel.pauseReading()
            for _ in range(10):
                client.advance(1)
                client.send("a")
            self.handler.channel.resumeReading()
            client.settle()
            self.assertTrue(client.isOpen)
            self.assertEqual(len(self.heard()), 10)

    def test_pausedAtTheEnd(self) -> None:
        """
        What is handed over when TCP is over has been read long ago.
        """
        for draft in VERSIONS:
            kind = recorder(message=lambda handler: handler.channel.pauseReading())
            client = connect(serve(kind, maxMessageRate=5), draft)
            client.deliver(client.message("a") * 10)
            client.transport.lose(ConnectionLost())
            self.handler = kind.made[0]
            self.assertEqual(len(self.heard()), 10)

    def test_floodIsNotRead(self) -> None:
        """
        After that nothing is, not even while TCP ends.
        """
        for draft in VERSIONS:
            client = self.served(draft, maxMessageRate=1)
            client.answersClose = False
            for _ in range(100):
                client.deliver(client.message("a") * 10)
            self.assertEqual(len(self.heard()), 1)
            client.advance(5)
            self.assertFalse(client.transport.connected)

    def test_offByDefault(self) -> None:
        """
        Nothing is counted.
        """
        for draft in VERSIONS:
            client = connect(serve(MessageHandler), draft)
            client.deliver(client.message("a") * 10_000)
            self.assertTrue(client.isOpen)
