"""
Snapshots of several processes.
"""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.counted import BEGIN, Counted
from wsfallback.snapshot import (
    MAX_REASONS,
    MAX_SEEN,
    NAMES,
    OTHER_REASONS,
    latest,
    merge,
    noRow,
    nothing,
)
from wsfallback.stats import STEP, STEPS


class MergeTests(SynchronousTestCase):
    """
    Several servers as if they were one.
    """

    def setUp(self) -> None:
        self.one, self.two = Counted(), Counted()

    def test_alone(self) -> None:
        """
        One is as it was.
        """
        self.one.open(agent="a", origin="b").ends()
        self.one.refuse(404)
        snapshot = self.one.statistics.snapshot()
        self.assertEqual(merge([snapshot]), snapshot)

    def test_sums(self) -> None:
        """
        Counters are added up, the highest is kept, the last is the latest.
        """
        for counted, size in ((self.one, 10), (self.two, 20)):
            record = counted.open(agent="a", origin="b")
            record.traffic.messagesIn = record.traffic.bytesOut = record.traffic.queueHigh = size
            counted.clock.advance(size)
            record.closes(True, 1000 + size // 10, None)
            record.ends()
            counted.refuse(404, "No", "rfc6455")
            counted.refuse(400 + size, "No", "rfc6455")
        merged = merge([self.one.statistics.snapshot(), self.two.statistics.snapshot()])
        self.assertEqual(merged, json.loads(json.dumps(merged)))
        row = merged["drafts"]["rfc6455"]
        self.assertEqual((row["open"], row["opened"]), (0, 2))
        self.assertEqual((row["messagesIn"], row["bytesOut"], row["queueHigh"]), (30, 30, 20))
        self.assertEqual(row["lastSeen"], BEGIN + 20)
        self.assertEqual(row["closes"], {"1001": 1, "1002": 1})
        self.assertEqual(sum(row["durations"]["counts"]), 2)
        self.assertEqual(row["durations"]["sum"], 30)
        self.assertEqual(row["agents"], [{"text": "a", "count": 2, "last": BEGIN + 20}])
        self.assertEqual(row["origins"], [{"text": "b", "count": 2, "last": BEGIN + 20}])
        self.assertEqual(
            {each["status"]: each["count"] for each in row["refusals"]}, {404: 2, 410: 1, 420: 1}
        )
        self.assertEqual((merged["time"], merged["start"]), (BEGIN + 20, BEGIN))

    def test_reasons(self) -> None:
        """
        Of refusals are bounded, however many processes there have been.
        """
        merged = self.one.statistics.snapshot()
        for process in range(10):
            counted = Counted()
            for number in range(MAX_REASONS):
                counted.refuse(403, f"Process {process} says {number}", "rfc6455")
            merged = merge([merged, counted.statistics.snapshot()])
        refusals = {
            each["reason"]: each["count"] for each in merged["drafts"]["rfc6455"]["refusals"]
        }
        self.assertEqual(len(refusals), MAX_REASONS + 1)
        self.assertEqual(refusals[OTHER_REASONS], 9 * MAX_REASONS)

    def test_unchanged(self) -> None:
        """
        What is merged stays as it is.
        """
        self.one.open().ends()
        snapshot = self.one.statistics.snapshot()
        before = json.dumps(snapshot)
        merge([snapshot, snapshot])
        self.assertEqual(json.dumps(snapshot), before)

    def test_bounded(self) -> None:
        """
        Those that were seen last.
        """
        for number in range(MAX_SEEN):
            for name, counted in (("one", self.one), ("two", self.two)):
                counted.clock.advance(1)
                counted.open(agent=f"{name} {number}").ends()
        merged = merge([self.one.statistics.snapshot(), self.two.statistics.snapshot()])
        agents = merged["drafts"]["rfc6455"]["agents"]
        self.assertEqual(len(agents), MAX_SEEN)
        self.assertEqual({each["last"] for each in agents[:2]}, {BEGIN + MAX_SEEN})

    def test_history(self) -> None:
        """
        Interval by interval; in one that a process doesn't know yet it has as many as before.
        """
        self.one.open()
        self.two.open()
        self.two.open()
        behind = self.one.statistics.snapshot()
        self.two.clock.advance(2 * STEP)
        merged = merge([behind, self.two.statistics.snapshot()])
        values = merged["history"]["open"]["rfc6455"]
        self.assertEqual(len(values), STEPS)
        self.assertEqual(values[-4:], [0, 3, 3, 3])
        self.assertEqual(merged["history"]["end"], BEGIN + 3 * STEP)

    def test_farBehind(self) -> None:
        """
        Even a whole hour.
        """
        self.one.open()
        behind = self.one.statistics.snapshot()
        self.two.clock.advance(2 * STEPS * STEP)
        merged = merge([behind, self.two.statistics.snapshot()])
        self.assertEqual(merged["history"]["open"]["rfc6455"], [1] * STEPS)

    def test_nothing(self) -> None:
        """
        What was known before is added to what is counted now.
        """
        past = nothing(BEGIN + 1, 1000)
        past["drafts"]["hixie-75"] = {**noRow(), "lastSeen": 2000}
        merged = merge([self.one.statistics.snapshot(), past])
        self.assertEqual((merged["start"], merged["since"]), (BEGIN, 1000))
        self.assertEqual(merged["drafts"]["hixie-75"]["lastSeen"], 2000)
        self.assertTrue(merged["drafts"]["hixie-75"]["durations"]["bounds"])
        self.assertEqual(merged["history"], self.one.statistics.snapshot()["history"])
        alone = merge([past, past])
        self.assertEqual(alone["history"], past["history"])
        self.assertEqual(alone["drafts"]["hixie-75"]["durations"], noRow()["durations"])

    def test_names(self) -> None:
        """
        The drafts of the table, in its order.
        """
        self.assertEqual(NAMES[0], "hixie-75")
        self.assertEqual(latest([]), [])
