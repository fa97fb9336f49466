"""
The in-memory clients of hybi-07 and later, where no other test needs them.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.testing import Frame, connect


class HybiClientTests(SynchronousTestCase):
    """
    Frames.
    """

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
