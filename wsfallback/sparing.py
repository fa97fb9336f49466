"""
`Sparing`: an observer of the log that gets no more of one kind of event than it can be read.
"""

from collections import Counter
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

#: Seconds for which events of one kind are counted together.
WINDOW = 60.0
#: So many of a kind are let through in that time.
MAX_EVENTS = 100
#: How many kinds are told apart in that time; all others are counted as one.
MAX_KINDS = 1000

#: Whose events are counted, and of them those that have a bound for each client, or are what an
#: application has printed.
_OURS = ("wsfallback.", "twisted.")
_BOUNDED = ("wsfallback.journal", "wsfallback.quota", "wsfallback.worker_log")
_OTHERS = ("", "others")


@implementer(ILogObserver)
class Sparing:
    """
    Stands before another observer.

    What a client can cause as often as it likes is not always a line with the client's name: the
    traceback of a handler, and what Twisted says of each connection that it can't accept. What an
    application logs by itself is its own.
    """

    def __init__(self, observer: ILogObserver) -> None:
        self._observer = observer
        self._counts: Counter[tuple[str, str]] = Counter()
        self._began = 0.0

    def __call__(self, event: LogEvent) -> None:
        """
        Pass on, or count; and what was counted is told with the first event after its time.
        """
        now = event["log_time"]
        # A clock may be set back.
        if not self._began <= now < self._began + WINDOW:
            self._sumUp(now)
        kind = self._kind(event)
        if kind is not None:
            self._counts[kind] += 1
            if self._counts[kind] > MAX_EVENTS:
                return
        self._observer(event)

    def _kind(self, event: LogEvent) -> tuple[str, str] | None:
        """
        :returns: `None` where there is no bound.
        """
        namespace = event.get("log_namespace") or ""
        isWrong = event.get("log_level") in (LogLevel.error, LogLevel.critical)
        if not namespace.startswith(_OURS) or (namespace in _BOUNDED and not isWrong):
            return None
        kind = namespace, str(event.get("log_format"))
        return kind if kind in self._counts or len(self._counts) < MAX_KINDS else _OTHERS

    def _sumUp(self, now: float) -> None:
        counts, self._counts, self._began = self._counts, Counter(), now
        for (namespace, text), count in counts.items():
            if count > MAX_EVENTS:
                more: dict[str, Any] = {
                    "log_time": now,
                    "log_level": LogLevel.info,
                    "log_namespace": namespace,
                    "log_format": "{count} more in {seconds:.0f} s: {what}",
                    "count": count - MAX_EVENTS,
                    "seconds": WINDOW,
                    "what": text,
                }
                self._observer(more)
