"""
The functions beside `Forwarding`; the class itself is what the contract tests.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback import NotText
from wsfallback.admission import ServerForwarding
from wsfallback.forwarding import checked


class CheckedTextTests(SynchronousTestCase):
    """
    Outgoing text.
    """

    def test_passes(self) -> None:
        """
        UTF-8 of any kind.
        """
        for text in ("", "a", "\0", "\xf6\u2713\U0001d11e"):
            self.assertEqual(checked(text.encode(), False), text.encode())

    def test_refuses(self) -> None:
        """
        What is not UTF-8, above all 0xFF, which ends a hixie frame.
        """
        for data in (b"\xff", b"a\xff\x00b", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            self.assertRaises(NotText, checked, data, False)
            self.assertEqual(checked(data, True), data)
        for wrong in ("a", bytearray(b"a"), None):
            self.assertRaises(TypeError, checked, wrong, False)


class ForwardingTests(SynchronousTestCase):
    """
    What protocols must add.
    """

    def test_abstract(self) -> None:
        """
        How to close is theirs.
        """
        self.assertRaises(NotImplementedError, ServerForwarding()._close, None, None)
