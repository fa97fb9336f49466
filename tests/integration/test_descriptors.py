"""
Out of file descriptors: accepting stops and comes back, and nothing dies.
"""

from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.children import COMMAND, PYTHON, Served
from tests.integration.conftest import Connect, Serve
from tests.integration.connections import Connection, DraftClient
from tests.integration.support import ANYWHERE, DRAFTS, until
from tests.integration.test_command import checkEcho, checkPage, get

LIMIT = 80

#: Runs the rest of its command line with few descriptors.
LIMITED = (
    *(PYTHON, "-c"),
    "import os, resource, sys\n"
    f"resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n",
)

#: With room for all that wait.
WHERE = f"{ANYWHERE}:backlog=1000"

FULL = f"out of file descriptors ({LIMIT}): new connections wait"
AGAIN = "connections are accepted again"


async def fill(server: Served, connect: Connect) -> list[Connection]:
    """
    Connect until no more are accepted.
    """
    crowd: list[Connection] = []
    while FULL not in server.log and len(crowd) < 3 * LIMIT:
        crowd.append(await connect(server.port))
    await until(lambda: FULL in server.log, "the last descriptor", server)
    return crowd


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
@pytest_twisted.ensureDeferred
async def test_acceptingComesBack(serve: Serve, connect: Connect, workers: tuple[str, ...]) -> None:
    """
    Who is connected is served; who comes waits, however many try, until somebody leaves; and the
    log has a line for it and not one for each.
    """
    server = await serve(
        "--handshake-timeout", "3600", *workers, command=(*LIMITED, *COMMAND), listen=(WHERE,)
    )
    good = [await connect(server.port, draft) for draft in DRAFTS]
    for client in good:
        await client.open()
    crowd = [await fill(server, connect)]
    if workers:
        # The other worker has had them meanwhile, as long as it could.
        while server.log.count(FULL) < 2:
            crowd.append([await connect(server.port)])
    waiting = await connect(server.port, "hixie-76")
    waiting.sendOpening()
    for _ in range(5):
        for client in good:
            await checkEcho(client)
        for _ in range(5):
            (await connect(server.port)).drop()
    assert not waiting.received
    assert waiting.lost is None
    assert server.descriptors() <= LIMIT
    for each in (client for some in crowd for client in some):
        each.drop()
    await waiting.readOpening()
    await checkEcho(waiting)
    await checkPage(await connect(server.port))
    for client in good:
        await checkEcho(client)
    assert AGAIN in server.log
    assert server.log.count(FULL) == (2 if workers else 1)
    assert "EMFILE" not in server.log


@pytest_twisted.ensureDeferred
async def test_noDescriptorForABackend(serve: Serve, connect: Connect) -> None:
    """
    Who is in, and finds no descriptor for a backend, is told so; the others go on.
    """
    backend = await serve()
    gateway = await serve(
        *("--handshake-timeout", "3600", "--backend-timeout", "3599"),
        *("--forward", f"ws://127.0.0.1:{backend.port}"),
        command=(*LIMITED, *COMMAND),
        listen=(WHERE,),
    )
    clients: list[DraftClient] = [await connect(gateway.port, "rfc6455") for _ in range(40)]
    served, refused = [], []
    for client in clients:
        client.sendOpening()
        head = await client.readHead()
        (served if head.startswith(b"HTTP/1.1 101 ") else refused).append(client)
        assert head.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 502 ", b"HTTP/1.1 503 ")), head
    assert served
    assert refused
    for client in served:
        await checkEcho(client)
        client.drop()
    late = await connect(gateway.port, "hixie-76")
    await late.open()
    await checkEcho(late)


@pytest_twisted.ensureDeferred
async def test_files(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    What is kept back is enough to serve those who are in.
    """
    (tmp_path / "a.txt").write_text("a file")
    server = await serve(
        *("--handshake-timeout", "3600", "--web", str(tmp_path)),
        command=(*LIMITED, *COMMAND),
        listen=(WHERE,),
    )
    crowd = await fill(server, connect)
    for client in crowd[:20]:
        client.send(get("/a.txt"))
        assert (await client.readAnswer()).body == b"a file"
