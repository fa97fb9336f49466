"""
The servers behind a gateway.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.backends import SKIPPED, Backends


class BackendsTests(SynchronousTestCase):
    """
    Which is next.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.backends = Backends(["ws://a", "ws://b", "ws://c"], self.clock)

    def order(self) -> str:
        """
        The letters of the backends in turn.
        """
        return "".join(backend.url[-1] for backend in self.backends.inTurn())

    def test_none(self) -> None:
        """
        A gateway needs one.
        """
        self.assertRaises(ValueError, Backends, [], self.clock)

    def test_fewestFirst(self) -> None:
        """
        The one with the fewest connections, and as they were given where they have the same.
        """
        self.assertEqual(self.order(), "abc")
        a, b, _ = self.backends.all
        a.open, b.open = 2, 1
        self.assertEqual(self.order(), "cba")

    def test_failed(self) -> None:
        """
        One that failed is tried last for a while, or until it works.
        """
        a, b, _ = self.backends.all
        self.backends.failed(a)
        self.assertEqual(self.order(), "bca")
        self.clock.advance(SKIPPED - 1)
        self.backends.failed(b)
        self.assertEqual(self.order(), "cab")
        self.clock.advance(1)
        self.assertEqual(self.order(), "acb")
        self.backends.worked(b)
        self.assertEqual(self.order(), "abc")
