"""
`StatisticsFile`: who was seen last, beyond a restart.
"""

import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath

from wsfallback.errors import printable
from wsfallback.record import MAX_TEXT
from wsfallback.snapshot import MAX_SEEN, NAMES, Row, Seen, Snapshot, merge, noRow, nothing

_log = Logger()

#: Seconds between two writes.
INTERVAL = 60.0
#: Bytes of a file that is read: more than we write.
_MAX_FILE = 1 << 20


class StatisticsFile(Service):
    """
    Keeps in a file when each draft was seen last, and with which user agents and origins.

    Counters begin anew with each process.
    """

    def __init__(
        self,
        clock: IReactorTime,
        path: str,
        present: Callable[[], Snapshot | Deferred[Snapshot]],
    ) -> None:
        """
        :param path: of the file, which is replaced as a whole.
        :param present: what is counted now.
        """
        self._clock = clock
        self._file: FilePath[str] = FilePath(path)
        self._present = present
        self._past: Snapshot | None = None
        self._writing = LoopingCall(self._write)
        self._writing.clock = clock

    def startService(self) -> None:
        """
        Read the file, and write it from now on.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._past = self._read()
        self._writing.start(INTERVAL, now=False)

    def stopService(self) -> Deferred[None]:
        """
        Write it once more.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._writing.stop()
        return self._write()

    def snapshot(self) -> Deferred[Snapshot]:
        """
        What is counted now, with what was known before.
        """
        present: Deferred[Any] = maybeDeferred(self._present)
        return present.addCallback(self._whole)

    def _whole(self, present: Snapshot) -> Snapshot:
        return present if self._past is None else merge([present, self._past])

    def _write(self) -> Deferred[None]:
        writing = self.snapshot().addCallback(self._written)
        return writing.addErrback(_failed)

    def _written(self, snapshot: Snapshot) -> None:
        kept = {
            "since": snapshot["since"],
            "drafts": {name: _worth(snapshot["drafts"][name]) for name in NAMES},
        }
        new = self._file.temporarySibling(".new")
        try:
            with new.open("w") as file:
                file.write(json.dumps(kept, indent=1).encode("ascii") + b"\n")
            os.replace(new.path, self._file.path)
        except OSError as error:
            # The server is worth more than its statistics.
            _log.warn("{path} can't be written: {error}", path=self._file.path, error=error)
            # Else there would be one more each minute, as where the disk is full.
            with suppress(OSError):
                new.remove()

    def _read(self) -> Snapshot | None:
        """
        What was written, if there is anything of use.
        """
        try:
            with self._file.open() as file:
                return _remembered(json.loads(file.read(_MAX_FILE)), self._clock.seconds())
        except FileNotFoundError:
            return None
        except (
            OSError,
            ArithmeticError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            _log.warn(
                "{path} is of no use, and will be written anew: {error}",
                path=self._file.path,
                error=printable(f"{type(error).__name__}: {error}"),
            )
            return None


def _worth(row: Row) -> dict[str, object]:
    return {"lastSeen": row["lastSeen"], "agents": row["agents"], "origins": row["origins"]}


def _remembered(kept: Any, now: float) -> Snapshot:
    """
    :raises ValueError: it isn't what we write; or another error of Python's that says so.
    """
    snapshot = nothing(now, _number(kept["since"]))
    for name in NAMES:
        if name in kept["drafts"]:
            snapshot["drafts"][name] = _row(kept["drafts"][name])
    return snapshot


def _row(kept: Any) -> Row:
    row = noRow()
    last = kept["lastSeen"]
    row["lastSeen"] = None if last is None else _number(last)
    row["agents"] = [_seen(each) for each in kept["agents"][:MAX_SEEN]]
    row["origins"] = [_seen(each) for each in kept["origins"][:MAX_SEEN]]
    return row


def _seen(kept: Any) -> Seen:
    text = printable(str(kept["text"]))[:MAX_TEXT]
    return {"text": text, "count": int(_number(kept["count"])), "last": _number(kept["last"])}


def _number(kept: Any) -> float:
    if not (isinstance(kept, int | float) and math.isfinite(kept) and kept >= 0):
        raise ValueError(f"{kept!r} is no time and no count")
    return kept


def _failed(failure: Failure) -> None:
    # The next time it may go well; a `LoopingCall` that fails would end.
    _log.failure("the statistics are not written", failure)
