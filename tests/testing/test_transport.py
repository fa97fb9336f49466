"""
The in-memory transport.
"""

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from wsfallback.testing import (
    SERVER_ADDRESS,
    MemoryTransport,
)


class TransportTests(SynchronousTestCase):
    """
    MemoryTransport.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = MemoryTransport(self.clock)

    def test_interfaces(self) -> None:
        """
        It is a TCP transport, and a producer.
        """
        verifyObject(ITCPTransport, self.transport)
        verifyObject(IPushProducer, self.transport)
        self.assertEqual(self.transport.getHost(), SERVER_ADDRESS)

    def test_options(self) -> None:
        """
        Socket options are what they were set to.
        """
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.assertTrue(self.transport.getTcpNoDelay() and self.transport.getTcpKeepAlive())

    def test_writes(self) -> None:
        """
        Bytes only, none behind the end.
        """
        self.transport.writeSequence([b"a", b"b"])
        self.assertRaises(TypeError, self.transport.write, "c")
        self.transport.loseWriteConnection()
        self.transport.write(b"d")
        self.assertEqual(self.transport.writes, [b"ab"])
        self.assertTrue(self.transport.disconnecting)

    def test_endsLater(self) -> None:
        """
        The end is noticed a turn of the clock later, once.
        """
        lost = []

        class Losing(Protocol):
            def connectionLost(self, reason: Any = None) -> None:
                lost.append(reason.type.__name__)

        self.transport.attach(Losing())
        self.transport.stopProducing()
        self.transport.abortConnection()
        self.assertEqual(lost, [])
        self.clock.advance(0)
        self.assertEqual(lost, ["ConnectionDone"])

    def test_pullProducer(self) -> None:
        """
        Is pulled until it is done.
        """
        transport, pulls = self.transport, []

        class Pulled:
            def resumeProducing(self) -> None:
                pulls.append(1)
                if len(pulls) == 3:
                    transport.unregisterProducer()

        transport.registerProducer(Pulled(), False)
        self.assertEqual(len(pulls), 3)

    def test_leaveWhilePaused(self) -> None:
        """
        Who doesn't read doesn't notice that the client has left, as with a socket.
        """
        lost = []

        class Losing(Protocol):
            def connectionLost(self, reason: Any = None) -> None:
                lost.append(reason.type.__name__)

        self.transport.attach(Losing())
        self.transport.pauseProducing()
        self.transport.leave(ConnectionDone())
        self.clock.advance(1)
        self.assertEqual(lost, [])
        self.transport.resumeProducing()
        self.clock.advance(0)
        self.assertEqual(lost, ["ConnectionDone"])
