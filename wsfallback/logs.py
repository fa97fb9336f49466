"""
How the command logs: in lines of text or of JSON, with no control character in any of them.

Twisted's own observer writes an event's text as it is, and a traceback may quote a peer.
"""

import json
import re
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import Any

from twisted.application.service import MultiService
from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    formatEvent,
    formatEventAsClassicLogText,
)
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile

from wsfallback.sparing import Sparing

#: What `--log-format` may be.
FORMATS = ("text", "json")

#: What Twisted gives events beside their own fields.
_NO_FIELDS = {"format", "isError", "message", "system", "time"}
#: Line ends are indented by then, and the rest of ASCII needs no look.
_PLAIN = re.compile(r"[\n\t\x20-\x7e]*")


def textLine(event: LogEvent) -> str | None:
    """
    An event as twistd logs it, with what can't be printed escaped.
    """
    text = formatEventAsClassicLogText(event)
    if text is None or _PLAIN.fullmatch(text):
        return text
    return "".join(
        each
        if each in "\n\t" or each.isprintable()
        else each.encode("unicode_escape", "surrogatepass").decode("ascii")
        for each in text
    )


def jsonLine(event: LogEvent) -> str:
    """
    An event as one line of JSON, in ASCII: its time, level, logger and text, and its fields.
    """
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds"),
        "level": event["log_level"].name,
        "logger": event.get("log_namespace", ""),
        "text": formatEvent(event),
    }
    for name, value in event.items():
        isOurs = not (name.startswith("log_") or name in _NO_FIELDS or name in line)
        if isOurs and (value is None or isinstance(value, str | int | float)):
            line[name] = value
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        line["traceback"] = failure.getTraceback()
    return f"{json.dumps(line)}\n"


_LINES: Mapping[str, Callable[[LogEvent], str | None]] = {"text": textLine, "json": jsonLine}


class LoggingService(MultiService):
    """
    The services of the command, which log as they are told to.
    """

    def __init__(self, logFormat: str, options: Mapping[str, Any]) -> None:
        """
        :param logFormat: of `FORMATS`.
        :param options: twistd's own, which say where to: ``logfile``, ``nodaemon``, ``syslog``.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._line = _LINES[logFormat]
        self._options = options

    def setServiceParent(self, parent: Any) -> None:
        """
        Tell the application who observes its log, unless that is syslog or ``twistd --logger``.

        :raises SystemExit: there can't be such a log. Said here, and not when there is something to
            log: twistd has taken stderr by then, and leaves an observer out that merely fails.
        """
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]
        if not (self._options.get("syslog") or self._options.get("logger")):
            lines = FileLogObserver(self._file(), self._line)
            parent.setComponent(ILogObserver, Sparing(lines))

    def _file(self) -> Any:
        """
        As twistd chooses it.
        """
        name = self._options.get("logfile")
        if self._options.get("nodaemon") and name in (None, "", "-"):
            if isinstance(sys.stdout, TextIOWrapper):
                # A line that it can't encode would be left out, and a client could see to that.
                sys.stdout.reconfigure(errors="backslashreplace")
            return sys.stdout
        if name == "-":
            raise SystemExit("wsfallback: a daemon can't log to stdout: give another --logfile")
        name = name or "twistd.log"
        try:
            file = LogFile.fromFullPath(name)
        except OSError as error:
            raise SystemExit(f"wsfallback: --logfile {name}: {error.strerror}") from None
        # Nobody has asked for anything else by it.
        if not signal.getsignal(signal.SIGUSR1):
            signal.signal(signal.SIGUSR1, lambda *_: _rotate(file))
        return file


def _rotate(file: Any) -> None:
    # Here and not above: twistd chooses the reactor.
    from twisted.internet import reactor

    reactor.callFromThread(file.rotate)  # type: ignore[attr-defined]
