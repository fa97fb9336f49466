"""
How the command logs.
"""

import io
import json
import signal
import sys
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.application.service import Application
from twisted.logger import ILogObserver, LogEvent, Logger, capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.test_tap import DirectoryCase
from wsfallback.logs import LoggingService, jsonLine, textLine

_log = Logger(namespace="tests")


def event(text: str, /, **fields: Any) -> LogEvent:
    """
    What an observer gets of something that is logged; trial's can't encode all of it.
    """
    events: list[LogEvent] = []
    Logger(namespace="tests", observer=events.append).info(text, **fields)
    return events[0]


class TextTests(SynchronousTestCase):
    """
    Lines as twistd's.
    """

    def test_ordinary(self) -> None:
        """
        With what can be printed, in any language.
        """
        line = textLine(event("{a} grüßt\n{b}", a="你好", b=1))
        assert line is not None
        self.assertTrue(line.endswith(" [tests#info] 你好 grüßt\n\t1\n"), line)
        self.assertIsNone(textLine(event("")))

    def test_escaped(self) -> None:
        """
        What a terminal would obey is spelled out.
        """
        line = textLine(event("{a}", a="\x1b[31m\x9b\x00\r\u202e\ud800é"))
        assert line is not None
        self.assertTrue(
            line.endswith("\\x1b[31m\\x9b\\x00\\r\\u202e\\ud800é\n"), line.encode("unicode_escape")
        )

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """
        Whatever is logged, a new line of it is indented.
        """
        line = textLine(event("{text}", text=text))
        if line is not None:
            self.assertTrue(all(each.isprintable() or each in "\n\t" for each in line))
            self.assertTrue(all(each.startswith("\t") for each in line[:-1].split("\n")[1:]))
            line.encode()


class JSONTests(SynchronousTestCase):
    """
    One line, and all that the event has.
    """

    def test_fields(self) -> None:
        """
        Its own beside the time, the level, the logger and the text; what is no plain value is in
        the text alone.
        """
        line = jsonLine(event("{a} {b}", a=1, b=["x"], c=None, d=2.5, text="not this"))
        self.assertEqual((line.count("\n"), line[-1]), (1, "\n"))
        found = json.loads(line)
        self.assertRegex(found.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$")
        self.assertEqual(
            found,
            {"level": "info", "logger": "tests", "text": "1 ['x']", "a": 1, "c": None, "d": 2.5},
        )

    def test_failure(self) -> None:
        """
        With its traceback, escaped like all.
        """
        with capturedLogs() as events:
            _log.failure("it failed", Failure(ValueError("\x1b[31m")))
        self.flushLoggedErrors(ValueError)
        line = jsonLine(events[0])
        self.assertTrue(line.isascii())
        self.assertTrue(line[:-1].isprintable())
        self.assertIn("ValueError: \x1b[31m", json.loads(line)["traceback"])

    @given(st.text(), st.text())
    def test_anything(self, text: str, value: str) -> None:
        """
        It is a line of JSON.
        """
        line = jsonLine(event("{text}", text="", value=value, other=text))
        self.assertTrue(line[:-1].isprintable() and line.isascii())
        found = json.loads(line)
        self.assertEqual((found["value"], found["other"]), (value, text))


class ServiceTests(DirectoryCase):
    """
    Where it goes.
    """

    def observer(self, logFormat: str = "json", **options: Any) -> Any:
        """
        The observer that twistd would find, given these options of its own.
        """
        application: Any = Application("test")  # type: ignore[no-untyped-call]
        LoggingService(logFormat, options).setServiceParent(application)
        return application.getComponent(ILogObserver, None)

    def test_stdout(self) -> None:
        """
        In the foreground.
        """
        for options in ({"nodaemon": True}, {"nodaemon": True, "logfile": "-"}):
            with mock.patch.object(sys, "stdout", io.StringIO()) as out:
                observer = self.observer(**options)
            observer(event("hello"))
            self.assertEqual(json.loads(out.getvalue())["text"], "hello")

    def test_encoding(self) -> None:
        """
        Of what stdout can't encode no line is lost.
        """
        raw = io.BytesIO()
        with mock.patch.object(sys, "stdout", io.TextIOWrapper(raw, "ascii", write_through=True)):
            self.observer("text", nodaemon=True)(event("caf\xe9 \u20ac"))
            self.assertTrue(raw.getvalue().endswith(b"caf\\xe9 \\u20ac\n"))

    def test_file(self) -> None:
        """
        A file gets the lines, and SIGUSR1 rotates it.
        """
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.SIG_DFL)
        path = self.directory() / "ours.log"
        observer = self.observer("text", logfile=str(path))
        observer(event("hello"))
        observer(event("again"))
        self.assertRegex(path.read_text("utf-8"), r"hello\n.*again\n$")
        self.assertTrue(callable(signal.getsignal(signal.SIGUSR1)))

    def test_noFile(self) -> None:
        """
        Nobody serves without a log because there can't be one.
        """
        path = str(self.directory() / "none" / "ours.log")
        error = self.assertRaises(SystemExit, self.observer, logfile=path)
        self.assertEqual(str(error), f"wsfallback: --logfile {path}: No such file or directory")

    def test_othersSignal(self) -> None:
        """
        SIGUSR1 is left to who has it.
        """
        signal.signal(signal.SIGUSR1, others := lambda *_: None)
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.SIG_DFL)
        self.observer(logfile=str(self.directory() / "ours.log"))(event("hello"))
        self.assertIs(signal.getsignal(signal.SIGUSR1), others)

    def test_daemon(self) -> None:
        """
        Has no stdout.
        """
        error = self.assertRaises(SystemExit, self.observer, logfile="-")
        self.assertIn("a daemon can't log to stdout", str(error))

    def test_others(self) -> None:
        """
        Syslog is twistd's own, and ``--logger`` goes before; no file is made then.
        """
        path = self.directory() / "ours.log"
        self.assertIsNone(self.observer(syslog=True, logfile=str(path)))
        self.assertIsNone(self.observer(logger=lambda: None, logfile=str(path)))
        self.assertFalse(path.exists())
