"""
``twistd wsfallback``: its options, and the service that they describe.
"""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, cast

from twisted.application.service import MultiService
from twisted.copyright import version
from twisted.internet.interfaces import IReactorTime
from twisted.python import usage
from twisted.python.filepath import FilePath
from twisted.web.server import Site

from wsfallback.acceptor import Room
from wsfallback.config import ConfigOptions
from wsfallback.demo import DRAFT_PATH, DemoPage, DraftName
from wsfallback.drafts.table import DRAFTS
from wsfallback.forwards import ForwardOptions
from wsfallback.gathering import COMMAND, Gathered
from wsfallback.logs import FORMATS, LoggingService
from wsfallback.named import factoryNamed, handlerNamed
from wsfallback.policy import RANGES, Limits, checkSeconds
from wsfallback.ports import accepting
from wsfallback.quota import Quota
from wsfallback.reloading import IReloadable, ReloadingService
from wsfallback.rule_options import RuleOptions
from wsfallback.server import FallbackServerFactory
from wsfallback.services import (
    DEFAULT_ENDPOINT,
    SERVES,
    DrainingService,
    ListeningService,
)
from wsfallback.shown import Shown, StatusOptions
from wsfallback.stats import Statistics
from wsfallback.web import Files, PublicSite
from wsfallback.worker_options import WorkersOptions

_LIMITS = Limits()

#: Seconds for which the end waits for connections: ``closeTimeout`` twice, and something to send.
DRAIN = 5.0


def _draftsHelp() -> str:
    """
    What each draft is and who speaks it, from the table.
    """
    lines = ["Drafts:"]
    for draft in DRAFTS:
        lines += textwrap.wrap(
            f"{draft.name}: {draft.describes}; spoken by {draft.clients}",
            width=78,
            initial_indent="  ",
            subsequent_indent="      ",
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _option(name: str, text: str) -> list[object]:
    """
    The row of a number's option: the limit of the same name gives the default.
    """
    return [name, None, getattr(_LIMITS, _limitName(name)), text]


def _limitName(option: str) -> str:
    first, *others = option.split("-")
    return first + "".join(other.capitalize() for other in others)


def _number(name: str, text: str) -> float:
    """
    A limit as it was given.

    :raises ValueError: it is no number of its kind.
    """
    isSeconds = isinstance(RANGES[name][0], float)
    if not isSeconds and not (text.isascii() and text.isdigit()):
        raise ValueError("give a whole number")
    try:
        return float(text) if isSeconds else int(text)
    except ValueError:
        raise ValueError("give a number of seconds") from None


class Options(ConfigOptions, WorkersOptions, ForwardOptions, RuleOptions, StatusOptions):
    """
    The options of the command.
    """

    synopsis = "[options]"
    longdesc = "Serves every WebSocket client ever shipped on one port, and plain HTTP beside it."

    optFlags = [  # noqa: RUF012  # Twisted's way to declare them
        ["frames", None, "Hand over frames as they come instead of whole messages."],
        ["nagle", None, "Let TCP collect small writes (Nagle's algorithm)."],
        ["no-compress", None, "Don't accept permessage-deflate."],
    ]
    optParameters: list[list[Any]] = [  # noqa: RUF012
        [
            "handler",
            None,
            None,
            "Who answers: echo (the default), broadcast (every message to every other client),"
            " or package.module.Name of an IMessageHandler class or factory.",
        ],
        [
            "factory",
            None,
            None,
            "Serve a Twisted factory instead of a handler: package.module.name of an Autobahn"
            " WebSocketServerFactory or any other, or of a callable that returns one.",
        ],
        [
            "web",
            None,
            None,
            "Serve this directory's files over HTTP on the same port; a page to try the"
            " server without it.",
        ],
        _option("handshake-timeout", "Seconds for all of the handshake: TLS, head, challenge."),
        _option("max-head", "Bytes of a request's line and fields."),
        _option("max-message", "Bytes of a received message, inflated and in one piece."),
        _option("max-frame", "Bytes of a received frame, inflated."),
        _option("max-skipped", "Bytes of discarded frames in one hixie connection."),
        _option("idle-timeout", "Seconds without a byte, on drafts without ping."),
        _option("ping-interval", "Seconds without a byte until a ping, on drafts with it."),
        _option("ping-timeout", "Seconds without a byte after a ping."),
        _option("close-timeout", "Seconds for the client's half of a close."),
        _option("max-connections", "How many open connections at once; the next one gets 503."),
        _option(
            "max-handshakes",
            "How many connections that aren't open yet; beyond, who waits longest is dropped.",
        ),
        _option("max-per-address", "How many connections of one address; the next one gets 429."),
        _option(
            "max-new-per-address",
            "How many new connections of one address a second; more get 429.",
        ),
        _option("max-message-rate", "Messages a second from one client; more close with 1008."),
        _option("max-byte-rate", "Bytes a second from one client; more close with 1008."),
        _option("max-log-lines", "Lines of the log for one address a minute; more are summed up."),
        _option("max-send-queue", "Bytes that wait to be sent to a client that reads slowly."),
        [
            "full-queue",
            None,
            _LIMITS.fullQueue,
            "What to do with a message that has no room in --max-send-queue: close (1013), drop,"
            " or raise.",
        ],
        [
            "fragment",
            None,
            None,
            "Bytes: send longer messages in frames of this size; off by default.",
        ],
        [
            "invalid-text",
            None,
            _LIMITS.invalidText,
            "On hixie drafts, what to do with text that is not UTF-8: close or replace.",
        ],
        [
            "drain",
            None,
            DRAIN,
            "Seconds for connections to end in order when the command is stopped; 0: none.",
        ],
        ["log-format", None, FORMATS[0], "How to write the log: lines of text, or of json."],
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """
        Where to listen, a Twisted server string; repeatable [default: tcp:8080:interface=127.0.0.1]
        """
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_version(self) -> None:
        """
        Display the versions of wsfallback and Twisted, and exit.
        """
        # Here and not above: it is of the whole package, which need not be complete there.
        from wsfallback import __version__

        print(f"wsfallback {__version__}, Twisted {version}")
        raise SystemExit(0)

    def getUsage(self, width: int | None = None) -> str:
        """
        The help, and what the drafts are: Twisted would make one paragraph of their list.
        """
        return f"{super().getUsage(width)}\n{_draftsHelp()}\n"

    def parseArgs(self, *arguments: str) -> None:
        """
        There are only options.

        :raises usage.UsageError: there is something else.
        """
        if arguments:
            raise usage.UsageError(f"there are only options, and {arguments[0]!r} is none")

    def postOptions(self) -> None:
        """
        Check everything that can be checked before anything is opened.

        :raises usage.UsageError: with what to do.
        """
        if not self["listen"]:
            self["listen"].append(DEFAULT_ENDPOINT)
        self.checkListen()
        self.checkRules()
        self["limits"] = self._limits()
        self["drainSeconds"] = self._drainSeconds()
        if self["log-format"] not in FORMATS:
            given = self["log-format"]
            raise usage.UsageError(f"--log-format {given}: give {' or '.join(FORMATS)}")
        # To Twisted no name is the present directory, with whatever is in it.
        if self["web"] is not None and not (self["web"] and FilePath(self["web"]).isdir()):
            raise usage.UsageError(f"--web {self['web']}: there is no such directory")
        self.checkStatus()
        self.checkForward()
        if self["web"] is not None and "forwardHTTP" in self:
            raise usage.UsageError("--web and --forward-http exclude each other: give one of them")
        given = [each for each in ("handler", "factory") if self[each] is not None]
        given += ["forward"] if "" in self.get("forwards", {}) else []
        if len(given) > 1:
            first, second = given[:2]
            raise usage.UsageError(f"--{second} and --{first} exclude each other: give one of them")
        if self["factory"] is not None:
            self["application"] = factoryNamed(self["factory"])
        else:
            self["application"] = handlerNamed(self["handler"] or "echo")
        if self.get("forwards") and not given[:1]:
            # Only these paths: nobody has asked for an echo on the others.
            self["application"] = None

    def checkService(self) -> None:
        """
        Make the service, and leave it.

        :raises usage.UsageError: it can't be made.
        """
        # Here and not above: twistd chooses the reactor.
        from twisted.internet import reactor

        try:
            makeService(self)
            if self["workers"] > 1:
                # They would find it, one by one.
                _alone(self, reactor)
        except (OSError, TypeError, ValueError) as error:
            raise usage.UsageError(str(error)) from None

    def _limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = {
            "frames": bool(self["frames"]),
            "nagle": bool(self["nagle"]),
            "compress": not self["no-compress"],
        }
        for option in self.defaults:
            name = _limitName(option)
            if name in Limits.__dataclass_fields__ and name not in limits:
                value = self[option]
                try:
                    if name in RANGES and isinstance(value, str):
                        value = _number(name, value)
                    Limits(**{name: value})
                except ValueError as error:
                    wrong = str(error).removeprefix(f"{name} ")
                    raise usage.UsageError(f"--{option} {self[option]}: {wrong}") from None
                limits[name] = value
        return limits

    def _drainSeconds(self) -> float:
        seconds = self.secondsOf("drain")
        try:
            return seconds and checkSeconds("drain", seconds)
        except ValueError as error:
            raise usage.UsageError(f"--{error}; or 0") from None


def _site(options: Options, shown: Shown, reactor: IReactorTime) -> Site:
    directory = options["web"]
    root = Files(directory) if directory is not None else DemoPage()
    return PublicSite(
        shown.beside(root),
        options.get("hosts", []),
        options.get("trusted", []),
        Quota(reactor, Limits(**options["limits"]).maxLogLines),
    )


def makeService(options: Options) -> MultiService:
    """
    A service that listens on every endpoint, for one application: in this process or in several.
    """
    # Here and not above: twistd chooses the reactor.
    from twisted.internet import reactor

    logging = LoggingService(options["log-format"], options.parent or {})
    make = _several if options["workers"] > 1 else _alone
    make(options, reactor).setServiceParent(logging)
    return logging


def _alone(options: Options, reactor: Any) -> MultiService:
    statistics = Statistics(reactor)
    shown = Shown(options, reactor, statistics.snapshot)
    service, factory = serving(options, reactor, statistics, shown)
    return shown.around(service, lambda: not factory.isDraining)


def _several(options: Options, reactor: Any) -> MultiService:
    workers = options.workersService(reactor)
    shown = Shown(options, reactor, Gathered(reactor, workers.ask, workers.pids).snapshot)
    workers.answers[COMMAND] = shown.snapshot
    _reload(reactor, workers, [workers, *(each.endpoint for each in shown.listening)])
    return shown.around(workers, lambda: workers.isServing)


def serving(
    options: Options,
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
