"""
What proxies tell of a client, and what a backend is told of it.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address

from autobahn.websocket.types import ConnectionRequest

from wsfallback.addresses import Network, address, isWithin
from wsfallback.head import HOST, VALUE_TEXT
from wsfallback.request import Request

#: The client's own fields that go through: the application's business, not that of a leg.
PASSED = ("cookie", "authorization", "user-agent", "accept-language")

#: A node of ``X-Forwarded-For``: an address alone, or with a port, and then IPv6 in brackets.
_NODE = re.compile(
    r"(?P<four>[0-9.]+)(:(?P<port4>[0-9]{1,5}))?"
    r"|\[(?P<six>[0-9A-Fa-f:.]+)\](:(?P<port6>[0-9]{1,5}))?"
    r"|(?P<bare>[0-9A-Fa-f:.]+)"
)
#: How many proxies one after the other are believed in.
MAX_PROXIES = 32


def clientOf(request: Request, peer: str, trusted: Iterable[Network]) -> str:
    """
    The client's own address, where proxies that are trusted say it in ``X-Forwarded-For``.

    Each proxy adds at the right whom it has spoken with. So the field is read from there, and the
    first address that is no trusted proxy's is the client's: what is left of it, anybody may have
    written. Where a proxy doesn't know whom it has spoken with, or writes it in no form that we
    know, nobody further away is known either, and that proxy is taken for the client.

    :param peer: who the request came from, as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
    :returns: in the same form, with port 0 where the proxy tells none; or the ``peer`` itself.
    """
    trusted = tuple(trusted)
    for node in reversed(request.members(b"x-forwarded-for")[-MAX_PROXIES:]):
        found = _peerOf(node.decode("latin-1")) if isWithin(peer, trusted) else None
        if found is None:
            break
        peer = found
    return peer


def _peerOf(node: str) -> str | None:
    """
    A node, as Autobahn would write it; `None` for what is no address, as ``unknown``.
    """
    match = _NODE.fullmatch(node)
    if match is None:
        return None
    try:
        host = ip_address(match["four"] or match["six"] or match["bare"])
    except ValueError:
        return None
    port = int(match["port4"] or match["port6"] or 0)
    if port > 0xFFFF:
        return None
    if isinstance(host, IPv6Address):
        return (
            f"tcp6:{host}:{port}" if host.ipv4_mapped is None else f"tcp4:{host.ipv4_mapped}:{port}"
        )
    return f"tcp4:{host}:{port}"


def outside(
    request: Request, peer: str, isSecure: bool, trusted: Iterable[Network]
) -> tuple[Request, bool]:
    """
    How a client sees the server, where a proxy that is trusted says it.

    Hixie's answers repeat it, and WebKit compares them with its own idea of where it is.

    :param peer: who the request came from, as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
    :param isSecure: whether it came by TLS.
    :returns: the request, with ``X-Forwarded-Host`` for its ``Host``; and whether the client's
        own connection is one of TLS, by ``X-Forwarded-Proto``.
    """
    if not isWithin(peer, trusted):
        return request, isSecure
    # Of several values the first is that of the proxy which the client talks to.
    scheme, host = (
        (request.get(name) or b"").partition(b",")[0].strip(b" \t").lower()
        for name in (b"x-forwarded-proto", b"x-forwarded-host")
    )
    if scheme:
        isSecure = scheme in (b"https", b"wss")
    if HOST.fullmatch(host):
        request = request.askedOf(host)
    return request, isSecure


def fields(
    request: ConnectionRequest, peer: str, isSecure: bool, trusted: Iterable[Network] = ()
) -> list[tuple[str, str]]:
    """
    The fields of the request to a WebSocket backend.

    Parameters as of `described`.
    """
    headers: dict[str, str] = request.headers
    passed = [
        (name.title(), headers[name])
        for name in PASSED
        if name in headers and VALUE_TEXT.fullmatch(headers[name])
    ]
    return [*passed, *described(headers, peer, isSecure, trusted)]


def described(
    headers: Mapping[str, str], peer: str, isSecure: bool, trusted: Iterable[Network] = ()
) -> list[tuple[str, str]]:
    """
    The fields that tell who the client is.

    RFC 7239, and the ``X-Forwarded-`` fields that came before it. What a client says of itself in
    them is dropped, unless it is a proxy that is trusted: then our word is added to its.

    :param headers: of the client's request, their names in lower case.
    :param peer: who is at the other end of TCP, as Autobahn writes it: ``tcp4:192.0.2.7:52914``;
        the client, or the last proxy before us.
    :param isSecure: whether the client came by TLS, as far as is known.
    """
    believes = isWithin(peer, trusted)
    host, scheme = headers.get("host", ""), "https" if isSecure else "http"
    client = address(peer)
    node = f'"[{client}]"' if ":" in client else client

    def told(name: str, ours: str, isAdded: bool) -> tuple[str, str]:
        theirs = headers.get(name.lower(), "") if believes else ""
        if not VALUE_TEXT.fullmatch(theirs):
            theirs = ""
        if theirs and isAdded:
            return name, f"{theirs}, {ours}"
        return name, theirs or ours

    return [
        told("X-Forwarded-For", client, True),
        told("X-Forwarded-Proto", scheme, False),
        told("X-Forwarded-Host", host, False),
        told("Forwarded", f'for={node};host="{host}";proto={scheme}', True),
    ]
