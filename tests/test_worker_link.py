"""
What a worker and its parent say to each other.
"""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.worker_link import MAX_LINE, Lines, NoAnswer, ParentLink, WorkerLink


class LinesTests(SynchronousTestCase):
    """
    Bytes in, lines out.
    """

    def test_pieces(self) -> None:
        """
        However they are cut.
        """
        for size in (1, 2, 3, 100):
            lines, data = Lines(), b"one\n\ntwo\nthr"
            found = [
                line
                for at in range(0, len(data), size)
                for line in lines.feed(data[at : at + size])
            ]
            self.assertEqual(found, [b"one", b"", b"two"])
            self.assertEqual(lines.rest(), b"thr")
            self.assertEqual(lines.rest(), b"")

    def test_bound(self) -> None:
        """
        A line that is too long comes in pieces, and isn't kept.
        """
        lines = Lines(4)
        self.assertEqual(list(lines.feed(b"123456789")), [b"1234", b"5678"])
        self.assertEqual(list(lines.feed(b"ab\n12345\n1234\n")), [b"9ab", b"1234", b"5", b"1234"])
        self.assertEqual(lines.rest(), b"")


class LinkTests(SynchronousTestCase):
    """
    Both ends, with nothing between them but a list.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.seen: list[str] = []
        self.down: list[bytes] = []
        self.up: list[bytes] = []
        self.answers: dict[str, Any] = {"pid": 42}
        self.parent = ParentLink(
            self.clock,
            lambda command: self.answers[command],
            self.down.append,
            lambda: self.seen.append("ready"),
        )
        self.worker = WorkerLink(
            self.clock,
            lambda command: self.answers[command],
            self.seen.append,
            lambda: self.seen.append("gone"),
        )
        link = self

        class Transport:
            def write(self, data: bytes) -> None:
                link.up.append(data)

        self.worker.makeConnection(Transport())  # type: ignore[arg-type]

    def flow(self) -> None:
        """
        All that was said arrives.
        """
        while self.down or self.up:
            while self.down:
                self.worker.dataReceived(self.down.pop(0))
            while self.up:
                self.parent.dataReceived(self.up.pop(0))

    def test_ready(self) -> None:
        """
        The worker serves.
        """
        self.assertFalse(self.parent.isReady)
        self.worker.ready()
        self.flow()
        self.assertTrue(self.parent.isReady)
        self.assertEqual(self.seen, ["ready"])

    def test_tell(self) -> None:
        """
        Words, in order.
        """
        self.parent.tell("stop")
        self.parent.tell("hurry")
        self.flow()
        self.assertEqual(self.seen, ["stop", "hurry"])

    def test_ask(self) -> None:
        """
        Answers come to whoever asked, now or later.
        """
        later: Deferred[Any] = Deferred()
        self.answers["later"] = later
        first, second = self.parent.ask("later"), self.parent.ask("pid")
        self.flow()
        self.assertEqual(self.successResultOf(second), 42)
        self.assertNoResult(first)
        later.callback({"a": [1, None]})
        self.flow()
        self.assertEqual(self.successResultOf(first), {"a": [1, None]})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_askBack(self) -> None:
        """
        The worker may ask as well, also while it is asked.
        """
        self.answers["both"] = self.worker.ask("pid")
        asked = self.parent.ask("both")
        self.flow()
        self.assertEqual(self.successResultOf(asked), 42)

    def test_parentGone(self) -> None:
        """
        A worker without a parent has no answers.
        """
        asked = self.worker.ask("pid")
        self.worker.connectionLost()
        self.failureResultOf(asked, NoAnswer)
        self.assertEqual(self.seen, ["gone"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_noAnswer(self) -> None:
        """
        The parent hears why; the worker logs it.
        """
        self.answers["odd"] = {1j}
        self.answers["long"] = "." * MAX_LINE
        for command, error in (("none", KeyError), ("odd", TypeError), ("long", ValueError)):
            asked = self.parent.ask(command)
            self.flow()
            self.failureResultOf(asked, NoAnswer)
            self.assertEqual(len(self.flushLoggedErrors(error)), 1)

    def test_late(self) -> None:
        """
        After the deadline there is no answer, and one that comes then is nobody's.
        """
        asked = self.parent.ask("pid", 3)
        self.clock.advance(2.9)
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        self.assertIn("longer than 3 s", str(self.failureResultOf(asked, NoAnswer).value))
        self.flow()
        self.assertEqual(self.successResultOf(self._asked()), 42)

    def _asked(self) -> Deferred[Any]:
        asked = self.parent.ask("pid")
        self.flow()
        return asked

    def test_silent(self) -> None:
        """
        One that hangs is asked once, and again when it has answered: nothing piles up for it.
        """
        first = self.parent.ask("pid", 3.0)
        self.clock.advance(3)
        self.failureResultOf(first, NoAnswer)
        for _ in range(1000):
            self.failureResultOf(self.parent.ask("pid"), NoAnswer)
        self.assertEqual(len(self.down), 1)
        self.flow()
        again = self.parent.ask("pid")
        self.flow()
        self.assertEqual(self.successResultOf(again), 42)

    def test_nobodyWaits(self) -> None:
        """
        Who doesn't wait for an answer says nothing against the other side.
        """
        first = self.parent.ask("pid")
        first.cancel()
        self.failureResultOf(first, NoAnswer)
        second = self.parent.ask("pid")
        self.flow()
        self.assertEqual(self.successResultOf(second), 42)

    def test_gone(self) -> None:
        """
        Whoever waits is told.
        """
        asked = self.parent.ask("pid")
        self.parent.lost()
        self.failureResultOf(asked, NoAnswer)
        self.assertFalse(self.parent.isReady)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.worker.connectionLost()
        self.assertEqual(self.seen, ["gone"])

    def test_nonsense(self) -> None:
        """
        What no worker says is an error.
        """
        self.assertRaises(ValueError, self.parent.dataReceived, b"hello\n")

    def test_wire(self) -> None:
        """
        As the module describes it.
        """
        self.parent.ask("pid")
        self.assertEqual(json.loads(self.down[0]), {"ask": 1, "command": "pid"})
        self.flow()
