"""
`Forwarding`, where the contract doesn't test it.
"""

from autobahn.websocket.types import ConnectionDeny
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.admission import ServerForwarding


class ForwardingTests(SynchronousTestCase):
    """
    What protocols must add.
    """

    def test_abstract(self) -> None:
        """
        How to close is theirs.
        """
        self.assertRaises(NotImplementedError, ServerForwarding()._close, None, None)

    def test_denialsPassThrough(self) -> None:
        """
        From 300 to 599, as they are.
        """
        for status in (300, 403, 599):
            failure = Failure(ConnectionDeny(status))
            self.assertIs(ServerForwarding()._denied(failure), failure)
