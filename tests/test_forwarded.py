"""
What a backend is told of the client behind a gateway.
"""

from ipaddress import ip_network

from autobahn.websocket.types import ConnectionRequest
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.forwarded import fields, outside
from wsfallback.request import Request


def asked(peer: str = "tcp4:192.0.2.7:5", **headers: str) -> ConnectionRequest:
    """
    A client's request, with these fields.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ConnectionRequest(peer, {"host": "a.test", **named}, "a.test", "/", {}, 13, "", [], [])


class FieldsTests(SynchronousTestCase):
    """
    RFC 7239 and its forerunners.
    """

    def test_passed(self) -> None:
        """
        The application's own fields go through, those of the leg and of hops don't.
        """
        request = asked(
            cookie="a=b",
            authorization="Basic x",
            user_agent="Old/1.0",
            connection="Upgrade",
            sec_websocket_key="x",
            x_other="y",
        )
        named = dict(fields(request, isSecure=False))
        self.assertEqual(
            named,
            {
                "Cookie": "a=b",
                "Authorization": "Basic x",
                "User-Agent": "Old/1.0",
                "X-Forwarded-For": "192.0.2.7",
                "X-Forwarded-Proto": "http",
                "X-Forwarded-Host": "a.test",
                "Forwarded": 'for=192.0.2.7;host="a.test";proto=http',
            },
        )

    def test_secure(self) -> None:
        """
        TLS, and an IPv6 address, which is quoted.
        """
        named = dict(fields(asked("tcp6:2001:db8::1:5"), isSecure=True))
        self.assertEqual(named["X-Forwarded-Proto"], "https")
        self.assertEqual(named["Forwarded"], 'for="[2001:db8::1]";host="a.test";proto=https')

    def test_forged(self) -> None:
        """
        What a client says of itself is dropped; a trusted proxy is believed, and added to.
        """
        request = asked(
            x_forwarded_for="10.0.0.1", x_forwarded_proto="https", forwarded="for=10.0.0.1"
        )
        named = dict(fields(request, isSecure=False))
        self.assertEqual(named["X-Forwarded-For"], "192.0.2.7")
        self.assertEqual(named["X-Forwarded-Proto"], "http")
        named = dict(fields(request, False, [ip_network("192.0.2.0/24")]))
        self.assertEqual(named["X-Forwarded-For"], "10.0.0.1, 192.0.2.7")
        self.assertEqual(named["X-Forwarded-Proto"], "https")
        self.assertEqual(named["Forwarded"], 'for=10.0.0.1, for=192.0.2.7;host="a.test";proto=http')

    def test_valuesThatCantBeSent(self) -> None:
        """
        Are left out.
        """
        request = asked(cookie="a\x7fb", x_forwarded_for="\x80")
        named = dict(fields(request, False, [ip_network("192.0.2.0/24")]))
        self.assertNotIn("Cookie", named)
        self.assertEqual(named["X-Forwarded-For"], "192.0.2.7")


class OutsideTests(SynchronousTestCase):
    """
    Where a client thinks that it is.
    """

    def seen(
        self, peer: str = "tcp4:192.0.2.7:5", isSecure: bool = False, **said: bytes
    ) -> tuple[list[bytes], bool]:
        """
        The Host and the scheme, of what a proxy said.
        """
        given = tuple((f"x-forwarded-{name}".encode(), value) for name, value in said.items())
        request = Request(b"GET", b"/", b"HTTP/1.1", ((b"host", b" inner"), *given))
        request, isSecure = outside(request, peer, isSecure, [ip_network("192.0.2.0/24")])
        return request.all(b"host"), isSecure

    def test_trusted(self) -> None:
        """
        The first proxy of several has spoken with the client.
        """
        for said, host, isSecure in (
            ({}, b"inner", False),
            ({"proto": b" https "}, b"inner", True),
            ({"proto": b"wss"}, b"inner", True),
            ({"proto": b"HTTPS, http"}, b"inner", True),
            ({"host": b"www.test:8443"}, b"www.test:8443", False),
            ({"host": b"www.test, inner", "proto": b"https"}, b"www.test", True),
            # What could end the answer's URL is none.
            ({"host": b"a/b"}, b"inner", False),
            ({"host": b""}, b"inner", False),
        ):
            self.assertEqual(self.seen(**said), ([host], isSecure), said)

    def test_byTLS(self) -> None:
        """
        The proxy knows better than we do whether the client came by TLS.
        """
        self.assertEqual(self.seen(isSecure=True), ([b"inner"], True))
        self.assertEqual(self.seen(isSecure=True, proto=b"http"), ([b"inner"], False))

    def test_notTrusted(self) -> None:
        """
        Nobody else is believed.
        """
        for peer in ("tcp4:198.51.100.7:5", "unix:/x", "unknown"):
            found = self.seen(peer, host=b"www.test", proto=b"https")
            self.assertEqual(found, ([b"inner"], False))
