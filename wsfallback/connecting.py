"""
``wsfallback:tcp:example.org:8080:path=/chat``: any other client endpoint, with WebSocket over it.

For ``clientFromString`` and all that is built on it. The twin of `wsfallback.listening`.
"""

from itertools import dropwhile
from typing import Any

from twisted.internet.endpoints import clientFromString

from wsfallback.descriptions import isYes, listed, unparsed
from wsfallback.stream_client import StreamEndpoint

#: Endpoints that do TLS.
_SECURE = ("tls", "ssl")


def parse(reactor: Any, *arguments: str, **options: str) -> StreamEndpoint:
    """
    The endpoint of a client string.

    :param arguments: those of the other endpoint, its type first.
    :param options: those of the other endpoint, and ours: ``path``, ``binary``, ``drafts``,
        ``origin``, ``protocols``. ``timeout`` is for both.
    :raises ValueError: there is no other endpoint, or an option that can't be.
    """
    ours: dict[str, Any] = {}
    path = options.pop("path", "/")
    if not path.startswith("/"):
        raise ValueError(f"path begins with a slash, not as {path!r}")
    if "origin" in options:
        ours["origin"] = options.pop("origin")
    for name in ("drafts", "protocols"):
        if name in options:
            ours[name] = listed(options.pop(name))
    binary = isYes("binary", options.pop("binary", "no"))
    if "timeout" in options:
        ours["timeout"] = float(options["timeout"])
    if not arguments:
        raise ValueError("wsfallback: takes another endpoint, as in wsfallback:tcp:example.org:80")
    inner = clientFromString(reactor, unparsed(arguments, options))
    url = _origin(arguments, options) + path
    return StreamEndpoint(inner, url=url, binary=binary, reactor=reactor, **ours)


def _origin(arguments: tuple[str, ...], options: dict[str, str]) -> str:
    """
    The scheme, host and port of what another endpoint connects to; ``ws://localhost`` for one
    that goes to no host and port, as ``unix:``.
    """
    kind, *rest = dropwhile(lambda each: each == "wsfallback", arguments)
    places = iter(rest)
    host = options.get("host") or next(places, "")
    port = options.get("port") or next(places, "")
    if not port.isdigit():
        return "ws://localhost"
    scheme = "wss" if kind.lower() in _SECURE else "ws"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
