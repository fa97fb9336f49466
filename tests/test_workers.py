"""
Several processes and their parent, without any process.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any
from unittest import mock

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.signals import STOPS
from wsfallback.worker_command import Command, spawner
from wsfallback.worker_life import DELAYS, END_TIMEOUT, START_TIMEOUT, STEADY, State
from wsfallback.worker_link import FIRST_SOCKET, FROM_PARENT, TO_PARENT
from wsfallback.worker_process import OUTPUT_TIMEOUT, WorkerProcess
from wsfallback.workers import SocketService, WorkersService, endWith


class Port:
    """
    A port that Twisted has opened.
    """

    def __init__(self) -> None:
        self.stopListening = mock.Mock(return_value=None)
        self.stopReading = mock.Mock()

    def fileno(self) -> int:
        return 0


class Reactor(Clock):
    """
    Opens ports, and is stopped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.port = Port()
        self.spawnProcess = mock.Mock()
        self.stop = mock.Mock()

    def listenTCP(self, *arguments: Any) -> Port:
        return self.port

    def callFromThread(self, do: Any) -> None:
        do()

    def callWhenRunning(self, do: Any) -> None:
        do()


class Process:
    """
    A worker's process, as its transport: what it was told, and what it does.
    """

    def __init__(self, protocol: WorkerProcess, number: int, pid: int) -> None:
        self.protocol = protocol
        self.number = number
        self.pid = pid
        self.told: list[Any] = []
        self.hasEnded = False
        self.isDeaf = False
        protocol.makeConnection(self)  # type: ignore[arg-type]

    def closeStdin(self) -> None:
        self.told.append("no input")

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        if self.isDeaf:
            raise KeyError(descriptor)
        assert descriptor == FROM_PARENT
        said = json.loads(data)
        self.told.append(said.get("tell") or said)

    def signalProcess(self, name: str) -> None:
        if self.hasEnded:
            raise ProcessExitedAlready
        self.told.append(name)
        if name == "KILL":
            self.end(number=9)

    def say(self, **said: Any) -> None:
        self.protocol.childDataReceived(TO_PARENT, json.dumps(said).encode() + b"\n")

    def end(self, status: int = 0, number: int | None = None, output: bool = True) -> None:
        """
        End.

        :param output: whether its output ends with it.
        """
        self.hasEnded = True
        error = ProcessTerminated(status, number) if status or number else ProcessDone(0)
        self.protocol.processExited(Failure(error))
        if output:
            self.protocol.processEnded(Failure(error))


class WorkersCase(SynchronousTestCase):
    """
    Two workers.
    """

    def setUp(self) -> None:
        for number in STOPS:
            # As the reactor's: in a test nobody may handle them.
            self.addCleanup(signal.signal, number, signal.signal(number, self.handle))
        self.reactor = Reactor()
        self.processes: list[Process] = []
        self.descriptors: list[Sequence[int]] = []
        self.failures: list[str] = []
        self.spawnError: OSError | None = None
        self.log = self.enter(mock.patch("wsfallback.workers._log"))
        self.enter(mock.patch("wsfallback.worker_life._log", self.log))
        self.service = WorkersService(
            self.reactor,
            self.spawn,
            2,
            ["tcp:0"],
            5.0,
            "be warned",
            lambda reactor, sentence: self.failures.append(sentence),
        )
        self.service._sockets[0]._endpoint = mock.Mock(listen=self.listen)
        self.where = self.enter(mock.patch("wsfallback.workers.tellWhere"))

    def enter(self, context: Any) -> Any:
        entered = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return entered

    def listen(self, factory: object) -> None:
        listening = mock.Mock(close=self.reactor.port.stopListening)
        listening.socket.fileno.return_value = 77
        self.service._sockets[0]._opened(listening, factory)  # type: ignore[arg-type]

    def handle(self, number: int, frame: object) -> None:
        """
        What is there before and after.
        """

    def spawn(self, protocol: WorkerProcess, number: int, descriptors: Sequence[int]) -> None:
        if self.spawnError is not None:
            raise self.spawnError
        self.descriptors.append(descriptors)
        self.processes.append(Process(protocol, number, 100 + len(self.processes)))

    def states(self) -> list[State]:
        return [worker.state for worker in self.service.workers]

    def started(self) -> tuple[Process, Process]:
        """
        Both serve.
        """
        self.service.startService()
        first, second = self.processes
        first.say(ready=True)
        second.say(ready=True)
        return first, second


class StartTests(WorkersCase):
    """
    Until they serve.
    """

    def test_inOrder(self) -> None:
        """
        The sockets are opened while we may be root, the workers started later; when all of them
        serve it is said where.
        """
        self.service.privilegedStartService()
        self.assertEqual(self.processes, [])
        self.service.startService()
        self.assertEqual(self.descriptors, [[77], [77]])
        self.assertEqual([process.number for process in self.processes], [1, 2])
        self.assertEqual(self.log.warn.call_args.kwargs, {"count": 2, "warning": "be warned"})
        self.processes[0].say(ready=True)
        self.where.assert_not_called()
        self.processes[1].say(ready=True)
        self.where.assert_called_once()
        self.assertEqual(self.states(), [State.SERVING] * 2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_oneFails(self) -> None:
        """
        The command fails, with all others.
        """
        self.service.startService()
        first, second = self.processes
        second.say(ready=True)
        first.end(1)
        self.assertEqual(
            self.failures,
            ["--workers: worker 1 (process 100) ended with status 1 before it served; see above"],
        )
        self.assertEqual(second.told, ["no input", "stop"])
        stopping = self.service.stopService()
        self.assertNoResult(stopping)
        second.end()
        self.successResultOf(stopping)
        self.assertEqual(len(self.processes), 2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_cantBeStarted(self) -> None:
        """
        Nor does it without a process.
        """
        self.spawnError = OSError("no more")
        self.service.startService()
        (failure,) = self.failures
        self.assertIn("worker 1 (process none) can't be started: no more", failure)
        self.assertEqual(self.states(), [State.ENDED] * 2)
        self.successResultOf(self.service.stopService())

    def test_tooSlow(self) -> None:
        """
        There is an end to waiting.
        """
        self.service.startService()
        self.processes[1].say(ready=True)
        self.reactor.advance(START_TIMEOUT)
        self.assertEqual(self.processes[0].told[1:], ["KILL"])
        self.assertIn("signal 9", self.failures[0])

    def test_noSocket(self) -> None:
        """
        An endpoint that can't listen, or has nothing to share, ends the command with a sentence.
        """
        for listen, why in (
            (mock.Mock(side_effect=ZeroDivisionError("why")), "why"),
            (mock.Mock(), "it has no socket for several processes"),
        ):
            service = SocketService(self.reactor, "tcp:0")
            service._endpoint = mock.Mock(listen=listen)
            error = self.assertRaises(SystemExit, service.startService)
            self.assertEqual(str(error), f"wsfallback: --listen tcp:0: {why}")
            self.successResultOf(service.stopService())


class RestartTests(WorkersCase):
    """
    One that dies.
    """

    def test_atOnce(self) -> None:
        """
        Is started again, with a line that says so; the other goes on.
        """
        first, _ = self.started()
        first.end(number=9)
        self.reactor.advance(0)
        self.assertEqual([process.number for process in self.processes], [1, 2, 1])
        self.assertEqual(self.log.error.call_count, 1)
        said = self.log.error.call_args.kwargs
        self.assertEqual(
            said, {"worker": 1, "pid": 100, "how": "was ended by signal 9", "delay": 0.0}
        )
        self.processes[2].say(ready=True)
        self.assertEqual(self.states(), [State.SERVING] * 2)
        self.where.assert_called_once()
        self.assertEqual(self.failures, [])

    def test_backOff(self) -> None:
        """
        Each time it dies early the next one comes later; until one has served for a while.
        """
        process = self.started()[0]
        for delay in (*DELAYS, DELAYS[-1], DELAYS[-1]):
            count = len(self.processes)
            process.end()
            if delay:
                self.reactor.advance(delay - 0.1)
                self.assertEqual(len(self.processes), count)
                self.reactor.advance(0.1)
            self.reactor.advance(0)
            self.assertEqual(len(self.processes), count + 1)
            process = self.processes[-1]
            process.say(ready=True)
        self.reactor.advance(STEADY)
        process.end()
        self.reactor.advance(0)
        self.assertIsNot(self.processes[-1], process)

    def test_neverReady(self) -> None:
        """
        One that doesn't even begin is not tried again at once.
        """
        self.started()[0].end()
        self.reactor.advance(0)
        self.processes[-1].end(1)
        self.reactor.advance(DELAYS[1] - 0.1)
        self.assertEqual(len(self.processes), 3)
        self.spawnError = OSError("no more")
        self.reactor.advance(0.1)
        self.assertEqual(self.states(), [State.WAITING, State.SERVING])
        self.spawnError = None
        self.reactor.advance(DELAYS[2])
        self.assertEqual(self.states(), [State.STARTING, State.SERVING])
        self.assertEqual(self.failures, [])

    def test_output(self) -> None:
        """
        What it has printed is waited for, but not for ever.
        """
        first, _ = self.started()
        with mock.patch("wsfallback.worker_process.published") as published:
            first.protocol.childDataReceived(2, b"one\ntw")
            first.end(number=11, output=False)
            self.assertEqual(self.states()[0], State.SERVING)
            first.protocol.childDataReceived(2, b"o")
            self.reactor.advance(OUTPUT_TIMEOUT)
        self.assertEqual([call.args[0] for call in published.call_args_list], [b"one", b"two"])
        self.assertEqual(self.states()[0], State.STARTING)
        first.protocol.processEnded(Failure(ProcessDone(0)))
        self.reactor.advance(0)
        self.assertEqual(len(self.processes), 3)

    def test_nonsense(self) -> None:
        """
        One that says what can't be understood is replaced.
        """
        first, _ = self.started()
        first.protocol.childDataReceived(TO_PARENT, b"hello\n")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual(first.told[-1], "KILL")
        self.reactor.advance(0)
        self.assertEqual(len(self.processes), 3)


class StopTests(WorkersCase):
    """
    The end.
    """

    def test_inOrder(self) -> None:
        """
        All are told, the sockets closed, and all waited for.
        """
        first, second = self.started()
        stopping = self.service.stopService()
        self.assertEqual([each.told[1:] for each in (first, second)], [["stop"]] * 2)
        self.reactor.port.stopListening.assert_called_once_with()
        first.end()
        self.assertNoResult(stopping)
        self.reactor.advance(5.0)
        second.end()
        self.successResultOf(stopping)
        self.assertEqual(len(self.processes), 2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        handlers = [signal.getsignal(number) for number in STOPS]
        self.assertEqual(handlers, [self.handle] * len(STOPS))

    def test_secondSignal(self) -> None:
        """
        They are to hurry; and one that can't is killed.
        """
        first, second = self.started()
        stopping = self.service.stopService()
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual([each.told[1:] for each in (first, second)], [["stop", "hurry"]] * 2)
        first.end()
        self.reactor.advance(END_TIMEOUT)
        self.assertEqual(second.told[-1], "KILL")
        self.successResultOf(stopping)

    def test_tooSlow(self) -> None:
        """
        They have the seconds of their connections, and a little more.
        """
        first, second = self.started()
        first.isDeaf = True
        stopping = self.service.stopService()
        self.reactor.advance(5.0 + END_TIMEOUT - 0.1)
        self.assertNoResult(stopping)
        self.reactor.advance(0.1)
        self.assertEqual((first.told[-1], second.told[-1]), ("KILL", "KILL"))
        self.successResultOf(stopping)

    def test_whileOneWaits(self) -> None:
        """
        One that would be started again isn't; a signal that comes late finds nobody.
        """
        first, second = self.started()
        first.end()
        stopping = self.service.stopService()
        second.end()
        self.successResultOf(stopping)
        second.protocol.signal("TERM")
        self.service.hurry()
        self.reactor.advance(60)
        self.assertEqual(len(self.processes), 2)

    def test_whileOneStarts(self) -> None:
        """
        It is told, too, and hears of it when it can.
        """
        self.service.startService()
        first, second = self.processes
        first.say(ready=True)
        stopping = self.service.stopService()
        second.say(ready=True)
        self.where.assert_not_called()
        self.assertEqual(second.told[1:], ["stop"])
        first.end()
        second.end()
        self.successResultOf(stopping)
        self.assertEqual(self.failures, [])


class AskTests(WorkersCase):
    """
    What the parent asks them, and passes on to them.
    """

    def test_all(self) -> None:
        """
        Everybody's answers, in order.
        """
        first, second = self.started()
        asked = self.service.ask("snapshot")
        second.say(answer=1, value={"open": 2})
        self.assertNoResult(asked)
        first.say(answer=1, value=None)
        self.assertEqual(self.successResultOf(asked), [None, {"open": 2}])
        self.assertEqual(first.told[-1], {"ask": 1, "command": "snapshot"})

    def test_some(self) -> None:
        """
        Who is late, can't answer, dies, or has died already, is left out.
        """
        first, second = self.started()
        asked = self.service.ask("snapshot", 3)
        first.say(answer=1, error="why not")
        self.reactor.advance(3)
        self.assertEqual(self.successResultOf(asked), [])
        self.assertEqual(self.log.warn.call_count, 3)
        # Nothing more is said of one that hangs, nor is it waited for.
        asked = self.service.ask("snapshot")
        first.say(answer=2, value=1)
        self.assertEqual(self.successResultOf(asked), [1])
        self.assertEqual(self.log.warn.call_count, 3)
        second.say(answer=1, value="too late")
        asked = self.service.ask("snapshot")
        second.say(answer=2, value=2)
        first.end(1)
        self.assertEqual(self.successResultOf(asked), [2])
        asked = self.service.ask("snapshot")
        second.say(answer=3, value=3)
        self.assertEqual(self.successResultOf(asked), [3])

    def test_reload(self) -> None:
        """
        To read files again is for those that serve.
        """
        self.service.startService()
        first, second = self.processes
        first.say(ready=True)
        self.service.reload()
        self.assertEqual((first.told[1:], second.told[1:]), (["HUP"], []))
        # It may have read what was there before.
        second.say(ready=True)
        self.assertEqual((first.told[1:], second.told[1:]), (["HUP"], ["HUP"]))
        second.end()
        self.reactor.advance(0)
        self.processes[-1].say(ready=True)
        self.assertEqual(self.processes[-1].told[1:], [])


class CommandTests(SynchronousTestCase):
    """
    What is started.
    """

    def test_words(self) -> None:
        """
        Python, with the path that the parent has, and the same options.
        """
        command = Command("poll", ("--workers", "2"), "/somewhere")
        for path, flags in (("/elsewhere", ["-P"]), ("/somewhere", []), ("", [])):
            with mock.patch.object(sys, "path", [path, "/lib"]):
                words = command.words(3)
            self.assertEqual(words[0], sys.executable)
            module = ["-m", "wsfallback.worker", "3", "poll", "--workers", "2"]
            self.assertEqual(words[1:], flags + module)

    def test_spawner(self) -> None:
        """
        With the sockets behind the link.
        """
        reactor = Reactor()
        process = mock.Mock()
        command = Command("default", (), os.sep)
        spawner(reactor, command, {"A": "b"})(process, 1, [77, 78])
        said = reactor.spawnProcess.call_args.kwargs
        self.assertEqual(said["env"], {"A": "b"})
        self.assertEqual(said["path"], os.sep)
        descriptors = {0: "w", 1: "r", 2: "r", FROM_PARENT: "w", TO_PARENT: "r"}
        sockets = {FIRST_SOCKET: 77, FIRST_SOCKET + 1: 78}
        self.assertEqual(said["childFDs"], descriptors | sockets)

    def test_endWith(self) -> None:
        """
        In order, and with a status.
        """
        reactor = Reactor()
        with (
            mock.patch("wsfallback.workers._log") as log,
            mock.patch("atexit.register") as register,
        ):
            endWith(reactor, "why")
        self.assertEqual(log.critical.call_args.kwargs, {"sentence": "why"})
        register.assert_called_once_with(os._exit, 1)
        reactor.stop.assert_called_once_with()
