"""
Servers and clients, which are gone when the test is over.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import (
    clientFromString,
    connectProtocol,
    serverFromString,
    wrapClientTLS,
)
from twisted.internet.interfaces import IListeningPort
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.logger import LogEvent, globalLogPublisher

from tests.integration.children import COMMAND, Served, environment
from tests.integration.connections import Connection, DraftClient
from tests.integration.foreign import Peer, Running
from tests.integration.support import ANYWHERE
from wsfallback import FallbackServerFactory

Serve = Callable[..., Awaitable[Served]]
Connect = Callable[..., Awaitable[Any]]
Listen = Callable[..., Awaitable[int]]
Start = Callable[..., Awaitable[Running]]


async def _end(server: Served) -> None:
    """
    As an administrator does it; and it has had no trouble that the test doesn't know of.
    """
    if server.status is None:
        await server.stop()
        # twistd shuts down in order, and then lets the signal have its way.
        assert server.status == -SIGTERM, server
        assert "Server Shut Down." in server.log, server
    assert server.isExpectedToFail or not server.hasTraceback(), server


@pytest_twisted.async_yield_fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """
    Run the command, any number of times; each is ended by SIGTERM.

    ``await serve("--handler", "broadcast")`` returns when it listens: on a free port of this
    machine, or on each of ``listen``. ``command`` is another form of the command, ``inherited``
    what it has as descriptors 3 and following, ``env`` its environment. Its working directory is
    the test's.
    """
    servers = []

    async def start(
        *options: str,
        listen: tuple[str, ...] = (ANYWHERE,),
        command: tuple[str, ...] = COMMAND,
        inherited: tuple[int, ...] = (),
        env: dict[str, str] | None = None,
    ) -> Served:
        endpoints = [word for endpoint in listen for word in ("--listen", endpoint)]
        server = Served(
            [*command, *endpoints, *options],
            env=environment() if env is None else env,
            directory=tmp_path,
            inherited=inherited,
        )
        servers.append(server)
        await server.ready(len(listen))
        return server

    yield start
    for server in servers:
        await _end(server)


@pytest_twisted.async_yield_fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """
    Run foreign servers, which are ended by their pids.
    """
    servers: list[Running] = []

    async def starting(peer: Peer, port: int = 0) -> Running:
        server = await peer.serve(tmp_path, port)
        servers.append(server)
        return server

    yield starting
    for server in servers:
        await server.stop()


@asynccontextmanager
async def serving(directory: Path, *options: str, listen: str = ANYWHERE) -> AsyncIterator[Served]:
    """
    Run the command once, where `serve` can't: for more than one test.
    """
    command = [*COMMAND, "--listen", listen, *options]
    server = Served(command, env=environment(), directory=directory)
    try:
        await server.ready(1)
        yield server
    finally:
        await _end(server)


@pytest_twisted.async_yield_fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """
    The command as it is, once for all tests of a module.
    """
    async with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest_twisted.async_yield_fixture
async def connect() -> AsyncIterator[Connect]:
    """
    Connect to a port of this machine, or to what a client's endpoint string says.

    ``await connect(port, "hixie-76")`` has a `DraftClient`, which hasn't said anything yet;
    without a draft it is a bare `Connection`. With ``trust``, a certificate in PEM, by TLS, to a
    server that has one for ``name``; with ``offered`` these protocols are offered there, by ALPN.
    """
    from twisted.internet import reactor

    clients: list[Connection] = []

    async def start(
        where: int | str,
        draft: str | None = None,
        *,
        trust: bytes | None = None,
        name: str = "localhost",
        offered: Sequence[bytes] = (),
    ) -> Connection:
        client = Connection() if draft is None else DraftClient(draft)
        description = where if isinstance(where, str) else f"tcp:127.0.0.1:{where}"
        endpoint = clientFromString(reactor, description)
        if trust is not None:
            options = optionsForClientTLS(
                name, Certificate.loadPEM(trust), acceptableProtocols=list(offered)
            )
            endpoint = wrapClientTLS(options, endpoint)
        clients.append(client)
        await connectProtocol(endpoint, client)
        return client

    yield start
    for client in clients:
        client.drop()


@pytest_twisted.async_yield_fixture
async def listen() -> AsyncIterator[Listen]:
    """
    Serve a factory in this process, on the port that is returned.

    ``port = await listen(factory)``. Nothing may be logged as an error.
    """
    from twisted.internet import reactor

    ports: list[IListeningPort] = []
    troubles: list[LogEvent] = []

    def observe(event: LogEvent) -> None:
        if "log_failure" in event or event.get("isError"):
            troubles.append(event)

    async def start(factory: FallbackServerFactory) -> int:
        port = await serverFromString(reactor, ANYWHERE).listen(factory)
        ports.append(port)
        number: int = port.getHost().port
        return number

    globalLogPublisher.addObserver(observe)
    try:
        yield start
        for port in ports:
            await port.stopListening()
    finally:
        globalLogPublisher.removeObserver(observe)
    assert not troubles
