"""
Plain HTTP through the command to a backend: Node.js, asked by Twisted's client.
"""

import hashlib
import json
import os
from io import BytesIO
from typing import Any

import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, ResponseDone

from tests.integration.children import Served
from tests.integration.conftest import Connect, Serve, Start
from tests.integration.foreign import HTTP_SERVER
from tests.integration.support import until

#: Bytes: more than all buffers on the way hold together, by far.
LONG = 64 << 20


class Browser:
    """
    A client that keeps its connections.
    """

    def __init__(self, url: str) -> None:
        from twisted.internet import reactor

        self._url = url
        self.pool = HTTPConnectionPool(reactor)
        self._agent = Agent(reactor, pool=self.pool)

    async def ask(self, path: str, method: bytes = b"GET", body: bytes | None = None) -> Any:
        """
        The answer and its body.
        """
        producer = None if body is None else FileBodyProducer(BytesIO(body))
        answer = await self._agent.request(
            method, f"{self._url}{path}".encode(), bodyProducer=producer
        )
        body = Body()
        answer.deliverBody(body)
        return answer, await body.whole


class Body(Protocol):
    """
    The body of an answer.

    :ivar whole: fires with it, or with why it isn't whole.
    """

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred()
        self._received = bytearray()

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self._received += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        It is over.
        """
        if reason.check(ResponseDone):
            self.whole.callback(bytes(self._received))
        else:
            self.whole.errback(reason)


async def proxy(serve: Serve, start: Start, *options: str) -> Served:
    """
    The command in front of Node.js.
    """
    port = (await start(HTTP_SERVER)).port
    return await serve("--forward-http", f"http://127.0.0.1:{port}", *options)


def memory(server: Served) -> int:
    """
    The bytes that a server has in memory now.
    """
    with open(f"/proc/{server.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest_twisted.ensureDeferred
async def test_requests(serve: Serve, start: Start) -> None:
    """
    Small ones, by connections that are kept on both sides; and who the client is.
    """
    browser = Browser((await proxy(serve, start)).url)
    numbers = set()
    for _ in range(3):
        answer, body = await browser.ask("asked?a=b")
        asked = json.loads(body)
        numbers.add(asked["number"])
        assert (asked["method"], asked["url"]) == ("GET", "/asked?a=b")
        fields = dict(zip(asked["headers"][::2], asked["headers"][1::2], strict=True))
        assert fields["X-Forwarded-For"] == "127.0.0.1"
        assert fields["X-Forwarded-Proto"] == "http"
        assert "Connection" not in fields
    assert len(numbers) == 1
    answer, body = await browser.ask("", b"HEAD")
    assert (answer.code, body) == (200, b"")
    await browser.pool.closeCachedConnections()


@pytest_twisted.ensureDeferred
async def test_bodies(serve: Serve, start: Start) -> None:
    """
    Long ones, both ways and both at once, whole.
    """
    server = await proxy(serve, start)
    browser = Browser(server.url)
    blob = os.urandom(8 << 20)
    _, body = await browser.ask("digest", b"PUT", blob)
    assert body.decode() == f"{len(blob)} {hashlib.md5(blob).hexdigest()}"
    _, body = await browser.ask("echo", b"POST", blob)
    assert body == blob
    _, body = await browser.ask("long?128")
    assert body == b"x" * (128 << 16)
    await browser.pool.closeCachedConnections()


@pytest_twisted.ensureDeferred
async def test_slowReader(serve: Serve, start: Start, connect: Connect) -> None:
    """
    A client that doesn't read costs a few buffers, and gets everything in the end.
    """
    server = await proxy(serve, start)
    client = await connect(server.port)
    client.send(b"GET /long?%d HTTP/1.0\r\n\r\n" % (LONG >> 16))
    await client.readHead()
    before = memory(server)
    client.transport.pauseProducing()
    other = await connect(server.port)
    other.send(b"GET /long?16 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert len(await other.readEnd()) > 16 << 16
    assert memory(server) - before < LONG >> 2
    client.transport.resumeProducing()
    await until(lambda: client.finished, "the end of a long answer", seconds=60)
    assert len(client.received) == LONG


@pytest_twisted.ensureDeferred
async def test_broken(serve: Serve, start: Start, connect: Connect) -> None:
    """
    Half an answer is never taken for a whole one; the next request is served.
    """
    server = await proxy(serve, start)
    client = await connect(server.port)
    # To a client of HTTP/1.0 only the way in which TCP ends can tell.
    client.send(b"GET /broken HTTP/1.0\r\n\r\n")
    await client.readEnd()
    assert isinstance(client.lost, ConnectionLost), client
    browser = Browser(server.url)
    _, body = await browser.ask("")
    assert body == b"hello"
    await browser.pool.closeCachedConnections()


@pytest_twisted.ensureDeferred
async def test_both(serve: Serve, start: Start, connect: Connect) -> None:
    """
    WebSocket beside it, on the same port; and 502 when the backend is gone.
    """
    server = await proxy(serve, start, "--handler", "echo")
    client = await connect(server.port, "hixie-76")
    await client.open()
    client.say("hello")
    assert await client.hear() == "hello"
    server = await serve("--forward-http", "http://127.0.0.1:9")
    client = await connect(server.port)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await client.readAnswer()).status == 502
