"""
The gateway between foreign clients and foreign backends: who they are, what they do with each
other, what is to come of it, and the table of what has.

The table is a file of the documentation, which only the tests write.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.children import ROOT, Child
from tests.integration.foreign import (
    AUTOBAHN_SERVER,
    CHROMIUM,
    DRIVER_SERVER,
    EM_WEBSOCKET,
    NODE,
    NODE_SERVER,
    PERL,
    PHANTOM,
    RUBY,
    WEBSOCKETS,
    WEBSOCKETS_SERVER,
    Peer,
)
from tests.integration.scenarios import (
    DRAFT,
    MEGABYTE,
    UNICODE,
    Scenario,
    atOnce,
    inTurn,
    script,
)

FILE = ROOT / "docs" / "howto" / "gateway_matrix.json"


@dataclass(frozen=True)
class Speaker:
    """
    A foreign program, at either end.
    """

    title: str
    peer: Peer
    draft: str

    @property
    def hasCodes(self) -> bool:
        """
        Whether its draft has close codes.
        """
        return not self.draft.startswith("hixie")


@dataclass(frozen=True)
class Backend(Speaker):
    """
    A column of the table.

    :ivar uncoded: what its library says of a close without a code.
    """

    uncoded: tuple[int | None, str | None] = (1005, "")


@dataclass(frozen=True)
class Client(Speaker):
    """
    A row of the table.

    :ivar arguments: what it is told before the URL.
    :ivar isPage: it is a page, which a browser has from the gateway itself.
    """

    arguments: tuple[str, ...] = ()
    isPage: bool = False

    async def begin(
        self, port: int, directory: Path, name: str, scenarios: Iterable[Scenario]
    ) -> Child:
        """
        Have it do what is asked of it.

        :param port: of the gateway.
        :param directory: for what it needs.
        :param name: its own, in the paths that it asks for.
        """
        where = f"{'http' if self.isPage else 'ws'}://127.0.0.1:{port}"
        mine = directory / name
        mine.mkdir()
        arguments = [*self.arguments, where]
        if self.peer is CHROMIUM:
            arguments.append(str(mine / "picture.png"))
        return await self.peer.begin(*arguments, directory=mine, scenarios=script(scenarios, name))


BACKENDS = {
    "ws": Backend("npm ws", NODE_SERVER, "rfc6455"),
    "websockets": Backend("Python websockets", WEBSOCKETS_SERVER, "rfc6455"),
    "autobahn": Backend("Autobahn", AUTOBAHN_SERVER, "rfc6455", (None, "")),
    # It has no other word for the end of a hixie connection.
    "em-websocket": Backend("em-websocket", EM_WEBSOCKET, "hixie-76", (1006, None)),
    "websocket-driver": Backend("websocket-driver", DRIVER_SERVER, "hixie-75", (None, None)),
}
CLIENTS = {
    "chromium": Client("Chromium", CHROMIUM, "rfc6455", isPage=True),
    "phantom": Client("PhantomJS 1.9.8", PHANTOM, "hixie-76", isPage=True),
    "perl-75": Client("Perl Protocol::WebSocket", PERL, "hixie-75", ("draft-hixie-75",)),
    "perl-76": Client("Perl Protocol::WebSocket", PERL, "hixie-76", ("draft-hixie-76",)),
    "ruby-76": Client("Ruby gem websocket", RUBY, "hixie-76", ("76",)),
    "ruby-7": Client("Ruby gem websocket", RUBY, "hybi-07", ("7",)),
    "ruby-8": Client("Ruby gem websocket", RUBY, "hybi-10", ("8",)),
    "ruby-13": Client("Ruby gem websocket", RUBY, "rfc6455", ("13",)),
    "ws": Client("npm ws", NODE, "rfc6455"),
    "websockets": Client("Python websockets", WEBSOCKETS, "rfc6455"),
}
#: Those that are slow, or meet a slow backend: one of yesterday, one of today.
SLOW = ("perl-76", "ws")

_NUMBERS = tuple(map(str, range(1000)))
_BYE, _ASKED, _DONE = (4002, "bye"), (4001, "as asked"), (1000, "done")

#: What each client does with each backend; the last is over when the backend is killed.
SCENARIOS = [
    DRAFT,
    Scenario("unicode", inTurn(UNICODE)),
    Scenario("empty", inTurn("")),
    Scenario("megabyte", inTurn(MEGABYTE)),
    Scenario("thousand", atOnce(*_NUMBERS)),
    Scenario("leaves", [("send", "x", 1), ("hear", 1), ("close", *_BYE)]),
    Scenario("asks", [("send", "close {} {}".format(*_ASKED), 1)]),
    Scenario("asksForTheEnd", [("send", "close {} {}".format(*_DONE), 1)]),
    Scenario("waits", [("send", "x", 1), ("hear", 1), ("send", "wait", 1)]),
]


@dataclass(frozen=True)
class Talk:
    """
    What a client and a backend have said to each other, and what is to be said of it.

    :ivar seen: the client's report of each scenario.
    :ivar closed: what the backend says of the close of one.
    """

    client: Client
    backend: Backend
    seen: dict[str, Any]
    closed: Callable[[str], list[Any]]

    def unicode(self) -> None:
        """
        Unicode comes back.
        """
        self._comesBack("unicode", UNICODE)

    def empty(self) -> None:
        """
        The empty message comes back.
        """
        self._comesBack("empty", "")

    def megabyte(self) -> None:
        """
        A message of 1 MB comes back.
        """
        self._comesBack("megabyte", MEGABYTE)

    def thousand(self) -> None:
        """
        A thousand small messages, sent at once, come back in order.
        """
        self._comesBack("thousand", *_NUMBERS)

    def clientCloses(self) -> None:
        """
        The client closes, and the backend is told, with code and reason where both have them.
        """
        self._ends("leaves", _BYE if self.client.hasCodes else None, "x")
        hasBoth = self.client.hasCodes and self.backend.hasCodes
        wanted = _BYE if hasBoth else self.backend.uncoded
        _same("the backend's close", self.closed("leaves"), [list(wanted)])

    def backendCloses(self) -> None:
        """
        The backend closes, and the client is told, likewise.
        """
        hasBoth = self.client.hasCodes and self.backend.hasCodes
        for scenario, wanted in (("asks", _ASKED), ("asksForTheEnd", _DONE)):
            self._ends(scenario, wanted if hasBoth else None)

    def killed(self) -> None:
        """
        The backend is killed, and the client is told: with 1001 where it is known that this was
        no close, and the client's draft has codes.
        """
        # The end of TCP between two messages is a close on hixie drafts.
        isCoded = self.client.hasCodes and self.backend.hasCodes
        self._ends("waits", (1001, "") if isCoded else None, "x")

    def _comesBack(self, scenario: str, *messages: str) -> None:
        seen = self._reported(scenario)
        _same("heard", seen["heard"], list(messages))
        self._isOver(seen)

    def _ends(self, scenario: str, coded: tuple[int, str] | None, *messages: str) -> None:
        seen = self._reported(scenario)
        _same("heard", seen["heard"], list(messages))
        _same("the client's close", (seen["code"], seen["reason"]), coded or (None, None))
        self._isOver(seen)

    def _reported(self, scenario: str) -> dict[str, Any]:
        seen: dict[str, Any] = self.seen[scenario]
        _same("error", seen.get("error"), None)
        return seen

    def _isOver(self, seen: dict[str, Any]) -> None:
        """
        By a close frame where the draft has one, and by the end of TCP, as far as it is told.
        """
        hasFrame = self.client.draft != "hixie-75"
        isTold = not self.client.isPage or self.client.hasCodes
        _same("a close frame", seen["frame"], hasFrame if isTold else None)
        _same("the end of TCP", seen["tcp"], None if self.client.isPage else True)


def _same(what: str, found: object, wanted: object) -> None:
    """
    :raises AssertionError: they differ. It shows a megabyte's beginning only.
    """
    if found != wanted:
        raise AssertionError(f"{what}: {found!r:.200}, not {wanted!r:.200}")


#: The lines of the table's legend: what can be seen of each pair.
CHECKS: dict[str, Callable[[Talk], None]] = {
    each.__name__: each
    for each in (
        Talk.unicode,
        Talk.empty,
        Talk.megabyte,
        Talk.thousand,
        Talk.clientCloses,
        Talk.backendCloses,
        Talk.killed,
    )
}


def slowBackend() -> None:
    """
    A backend reads nothing for a while: the client is stopped in the middle of 64 MiB, the
    gateway's memory stays as it is, and in the end everything is there, in order.
    """


def slowClient() -> None:
    """
    A client reads nothing for a while: the same the other way round.
    """


LEGEND = {**CHECKS, "slowBackend": slowBackend, "slowClient": slowClient}


def whole() -> Iterator[tuple[str, str, str]]:
    """
    Client, backend and line of the legend: all that there are to try.
    """
    for client in CLIENTS:
        for backend in BACKENDS:
            for line in LEGEND:
                if line in CHECKS or client in SLOW:
                    yield client, backend, line


def table(passed: set[tuple[str, str, str]]) -> str:
    """
    The file.

    :param passed: of those of `whole`.
    """
    cells = {
        client: {
            backend: [line for line in LEGEND if (client, backend, line) in passed]
            for backend in BACKENDS
        }
        for client in CLIENTS
    }
    content = {
        "legend": {name: " ".join((each.__doc__ or "").split()) for name, each in LEGEND.items()},
        "backends": {name: [each.title, each.draft] for name, each in BACKENDS.items()},
        "clients": {name: [each.title, each.draft] for name, each in CLIENTS.items()},
        "passed": cells,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
