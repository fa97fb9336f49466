"""
The client string ``wsfallback:...`` on real sockets, against our own server and other people's.
"""

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography.x509 import load_pem_x509_certificate
from twisted.application.internet import ClientService
from twisted.internet.endpoints import clientFromString
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from tests.integration.children import Served
from tests.integration.conftest import Serve, Start
from tests.integration.foreign import EM_WEBSOCKET, NODE_SERVER, Peer
from tests.integration.support import ANYWHERE, DRAFTS, until
from tests.integration.test_applications import APPLICATIONS
from tests.integration.test_client import FOREIGN, peerName
from tests.integration.test_tls import makeCertificate
from wsfallback import NoDraftWorked

TEXT = "héllo ✓ 𝄞\r\n" * 1000


class Talker(Protocol):
    """
    Keeps what comes.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self.lost: list[BaseException] = []

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.received += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        Keep that.
        """
        self.lost.append(reason.value)

    async def converse(self, data: bytes) -> None:
        """
        What is sent comes back.
        """
        self.transport.write(data)
        await until(lambda: self.lost or len(self.received) >= len(data), "an echo", self.lost)
        assert self.received == data
        self.received.clear()

    async def end(self, how: type[BaseException]) -> None:
        """
        It is told so, once.
        """
        await until(lambda: self.lost, "the end")
        assert [type(each) for each in self.lost] == [how]


async def talk(where: str) -> Talker:
    """
    Connect to what a client string says.
    """
    from twisted.internet import reactor

    talker: Talker = await clientFromString(reactor, where).connect(Factory.forProtocol(Talker))
    return talker


async def echoing(serve: Serve, directory: Path, *, listen: str = ANYWHERE) -> Served:
    """
    The command, with an echo of bytes.
    """
    (directory / "mine.py").write_text(APPLICATIONS)
    return await serve("--factory", "mine.plain", listen=(listen,))


@pytest.mark.parametrize("draft", DRAFTS)
@pytest_twisted.ensureDeferred
async def test_ours(serve: Serve, tmp_path: Path, draft: str) -> None:
    """
    Any bytes, and more than a message may have, come back from the factory's twin.
    """
    server = await echoing(serve, tmp_path)
    where = f"wsfallback:tcp:127.0.0.1:{server.port}:path=/any:drafts={draft}"
    talker = await talk(where)
    assert talker.transport.getPeer().port == server.port
    await talker.converse(bytes(range(256)))
    await talker.converse(os.urandom(3 << 20))
    talker.transport.loseConnection()
    await talker.end(ConnectionDone)
    talker = await talk(where)
    talker.transport.abortConnection()
    await talker.end(ConnectionAborted)


@pytest_twisted.ensureDeferred
async def test_unix(serve: Serve, tmp_path: Path) -> None:
    """
    Over a UNIX socket.
    """
    path = tmp_path / "socket"
    await echoing(serve, tmp_path, listen=f"unix:{path}")
    for draft in DRAFTS:
        talker = await talk(f"wsfallback:unix:{path}:drafts={draft}")
        await talker.converse(bytes(range(256)))
        talker.transport.loseConnection()
        await talker.end(ConnectionDone)


@pytest_twisted.ensureDeferred
async def test_tls(serve: Serve, tmp_path: Path) -> None:
    """
    By TLS, for who trusts the certificate, and for nobody else.
    """
    key, certificate = makeCertificate(tmp_path)
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    certificate.rename(trusted / certificate.name)
    certificate = trusted / certificate.name
    server = await echoing(
        serve, tmp_path, listen=f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    )
    where = f"wsfallback:tls:localhost:{server.port}"
    for draft in DRAFTS:
        talker = await talk(f"{where}:trustRoots={trusted}:drafts={draft}")
        assert ISSLTransport.providedBy(talker.transport)
        peers: Any = talker.transport.getPeerCertificate()
        assert peers.to_cryptography() == load_pem_x509_certificate(certificate.read_bytes())
        await talker.converse(bytes(range(256)))
        talker.transport.loseConnection()
        await talker.end(ConnectionDone)
    with pytest.raises(NoDraftWorked) as caught:
        await talk(where)
    (attempt,) = caught.value.attempts
    assert "certificate" in str(attempt.error)


@pytest.mark.parametrize(
    ("peer", "draft"),
    [
        pytest.param(peer, draft, id=f"{peerName(peer)}-{draft}")
        for peer, drafts in FOREIGN
        for draft in drafts
    ],
)
@pytest_twisted.ensureDeferred
async def test_foreign(start: Start, peer: Peer, draft: str) -> None:
    """
    Text comes back from echoes of messages, whether they ignore the subprotocols offered, repeat
    the list, or take the first of it; either side closes.
    """
    where = f"wsfallback:tcp:127.0.0.1:{(await start(peer)).port}:path=/chat?a\\=b:drafts={draft}"
    talker = await talk(where)
    await talker.converse(TEXT.encode())
    talker.transport.loseConnection()
    await talker.end(ConnectionDone)
    talker = await talk(f"{where}:protocols=")
    talker.transport.write(b"close")
    await talker.end(ConnectionDone)


@pytest.mark.parametrize("peer", [NODE_SERVER, EM_WEBSOCKET], ids=peerName)
@pytest_twisted.ensureDeferred
async def test_foreignService(start: Start, peer: Peer) -> None:
    """
    Twisted's service connects again after a loss, and leaves in order.
    """
    from twisted.internet import reactor

    endpoint = clientFromString(reactor, f"wsfallback:tcp:127.0.0.1:{(await start(peer)).port}")
    service = ClientService(endpoint, Factory.forProtocol(Talker), retryPolicy=lambda _: 0.01)
    service.startService()
    first: Any = await service.whenConnected()
    await first.converse(TEXT.encode())
    first.transport.abortConnection()
    await until(lambda: first.lost, "the loss")
    second: Any = await service.whenConnected()
    assert second is not first
    await second.converse(TEXT.encode())
    await service.stopService()
    await second.end(ConnectionDone)


@pytest_twisted.ensureDeferred
async def test_killed(serve: Serve, tmp_path: Path) -> None:
    """
    The end of a server that is gone is no clean one.
    """
    server = await echoing(serve, tmp_path)
    talker = await talk(f"wsfallback:tcp:127.0.0.1:{server.port}")
    await server.kill()
    await talker.end(ConnectionLost)


@pytest_twisted.ensureDeferred
async def test_stopped(serve: Serve, tmp_path: Path) -> None:
    """
    That of one which stops in order is.
    """
    server = await echoing(serve, tmp_path)
    talker = await talk(f"wsfallback:tcp:127.0.0.1:{server.port}")
    await server.stop()
    await talker.end(ConnectionDone)
