"""
`WorkerProcess`: one process of a worker, as its parent sees it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from wsfallback.deadline import Deadline
from wsfallback.worker_link import FROM_PARENT, TO_PARENT, Lines, ParentLink
from wsfallback.worker_log import MAX_LINE, published

_log = Logger()

#: Seconds for the rest of its output: what it has started itself may hold that open for ever.
OUTPUT_TIMEOUT = 1.0


class WorkerProcess(ProcessProtocol):
    """
    A worker's process: its log, its link, its end.

    :ivar link: to ask and tell it.
    :ivar pid: of the process; `None` until there is one.
    """

    transport: Any

    def __init__(
        self,
        number: int,
        clock: IReactorTime,
        answer: Callable[[str], Any],
        ready: Callable[[], object],
        ended: Callable[[str], object],
    ) -> None:
        """
        :param number: of the worker.
        :param answer: as of `ParentLink`.
        :param ready: called when it serves.
        :param ended: called when it has ended, once, with how.
        """
        self._number = number
        self._ended = ended
        self._how = ""
        self._output = {1: Lines(MAX_LINE), 2: Lines(MAX_LINE)}
        self._deadline = Deadline(clock)
        self.link = ParentLink(clock, answer, self._write, ready)
        self.pid: int | None = None

    def connectionMade(self) -> None:
        """
        There is a process.
        """
        self.pid = self.transport.pid
        self.transport.closeStdin()

    def childDataReceived(self, descriptor: int, data: bytes) -> None:
        """
        It has said or printed something.
        """
        if descriptor != TO_PARENT:
            for line in self._output[descriptor].feed(data):
                published(line, self._number, globalLogPublisher)
            return
        try:
            self.link.dataReceived(data)
        except Exception:
            # Nothing of ours says such things: it can't be relied on.
            _log.failure("worker {worker} can't be understood", worker=self._number)
            self.signal("KILL")

    def processExited(self, reason: Failure) -> None:
        """
        It has ended.
        """
        self.link.lost()
        error: Any = reason.value
        if getattr(error, "signal", None):
            self._how = f"was ended by signal {error.signal}"
        else:
            self._how = f"ended with status {error.exitCode}"
        self._deadline.set(OUTPUT_TIMEOUT, self._over)

    def processEnded(self, reason: Failure) -> None:
        """
        And nothing of its output is left.
        """
        self._over()

    def signal(self, name: str) -> None:
        """
        Send it a signal, if it is there.
        """
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    def _write(self, data: bytes) -> None:
        # Twisted forgets a pipe that has ended; the process follows.
        with suppress(KeyError):
            self.transport.writeToChild(FROM_PARENT, data)

    def _over(self) -> None:
        self._deadline.cancel()
        ended, self._ended = self._ended, _nothing
        for lines in self._output.values():
            if rest := lines.rest():
                published(rest, self._number, globalLogPublisher)
        ended(self._how)


def _nothing(how: str) -> None:
    """
    It is known already.
    """
