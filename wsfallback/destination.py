"""
Where a client goes and what it asks for there: a WebSocket URL, and the fields of the request.

RFC 6455 §3; the same in all drafts, but that hixie's have no list of subprotocols.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from wsfallback.head import HOST, TOKEN_TEXT, VALUE_TEXT

#: Header fields as applications give them: a mapping, or pairs.
GivenFields = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]]

_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_ORIGIN = re.compile(r"[\x21-\x7e]+")
#: The handshake's own, and what would give the request a body.
_RESERVED = re.compile(
    r"(sec-)?websocket-.*|host|origin|upgrade|connection|content-length|transfer-encoding",
    re.IGNORECASE,
)
#: What a URL may have beside letters and digits; the percent sign as what is encoded already.
_SAFE = "/?:@!$&'()*+,;=-._~%"


@dataclass(frozen=True, slots=True)
class Destination:
    """
    Where a client goes, and what it asks for there.

    :ivar isSecure: ``wss``.
    :ivar hostname: in lower case; an IPv6 address without brackets.
    :ivar resource: path and query.
    :ivar origin: of the page, or what stands for one; `None`: none is given.
    :ivar protocols: the subprotocols to choose from, the one liked best first.
    :ivar fields: more fields of the request, ``(name, value)``.
    :ivar named: what the server is called in the ``Host`` field, where it isn't the URL's.
    """

    isSecure: bool
    hostname: str
    port: int
    resource: str
    origin: str | None = None
    protocols: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    named: str | None = None

    @property
    def host(self) -> str:
        """
        The ``Host`` field: as it was given, or the URL's, in lower case and without the default
        port.
        """
        if self.named is not None:
            return self.named
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        isDefault = self.port == _DEFAULT_PORTS[self.scheme]
        return name if isDefault else f"{name}:{self.port}"

    @property
    def scheme(self) -> str:
        """
        ``ws`` or ``wss``.
        """
        return "wss" if self.isSecure else "ws"

    @property
    def location(self) -> str:
        """
        The URL as hixie's answer repeats it.
        """
        return f"{self.scheme}://{self.host}{self.resource}"


def destination(
    url: str,
    *,
    origin: str | None = None,
    headers: GivenFields | None = None,
    protocols: Iterable[str] = (),
    host: str | None = None,
) -> Destination:
    """
    Read a URL and what goes with it, and check all of it.

    :param host: for the field of that name, instead of what the URL says.
    :raises TypeError: a string where a list belongs.
    :raises ValueError: something that can't be sent.
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"a URL begins with ws://host or wss://host, not {url!r}")
    if parts.fragment or url.endswith("#"):
        raise ValueError(f"a WebSocket URL has no fragment: {url!r}")
    if "@" in parts.netloc:
        raise ValueError("give user and password as an Authorization header, not in the URL")
    hostname = parts.hostname
    if not hostname.isascii():
        hostname = hostname.encode("idna").decode("ascii")
    if not re.fullmatch(r"[-a-z0-9._~]+|[0-9a-f:.]+", hostname):
        raise ValueError(f"{hostname!r} is no host name")
    if origin is not None and not _ORIGIN.fullmatch(origin):
        raise ValueError(f"{origin!r} is no origin")
    if host is not None and not (host.isascii() and HOST.fullmatch(host.encode())):
        raise ValueError(f"{host!r} is no Host")
    if isinstance(protocols, str):
        raise TypeError("protocols is a list of strings")
    protocols = tuple(protocols)
    for protocol in protocols:
        if not TOKEN_TEXT.fullmatch(protocol):
            raise ValueError(f"{protocol!r} is no subprotocol: that is a token")
    if len(set(protocols)) < len(protocols):
        raise ValueError(f"a subprotocol is named twice in {protocols!r}")
    return Destination(
        isSecure=parts.scheme == "wss",
        hostname=hostname,
        port=_DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port,
        resource=quote(parts.path or "/", _SAFE)
        + (f"?{quote(parts.query, _SAFE)}" if parts.query else ""),
        origin=origin,
        protocols=protocols,
        fields=tuple(_checked(headers or ())),
        named=host,
    )


def _checked(headers: GivenFields) -> Iterable[tuple[str, str]]:
    """
    :raises ValueError: a field that could change the request.
    """
    for name, values in headers.items() if isinstance(headers, Mapping) else headers:
        if not TOKEN_TEXT.fullmatch(name) or _RESERVED.fullmatch(name):
            raise ValueError(f"{name!r} is no field that may be added to the request")
        for value in [values] if isinstance(values, str) else values:
            if not VALUE_TEXT.fullmatch(value):
                raise ValueError(f"{value!r} is no value for the field {name}")
            yield name, value
