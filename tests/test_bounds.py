"""
How much may come.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from tests.test_modern import serve
from wsfallback.policy import FRAGMENT_OVERHEAD, FREE_FRAGMENTS
from wsfallback.testing import BINARY, TEXT, connect


class BoundsTests(SynchronousTestCase):
    """
    Of messages and of frames, by what the client gets to hear.
    """

    def test_announcedSize(self) -> None:
        """
        A frame that is too large is refused by its head, before its payload comes.
        """
        for options, what in (({"maxFrame": 1000}, "frame"), ({"maxMessage": 1000}, "message")):
            client = connect(serve(**options))
            client.deliver(client.frame(TEXT, b"x" * 1001)[:8])
            self.assertEqual(client.closing, (1009, f"a {what} is longer than 1000 bytes"))

    def test_sumOfFragments(self) -> None:
        """
        Fragments count together, up to and including the bound.
        """
        for size, code in ((500, None), (501, 1009)):
            client = connect(serve(maxMessage=1000))
            client.deliver(
                client.frame(TEXT, b"x" * 500, isFinal=False) + client.frame(0, b"x" * size)
            )
            self.assertEqual(client.closing and client.closing[0], code)

    def test_tinyFragments(self) -> None:
        """
        Beyond the first ones each costs its overhead.
        """
        free = FREE_FRAGMENTS
        for extra, code in ((10, None), (11, 1009)):
            client = connect(serve(maxMessage=10 * FRAGMENT_OVERHEAD))
            frames = [client.frame(TEXT, b"", isFinal=False)]
            frames += [client.frame(0, b"", isFinal=False)] * (free + extra - 1)
            client.deliver(b"".join(frames))
            self.assertEqual(client.closing and client.closing[0], code)

    def test_conformanceSuitesFragments(self) -> None:
        """
        4 MiB in 65,536 fragments of 64 bytes, cases 9.3.1 and 9.4.1, fit into its bound.
        """
        client = connect(serve(maxMessage=32 << 20, maxFrame=32 << 20))
        frame = client.frame(0, b"x" * 64, isFinal=False)
        client.deliver(client.frame(BINARY, b"x" * 64, isFinal=False) + frame * 65534)
        client.deliver(client.frame(0, b"x" * 64))
        self.assertEqual(len(client.receive()), 4 << 20)

    def test_framesOfALongMessage(self) -> None:
        """
        Where nothing is assembled, the bounds hold for each frame.
        """
        kind = recorder()
        client = connect(serve(kind, frames=True, maxMessage=10, maxFrame=10))
        for number in range(50):
            client.deliver(client.frame(0 if number else TEXT, b"x" * 10, isFinal=False))
        self.assertEqual(len(kind.made[0].calls), 52)
        client.deliver(client.frame(0, b"x" * 11))
        self.assertEqual(client.closing[0], 1009)
