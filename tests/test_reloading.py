"""
What SIGHUP does.
"""

import signal
from unittest import mock

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from wsfallback.reloading import IReloadable, ReloadingService


@implementer(IReloadable)
class Files:
    """
    Counts how often they were read.
    """

    count = 0

    def reload(self) -> None:
        """
        Once more.
        """
        self.count += 1


class ReloadingServiceTests(SynchronousTestCase):
    """
    The service.
    """

    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        self.files = [Files(), Files()]
        verifyObject(IReloadable, self.files[0])
        self.reactor = mock.Mock(callFromThread=lambda do: do())
        self.service = ReloadingService(self.reactor, self.files)

    def counts(self) -> list[int]:
        """
        Of each.
        """
        return [each.count for each in self.files]

    def test_signal(self) -> None:
        """
        From the start on, and after the stop, too: the process is not over yet.
        """
        self.service.startService()
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(self.counts(), [1, 1])
        self.service.stopService()
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(self.counts(), [2, 2])

    def test_notBefore(self) -> None:
        """
        A service that was not started takes no signal, and can be called.
        """
        before = signal.getsignal(signal.SIGHUP)
        self.service.reload()
        self.assertEqual(self.counts(), [1, 1])
        self.assertIs(signal.getsignal(signal.SIGHUP), before)

    def test_nothing(self) -> None:
        """
        A supervisor's reload of a server that has no such files hurts nobody.
        """
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with mock.patch("os.isatty", return_value=False):
            ReloadingService(self.reactor, []).startService()
        with capturedLogs() as events:
            signal.raise_signal(signal.SIGHUP)
        self.assertEqual([*map(formatEvent, events)], ["There is nothing to read again"])

    def test_terminal(self) -> None:
        """
        With its terminal such a server ends; one that has files to read does not.
        """
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with mock.patch("os.isatty", return_value=True) as isatty:
            ReloadingService(self.reactor, []).startService()
            self.assertIs(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)
            isatty.assert_called_with(0)
            self.service.startService()
        self.assertIsNot(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)

    def test_somebodyElses(self) -> None:
        """
        A signal that does something else already is left, where there is nothing to read.
        """
        for before in (signal.SIG_IGN, lambda number, frame: None):
            signal.signal(signal.SIGHUP, before)
            with mock.patch("os.isatty", return_value=False):
                ReloadingService(self.reactor, []).startService()
            self.assertIs(signal.getsignal(signal.SIGHUP), before)

    def test_failure(self) -> None:
        """
        One that fails is logged, and the others are read.
        """
        error = ValueError("broken")
        with mock.patch.object(self.files[0], "reload", side_effect=error):
            self.service.reload()
        self.assertEqual(self.counts(), [0, 1])
        self.assertEqual([each.value for each in self.flushLoggedErrors(ValueError)], [error])
