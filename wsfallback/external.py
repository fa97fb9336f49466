"""
`External`: where clients find the server, where that is fixed.
"""

from dataclasses import dataclass, replace

from wsfallback.destination import destination
from wsfallback.request import Request

#: What proxies say of it, and backends would be told.
_REPLACED = (b"x-forwarded-host", b"x-forwarded-proto")


@dataclass(frozen=True, slots=True)
class External:
    """
    The server's own URL.

    Hixie's answers repeat it, and WebKit compares them with its own idea of where it is.

    :ivar host: with the port, where that isn't the scheme's.
    :ivar port: of that URL.
    :ivar isSecure: ``wss``.
    :ivar prefix: what a proxy takes from the paths, without a slash at the end; mostly empty.
    """

    host: bytes
    port: int
    isSecure: bool
    prefix: bytes

    @classmethod
    def at(cls, url: str) -> "External":
        """
        :param url: ``wss://chat.example.com``, or with a path ``wss://example.com/chat``, where a
            proxy takes that from what it passes on.
        :raises ValueError: it can be nobody's.
        """
        where = destination(url)
        if "?" in url:
            raise ValueError(f"a server's URL has no query: {url!r}")
        prefix = where.resource.rstrip("/").encode("ascii")
        return cls(where.host.encode("ascii"), where.port, where.isSecure, prefix)

    def asked(self, request: Request) -> Request:
        """
        A request as the client would have made it, but for the `prefix`.
        """
        others = tuple(field for field in request.fields if field[0] not in _REPLACED)
        return replace(request, fields=others).askedOf(self.host)
