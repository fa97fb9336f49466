"""
Clients that don't read: what they cost the process, and that others are served meanwhile.
"""

import os
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.children import Served, environment
from tests.integration.conftest import Connect, Serve
from tests.integration.connections import DraftClient
from tests.integration.support import DRAFTS, until

#: A handler that sends whatever it likes, with nothing that would stop it.
POURING = '''
from wsfallback import MessageHandler, NotOpen


class Pour(MessageHandler):
    """
    Sends so many messages of 64 KiB at once.
    """

    def onMessage(self, payload, isBinary):
        try:
            for number in range(int(payload)):
                self.sendMessage(b"%07d " % number * 8192)
        except NotOpen:
            pass
'''


async def pouring(serve: Serve, tmp_path: Path, *options: str) -> Served:
    """
    A server of that handler.
    """
    (tmp_path / "pouring.py").write_text(POURING)
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), env["PYTHONPATH"]])
    return await serve("--handler", "pouring.Pour", *options, env=env)


async def deaf(connect: Connect, server: Served, draft: str) -> DraftClient:
    """
    A client that reads no more.
    """
    client: DraftClient = await connect(server.port, draft)
    await client.open()
    client.transport.pauseProducing()
    return client


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_one(serve: Serve, connect: Connect, tmp_path: Path, draft: str) -> None:
    """
    256 MiB for a client that doesn't read cost what may wait, and close the connection; what had
    been sent before is there when it reads again.
    """
    server = await pouring(serve, tmp_path, "--no-compress")
    other = await connect(server.port, "hixie-76")
    await other.open()
    client = await deaf(connect, server, draft)
    before = server.peak()
    client.say("4096")
    other.say("1")
    assert len(await other.hear()) == 65536
    assert server.peak() - before < 8 << 20
    client.transport.resumeProducing()
    rest = await client.readEnd()
    await until(lambda: "reads too slowly" in server.log, "the line of its end", server)
    assert b"0000000 0000000 " in rest[:40]
    assert rest.endswith({"hixie-75": b"\xff", "hixie-76": b"\xff\x00"}.get(draft, b"sent"))


@pytest_twisted.ensureDeferred
async def test_many(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Each of 500 costs no more than what may wait for it.
    """
    server = await pouring(serve, tmp_path, "--no-compress", "--max-send-queue", "65536")
    clients = [await deaf(connect, server, DRAFTS[number % 5]) for number in range(500)]
    before = server.peak()
    for client in clients:
        client.say("1024")
    other = await connect(server.port, "rfc6455")
    await other.open()
    other.say("1")
    assert len(await other.hear()) == 65536
    # The queue, the transport's 64 KiB and one message of 64 KiB.
    assert server.peak() - before < 500 * (3 << 16)


@pytest.mark.parametrize("draft", ["hybi-07", "hybi-10", "rfc6455"])
@pytest_twisted.ensureDeferred
async def test_pings(serve: Serve, connect: Connect, draft: str) -> None:
    """
    Nor do the answers to pings of one that doesn't read.
    """
    server = await serve()
    client = await deaf(connect, server, draft)
    before = server.peak()
    pings = client.frame(9, b"x" * 125) * 10_000
    sent = 0

    def isEnough() -> bool:
        nonlocal sent
        # As fast as the server takes them: those that it doesn't take wait on our side.
        client.send(pings)
        sent += 1
        return sent >= 50

    await until(isEnough, "many pings")
    other = await connect(server.port, "rfc6455")
    await other.open()
    other.say("there?")
    assert await other.hear() == "there?"
    assert server.peak() - before < 8 << 20
