"""
The command on an ``ssl:`` endpoint.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.task import deferLater

from tests.certificates import issue
from tests.integration.children import Served
from tests.integration.conftest import Connect, Serve
from tests.integration.foreign import WEBSOCKETS
from tests.integration.support import DRAFTS, until
from tests.integration.test_clients import checkReport
from wsfallback.testing import request

#: A handler that says when it is over.
ENDS = '''
from wsfallback import MessageHandler


class Ends(MessageHandler):
    """
    An echo.
    """

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload)

    def onClose(self, wasClean, code, reason):
        print("ended", self.request.path, wasClean, code)
'''


@dataclass(frozen=True)
class Secured:
    """
    A server on TLS alone, and the certificate that it has.
    """

    server: Served
    certificate: Path

    @property
    def trust(self) -> bytes:
        """
        The certificate in PEM.
        """
        return self.certificate.read_bytes()


def makeCertificate(directory: Path) -> tuple[Path, Path]:
    """
    A key, and a certificate for this machine that it signs itself.
    """
    issued = issue("localhost", "127.0.0.1", isAuthority=True)
    keyFile, certificateFile = directory / "key.pem", directory / "certificate.pem"
    keyFile.write_bytes(issued.secret)
    certificateFile.write_bytes(issued.pem)
    return keyFile, certificateFile


@pytest_twisted.async_fixture
async def secured(serve: Serve, tmp_path: Path) -> Secured:
    """
    A server with short deadlines.
    """
    key, certificate = makeCertificate(tmp_path)
    server = await serve(
        *("--handshake-timeout", "1", "--close-timeout", "0.5"),
        listen=(f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}",),
    )
    return Secured(server, certificate)


@pytest_twisted.ensureDeferred
async def test_everyDraft(secured: Secured, connect: Connect) -> None:
    """
    All drafts are served, and end in the way of theirs.
    """
    for draft in DRAFTS:
        client = await connect(secured.server.port, draft, trust=secured.trust)
        await client.open()
        for text in ("héllo ✓ 𝄞", "", "aé✓𝄞" * 10_000):
            client.say(text)
            assert await client.hear() == text
        if draft != "hixie-75":
            client.sayGoodbye()
            assert await client.readEnd() == (
                b"\xff\x00" if draft == "hixie-76" else b"\x88\x02\x03\xe8"
            )


@pytest_twisted.ensureDeferred
async def test_together(secured: Secured, connect: Connect) -> None:
    """
    What comes behind the request is not lost at the hand-over: in the same record, or each byte
    in one of its own.
    """
    from twisted.internet import reactor

    for draft in DRAFTS:
        for isCut in (False, True):
            client = await connect(secured.server.port, draft, trust=secured.trust)
            sent = request(draft) + client.message("one") + client.message("two")
            if isCut:
                for at in range(len(sent)):
                    client.send(sent[at : at + 1])
                    # The end of the turn: Twisted makes one record of what is written in it.
                    await deferLater(reactor, 0)
            else:
                client.send(sent)
            await client.readOpening()
            assert [await client.hear(), await client.hear()] == ["one", "two"]


@pytest_twisted.ensureDeferred
async def test_lateKey3(secured: Secured, connect: Connect) -> None:
    """
    The last bytes of hixie-76's request come when the head of the answer has.
    """
    client = await connect(secured.server.port, "hixie-76", trust=secured.trust)
    sent = request("hixie-76")
    client.send(sent[:-8])
    assert (await client.readHead()).startswith(b"HTTP/1.1 101 ")
    client.send(sent[-8:] + client.message("one"))
    assert await client.read(16) == b"8jKS'y:G*Co,Wxa-"
    assert await client.hear() == "one"


@pytest_twisted.ensureDeferred
async def test_ends(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    TLS knows no halves: who ends his, by TLS or below it by TCP, has ended the connection, at
    once on every draft; and the handler is told, once.
    """
    key, certificate = makeCertificate(tmp_path)
    (tmp_path / "mine.py").write_text(ENDS)
    listen = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    server = await serve("--handler", "mine.Ends", listen=(listen,))
    for draft in DRAFTS:
        for isTold in (True, False):
            path = f"/{draft}/{isTold}"
            client = await connect(server.port, draft, trust=certificate.read_bytes())
            await client.open(path=path)
            client.say("one")
            assert await client.hear() == "one"
            if isTold:
                client.transport.loseConnection()
            else:
                client.transport.transport.loseWriteConnection()
            await client.readEnd()
            await until(lambda path=path: f"ended {path} " in server.log, "onClose", server)
            # Hixie clients may end so. Anybody on the way can forge the end of TCP.
            wasClean = client.isHixie and isTold
            assert f"ended {path} {wasClean} " in server.log, server
    assert server.log.count("ended /") == 2 * len(DRAFTS)


@pytest_twisted.ensureDeferred
async def test_browser(secured: Secured, connect: Connect) -> None:
    """
    Current browsers, and curl, offer HTTP/1.1 by ALPN; some offer more.
    """
    for offered in ([b"http/1.1"], [b"h2", b"http/1.1"]):
        client = await connect(secured.server.port, "rfc6455", trust=secured.trust, offered=offered)
        await client.open()
        assert client.transport.negotiatedProtocol == b"http/1.1"
        client.say("héllo")
        assert await client.hear() == "héllo"


@pytest.mark.parametrize("draft", ["hixie-75", "hixie-76"])
@pytest_twisted.ensureDeferred
async def test_location(secured: Secured, connect: Connect, draft: str) -> None:
    """
    Hixie's answer repeats the URL of the client, which is a ``wss:`` one.
    """
    host = f"localhost:{secured.server.port}"
    client = await connect(secured.server.port, draft, trust=secured.trust)
    head = await client.open(path="/chat", host=host)
    assert f"WebSocket-Location: wss://{host}/chat\r\n" in head


@pytest_twisted.ensureDeferred
async def test_websockets(secured: Secured) -> None:
    """
    Python's "websockets", which trusts nothing but the server's certificate.
    """
    report = await WEBSOCKETS.report(
        f"wss://127.0.0.1:{secured.server.port}", SSL_CERT_FILE=str(secured.certificate)
    )
    checkReport(report, "rfc6455")


@pytest_twisted.ensureDeferred
async def test_page(secured: Secured, connect: Connect) -> None:
    """
    And the page, by HTTPS.
    """
    client = await connect(secured.server.port, trust=secured.trust)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = await client.readAnswer()
    assert answer.status == 200
    assert b"This browser was served with" in answer.body


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        # A record that says it has 512 bytes, of which the first comes.
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="half a hello"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_unfinishedHandshake(secured: Secured, connect: Connect, sent: bytes) -> None:
    """
    The handshake of TLS is within the deadline, too.
    """
    client = await connect(secured.server.port)
    client.send(sent)
    await client.readEnd()


@pytest_twisted.ensureDeferred
async def test_plainBytes(secured: Secured, connect: Connect) -> None:
    """
    Who speaks without TLS is sent away, and no other client notices.
    """
    other = await connect(secured.server.port, "hixie-76", trust=secured.trust)
    await other.open()
    client = await connect(secured.server.port, "rfc6455")
    client.sendOpening()
    assert not (await client.readEnd()).startswith(b"HTTP")
    other.say("still here")
    assert await other.hear() == "still here"


@pytest_twisted.ensureDeferred
async def test_silenceBehindTls(secured: Secured, connect: Connect) -> None:
    """
    Who does the handshake of TLS and then says nothing is told so, and sent away.
    """
    client = await connect(secured.server.port, trust=secured.trust)
    client.send(b"GET / HTTP/1.1\r\n")
    assert (await client.readAnswer()).status == 408
    assert await client.readEnd() == b""
