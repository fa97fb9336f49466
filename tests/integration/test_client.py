"""
Our client against servers that other people made, on each of their drafts, and against our own.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.integration.children import PYTHON, Child, Served, environment, run
from tests.integration.foreign import (
    DRIVER_SERVER,
    EM_WEBSOCKET,
    NODE_SERVER,
    PERL_SERVER,
    WEBSOCKETS_SERVER,
    Peer,
)
from tests.integration.support import DRAFTS, until
from tests.integration.test_tls import Secured, secured
from wsfallback import AnswerError, MessageHandler, NoDraftWorked, connect
from wsfallback.client import NEWEST_FIRST

__all__ = ["secured"]

MESSAGES = ("héllo ✓ 𝄞", "", "aé✓𝄞" * 10_000)
FOREIGN: tuple[tuple[Peer, tuple[str, ...]], ...] = (
    (EM_WEBSOCKET, DRAFTS),
    (DRIVER_SERVER, ("hixie-75", "hixie-76", "rfc6455")),
    (PERL_SERVER, ("hixie-75", "hixie-76", "hybi-10", "rfc6455")),
    (NODE_SERVER, ("hybi-10", "rfc6455")),
    (WEBSOCKETS_SERVER, ("rfc6455",)),
)
Start = Callable[[Peer], Awaitable[int]]


def peerName(peer: Peer) -> str:
    """
    What a test's id calls it.
    """
    return Path(peer.command[-1]).stem


@pytest_twisted.async_yield_fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """
    Run a foreign server; it is ended by its pid.
    """
    children: list[Child] = []

    async def starting(peer: Peer) -> int:
        env = await peer.installed()
        child = Child(peer.command, env=env, directory=tmp_path)
        children.append(child)
        await until(lambda: "\n" in child.printed or child.ended, "its port", child)
        port: int = json.loads(child.printed)["port"]
        return port

    yield starting
    for child in children:
        await child.stop()


class Talker(MessageHandler):
    """
    Keeps what comes.
    """

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.closed: list[tuple[bool, int, str | None]] = []

    def onConnect(self, response: Any) -> None:
        """
        Keep it.
        """
        self.response = response

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Keep it.
        """
        assert not isBinary
        self.came.append(payload)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        Keep it.
        """
        self.closed.append((wasClean, code, reason))

    async def converse(self) -> None:
        """
        Each message comes back.
        """
        for message in MESSAGES:
            self.sendMessage(message.encode())
            await until(lambda: self.came, "an echo", self.closed)
            assert self.came.pop() == message.encode()

    async def end(self) -> tuple[bool, int, str | None]:
        """
        What onClose says, once.
        """
        await until(lambda: self.closed, "the end")
        (closed,) = self.closed
        return closed


async def talk(where: str, **options: Any) -> Talker:
    """
    Connect.
    """
    handler = Talker()
    channel = await connect(where, lambda: handler, **options)
    assert channel is handler.channel
    return handler


@pytest.mark.parametrize(
    ("peer", "draft"),
    [
        pytest.param(peer, draft, id=f"{peerName(peer)}-{draft}")
        for peer, drafts in FOREIGN
        for draft in drafts
    ],
)
@pytest_twisted.ensureDeferred
async def test_foreign(start: Start, peer: Peer, draft: str) -> None:
    """
    Unicode, an empty message and 100 kB come back; either side closes, cleanly.
    """
    url = f"ws://127.0.0.1:{await start(peer)}/chat?a=b"
    handler = await talk(url, drafts=[draft])
    await handler.converse()
    handler.sendClose(1000 if handler.draft.closeCodes else None)
    assert (await handler.end())[0], handler.closed
    handler = await talk(url, drafts=[draft])
    handler.sendMessage(b"close")
    assert (await handler.end())[0], handler.closed


@pytest.mark.parametrize("peer", [peer for peer, _ in FOREIGN], ids=peerName)
@pytest_twisted.ensureDeferred
async def test_newestFirst(start: Start, peer: Peer) -> None:
    """
    All of them speak rfc6455, and are spoken to so.
    """
    handler = await talk(f"ws://127.0.0.1:{await start(peer)}/")
    assert handler.draft.name == "rfc6455"
    handler.sendClose()
    await handler.end()


@pytest.mark.parametrize(("draft", "chosen"), [("hixie-76", None), ("rfc6455", "chat")])
@pytest_twisted.ensureDeferred
async def test_subprotocol(start: Start, draft: str, chosen: str | None) -> None:
    """
    websocket-driver chooses one on rfc6455, and says nothing of it on hixie drafts.
    """
    url = f"ws://127.0.0.1:{await start(DRIVER_SERVER)}/"
    handler = await talk(url, drafts=[draft], protocols=["other", "chat"])
    assert handler.channel.protocolInUse == chosen
    handler.sendClose()
    await handler.end()


@pytest_twisted.ensureDeferred
async def test_fallingBack(start: Start) -> None:
    """
    websocket-driver refuses versions 8 and 7 with 400, and then speaks hixie-76.
    """
    url = f"ws://127.0.0.1:{await start(DRIVER_SERVER)}/"
    handler = await talk(url, drafts=["hybi-10", "hybi-07", "hixie-76", "hixie-75"])
    assert handler.draft.name == "hixie-76"
    handler.sendClose()
    assert await handler.end() == (True, 1005, None)


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_ours(serve: Any, draft: str) -> None:
    """
    Our own command, which serves one draft only: the client finds it.
    """
    server: Served = await serve("--drafts", draft)
    handler = await talk(f"ws://127.0.0.1:{server.port}/", strict=True)
    assert handler.draft.name == draft
    await handler.converse()
    handler.sendClose()
    assert await handler.end() == (True, 1005, None)


@pytest_twisted.ensureDeferred
async def test_tls(secured: Secured) -> None:
    """
    By TLS, for who trusts the certificate; for all others there is one attempt.
    """
    url = f"wss://localhost:{secured.server.port}/"
    trust = optionsForClientTLS("localhost", Certificate.loadPEM(secured.trust))
    for draft in DRAFTS:
        handler = await talk(url, drafts=[draft], contextFactory=trust, strict=True)
        await handler.converse()
        handler.sendClose()
        assert await handler.end() == (True, 1005, None)
    with pytest.raises(NoDraftWorked) as caught:
        await connect(url, Talker)
    (attempt,) = caught.value.attempts
    assert (attempt.draft, attempt.status) == ("rfc6455", None)
    assert not isinstance(attempt.error, AnswerError)
    assert "certificate" in str(attempt.error)


@pytest_twisted.ensureDeferred
async def test_probe(serve: Any, tmp_path: Path) -> None:
    """
    The command says which drafts there are, for people and for programs.
    """
    server: Served = await serve("--drafts", "hixie-76,hybi-10")
    url = f"ws://127.0.0.1:{server.port}/"
    command = (PYTHON, "-c", "from wsfallback.probe import main; main()", "probe")
    ran = await run(*command, "--json", url, directory=tmp_path, env=environment())
    assert ran.status == 0, ran
    works = {each["draft"]: each["works"] for each in json.loads(ran.printed)}
    assert works == {name: name in ("hixie-76", "hybi-10") for name in NEWEST_FIRST}
    ran = await run(*command, url, directory=tmp_path, env=environment())
    assert "hixie-76  spoken" in ran.printed, ran
    await server.stop()
    ran = await run(*command, url, directory=tmp_path, env=environment())
    assert ran.status == 1, ran
    assert "refused" in ran.printed, ran
    ran = await run(*command, "http://a/", directory=tmp_path, env=environment())
    assert ran.status == 2, ran
