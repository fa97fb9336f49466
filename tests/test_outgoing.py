"""
What an application may send.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback import NotText
from wsfallback.outgoing import checkedMessage


class CheckedMessageTests(SynchronousTestCase):
    """
    Outgoing text.
    """

    def test_passes(self) -> None:
        """
        UTF-8 of any kind.
        """
        for text in ("", "a", "\0", "\xf6\u2713\U0001d11e"):
            self.assertEqual(checkedMessage(text.encode(), False), text.encode())

    def test_refuses(self) -> None:
        """
        What is not UTF-8, above all 0xFF, which ends a hixie frame.
        """
        for data in (b"\xff", b"a\xff\x00b", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            self.assertRaises(NotText, checkedMessage, data, False)
            self.assertEqual(checkedMessage(data, True), data)
        for wrong in ("a", bytearray(b"a"), None):
            self.assertRaises(TypeError, checkedMessage, wrong, False)
