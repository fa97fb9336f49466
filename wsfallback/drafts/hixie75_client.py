"""
draft-hixie-75, the client's half of the opening handshake; an example is in the server's.

Source: "The Web Socket protocol", draft-hixie-thewebsocketprotocol-75, §3.1 (the client's opening
handshake), https://datatracker.ietf.org/doc/html/draft-hixie-thewebsocketprotocol-75; the shape of
the request is that of Chrome 4 and 5.
Answered by em-websocket, websocket-driver, Jetty 7.0, Protocol::WebSocket and their time.
"""

from wsfallback.drafts.asking import ClientOpening, joined
from wsfallback.errors import quoted
from wsfallback.response import Response

_STATUS_LINE = (b"HTTP/1.1", 101, b"Web Socket Protocol Handshake")


class Hixie75ClientOpening(ClientOpening):
    """
    The client's half of the opening handshake.

    Nothing in its answer proves that the server has read the request.
    """

    _prefix = "WebSocket-"
    _firstLinesAreFixed = True

    def request(self) -> bytes:
        """
        §3.1: the first two fields byte for byte, then Host, then Origin.
        """
        return joined(*self._lines())

    @property
    def _origin(self) -> str:
        # Many servers of 2010 refuse a request without one; a program stands for its host.
        where = self._destination
        default = f"{'https' if where.isSecure else 'http'}://{where.host}"
        return (where.origin or default).lower()

    def _lines(self) -> list[str]:
        where = self._destination
        lines = [
            f"GET {where.resource} HTTP/1.1",
            # Upgrade with a capital: Java-WebSocket and socket.io 0.9 compare it.
            "Upgrade: WebSocket",
            "Connection: Upgrade",
            f"Host: {where.host}",
            f"Origin: {self._origin}",
        ]
        if where.protocols:
            # To the draft a subprotocol is one string; servers that know better take a member.
            # No spaces, as web-socket-js: websockify of that time leaves them on.
            lines.append(f"{self._prefix}Protocol: {','.join(where.protocols)}")
        # The place of WebKit's Cookie.
        lines += [f"{name}: {value}" for name, value in where.fields]
        return lines

    def _check(self, response: Response) -> None:
        if response.get(self._field("Origin")) is None is response.get(self._field("Location")):
            raise self._wrong(f"The answer has neither {self._prefix}Origin nor -Location", None)
        if self._firstLinesAreFixed and self._isStrict:
            self._checkFirstLines(response)
        if self._destination.protocols and self._protocol(response) is None:
            self._oddities.append("The server chose no subprotocol")
        self._compare(response, "Origin", self._origin)
        self._compare(response, "Location", self._destination.location)

    def _checkFirstLines(self, response: Response) -> None:
        """
        §3.1: "Web Socket" in two words, and two fields in their order and case.
        """
        first = ((b"upgrade", b" WebSocket"), (b"connection", b" Upgrade"))
        line = (response.version, response.status, response.phrase)
        if line != _STATUS_LINE or response.fields[:2] != first:
            self._oddities.append("The first three lines of the answer are not the draft's")

    def _compare(self, response: Response, name: str, wanted: str) -> None:
        """
        A field that repeats what was asked. Behind a proxy servers get scheme and port wrong.
        """
        seen = b", ".join(response.all(self._field(name)))
        if seen.lower() != wanted.encode("latin-1").lower():
            self._oddities.append(f"{self._prefix}{name} is {quoted(seen)}, not {wanted!r}")

    def _protocol(self, response: Response) -> str | None:
        asked = self._destination.protocols
        name = self._field("Protocol")
        # em-websocket has the field of hixie-76 here, too.
        if response.get(name) is None:
            name = b"sec-websocket-protocol"
        # Servers that know of one string only repeat the whole of it, and have not chosen.
        if len(asked) > 1 and response.members(name) == [each.encode("latin-1") for each in asked]:
            return asked[0]
        return self._chosen(response, name)

    def _field(self, name: str) -> bytes:
        return f"{self._prefix}{name}".lower().encode("ascii")
