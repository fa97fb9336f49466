"""
How the process of a worker is started.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wsfallback.worker_link import FIRST_SOCKET, FROM_PARENT, TO_PARENT
from wsfallback.worker_process import WorkerProcess

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
