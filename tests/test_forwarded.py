"""
What proxies tell of a client, and what a backend is told of it.
"""

from ipaddress import ip_network

from autobahn.websocket.types import ConnectionRequest
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.addresses import networks
from wsfallback.forwarded import MAX_PROXIES, clientOf, fields, outside
from wsfallback.request import Request

PEER = "tcp4:192.0.2.7:5"


def asked(**headers: str) -> ConnectionRequest:
    """
    A client's request, with these fields.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ConnectionRequest(PEER, {"host": "a.test", **named}, "a.test", "/", {}, 13, "", [], [])


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
        named = dict(fields(request, PEER, isSecure=False))
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
        named = dict(fields(asked(), "tcp6:2001:db8::1:5", isSecure=True))
        self.assertEqual(named["X-Forwarded-Proto"], "https")
        self.assertEqual(named["Forwarded"], 'for="[2001:db8::1]";host="a.test";proto=https')

    def test_forged(self) -> None:
        """
        What a client says of itself is dropped; a trusted proxy is believed, and added to.
        """
        request = asked(
            x_forwarded_for="10.0.0.1", x_forwarded_proto="https", forwarded="for=10.0.0.1"
        )
        named = dict(fields(request, PEER, isSecure=False))
        self.assertEqual(named["X-Forwarded-For"], "192.0.2.7")
        self.assertEqual(named["X-Forwarded-Proto"], "http")
        named = dict(fields(request, PEER, False, [ip_network("192.0.2.0/24")]))
        self.assertEqual(named["X-Forwarded-For"], "10.0.0.1, 192.0.2.7")
        self.assertEqual(named["X-Forwarded-Proto"], "https")
        self.assertEqual(named["Forwarded"], 'for=10.0.0.1, for=192.0.2.7;host="a.test";proto=http')

    def test_valuesThatCantBeSent(self) -> None:
        """
        Are left out.
        """
        request = asked(cookie="a\x7fb", x_forwarded_for="\x80")
        named = dict(fields(request, PEER, False, [ip_network("192.0.2.0/24")]))
        self.assertNotIn("Cookie", named)
        self.assertEqual(named["X-Forwarded-For"], "192.0.2.7")


class ClientTests(SynchronousTestCase):
    """
    Who the client is, behind proxies of 192.0.2.0/24 and 2001:db8:1::/48.
    """

    TRUSTED = networks(["192.0.2.0/24", "2001:db8:1::/48"])

    def client(self, *values: bytes, peer: str = PEER) -> str:
        """
        The client, of what the field's lines say.
        """
        said = tuple((b"x-forwarded-for", value) for value in values)
        request = Request(b"GET", b"/", b"HTTP/1.1", ((b"host", b"a"), *said))
        return clientOf(request, peer, self.TRUSTED)

    def test_forms(self) -> None:
        """
        An address with its port or without, which is 0 then.
        """
        for said, peer in (
            (b"198.51.100.7", "tcp4:198.51.100.7:0"),
            (b" 198.51.100.7:567 ", "tcp4:198.51.100.7:567"),
            (b"2001:db8::1", "tcp6:2001:db8::1:0"),
            (b"[2001:DB8:0::1]", "tcp6:2001:db8::1:0"),
            (b"[2001:db8::1]:567", "tcp6:2001:db8::1:567"),
            (b"::ffff:198.51.100.7", "tcp4:198.51.100.7:0"),
        ):
            self.assertEqual(self.client(said), peer)

    def test_fromTheRight(self) -> None:
        """
        The first that is no proxy of ours: what is left of it, the client may have written.
        """
        for lines in (
            (b"203.0.113.1, 198.51.100.7",),
            (b"203.0.113.1,198.51.100.7,192.0.2.8",),
            (b"203.0.113.1", b"198.51.100.7", b"192.0.2.8, [2001:db8:1::1]:80"),
            (b"203.0.113.1, unknown, 198.51.100.7,, 192.0.2.8",),
        ):
            self.assertEqual(self.client(*lines), "tcp4:198.51.100.7:0", lines)

    def test_proxiesAlone(self) -> None:
        """
        A client may be in a proxy's network: it is the one that is furthest away.
        """
        self.assertEqual(self.client(b"192.0.2.9, 192.0.2.8"), "tcp4:192.0.2.9:0")

    def test_notKnown(self) -> None:
        """
        Where a proxy doesn't know its client, what stands further left is not the client either.
        """
        for wrong in (
            *(
                b"unknown",
                b"unix:",
                b"_hidden",
                b"client.test",
                b"1.2.3",
                b"1.2.3.4.5",
                b"1.2.3.256",
            ),
            *(b"198.51.100.7:65536", b"198.51.100.7:", b"198.51.100.7:x", b"[198.51.100.7]x"),
            *(b"[2001:db8::1", b"2001:db8::1]", b"fe80::1%eth0", b"\xb2.1.1.1", b'"198.51.100.7"'),
            *(b"198.51.100.7 203.0.113.1", b":", b"[]", b"2001:567"),
        ):
            self.assertEqual(self.client(b"198.51.100.7, " + wrong), PEER, wrong)
            self.assertEqual(
                self.client(b"198.51.100.7, " + wrong + b", 192.0.2.8"), "tcp4:192.0.2.8:0", wrong
            )

    def test_notSaid(self) -> None:
        """
        The proxy itself asks, or says nothing.
        """
        self.assertEqual(self.client(), PEER)
        self.assertEqual(self.client(b""), PEER)

    def test_notTrusted(self) -> None:
        """
        Nobody else is believed, nor who has no address.
        """
        for peer in ("tcp4:198.51.100.7:5", "tcp6:2001:db8::1:5", "unix:/x", "unknown"):
            self.assertEqual(self.client(b"203.0.113.1", peer=peer), peer)

    def test_many(self) -> None:
        """
        A chain of proxies has an end.
        """
        chain = b", ".join([b"198.51.100.7", *[b"192.0.2.8"] * (MAX_PROXIES - 1)])
        self.assertEqual(self.client(chain), "tcp4:198.51.100.7:0")
        self.assertEqual(self.client(chain + b", 192.0.2.8"), "tcp4:192.0.2.8:0")


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
