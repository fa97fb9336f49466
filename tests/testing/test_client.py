"""
The in-memory clients, where no other test needs them.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import attach, connect, request


class ClientTests(SynchronousTestCase):
    """
    On any draft.
    """

    def test_receiveNothing(self) -> None:
        """
        To receive what didn't come fails the test.
        """
        client = connect(FallbackServerFactory(Echo, reactor=Clock()))
        self.assertRaises(AssertionError, client.receive)

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
