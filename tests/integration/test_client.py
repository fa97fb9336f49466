"""
Our client against servers that other people made, on each of their drafts, and against our own.
"""

import json
import os
from hashlib import sha1
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.internet.task import deferLater

from tests.integration.children import PYTHON, Served, environment, run
from tests.integration.conftest import Start
from tests.integration.foreign import (
    AUTOBAHN_SERVER,
    DRIVER_SERVER,
    EM_WEBSOCKET,
    NODE_SERVER,
    PERL_SERVER,
    WEBSOCKETS_SERVER,
    Peer,
)
from tests.integration.scenarios import MEGABYTE, UNICODE, digested
from tests.integration.support import DRAFTS, until
from tests.integration.test_tls import Secured, secured
from wsfallback import AnswerError, MessageHandler, NoDraftWorked, connect
from wsfallback.client import NEWEST_FIRST

__all__ = ["secured"]

#: Servers, and the drafts that each of them speaks.
FOREIGN: tuple[tuple[Peer, tuple[str, ...]], ...] = (
    (EM_WEBSOCKET, DRAFTS),
    (DRIVER_SERVER, ("hixie-75", "hixie-76", "rfc6455")),
    (PERL_SERVER, DRAFTS),  # it takes any version for the last one
    (NODE_SERVER, ("hybi-10", "rfc6455")),
    (AUTOBAHN_SERVER, ("hybi-10", "rfc6455")),
    (WEBSOCKETS_SERVER, ("rfc6455",)),
)


def peerName(peer: Peer) -> str:
    """
    What a test's id calls it.
    """
    return Path(peer.command[-1]).stem


def _each(spoken: bool) -> pytest.MarkDecorator:
    """
    Have a test run with each server and each of its drafts, or each that it doesn't speak.
    """
    return pytest.mark.parametrize(
        ("peer", "draft"),
        [
            pytest.param(peer, draft, id=f"{peerName(peer)}-{draft}")
            for peer, drafts in FOREIGN
            for draft in DRAFTS
            if (draft in drafts) is spoken
        ],
    )


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
        Each message comes back: Unicode, the empty one, 1 MB, and then a thousand in order.
        """
        for message in (UNICODE, "", MEGABYTE):
            self.sendMessage(message.encode())
            await until(lambda: self.came, "an echo", self.closed)
            assert self.came.pop() == message.encode()
        numbers = [b"%d" % number for number in range(1000)]
        for message in numbers:
            self.sendMessage(message)
        await until(lambda: len(self.came) >= 1000 or self.closed, "a thousand echoes")
        assert self.came == numbers
        self.came.clear()

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


@_each(spoken=True)
@pytest_twisted.ensureDeferred
async def test_foreign(start: Start, peer: Peer, draft: str) -> None:
    """
    All messages come back; either side closes, with code and reason where the draft has them.
    """
    server = await start(peer)
    handler = await talk(f"{server.url}/chat?a=b", drafts=[draft])
    await handler.converse()
    hasCodes = handler.draft.closeCodes
    handler.sendClose(4002, "bye")
    assert (await handler.end())[0], handler.closed
    closed = await until(lambda: server.told("closed"), "the server's word", server)
    if hasCodes:
        assert closed == [[4002, "bye"]]
    for code, reason in ((4001, "as asked"), (1000, "done")):
        handler = await talk(f"{server.url}/", drafts=[draft])
        handler.sendMessage(f"close {code} {reason}".encode())
        assert await handler.end() == ((True, code, reason) if hasCodes else (True, 1005, None))


@_each(spoken=True)
@pytest_twisted.ensureDeferred
async def test_killed(start: Start, peer: Peer, draft: str) -> None:
    """
    A server that is killed is none that has closed; but on hixie drafts the end of TCP is a close.
    """
    server = await start(peer)
    handler = await talk(f"{server.url}/", drafts=[draft])
    handler.sendMessage(b"wait")
    (pid,) = await until(lambda: server.told("waits"), "the server to be ready", server)
    os.kill(pid, SIGKILL)
    wasClean, code, _ = await handler.end()
    assert (wasClean, code) == ((False, 1006) if handler.draft.closeCodes else (True, 1005))


@_each(spoken=True)
@pytest_twisted.ensureDeferred
async def test_paused(start: Start, peer: Peer, draft: str) -> None:
    """
    A client that reads nothing for a while is handed nothing, and loses nothing.
    """
    from twisted.internet import reactor

    server = await start(peer)
    handler = await talk(f"{server.url}/", drafts=[draft])
    handler.channel.pauseReading()
    handler.sendMessage(b"pour 200")
    # So long as nothing comes there is nothing to wait for.
    await deferLater(reactor, 0.1)
    assert handler.came == []
    handler.channel.resumeReading()
    await until(lambda: len(handler.came) >= 200 or handler.closed, "all of it", server)
    whole = sha1(b"".join(handler.came)).hexdigest()
    assert {"messages": len(handler.came), "sha1": whole} == digested(200)
    handler.sendClose()
    await handler.end()


@_each(spoken=False)
@pytest_twisted.ensureDeferred
async def test_otherDrafts(start: Start, peer: Peer, draft: str) -> None:
    """
    What a server doesn't speak is found out, in time.
    """
    url = f"{(await start(peer)).url}/"
    with pytest.raises(NoDraftWorked):
        await connect(url, Talker, drafts=[draft], timeout=3)


@pytest.mark.parametrize("peer", [peer for peer, _ in FOREIGN], ids=peerName)
@pytest_twisted.ensureDeferred
async def test_newestFirst(start: Start, peer: Peer) -> None:
    """
    All of them speak rfc6455, and are spoken to so.
    """
    handler = await talk(f"{(await start(peer)).url}/")
    assert handler.draft.name == "rfc6455"
    handler.sendClose()
    await handler.end()


@pytest.mark.parametrize(("draft", "chosen"), [("hixie-76", None), ("rfc6455", "chat")])
@pytest_twisted.ensureDeferred
async def test_subprotocol(start: Start, draft: str, chosen: str | None) -> None:
    """
    websocket-driver chooses one on rfc6455, and says nothing of it on hixie drafts.
    """
    url = f"{(await start(DRIVER_SERVER)).url}/"
    handler = await talk(url, drafts=[draft], protocols=["other", "chat"])
    assert handler.channel.protocolInUse == chosen
    handler.sendClose()
    await handler.end()


@pytest_twisted.ensureDeferred
async def test_fallingBack(start: Start) -> None:
    """
    websocket-driver refuses versions 8 and 7 with 400, and then speaks hixie-76.
    """
    url = f"{(await start(DRIVER_SERVER)).url}/"
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
