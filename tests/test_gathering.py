"""
What several workers have counted.
"""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.counted import BEGIN, Counted
from wsfallback.gathering import COMMAND, Gathered
from wsfallback.snapshot import NAMES, Snapshot


class GatheredTests(SynchronousTestCase):
    """
    Workers by their process ids, which come and go.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(BEGIN)
        self.workers: dict[int, Counted] = {}
        self.deaf: set[int] = set()
        self.gathered = Gathered(self.clock, self.ask, self.workers.keys)

    def ask(self, command: str) -> Deferred[list[Any]]:
        self.assertEqual(command, COMMAND)
        return succeed(
            [
                {"pid": pid, "snapshot": worker.statistics.snapshot()}
                for pid, worker in self.workers.items()
                if pid not in self.deaf
            ]
        )

    def snapshot(self) -> Snapshot:
        return self.successResultOf(self.gathered.snapshot())

    def test_nobody(self) -> None:
        """
        Before the first worker serves there is nothing.
        """
        snapshot = self.snapshot()
        self.assertEqual({row["opened"] for row in snapshot["drafts"].values()}, {0})
        self.assertEqual((snapshot["start"], snapshot["time"]), (BEGIN, BEGIN))

    def test_sum(self) -> None:
        """
        They add up.
        """
        self.workers |= {1: Counted(), 2: Counted()}
        for worker in self.workers.values():
            for name in NAMES:
                worker.open(name)
        self.workers[1].open("hixie-76").ends()
        snapshot = self.snapshot()
        row = snapshot["drafts"]["hixie-76"]
        self.assertEqual((row["open"], row["opened"]), (2, 3))
        self.assertEqual(snapshot["history"]["open"]["hixie-75"][-1], 2)

    def test_ended(self) -> None:
        """
        Of a worker that has died what it had counted stays, but nothing of it is open.
        """
        self.workers[1] = Counted()
        self.workers[1].open("hixie-75", "Chrome 4").ends()
        self.workers[1].open("hixie-75")
        self.snapshot()
        del self.workers[1]
        self.workers[2] = Counted()
        self.workers[2].open("hixie-75")
        for _ in range(2):
            snapshot = self.snapshot()
            row = snapshot["drafts"]["hixie-75"]
            self.assertEqual((row["open"], row["opened"], row["lastSeen"]), (1, 3, BEGIN))
            self.assertEqual(sum(row["durations"]["counts"]), 1)
            self.assertEqual(snapshot["history"]["open"]["hixie-75"][-1], 1)

    def test_endedMeanwhile(self) -> None:
        """
        Who ends while several questions wait for somebody else is counted once.
        """
        self.workers[1] = Counted()
        self.workers[1].open("hixie-75").ends()
        answers = self.successResultOf(self.ask(COMMAND))
        waiting: list[Deferred[list[Any]]] = [Deferred(), Deferred()]
        asked = iter(waiting)
        gathered = Gathered(self.clock, lambda command: next(asked), self.workers.keys)
        first, second = gathered.snapshot(), gathered.snapshot()
        del self.workers[1]
        for each in waiting:
            each.callback(answers)
        for found in (first, second):
            row = self.successResultOf(found)["drafts"]["hixie-75"]
            self.assertEqual((row["open"], row["opened"]), (0, 1))

    def test_deaf(self) -> None:
        """
        One that doesn't answer has what it had.
        """
        self.workers[1] = Counted()
        self.workers[1].open("rfc6455")
        self.snapshot()
        self.deaf.add(1)
        self.assertEqual(self.snapshot()["drafts"]["rfc6455"]["open"], 1)

    def test_time(self) -> None:
        """
        Is that of the asking.
        """
        self.workers[1] = Counted()
        self.clock.advance(10)
        self.assertEqual(self.snapshot()["time"], BEGIN + 10)
