"""
The command with a directory of certificates.
"""

import hashlib
import json
import os
import re
import signal
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.certificates import Issued, issue
from tests.integration.children import COMMAND, PYTHON, TWISTD, Served, run
from tests.integration.conftest import Connect, Serve
from tests.integration.connections import DraftClient
from tests.integration.foreign import CHROMIUM, NODE, PEERS, Peer
from tests.integration.scenarios import ECHOES
from tests.integration.support import ANYWHERE, DRAFTS, until
from tests.integration.test_clients import checkReport
from tests.integration.test_command import HANDLERS, checkEcho
from tests.integration.test_drain import ended, seesClose, stop
from wsfallback.testing import request

SSL = Peer((PYTHON, str(PEERS / "ssl_client.py")), (PYTHON, "-c", "import ssl"), "")
OPENSSL = Peer(("openssl", "s_client"), ("openssl", "version"), "apt install openssl")


@dataclass
class Directory:
    """
    What is in it: a file, a directory as of certbot with a wildcard, and one for old clients.
    """

    path: Path

    def __post_init__(self) -> None:
        self.path.mkdir()
        self.authority = issue("authority", isAuthority=True)
        between = issue("between", by=self.authority, isAuthority=True)
        self.a = self.issue("a.example")
        self.b = issue("*.b.example", "b.example", by=between)
        self.b.pair(self.path / "b.example")
        self.old = issue("tv.example", by=self.authority, isRSA=True)
        self.old.file(self.path / "default.pem")
        (self.path / "README").write_text("This directory contains your keys and certificates.")

    def issue(self, name: str) -> Issued:
        """
        A new certificate, in its file.
        """
        issued = issue(name, by=self.authority)
        issued.file(self.path / f"{name}.pem")
        return issued

    def listen(self, inner: str = ANYWHERE, more: str = "") -> tuple[str, ...]:
        """
        Where the command is to listen.
        """
        return (f"certificates:{self.path}:{inner}{more}",)

    @property
    def trust(self) -> bytes:
        """
        Whom clients trust.
        """
        return self.authority.pem

    @property
    def trustFile(self) -> Path:
        """
        The same in a file.
        """
        file = self.path.parent / "authority.pem"
        file.write_bytes(self.trust)
        return file


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    """
    One with three certificates.
    """
    return Directory(tmp_path / "certificates")


def fingerprint(issued: Issued) -> str:
    """
    The fingerprint of a certificate.
    """
    return hashlib.sha256(Certificate.loadPEM(issued.pem).dump()).hexdigest()


def asking(directory: Directory, name: str | None, **more: Any) -> dict[str, Any]:
    """
    One connection of `SSL`.
    """
    defaults = {"version": None, "send": "", "until": ""}
    return {"name": name, "trust": str(directory.trustFile), **defaults, **more}


async def asked(server: Served | int, script: Sequence[dict[str, Any]], where: Path) -> Any:
    """
    What `SSL` has seen.

    :param server: or one of its ports.
    """
    port = server if isinstance(server, int) else server.port
    file = where / "script.json"
    file.write_text(json.dumps(script))
    child = await run(*SSL.command, str(port), str(file), env=await SSL.installed())
    assert child.status == 0, child
    return json.loads(child.printed)


async def reloaded(server: Served, times: int = 1) -> None:
    """
    Have it read all again; that is its so many-th time.
    """
    assert server.status is None, server
    os.kill(server.pid, signal.SIGHUP)
    said = ("Read again: ", "stay as they are")
    await until(lambda: sum(map(server.log.count, said)) >= times, "the certificates", server)


@pytest_twisted.ensureDeferred
async def test_byName(serve: Serve, directory: Directory, tmp_path: Path) -> None:
    """
    Each name gets its certificate and what vouches for it; no name, or an unknown one, the default.
    """
    server = await serve(listen=directory.listen())
    names = ("a.example", "b.example", "www.b.example", None, "c.example")
    a, b, wild, none, unknown = await asked(
        server, [asking(directory, name) for name in names], tmp_path
    )
    assert a["certificate"] == fingerprint(directory.a)
    assert b["certificate"] == wild["certificate"] == fingerprint(directory.b)
    assert none["certificate"] == fingerprint(directory.old)
    assert "CERTIFICATE_VERIFY_FAILED" in unknown["error"]


@pytest_twisted.ensureDeferred
async def test_openssl(serve: Serve, directory: Directory) -> None:
    """
    The same, as the command of OpenSSL sees it.
    """
    env = await OPENSSL.installed()
    server = await serve(listen=directory.listen())
    for name, options in (
        ("a.example", ("-servername", "a.example")),
        ("www.b.example", ("-servername", "www.b.example", "-alpn", "h2,http/1.1")),
        ("tv.example", ("-noservername",)),
        ("tv.example", ("-servername", "c.example")),
    ):
        child = await run(
            *OPENSSL.command,
            *("-connect", f"127.0.0.1:{server.port}", "-CAfile", str(directory.trustFile)),
            *("-verify_return_error", "-verify_hostname", name, *options),
            env=env,
        )
        assert child.status == 0, child
        assert f"Verified peername: {name}" in child.log or "*.b.example" in child.log, child
        assert "Verify return code: 0 (ok)" in child.log, child
        assert ("ALPN protocol: http/1.1" in child.log) == ("-alpn" in options), child


@pytest_twisted.ensureDeferred
async def test_ws(serve: Serve, directory: Directory) -> None:
    """
    Npm's "ws", which wants a certificate of the name that it asks for.
    """
    server = await serve(listen=directory.listen())
    for name in ("a.example", "x.b.example"):
        report = await NODE.report(
            f"wss://127.0.0.1:{server.port}",
            NODE_EXTRA_CA_CERTS=str(directory.trustFile),
            SERVER_NAME=name,
        )
        checkReport(report, "rfc6455")


@pytest_twisted.ensureDeferred
async def test_chromium(serve: Serve, directory: Directory, tmp_path: Path) -> None:
    """
    A browser of today, which takes this one key alone for good, on a name of the wildcard.
    """
    server = await serve(listen=directory.listen())
    key = directory.b.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = b64encode(hashlib.sha256(key).digest()).decode()
    report = await CHROMIUM.report(
        f"https://www.b.example:{server.port}/",
        tmp_path / "chromium.png",
        CHROMIUM_TRUST=pin,
    )
    assert report["draft"] == "rfc6455"
    assert tuple(report["seen"]["echoes"]["heard"]) == ECHOES


@pytest.mark.parametrize("command", [COMMAND, TWISTD], ids=["python", "twistd"])
@pytest_twisted.ensureDeferred
async def test_renewed(
    serve: Serve, connect: Connect, directory: Directory, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """
    A renewed file, SIGHUP: new connections have the new certificate, and open ones go on.
    """
    server = await serve(listen=directory.listen(), command=command)
    clients = []
    for draft in DRAFTS:
        client = await connect(server.port, draft, trust=directory.trust, name="a.example")
        await client.open()
        clients.append(client)
    renewed = directory.issue("a.example")
    script = [asking(directory, "a.example"), asking(directory, "b.example")]
    assert (await asked(server, script, tmp_path))[0]["certificate"] == fingerprint(directory.a)
    await reloaded(server)
    first, second = await asked(server, script, tmp_path)
    assert first["certificate"] == fingerprint(renewed)
    assert second["certificate"] == fingerprint(directory.b)
    for client in clients:
        await checkEcho(client)
    assert "new: a.example.pem" in server.log


@pytest_twisted.ensureDeferred
async def test_renewedForWorkers(serve: Serve, directory: Directory, tmp_path: Path) -> None:
    """
    Every worker reads again, and so does their parent, for its endpoint of the status.
    """
    (admin,) = directory.listen()
    server = await serve("--workers", "2", "--admin", admin, listen=directory.listen())
    (status,) = re.findall(r"shows its status on https://127\.0\.0\.1:(\d+)/", server.log)
    renewed = directory.issue("a.example")
    await reloaded(server, 3)
    # Whoever has them: several are soon with both.
    for port, times in ((int(status), 1), (server.port, 40)):
        for found in await asked(port, [asking(directory, "a.example")] * times, tmp_path):
            assert found["certificate"] == fingerprint(renewed)
    assert len(re.findall("worker [12]: Read again: ", server.log)) == 2


@pytest_twisted.ensureDeferred
async def test_brokenRenewal(serve: Serve, directory: Directory, tmp_path: Path) -> None:
    """
    Is logged in a line and changes nothing; the next one, in order, is taken.
    """
    server = await serve(listen=directory.listen())
    script = [asking(directory, "b.example")]
    key = directory.path / "b.example" / "privkey.pem"
    key.write_bytes(directory.a.secret)
    await reloaded(server)
    assert (await asked(server, script, tmp_path))[0]["certificate"] == fingerprint(directory.b)
    key.unlink()
    await reloaded(server, 2)
    assert (await asked(server, script, tmp_path))[0]["certificate"] == fingerprint(directory.b)
    renewed = issue("b.example", by=directory.authority)
    renewed.pair(directory.path / "b.example")
    await reloaded(server, 3)
    assert (await asked(server, script, tmp_path))[0]["certificate"] == fingerprint(renewed)
    broken = [line for line in server.log.splitlines() if "stays as it was" in line]
    assert len(broken) == 2, server
    assert "b.example: the key is not that of the first certificate" in broken[0]
    assert "No such file" in broken[1]
    assert len(server.log.split("Read again")) == 4, server


@pytest_twisted.ensureDeferred
async def test_whileItStops(serve: Serve, connect: Connect, directory: Directory) -> None:
    """
    A certificate that is renewed meanwhile doesn't end the server before its clients.
    """
    server = await serve("--drain", "20", "--close-timeout", "20", listen=directory.listen())
    client = await connect(server.port, "rfc6455", trust=directory.trust, name="a.example")
    await client.open()
    stop(server)
    await until(lambda: len(client.received) > 4, "the close", client)
    await reloaded(server)
    await seesClose(client)
    await ended(server)


@pytest_twisted.ensureDeferred
async def test_mistakes(directory: Directory) -> None:
    """
    End the command with a sentence, before anything is opened.
    """
    (directory.path / "a.example.pem").write_bytes(directory.a.pem)
    for where, said in (
        (directory.path, "a.example.pem: one private key is wanted, and there are 0"),
        (directory.path / "none", "none: No such file or directory"),
    ):
        child = await run(*COMMAND, "--listen", f"certificates:{where}:{ANYWHERE}")
        assert child.status == 1, child
        assert said in child.log, child
        assert "serves on" not in child.log, child
        assert not child.hasTraceback(), child


@pytest_twisted.ensureDeferred
async def test_unix(serve: Serve, connect: Connect, directory: Directory, tmp_path: Path) -> None:
    """
    On a UNIX socket.
    """
    path = tmp_path / "s"
    await serve(listen=directory.listen(f"unix:{path}"))
    for draft in DRAFTS:
        client = await connect(f"unix:{path}", draft, trust=directory.trust, name="www.b.example")
        head = await client.open(path="/x", host="www.b.example")
        if client.isHixie:
            assert "Location: wss://www.b.example/x\r\n" in head
        await checkEcho(client)


@pytest_twisted.ensureDeferred
async def test_haproxy(
    serve: Serve, connect: Connect, directory: Directory, tmp_path: Path
) -> None:
    """
    Behind a proxy that passes TLS through, and says before it who the client is.
    """
    (tmp_path / "mine.py").write_text(HANDLERS)
    server = await serve("--handler", "mine.Who", listen=directory.listen(f"haproxy:{ANYWHERE}"))
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        client.send(b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 443\r\n")
        client.transport.startTLS(
            optionsForClientTLS("a.example", Certificate.loadPEM(directory.trust))
        )
        head = await client.open(path="/x", host="a.example")
        if client.isHixie:
            assert "Location: wss://a.example/x\r\n" in head
        client.say("who am I?")
        assert await client.hear() == "tcp4:192.0.2.9:4711"


def dialogue(draft: str) -> dict[str, str]:
    """
    What a client of a draft sends, a message in the same segment, and with what the echo ends.
    """
    client = DraftClient(draft)
    sent = request(draft, path="/x", host="tv.example") + client.message("hello")
    echo = b"\0hello\xff" if client.isHixie else b"\x81\x05hello"
    return {"send": sent.hex(), "until": echo.hex()}


@pytest_twisted.ensureDeferred
async def test_oldVersions(serve: Serve, directory: Directory, tmp_path: Path) -> None:
    """
    With ``lowest=1.0`` clients of that time are served, on every draft, and those of today.
    """
    server = await serve(listen=directory.listen(more=":lowest=1.0"))
    versions = {"TLSv1": "TLSv1", "TLSv1_1": "TLSv1.1", "TLSv1_3": "TLSv1.3"}
    script = [
        # Old clients have no SNI.
        asking(directory, None, version=version, **dialogue(draft))
        for version in versions
        for draft in DRAFTS
    ]
    for did, seen in zip(script, await asked(server, script, tmp_path), strict=True):
        assert seen["version"] == versions[did["version"]], seen
        assert seen["certificate"] == fingerprint(directory.old)
        assert bytes.fromhex(seen["heard"]).startswith(b"HTTP/1.1 101 "), seen


@pytest_twisted.ensureDeferred
async def test_lowestVersion(serve: Serve, directory: Directory, tmp_path: Path) -> None:
    """
    Without it nothing below 1.2 is spoken.
    """
    server = await serve(listen=directory.listen())
    versions = ("TLSv1", "TLSv1_1", "TLSv1_2")
    script = [asking(directory, None, version=version) for version in versions]
    first, second, third = await asked(server, script, tmp_path)
    assert "PROTOCOL_VERSION" in first["error"]
    assert "PROTOCOL_VERSION" in second["error"]
    assert third["version"] == "TLSv1.2"
