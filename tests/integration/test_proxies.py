"""
The command behind proxies that other people made, in the configurations of the documentation.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater

from tests.integration.children import Served
from tests.integration.conftest import Connect, Serve, serving
from tests.integration.connections import Connection, DraftClient
from tests.integration.foreign import CHROMIUM, NODE, PERL, PHANTOM, RUBY, WEBSOCKETS, Peer
from tests.integration.proxies import Proxy, proxying, served
from tests.integration.scenarios import ECHOES, Scenario, inTurn
from tests.integration.support import ANYWHERE, DRAFTS, until
from tests.integration.test_clients import checkReport
from tests.integration.test_drain import ended, seesClose, stop
from wsfallback.testing import request

#: Those that let every client through; and what makes HAProxy's one read HTTP.
EXAMPLES = ("nginx.conf", "nginx_stream.conf", "haproxy.cfg", "haproxy_split.cfg")
READS_HTTP = {"mode tcp": "mode http", "option tcplog": "option httplog"}

#: Of three, the words with the seconds until they end what is idle.
IDLE = {
    "nginx.conf": "proxy_read_timeout 75s",
    "nginx_stream.conf": "proxy_timeout 75s",
    "haproxy.cfg": "75s",
}

#: A client of its own machine, so far as a proxy can see.
CLIENT = "127.0.0.2"

#: hixie-75 §3.1: the client compares them byte by byte.
THREE_LINES = (
    "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
)

#: A handler that says what it knows of its client.
HANDLERS = '''
import json

from wsfallback import MessageHandler


class Telling(MessageHandler):
    """
    Who is there, and what was asked.
    """

    def onOpen(self):
        asked = self.request
        told = {"peer": self.peer, "path": asked.path, "fields": asked.headers}
        self.sendMessage(json.dumps(told).encode())
'''


@dataclass(frozen=True)
class Front:
    """
    A server behind a proxy.
    """

    name: str
    server: Served
    proxy: Proxy

    def url(self, scheme: str) -> str:
        """
        Where foreign clients find it, without TLS.
        """
        return f"{scheme}://127.0.0.1:{self.proxy.ports[80]}"


@pytest_twisted.async_yield_fixture(scope="module", params=EXAMPLES)
async def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Front | BaseException]:
    """
    Each of the examples; or why it isn't there, which no fixture of pytest-twisted's may raise.
    """
    listen, options = served(request.param)
    directory = tmp_path_factory.mktemp("front")
    async with AsyncExitStack() as stack:
        result: Front | BaseException
        try:
            server = await stack.enter_async_context(serving(directory, *options, listen=listen))
            running = proxying(request.param, server.port, directory)
            result = Front(request.param, server, await stack.enter_async_context(running))
        except (pytest.skip.Exception, pytest.fail.Exception) as missing:
            result = missing
        yield result


@pytest.fixture
def front(started: Front | BaseException) -> Front:
    """
    Each of the examples, once for all tests of this module that change nothing in it.
    """
    if isinstance(started, BaseException):
        raise started
    return started


async def behind(serve: Serve, name: str, *more: str) -> Served:
    """
    The command as an example has it, and more options.
    """
    listen, options = served(name)
    return await serve(*options, *more, listen=(listen,))


async def talks(client: DraftClient, *texts: str) -> None:
    """
    What it says comes back.
    """
    for text in texts:
        client.say(text)
        assert await client.hear() == text


async def ends(client: DraftClient) -> None:
    """
    It closes in the way of its draft, and the server does.
    """
    client.sayGoodbye()
    answer = {"hixie-75": b"", "hixie-76": b"\xff\x00"}.get(client.draft, b"\x88\x02\x03\xe8")
    assert await client.readEnd() == answer


def fromElsewhere(port: int) -> str:
    """
    A client's endpoint that is at `CLIENT`.
    """
    return f"tcp:127.0.0.1:{port}:bindAddress={CLIENT}"


def location(head: str, draft: str) -> str:
    """
    Where hixie's answer says that the client is.
    """
    name = "WebSocket-Location: " if draft == "hixie-75" else "Sec-WebSocket-Location: "
    (found,) = [line for line in head.split("\r\n") if line.startswith(name)]
    return found.removeprefix(name)


@pytest.mark.parametrize(
    ("peer", "arguments", "draft"),
    [
        pytest.param(PERL, ("draft-hixie-75",), "hixie-75", id="perl-75"),
        pytest.param(PERL, ("draft-hixie-76",), "hixie-76", id="perl-76"),
        pytest.param(PERL, ("draft-ietf-hybi-10",), "hybi-10", id="perl-10"),
        pytest.param(RUBY, (75,), "hixie-75", id="ruby-75"),
        pytest.param(RUBY, (76,), "hixie-76", id="ruby-76"),
        pytest.param(RUBY, (7,), "hybi-07", id="ruby-7"),
        pytest.param(RUBY, (8,), "hybi-10", id="ruby-8"),
        pytest.param(RUBY, (13,), "rfc6455", id="ruby-13"),
        pytest.param(NODE, (), "rfc6455", id="ws"),
        pytest.param(WEBSOCKETS, (), "rfc6455", id="websockets"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_libraries(
    front: Front, peer: Peer, arguments: tuple[object, ...], draft: str
) -> None:
    """
    Libraries of then and now, on every draft that they know.
    """
    checkReport(await peer.report(*arguments, front.url("ws")), draft)


@pytest_twisted.ensureDeferred
async def test_phantom(front: Front) -> None:
    """
    A WebKit of 2011, which compares the answer with where it thinks it is.
    """
    report = await PHANTOM.report(front.url("http") + "/")
    assert report["draft"] == "hixie-76"
    assert tuple(report["seen"]["echoes"]["heard"]) == ECHOES
    assert report["log"] == ["sent: grüß ☃", "got: grüß ☃", "closed"]


@pytest_twisted.ensureDeferred
async def test_chromium(front: Front, tmp_path: Path) -> None:
    """
    A Chromium of today.
    """
    report = await CHROMIUM.report(front.url("http") + "/", tmp_path / "chromium.png")
    assert report["draft"] == "rfc6455"
    assert tuple(report["seen"]["echoes"]["heard"]) == ECHOES


@pytest.mark.parametrize("isSecure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_everyDraft(front: Front, connect: Connect, draft: str, isSecure: bool) -> None:
    """
    Also by TLS, which ends at the proxy; with a long message, and a close from either side.
    """
    port, trust = front.proxy.end(isSecure)
    client = await connect(port, draft, trust=trust)
    await client.open(host=f"localhost:{port}")
    await talks(client, "héllo ✓ 𝄞", "", "aé✓𝄞" * 100_000)
    if draft != "hixie-75":
        await ends(client)
    asking = await connect(port, draft, trust=trust)
    await asking.open(path="/-/draft")
    assert await asking.hear() == draft
    asking.say("thanks")
    if draft == "hixie-75":
        assert await asking.readEnd() == b""
    elif draft == "hixie-76":
        assert await asking.read(2) == b"\xff\x00"
    else:
        assert await asking.readFrame() == (8, b"\x03\xe8")


@pytest_twisted.ensureDeferred
async def test_websocketsByTls(front: Front, tmp_path: Path) -> None:
    """
    Python's "websockets", which trusts nothing but the proxy's certificate.
    """
    port, trust = front.proxy.end(True)
    certificate = tmp_path / "trusted.pem"
    assert trust is not None
    certificate.write_bytes(trust)
    url = f"wss://127.0.0.1:{port}"
    checkReport(await WEBSOCKETS.report(url, SSL_CERT_FILE=str(certificate)), "rfc6455")


@pytest_twisted.ensureDeferred
async def test_threeLines(front: Front, connect: Connect) -> None:
    """
    Browsers of hixie-75 want the beginning of the answer as it is written; nginx in mode http
    puts fields of its own there, where every client that doesn't compare them gets through.
    """
    client = await connect(front.proxy.ports[80], "hixie-75")
    head = await client.open()
    assert head.startswith(THREE_LINES) == (front.name != "nginx.conf"), head


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_slowHead(front: Front, connect: Connect, draft: str) -> None:
    """
    A request, and key3, that come in pieces.
    """
    from twisted.internet import reactor

    client = await connect(front.proxy.ports[80], draft)
    client.transport.setTcpNoDelay(True)
    opening = request(draft)
    for start in range(0, len(opening), 60):
        client.send(opening[start : start + 60])
        # It is written at the end of the reactor's turn.
        await deferLater(reactor, 0)
    await client.readOpening()
    await talks(client, "hello")


@pytest_twisted.ensureDeferred
async def test_keptConnection(front: Front, connect: Connect) -> None:
    """
    A proxy that reads HTTP has a new connection for an upgrade, even behind a request for the page
    on the same connection of a client's; otherwise it is plain HTTP, too.
    """
    client = await connect(front.proxy.ports[80], "rfc6455")
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"This browser was served with" in (await client.readAnswer()).body
    if front.name in ("nginx.conf", "haproxy_split.cfg"):
        await client.open()
        await talks(client, "hello")
    else:
        client.sendOpening()
        assert (await client.readAnswer()).status == 200


@pytest.mark.parametrize("name", EXAMPLES)
@pytest_twisted.ensureDeferred
async def test_stop(serve: Serve, connect: Connect, tmp_path: Path, name: str) -> None:
    """
    When the server stops, each client has its close through the proxy.
    """
    server = await behind(serve, name, "--drain", "20")
    async with proxying(name, server.port, tmp_path) as proxy:
        clients = [await connect(proxy.ports[80], draft) for draft in DRAFTS]
        for client in clients:
            await client.open()
            await talks(client, "hello")
        stop(server)
        for client in clients:
            await seesClose(client)
        await ended(server)


class TestNginx:
    """
    What only a proxy in mode http does.
    """

    @pytest_twisted.ensureDeferred
    async def test_key3(self, connect: Connect, tmp_path: Path) -> None:
        """
        It holds key3 back until it has seen the head of the answer: whoever waits for key3 before
        that waits in vain.
        """
        from twisted.internet import reactor

        backends: list[Connection] = []

        class Backend(Connection):
            def connectionMade(self) -> None:
                backends.append(self)

        listening = await serverFromString(reactor, ANYWHERE).listen(Factory.forProtocol(Backend))
        try:
            async with proxying("nginx.conf", listening.getHost().port, tmp_path) as proxy:
                client = await connect(proxy.ports[80], "hixie-76")
                client.sendOpening()
                await until(lambda: backends, "nginx", client)
                (backend,) = backends
                head = await backend.readHead()
                assert b"Sec-WebSocket-Key2: " in head
                # It has had key3 with the head, and would have sent it so.
                assert not backend.received
                backend.send(
                    b"HTTP/1.1 101 WebSocket Protocol Handshake\r\n"
                    b"Upgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"
                )
                assert await backend.read(8) == request("hixie-76")[-8:]
                backend.drop()
        finally:
            await listening.stopListening()

    @pytest_twisted.ensureDeferred
    async def test_location(self, serve: Serve, connect: Connect, tmp_path: Path) -> None:
        """
        Hixie's answer has the client's own URL, whatever that claims of where it is: scheme, port,
        and target byte for byte.
        """
        server = await behind(serve, "nginx.conf")
        async with proxying("nginx.conf", server.port, tmp_path) as proxy:
            for draft, isSecure in product(("hixie-75", "hixie-76"), (False, True)):
                port, trust = proxy.end(isSecure)
                client = await connect(port, draft, trust=trust)
                host, path = f"localhost:{port}", "/a//b/./%7Ec%20?d=%2f&e"
                claims = {"X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https,http"}
                head = await client.open(path=path, host=host, headers=claims)
                scheme = "wss" if isSecure else "ws"
                assert location(head, draft) == f"{scheme}://{host}{path}"

    @pytest_twisted.ensureDeferred
    async def test_withoutTrust(self, serve: Serve, connect: Connect, tmp_path: Path) -> None:
        """
        A server that isn't told to believe the proxy says ``ws:`` to a client of ``wss:``.
        """
        server = await serve()
        async with proxying("nginx.conf", server.port, tmp_path) as proxy:
            client = await connect(proxy.ports[443], "hixie-76", trust=proxy.trust)
            head = await client.open(host="localhost")
            assert location(head, "hixie-76") == "ws://localhost/"

    @pytest.mark.parametrize(
        ("path", "seen", "isRight"),
        [
            pytest.param("/kept/a//b?c", "/kept/a//b", True, id="kept"),
            pytest.param("/cut/a//b?c", "/a/b", True, id="cut"),
            pytest.param("/wrong/a//b?c", "/a/b", False, id="wrong"),
        ],
    )
    @pytest_twisted.ensureDeferred
    async def test_prefix(
        self,
        serve: Serve,
        connect: Connect,
        tmp_path: Path,
        path: str,
        seen: str,
        isRight: bool,
    ) -> None:
        """
        Where the proxy cuts a prefix off the path hixie's answer lacks it, unless the proxy puts
        it there again.
        """
        (tmp_path / "mine.py").write_text(HANDLERS)
        name = "nginx_prefix.conf"
        server = await behind(serve, name, "--handler", "mine.Telling")
        async with proxying(name, server.port, tmp_path) as proxy:
            for isSecure in (False, True):
                port, trust = proxy.end(isSecure)
                where = f"{'wss' if isSecure else 'ws'}://localhost:{port}{path}"
                client = await connect(port, "hixie-76", trust=trust)
                head = await client.open(path=path, host=f"localhost:{port}")
                assert (location(head, "hixie-76") == where) == isRight
                assert json.loads(await client.hear())["path"] == seen
            client = await connect(proxy.ports[80], "rfc6455")
            assert "Location" not in await client.open(path=path)
            assert json.loads(await client.hear())["path"] == seen

    @pytest_twisted.ensureDeferred
    async def test_externalURL(self, serve: Serve, connect: Connect, tmp_path: Path) -> None:
        """
        The server can put it there by itself, where it is told its URL.
        """
        name, url = "nginx_prefix.conf", "wss://example.org/wrong"
        server = await behind(serve, name, "--external-url", url)
        async with proxying(name, server.port, tmp_path) as proxy:
            for draft in ("hixie-75", "hixie-76"):
                client = await connect(proxy.ports[80], draft)
                head = await client.open(path="/wrong/chat?x=y", host="localhost")
                assert location(head, draft) == f"{url}/chat?x=y"

    @pytest_twisted.ensureDeferred
    async def test_forwardedFor(self, serve: Serve, connect: Connect, tmp_path: Path) -> None:
        """
        The handler, and a backend behind the gateway, see the client's address as the last one
        that is no proxy's of ours, whatever the client claims.
        """
        (tmp_path / "mine.py").write_text(HANDLERS)
        handler = await behind(serve, "nginx.conf", "--handler", "mine.Telling")
        backend = f"ws://127.0.0.1:{handler.port}"
        gateway = await behind(serve, "nginx.conf", "--forward", backend)
        for server, chain in (
            (handler, f"1.2.3.4, {CLIENT}"),
            (gateway, f"1.2.3.4, {CLIENT}, 127.0.0.1"),
        ):
            async with proxying("nginx.conf", server.port, tmp_path) as proxy:
                for draft in DRAFTS:
                    client = await connect(fromElsewhere(proxy.ports[80]), draft)
                    claims = {"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"}
                    await client.open(headers=claims, host="localhost:81")
                    told = json.loads(await client.hear())
                    # Also at the backend, which trusts the gateway as that trusts nginx.
                    assert told["peer"] == f"tcp4:{CLIENT}:0"
                    fields = told["fields"]
                    assert fields["x-forwarded-for"] == chain
                    assert fields["x-forwarded-proto"] == "http"
                    assert fields["x-forwarded-host"] == "localhost:81"
                    assert "1.2.3.4" not in fields.get("forwarded", "")


class TestProxyProtocol:
    """
    TCP throughout, with a PROXY header: version 2 by HAProxy, 1 by nginx.
    """

    @pytest.mark.parametrize("name", ["haproxy.cfg", "haproxy_split.cfg", "nginx_stream.conf"])
    @pytest_twisted.ensureDeferred
    async def test_address(self, serve: Serve, connect: Connect, tmp_path: Path, name: str) -> None:
        """
        The handler sees the client's address on every draft.
        """
        (tmp_path / "mine.py").write_text(HANDLERS)
        server = await behind(serve, name, "--handler", "mine.Telling")
        async with proxying(name, server.port, tmp_path) as proxy:
            for draft in DRAFTS:
                client = await connect(fromElsewhere(proxy.ports[80]), draft)
                await client.open()
                own = client.transport.getHost()
                assert own.host == CLIENT
                assert json.loads(await client.hear())["peer"] == f"tcp4:{CLIENT}:{own.port}"

    @pytest.mark.parametrize("name", ["haproxy.cfg", "nginx_stream.conf"])
    @pytest_twisted.ensureDeferred
    async def test_locationByTls(
        self, serve: Serve, connect: Connect, tmp_path: Path, name: str
    ) -> None:
        """
        No field says that TLS has ended at the proxy, so hixie's answer is not right by itself,
        and with a fixed outside it is.
        """
        for options, url in (
            ((), "ws://localhost/chat"),
            (("--external-url", "wss://www.example.com"), "wss://www.example.com/chat"),
        ):
            server = await behind(serve, name, *options)
            async with proxying(name, server.port, tmp_path) as proxy:
                for isSecure in (False, True):
                    port, trust = proxy.end(isSecure)
                    for draft in ("hixie-75", "hixie-76"):
                        client = await connect(port, draft, trust=trust)
                        head = await client.open(host="localhost", path="/chat")
                        assert location(head, draft) == url


class TestHaproxyModeHttp:
    """
    What becomes of each draft where HAProxy reads HTTP, since its 2.4.
    """

    @pytest_twisted.ensureDeferred
    async def test_drafts(self, serve: Serve, connect: Connect, tmp_path: Path) -> None:
        """
        hybi-07 and later pass. hixie gets 400 from HAProxy, and the server sees nothing of it.
        """
        name = "haproxy.cfg"
        server = await behind(serve, name)
        async with proxying(name, server.port, tmp_path, READS_HTTP) as proxy:
            for draft in DRAFTS:
                client = await connect(proxy.ports[80], draft)
                client.sendOpening()
                if client.isHixie:
                    assert (await client.readHead()).startswith(b"HTTP/1.1 400 Bad request\r\n")
                    await client.readEnd()
                else:
                    await client.readOpening()
                    await talks(client, "hello")
                    await ends(client)

    @pytest_twisted.ensureDeferred
    async def test_contentLength(self, serve: Serve, connect: Connect, tmp_path: Path) -> None:
        """
        A hixie-76 client that says how long key3 is, as some libraries do, has its ``Upgrade``
        taken away, and the server has a request for a page.
        """
        name = "haproxy.cfg"
        server = await behind(serve, name)
        async with proxying(name, server.port, tmp_path, READS_HTTP) as proxy:
            report = await PERL.report(
                "draft-hixie-76",
                f"ws://127.0.0.1:{proxy.ports[80]}",
                scenarios=[Scenario("echoes", inTurn(*ECHOES))],
            )
            assert "404 Not Found" in report["seen"]["echoes"]["error"]
            client = await connect(proxy.ports[80], "hixie-76")
            client.sendOpening(headers={"Content-Length": "8"})
            assert b"This browser was served with" in (await client.readAnswer()).body


class TestIdle:
    """
    Who ends a connection on which nothing is said.
    """

    async def keeps(self, client: DraftClient, pings: int) -> None:
        """
        Answer so many, and be heard then.
        """
        await client.open()
        for _ in range(pings):
            opcode, payload = await client.readFrame()
            assert opcode == 9
            client.send(client.frame(10, payload))
        client.say("still here")
        # A ping may be on its way before it.
        while (frame := await client.readFrame())[0] == 9:
            client.send(client.frame(10, frame[1]))
        assert frame == (1, b"still here")

    @pytest.mark.parametrize("name", IDLE)
    @pytest_twisted.ensureDeferred
    async def test_pings(self, serve: Serve, connect: Connect, tmp_path: Path, name: str) -> None:
        """
        A proxy that ends what is idle for 4 s keeps clients that are pinged more often; a hixie
        client, which can't be, is gone.
        """
        server = await behind(serve, name, "--ping-interval", "0.5")
        changes = {IDLE[name]: IDLE[name].replace("75s", "4s")}
        async with proxying(name, server.port, tmp_path, changes) as proxy:
            port = proxy.ports[80]
            clients = {draft: await connect(port, draft) for draft in DRAFTS}
            hixie = [clients.pop(draft) for draft in ("hixie-75", "hixie-76")]
            for client in hixie:
                await client.open()
            # 5 s at least.
            await gatherResults([ensureDeferred(self.keeps(each, 10)) for each in clients.values()])
            for client in hixie:
                assert await client.readEnd() == b""

    @pytest.mark.parametrize("name", IDLE)
    @pytest_twisted.ensureDeferred
    async def test_serverFirst(
        self, serve: Serve, connect: Connect, tmp_path: Path, name: str
    ) -> None:
        """
        Where the server's own timeout is shorter than the proxy's, hixie-76 has its close.
        """
        server = await behind(serve, name, "--idle-timeout", "0.5")
        async with proxying(name, server.port, tmp_path) as proxy:
            client = await connect(proxy.ports[80], "hixie-76")
            await client.open()
            assert await client.read(2) == b"\xff\x00"
            client.sayGoodbye()
            assert await client.readEnd() == b""
