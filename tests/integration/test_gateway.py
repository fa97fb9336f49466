"""
The gateway on sockets: any draft in, any draft out.
"""

import gc
import os
from base64 import b64decode, b64encode
from signal import SIGKILL
from typing import Any

import pytest
import pytest_twisted
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.protocol import Factory, Protocol

from tests.integration.conftest import Connect, Listen, Start
from tests.integration.foreign import NODE_SERVER
from tests.integration.support import DRAFTS, until
from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.demo import Echo
from wsfallback.gateway import BackendLeg, ClientLeg, Gateway
from wsfallback.hixie_connection import HixieConnection
from wsfallback.modern_connection import ModernConnection

UNICODE = "h\xe9llo \u2713 \U0001d11e"


def gateway(*urls: str, handshakeTimeout: float = 5.0, **options: Any) -> FallbackServerFactory:
    """
    A server that forwards.
    """
    from twisted.internet import reactor

    handler = Gateway(urls, reactor=reactor, **options)
    return FallbackServerFactory(handler, handshakeTimeout=handshakeTimeout)


class Recording(MessageHandler):
    """
    A backend that writes down what happens to it.

    :cvar made: by the tests, one list each.
    """

    made: list["Recording"]

    def __init__(self) -> None:
        self.asked: ConnectionRequest | None = None
        self.heard: list[tuple[bytes, bool]] = []
        self.closed: tuple[bool, int, str | None] | None = None
        self.made.append(self)

    def onConnect(self, request: ConnectionRequest) -> Any:
        self.asked = request

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.heard.append((payload, isBinary))

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        self.closed = (wasClean, code, reason)


def recording(**methods: Any) -> type[Recording]:
    """
    A class of backends, with these methods.
    """
    return type("Recorded", (Recording,), {"made": [], **methods})


@pytest.mark.parametrize("behind", DRAFTS)
@pytest.mark.parametrize("before", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_everyDraft(listen: Listen, connect: Connect, before: str, behind: str) -> None:
    """
    Unicode, the empty message, 1 MB, and a thousand small ones in order.
    """
    port = await listen(FallbackServerFactory(Echo, drafts=[behind]))
    client = await connect(await listen(gateway(f"ws://127.0.0.1:{port}")), before)
    await client.open()
    for message in (UNICODE, "", "x" * 1_000_000, *map(str, range(1000))):
        client.say(message)
    for message in (UNICODE, "", "x" * 1_000_000, *map(str, range(1000))):
        assert await client.hear() == message
    client.sayGoodbye()
    await client.readEnd()


@pytest_twisted.ensureDeferred
async def test_request(listen: Listen, connect: Connect) -> None:
    """
    The backend sees path, query, origin, cookies and who the client is; the client its choice
    of a subprotocol and its cookies.
    """

    def choose(self: Recording, request: ConnectionRequest) -> Any:
        self.asked = request
        return "chat", {"Set-Cookie": ["a=1; expires=Mon, 1 Jan 2030", "b=2"]}

    kind = recording(onConnect=choose)
    port = await listen(FallbackServerFactory(kind))
    client = await connect(await listen(gateway(f"ws://127.0.0.1:{port}")), "hixie-76")
    head = await client.open(
        path="/a%20b?x=1&y=%C3%A9",
        origin="http://page.test",
        headers={"Cookie": "c=3", "User-Agent": "Old/1.0", "X-Forwarded-For": "10.0.0.1"},
        protocols=["chat"],
    )
    assert "\r\nSec-WebSocket-Protocol: chat\r\n" in head
    assert "\r\nSet-Cookie: a=1; expires=Mon, 1 Jan 2030\r\nSet-Cookie: b=2\r\n" in head
    asked = kind.made[0].asked
    assert asked is not None
    assert (asked.path, asked.params) == ("/a%20b", {"x": ["1"], "y": ["\xe9"]})
    assert (asked.origin, asked.version) == ("http://page.test", 13)
    assert asked.headers["cookie"] == "c=3"
    assert asked.headers["user-agent"] == "Old/1.0"
    assert asked.headers["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize("behind", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_keepHost(listen: Listen, connect: Connect, behind: str) -> None:
    """
    The backend is called what the client calls us, if that is wanted.
    """
    kind = recording()
    port = await listen(FallbackServerFactory(kind, drafts=[behind]))
    for keepHost, host in ((False, f"127.0.0.1:{port}"), (True, "www.test")):
        server = await listen(gateway(f"ws://127.0.0.1:{port}", keepHost=keepHost))
        client = await connect(server, "hixie-76")
        await client.open(host="www.test")
        asked = kind.made[-1].asked
        assert asked is not None
        assert asked.headers["host"] == host
        assert asked.headers["x-forwarded-host"] == "www.test"


@pytest_twisted.ensureDeferred
async def test_pathOfTheBackend(listen: Listen, connect: Connect) -> None:
    """
    A backend's URL may have a path of its own; the client's query goes with it.
    """
    kind = recording()
    port = await listen(FallbackServerFactory(kind))
    client = await connect(await listen(gateway(f"ws://127.0.0.1:{port}/own")), "hixie-75")
    await client.open(path="/client?x=1")
    asked = kind.made[0].asked
    assert asked is not None
    assert (asked.path, asked.params) == ("/own", {"x": ["1"]})


@pytest_twisted.ensureDeferred
async def test_refusal(listen: Listen, connect: Connect) -> None:
    """
    The backend's status is the client's, on all drafts.
    """

    def deny(self: Recording, request: ConnectionRequest) -> None:
        raise ConnectionDeny(403, "no")

    port = await listen(FallbackServerFactory(recording(onConnect=deny)))
    front = await listen(gateway(f"ws://127.0.0.1:{port}"))
    for draft in DRAFTS:
        client = await connect(front, draft)
        client.sendOpening()
        assert (await client.readAnswer()).status == 403


@pytest_twisted.ensureDeferred
async def test_backendDown(listen: Listen, connect: Connect) -> None:
    """
    502; and where there is another backend, that one is asked.
    """
    front = await listen(gateway("ws://127.0.0.1:1"))
    client = await connect(front, "hixie-76")
    client.sendOpening()
    assert (await client.readAnswer()).status == 502
    port = await listen(FallbackServerFactory(Echo))
    front = await listen(gateway("ws://127.0.0.1:1", f"ws://127.0.0.1:{port}"))
    for _ in range(3):
        client = await connect(front, "hixie-76")
        await client.open()
        client.say("up")
        assert await client.hear() == "up"


@pytest_twisted.ensureDeferred
async def test_backendSlow(listen: Listen, connect: Connect) -> None:
    """
    504.
    """
    port = await listen(Factory.forProtocol(Protocol))  # type: ignore[arg-type]
    client = await connect(await listen(gateway(f"ws://127.0.0.1:{port}", timeout=0.3)), "hixie-76")
    client.sendOpening()
    assert (await client.readAnswer()).status == 504


@pytest_twisted.ensureDeferred
async def test_closes(listen: Listen, connect: Connect) -> None:
    """
    Codes and reasons go through both ways; a client that is just gone is 1001 to the backend.
    """

    def close(self: Recording, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(b"last")
        self.sendClose(4001, "why")

    kind = recording(onMessage=close)
    port = await listen(FallbackServerFactory(kind))
    front = await listen(gateway(f"ws://127.0.0.1:{port}"))
    client = await connect(front, "rfc6455")
    await client.open()
    client.say("close")
    assert await client.hear() == "last"
    assert await client.readFrame() == (8, b"\x0f\xa1why")
    old = await connect(front, "hixie-76")
    await old.open()
    old.say("close")
    assert await old.hear() == "last"
    assert await old.read(2) == b"\xff\x00"
    for draft, leave, code in (
        ("rfc6455", lambda client: client.send(client.frame(8, b"\x0f\xa2bye")), 4002),
        ("hixie-76", lambda client: client.sayGoodbye(), 1005),
        ("rfc6455", lambda client: client.drop(), 1001),
    ):
        client = await connect(front, draft)
        await client.open()
        leave(client)
        last = kind.made[-1]
        closed = await until(lambda last=last: last.closed, "the backend's close")
        assert closed[1] == code, (draft, closed)


@pytest_twisted.ensureDeferred
async def test_backendGone(listen: Listen, connect: Connect) -> None:
    """
    A backend that is killed closes the client, and nothing is counted for ever.
    """
    kind = recording(onMessage=lambda self, *_: self.channel.transport.abortConnection())
    port = await listen(FallbackServerFactory(kind))
    from twisted.internet import reactor

    handler = Gateway([f"ws://127.0.0.1:{port}"], reactor=reactor)
    front = await listen(FallbackServerFactory(handler))
    for draft in DRAFTS:
        client = await connect(front, draft)
        await client.open()
        client.say("die")
        await client.readEnd()
    await until(lambda: handler.backends.all[0].open == 0, "no connection to be counted")


@pytest_twisted.ensureDeferred
async def test_nothingIsLeft(listen: Listen, connect: Connect, start: Start) -> None:
    """
    Of connections in the middle of a megabyte, to a backend that is killed, no object is left,
    without Python's collector; and none of those that come then.
    """
    kinds = (ClientLeg, BackendLeg, HixieConnection, ModernConnection)

    def alive() -> int:
        return sum(isinstance(each, kinds) for each in gc.get_objects())

    backend = await start(NODE_SERVER)
    front = await listen(gateway(backend.url))
    gc.collect()
    before = alive()
    gc.disable()
    try:
        clients = []
        for draft in DRAFTS:
            client = await connect(front, draft)
            await client.open()
            client.say("x" * 1_000_000)
            await client.read(1)
            client.send(client.message("x" * 1_000_000)[:-1])
            clients.append(client)
        assert alive() == before + 4 * len(DRAFTS)
        os.kill(backend.pid, SIGKILL)
        for client in clients:
            await client.readEnd()
        await until(lambda: alive() == before, "the end of all that was made")
        for draft in DRAFTS:
            client = await connect(front, draft)
            client.sendOpening()
            assert (await client.readAnswer()).status == 502
            await client.readEnd()
        await until(lambda: alive() == before, "the end of those who were refused")
    finally:
        gc.enable()


@pytest_twisted.ensureDeferred
async def test_greeting(listen: Listen, connect: Connect) -> None:
    """
    What a backend says at once, and before its close, is not lost.
    """

    def greet(self: Recording) -> None:
        for number in range(100):
            self.sendMessage(b"%d" % number)
        self.sendClose(1000)

    port = await listen(FallbackServerFactory(recording(onOpen=greet)))
    front = await listen(gateway(f"ws://127.0.0.1:{port}"))
    for draft in DRAFTS:
        client = await connect(front, draft)
        await client.open()
        for number in range(100):
            assert await client.hear() == str(number)


@pytest_twisted.ensureDeferred
async def test_binaryRefused(listen: Listen, connect: Connect) -> None:
    """
    A binary message for a client that has none closes both: 1003 to the backend.
    """
    kind = recording(onMessage=lambda self, *_: self.sendMessage(b"\xff", True))
    port = await listen(FallbackServerFactory(kind))
    client = await connect(await listen(gateway(f"ws://127.0.0.1:{port}")), "hixie-76")
    await client.open()
    client.say("binary, please")
    assert await client.read(2) == b"\xff\x00"
    closed = await until(lambda: kind.made[0].closed, "the backend's close")
    assert closed[1] == 1003


@pytest_twisted.ensureDeferred
async def test_binaryInBase64(listen: Listen, connect: Connect) -> None:
    """
    With the option a text-only client that asks for base64 has binary messages in it, both
    ways, and the backend is asked for binary.
    """

    class Binary(Echo):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            assert isBinary
            self.sendMessage(payload[::-1], True)

    port = await listen(FallbackServerFactory(Binary))
    front = await listen(gateway(f"ws://127.0.0.1:{port}", binary="base64"))
    client = await connect(front, "hixie-76")
    head = await client.open(protocols=["base64"])
    assert "\r\nSec-WebSocket-Protocol: base64\r\n" in head
    client.say(b64encode(b"\xff\x00\x01").decode())
    assert b64decode(await client.hear()) == b"\x01\x00\xff"
    client.say("this is not base64!")
    assert await client.read(2) == b"\xff\x00"


@pytest_twisted.ensureDeferred
async def test_backPressure(listen: Listen, connect: Connect) -> None:
    """
    A client that doesn't read stops the backend, and loses nothing when it reads again.
    """
    sent = []

    class Producing(Echo):
        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.isPaused = False
            self.registerProducer(self, True)
            self.resumeProducing()

        def pauseProducing(self) -> None:
            self.isPaused = True

        def resumeProducing(self) -> None:
            self.isPaused = False
            while not self.isPaused and len(sent) < 1000:
                sent.append(1)
                self.sendMessage(b"x" * 65536)

        def stopProducing(self) -> None:
            self.isPaused = True

    # Deflated, all of it would be nothing.
    port = await listen(FallbackServerFactory(Producing, compress=False))
    client = await connect(await listen(gateway(f"ws://127.0.0.1:{port}")), "hixie-76")
    await client.open()
    client.transport.pauseProducing()
    client.say("go")
    count = 0
    while count != len(sent) or not count:
        count = len(sent)
        await aWhile(0.3)
    assert count < 1000, "64 MiB are on the way to a client that doesn't read"
    client.transport.resumeProducing()
    for _ in range(1000):
        assert len(await client.hear()) == 65536


async def aWhile(seconds: float) -> None:
    """
    A while, in which things come to a standstill.
    """
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    await deferLater(reactor, seconds)
