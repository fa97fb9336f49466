"""
Where UTF-8 may be cut.
"""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.utf8 import clipped, unfinished


def isText(data: bytes) -> bool:
    """
    Whether it is UTF-8.
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


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
        Nothing is held back that can't become a character, or half a surrogate: Python's decoder
        sees those when they are complete.
        """
        held = data[len(data) - unfinished(data) :]
        ends = (b"", b"\x80", b"\xbf", b"\x80\x80", b"\xbf\xbf", b"\x80\x80\x80", b"\xbf\xbf\xbf")
        isSurrogate = re.fullmatch(rb"\xed[\xa0-\xbf]", held) is not None
        self.assertTrue(isSurrogate or any(isText(held + end) for end in ends), held)

    def test_impossible(self) -> None:
        """
        RFC 3629 §4: what begins no character in any way.
        """
        for data in (b"\xff", b"\xc0", b"\xf5", b"\xe0\x80", b"\xf4\x90\x80"):
            self.assertEqual(unfinished(data), 0)

    def test_clipped(self) -> None:
        """
        A lone surrogate, which is in no UTF-8, becomes a question mark.
        """
        self.assertEqual(clipped("a\ud800\u2713", 5), b"a?\xe2\x9c\x93")
        self.assertEqual(clipped("a\ud800\u2713", 4), b"a?")
