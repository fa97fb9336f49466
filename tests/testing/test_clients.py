"""
The in-memory clients, where no other test needs them.
"""

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from wsfallback import DRAFTS, FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import (
    VERSIONS,
    Frame,
    attach,
    connect,
    request,
)


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
