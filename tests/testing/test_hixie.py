"""
The in-memory clients of the hixie drafts, where no other test needs them.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import connect


class HixieClientTests(SynchronousTestCase):
    """
    Text between two bytes.
    """

    def test_hixieHasNoBinary(self) -> None:
        """
        Not on the way in either.
        """
        client = connect(FallbackServerFactory(Echo, reactor=Clock()), "hixie-75")
        self.assertRaises(TypeError, client.send, b"x")
