"""
What SIGHUP does.
"""

import signal
from unittest import mock

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
        reactor = mock.Mock(callFromThread=lambda do: do())
        self.service = ReloadingService(reactor, self.files)

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

    def test_failure(self) -> None:
        """
        One that fails is logged, and the others are read.
        """
        error = ValueError("broken")
        with mock.patch.object(self.files[0], "reload", side_effect=error):
            self.service.reload()
        self.assertEqual(self.counts(), [0, 1])
        self.assertEqual([each.value for each in self.flushLoggedErrors(ValueError)], [error])
