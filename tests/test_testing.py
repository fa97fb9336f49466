"""
The in-memory clients, where no other test needs them.
"""

from typing import Any

from twisted.internet.interfaces import IPushProducer, ISSLTransport, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import recorder
from wsfallback import DRAFTS, FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import (
    SERVER_ADDRESS,
    VERSIONS,
    Frame,
    MemoryTransport,
    attach,
    connect,
    request,
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


class ClientTests(SynchronousTestCase):
    """
    connect and attach.
    """

    def test_everyDraft(self) -> None:
        """
        There is a client for every row of the table, with its version.
        """
        self.assertEqual(VERSIONS, {draft.name: draft.version or None for draft in DRAFTS})

    def test_needsAClock(self) -> None:
        """
        A factory on a real reactor can't be tested in memory.
        """
        self.assertRaises(TypeError, connect, FallbackServerFactory(Echo))
        self.assertRaises(TypeError, connect, Factory.forProtocol(Protocol))

    def test_receiveNothing(self) -> None:
        """
        To receive what didn't come fails the test.
        """
        client = connect(FallbackServerFactory(Echo, reactor=Clock()))
        self.assertRaises(AssertionError, client.receive)

    def test_hixieHasNoBinary(self) -> None:
        """
        Not on the way in either.
        """
        client = connect(FallbackServerFactory(Echo, reactor=Clock()), "hixie-75")
        self.assertRaises(TypeError, client.send, b"x")

    def test_secure(self) -> None:
        """
        TLS is seen where the draft shows it.
        """
        for draft in VERSIONS:
            client = connect(FallbackServerFactory(Echo, reactor=Clock()), draft, secure=True)
            self.assertEqual(client.status, 101)
            self.assertEqual(ISSLTransport.providedBy(client.transport), VERSIONS[draft] is None)

    def test_largeFrames(self) -> None:
        """
        Lengths of each form, both ways.
        """
        client = connect(FallbackServerFactory(Echo, reactor=Clock()))
        for size in (125, 126, 65535, 65536):
            client.send(b"x" * size)
            self.assertEqual(client.frames[-1], Frame(2, b"x" * size))

    def test_ping(self) -> None:
        """
        The server answers one.
        """
        client = connect(FallbackServerFactory(Echo, reactor=Clock()))
        client.ping(b"?")
        self.assertEqual(client.frames, [Frame(10, b"?")])

    def test_isOpen(self) -> None:
        """
        From the answer to the first close.
        """
        kind = recorder()
        client = attach(FallbackServerFactory(kind, reactor=Clock()))
        self.assertFalse(client.isOpen)
        client.deliver(request("rfc6455"))
        self.assertTrue(client.isOpen)
        client.close()
        self.assertFalse(client.isOpen)
