"""
What the command shows of itself: its options, and who answers.
"""

from typing import Any

from twisted.application.service import IService, MultiService
from twisted.python import usage
from twisted.python.filepath import FilePath
from twisted.web.resource import Resource

from wsfallback.kept import StatisticsFile
from wsfallback.server import FallbackServerFactory
from wsfallback.services import ListeningService, OrderlyService, checkEndpoint
from wsfallback.stats import Statistics
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
        if path is not None and (FilePath(path).isdir() or not FilePath(path).parent().isdir()):
            raise usage.UsageError(f"--stats-file {path}: there can't be such a file")


class Shown:
    """
    All that shows what the command does.

    :ivar statistics: observes.
    :ivar listening: where it answers, if that is an endpoint of its own.
    :ivar site: answers requests from this machine on the endpoints; `None` with an endpoint of its
        own.
    """

    def __init__(self, options: usage.Options, reactor: Any) -> None:
        self.statistics = Statistics(reactor)
        self._proxies = options.get("trusted", [])
        self._factory: FallbackServerFactory | None = None
        self._services: list[IService] = []
        snapshot = self.statistics.snapshot
        if options["stats-file"] is not None:
            file = StatisticsFile(reactor, options["stats-file"], self.statistics)
            self._services.append(file)
            snapshot = file.snapshot
        self._resource = StatusResource(snapshot, self._isReady)
        admin = options["admin"]
        self.site = StatusSite(self._resource, isKept=False) if admin is None else None
        self.listening: list[ListeningService] = []
        if admin is not None:
            said = "wsfallback shows its status on {where}"
            site = StatusSite(self._resource)
            path = f"{PREFIX}/status"
            self.listening.append(ListeningService(reactor, admin, site, "admin", said, path))
        self._services += self.listening

    def beside(self, others: Resource) -> Resource:
        """
        What a site has on the endpoints.
        """
        if self.site is None:
            return others
        return LocalStatus(self._resource, others, self._proxies)

    def around(self, services: MultiService, factory: FallbackServerFactory) -> MultiService:
        """
        The services of the command, which is shown until the last of them has stopped.

        :param factory: what they serve.
        """
        self._factory = factory
        if not self._services:
            return services
        whole = OrderlyService()  # type: ignore[no-untyped-call]
        for each in (*self._services, services):
            each.setServiceParent(whole)
        return whole

    def _isReady(self) -> bool:
        return self._factory is not None and not self._factory.isDraining
