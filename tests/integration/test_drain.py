"""
The end of the command while clients are connected.
"""

import os
import signal
import socket
import struct
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.children import COMMAND, TWISTD, Served
from tests.integration.conftest import Connect, Serve
from tests.integration.connections import DraftClient
from tests.integration.support import DRAFTS, until
from tests.integration.test_command import get
from tests.integration.test_tls import makeCertificate

#: A handler that has much to say.
HANDLERS = '''
from wsfallback import MessageHandler


class Counting(MessageHandler):
    """
    Sends a thousand numbered messages for each that comes: more than a socket takes.
    """

    def onMessage(self, payload, isBinary):
        for number in range(1000):
            self.sendMessage(b"%d" % number + b"." * 5000)
'''

#: RFC 6455 §5.5.1.
GOING_AWAY = struct.pack("!H", 1001) + b"The server is shutting down"


def stop(server: Served, number: signal.Signals = signal.SIGTERM) -> None:
    """
    Tell it to end.
    """
    assert server.status is None, server
    os.kill(server.pid, number)


async def ended(server: Served, number: signal.Signals = signal.SIGTERM) -> None:
    """
    It has ended in order, and says so.
    """
    await until(lambda: server.ended, "the end of the server", server)
    assert server.status == -number, server
    assert "Server Shut Down." in server.log, server
    assert not server.hasTraceback(), server


async def seesClose(client: DraftClient) -> None:
    """
    The next thing that comes is the server's close; answer it.
    """
    if client.draft == "hixie-76":
        assert await client.read(2) == b"\xff\x00"
        client.sayGoodbye()
    elif not client.isHixie:
        assert await client.readFrame() == (8, GOING_AWAY)
        client.send(client.frame(8, GOING_AWAY))
    assert await client.readEnd() == b""


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest_twisted.ensureDeferred
async def test_everyDraft(
    serve: Serve, connect: Connect, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """
    Each client gets all that was sent to it, in order, and then its close.
    """
    (tmp_path / "mine.py").write_text(HANDLERS)
    server = await serve(
        *("--handler", "mine.Counting", "--drain", "20", "--max-send-queue", "5200000"),
        command=command,
    )
    clients = [await connect(server.port, draft) for draft in DRAFTS]
    for client in clients:
        await client.open()
        client.say("begin")
        assert (await client.hear()).rstrip(".") == "0"
        client.transport.pauseProducing()
    stop(server)
    await until(lambda: "telling 5 connection(s) to go" in server.log, "the drain", server)
    for client in clients:
        client.transport.resumeProducing()
        for number in range(1, 1000):
            assert (await client.hear()).rstrip(".") == str(number)
        await seesClose(client)
    await ended(server)


@pytest_twisted.ensureDeferred
async def test_tls(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    The same by TLS; and whoever has not asked yet gets an answer, or the end.
    """
    key, certificate = makeCertificate(tmp_path)
    where = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    server = await serve("--drain", "20", "--close-timeout", "3600", listen=(where,))
    trust = certificate.read_bytes()
    clients = [await connect(server.port, draft, trust=trust) for draft in DRAFTS]
    for client in clients:
        await client.open()
        client.say("hello")
        assert await client.hear() == "hello"
    half = await connect(server.port, trust=trust)
    half.send(get("/none") + b"GET / HT")
    assert (await half.readAnswer()).status == 404
    bare = await connect(server.port)
    stop(server)
    for client in clients:
        await seesClose(client)
    await half.readEnd()
    await bare.readEnd()
    await ended(server)


@pytest_twisted.ensureDeferred
async def test_clientThatNeverAnswers(serve: Serve, connect: Connect) -> None:
    """
    Is waited for as long as the option says, and not longer.
    """
    server = await serve("--drain", "0.5", "--close-timeout", "3600")
    clients = [await connect(server.port, draft) for draft in ("hixie-76", "rfc6455")]
    for client in clients:
        await client.open()
    stop(server)
    await ended(server)
    assert "cutting 2 connection(s)" in server.log
    for client in clients:
        await client.readEnd()


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
@pytest_twisted.ensureDeferred
async def test_secondSignal(serve: Serve, connect: Connect, again: signal.Signals) -> None:
    """
    Ends it at once, without a word of trouble.
    """
    server = await serve("--drain", "3600", "--close-timeout", "3600")
    client = await connect(server.port, "rfc6455")
    await client.open()
    stop(server)
    assert await client.readFrame() == (8, GOING_AWAY)
    stop(server, again)
    await client.readEnd()
    await ended(server)
    assert "ending at once" in server.log


@pytest_twisted.ensureDeferred
async def test_noNewcomers(serve: Serve, connect: Connect) -> None:
    """
    While it waits its port is closed.
    """
    server = await serve("--drain", "3600", "--close-timeout", "3600")
    port = server.port
    client = await connect(port, "rfc6455")
    await client.open()
    stop(server)
    assert await client.readFrame() == (8, GOING_AWAY)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
    client.send(client.frame(8, GOING_AWAY))
    await client.readEnd()
    await ended(server)


@pytest_twisted.ensureDeferred
async def test_atOnce(serve: Serve, connect: Connect) -> None:
    """
    Without time for it nobody is told.
    """
    server = await serve("--drain", "0")
    client = await connect(server.port, "rfc6455")
    await client.open()
    stop(server)
    assert await client.readEnd() == b""
    await ended(server)


@pytest_twisted.ensureDeferred
async def test_largeFile(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Whoever is in the middle of an answer gets all of it.
    """
    content = os.urandom(16 << 20)
    (tmp_path / "large").write_bytes(content)
    server = await serve("--web", str(tmp_path), "--drain", "20")
    client = await connect(server.port)
    client.send(get("/large"))
    await client.read(1 << 10)
    client.transport.pauseProducing()
    stop(server)
    await until(lambda: "telling 1 connection(s) to go" in server.log, "the drain", server)
    client.transport.resumeProducing()
    assert (await client.readEnd()).endswith(content[1 << 10 :])
    await ended(server)


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_gateway(serve: Serve, connect: Connect, draft: str, tmp_path: Path) -> None:
    """
    What a client has sent before it sees the close, and the gateway has read, reaches the backend,
    which hears of the close, too.
    """
    backend = await serve("--handler", "broadcast")
    gateway = await serve("--forward", f"ws://127.0.0.1:{backend.port}", "--drain", "20")
    listening = await connect(backend.port, "rfc6455")
    await listening.open()
    client = await connect(gateway.port, draft)
    await client.open()
    for number in range(100):
        client.say(str(number))
    assert await listening.hear() == "0"
    listening.say("to you")
    assert await client.hear() == "to you"
    stop(gateway)
    await seesClose(client)
    await ended(gateway)
    for number in range(1, 100):
        assert await listening.hear() == str(number)
    assert not backend.hasTraceback()
