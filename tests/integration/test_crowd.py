"""
Clients that stall, that come too often or bring too much, and those behind a proxy, on real
sockets.
"""

from itertools import cycle
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.conftest import Connect, Listen, Serve
from tests.integration.support import DRAFTS, until
from tests.integration.test_tls import makeCertificate
from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.demo import Echo
from wsfallback.testing import request

WHO = """
from wsfallback import MessageHandler

class Who(MessageHandler):
    def onMessage(self, payload, isBinary):
        self.sendMessage(self.peer.encode())
"""

#: What a client behind a proxy has sent by it; what is left of its own address is its own.
SAID = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7"}


@pytest_twisted.ensureDeferred
async def test_stallingClients(serve: Serve, connect: Connect) -> None:
    """
    200 clients that don't finish their handshake keep no good one out, nor push one out.
    """
    server = await serve(
        *("--max-handshakes", "50", "--max-connections", "6", "--handshake-timeout", "600")
    )
    before = await connect(server.port, "rfc6455")
    await before.open()
    stalling = []
    begun = cycle((b"", b"GET / HTTP/1.1\r\nHost: exa", request("hixie-76")[:-1], b"\0"))
    for _, sent in zip(range(200), begun, strict=False):
        client = await connect(server.port)
        client.send(sent)
        stalling.append(client)
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open()
        client.say("here")
        assert await client.hear() == "here"
    before.say("still here")
    assert await before.hear() == "still here"
    # All that was refused has gone by itself meanwhile, or for a newcomer.
    await until(
        lambda: sum(client.lost is None for client in stalling) <= 50, "the end of the others"
    )
    assert any(client.lost is None for client in stalling)


@pytest_twisted.ensureDeferred
async def test_stallingBeforeTLS(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Those that don't even begin TLS have no better chances, and count for their address.
    """
    key, certificate = makeCertificate(tmp_path)
    server = await serve(
        *("--max-handshakes", "5", "--max-per-address", "4", "--handshake-timeout", "600"),
        listen=(f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}",),
    )
    where = f"tcp:127.0.0.1:{server.port}:bindAddress="
    stalling = [await connect(f"{where}127.0.0.{number % 4 + 2}") for number in range(12)]
    for draft in DRAFTS:
        client = await connect(server.port, draft, trust=certificate.read_bytes())
        await client.open()
        client.drop()
    await until(lambda: sum(client.lost is None for client in stalling) <= 5, "the others' end")
    enough = [await connect(f"{where}127.0.0.9") for _ in range(4)]
    refused = await connect(f"{where}127.0.0.9", "rfc6455", trust=certificate.read_bytes())
    refused.sendOpening()
    assert (await refused.readAnswer()).status == 429
    assert all(client.lost is None for client in enough)


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_perAddress(listen: Listen, connect: Connect, draft: str) -> None:
    """
    429 for an address that has enough, whatever its connections do; another one comes in.
    """
    port = await listen(FallbackServerFactory(Echo, maxPerAddress=2))
    stalling, first = await connect(port), await connect(port, draft)
    await first.open()
    refused = await connect(port, draft)
    refused.sendOpening()
    assert (await refused.readAnswer()).status == 429
    await refused.readEnd()
    other = await connect(f"tcp:127.0.0.1:{port}:bindAddress=127.0.0.2", draft)
    await other.open()
    stalling.drop()

    # Whether the server has seen the end of that is a matter of time.
    async def comesIn() -> bool:
        client = await connect(port, draft)
        client.sendOpening()
        return (await client.readHead()).startswith(b"HTTP/1.1 101 ")

    for _ in range(100):
        if await comesIn():
            break
    else:
        pytest.fail("there is no room again")


@pytest_twisted.ensureDeferred
async def test_newOnes(listen: Listen, connect: Connect) -> None:
    """
    429, and when to come again, for an address that comes too often; another one comes in.
    """
    port = await listen(FallbackServerFactory(Echo, maxNewPerAddress=1))
    await (await connect(port, "rfc6455")).open()
    statuses = []
    while 429 not in statuses:
        # On a busy machine a second may have passed.
        assert len(statuses) < 100
        client = await connect(port, "hixie-76")
        client.sendOpening()
        head = (await client.readHead()).decode("latin-1")
        statuses.append(int(head.split(" ")[1]))
    assert "\r\nRetry-After: 1\r\n" in head
    other = await connect(f"tcp:127.0.0.1:{port}:bindAddress=127.0.0.2", "hixie-76")
    await other.open()


@pytest_twisted.ensureDeferred
async def test_forwardedFor(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    The client's address is what a trusted proxy says, and nobody else.
    """
    (tmp_path / "mine.py").write_text(WHO)
    server = await serve("--handler", "mine.Who", "--trusted-proxy", "127.0.0.2")
    for draft in DRAFTS:
        for source, seen in (
            ("127.0.0.2", "tcp4:198.51.100.7:0"),
            ("127.0.0.3", "tcp4:127.0.0.3:"),
        ):
            where = f"tcp:127.0.0.1:{server.port}:bindAddress={source}"
            client = await connect(where, draft)
            await client.open(headers=SAID)
            client.say("who?")
            assert (await client.hear()).startswith(seen)


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_flood(listen: Listen, connect: Connect, draft: str) -> None:
    """
    Who says too much has the server's close, whole, however much is on the way.
    """
    port = await listen(FallbackServerFactory(MessageHandler, maxMessageRate=10))
    client = await connect(port, draft)
    await client.open()
    client.send(client.message("a" * 100) * 20_000)
    if not client.isHixie:
        opcode, payload = await client.readFrame()
        assert (opcode, payload) == (8, b"\x03\xf0more than 10 messages a second")
    end = await client.readEnd()
    assert end == (b"\xff\x00" if draft == "hixie-76" else b"")
