"""
The command on an ``ssl:`` endpoint.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.children import Served
from tests.integration.conftest import Connect, Serve
from tests.integration.foreign import WEBSOCKETS
from tests.integration.support import DRAFTS
from tests.integration.test_clients import checkReport


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
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    keyFile, certificateFile = directory / "key.pem", directory / "certificate.pem"
    keyFile.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificateFile.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
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
