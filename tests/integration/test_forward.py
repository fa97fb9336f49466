"""
The command as a gateway: each old and new client in front of each backend, all of them foreign.

What is seen makes the table of the documentation; see `test_table`.
"""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGKILL
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.task import deferLater

from tests.integration import matrix
from tests.integration.children import COMMAND, Child, Served, environment
from tests.integration.conftest import Connect, Serve, Start
from tests.integration.foreign import LONG, Running, reported
from tests.integration.matrix import BACKENDS, CHECKS, CLIENTS, SCENARIOS, SLOW, Talk
from tests.integration.scenarios import UNICODE, Scenario, digested, numbered
from tests.integration.support import ANYWHERE, until

#: Of 64 KiB each, for who is slow. Less than 32 MiB are in the sockets of two connections.
COUNT = 1024
#: Bytes by which the gateway may have grown then.
MOST = 16 << 20

#: Clients, backends and lines of the legend: what has been tried, and what was good.
_tried: set[tuple[str, str, str]] = set()
_passed: set[tuple[str, str, str]] = set()


@dataclass
class Meeting:
    """
    All clients in front of one backend, which is killed in the end.

    :ivar descriptors: how many the gateway had before.
    :ivar reports: the clients', or why there is none.
    :ivar children: the clients.
    """

    name: str
    running: Running
    gateway: Served
    descriptors: int = 0
    reports: dict[str, Any] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)

    async def meet(self, names: list[str], directory: Path) -> list[tuple[str, Child]]:
        """
        Have clients do all they shall, one after the other, until each waits for the kill.
        """
        waiting: list[tuple[str, Child]] = []
        for name in names:
            try:
                child = await CLIENTS[name].begin(self.gateway.port, directory, name, SCENARIOS)
            except (pytest.skip.Exception, pytest.fail.Exception) as error:
                self.reports[name] = error
                continue
            waiting.append((name, child))
            self.children.append(child)
            await until(lambda at=(name, child): self._isReady(*at), "a client's work", child, LONG)
        return waiting

    def _isReady(self, name: str, child: Child) -> bool:
        """
        Whether a client waits for the kill, and the backend has told of its close before that.
        """
        waits = self.running.told("waits", f"/{name}/waits")
        return child.ended or bool(waits and self.running.told("closed", f"/{name}/leaves"))

    async def kill(self, waiting: list[tuple[str, Child]]) -> None:
        """
        Kill the backend, and see what its clients report.
        """
        os.kill(self.running.pid, SIGKILL)
        for name, child in waiting:
            try:
                self.reports[name] = await reported(child)
            except AssertionError as error:
                self.reports[name] = error
        await until(lambda: self.running.ended, "the end of the backend", self.running)

    def reportOf(self, name: str) -> dict[str, Any]:
        """
        What a client has reported.
        """
        report = self.reports[name]
        if isinstance(report, BaseException):
            raise report
        return dict(report)


@pytest_twisted.async_yield_fixture(scope="module", params=BACKENDS)
async def meeting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Meeting]:
    """
    One for each backend: each client is started once, as that takes most of the time.
    """
    name = request.param
    directory = tmp_path_factory.mktemp(name)
    running = await BACKENDS[name].peer.serve(directory)
    options = ("--forward", running.url, "--backend-drafts", BACKENDS[name].draft)
    # Those that are ready first wait in silence for the others.
    options += ("--idle-timeout", f"{LONG:g}")
    gateway = Served(
        (*COMMAND, "--listen", ANYWHERE, *options), env=environment(), directory=directory
    )
    made = Meeting(name, running, gateway)
    try:
        await gateway.ready(1)
        made.descriptors = gateway.descriptors()
        # A browser takes as long as all others.
        pages = [[each] for each in CLIENTS if CLIENTS[each].isPage]
        others = [each for each in CLIENTS if not CLIENTS[each].isPage]
        meetings = [ensureDeferred(made.meet(names, directory)) for names in (*pages, others)]
        waiting = [each for lane in await gatherResults(meetings) for each in lane]
        await made.kill(waiting)
        yield made
    finally:
        for child in (*made.children, running, gateway):
            await child.stop()
    assert not gateway.hasTraceback(), gateway


@pytest.mark.parametrize("name", CLIENTS)
def test_pair(meeting: Meeting, name: str) -> None:
    """
    All that a client and a backend have to do with each other.
    """
    report = meeting.reportOf(name)
    assert report["draft"] == CLIENTS[name].draft
    talk = Talk(
        CLIENTS[name],
        BACKENDS[meeting.name],
        report["seen"],
        lambda scenario: meeting.running.told("closed", f"/{name}/{scenario}"),
    )
    wrong = {}
    for line, check in CHECKS.items():
        _tried.add((name, meeting.name, line))
        try:
            check(talk)
        except AssertionError as error:
            wrong[line] = str(error)
        else:
            _passed.add((name, meeting.name, line))
    assert not wrong, wrong


@pytest_twisted.ensureDeferred
async def test_afterwards(meeting: Meeting, connect: Connect, tmp_path: Path) -> None:
    """
    Of the connections to a backend that was killed nothing is left, and the gateway serves on:
    502 until there is a backend again.
    """
    gateway = meeting.gateway
    await until(
        lambda: gateway.descriptors() <= meeting.descriptors,
        "descriptors to be given back",
        gateway,
        LONG,
    )
    for draft in ("hixie-76", "rfc6455"):
        client = await connect(gateway.port, draft)
        client.sendOpening()
        assert (await client.readAnswer()).status == 502
    again = await BACKENDS[meeting.name].peer.serve(tmp_path, meeting.running.port)
    try:
        for draft in ("hixie-76", "rfc6455"):
            client = await connect(gateway.port, draft)
            await client.open()
            client.say(UNICODE)
            assert await client.hear() == UNICODE
    finally:
        await again.stop()


async def standstill(gateway: Served, writer: Child) -> None:
    """
    Wait until a gateway does nothing any more, and nothing more is taken from who writes.

    A busy machine may look so before its time; that makes no test fail.
    """
    from twisted.internet import reactor

    last = None
    while last != (last := (gateway.ticks(), writer.written())):
        await deferLater(reactor, 0.3)


#: A backend that stops to read, and a client; each is told in the end what came meanwhile.
SLOW_BACKEND = Scenario(
    "slow", [("send", "collect", 1), *numbered(COUNT), ("send", "sum", 1), ("hear", 1), ("close",)]
)
SLOW_CLIENT = Scenario(
    "slow", [("send", f"pour {COUNT}", 1), ("stop",), ("hear", COUNT), ("close",)], isDigested=True
)
PAIRS = pytest.mark.parametrize(
    ("client", "backend"), [(client, backend) for client in SLOW for backend in BACKENDS]
)


@dataclass
class Interrupted:
    """
    A client and a backend, one of which stops to read for a while.
    """

    serve: Serve
    start: Start
    directory: Path

    async def heard(self, client: str, backend: str, scenario: Scenario, *options: str) -> Any:
        """
        Have them talk.

        :param options: of the gateway.
        :returns: what the client reports.
        """
        running = await self.start(BACKENDS[backend].peer)
        drafts = BACKENDS[backend].draft
        gateway = await self.serve("--forward", running.url, "--backend-drafts", drafts, *options)
        before = gateway.peak()
        child = await CLIENTS[client].begin(gateway.port, self.directory, client, [scenario])
        reader, writer = (running, child) if scenario is SLOW_BACKEND else (child, running)
        try:
            await until(lambda: reader.isStopped() or child.ended, "the reader to stop", child)
            await standstill(gateway, writer)
            assert not child.ended, child
            # To be seen of those that write with write(2).
            assert writer.written() < COUNT * 65536 / 2
            os.kill(reader.pid, SIGCONT)
            report = await reported(child)
        finally:
            for each in (child, running):
                await each.kill()
        # From the beginning to the end, for it is the most that there was.
        assert gateway.peak() - before < MOST
        return report["seen"]["slow"]["heard"]


@pytest.fixture
def interrupted(serve: Serve, start: Start, tmp_path: Path) -> Interrupted:
    """
    A slow reader of the own test.
    """
    return Interrupted(serve, start, tmp_path)


@PAIRS
@pytest_twisted.ensureDeferred
async def test_slowBackend(interrupted: Interrupted, client: str, backend: str) -> None:
    """
    The client is stopped in its writing, the gateway doesn't grow, and nothing is lost.
    """
    line = (client, backend, "slowBackend")
    _tried.add(line)
    (heard,) = await interrupted.heard(client, backend, SLOW_BACKEND, "--no-compress")
    assert json.loads(heard) == digested(COUNT)
    _passed.add(line)


@PAIRS
@pytest_twisted.ensureDeferred
async def test_slowClient(interrupted: Interrupted, client: str, backend: str) -> None:
    """
    The same the other way round.
    """
    line = (client, backend, "slowClient")
    _tried.add(line)
    heard = await interrupted.heard(client, backend, SLOW_CLIENT, "--no-compress")
    assert heard == digested(COUNT)
    _passed.add(line)


@pytest_twisted.ensureDeferred
async def test_slowAndDeflated(interrupted: Interrupted) -> None:
    """
    Deflated, all of it is in the gateway before anything stops; and that doesn't grow either.
    """
    (heard,) = await interrupted.heard("ws", "em-websocket", SLOW_BACKEND)
    assert json.loads(heard) == digested(COUNT)
    assert await interrupted.heard("perl-76", "ws", SLOW_CLIENT) == digested(COUNT)


@pytest_twisted.ensureDeferred
async def test_paths(serve: Serve, connect: Connect) -> None:
    """
    Only the paths that are forwarded are there.
    """
    backend = await serve()
    server = await serve("--forward", f"/chat=ws://127.0.0.1:{backend.port}")
    client = await connect(server.port, "hixie-76")
    await client.open(path="/chat")
    client.say("hello")
    assert await client.hear() == "hello"
    client = await connect(server.port, "hixie-76")
    client.sendOpening(path="/other")
    assert (await client.readAnswer()).status == 404


def test_table() -> None:
    """
    The table of the documentation says what the tests above have seen; ``make matrix`` has them
    write it.
    """
    if _tried != set(matrix.whole()):
        pytest.skip("only a part of the table was run")
    if os.environ.get("WSFALLBACK_MATRIX") == "write":
        matrix.FILE.write_text(matrix.table(_passed), "utf-8")
    assert matrix.FILE.read_text("utf-8") == matrix.table(_passed), "make matrix writes it anew"
