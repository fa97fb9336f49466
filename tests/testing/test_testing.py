"""
How in-memory clients connect.
"""

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import DRAFTS, FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import VERSIONS, connect


class ConnectTests(SynchronousTestCase):
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

    def test_secure(self) -> None:
        """
        TLS is seen where the draft shows it.
        """
        for draft in VERSIONS:
            client = connect(FallbackServerFactory(Echo, reactor=Clock()), draft, secure=True)
            self.assertEqual(client.status, 101)
            self.assertEqual(ISSLTransport.providedBy(client.transport), VERSIONS[draft] is None)
