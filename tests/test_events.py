"""
Events are values.
"""

from dataclasses import FrozenInstanceError
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.events import Closing, Event, Skipped, Text


class EventTests(SynchronousTestCase):
    """
    What a framing yields.
    """

    def test_equality(self) -> None:
        """
        Events compare by what they say.
        """
        self.assertEqual(Text(b"a"), Text(b"a"))
        self.assertNotEqual(Text(b"a"), Text(b"b"))
        self.assertEqual(Skipped(0x80, 3), Skipped(0x80, 3))
        self.assertNotEqual(Skipped(0x80, 3), Skipped(0x81, 3))
        self.assertEqual(Closing(), Closing())

    def test_frozen(self) -> None:
        """
        Nobody changes one on its way.
        """
        with self.assertRaises(FrozenInstanceError):
            Text(b"a").payload = b"b"  # type: ignore[misc]

    def test_all(self) -> None:
        """
        There are these three.
        """
        self.assertEqual(set(get_args(Event)), {Text, Skipped, Closing})
