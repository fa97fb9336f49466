"""
Autobahn's own examples, not a byte of them changed, with clients of all drafts.
"""

import json
import os
import re
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.integration.children import PYTHON, Child, environment
from tests.integration.conftest import Connect
from tests.integration.connections import DraftClient
from tests.integration.foreign import PEERS, PERL, PHANTOM, PHANTOMJS, RUBY, WEBSOCKETS, Peer
from tests.integration.scenarios import ECHOES, Scenario, inTurn
from tests.integration.support import DRAFTS, until
from tests.integration.test_clients import checkEchoes
from tests.integration.test_tls import makeCertificate

#: Where they are: ``peers/autobahn_examples.sh`` puts them there.
EXAMPLES = (
    Path(os.environ.get("AUTOBAHN_EXAMPLES", "")) / "examples" / "twisted" / "websocket"
).absolute()

pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(),
    reason="tests/integration/peers/autobahn_examples.sh DIR PYTHON gets Autobahn's examples, and"
    " AUTOBAHN_EXAMPLES=DIR names them",
)

PHANTOM_EXAMPLE = Peer(
    (PHANTOMJS, str(PEERS / "phantom_example.js")), PHANTOM.probe, PHANTOM.install, isBare=True
)


class Example(Child):
    """
    A server.

    :ivar certificate: what it has for TLS, in PEM.
    :ivar isBroken: it fails by itself, and its log may have a traceback in it.
    """

    certificate = b""
    isBroken = False

    @property
    def ports(self) -> list[int]:
        """
        Where it listens, in the order in which it says so.
        """
        ports: list[int] = json.loads(self.printed)["ports"]
        return ports

    @property
    def port(self) -> int:
        """
        The first of them.
        """
        return self.ports[0]

    def hasTraceback(self) -> bool:
        """
        Whether its log speaks of an error that nobody has handled: one that has been raised.
        """
        # An example that logs all there is shows each end of a connection as a Failure.
        return re.search(r"Traceback \(most recent|Unhandled", self.log) is not None


Run = Callable[..., Awaitable[Example]]


@pytest_twisted.async_yield_fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    """
    Run an example for clients of all drafts, or as its author wrote it; it is ended by its pid.

    ``await run("echo/server.py", bare=True)``. It runs in a copy of its directory, where
    ``keys`` are made for one that has TLS.
    """
    servers: list[Example] = []

    async def running(file: str, *, bare: bool = False, keys: bool = False) -> Example:
        name = Path(file).parts[0]
        there = tmp_path / name
        shutil.copytree(EXAMPLES / name, there, dirs_exist_ok=True)
        if keys:
            (there / "keys").mkdir(exist_ok=True)
            key, certificate = makeCertificate(tmp_path)
            shutil.copy(key, there / "keys" / "server.key")
            shutil.copy(certificate, there / "keys" / "server.crt")
        command = (PYTHON, str(PEERS / "autobahn_example.py"), str(tmp_path / file))
        server = Example((*command, "bare" if bare else "all"), env=environment(), directory=there)
        if keys:
            server.certificate = certificate.read_bytes()
        servers.append(server)
        await until(lambda: "\n" in server.printed or server.ended, "its ports", server)
        return server

    yield running
    for server in servers:
        await server.stop()
        assert server.isBroken or not server.hasTraceback(), str(server)


#: A client that other people made, for a draft of each kind.
FOREIGN = {
    "hixie-75": (PERL, "draft-hixie-75"),
    "hixie-76": (PERL, "draft-hixie-76"),
    "hybi-07": (RUBY, "7"),
    "rfc6455": (WEBSOCKETS,),
}


async def converse(server: Example, draft: str, *scenarios: Scenario) -> dict[str, Any]:
    """
    What a foreign client sees of a server.
    """
    peer, *version = FOREIGN[draft]
    url = f"ws://127.0.0.1:{server.port}"
    report = await peer.report(*version, url, scenarios=scenarios)
    seen: dict[str, Any] = report["seen"]
    return seen


async def statusOf(client: DraftClient) -> int:
    """
    The status of a refusal, after which the connection is over.
    """
    answer = await client.readEnd()
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer.split(b" ")[1])


#: Those that echo, and where.
ECHOING = {
    "echo/server.py": "/",
    "echo_compressed/server.py": "/",
    "echo_endpoints/server.py": "/",
    "echo_httpheaders/server.py": "/",
    "echo_site/server.py": "/ws",
    "echo_variants/server.py": "/",
    "reconnecting/server.py": "/",
}


@pytest.mark.parametrize("file", ECHOING)
@pytest_twisted.ensureDeferred
async def test_echo(run: Run, file: str) -> None:
    """
    Unicode, nothing and 100 kB come back.
    """
    server = await run(file)
    for draft in FOREIGN:
        echoes = Scenario("echoes", inTurn(*ECHOES), ECHOING[file])
        seen = (await converse(server, draft, echoes))["echoes"]
        checkEchoes(seen, draft)
    # The last offers compression: the one that accepts it still does.
    assert bool(seen["extensions"]) is (file == "echo_compressed/server.py")


@pytest_twisted.ensureDeferred
async def test_bare(run: Run, connect: Connect) -> None:
    """
    As its author wrote it, an example refuses old clients, and serves those of today.
    """
    server = await run("echo/server.py", bare=True)
    for draft in ("hixie-75", "hixie-76", "hybi-07"):
        client = await connect(server.port, draft)
        client.sendOpening()
        assert await statusOf(client) == 400
    seen = await converse(server, "rfc6455", Scenario("echoes", inTurn(*ECHOES), "/"))
    checkEchoes(seen["echoes"], "rfc6455")


@pytest.mark.parametrize("name", ["broadcast", "echo_compressed", "echo_site", "echo_variants"])
@pytest_twisted.ensureDeferred
async def test_page(run: Run, name: str) -> None:
    """
    PhantomJS with the example's own page, which the example serves itself.
    """
    server = await run(f"{name}/server.py")
    page = f"http://127.0.0.1:{server.ports[-1]}/"
    ran = await PHANTOM_EXAMPLE.report(page, server.port, scenarios=())
    connected, *_, answer = ran["log"]
    assert connected.startswith("Connected to ws://127.0.0.1:")
    assert "Hello" in answer


@pytest_twisted.ensureDeferred
async def test_binary(run: Run, connect: Connect) -> None:
    """
    Binary messages are echoed to those whose drafts have them.
    """
    server = await run("echo/server.py")
    for draft in ("hybi-07", "hybi-10", "rfc6455"):
        client = await connect(server.port, draft)
        await client.open()
        client.send(client.frame(2, b"\x00\xff"))
        assert await client.readFrame() == (2, b"\x00\xff")


@pytest_twisted.ensureDeferred
async def test_broadcast(run: Run, connect: Connect) -> None:
    """
    All hear the server's clock, and what each of them says, with its address.
    """
    server = await run("broadcast/server.py")
    clients = [await connect(server.port, draft) for draft in DRAFTS]
    for client in clients:
        await client.open()
    for speaker in clients:
        speaker.say("héllo")
        wanted = f"héllo from tcp4:127.0.0.1:{speaker.transport.getHost().port}"
        for client in clients:
            while (heard := await client.hear()) != wanted:
                assert heard.startswith("tick ")
    for client in clients:
        assert (await client.hear()).startswith("tick ")
        client.drop()
    await until(lambda: server.log.count("unregistered client") >= len(DRAFTS), "their end", server)


@pytest_twisted.ensureDeferred
async def test_fields(run: Run, connect: Connect) -> None:
    """
    Header fields of the client's reach the example, and its own the client.
    """
    server = await run("echo_httpheaders/server.py")
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        head = await client.open(headers={"MyCustomClientHeader": "Bazoo"})
        assert "\r\nMyCustomDynamicServerHeader1: Hello\r\n" in head
        assert "\r\nMyCustomDynamicServerHeader2: Bazoo\r\n" in head


@pytest.mark.parametrize("file", ["multiproto/server1.py", "multiproto/server2.py"])
@pytest_twisted.ensureDeferred
async def test_paths(run: Run, file: str) -> None:
    """
    Two services, by the protocol's ``onConnect`` or as resources of a site.
    """
    server = await run(file)
    # Its protocol doesn't call Autobahn's constructor, which comes out when it is ended.
    server.isBroken = file == "multiproto/server1.py"
    for draft in FOREIGN:
        one = Scenario("one", inTurn("héllo"), "/echo1")
        two = Scenario("two", inTurn("héllo"), "/echo2")
        seen = await converse(server, draft, one, two)
        assert seen["one"]["heard"] == ["Echo 1 - héllo"]
        assert seen["two"]["heard"] == ["Echo 2 - héllo"]


@pytest_twisted.ensureDeferred
async def test_unknownPath(run: Run, connect: Connect) -> None:
    """
    What ``onConnect`` refuses is refused to all, as it was.
    """
    statuses = set()
    for bare, drafts in ((True, ("rfc6455",)), (False, DRAFTS)):
        server = await run("multiproto/server1.py", bare=bare)
        # It refuses by a name of Python 2.
        server.isBroken = True
        for draft in drafts:
            client = await connect(server.port, draft)
            client.sendOpening(path="/echo3")
            statuses.add(await statusOf(client))
        said = "No service under /echo3"
        await until(lambda server=server, said=said: said in server.log, said, server)
    (status,) = statuses
    assert status in (404, 500)


@pytest_twisted.ensureDeferred
async def test_site(run: Run, connect: Connect) -> None:
    """
    Of a site with a ``WebSocketResource`` the site still serves all but that.
    """
    server = await run("echo_site/server.py")
    client = await connect(server.port)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"Autobahn WebSocket Echo Test" in (await client.readAnswer()).body
    client.send(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await client.readAnswer()).status == 404
    for draft in DRAFTS:
        other = await connect(server.port, draft)
        other.sendOpening(path="/")
        assert await statusOf(other) == 404


@pytest_twisted.ensureDeferred
async def test_ping(run: Run, connect: Connect) -> None:
    """
    An application that pings by itself has its pongs; by TLS, alone and within a site.
    """
    server = await run("ping/server.py", keys=True)
    trust = server.certificate
    for port in server.ports:
        old = await connect(port, "hixie-76", trust=trust)
        await old.open(path="/ws")
        new = await connect(port, "rfc6455", trust=trust)
        await new.open(path="/ws")
        for _ in range(2):
            opcode, payload = await new.readFrame()
            assert opcode == 9
            new.send(new.frame(10, payload))
        for client in (old, new):
            wanted = f"Pong received from tcp4:127.0.0.1:{client.transport.getHost().port} - 2"
            await until(lambda wanted=wanted: wanted in server.log, wanted, server)
        old.sayGoodbye()
        assert await old.readEnd() == b"\xff\x00"


@pytest_twisted.ensureDeferred
async def test_keepalive(run: Run, connect: Connect) -> None:
    """
    Auto-ping ends the connection of a client that doesn't answer, and of no old one, which can't.
    """
    server = await run("pingpong_keepalive/server.py")
    old = await connect(server.port, "hixie-76")
    await old.open()
    new = await connect(server.port, "rfc6455")
    await new.open()
    assert (await new.readEnd()).startswith(b"\x89")
    old.sayGoodbye()
    assert await old.readEnd() == b"\xff\x00"


@pytest_twisted.ensureDeferred
async def test_slowsquare(run: Run) -> None:
    """
    An answer that takes its time, and a close with a reason where there are any.
    """
    server = await run("slowsquare/server.py")
    steps = [("send", "3", 1), ("hear", 1), ("send", "7", 1)]
    for draft in FOREIGN:
        seen = (await converse(server, draft, Scenario("squares", steps, "/")))["squares"]
        assert seen["heard"] == ["9"]
        said = (None, None)
        if not draft.startswith("hixie"):
            said = (1000, "Exception raised: number too large")
        assert (seen["code"], seen["reason"]) == said
        assert seen["frame"] is (draft != "hixie-75")
        # After a close of its own Autobahn resets the connection.
        assert seen["tcp"] or draft == "rfc6455"


@pytest_twisted.ensureDeferred
async def test_messageBased(run: Run) -> None:
    """
    A digest of each message; the old clients' are of text.
    """
    server = await run("streaming/message_based_server.py")
    for draft in FOREIGN:
        seen = await converse(server, draft, Scenario("digests", inTurn(*ECHOES), "/"))
        digests = [sha256(each.encode()).hexdigest() for each in ECHOES]
        assert seen["digests"]["heard"] == digests


@pytest_twisted.ensureDeferred
async def test_frameBased(run: Run, connect: Connect) -> None:
    """
    A digest after each frame: an old client's message is one.
    """
    server = await run("streaming/frame_based_server.py")
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open()
        client.say("héllo")
        assert await client.hear() == sha256("héllo".encode()).hexdigest()
    first, last = client.frame(2, b"one"), client.frame(0, b"two")
    client.send(bytes([first[0] & 0x7F]) + first[1:] + last)
    assert await client.hear() == sha256(b"one").hexdigest()
    assert await client.hear() == sha256(b"onetwo").hexdigest()


@pytest_twisted.ensureDeferred
async def test_streaming(run: Run, connect: Connect) -> None:
    """
    A digest after each mebibyte. A client of today can send any number of them, an old one as
    much as one message may have.
    """
    server = await run("streaming/streaming_server.py")
    batch = "x" * (1 << 20)
    digests = [sha256(batch.encode() * times).hexdigest() for times in (1, 2)]
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open()
        client.say(batch)
        assert await client.hear() == digests[0]
    client.say(batch * 2)
    assert [await client.hear(), await client.hear()] == digests
    old = await connect(server.port, "hixie-76")
    await old.open()
    old.say(batch * 2)
    assert await old.read(2) == b"\xff\x00"


@pytest_twisted.ensureDeferred
async def test_tls(run: Run, connect: Connect) -> None:
    """
    By TLS, and to the origins alone that the example names.
    """
    server = await run("echo_tls/server.py", keys=True)
    for draft in DRAFTS:
        client = await connect(server.port, draft, trust=server.certificate)
        await client.open(origin="https://localhost:8080")
        client.say("héllo")
        assert await client.hear() == "héllo"
        other = await connect(server.port, draft, trust=server.certificate)
        other.sendOpening(origin="https://example.com")
        assert await statusOf(other) == 400


@pytest.mark.parametrize("file", ["wrapping/server.py", "wrapping/server_endpoint.py"])
@pytest_twisted.ensureDeferred
async def test_wrapping(run: Run, connect: Connect, file: str) -> None:
    """
    A stream in Base64. What it writes is not looked at: that fails, being no bytes.
    """
    server = await run(file)
    server.isBroken = True
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        head = await client.open(protocols=["base64"])
        assert "-Protocol: base64\r\n" in head
        client.say(b64encode(f"hello by {draft}".encode()).decode())
        wanted = f"dataReceived: b'hello by {draft}'"
        await until(lambda wanted=wanted: wanted in server.log, wanted, server)
        # And it wants one of its subprotocols.
        other = await connect(server.port, draft)
        other.sendOpening()
        assert await statusOf(other) == 406


@pytest_twisted.ensureDeferred
async def test_wrappingBinary(run: Run, connect: Connect) -> None:
    """
    With the other subprotocol there are binary messages alone: a client without them is closed.
    """
    server = await run("wrapping/server.py")
    server.isBroken = True
    old = await connect(server.port, "hixie-76")
    await old.open(protocols=["binary"])
    old.say("hello")
    assert await old.read(2) == b"\xff\x00"
    new = await connect(server.port, "hybi-07")
    await new.open(protocols=["binary"])
    new.send(new.frame(2, b"hello"))
    await until(lambda: "dataReceived: b'hello'" in server.log, "what it said", server)
