"""
Where UTF-8 may be cut.
"""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.utf8 import clipped, unfinished


class UTF8Tests(SynchronousTestCase):
    """
    Where a piece of text may be cut.
    """

    @given(st.text(), st.integers(0, 20))
    def test_unfinished(self, text: str, cut: int) -> None:
        """
        Less its unfinished end, any beginning of UTF-8 is UTF-8, and no more is taken.
        """
        data = text.encode()[:cut]
        whole = data[: len(data) - unfinished(data)]
        self.assertEqual(whole.decode(), data.decode(errors="ignore"))

    @given(st.binary(max_size=6))
    def test_anyBytes(self, data: bytes) -> None:
        """
        Of what is no UTF-8, at most three bytes are held back.
        """
        self.assertIn(unfinished(data), range(4))

    def test_clipped(self) -> None:
        """
        A lone surrogate, which is in no UTF-8, becomes a question mark.
        """
        self.assertEqual(clipped("a\ud800\u2713", 5), b"a?\xe2\x9c\x93")
        self.assertEqual(clipped("a\ud800\u2713", 4), b"a?")
