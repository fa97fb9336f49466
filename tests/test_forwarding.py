"""
`Forwarding`, where the contract doesn't test it.
"""

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
