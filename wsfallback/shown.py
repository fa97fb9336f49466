"""
What the command shows of itself: its options, and who answers.
"""

from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.python import usage
from twisted.python.filepath import FilePath
from twisted.web.resource import Resource

from wsfallback.kept import StatisticsFile
from wsfallback.services import ListeningService, OrderlyService, checkEndpoint
from wsfallback.snapshot import Snapshot
from wsfallback.status import PREFIX, LocalStatus, StatusResource, StatusSite


class StatusOptions(usage.Options):
    """
    Mixed into the options of the command.
    """

    optParameters: list[list[Any]] = [  # noqa: RUF012  # Twisted's way to declare them
        [
            "admin",
            None,
            None,
            "Where to show the status, a Twisted server string; without it, to requests from this"
            " machine at /-/status of the endpoints.",
        ],
        [
            "stats-file",
            None,
            None,
            "Keep in this file when each draft was seen last, beyond a restart.",
        ],
    ]

    def checkStatus(self) -> None:
        """
        Check what can be checked.

        :raises usage.UsageError: with what to do.
        """
        if self["admin"] is not None:
            checkEndpoint(self["admin"], "admin")
        path = self["stats-file"]
        if path is None:
            return
        file = FilePath(path)
        # A device, too, would be replaced by a file.
        if (file.exists() and not file.isfile()) or not file.parent().isdir():
            raise usage.UsageError(f"--stats-file {path}: there can't be such a file")


class Shown:
    """
    All that shows what the command does.

    :ivar listening: where it answers, if that is an endpoint of its own.
    :ivar site: answers requests from this machine on the endpoints; `None` with an endpoint of its
        own.
    """

    def __init__(
        self,
        options: usage.Options,
        reactor: Any,
        snapshot: Callable[[], Snapshot | Deferred[Snapshot]],
        isWorker: bool = False,
    ) -> None:
        """
        :param snapshot: what to show.
        :param isWorker: whether the file, and an endpoint of its own, are another process's.
        """
        self._reactor = reactor
        self._proxies = options.get("trusted", [])
        self._isReady: Callable[[], bool] = lambda: False
        self._file: StatisticsFile | None = None
        if options["stats-file"] is not None and not isWorker:
            self._file = StatisticsFile(reactor, options["stats-file"], snapshot)
            snapshot = self._file.snapshot
        self.snapshot = snapshot
        self._resource = StatusResource(snapshot, lambda: self._isReady())
        admin = options["admin"]
        self.site = StatusSite(self._resource, isKept=False) if admin is None else None
        self.listening: list[ListeningService] = []
        if admin is not None and not isWorker:
            said = "wsfallback shows its status on {where}"
            site = StatusSite(self._resource)
            path = f"{PREFIX}/status"
            self.listening.append(ListeningService(reactor, admin, site, "admin", said, path))

    def beside(self, others: Resource) -> Resource:
        """
        What a site has on the endpoints.
        """
        if self.site is None:
            return others
        return LocalStatus(self._resource, others, self._proxies)

    def around(self, services: MultiService, isReady: Callable[[], bool]) -> MultiService:
        """
        The services of the command, which is shown until the last of them has stopped.

        :param isReady: whether there may be new connections.
        """
        self._isReady = isReady
        if self._file is None and not self.listening:
            return services
        whole = OrderlyService(self._reactor)
        # Workers can't be asked when they have stopped, so the file is the first to stop; whoever
        # is still connected then has been seen.
        for each in (*self.listening, services, self._file):
            if each is not None:
                each.setServiceParent(whole)  # type: ignore[no-untyped-call]
        return whole
