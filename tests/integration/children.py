"""
Programs that run beside a test: bounded, their output kept, ended by their pid.
"""

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.integration.support import PATIENCE, until

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTHON = sys.executable

#: The command in its two forms.
COMMAND = (PYTHON, "-m", "wsfallback")
TWISTD = (str(Path(PYTHON).with_name("twistd")), "-n", "--pidfile=", "wsfallback")


class Child(ProcessProtocol):
    """
    A program that runs beside the test.

    :ivar status: its exit status, or less than 0 the signal that ended it; `None` while it runs.
    :ivar ended: whether its output is complete, too.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        directory: Path,
        inherited: Sequence[int] = (),
    ) -> None:
        """
        :param env: its environment, all of it.
        :param inherited: descriptors of ours that it has as 3, 4, and so on.
        """
        from twisted.internet import reactor

        self._log, self._printed = bytearray(), bytearray()
        self.status: int | None = None
        self.ended = False
        reactor.spawnProcess(
            self,
            command[0],
            command,
            env=env,
            path=str(directory),
            childFDs={0: "w", 1: "r", 2: "r", **dict(enumerate(inherited, 3))},
        )
        self.pid: int = self.transport.pid

    def __str__(self) -> str:
        return f"status {self.status}, output:\n{self.log}"

    def connectionMade(self) -> None:
        """
        It gets no input.
        """
        self.transport.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        It has printed something.
        """
        self._log += data
        if childFD == 1:
            self._printed += data

    def processExited(self, reason: Failure) -> None:
        """
        It has ended; what it has started itself may still hold its output open.
        """
        error: Any = reason.value
        self.status = -error.signal if error.signal else error.exitCode

    def processEnded(self, reason: Failure) -> None:
        """
        And its output is complete.
        """
        self.ended = True

    @property
    def log(self) -> str:
        """
        All that it printed.
        """
        return self._log.decode(errors="backslashreplace")

    @property
    def printed(self) -> str:
        """
        What of this went to its standard output.
        """
        return self._printed.decode()

    async def stop(self) -> None:
        """
        End it, by its pid.
        """
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.status is not None:
                return
            os.kill(self.pid, number)
            try:
                await until(lambda: self.status is not None, "the end of the program", self)
            except AssertionError:
                if number is signal.SIGKILL:
                    raise

    async def kill(self) -> None:
        """
        End it by SIGKILL, which ends those that are stopped, too.
        """
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            await until(lambda: self.status is not None, "the end of the program", self)

    def descriptors(self) -> int:
        """
        How many it has open: files, sockets, all.
        """
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def peak(self) -> int:
        """
        Bytes of memory that it had at most, so far.
        """
        (kilobytes,) = re.findall(r"^VmHWM:\s*(\d+) kB$", self._proc("status"), re.MULTILINE)
        return int(kilobytes) * 1024

    def written(self) -> int:
        """
        Bytes that the kernel has taken from it, with write(2): as of Perl, Ruby and Node.
        """
        (size,) = re.findall(r"^wchar: (\d+)$", self._proc("io"), re.MULTILINE)
        return int(size)

    def isStopped(self) -> bool:
        """
        Whether SIGSTOP has stopped it.
        """
        return "\nState:\tT" in self._proc("status")

    def ticks(self) -> str:
        """
        What it has had of the processor.
        """
        return " ".join(self._proc("stat").rpartition(")")[2].split()[11:13])

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def hasTraceback(self) -> bool:
        """
        Whether its log speaks of an error that nobody has handled.
        """
        return re.search(r"Traceback|Unhandled", self.log) is not None


class Served(Child):
    """
    A server: the command, with options.

    :ivar isExpectedToFail: whether its log may have a traceback in it.
    """

    isExpectedToFail = False

    @property
    def ports(self) -> list[int]:
        """
        Where it listens on TCP, in the order in which it said so.
        """
        return [
            int(port) for port in re.findall(r"wsfallback serves on https?://.*:(\d+)/", self.log)
        ]

    @property
    def port(self) -> int:
        """
        The one TCP port.
        """
        (port,) = self.ports
        return port

    @property
    def url(self) -> str:
        """
        Of its one TCP port.
        """
        return f"http://127.0.0.1:{self.port}/"

    async def ready(self, listeners: int) -> None:
        """
        Wait until it listens on all its endpoints.
        """

        def isReady() -> bool:
            assert self.status is None, self
            return self.log.count("wsfallback serves on ") >= listeners

        await until(isReady, "a server", self)


def environment(**more: str) -> dict[str, str]:
    """
    Our own, for a child that finds the package wherever it runs.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **more}


async def run(
    *command: str,
    directory: Path = HERE,
    env: Mapping[str, str] | None = None,
    seconds: float = PATIENCE,
) -> Child:
    """
    Run a program to its end.

    :param env: its environment: `environment` by default.
    :param seconds: after these it is ended, and the test fails.
    """
    child = Child(command, env=environment() if env is None else env, directory=directory)
    try:
        await until(lambda: child.ended, f"the end of {command}", child, seconds)
    finally:
        await child.stop()
    return child
