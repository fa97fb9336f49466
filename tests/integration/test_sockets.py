"""
What only a real TCP connection does, against a factory in this process.
"""

from typing import Any

import pytest
import pytest_twisted
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import deferLater

from tests.integration.conftest import Connect, Listen
from tests.integration.connections import Connection
from tests.integration.support import DRAFTS, until
from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.demo import Echo
from wsfallback.draining import IConnection
from wsfallback.testing import request

MEBIBYTE = 1 << 20


class CountingFactory(FallbackServerFactory):
    """
    Tells how many connections it has.
    """

    present = 0

    def connectionBegan(self, connection: IConnection) -> None:
        """
        One more.
        """
        super().connectionBegan(connection)
        self.present += 1

    def connectionEnded(self, connection: IConnection, ending: Deferred[Any] | None) -> None:
        """
        One less.
        """
        self.present -= 1
        super().connectionEnded(connection, ending)

    async def becomesEmpty(self) -> None:
        """
        Wait until all have left.
        """
        await until(lambda: self.present == 0, "the end of all connections")

    async def has(self, count: int) -> None:
        """
        Wait until there are so many.
        """
        await until(lambda: self.present == count, f"{count} connections")


@pytest.mark.parametrize("rest", [b"", b"^", b"^n:ds[4"])
@pytest_twisted.ensureDeferred
async def test_headBeforeKey3(listen: Listen, connect: Connect, rest: bytes) -> None:
    """
    A proxy holds key3, or some of it, back until it has seen the head of the answer.
    """
    port = await listen(CountingFactory(Echo))
    client = await connect(port, "hixie-76")
    opening = request("hixie-76")
    client.send(opening[:-8] + rest)
    assert (await client.readHead()).startswith(b"HTTP/1.1 101 ")
    assert not client.received
    client.send(opening[len(opening) - 8 + len(rest) :])
    assert await client.read(16) == b"8jKS'y:G*Co,Wxa-"
    client.say("✓")
    assert await client.hear() == "✓"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000, 431, id="a long field"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 40_000, 431, id="many fields"),
        pytest.param(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n", 414, id="a long target"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n" + b"a" * 8_000_000,
            405,
            id="a body",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 50_000, 426, id="many requests"),
        pytest.param(b"\x16\x03\x01" + b"\0" * 8_000_000, 400, id="no HTTP at all"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_refusedWhileSending(
    listen: Listen, connect: Connect, sent: bytes, status: int
) -> None:
    """
    The answer arrives whole although the client is still sending, and ends with a FIN.
    """
    factory = CountingFactory(Echo)
    client = await connect(await listen(factory))
    client.send(sent)
    answer = await client.readAnswer()
    assert answer.status == status
    assert "close" in answer.fields["connection"].split(", ")
    assert await client.readEnd() == b""
    assert client.finished
    assert isinstance(client.lost, ConnectionDone)
    await factory.becomesEmpty()


class LateDenial(MessageHandler):
    """
    Decides when the test tells it to.
    """

    waiting: list[Deferred[Any]]

    def onConnect(self, request: ConnectionRequest) -> Deferred[Any]:
        """
        Later.
        """
        decision: Deferred[Any] = Deferred()
        self.waiting.append(decision)
        return decision


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_deniedWhileSending(listen: Listen, connect: Connect, draft: str) -> None:
    """
    So does the answer of a handler that refuses, whatever the client sends meanwhile.
    """
    LateDenial.waiting = []
    factory = CountingFactory(LateDenial)
    client = await connect(await listen(factory), draft)
    client.send(request(draft) + client.message("a" * 8_000_000))
    await until(lambda: LateDenial.waiting, "the handler")
    LateDenial.waiting[0].errback(ConnectionDeny(403, "not today"))
    answer = await client.readAnswer()
    assert (answer.status, answer.body) == (403, b"not today\n")
    assert await client.readEnd() == b""
    assert client.finished
    assert isinstance(client.lost, ConnectionDone)
    await factory.becomesEmpty()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: exa", id="half a request"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_silence(listen: Listen, connect: Connect, sent: bytes) -> None:
    """
    Who doesn't finish a request is told so.
    """
    factory = CountingFactory(Echo, handshakeTimeout=0.3)
    client = await connect(await listen(factory))
    client.send(sent)
    assert (await client.readAnswer()).status == 408
    assert await client.readEnd() == b""
    await factory.becomesEmpty()


@pytest_twisted.ensureDeferred
async def test_silenceBeforeKey3(listen: Listen, connect: Connect) -> None:
    """
    Who never sends key3 has had the head of the answer, and nothing can follow it.
    """
    factory = CountingFactory(Echo, handshakeTimeout=0.3)
    client = await connect(await listen(factory), "hixie-76")
    client.send(request("hixie-76")[:-1])
    assert (await client.readHead()).startswith(b"HTTP/1.1 101 ")
    assert await client.readEnd() == b""
    await factory.becomesEmpty()


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_drop(listen: Listen, connect: Connect, draft: str) -> None:
    """
    A client may be gone at any moment, and nothing of it stays.
    """
    factory = CountingFactory(Echo)
    port = await listen(factory)
    opening = request(draft)
    for sent in (b"", opening[:40], opening[:-9], opening):
        client = await connect(port, draft)
        client.send(sent)
        await factory.has(1)
        client.drop()
        await factory.becomesEmpty()
    client = await connect(port, draft)
    await client.open()
    client.send(client.message("never finished")[:-5])
    client.drop()
    await factory.becomesEmpty()
    # In the middle of what it is sent.
    client = await connect(port, draft)
    await client.open()
    client.say("a" * MEBIBYTE)
    await client.read(1)
    client.drop()
    await factory.becomesEmpty()


@pytest_twisted.ensureDeferred
async def test_halfCloseAfterMessage(listen: Listen, connect: Connect) -> None:
    """
    A FIN right behind a message is a clean close; the message is heard, and answered.
    """
    handlers = []

    class Remembering(Echo):
        def __init__(self) -> None:
            self.heard: list[object] = []
            handlers.append(self)

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            self.heard.append(payload)
            super().onMessage(payload, isBinary)

        def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
            self.heard.append((wasClean, code))

    factory = CountingFactory(Remembering)
    client = await connect(await listen(factory), "hixie-75")
    await client.open()
    client.say("last words")
    client.sayGoodbye()
    assert await client.readEnd() == b"\x00last words\xff"
    assert [handler.heard for handler in handlers] == [[b"last words", (True, 1005)]]
    await factory.becomesEmpty()


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_halfCloseAtOnce(listen: Listen, connect: Connect, draft: str) -> None:
    """
    All that a client says may come with its FIN; it is answered, and doesn't stay.
    """
    factory = CountingFactory(Echo)
    client = await connect(await listen(factory), draft)
    text = "é" * 300_000
    client.send(request(draft) + client.message(text))
    client.transport.loseWriteConnection()
    await client.readOpening()
    assert await client.hear() == text
    await client.readEnd()
    await factory.becomesEmpty()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", request("hixie-76")[:-3]])
@pytest_twisted.ensureDeferred
async def test_halfCloseTooEarly(listen: Listen, connect: Connect, sent: bytes) -> None:
    """
    A client that ends its half within the handshake doesn't stay for the deadline of it.
    """
    factory = CountingFactory(Echo, handshakeTimeout=3600.0)
    client = await connect(await listen(factory))
    client.send(sent)
    client.transport.loseWriteConnection()
    await client.readEnd()
    await factory.becomesEmpty()


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_mebibyte(listen: Listen, connect: Connect, draft: str) -> None:
    """
    A message of the default size, both ways, twice.
    """
    client = await connect(await listen(CountingFactory(Echo)), draft)
    await client.open()
    text = "aé✓𝄞" * (MEBIBYTE // 10)
    for message in (text, text[::-1]):
        client.say(message)
        assert await client.hear() == message


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_messagesInOneGo(listen: Listen, connect: Connect, draft: str) -> None:
    """
    A client that sends without waiting has all of it back, in order.
    """
    client = await connect(await listen(CountingFactory(Echo)), draft)
    messages = [f"{number} " + "é" * number for number in range(1000)]
    client.send(request(draft) + b"".join(map(client.message, messages)))
    await client.readOpening()
    for message in messages:
        assert await client.hear() == message


@pytest_twisted.ensureDeferred
async def test_maxConnections(listen: Listen, connect: Connect) -> None:
    """
    There is room for so many; the next one is told so, and has room when one has left.
    """
    factory = CountingFactory(Echo, maxConnections=2)
    port = await listen(factory)
    first, second = await connect(port, "hixie-76"), await connect(port, "rfc6455")
    await first.open()
    await second.open()
    third = await connect(port, "rfc6455")
    third.sendOpening()
    assert (await third.readAnswer()).status == 503
    assert await third.readEnd() == b""
    second.drop()
    await factory.has(1)
    fourth = await connect(port, "rfc6455")
    await fourth.open()
    fourth.say("room")
    assert await fourth.hear() == "room"


class Flood(MessageHandler):
    """
    Sends more than any buffer on the way has room for, and closes.
    """

    def onOpen(self) -> None:
        """
        At once.
        """
        for _ in range(32):
            self.sendMessage(b"a" * MEBIBYTE)
        self.sendClose(1000 if self.draft.closeCodes else None)


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_deafClient(listen: Listen, connect: Connect, draft: str) -> None:
    """
    A client that doesn't read what it is sent can't keep the connection.
    """
    factory = CountingFactory(Flood, closeTimeout=0.3, idleTimeout=0.3)
    client: Connection = await connect(await listen(factory), draft)
    client.transport.pauseProducing()
    client.send(request(draft))
    await factory.has(1)
    await factory.becomesEmpty()


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_farewell(listen: Listen, connect: Connect, draft: str) -> None:
    """
    All that was sent before a close arrives at a client that reads, however late it begins.
    """
    from twisted.internet import reactor

    factory = CountingFactory(Flood, maxSendQueue=64 * MEBIBYTE, closeTimeout=0.1)
    client = await connect(await listen(factory), draft)
    await client.open()
    client.transport.pauseProducing()
    # Longer than the server waits for anything but progress.
    await deferLater(reactor, 0.5)
    client.transport.resumeProducing()
    for _ in range(32):
        assert len(await client.hear()) == MEBIBYTE
    if not client.isHixie:
        assert await client.readFrame() == (8, b"\x03\xe8")
        client.sayGoodbye()
    elif draft == "hixie-76":
        assert await client.read(2) == b"\xff\x00"
        client.sayGoodbye()
    assert await client.readEnd() == b""
    assert isinstance(client.lost, ConnectionDone)
