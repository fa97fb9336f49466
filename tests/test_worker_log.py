"""
A worker's log, by way of its parent.
"""

import json
from io import StringIO
from typing import Any

from twisted.logger import LogEvent, Logger, LogLevel, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.logs import jsonLine
from wsfallback.worker_log import MAX_LINE, WorkerObserver, published

#: As if it were an event, of no time.
FORGED = b'{"level": "info", "text": "", "fields": {"log_time": "now"}}'


class LogTests(SynchronousTestCase):
    """
    From one process to the other.
    """

    def setUp(self) -> None:
        self.pipe = StringIO()
        self.log = Logger("ours", observer=WorkerObserver(self.pipe))

    def arrived(self) -> list[LogEvent]:
        """
        The events as the parent publishes them.
        """
        events: list[LogEvent] = []
        for line in self.pipe.getvalue().encode().split(b"\n")[:-1]:
            published(line, 3, events.append)
        return events

    def test_event(self) -> None:
        """
        Text, level, time and fields; those that JSON can't carry are in the text.
        """
        self.log.warn("{what} at {where}", what="trouble", where={1}, count=2)
        (event,) = self.arrived()
        self.assertTrue(eventAsText(event).endswith("[ours#warn] worker 3: trouble at {1}"))
        self.assertIs(event["log_level"], LogLevel.warn)
        fields = {name: each for name, each in event.items() if not name.startswith("log_")}
        self.assertEqual(fields, {"what": "trouble", "count": 2, "worker": 3})

    def test_failure(self) -> None:
        """
        With its traceback, and on one line of the pipe.
        """
        try:
            raise ZeroDivisionError("none")
        except ZeroDivisionError:
            self.log.failure("wrong")
        (event,) = self.arrived()
        text = eventAsText(event)
        self.assertIn("worker 3: wrong\nTraceback", text)
        self.assertIn("ZeroDivisionError: none", text)

    def test_longText(self) -> None:
        """
        Of more than a line its begin and its end arrive, as an event of its level.
        """
        self.log.error("{text}", text="begin" + "\U0001f600" * MAX_LINE + "end")
        self.assertLess(len(self.pipe.getvalue()), MAX_LINE)
        (event,) = self.arrived()
        self.assertIs(event["log_level"], LogLevel.error)
        self.assertTrue(event["log_text"].startswith("begin"))
        self.assertTrue(event["log_text"].endswith("end"))

    def test_longField(self) -> None:
        """
        Is left out.
        """
        self.log.error("short", much="x" * MAX_LINE)
        (event,) = self.arrived()
        self.assertEqual(event["log_text"], "short")
        self.assertNotIn("much", event)

    def test_timeless(self) -> None:
        """
        An event that somebody has published without a time has that of its arrival.
        """
        WorkerObserver(self.pipe)({"log_format": "hello", "log_level": LogLevel.warn})
        (event,) = self.arrived()
        self.assertEqual(event["log_text"], "hello")
        self.assertIn("warn", jsonLine(event))

    def test_bracesInText(self) -> None:
        """
        Are no fields.
        """
        self.log.info("{text}", text="{worker} {")
        self.assertIn("worker 3: {worker} {", eventAsText(self.arrived()[0]))

    def test_anythingElse(self) -> None:
        """
        What a program prints is logged as it is.
        """
        for line in (b"hello \xff", b"[1]", b'{"level": "loud"}', FORGED, b"17", b""):
            events: list[Any] = []
            published(line, 3, events.append)
            text = line.decode(errors="backslashreplace")
            self.assertTrue(eventAsText(events[0]).endswith(f"#info] worker 3: {text}"))
            # It can be written in either form.
            self.assertEqual(json.loads(jsonLine(events[0]))["text"], f"worker 3: {text}")

    def test_parentHasGone(self) -> None:
        """
        Is no reason to fail while we end.
        """

        class Broken(StringIO):
            def write(self, text: str) -> int:
                raise BrokenPipeError

        Logger("ours", observer=WorkerObserver(Broken())).info("hello")
