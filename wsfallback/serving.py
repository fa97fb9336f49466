"""
The services that the command's options describe: in one process, or in several.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from twisted.application.service import MultiService
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Site

from wsfallback.acceptor import Room
from wsfallback.demo import DRAFT_PATH, DemoPage, DraftName
from wsfallback.gathering import COMMAND, Gathered
from wsfallback.ports import accepting
from wsfallback.quota import Quota
from wsfallback.reloading import IReloadable, ReloadingService
from wsfallback.server import FallbackServerFactory
from wsfallback.services import SERVES, DrainingService, ListeningService
from wsfallback.shown import Shown
from wsfallback.stats import Statistics
from wsfallback.web import Files, PublicSite


def alone(options: Any, reactor: Any) -> MultiService:
    """
    In this process.

    :param options: `wsfallback.tap.Options`.
    """
    statistics = Statistics(reactor)
    shown = Shown(options, reactor, statistics.snapshot)
    service, factory = serving(options, reactor, statistics, shown)
    return shown.around(service, lambda: not factory.isDraining)


def together(options: Any, reactor: Any) -> MultiService:
    """
    In as many as the options say, of which this one is the parent.
    """
    workers = options.workersService(reactor)
    shown = Shown(options, reactor, Gathered(reactor, workers.ask, workers.pids).snapshot)
    workers.answers[COMMAND] = shown.snapshot
    _reload(reactor, workers, [workers, *(each.endpoint for each in shown.listening)])
    return shown.around(workers, lambda: workers.isServing)


def serving(
    options: Any,
    reactor: Any,
    statistics: Statistics,
    shown: Shown,
    inherited: Sequence[int] = (),
) -> tuple[DrainingService, FallbackServerFactory]:
    """
    A service that listens in this process, and what it serves.

    :param statistics: observes.
    :param shown: what is shown beside it.
    :param inherited: for a worker: a descriptor for each endpoint, where its parent listens.
    """
    site = options.proxy(reactor) or _site(options, shown, reactor)
    routes: dict[str, Any] = dict(options.gateways(reactor))
    application = routes.pop("", options["application"])
    if isinstance(site, Site) and options["web"] is None:
        # The page asks there, which draft it was served with.
        routes[DRAFT_PATH] = DraftName
    factory = FallbackServerFactory(
        application,
        routes=routes,
        site=site,
        status=shown.site,
        observers=[statistics],
        **options.entrance(),
        reactor=cast(IReactorTime, reactor),
        **options["limits"],
    )
    isAlone = not inherited
    services = DrainingService(reactor, factory, options["drainSeconds"], isAlone)
    room = Room(reactor)
    listening = [
        ListeningService(
            accepting(reactor, room, None if isAlone else inherited[number]),
            endpoint,
            factory,
            said=SERVES if isAlone else None,
        )
        for number, endpoint in enumerate(options["listen"])
    ]
    for service in listening:
        service.setServiceParent(services)  # type: ignore[no-untyped-call]
    _reload(reactor, services, [each.endpoint for each in (*listening, *shown.listening)])
    return services, factory


def _reload(reactor: Any, services: MultiService, those: Iterable[object]) -> None:
    """
    Have SIGHUP reload what can be reloaded.
    """
    reloadables = [each for each in those if IReloadable.providedBy(each)]
    ReloadingService(reactor, reloadables).setServiceParent(services)  # type: ignore[no-untyped-call]


def _site(options: Any, shown: Shown, reactor: IReactorTime) -> Site:
    directory = options["web"]
    root = Files(directory) if directory is not None else DemoPage()
    return PublicSite(
        shown.beside(root),
        options.get("hosts", []),
        options.get("trusted", []),
        Quota(reactor, options["limits"]["maxLogLines"]),
    )
