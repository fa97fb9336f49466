"""
`Hosts`: the names that the server is known by.

Against DNS rebinding: a page of any site can have the site's name lead to the server's address, and
then asks the server as if it were the site's own. All that gives it away is the ``Host``.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address

from wsfallback.addresses import Network, networks
from wsfallback.errors import HandshakeError
from wsfallback.forwarded import outside
from wsfallback.policy import isLike
from wsfallback.request import Request

#: A name that may have stars, or an address, in brackets where it is one of IPv6; and a port.
_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]+\]|[-a-z0-9._~%!$&'()*+;=]+?)\.?(:(?P<port>[0-9]{0,5}))?", re.IGNORECASE
)


class HostPattern:
    """
    A host that a client may ask for: ``example.com``, ``*.example.com``, ``192.0.2.7``, ``[::1]``.

    A port counts only where the pattern has one, ``example.com:8080``, and the default one may be
    missing in the request. Case doesn't matter, nor does a dot at the end.
    """

    def __init__(self, pattern: str) -> None:
        """
        :raises ValueError: it can match no host.
        """
        if _isAddress(pattern):
            pattern = f"[{pattern}]" if ":" in pattern else pattern
        match = _HOST.fullmatch(pattern)
        if match is None or match["port"] == "":
            raise ValueError(f"a host is a name or an address, and maybe a port, not {pattern!r}")
        if pattern.startswith("[") and not _isAddress(match["name"][1:-1]):
            raise ValueError(f"there is no IPv6 address in {pattern!r}")
        self._name = _canonical(match["name"])
        self._port = match["port"] and int(match["port"])

    def matches(self, host: str, isSecure: bool) -> bool:
        """
        Whether a ``Host``, as sent, is one of these.
        """
        match = _HOST.fullmatch(host)
        if match is None or "*" in host:
            return False
        port = int(match["port"] or (443 if isSecure else 80))
        return isLike(self._name, _canonical(match["name"])) and self._port in (None, port)


class Hosts:
    """
    All of them, and the proxies that know which one a client has asked for.
    """

    def __init__(self, names: Iterable[str] = (), trusted: Iterable[str | Network] = ()) -> None:
        """
        :param names: patterns, as of `HostPattern`; none: any host.
        :param trusted: networks of proxies whose ``X-Forwarded-Host`` and ``-Proto`` are believed.
        :raises ValueError: a pattern or a network that can't be.
        """
        self._patterns = tuple(map(HostPattern, names))
        self._trusted = networks(trusted)

    def asked(self, request: Request, peer: str, isSecure: bool) -> tuple[Request, bool]:
        """
        How the client sees the server, as `wsfallback.forwarded.outside`.

        :raises HandshakeError: 421: it has asked for another one. RFC 9110 §15.5.20.
        """
        request, isSecure = outside(request, peer, isSecure, self._trusted)
        host = request.host.decode("latin-1")
        if self._patterns and not any(each.matches(host, isSecure) for each in self._patterns):
            raise HandshakeError(421, "There is no such host here", request.host)
        return request, isSecure


def _canonical(name: str) -> str:
    """
    One spelling of a name; of an address as well, which has several. RFC 5952.
    """
    inner = name[1:-1] if name.startswith("[") else name
    return str(ip_address(inner)) if _isAddress(inner) else inner.lower()


def _isAddress(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
