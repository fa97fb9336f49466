"""
A log that spares its readers.
"""

from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from wsfallback.sparing import MAX_EVENTS, MAX_KINDS, WINDOW, Sparing


class SparingTests(SynchronousTestCase):
    """
    One kind of event is one text of one logger.
    """

    def setUp(self) -> None:
        self.events: list[LogEvent] = []
        self.now = 1000.0
        self.observer = Sparing(self.events.append)

    def log(
        self, text: str, times: int = 1, namespace: str = "twisted.a", level: Any = LogLevel.info
    ) -> None:
        """
        Something happens so many times at once.
        """
        for _ in range(times):
            self.observer(
                {
                    "log_time": self.now,
                    "log_level": level,
                    "log_namespace": namespace,
                    "log_format": text,
                }
            )

    def heard(self) -> list[str]:
        """
        Since this was asked before.
        """
        events, self.events[:] = [formatEvent(event) for event in self.events], []
        return events

    def test_interface(self) -> None:
        verifyObject(ILogObserver, self.observer)

    def test_bound(self) -> None:
        """
        Of each kind so many come through; the rest is told when the time is over.
        """
        self.log("one", MAX_EVENTS + 5)
        self.log("two")
        self.log("one", namespace="wsfallback.b")
        self.assertEqual(self.heard(), ["one"] * MAX_EVENTS + ["two", "one"])
        self.now += WINDOW - 1
        self.log("one")
        self.assertEqual(self.heard(), [])
        self.now += 1
        self.log("one")
        self.assertEqual(self.heard(), ["6 more in 60 s: one", "one"])
        self.now += WINDOW
        self.log("one")
        self.assertEqual(self.heard(), ["one"])

    def test_others(self) -> None:
        """
        What has a bound of its own has no other, unless something is wrong.
        """
        for namespace in ("wsfallback.journal", "wsfallback.quota", "wsfallback.worker_log"):
            self.log("fine", MAX_EVENTS + 5, namespace)
            self.assertEqual(len(self.heard()), MAX_EVENTS + 5)
            self.log("wrong", MAX_EVENTS + 5, namespace, LogLevel.critical)
            self.assertEqual(len(self.heard()), MAX_EVENTS)

    def test_theirs(self) -> None:
        """
        What an application says is its own.
        """
        for namespace in ("app", "log_legacy", "stdout", "twistedly"):
            self.log("one", MAX_EVENTS + 5, namespace, LogLevel.critical)
            self.assertEqual(len(self.heard()), MAX_EVENTS + 5)

    def test_kinds(self) -> None:
        """
        There are not too many.
        """
        for number in range(MAX_KINDS + MAX_EVENTS + 5):
            self.log(f"text {number}")
        self.assertEqual(len(self.heard()), MAX_KINDS + MAX_EVENTS)
        self.log("text 0")
        self.assertEqual(self.heard(), ["text 0"])
        self.now += WINDOW
        self.log("one")
        self.assertEqual(self.heard(), ["5 more in 60 s: others", "one"])

    def test_clockSetBack(self) -> None:
        """
        Is the end of the time.
        """
        self.log("one", MAX_EVENTS + 5)
        self.heard()
        self.now -= 500
        self.log("one")
        self.assertEqual(self.heard(), ["5 more in 60 s: one", "one"])

    def test_nameless(self) -> None:
        """
        An event that has little to it is one as well.
        """
        self.observer({"log_time": self.now})
        self.assertEqual(len(self.events), 1)
