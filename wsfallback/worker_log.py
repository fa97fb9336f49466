"""
The log of a worker, which its parent writes: an event is a line of JSON.
"""

import json
from collections.abc import Callable
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText
from zope.interface import implementer

#: Bytes of a line; a longer one is written in pieces, as if it were none of ours.
MAX_LINE = 1 << 16

#: What of Twisted's own keys the parent gets; of all others those that don't begin like these.
_KEPT = {"log_namespace", "log_time", "log_system"}


@implementer(ILogObserver)
class WorkerObserver:
    """
    Writes events for the parent.
    """

    def __init__(self, output: TextIO) -> None:
        """
        :param output: the pipe to the parent.
        """
        self._output = output

    def __call__(self, event: LogEvent) -> None:
        """
        Write.
        """
        # The text with its traceback: a failure's exception doesn't survive JSON.
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        level: Any = event.get("log_level", LogLevel.info)
        fields = {
            name: value if isinstance(value, str | int | float | None) else str(value)
            for name, value in event.items()
            if name in _KEPT or not (name.startswith("log_") or name in ("failure", "message"))
        }
        try:
            self._output.write(json.dumps({"level": level.name, "text": text, "fields": fields}))
            self._output.write("\n")
            self._output.flush()
        except OSError:
            # The parent has gone, and so shall we.
            pass


def published(line: bytes, worker: int, publish: Callable[[LogEvent], object]) -> None:
    """
    Log a line of a worker's output.

    :param line: an event of `WorkerObserver`, or whatever else a program prints.
    :param worker: its number.
    :param publish: takes the event: ``twisted.logger.globalLogPublisher``.
    """
    try:
        said = json.loads(line)
        event = dict(said["fields"])
        text = str(said["text"])
        level = LogLevel.levelWithName(said["level"])
    except Exception:  # it may be anything
        text = line.decode(errors="backslashreplace")
        event, level = {"log_namespace": __name__}, LogLevel.info
    event |= {
        "worker": worker,
        "log_level": level,
        "log_text": text,
        "log_format": "worker {worker}: {log_text}",
    }
    publish(event)
