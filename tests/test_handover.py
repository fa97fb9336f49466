"""
How one protocol takes another's place.
"""

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.test_server import serve
from wsfallback.testing import VERSIONS, attach, connect


class HandOverTests(SynchronousTestCase):
    """
    The interim protocol, here the server's, steps aside.
    """

    def test_peekerIsOutOfTheWay(self) -> None:
        """
        A read reaches the chosen protocol directly, and logs carry its name.
        """
        for draft in VERSIONS:
            client = connect(serve(), draft)
            peeker = client.transport._protocol
            self.assertEqual(peeker.dataReceived, peeker._chosen.dataReceived)
            self.assertEqual(peeker.logPrefix(), peeker._chosen.logPrefix())

    def test_halfClose(self) -> None:
        """
        A protocol that closes by halves goes on to do so.
        """
        halves = []

        @implementer(IHalfCloseableProtocol)
        class Halves(Protocol):
            def readConnectionLost(self) -> None:
                halves.append("read")

            def writeConnectionLost(self) -> None:
                halves.append("write")

        client = attach(serve(site=Factory.forProtocol(Halves)))
        client.deliver(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        protocol = IHalfCloseableProtocol(client.transport._protocol)
        protocol.readConnectionLost()
        protocol.writeConnectionLost()
        self.assertEqual(halves, ["read", "write"])

    def test_noHalves(self) -> None:
        """
        Before, and with a protocol that knows nothing of halves, the end of one is that of both.
        """
        for begun in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
            client = attach(serve(site=Factory.forProtocol(Protocol)))
            client.deliver(begun)
            protocol = IHalfCloseableProtocol(client.transport._protocol)
            protocol.readConnectionLost()
            protocol.writeConnectionLost()
            client.settle()
            self.assertFalse(client.transport.connected)
            self.assertEqual(client._clock.getDelayedCalls(), [])
