"""
The options of several processes, as the command line gives them.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

from twisted.internet.endpoints import StandardIOEndpoint, serverFromString
from twisted.python import usage

from wsfallback.services import checkEndpoint
from wsfallback.worker_command import Command, spawner
from wsfallback.workers import WorkersService

#: How many processes there may be.
MOST = 256

#: What stands between the words of a server string.
_COLON = re.compile(r"(?<!\\):")


class WorkersOptions(usage.Options):
    """
    Mixed into the options of the command.

    :ivar given: the words of the command line.
    :ivar directory: where it was given: twistd may go elsewhere.
    """

    optParameters: list[list[Any]] = [  # noqa: RUF012  # Twisted's way to declare them
        [
            "workers",
            None,
            1,
            "How many processes serve together. Limits, and who hears a broadcast, are of each.",
        ],
    ]

    given: Sequence[str] = ()
    directory = "."

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Parse, and keep what workers are told.
        """
        self.given = [] if options is None else list(options)
        self.directory = os.getcwd()
        super().parseOptions(options)  # type: ignore[no-untyped-call]

    def checkListen(self) -> None:
        """
        Check where to listen, and by how many.

        :raises usage.UsageError: with what to do.
        """
        text = str(self["workers"])
        number = int(text) if text.isascii() and text.isdigit() else 0
        if not 1 <= number <= MOST:
            raise usage.UsageError(f"--workers {text}: give a whole number from 1 to {MOST}")
        self["workers"] = number
        for endpoint in self["listen"]:
            checkEndpoint(endpoint)
            if number > 1:
                _checkShared(endpoint)
        if number > 1 and self._twistd("chroot") is not None:
            raise usage.UsageError(
                "--workers and twistd's --chroot exclude each other: there is no Python to start"
                " there"
            )

    def workersService(self, reactor: Any) -> WorkersService:
        """
        The service that has the workers.
        """
        command = Command(self._twistd("reactor") or "default", tuple(self.given), self.directory)
        return WorkersService(
            reactor,
            spawner(reactor, command),
            self["workers"],
            self["listen"],
            self["drainSeconds"],
            "clients of one worker don't hear those of another: --handler broadcast sends to"
            " those of its own process"
            if self["handler"] == "broadcast"
            else None,
        )

    def _twistd(self, option: str) -> Any:
        """
        An option of twistd's own.
        """
        return None if self.parent is None else self.parent.get(option)


def inheritable(endpoint: str) -> str:
    """
    The server string for a worker, whose socket is there already.

    systemd's sockets are its parent's, and can't be found in the worker's environment: any other
    kind will do, for nothing of it is opened.
    """
    words = _COLON.split(endpoint)
    # Anything may have that name, a directory for example; but no other kind has a domain.
    found = [at for at, word in enumerate(words) if word == "systemd" and _hasDomain(words[at:])]
    if not found:
        return endpoint
    before, after = words[: found[-1]], words[found[-1] + 1 :]
    kept = [each for each in after if not each.startswith(("domain=", "index=", "name="))]
    return ":".join([*before, "tcp", "0", *kept])


def _hasDomain(words: Sequence[str]) -> bool:
    return any(each.startswith("domain=") or each in ("INET", "INET6", "UNIX") for each in words)


def _checkShared(endpoint: str) -> None:
    if isinstance(serverFromString(None, endpoint), StandardIOEndpoint):
        raise usage.UsageError(
            f"--listen {endpoint}: it has no socket for several processes; give --workers 1"
        )
