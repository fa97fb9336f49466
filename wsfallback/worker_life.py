"""
`Worker`: one of the workers, as one process after the other.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from wsfallback.deadline import Deadline
from wsfallback.worker_process import WorkerProcess

_log = Logger()

#: Seconds until a worker that has died is started again, by how often it has, in succession.
DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

#: Seconds of service after which earlier deaths are forgotten.
STEADY = 60.0

#: Seconds that a worker has to begin.
START_TIMEOUT = 60.0

#: Seconds that a worker has to end, beyond those for its connections.
END_TIMEOUT = 3.0


class State(Enum):
    """
    What a worker does.
    """

    WAITING = auto()
    STARTING = auto()
    SERVING = auto()
    STOPPING = auto()
    ENDED = auto()


class Worker:
    """
    One of the workers: the process that it is now, and what comes after that.

    :ivar state: what it does.
    """

    def __init__(
        self,
        number: int,
        clock: Any,
        spawn: Callable[[WorkerProcess, int], object],
        answer: Callable[[str], Any],
        changed: Callable[["Worker", str], object],
    ) -> None:
        """
        :param number: from 1.
        :param spawn: starts a process.
        :param answer: called with what it asks.
        :param changed: called after each change of the ``state`` that was not asked for, with
            what the process has done.
        """
        self.number = number
        self._clock = clock
        self._spawn = spawn
        self._answer = answer
        self._changed = changed
        self._process: WorkerProcess | None = None
        # The one thing that is waited for: the next start, the end of this one, the end of all.
        self._deadline = Deadline(clock)
        self._deaths = 0
        self._since = 0.0
        self._done: list[Deferred[None]] = []
        self._missed: set[str] = set()
        self.state = State.WAITING

    def start(self) -> None:
        """
        Start a process.
        """
        self.state = State.STARTING
        self._missed.clear()
        self._process = process = WorkerProcess(
            self.number, self._clock, self._answer, self._ready, self._ended
        )
        self._deadline.set(START_TIMEOUT, self._kill)
        try:
            self._spawn(process, self.number)
        except OSError as error:
            # As short of processes or descriptors as this machine may be, it won't be for ever.
            self._ended(f"can't be started: {error}")

    def stop(self, seconds: float) -> Deferred[None]:
        """
        End in order.

        :param seconds: for its connections.
        :returns: fires when it has ended.
        """
        done: Deferred[None] = Deferred()
        self._done.append(done)
        process = self._process
        if process is None:
            self._finish()
        elif self.state is not State.STOPPING:
            self.state = State.STOPPING
            self._deadline.set(seconds + END_TIMEOUT, self._kill)
            process.link.tell("stop")
        return done

    def hurry(self) -> None:
        """
        Wait for its connections no longer, while it stops.
        """
        if self.state is State.STOPPING and self._process is not None:
            self._process.link.tell("hurry")
            self._deadline.set(END_TIMEOUT, self._kill)

    @property
    def pid(self) -> int | None:
        """
        Of its process, if there is one.
        """
        return None if self._process is None else self._process.pid

    def signal(self, name: str) -> None:
        """
        Send it a signal, if it serves; or when it does, if it starts: it may have begun with what
        the signal is about.
        """
        if self.state is State.STARTING:
            self._missed.add(name)
        elif self._process is not None and self.state is State.SERVING:
            self._process.signal(name)

    def ask(self, command: str, seconds: float) -> Deferred[Any] | None:
        """
        As of `ParentLink.ask`; `None` where nobody can answer.
        """
        link = None if self._process is None else self._process.link
        if link is None or not link.isReady or link.isSilent:
            return None
        return link.ask(command, seconds)

    def _ready(self) -> None:
        if self.state is State.STARTING:
            self._deadline.cancel()
            self._since = self._clock.seconds()
            self.state = State.SERVING
            for name in self._missed:
                self.signal(name)
            self._changed(self, "")

    def _kill(self) -> None:
        if self._process is not None:
            _log.warn("worker {worker} is too slow: killing it", worker=self.number)
            self._process.signal("KILL")

    def _ended(self, how: str) -> None:
        assert self._process is not None, "what was not there can't end"
        self._deadline.cancel()
        pid, self._process = self._process.pid, None
        if self.state is State.STOPPING:
            self._finish()
            return
        if self.state is State.STARTING:
            # It won't be better at once.
            self._deaths = max(self._deaths, 1)
        elif self._clock.seconds() - self._since >= STEADY:
            self._deaths = 0
        delay = DELAYS[min(self._deaths, len(DELAYS) - 1)]
        self._deaths += 1
        self.state = State.WAITING
        self._deadline.set(delay, self.start)
        self._changed(self, f"worker {self.number} (process {pid or 'none'}) {how}")
        if self.state is State.WAITING:
            _log.error(
                "worker {worker} (process {pid}) {how}; another one is started in {delay:g} s",
                worker=self.number,
                pid=pid,
                how=how,
                delay=delay,
            )

    def _finish(self) -> None:
        self._deadline.cancel()
        self.state = State.ENDED
        waiting, self._done = self._done, []
        for done in waiting:
            done.callback(None)
