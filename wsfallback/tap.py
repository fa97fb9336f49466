"""
``twistd wsfallback``: its options, and the service that they describe.
"""

import textwrap
from typing import Any, cast

from twisted.application.service import MultiService, Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath
from twisted.web.server import Site

from wsfallback.demo import DRAFT_PATH, DemoPage, DraftName
from wsfallback.drafts.table import DRAFTS
from wsfallback.forwards import ForwardOptions
from wsfallback.named import factoryNamed, handlerNamed
from wsfallback.policy import RANGES, Limits, OriginPattern
from wsfallback.server import FallbackServerFactory
from wsfallback.web import Files

DEFAULT_ENDPOINT = "tcp:8080:interface=127.0.0.1"
_log = Logger()

_LIMITS = Limits()


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


class Options(ForwardOptions):
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
        [
            "drafts",
            None,
            ",".join(draft.name for draft in DRAFTS),
            "Which drafts to serve, by name, with commas between.",
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
        _option("max-connections", "How many connections at once; the next one gets 503."),
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
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []
        self["origins"] = []

    def opt_listen(self, endpoint: str) -> None:
        """
        Where to listen, a Twisted server string; repeatable [default: tcp:8080:interface=127.0.0.1]
        """
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def opt_origin(self, pattern: str) -> None:
        """
        Which origin may connect: scheme://host:port, * for any part; repeatable [default: any]
        """
        try:
            self["origins"].append(OriginPattern(pattern) and pattern)
        except ValueError as error:
            raise usage.UsageError(f"--origin {pattern}: {error}") from None

    def getUsage(self, width: int | None = None) -> str:
        """
        The help, and what the drafts are: Twisted would make one paragraph of their list.
        """
        return f"{super().getUsage(width)}\n{_draftsHelp()}\n"

    def parseArgs(self) -> None:
        """
        There are only options.
        """

    def postOptions(self) -> None:
        """
        Check everything that can be checked before anything is opened.

        :raises usage.UsageError: with what to do.
        """
        if not self["listen"]:
            self["listen"].append(DEFAULT_ENDPOINT)
        for endpoint in self["listen"]:
            _checkEndpoint(endpoint)
        self["draftNames"] = self.draftsOf("drafts")
        self["limits"] = self._limits()
        if self["web"] is not None and not FilePath(self["web"]).isdir():
            raise usage.UsageError(f"--web {self['web']}: there is no such directory")
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


def _checkEndpoint(endpoint: str) -> None:
    """
    :raises usage.UsageError: Twisted can't make a listener of it.
    """
    try:
        serverFromString(None, endpoint)
    except ImportError as error:
        raise usage.UsageError(
            f"--listen {endpoint}: {error}; TLS needs pip install 'wsfallback[tls]'"
        ) from None
    except Exception as error:  # each kind of endpoint has its own way to fail
        raise usage.UsageError(
            f"--listen {endpoint}: {type(error).__name__}: {error}; give a Twisted server string"
            f" such as {DEFAULT_ENDPOINT}"
        ) from None


class ListeningService(Service):
    """
    Listens, says where, and ends the command where it can't.
    """

    def __init__(self, reactor: object, description: str, factory: IProtocolFactory) -> None:
        self._description = description
        self._endpoint = serverFromString(reactor, description)
        self._factory = factory
        self._port: Deferred[IListeningPort] | None = None
        self._isStarting = True
        self._failure: Failure | None = None

    def privilegedStartService(self) -> None:
        """
        Listen, while we may still be root.
        """
        self._port = self._endpoint.listen(self._factory)
        self._port.addCallback(self._listening)
        self._port.addErrback(self._failed)
        self._isStarting = False
        # A port that is taken fails at once; a server without it is none.
        if self._failure is not None:
            raise SystemExit(
                f"wsfallback: --listen {self._description}: {self._failure.getErrorMessage()}"
            )

    def startService(self) -> None:
        """
        Listen, if that was not done as root.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._port is None:
            self.privilegedStartService()

    def stopService(self) -> Deferred[object]:
        """
        Stop listening.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        assert self._port is not None, "stopped before it was started"
        self._port.cancel()
        return self._port.addCallback(_stopped)

    def _failed(self, failure: Failure) -> None:
        if self._isStarting:
            self._failure = failure
        elif not failure.check(CancelledError):
            _log.failure("{where} is not served", failure, where=self._description)

    def _listening(self, port: IListeningPort) -> IListeningPort:
        where = self._description
        address = port.getHost()
        if isinstance(address, (IPv4Address, IPv6Address)):
            # By its options: the port object doesn't tell.
            scheme = "https" if where.startswith(("ssl:", "haproxy:ssl:")) else "http"
            host = f"[{address.host}]" if ":" in address.host else address.host
            where = f"{scheme}://{host}:{address.port}/"
        _log.info("wsfallback serves on {where}", where=where)
        return port


def _stopped(port: IListeningPort | None) -> object:
    return port.stopListening() if port is not None else None


def _site(directory: str | None) -> Site:
    site = Site(Files(directory) if directory is not None else DemoPage())
    site.displayTracebacks = False
    return site


def makeService(options: Options) -> MultiService:
    """
    A service that listens on every endpoint, for one application.
    """
    # Here and not above: twistd chooses the reactor.
    from twisted.internet import reactor

    site = options.proxy(reactor) or _site(options["web"])
    routes: dict[str, Any] = dict(options.gateways(reactor))
    application = routes.pop("", options["application"])
    if isinstance(site, Site) and options["web"] is None:
        # The page asks there, which draft it was served with.
        routes[DRAFT_PATH] = DraftName
    factory = FallbackServerFactory(
        application,
        routes=routes,
        site=site,
        drafts=options["draftNames"],
        origins=options["origins"],
        reactor=cast(IReactorTime, reactor),
        **options["limits"],
    )
    services = MultiService()
    for endpoint in options["listen"]:
        ListeningService(reactor, endpoint, factory).setServiceParent(services)  # type: ignore[no-untyped-call]
    return services
