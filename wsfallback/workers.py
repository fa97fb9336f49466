"""
`WorkersService`: several processes that serve the same sockets, and their parent.

The parent opens the sockets and accepts nothing. Each worker is the command once more, with the
same options, and inherits the sockets: `wsfallback.worker`.
"""

import atexit
import os
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, gatherResults, maybeDeferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.ports import Listening, ListeningReactor
from wsfallback.reloading import IReloadable
from wsfallback.services import tellWhere
from wsfallback.signals import replaceStops
from wsfallback.worker_command import Spawn
from wsfallback.worker_life import State, Worker
from wsfallback.worker_link import ANSWER_TIMEOUT
from wsfallback.worker_process import WorkerProcess

_log = Logger()


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
