"""
The command as a gateway: each old and new client in front of each backend, all foreign.
"""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.integration.conftest import Connect, Serve
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
from tests.integration.test_client import Start, start

__all__ = ["start"]

#: Backends, and the drafts that the gateway may use with them.
BACKENDS = {
    "ws": (NODE_SERVER, "rfc6455"),
    "websockets": (WEBSOCKETS_SERVER, "rfc6455"),
    "autobahn": (AUTOBAHN_SERVER, "rfc6455"),
    "em-websocket-76": (EM_WEBSOCKET, "hixie-76"),
    "websocket-driver-75": (DRIVER_SERVER, "hixie-75"),
}
#: Clients of one command line each, what is added to host and port, and their draft.
CLIENTS = {
    "perl-75": (PERL, ("draft-hixie-75",), "hixie-75"),
    "perl-76": (PERL, ("draft-hixie-76",), "hixie-76"),
    "ruby-76": (RUBY, (76,), "hixie-76"),
    "ruby-7": (RUBY, (7,), "hybi-07"),
    "ruby-8": (RUBY, (8,), "hybi-10"),
    "ruby-13": (RUBY, (13,), "rfc6455"),
}


async def gateway(serve: Serve, start: Start, backend: str) -> Any:
    """
    The command in front of a backend.
    """
    peer, drafts = BACKENDS[backend]
    port = await start(peer)
    return await serve("--forward", f"ws://127.0.0.1:{port}", "--backend-drafts", drafts)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest_twisted.ensureDeferred
async def test_commandLineClients(serve: Serve, start: Start, backend: str) -> None:
    """
    Unicode, the empty message and 100 kB come back, and the closes.
    """
    server = await gateway(serve, start, backend)
    for peer, arguments, draft in CLIENTS.values():
        report = await peer.report(*arguments, "127.0.0.1", server.port, "/")
        assert (report["draft"], report["closed"]) == (draft, True), report


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("peer", [NODE, WEBSOCKETS], ids=["ws", "websockets"])
@pytest_twisted.ensureDeferred
async def test_modern(serve: Serve, start: Start, peer: Peer, backend: str) -> None:
    """
    The same for clients of today.
    """
    server = await gateway(serve, start, backend)
    report = await peer.report(f"ws://127.0.0.1:{server.port}/")
    assert (report["draft"], report["closed"]) == ("rfc6455", True), report


@pytest.mark.parametrize("backend", BACKENDS)
@pytest_twisted.ensureDeferred
async def test_browsers(serve: Serve, start: Start, tmp_path: Path, backend: str) -> None:
    """
    An old and a new browser, on the page of the command.
    """
    server = await gateway(serve, start, backend)
    report = await PHANTOM.report(server.url)
    assert (report["draft"], report["echoes"]) == ("hixie-76", 3)
    report = await CHROMIUM.report(server.url, tmp_path / "chromium.png")
    assert (report["draft"], report["echoes"]) == ("rfc6455", 3)


@pytest_twisted.ensureDeferred
async def test_backendKilled(serve: Serve, connect: Connect) -> None:
    """
    The client sees a close, and the gateway serves on: 502 until there is a backend again.
    """
    backend = await serve()
    server = await serve("--forward", f"ws://127.0.0.1:{backend.port}")
    clients = [await connect(server.port, draft) for draft in ("hixie-76", "rfc6455")]
    for client in clients:
        await client.open()
        client.say("there?")
        assert await client.hear() == "there?"
    await backend.stop()
    hixie, modern = [await client.readEnd() for client in clients]
    assert hixie == b"\xff\x00"
    assert modern.startswith(b"\x88")
    client = await connect(server.port, "hixie-76")
    client.sendOpening()
    assert (await client.readAnswer()).status == 502


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
