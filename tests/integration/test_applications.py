"""
Applications that were written for something else, with clients that other people made.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

from tests.integration.children import TWISTD, Served, environment
from tests.integration.conftest import Connect, Listen, Serve
from tests.integration.foreign import CHROMIUM, NODE, PERL, RUBY, WEBSOCKETS, Peer
from tests.integration.scenarios import DRAFT, ECHOES, Scenario, inTurn
from tests.integration.support import ANYWHERE, DRAFTS, until
from tests.integration.test_tls import makeCertificate
from wsfallback import FallbackServerFactory

#: Two applications, neither of which knows of us.
APPLICATIONS = """
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo


class AutobahnEcho(WebSocketServerProtocol):
    def onConnect(self, request):
        self.wasSecure = self.transport_details.is_secure

    def onMessage(self, payload, isBinary):
        if payload == b"details":
            details = self.transport_details
            channel = details.channel_id.get("tls-unique", b"").hex()
            payload = f"{self.wasSecure} {details.is_secure} {channel}".encode()
        self.sendMessage(payload, isBinary)


def autobahn():
    factory = WebSocketServerFactory()
    factory.protocol = AutobahnEcho
    return factory


plain = Factory.forProtocol(Echo)
"""

OLD = [
    (PERL, "draft-hixie-75", "hixie-75"),
    (PERL, "draft-hixie-76", "hixie-76"),
    (RUBY, "75", "hixie-75"),
    (RUBY, "76", "hixie-76"),
    (RUBY, "7", "hybi-07"),
    (RUBY, "8", "hybi-10"),
    (RUBY, "13", "rfc6455"),
]


@pytest.fixture(params=["autobahn", "plain"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """
    Of each application, which is in the working directory of the command.
    """
    (tmp_path / "mine.py").write_text(APPLICATIONS)
    return f"mine.{request.param}"


async def checkEchoes(peer: Peer, name: str, draft: str, *arguments: str) -> None:
    """
    A client speaks its draft, and has all its messages back: an echo of bytes has no empty ones.
    """
    messages = [each for each in ECHOES if each or name != "mine.plain"]
    report = await peer.report(*arguments, scenarios=[DRAFT, Scenario("echoes", inTurn(*messages))])
    assert report["draft"] == draft
    assert report["seen"]["echoes"]["heard"] == messages
    assert report["seen"]["echoes"]["tcp"]


@pytest.mark.parametrize(("peer", "version", "draft"), OLD)
@pytest_twisted.ensureDeferred
async def test_old(serve: Serve, name: str, peer: Peer, version: str, draft: str) -> None:
    """
    Clients of all drafts, in Perl and in Ruby.
    """
    server = await serve("--factory", name)
    await checkEchoes(peer, name, draft, version, f"ws://127.0.0.1:{server.port}")


@pytest.mark.parametrize("peer", [WEBSOCKETS], ids=["websockets"])
@pytest_twisted.ensureDeferred
async def test_modern(serve: Serve, name: str, peer: Peer) -> None:
    """
    A library of today.
    """
    server = await serve("--factory", name)
    await checkEchoes(peer, name, "rfc6455", f"ws://127.0.0.1:{server.port}")


@pytest_twisted.ensureDeferred
async def test_today(serve: Serve, tmp_path: Path) -> None:
    """
    A browser, on the page of the command, and npm's ws.
    """
    (tmp_path / "mine.py").write_text(APPLICATIONS)
    server = await serve("--factory", "mine.autobahn")
    report = await CHROMIUM.report(server.url, tmp_path / "picture.png")
    assert report["draft"] == "rfc6455"
    assert tuple(report["seen"]["echoes"]["heard"]) == ECHOES
    await checkEchoes(NODE, "mine.autobahn", "rfc6455", f"ws://127.0.0.1:{server.port}")


@pytest_twisted.ensureDeferred
async def test_together(serve: Serve, connect: Connect, name: str) -> None:
    """
    All drafts at once, against one server.
    """
    server = await serve("--factory", name)
    clients = [await connect(server.port, draft) for draft in DRAFTS]
    for client in clients:
        await client.open()
    for client in clients:
        client.say("héllo ✓ 𝄞")
    for client in clients:
        assert await client.hear() == "héllo ✓ 𝄞"


@pytest_twisted.ensureDeferred
async def test_tls(serve: Serve, connect: Connect, name: str, tmp_path: Path) -> None:
    """
    All drafts by TLS.
    """
    key, certificate = makeCertificate(tmp_path)
    server = await serve(
        *("--factory", name),
        listen=(f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}",),
    )
    for draft in DRAFTS:
        client = await connect(server.port, draft, trust=certificate.read_bytes())
        await client.open()
        client.say("héllo")
        assert await client.hear() == "héllo"
        if name == "mine.autobahn":
            client.say("details")
            # RFC 5929 §3.1, as Autobahn's own client calculates it.
            channel = sha256(client.transport.getHandle().get_finished()).hexdigest()
            assert await client.hear() == f"True True {channel}"


@pytest_twisted.ensureDeferred
async def test_detailsWithoutTls(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Are what they are, too.
    """
    (tmp_path / "mine.py").write_text(APPLICATIONS)
    server = await serve("--factory", "mine.autobahn")
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open()
        client.say("details")
        assert await client.hear() == "False False "


class Pouring(WebSocketServerProtocol):
    """
    Sends without end, as long as it may.
    """

    isPaused = isStopped = False
    poured = 0

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.factory.made.append(self)
        self.registerProducer(self, True)
        self._pour()

    def resumeProducing(self) -> None:
        self.isPaused = False
        self._pour()

    def pauseProducing(self) -> None:
        self.isPaused = True

    def stopProducing(self) -> None:
        self.isStopped = True

    def _pour(self) -> None:
        if not (self.isPaused or self.isStopped):
            self.sendMessage(b"x" * (1 << 16))
            self.poured += 1
            self.factory.reactor.callLater(0, self._pour)


@pytest.mark.parametrize("draft", ["hixie-75", "hixie-76", "hybi-07", "rfc6455"])
@pytest_twisted.ensureDeferred
async def test_slowClient(listen: Listen, connect: Connect, draft: str) -> None:
    """
    One that doesn't read pauses the application's producer, until it does or leaves.
    """
    factory: Any = WebSocketServerFactory()
    factory.protocol, factory.made = Pouring, []
    client = await connect(await listen(FallbackServerFactory.forAutobahn(factory)), draft)
    await client.open()
    client.transport.pauseProducing()
    client.say("pour")
    app = await until(lambda: factory.made and factory.made[0], "the application")
    await until(lambda: app.isPaused, "a pause")
    poured = app.poured
    # What the kernel takes on both sides, and no more.
    assert poured < 1000
    client.transport.resumeProducing()
    await until(lambda: app.poured > poured + 10, "more")
    client.drop()
    await until(lambda: app.isStopped, "the end")


@pytest_twisted.ensureDeferred
async def test_endpoint(connect: Connect, tmp_path: Path) -> None:
    """
    A server of Twisted's that takes server strings has WebSocket on every draft.
    """
    (tmp_path / "page").write_text("a page")
    command = (*TWISTD[:-1], "web", "--path", str(tmp_path), "--listen", f"wsfallback:{ANYWHERE}")
    server = Served(command, env=environment(), directory=tmp_path)
    try:

        def port() -> str | None:
            found = re.search(r"starting on (\d+)", server.log)
            return found and found[1]

        number = int(await until(port, "a port", server))
        for draft in DRAFTS:
            client = await connect(number, draft)
            await client.open()
            client.say("GET /page HTTP/1.0\r\n\r\n")
            heard = ""
            while "a page" not in heard:
                heard += await client.hear()
            assert heard.startswith("HTTP/1.0 200 OK\r\n")
    finally:
        await server.stop()
    assert not server.hasTraceback(), server
