"""
The log of a worker, which its parent writes: an event is a line of JSON.
"""

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText
from zope.interface import implementer

#: Bytes of a line; what a program prints itself comes in pieces of that when it is longer.
MAX_LINE = 1 << 20

#: Characters of a text that are kept at its begin and at its end, where a line would be too long:
#: JSON has 12 bytes for the longest.
_CLIPPED = MAX_LINE // 32

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
            name: value
            for name, value in event.items()
            if (name in _KEPT or not (name.startswith("log_") or name in ("failure", "message")))
            # As in a log of JSON without workers.
            and (value is None or isinstance(value, str | int | float))
        }
        line = json.dumps({"level": level.name, "text": text, "fields": fields})
        if len(line) >= MAX_LINE:
            if len(text) > 2 * _CLIPPED:
                # The end of a traceback says what, its begin where.
                text = f"{text[:_CLIPPED]}\n[...]\n{text[-_CLIPPED:]}"
            fields = {name: fields[name] for name in sorted(_KEPT & fields.keys())}
            line = json.dumps({"level": level.name, "text": text, "fields": fields})
        try:
            self._output.write(f"{line}\n")
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
    now = time.time()
    try:
        said = json.loads(line)
        event = dict(said["fields"])
        event["log_time"] = float(event.get("log_time", now))
        text = str(said["text"])
        level = LogLevel.levelWithName(said["level"])
    except Exception:  # it may be anything
        text = line.decode(errors="backslashreplace")
        # Of a time, too: a log of JSON has one in every line.
        event, level = {"log_namespace": __name__, "log_time": now}, LogLevel.info
    event |= {
        "worker": worker,
        "log_level": level,
        "log_text": text,
        "log_format": "worker {worker}: {log_text}",
    }
    publish(event)
