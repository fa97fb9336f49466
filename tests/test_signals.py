"""
What signals do: those that end a program, while it ends already; and SIGHUP.
"""

import signal
import threading
from types import FrameType
from typing import Any
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.signals import STOPS, onHangup, replaceStops


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


class OnHangupTests(SynchronousTestCase):
    """
    SIGHUP.
    """

    def setUp(self) -> None:
        self.calls: list[object] = []
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))

    def test_eachTime(self) -> None:
        """
        The reactor does it, each time.
        """
        onHangup(mock.Mock(callFromThread=self.calls.append), self.test_eachTime)
        for _ in range(2):
            signal.raise_signal(signal.SIGHUP)
        self.assertEqual(self.calls, [self.test_eachTime] * 2)

    def test_thread(self) -> None:
        """
        Where signals can't be had they are left alone.
        """
        before = signal.getsignal(signal.SIGHUP)
        thread = threading.Thread(target=onHangup, args=(mock.Mock(), self.test_thread))
        thread.start()
        thread.join()
        self.assertIs(signal.getsignal(signal.SIGHUP), before)
