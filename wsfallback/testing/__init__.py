"""
In-memory clients of every draft, for tests without sockets, under trial and pytest alike.

::

    factory = FallbackServerFactory(Echo, reactor=Clock())
    client = connect(factory, "hixie-76", path="/chat")
    client.send("hello")
    assert client.receive() == "hello"

The server is the real one; transport and clients are not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory, ISSLTransport
from twisted.internet.task import Clock
from zope.interface import alsoProvides

from wsfallback.testing.client import Client
from wsfallback.testing.hixie import Hixie75Client, Hixie76Client
from wsfallback.testing.hybi import BINARY, CLOSE, PING, PONG, TEXT, Frame, HybiClient
from wsfallback.testing.transport import CLIENT_ADDRESS, SERVER_ADDRESS, MemoryTransport

__all__ = [
    "BINARY",
    "CLIENTS",
    "CLIENT_ADDRESS",
    "CLOSE",
    "PING",
    "PONG",
    "SERVER_ADDRESS",
    "TEXT",
    "VERSIONS",
    "Client",
    "Frame",
    "Hixie75Client",
    "Hixie76Client",
    "HybiClient",
    "MemoryTransport",
    "attach",
    "connect",
    "request",
]

#: The drafts by name, oldest first, and the version that their clients announce.
VERSIONS = {"hixie-75": None, "hixie-76": None, "hybi-07": 7, "hybi-10": 8, "rfc6455": 13}

#: A client for each draft, by name, oldest first.
CLIENTS: dict[str, type[Client]] = {
    "hixie-75": Hixie75Client,
    "hixie-76": Hixie76Client,
    "hybi-07": HybiClient,
    "hybi-10": HybiClient,
    "rfc6455": HybiClient,
}


def request(
    draft: str,
    *,
    path: str = "/",
    host: str = "example.com",
    origin: str | None = "http://example.com",
    headers: Mapping[str, str] | None = None,
    protocols: Sequence[str] = (),
) -> bytes:
    """
    An opening handshake as a browser of that draft sends it, hixie-76's key3 included.

    :param headers: more fields.
    """
    lines = [f"GET {path} HTTP/1.1"]
    version = VERSIONS[draft]
    if version is None:
        lines += ["Upgrade: WebSocket", "Connection: Upgrade", f"Host: {host}"]
        originField, protocolField = "Origin", "Sec-WebSocket-Protocol"
        if draft == "hixie-75":
            protocolField = "WebSocket-Protocol"
    else:
        lines += [f"Host: {host}", "Upgrade: websocket", "Connection: keep-alive, Upgrade"]
        originField = "Origin" if version == 13 else "Sec-WebSocket-Origin"
        protocolField = "Sec-WebSocket-Protocol"
    if origin is not None:
        lines.append(f"{originField}: {origin}")
    if protocols:
        lines.append(f"{protocolField}: {', '.join(protocols)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    body = b""
    if version is not None:
        lines += [f"Sec-WebSocket-Key: {HybiClient.key}", f"Sec-WebSocket-Version: {version}"]
    elif draft == "hixie-76":
        lines.append(f"Sec-WebSocket-Key1: {Hixie76Client.key1}")
        lines.append(f"Sec-WebSocket-Key2: {Hixie76Client.key2}")
        body = Hixie76Client.key3
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def connect(
    factory: IProtocolFactory,
    draft: str = "rfc6455",
    *,
    path: str = "/",
    host: str = "example.com",
    origin: str | None = "http://example.com",
    headers: Mapping[str, str] | None = None,
    protocols: Sequence[str] = (),
    secure: bool = False,
    segment: int | None = None,
    peer: IPv4Address = CLIENT_ADDRESS,
) -> Any:
    """
    Connect a client to a server, in memory.

    :param factory: a `wsfallback.FallbackServerFactory` whose ``reactor`` is a
        `twisted.internet.task.Clock`.
    :param draft: the name of the draft that the client speaks.
    :param secure: as by TLS: seen in hixie's answers only, the others do not say.
    :param segment: cut all that this client sends into pieces of this many bytes.
    :returns: a `Client` of that draft, whose ``status`` says whether it was accepted.
    """
    client = attach(factory, draft, secure=secure, segment=segment, peer=peer)
    client.deliver(
        request(draft, path=path, host=host, origin=origin, headers=headers, protocols=protocols)
    )
    return client


def attach(
    factory: IProtocolFactory,
    draft: str = "rfc6455",
    *,
    secure: bool = False,
    segment: int | None = None,
    peer: IPv4Address = CLIENT_ADDRESS,
) -> Any:
    """
    Connect a client that has sent nothing yet: what it sends is told by `Client.deliver`.

    Parameters as of `connect`.
    """
    clock = getattr(factory, "reactor", None)
    if not isinstance(clock, Clock):
        raise TypeError("the factory needs reactor=Clock(), twisted.internet.task's")
    transport = MemoryTransport(clock, peer)
    if secure and VERSIONS[draft] is None:
        # Autobahn asks such a transport for more of TLS than there is in memory.
        alsoProvides(transport, ISSLTransport)
    client = CLIENTS[draft](transport, clock, segment)
    protocol = factory.buildProtocol(peer)
    assert protocol is not None, "the factory refused the connection"
    transport.attach(protocol)
    client.settle()
    return client
