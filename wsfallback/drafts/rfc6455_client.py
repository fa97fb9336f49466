"""
RFC 6455 and hybi-07 to hybi-17, the client's half of the opening; an example is in the server's.

Source: "The WebSocket Protocol", RFC 6455, §4.1, https://datatracker.ietf.org/doc/html/rfc6455.
"""

from base64 import b64encode

from wsfallback.drafts.asking import ClientOpening, joined
from wsfallback.drafts.rfc6455 import accept
from wsfallback.response import Response

#: RFC 7692 §7.1: what is offered. The parameter allows the server to have us use less memory.
DEFLATE = "permessage-deflate; client_max_window_bits"


class RFC6455ClientOpening(ClientOpening):
    """
    The client's half of the opening handshake.
    """

    _version = 13
    _originField = "Origin"

    def request(self) -> bytes:
        """
        §4.1: the fields in an order that browsers have.
        """
        where = self._destination
        self._key = b64encode(self._random.randbytes(16))  # §4.1 step 7
        lines = [
            f"GET {where.resource} HTTP/1.1",
            f"Host: {where.host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key.decode('ascii')}",
            f"Sec-WebSocket-Version: {self._version}",
        ]
        if where.origin is not None:
            lines.append(f"{self._originField}: {where.origin}")
        if where.protocols:
            lines.append(f"Sec-WebSocket-Protocol: {', '.join(where.protocols)}")
        if self._compress:
            lines.append(f"Sec-WebSocket-Extensions: {DEFLATE}")
        return joined(*lines, *(f"{name}: {value}" for name, value in where.fields))

    def _check(self, response: Response) -> None:
        # §4.1, the client's checks, item 4.
        if response.all(b"sec-websocket-accept") != [accept(self._key)]:
            seen = response.get(b"sec-websocket-accept")
            raise self._wrong("Sec-WebSocket-Accept is missing or wrong", seen)

    def _protocol(self, response: Response) -> str | None:
        return self._chosen(response, b"sec-websocket-protocol")


class Hybi10ClientOpening(RFC6455ClientOpening):
    """
    As the server of a browser of 2011 wants it: hybi-08 to -12.
    """

    _version = 8
    _originField = "Sec-WebSocket-Origin"


class Hybi07ClientOpening(Hybi10ClientOpening):
    """
    The same by another number.
    """

    _version = 7
