"""
A worker's log, by way of its parent.
"""

from io import StringIO
from typing import Any

from twisted.logger import LogEvent, Logger, LogLevel, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.worker_log import WorkerObserver, published


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
        Text, level, time and fields; what JSON can't carry as text.
        """
        self.log.warn("{what} at {where}", what="trouble", where={1}, count=2)
        (event,) = self.arrived()
        self.assertTrue(eventAsText(event).endswith("[ours#warn] worker 3: trouble at {1}"))
        self.assertIs(event["log_level"], LogLevel.warn)
        fields = {name: event[name] for name in ("what", "where", "count", "worker")}
        self.assertEqual(fields, {"what": "trouble", "where": "{1}", "count": 2, "worker": 3})

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
        for line in (b"hello \xff", b"[1]", b'{"level": "loud"}', b"17", b""):
            events: list[Any] = []
            published(line, 3, events.append)
            text = line.decode(errors="backslashreplace")
            self.assertTrue(eventAsText(events[0]).endswith(f"#info] worker 3: {text}"))

    def test_parentHasGone(self) -> None:
        """
        Is no reason to fail while we end.
        """

        class Broken(StringIO):
            def write(self, text: str) -> int:
                raise BrokenPipeError

        Logger("ours", observer=WorkerObserver(Broken())).info("hello")
