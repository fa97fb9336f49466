"""
`WorkersService`: several processes that serve the same sockets, and their parent.

The parent opens the sockets and accepts nothing. Each worker is the command once more, with the
same options, and inherits the sockets: `wsfallback.worker`.
"""

import atexit
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, gatherResults, maybeDeferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.deadline import Deadline
from wsfallback.ports import Listening, ListeningReactor
from wsfallback.reloading import IReloadable
from wsfallback.services import tellWhere
from wsfallback.signals import replaceStops
from wsfallback.worker_link import ANSWER_TIMEOUT, FIRST_SOCKET, FROM_PARENT, TO_PARENT
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

#: Starts a process: of this worker, with these descriptors.
Spawn = Callable[[WorkerProcess, int, Sequence[int]], object]


@dataclass(frozen=True)
class Command:
    """
    What the parent was told.

    :ivar reactor: the short name of Twisted's reactor.
    :ivar arguments: those of the command.
    :ivar directory: where it was given.
    """

    reactor: str
    arguments: tuple[str, ...]
    directory: str

    def words(self, number: int) -> list[str]:
        """
        The command line of a worker.
        """
        # The working directory is where handlers are, but only "python -m" has it first.
        isFirst = sys.path[:1] in ([""], [self.directory])
        path = () if isFirst else ("-P",)
        python = (sys.executable, *path, "-m", "wsfallback.worker")
        return [*python, str(number), self.reactor, *self.arguments]


def spawner(reactor: Any, command: Command, environment: Mapping[str, str] = os.environ) -> Spawn:
    """
    Starts processes of Python.
    """

    def spawn(process: WorkerProcess, number: int, descriptors: Sequence[int]) -> None:
        words = command.words(number)
        reactor.spawnProcess(
            process,
            words[0],
            words,
            env=dict(environment),
            path=command.directory,
            childFDs={
                0: "w",
                1: "r",
                2: "r",
                FROM_PARENT: "w",
                TO_PARENT: "r",
                **dict(enumerate(descriptors, FIRST_SOCKET)),
            },
        )

    return spawn


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


@implementer(IReloadable)
class WorkersService(MultiService):
    """
    Opens the sockets, has so many workers serve them, and ends with them.
    """

    def __init__(
        self,
        reactor: Any,
        spawn: Spawn,
        count: int,
        endpoints: Sequence[str],
        seconds: float,
        warning: str | None = None,
        fail: Callable[[Any, str], object] | None = None,
    ) -> None:
        """
        :param spawn: starts a process.
        :param count: how many workers.
        :param endpoints: Twisted's server strings.
        :param seconds: for their connections, when they stop.
        :param warning: logged at the start.
        :param fail: ends the command with a sentence.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._seconds = seconds
        self._warning = warning
        self._fail = fail or endWith
        self._isBegun = False
        #: What workers may ask, and who answers: without arguments, with what JSON can carry.
        self.answers: dict[str, Callable[[], Any]] = {}
        self._sockets = [SocketService(reactor, each) for each in endpoints]
        for each in self._sockets:
            each.setServiceParent(self)  # type: ignore[no-untyped-call]

        def start(process: WorkerProcess, number: int) -> object:
            return spawn(process, number, [each.fileno() for each in self._sockets])

        self.workers = [
            Worker(number, reactor, start, self._answer, self._changed)
            for number in range(1, count + 1)
        ]

    def startService(self) -> None:
        """
        Start the workers: as who we are from now on, for so it will be for those that replace them.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._warning:
            _log.warn("{count} workers: {warning}", count=len(self.workers), warning=self._warning)
        for worker in self.workers:
            # One that can't be started ends all others.
            if worker.state is State.WAITING:
                worker.start()

    def stopService(self) -> Deferred[object]:
        """
        Stop listening, and have the workers end in order; by a second signal at once.
        """
        restore = replaceStops(self._reactor, self.hurry)
        # The workers first: they close what they hold of the sockets.
        ending: list[Deferred[Any]] = [worker.stop(self._seconds) for worker in self.workers]
        ending.append(super().stopService())  # type: ignore[no-untyped-call]
        stopping: Deferred[Any] = gatherResults(ending)

        def stopped(result: object) -> object:
            restore()
            return result

        return stopping.addBoth(stopped)

    def hurry(self) -> None:
        """
        Wait no longer, while it stops.
        """
        _log.info("Told to stop once more: ending at once")
        for worker in self.workers:
            worker.hurry()

    @property
    def isServing(self) -> bool:
        """
        Whether there is a worker that has new connections.
        """
        return any(worker.state is State.SERVING for worker in self.workers)

    def pids(self) -> list[int]:
        """
        Of the processes that there are now.
        """
        return [worker.pid for worker in self.workers if worker.pid is not None]

    def reload(self) -> None:
        """
        `IReloadable.reload`: each worker has files of its own to read again.
        """
        for worker in self.workers:
            worker.signal("HUP")

    def ask(self, command: str, seconds: float = ANSWER_TIMEOUT) -> Deferred[list[Any]]:
        """
        Ask all workers that serve.

        :param command: as their `wsfallback.worker.answer` knows it.
        :param seconds: for the answers.
        :returns: fires with the answers of those that have one, in the order of the workers.
        """
        asked = [(worker, worker.ask(command, seconds)) for worker in self.workers]
        waiting = [
            answer.addErrback(self._noAnswer, worker, command)
            for worker, answer in asked
            if answer is not None
        ]

        def collect(results: list[tuple[bool, Any]]) -> list[Any]:
            return [value for _, value in results if value is not _NOTHING]

        return DeferredList(waiting).addCallback(collect)

    def _noAnswer(self, failure: Any, worker: Worker, command: str) -> object:
        _log.warn(
            "worker {worker} doesn't answer {command}: {reason}",
            worker=worker.number,
            command=command,
            reason=failure.getErrorMessage(),
        )
        return _NOTHING

    def _changed(self, worker: Worker, how: str) -> None:
        if self._isBegun:
            if not how:
                _log.info("worker {worker} serves again", worker=worker.number)
        elif how:
            # Whoever has started us is still there to see it.
            for each in self.workers:
                each.stop(0)
            self._fail(self._reactor, f"--workers: {how} before it served; see above")
        elif all(each.state is State.SERVING for each in self.workers):
            self._isBegun = True
            for service in self._sockets:
                service.tellWhere()

    def _answer(self, command: str) -> Any:
        return self.answers[command]()


class SocketService(Service):
    """
    The socket of an endpoint, which the workers share.
    """

    def __init__(self, reactor: Any, description: str) -> None:
        self._description = description
        self._endpoint = serverFromString(ListeningReactor(reactor, self._opened), description)
        self._listening: Listening | None = None

    def fileno(self) -> int:
        """
        The descriptor, once it is open.
        """
        assert self._listening is not None, "asked before it was opened"
        return self._listening.socket.fileno()

    def tellWhere(self) -> None:
        """
        Log where.
        """
        assert self._listening is not None, "asked before it was opened"
        tellWhere(self._description, self._listening.address())

    def privilegedStartService(self) -> None:
        """
        Open it, while we may still be root.
        """
        failures: list[str] = []
        opening = maybeDeferred(self._endpoint.listen, Factory())
        opening.addErrback(lambda failure: failures.append(failure.getErrorMessage()))
        if self._listening is None:
            why = failures[0] if failures else "it has no socket for several processes"
            raise SystemExit(f"wsfallback: --listen {self._description}: {why}")

    def startService(self) -> None:
        """
        Open it, if that was not done as root.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._listening is None:
            self.privilegedStartService()

    def stopService(self) -> Deferred[Any]:
        """
        Close it.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        listening, self._listening = self._listening, None
        return maybeDeferred(listening.close) if listening is not None else succeed(None)

    def _opened(self, listening: Listening, factory: IProtocolFactory) -> Listening:
        self._listening = listening
        return listening


def endWith(reactor: Any, sentence: str) -> None:
    """
    End the command: in order, but with a status that says that it has failed.
    """
    _log.critical("wsfallback: {sentence}", sentence=sentence)
    # There is no other way to have one from within the reactor; the last thing that happens.
    atexit.register(os._exit, 1)
    reactor.callWhenRunning(reactor.stop)


#: What a worker says that doesn't answer.
_NOTHING = object()
