"""
One wait at a time.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.deadline import Deadline


class DeadlineTests(SynchronousTestCase):
    """
    `Deadline` on a clock.
    """

    def setUp(self) -> None:
        """
        Nothing is late yet.
        """
        self.clock = Clock()
        self.deadline = Deadline(self.clock)
        self.late: list[str] = []

    def wait(self, seconds: float, name: str = "first") -> None:
        """
        Set the deadline; note by this name that it was missed.
        """
        self.deadline.set(seconds, lambda: self.late.append(name))

    def test_late(self) -> None:
        """
        Called at the time, not before, and once.
        """
        self.wait(2)
        self.clock.advance(1.5)
        self.assertEqual(self.late, [])
        self.clock.advance(0.5)
        self.assertEqual(self.late, ["first"])
        self.clock.advance(10)
        self.assertEqual(self.late, ["first"])

    def test_setReplaces(self) -> None:
        """
        A new wait takes the place of the last, which is never late.
        """
        self.wait(2)
        self.wait(5, "second")
        self.clock.advance(4)
        self.assertEqual(self.late, [])
        self.clock.advance(1)
        self.assertEqual(self.late, ["second"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lateIsReplaced(self) -> None:
        """
        Who is told may change while the wait goes on; the time does not.
        """
        self.wait(2)
        self.clock.advance(1)
        self.deadline.late = lambda: self.late.append("other")
        self.clock.advance(1)
        self.assertEqual(self.late, ["other"])

    def test_restart(self) -> None:
        """
        The same wait again from now.
        """
        self.wait(2)
        self.clock.advance(1)
        self.deadline.restart()
        self.clock.advance(1.5)
        self.assertEqual(self.late, [])
        self.clock.advance(0.5)
        self.assertEqual(self.late, ["first"])

    def test_restartOfNothing(self) -> None:
        """
        Without a wait there is nothing to restart: before, after, and when it is cancelled.
        """
        self.deadline.restart()
        self.wait(2)
        self.clock.advance(2)
        self.deadline.restart()
        self.wait(2, "second")
        self.deadline.cancel()
        self.deadline.restart()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.late, ["first"])

    def test_cancel(self) -> None:
        """
        Nothing is waited for any more; to cancel again does nothing.
        """
        self.wait(2)
        self.deadline.cancel()
        self.deadline.cancel()
        self.clock.advance(3)
        self.assertEqual(self.late, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_setWhenLate(self) -> None:
        """
        Who is told may set the next wait.
        """
        self.deadline.set(1, lambda: self.wait(1, "next"))
        self.clock.advance(1)
        self.assertEqual(self.late, [])
        self.clock.advance(1)
        self.assertEqual(self.late, ["next"])

    def test_cancelWhenLate(self) -> None:
        """
        Who is told may cancel.
        """
        self.deadline.set(1, self.deadline.cancel)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_keepsNobody(self) -> None:
        """
        After its end or a cancel the deadline refers to nobody: connections are freed at once.
        """
        for end in (lambda: self.clock.advance(1), self.deadline.cancel):
            self.wait(1)
            before = self.deadline.late
            end()
            self.assertIsNot(self.deadline.late, before)
            self.deadline.late()
        self.assertEqual(self.late, ["first"])
