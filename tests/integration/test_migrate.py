"""
The page on migrating: what was before on the libraries of then, and what is after, with the same
clients.
"""

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest
import pytest_twisted
from autobahn.twisted.websocket import WampWebSocketServerFactory
from autobahn.wamp.serializer import JsonSerializer

from tests.integration.children import PYTHON, ROOT, run
from tests.integration.conftest import Connect, Listen, Serve, Start
from tests.integration.foreign import LONG as PATIENT
from tests.integration.foreign import NODE, PEERS, PERL, PHANTOM, PHANTOMJS, RUBY, Peer
from tests.integration.scenarios import LONG, UNICODE, Scenario, inTurn
from tests.test_bridge_wamp import Router

EXAMPLES = ROOT / "docs" / "examples" / "migrate"
SERVER = str(PEERS / "example_server.py")

#: Where the libraries of then are, and a Python 2.7: ``peers/old_servers.sh`` puts them there.
OLD_SERVERS = Path(os.environ.get("OLD_SERVERS", ""))

needsOld = pytest.mark.skipif(
    not (OLD_SERVERS / "old" / "autobahn==0.10.9").is_dir(),
    reason="the libraries of then need Python 2.7; tests/integration/peers/wstest.sh DIR and"
    " old_servers.sh DIR make it, and OLD_SERVERS=DIR names it",
)


def before(example: Path, library: str) -> Peer:
    """
    An example on the library that it is for.
    """
    python, library = str(OLD_SERVERS / "python2"), str(OLD_SERVERS / "old" / library)
    return Peer(
        (python, SERVER, str(example), library, str(EXAMPLES)),
        (python, "-c", "import twisted"),
        "run tests/integration/peers/old_servers.sh",
        {"PYTHONDONTWRITEBYTECODE": "1"},
    )


def after(example: Path) -> Peer:
    """
    An example on this package.
    """
    return Peer((PYTHON, SERVER, str(example), str(EXAMPLES)), (PYTHON, "-c", ""), "")


#: The empty message is left out: txWS had none.
ECHOES = Scenario("echoes", inTurn(UNICODE, LONG), "/")

TXWS_BEFORE = before(EXAMPLES / "txws_before.py", "txWS==0.8")
TXWS_LAST = before(EXAMPLES / "txws_before.py", "txWS==0.9.1")
TXWS_AFTER = after(EXAMPLES / "txws_after.py")
AUTOBAHN_BEFORE = before(EXAMPLES / "autobahn_before.py", "autobahn==0.10.9")
AUTOBAHN_AFTER = after(EXAMPLES / "autobahn_after.py")
NODE_AFTER = Peer(
    ("node", str(EXAMPLES / "node_after.js")),
    ("node", "-e", "require('websocket')"),
    NODE.install,
    {**NODE.variables, "PORT": "0"},
)
PHANTOM_WAMP = Peer(
    (PHANTOMJS, str(PEERS / "phantom_wamp.js")), PHANTOM.probe, PHANTOM.install, isBare=True
)

TXWS = [
    pytest.param(TXWS_BEFORE, id="before", marks=needsOld),
    pytest.param(TXWS_AFTER, id="after"),
]
SERVERS = [
    pytest.param(TXWS_BEFORE, id="txws-before", marks=needsOld),
    pytest.param(TXWS_AFTER, id="txws-after"),
    pytest.param(AUTOBAHN_BEFORE, id="autobahn-before", marks=needsOld),
    pytest.param(AUTOBAHN_AFTER, id="autobahn-after"),
]


@pytest.mark.parametrize("server", SERVERS)
@pytest_twisted.ensureDeferred
async def test_foreign(start: Start, server: Peer) -> None:
    """
    Unicode and 100 kB come back, to clients of 2010 and of today, before and after alike.
    """
    running = await start(server)
    for peer, version, draft in (
        (PERL, "draft-hixie-76", "hixie-76"),
        (RUBY, "76", "hixie-76"),
        (RUBY, "8", "hybi-10"),
        (PERL, "draft-ietf-hybi-17", "rfc6455"),
    ):
        report = await peer.report(version, running.url, scenarios=[ECHOES])
        seen = report["seen"]["echoes"]
        assert tuple(seen.get("heard", ())) == (UNICODE, LONG), seen
        # txWS took the close of a hixie client for garbage.
        assert seen["frame"] is (server is not TXWS_BEFORE or draft != "hixie-76"), seen


@pytest.mark.parametrize("draft", ["hixie-76", "hybi-07", "rfc6455"])
@pytest.mark.parametrize("server", TXWS)
@pytest_twisted.ensureDeferred
async def test_txwsBase64(start: Start, connect: Connect, server: Peer, draft: str) -> None:
    """
    The subprotocol has the same meaning.
    """
    client = await connect((await start(server)).port, draft)
    head = await client.open(protocols=["base64"])
    # txWS 0.8 kept it from modern clients.
    if server is TXWS_AFTER or draft == "hixie-76":
        assert "\r\nSec-WebSocket-Protocol: base64\r\n" in head
    client.say(b64encode(b"\x00\xff\xfe").decode())
    assert await client.hear() == b64encode(b"\x00\xff\xfe").decode()


@pytest.mark.parametrize("draft", ["hixie-76", "rfc6455"])
@pytest.mark.parametrize("server", TXWS)
@pytest_twisted.ensureDeferred
async def test_txwsOtherSubprotocol(
    start: Start, connect: Connect, server: Peer, draft: str
) -> None:
    """
    A client that asks for another one was dropped, and is served without one.
    """
    client = await connect((await start(server)).port, draft)
    client.sendOpening(protocols=["chat"])
    if server is TXWS_BEFORE:
        assert await client.readEnd() == b""
    else:
        assert "Sec-WebSocket-Protocol" not in await client.readOpening()
        client.say("hello")
        assert await client.hear() == "hello"


@pytest.mark.parametrize("server", TXWS)
@pytest_twisted.ensureDeferred
async def test_txwsNoText(start: Start, connect: Connect, server: Peer) -> None:
    """
    Bytes that are no UTF-8 were sent as text, and close the connection.
    """
    client = await connect((await start(server)).port, "rfc6455")
    await client.open()
    client.send(client.frame(2, b"\x00\xff\x00"))
    opcode, payload = await client.readFrame()
    if server is TXWS_BEFORE:
        assert (opcode, payload) == (1, b"\x00\xff\x00")
    else:
        assert (opcode, payload[:2]) == (8, (1003).to_bytes(2, "big"))


@needsOld
@pytest_twisted.ensureDeferred
async def test_txwsBinary(start: Start, connect: Connect, tmp_path: Path) -> None:
    """
    The mode made its writes binary messages, as ``binary=True`` does.
    """
    binary = tmp_path / "binary.py"
    binary.write_text(BINARY)
    server = await start(before(binary, "txWS==0.8"))
    client = await connect(server.port, "rfc6455")
    await client.open()
    client.say("hello")
    assert await client.readFrame() == (2, b"hello")


@needsOld
@pytest_twisted.ensureDeferred
async def test_txws09(start: Start, connect: Connect) -> None:
    """
    Drops clients of hixie-76.
    """
    client = await connect((await start(TXWS_LAST)).port, "hixie-76")
    client.sendOpening()
    assert await client.readEnd() == b""


#: An application that tells its client what ``onConnect`` was told, and what became of binary.
TELLING = """
import {name}


class Telling({name}.Echo):
    def onConnect(self, request):
        self.version = request.version

    def onOpen(self):
        self.sendMessage(str(self.version).encode())

    def onMessage(self, payload, isBinary):
        try:
            self.sendMessage(payload, True)
        except Exception:
            self.sendMessage(b"raised")


{name}.Echo = Telling
main = {name}.main
"""

#: An application that has binary messages of txWS.
BINARY = """
import txws_before


class Binary(txws_before.Echo):
    def connectionMade(self):
        self.transport.setBinaryMode(True)


txws_before.Echo = Binary
main = txws_before.main
"""


@pytest.mark.parametrize("isAfter", [pytest.param(False, marks=needsOld), True])
@pytest_twisted.ensureDeferred
async def test_autobahnTold(start: Start, connect: Connect, tmp_path: Path, isAfter: bool) -> None:
    """
    The version of a hixie client was 0, and is 13; binary for it raised, and closes.
    """
    telling = tmp_path / "telling.py"
    telling.write_text(TELLING.format(name="autobahn_after" if isAfter else "autobahn_before"))
    example = after(telling) if isAfter else before(telling, "autobahn==0.10.9")
    port = (await start(example)).port
    modern = await connect(port, "rfc6455")
    await modern.open(host=f"localhost:{port}")
    assert await modern.hear() == "13"
    hixie = await connect(port, "hixie-76")
    await hixie.open(host=f"localhost:{port}")
    assert await hixie.hear() == ("13" if isAfter else "0")
    hixie.say("hello")
    if isAfter:
        assert await hixie.readEnd() == b"\xff\x00"
    else:
        assert await hixie.hear() == "raised"


@pytest.mark.parametrize("server", SERVERS[2:])
@pytest_twisted.ensureDeferred
async def test_autobahnEmpty(start: Start, connect: Connect, server: Peer) -> None:
    """
    The empty message of a hixie client ended its connection, and is a message.
    """
    port = (await start(server)).port
    client = await connect(port, "hixie-76")
    await client.open(host=f"localhost:{port}")
    client.say("")
    if server is AUTOBAHN_BEFORE:
        assert await client.readEnd() == b""
    else:
        assert await client.hear() == ""


@pytest_twisted.ensureDeferred
async def test_wamp(listen: Listen, serve: Serve) -> None:
    """
    A browser with hixie-76 calls a procedure at a router that knows nothing of it.
    """
    router = WampWebSocketServerFactory(lambda: Router([]), serializers=[JsonSerializer()])
    server = await serve("--forward", f"ws://127.0.0.1:{await listen(router)}")
    env = await PHANTOM_WAMP.installed()
    url = f"ws://127.0.0.1:{server.port}/ws"
    ran = await run(*PHANTOM_WAMP.command, url, env=env, seconds=PATIENT)
    welcome, result = json.loads(ran.printed)["heard"]
    assert welcome[0] == 2
    assert result == [50, 1, {}, [5]]


@pytest_twisted.ensureDeferred
async def test_node(start: Start, serve: Serve) -> None:
    """
    WebSocket-Node serves clients of all drafts from behind the gateway.
    """
    server = await serve("--forward", (await start(NODE_AFTER)).url)
    for peer, version, draft in (
        (PERL, "draft-hixie-75", "hixie-75"),
        (PERL, "draft-hixie-76", "hixie-76"),
        (RUBY, "7", "hybi-07"),
        (RUBY, "8", "hybi-10"),
        (PERL, "draft-ietf-hybi-17", "rfc6455"),
    ):
        report = await peer.report(version, server.url.replace("http", "ws").rstrip("/"))
        assert report["draft"] == draft


@pytest_twisted.ensureDeferred
async def test_nodeBefore() -> None:
    """
    It is at least JavaScript: node-websocket-server can't be installed any more.
    """
    env = await NODE.installed()
    checked = await run("node", "--check", str(EXAMPLES / "node_before.js"), env=env)
    assert checked.status == 0, checked
