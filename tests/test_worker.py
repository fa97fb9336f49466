"""
The process of a worker, without one.
"""

import errno
from unittest import mock

from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.worker import Ending, WorkerOptions, closeOnExec, main


class WorkerTests(SynchronousTestCase):
    """
    How it ends.
    """

    def setUp(self) -> None:
        self.reactor = mock.Mock()
        self.service = mock.Mock(running=True)
        self.ending = Ending(self.reactor, self.service)

    def test_told(self) -> None:
        """
        Once in order, and once more at once.
        """
        self.ending.told("stop")
        self.reactor.stop.assert_called_once_with()
        self.service.hurry.assert_not_called()
        self.ending.told("hurry")
        self.service.hurry.assert_called_once_with()

    def test_several(self) -> None:
        """
        A signal may say the same.
        """
        self.reactor.stop.side_effect = ReactorNotRunning
        self.ending.stop()
        self.ending.told("stop")
        self.assertEqual(self.reactor.stop.call_count, 2)

    def test_gone(self) -> None:
        """
        Without a parent it ends; if it hasn't already.
        """
        with mock.patch("wsfallback.worker._log") as log:
            self.ending.gone()
            self.service.running = False
            self.ending.gone()
        self.reactor.stop.assert_called_once_with()
        self.assertEqual(log.error.call_count, 1)

    def test_options(self) -> None:
        """
        Those of the parent, whose sockets it has.
        """
        options = WorkerOptions()
        options.parseOptions(["--workers", "4", "--listen", "systemd:domain=INET:index=0"])
        self.assertEqual(options["listen"], ["tcp:0"])

    def test_admin(self) -> None:
        """
        What the parent alone opens is not looked for here, where a socket of systemd's is not.
        """
        options = WorkerOptions()
        options.parseOptions(["--workers", "4", "--admin", "systemd:domain=INET:name=admin"])
        self.assertEqual(options["workers"], 4)

    def test_inheritance(self) -> None:
        """
        Nothing of the parent's is a handler's children's: all descriptors from its link on.
        """
        ends = [None, None, None, OSError(errno.EBADF, "closed")]
        with mock.patch("os.set_inheritable", side_effect=ends) as setting:
            closeOnExec()
        self.assertEqual(
            [call.args for call in setting.call_args_list],
            [(number, False) for number in (3, 4, 5, 6)],
        )

    def test_byHand(self) -> None:
        """
        It says what to start instead.
        """
        error = self.assertRaises(SystemExit, main, [])
        self.assertIn("twistd wsfallback --workers N", str(error))
