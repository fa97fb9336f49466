"""
Who a peer is: its address, and the networks that it is in.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.protocols.policies import ProtocolWrapper

Network = IPv4Network | IPv6Network

#: What stands for the address of who has none.
UNKNOWN = "unknown"

#: Bits of an IPv6 address that name a site, which has all addresses below: RFC 4291 §2.5.4.
_SITE = 64


def address(peer: str) -> str:
    """
    The address in a channel's ``peer``; ``unknown`` where it has none, as a UNIX socket.

    One of IPv4 is written as such on a socket of both, too: RFC 4291 §2.5.5.2.

    :param peer: as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
    """
    kind, _, rest = peer.partition(":")
    host = rest.rpartition(":")[0] if kind in ("tcp4", "tcp6") else UNKNOWN
    return host.removeprefix("::ffff:") if "." in host else host


def source(peer: str) -> str:
    """
    Who is counted as one: an IPv4 address, or an IPv6 /64, ``2001:db8::/64``; or ``unknown``.
    """
    host = address(peer)
    if ":" not in host:
        return host
    try:
        found = ip_address(host)
    except ValueError:
        return host
    assert isinstance(found, IPv6Address), "it has a colon"
    return str(IPv6Network((int(found) >> _SITE << _SITE, _SITE)))


def networks(names: Iterable[str | Network]) -> tuple[Network, ...]:
    """
    Networks by name: ``10.0.0.0/8``, ``2001:db8::/32``, or one address.

    :raises ValueError: there is none of this name.
    """
    return tuple(ip_network(str(name)) for name in names)


def isWithin(peer: str, those: Iterable[Network]) -> bool:
    """
    Whether a peer is in one of these networks.
    """
    try:
        host = ip_address(address(peer))
    except ValueError:
        return False
    return any(host in network for network in those)


def isKnown(transport: Any) -> bool:
    """
    Whether a transport tells by now who is at the other end.

    What stands between us and a transport may know better when it has read something: behind the
    header of the PROXY protocol there is another client than before. Nothing of the client's
    comes before that is read.
    """
    while isinstance(transport, ProtocolWrapper):
        if not _isTLS(transport):
            return False
        transport = transport.transport
    return True


def _isTLS(transport: ProtocolWrapper) -> bool:
    if not ISSLTransport.providedBy(transport):
        return False
    # Here and not above: it needs pyOpenSSL, which plain TCP doesn't.
    from twisted.protocols.tls import TLSMemoryBIOProtocol

    return isinstance(transport, TLSMemoryBIOProtocol)
