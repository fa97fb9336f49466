"""
A port that knows when there is no room.
"""

import errno
import os
import resource
import socket
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.acceptor import (
    BATCH,
    REST,
    SILENCE,
    Acceptor,
    Room,
    addressOf,
    nextClients,
    softLimit,
)


class Reactor(Clock):
    """
    Has readers, and takes connections.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.adopted: list[tuple[int, int]] = []
        self.adopt: Callable[[], object] = lambda: None

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        self.adopt()
        self.adopted.append((descriptor, family))


class Queue:
    """
    A listening socket in memory: how many wait, and what accept(2) says.
    """

    family = socket.AF_INET

    def __init__(self) -> None:
        self.waiting = 0
        self.error: int | None = None

    def accept(self) -> tuple[Any, Any]:
        if self.error is not None:
            code, self.error = self.error, None
            raise OSError(code, os.strerror(code))
        if not self.waiting:
            raise BlockingIOError
        self.waiting -= 1
        return mock.MagicMock(fileno=lambda: 7), None

    def fileno(self) -> int:
        return 8

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 80)


class AcceptorCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.number: int | None = 10
        self.room = Room(self.reactor, limit=lambda: 100, number=self.next)
        self.queue = Queue()
        self.factory = mock.Mock()
        self.closed: list[str] = []
        self.acceptor = self.make()
        self.acceptor.startListening()

    def next(self) -> int:
        if self.number is None:
            raise OSError(errno.EMFILE, "too many")
        return self.number

    def make(self) -> Acceptor:
        return Acceptor(
            self.reactor,
            self.room,
            self.queue,  # type: ignore[arg-type]
            self.factory,
            lambda: self.closed.append("closed"),
        )

    @property
    def isReading(self) -> bool:
        return self.acceptor in self.reactor.readers


class AcceptingTests(AcceptorCase):
    """
    As long as there is room.
    """

    def test_batch(self) -> None:
        """
        So many, and then others have their turn.
        """
        self.queue.waiting = BATCH + 2
        self.acceptor.doRead()
        self.assertEqual(self.reactor.adopted, [(7, socket.AF_INET)] * BATCH)
        self.acceptor.doRead()
        self.assertEqual(self.queue.waiting, 0)
        self.assertTrue(self.isReading)

    def test_whoHasGone(self) -> None:
        """
        Costs nobody else.
        """
        for error in (errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.EHOSTUNREACH):
            self.queue.waiting, self.queue.error = 1, error
            self.acceptor.doRead()
            self.assertEqual(self.queue.waiting, 0)
        self.assertEqual(len(self.reactor.adopted), 4)

    def test_socketThatIsShut(self) -> None:
        """
        By whoever shares it: there is nothing more to read.
        """
        self.queue.error = errno.EINVAL
        self.acceptor.doRead()
        self.assertFalse(self.isReading)
        self.acceptor.stopListening()

    def test_factoryThatFails(self) -> None:
        """
        Is logged; the next connection is accepted.
        """
        for wrong in (ZeroDivisionError, OSError):
            self.queue.waiting = 2
            errors = iter([wrong()])

            def adopt(errors: Any = errors) -> None:
                for error in errors:
                    raise error

            self.reactor.adopt = adopt
            self.acceptor.doRead()
            self.assertEqual(len(self.flushLoggedErrors(wrong)), 1)
        self.assertEqual(len(self.reactor.adopted), 2)

    def test_errorOfOneConnection(self) -> None:
        """
        Is not the socket's, whatever its number.
        """
        self.queue.waiting = 2
        errors = iter([OSError(errno.EINVAL, "a setting")])

        def adopt() -> None:
            for error in errors:
                raise error

        self.reactor.adopt = adopt
        self.acceptor.doRead()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(len(self.reactor.adopted), 1)
        self.assertTrue(self.isReading)

    def test_port(self) -> None:
        """
        It is a port: it starts and stops its factory, and says where it is.
        """
        self.factory.doStart.assert_called_once_with()
        self.assertEqual(self.acceptor.getHost(), IPv4Address("TCP", "127.0.0.1", 80))
        self.assertEqual(self.acceptor.fileno(), 8)
        self.assertEqual(self.acceptor.logPrefix(), "Mock")
        self.acceptor.stopListening()
        self.factory.doStop.assert_called_once_with()
        self.assertEqual(self.closed, ["closed"])
        self.assertFalse(self.isReading)
        self.acceptor.connectionLost(mock.Mock())


class RestingTests(AcceptorCase):
    """
    Without.
    """

    def check(self) -> None:
        """
        It rests until there is room, without a word or a turn of the reactor meanwhile.
        """
        self.assertFalse(self.isReading)
        self.reactor.pump([REST] * 10)
        self.assertFalse(self.isReading)
        self.number = 10
        self.reactor.advance(REST)
        self.assertTrue(self.isReading)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_reserve(self) -> None:
        """
        A part of the descriptors is for others than clients.
        """
        self.queue.waiting, self.number = 1, 74
        self.acceptor.doRead()
        self.assertEqual(self.queue.waiting, 0)
        self.queue.waiting, self.number = 1, 75
        self.acceptor.doRead()
        self.assertEqual(self.queue.waiting, 1)
        self.check()

    def test_none(self) -> None:
        """
        Nor is there any descriptor to ask with.
        """
        self.queue.waiting, self.number = 1, None
        self.acceptor.doRead()
        self.assertEqual(self.queue.waiting, 1)
        self.check()

    def test_machine(self) -> None:
        """
        The machine may have nothing left, whatever our own limit.
        """
        for error in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            self.queue.waiting, self.queue.error = 1, error
            self.acceptor.doRead()
            self.assertEqual(self.queue.waiting, 1)
            self.assertFalse(self.isReading)
            self.reactor.advance(REST)
            self.assertTrue(self.isReading)

    def test_anyOtherTrouble(self) -> None:
        """
        That lasts costs neither a whole processor nor a log of its own.
        """
        with mock.patch("wsfallback.acceptor._log") as log:
            for _ in range(10):
                self.queue.waiting, self.queue.error = 1, errno.EACCES
                self.acceptor.doRead()
                self.assertFalse(self.isReading)
                self.reactor.advance(REST)
                self.assertTrue(self.isReading)
        self.assertEqual((log.error.call_count, log.warn.call_count), (1, 0))
        self.acceptor.doRead()
        self.assertEqual(self.queue.waiting, 0)

    def test_lastDescriptorForATransport(self) -> None:
        """
        Nobody else is accepted when there was none for the transport.
        """
        self.queue.waiting = 2
        self.reactor.adopt = mock.Mock(side_effect=OSError(errno.EMFILE, "too many"))
        self.acceptor.doRead()
        self.assertEqual(self.queue.waiting, 1)
        self.assertFalse(self.isReading)

    def test_all(self) -> None:
        """
        All acceptors of a process rest together; one that begins meanwhile, too.
        """
        other = self.make()
        other.startListening()
        self.number = None
        self.acceptor.doRead()
        other.doRead()
        late = self.make()
        late.startListening()
        self.assertEqual(self.reactor.readers, set())
        self.number = 10
        self.reactor.advance(REST)
        self.assertEqual(self.reactor.readers, {self.acceptor, other, late})

    def test_stop(self) -> None:
        """
        Who stops while it rests is not started again.
        """
        self.number = None
        self.acceptor.doRead()
        self.acceptor.stopListening()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_log(self) -> None:
        """
        A line when it begins and one when it ends; of what follows soon after, none.
        """
        with mock.patch("wsfallback.acceptor._log") as log:
            for _ in range(10):
                self.number = None
                self.acceptor.doRead()
                self.number = 10
                self.reactor.advance(REST)
            self.assertEqual((log.warn.call_count, log.info.call_count), (1, 1))
            self.reactor.advance(SILENCE)
            self.number = None
            self.acceptor.doRead()
            self.assertEqual((log.warn.call_count, log.info.call_count), (2, 1))


class DescriptorTests(SynchronousTestCase):
    """
    What the kernel says.
    """

    def test_next(self) -> None:
        """
        The second free descriptor; asking leaves none behind.
        """
        before = nextClients()
        with open(os.devnull):
            self.assertGreater(nextClients(), before)
        self.assertEqual(nextClients(), before)

    def test_none(self) -> None:
        """
        One is not enough.
        """
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        resource.setrlimit(resource.RLIMIT_NOFILE, (nextClients(), limit[1]))
        self.assertRaises(OSError, nextClients)

    def test_closedInput(self) -> None:
        """
        Standard input may be closed, by a handler or whoever has started us.
        """
        kept = os.dup(0)
        os.close(0)
        try:
            number = nextClients()
        finally:
            os.dup2(kept, 0)
            os.close(kept)
        self.assertGreater(number, 0)

    def test_limit(self) -> None:
        """
        A number, also where there is none.
        """
        self.assertGreater(softLimit(), 0)
        with mock.patch("resource.getrlimit", return_value=(-1, -1)):
            self.assertGreater(softLimit(), 1 << 30)

    def test_addresses(self) -> None:
        """
        Of every family.
        """
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = f"{directory.name}/socket"
        with socket.socket(socket.AF_UNIX) as listening:
            self.assertEqual(addressOf(listening), UNIXAddress(None))
            listening.bind(path)
            self.assertEqual(addressOf(listening), UNIXAddress(path))
        six = mock.Mock(family=socket.AF_INET6)
        six.getsockname.return_value = ("::1", 80, 0, 0)
        self.assertEqual(addressOf(six), IPv6Address("TCP", "::1", 80))
