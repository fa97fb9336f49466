"""
``twistd wsfallback``: its options, and the service that they describe.
"""

import textwrap
from typing import Any

from twisted.application.service import MultiService
from twisted.copyright import version
from twisted.python import usage
from twisted.python.filepath import FilePath

from wsfallback.config import ConfigOptions
from wsfallback.drafts.table import DRAFTS
from wsfallback.forwards import ForwardOptions
from wsfallback.limit_options import LimitOptions
from wsfallback.logs import FORMATS, LoggingService
from wsfallback.named import factoryNamed, handlerNamed
from wsfallback.policy import checkSeconds
from wsfallback.rule_options import RuleOptions
from wsfallback.services import DEFAULT_ENDPOINT
from wsfallback.serving import alone, together
from wsfallback.shown import StatusOptions
from wsfallback.worker_options import WorkersOptions

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


class Options(
    ConfigOptions, WorkersOptions, ForwardOptions, RuleOptions, LimitOptions, StatusOptions
):
    """
    The options of the command.
    """

    synopsis = "[options]"
    longdesc = "Serves every WebSocket client ever shipped on one port, and plain HTTP beside it."

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
        self.checkLimits()
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
                alone(self, reactor)
        except (OSError, TypeError, ValueError) as error:
            raise usage.UsageError(str(error)) from None

    def _drainSeconds(self) -> float:
        seconds = self.secondsOf("drain")
        try:
            return seconds and checkSeconds("drain", seconds)
        except ValueError as error:
            raise usage.UsageError(f"--{error}; or 0") from None


def makeService(options: Options) -> MultiService:
    """
    A service that listens on every endpoint, for one application: in this process or in several.
    """
    # Here and not above: twistd chooses the reactor.
    from twisted.internet import reactor

    logging = LoggingService(options["log-format"], options.parent or {})
    make = together if options["workers"] > 1 else alone
    make(options, reactor).setServiceParent(logging)
    return logging
