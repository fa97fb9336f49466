"""
The signals that end a program, while it ends already.
"""

import signal
import threading
from types import FrameType
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.signals import STOPS, replaceStops


class ReplaceStopsTests(SynchronousTestCase):
    """
    In the main thread, where somebody handles them.
    """

    def setUp(self) -> None:
        self.before: list[int] = []
        self.during: list[str] = []
        self.reactor = mock.Mock(callFromThread=lambda do: do())
        for number in STOPS:
            self.addCleanup(signal.signal, number, signal.signal(number, self.handle))

    def handle(self, number: int, frame: FrameType | None) -> None:
        """
        What was there before.
        """
        self.before.append(number)

    def replace(self) -> Any:
        """
        Have something else there.
        """
        return replaceStops(self.reactor, lambda: self.during.append("stop"))

    def test_forAWhile(self) -> None:
        """
        What was there is put back, once.
        """
        restore = self.replace()
        for number in STOPS:
            signal.raise_signal(number)
        self.assertEqual((self.before, self.during), ([], ["stop", "stop"]))
        restore()
        restore()
        for number in STOPS:
            signal.raise_signal(number)
        self.assertEqual((self.before, self.during), (list(STOPS), ["stop", "stop"]))

    def test_nobodys(self) -> None:
        """
        What the reactor doesn't handle ends the program as it would without us.
        """
        for handler in (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler):
            signal.signal(signal.SIGINT, handler)
            restore = self.replace()
            self.assertIs(signal.getsignal(signal.SIGINT), handler)
            restore()
            self.assertIs(signal.getsignal(signal.SIGINT), handler)

    def test_thread(self) -> None:
        """
        Where signals can't be had they are left alone.
        """
        thread = threading.Thread(target=lambda: self.replace()())
        thread.start()
        thread.join()
        self.assertEqual([signal.getsignal(number) for number in STOPS], [self.handle] * len(STOPS))
