"""
What one connection has to send, and its transport doesn't take yet.
"""

import tracemalloc
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import Produced
from wsfallback.record import Traffic
from wsfallback.send_queue import SendQueue
from wsfallback.testing import MemoryTransport


class Small(MemoryTransport):
    """
    A transport that is full when it holds so many bytes, and tells its producer as Twisted's do.
    """

    size = 10

    def __init__(self) -> None:
        super().__init__(Clock())
        self.held = bytearray()

    def write(self, data: bytes) -> None:
        """
        Hold it.
        """
        super().write(data)
        self.held += data
        if len(self.held) > self.size and self.producer is not None and not self._pulls:
            self.producer.pauseProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        One that is to be pulled is pulled at once, and when everything is sent.
        """
        self.producer = producer
        self._pulls = not streaming
        if self._pulls:
            producer.resumeProducing()

    def send(self) -> bytes:
        """
        Everything goes out.
        """
        sent = bytes(self.held)
        self.held.clear()
        if self.producer is not None and (self._pulls or len(sent) > self.size):
            self.producer.resumeProducing()
        return sent


class QueueTestCase(SynchronousTestCase):
    """
    A queue of 20 bytes before a transport of 10.
    """

    def setUp(self) -> None:
        self.transport = Small()
        self.moves = 0
        self.traffic = Traffic()
        self.queue = SendQueue(self.transport, 20, self.moved, self.traffic)

    def moved(self) -> None:
        """
        Count.
        """
        self.moves += 1

    def fill(self) -> None:
        """
        The transport takes no more.
        """
        self.queue.write(b"x" * 11)
        self.assertTrue(self.queue.isFull)


class WritingTests(QueueTestCase):
    """
    What waits, and for how long.
    """

    def test_interface(self) -> None:
        """
        It is the transport's producer, until it leaves.
        """
        verifyObject(IPushProducer, self.queue)
        self.assertIs(self.transport.producer, self.queue)
        self.queue.leave()
        self.assertIsNone(self.transport.producer)

    def test_order(self) -> None:
        """
        What is written goes to the transport while that takes it, and waits in its order then.
        """
        for data in (b"a", b"b" * 10, b"c", b"d"):
            self.queue.write(data)
        self.assertEqual(self.transport.writes, [b"a", b"b" * 10])
        self.assertFalse(self.queue.isEmpty)
        self.assertEqual(self.transport.send(), b"a" + b"b" * 10)
        self.assertEqual(self.transport.send(), b"cd")
        self.assertTrue(self.queue.isEmpty)
        self.assertEqual(self.traffic.queueHigh, 2)
        self.assertEqual(self.moves, 1)

    def test_pieces(self) -> None:
        """
        What has waited is handed on in pieces that suit the transport, one at a time.
        """
        self.fill()
        for _ in range(3):
            self.queue.write(b"y" * 40000)
        self.transport.send()
        self.assertEqual(len(self.transport.send()), 80000)
        self.assertFalse(self.queue.isEmpty)
        self.assertEqual(len(self.transport.send()), 40000)
        self.assertTrue(self.queue.isEmpty)

    def test_room(self) -> None:
        """
        Up to the bound; but one write always has room.
        """
        self.fill()
        self.assertTrue(self.queue.hasRoom(1000))
        self.queue.write(b"y" * 15)
        self.assertTrue(self.queue.hasRoom(5))
        self.assertFalse(self.queue.hasRoom(6))
        self.transport.send()
        self.assertTrue(self.queue.hasRoom(6))

    def test_memory(self) -> None:
        """
        What waits costs about its bytes, however short the messages are.
        """
        bound = 1 << 18
        queue = SendQueue(self.transport, bound, self.moved, self.traffic)
        queue.write(b"x" * 11)
        tracemalloc.start()
        try:
            for number in range(bound // 3):
                queue.write(bytes([0x81, 1, number % 128]))
            size, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(size, 1.5 * bound)

    def test_shortAndLong(self) -> None:
        """
        Their order stays.
        """
        self.fill()
        written = [bytes([65 + n % 26]) * (2000 if n % 7 == 3 else n % 40) for n in range(5000)]
        for data in written:
            self.queue.write(data)
        self.assertEqual(self.traffic.queueHigh, sum(map(len, written)))
        sent = b""
        while not self.queue.isEmpty:
            sent += self.transport.send()
        self.assertEqual(sent, b"x" * 11 + b"".join(written))

    def test_clear(self) -> None:
        """
        Nothing of what waits is sent, and there is room again.
        """
        self.fill()
        self.queue.write(b"y" * 15)
        self.queue.clear()
        self.assertTrue(self.queue.hasRoom(20))
        self.queue.write(b"z")
        self.transport.send()
        self.assertEqual(self.transport.send(), b"z")


class WaitingTests(QueueTestCase):
    """
    For the end of what waits.
    """

    def test_drained(self) -> None:
        """
        At once where nothing waits, else when all of it is the transport's.
        """
        self.successResultOf(self.queue.drained())
        self.fill()
        self.queue.write(b"y" * 11)
        drained = [self.queue.drained(), self.queue.drained()]
        self.transport.send()
        self.assertNoResult(drained[0])
        self.transport.send()
        for each in drained:
            self.successResultOf(each)

    def test_never(self) -> None:
        """
        And when it never will be.
        """
        self.fill()
        drained = self.queue.drained()
        self.queue.stopProducing()
        self.successResultOf(drained)
        self.assertTrue(self.queue.isEmpty)

    def test_whenEmpty(self) -> None:
        """
        The last thing that was asked for is done, once.
        """
        done: list[int] = []
        self.queue.whenEmpty(lambda: done.append(0))
        self.assertEqual(done, [0])
        self.fill()
        for number in (1, 2):
            self.queue.whenEmpty(lambda number=number: done.append(number))  # type: ignore[misc]
        self.transport.send()
        self.assertEqual(done, [0, 2])
        self.fill()
        self.queue.whenEmpty(lambda: done.append(3))
        self.queue.leave()
        self.queue.resumeProducing()
        self.assertEqual(done, [0, 2])


class ProducerTests(QueueTestCase):
    """
    The application's.
    """

    def test_pushing(self) -> None:
        """
        It is paused while anything waits, and stopped with the connection, once.
        """
        produced = Produced()
        self.queue.registerProducer(produced, True)
        self.assertRaises(RuntimeError, self.queue.registerProducer, Produced(), True)
        self.fill()
        self.queue.write(b"y" * 11)
        self.transport.send()
        self.assertEqual(produced.calls, ["pause", "pause"])
        self.transport.send()
        self.assertEqual(produced.calls[2:], ["resume"])
        self.queue.stopProducing()
        self.queue.stopProducing()
        self.assertEqual(produced.calls[3:], ["stop"])

    def test_late(self) -> None:
        """
        One that comes while the transport is full is paused at once.
        """
        self.fill()
        produced = Produced()
        self.queue.registerProducer(produced, True)
        self.assertEqual(produced.calls, ["pause"])
        self.queue.unregisterProducer()
        self.transport.send()
        self.assertEqual(produced.calls, ["pause"])

    def test_pulled(self) -> None:
        """
        One that is to be pulled is, whenever everything is sent; what others write waits.
        """
        queue = self.queue

        class Pulled:
            left = 3

            def resumeProducing(self) -> None:
                self.left -= 1
                queue.write(b"piece")
                if not self.left:
                    queue.unregisterProducer()

            def stopProducing(self) -> None:
                raise AssertionError("it is done")

        queue.registerProducer(Pulled(), False)
        queue.write(b"other")
        self.assertEqual(
            [self.transport.send() for _ in range(5)], [b"piece", b"other", *[b"piece"] * 2, b""]
        )
        self.assertTrue(queue.isEmpty)
        queue.stopProducing()
