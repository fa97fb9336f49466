"""
What survives a restart.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.counted import BEGIN, HOSTILE, Counted
from wsfallback.kept import INTERVAL, StatisticsFile
from wsfallback.record import MAX_TEXT
from wsfallback.snapshot import MAX_SEEN


class FileCase(SynchronousTestCase):
    """
    Has a path where there is no file yet.
    """

    def setUp(self) -> None:
        made = TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.path = Path(made.name) / "seen.json"
        self.counted = Counted()

    def started(self) -> StatisticsFile:
        """
        A service that runs.
        """
        service = StatisticsFile(
            self.counted.clock, str(self.path), self.counted.statistics.snapshot
        )
        service.startService()
        return service

    def restarted(self, service: StatisticsFile, seconds: float) -> StatisticsFile:
        """
        Another process, after these seconds.
        """
        service.stopService()
        self.assertEqual(self.counted.clock.getDelayedCalls(), [])
        now = self.counted.clock.seconds()
        self.counted = Counted()
        self.counted.clock.rightNow = now + seconds
        self.counted.statistics._start = now + seconds
        return self.started()


class KeptTests(FileCase):
    """
    From one process to the next.
    """

    def test_restart(self) -> None:
        """
        Who was seen last is known; counters begin anew.
        """
        service = self.started()
        self.counted.open("hixie-75", "Chrome 4", "http://kiosk.example").ends()
        self.counted.refuse(403, draft="hixie-75")
        service = self.restarted(service, 41 * 86400)
        self.counted.open("hixie-76", "Safari 5").ends()
        snapshot = self.successResultOf(service.snapshot())
        row = snapshot["drafts"]["hixie-75"]
        self.assertEqual((row["opened"], row["refusals"], row["lastSeen"]), (0, [], BEGIN))
        self.assertEqual(row["agents"], [{"text": "Chrome 4", "count": 1, "last": BEGIN}])
        self.assertEqual(
            row["origins"], [{"text": "http://kiosk.example", "count": 1, "last": BEGIN}]
        )
        self.assertEqual(snapshot["since"], BEGIN)
        self.assertEqual(snapshot["start"], BEGIN + 41 * 86400)
        self.assertEqual(snapshot["history"]["open"]["hixie-76"][-1], 1)
        # Once more, and nothing is counted twice.
        snapshot = self.successResultOf(self.restarted(service, 1).snapshot())
        self.assertEqual(snapshot["drafts"]["hixie-75"]["agents"][0]["count"], 1)
        self.assertEqual(snapshot["drafts"]["hixie-76"]["lastSeen"], BEGIN + 41 * 86400)

    def test_everyMinute(self) -> None:
        """
        A server that doesn't end in order loses no more than that.
        """
        service = self.started()
        self.assertFalse(self.path.exists())
        self.counted.open("hixie-75")
        self.counted.clock.advance(INTERVAL)
        kept = json.loads(self.path.read_text())
        self.assertEqual(kept["drafts"]["hixie-75"]["lastSeen"], BEGIN + INTERVAL)
        self.counted.clock.advance(INTERVAL)
        kept = json.loads(self.path.read_text())
        self.assertEqual(kept["drafts"]["hixie-75"]["lastSeen"], BEGIN + 2 * INTERVAL)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])
        service.stopService()

    def test_noSnapshot(self) -> None:
        """
        Where there is nothing to write now, there may be later.
        """
        present: list[Any] = []
        service = StatisticsFile(self.counted.clock, str(self.path), lambda: present[0])
        service.startService()
        self.counted.clock.advance(INTERVAL)
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)
        present.append(self.counted.statistics.snapshot())
        self.counted.clock.advance(INTERVAL)
        self.assertTrue(self.path.exists())
        service.stopService()

    def test_before(self) -> None:
        """
        Without a start there is what is counted.
        """
        service = StatisticsFile(
            self.counted.clock, str(self.path), self.counted.statistics.snapshot
        )
        self.assertEqual(
            self.successResultOf(service.snapshot()), self.counted.statistics.snapshot()
        )

    def test_hostile(self) -> None:
        """
        What clients have said goes through the file as it is.
        """
        service = self.started()
        for text in HOSTILE:
            self.counted.open("hixie-76", text, text).ends()
        before = self.successResultOf(service.snapshot())["drafts"]["hixie-76"]["agents"]
        after = self.successResultOf(self.restarted(service, 1).snapshot())
        self.assertEqual(after["drafts"]["hixie-76"]["agents"], before)


class BrokenTests(FileCase):
    """
    Files that are of no use.
    """

    def ignored(self) -> str:
        """
        The file is ignored, with the one line that is returned; and it is written anew.
        """
        with capturedLogs() as logs:
            service = self.started()
        (line,) = logs
        self.assertEqual(line["log_level"], LogLevel.warn)
        self.assertEqual(
            self.successResultOf(service.snapshot()), self.counted.statistics.snapshot()
        )
        service.stopService()
        json.loads(self.path.read_text())
        return str(line["error"])

    def test_broken(self) -> None:
        """
        Cut off, not JSON, not ours, not numbers.
        """
        seen = {"text": "x", "count": 1, "last": 1}
        row: dict[str, Any] = {"lastSeen": 1, "agents": [seen], "origins": []}
        for kept in (
            *([], {}, 5, None, "x", {"since": 1}, {"since": "x", "drafts": {}}),
            {"since": -1, "drafts": {}},
            {"since": float("nan"), "drafts": {}},
            {"since": 1, "drafts": {"hixie-75": None}},
            {"since": 1, "drafts": {"hixie-75": {**row, "lastSeen": "now"}}},
            {"since": 1, "drafts": {"hixie-75": {**row, "agents": 5}}},
            {"since": 1, "drafts": {"hixie-75": {**row, "agents": [5]}}},
            {"since": 1, "drafts": {"hixie-75": {**row, "origins": [{**seen, "count": None}]}}},
        ):
            self.path.write_text(json.dumps(kept))
            self.ignored()
        huge = b'{"since": 1' + b"0" * 400 + b', "drafts": {}}'
        for text in (huge, b"", b"{", b"\xff", b"[" * 100000, b'{"since": 1, "drafts": {}}\x00'):
            self.path.write_bytes(text)
            self.assertTrue(self.ignored().isprintable())

    def test_tooMuch(self) -> None:
        """
        Of a file that is not from here no more is read than could be ours.
        """
        seen = [{"text": f"{number}\n" + "x" * 1000, "count": 1, "last": 1} for number in range(99)]
        row = {"lastSeen": 1, "agents": seen, "origins": []}
        self.path.write_text(json.dumps({"since": 1, "drafts": {"hixie-75": row, "x": row}}))
        snapshot = self.successResultOf(self.started().snapshot())
        agents = snapshot["drafts"]["hixie-75"]["agents"]
        self.assertEqual(len(agents), MAX_SEEN)
        self.assertTrue(all(each["text"].isprintable() for each in agents))
        self.assertTrue(all(len(each["text"]) <= MAX_TEXT for each in agents))
        self.assertNotIn("x", snapshot["drafts"])
        self.path.write_text(" " * (1 << 20) + "{}")
        self.ignored()

    def test_cannotBeWritten(self) -> None:
        """
        Is a line in the log, each time; the server goes on.
        """
        self.path = self.path / "there" / "is" / "no" / "directory"
        service = self.started()
        with capturedLogs() as logs:
            self.counted.clock.advance(INTERVAL)
            self.counted.clock.advance(INTERVAL)
            service.stopService()
        self.assertEqual([each["log_level"] for each in logs], [LogLevel.warn] * 3)

    def test_nothingIsLeft(self) -> None:
        """
        Of what can't be put in the file's place, as on a full disk.
        """
        service = self.started()
        self.path.mkdir()
        with capturedLogs() as logs:
            self.counted.clock.advance(INTERVAL)
            service.stopService()
        self.assertEqual([each["log_level"] for each in logs], [LogLevel.warn] * 2)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])
