"""
The names that the server is known by.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.contract import recorder
from tests.test_peeking import Page
from tests.test_server import serve
from wsfallback import FallbackServerFactory
from wsfallback.hosts import HostPattern
from wsfallback.testing import VERSIONS, attach, connect
from wsfallback.web import HostsSite

REFUSAL = b"There is no such host here\n"


class HostPatternTests(SynchronousTestCase):
    """
    Which hosts a pattern lets in.
    """

    def check(self, pattern: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
        """
        All of the one and none of the other.
        """
        for host in good:
            self.assertTrue(HostPattern(pattern).matches(host, False), (pattern, host))
        for host in bad:
            self.assertFalse(HostPattern(pattern).matches(host, False), (pattern, host))

    def test_names(self) -> None:
        """
        Whatever the case, the port, and a dot at the end.
        """
        good = ("example.com", "EXAMPLE.com", "example.com.", "example.com:8080", "example.com.:80")
        bad = (
            "",
            "evil.test",
            "www.example.com",
            "example.comx",
            "example.com..",
            "example.com.evil.test",
            "example.com@evil.test",
            "evil.test/example.com",
            "example.com:80:80",
            "example.com:x",
            "examplexcom",
            "[example.com]",
            "*",
        )
        for pattern in ("example.com", "Example.COM", "example.com."):
            self.check(pattern, good, bad)

    def test_ports(self) -> None:
        """
        Where the pattern has one it is that; the default one may be missing.
        """
        self.check("a.test:8080", ("a.test:8080", "A.test.:08080"), ("a.test", "a.test:80"))
        self.check("a.test:80", ("a.test:80", "a.test", "a.test:"), ("a.test:443", "a.test:8080"))
        self.assertTrue(HostPattern("a.test:443").matches("a.test", True))
        self.assertFalse(HostPattern("a.test:443").matches("a.test", False))
        self.assertFalse(HostPattern("a.test:80").matches("a.test", True))

    def test_stars(self) -> None:
        """
        Any part of the name, and not the bare domain; a client can't ask in them.
        """
        self.check(
            "*.example.com",
            ("a.example.com", "a.b.Example.com:81"),
            ("example.com", ".example.comx", "evilexample.com", "*.example.com", "*"),
        )
        self.check("*", ("a", "192.0.2.7", "[::1]:80"), ("", "a b", "*"))

    def test_addresses(self) -> None:
        """
        In any spelling, with brackets or, in the pattern, without.
        """
        for pattern in ("::1", "[::1]", "[0:0::1]"):
            good = ("[::1]", "[::1]:8080", "[0:0:0:0:0:0:0:1]")
            self.check(pattern, good, ("::1", "[::2]", "1", "[::1"))
        self.check("[::1]:81", ("[::1]:81",), ("[::1]", "[::1]:80"))
        self.check("127.0.0.1", ("127.0.0.1", "127.0.0.1:80"), ("127.0.0.2", "127.1", "127.0.0.10"))

    def test_impossible(self) -> None:
        """
        What can match no host is refused when it is set.
        """
        for pattern in (
            *("", " ", "a b", "http://a", "a/b", "a:", "a:x", "a:80:80", "[a", "[1.2]", "[:::]"),
            *("\xe4.test", "a@b", "[::1]x"),
        ):
            self.assertRaises(ValueError, HostPattern, pattern)


class HostsTests(SynchronousTestCase):
    """
    Against DNS rebinding, on every draft and for HTTP.
    """

    def get(self, server: Any, head: str) -> Any:
        """
        A request of plain HTTP.
        """
        client = attach(server)
        client.deliver(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        return client

    def test_webSockets(self) -> None:
        """
        421 before a handler is made.
        """
        kind = recorder()
        server = serve(kind, hosts=["example.com", "*.test:81"])
        for host, status in (
            ("example.com", 101),
            ("Example.Com.:8080", 101),
            ("a.test:81", 101),
            ("a.test", 421),
            ("evil.example", 421),
            ("127.0.0.1", 421),
        ):
            for draft in VERSIONS:
                client = connect(server, draft, host=host)
                self.assertEqual(client.status, status, (draft, host))
                if status == 421:
                    self.assertEqual(client.body, REFUSAL)
                    self.assertTrue(client.wire.startswith(b"HTTP/1.1 421 Misdirected Request\r\n"))
                    self.assertTrue(client.disconnected)
        self.assertEqual(len(kind.made), 15)

    def test_http(self) -> None:
        """
        The site gets none of it, nor is there another answer.
        """
        for site in (None, Site(Page(), reactor=Clock())):
            server = serve(hosts=["example.com"], site=site)
            for head in (
                "GET / HTTP/1.1\nHost: evil.test",
                "POST / HTTP/1.1\nHost: evil.test",
                "GET http://evil.test/ HTTP/1.1\nHost: example.com",
                "GET / HTTP/1.0",
                "GET / HTTP/1.0\nHost: evil.test\nUpgrade: websocket\nConnection: upgrade",
            ):
                client = self.get(server, head)
                self.assertEqual((client.status, client.body), (421, REFUSAL), head)
            # The target goes before the field.
            client = self.get(server, "GET http://example.com/ HTTP/1.1\nHost: evil.test")
            self.assertEqual(client.status, 426 if site is None else 200)

    def test_absoluteTarget(self) -> None:
        """
        Its host goes before the field, for the handler as well; one that can't be is refused.
        """
        kind = recorder()
        server = serve(kind, hosts=["example.com"])
        for target, host, status in (
            ("http://example.com/", "evil.test", 101),
            ("http://evil.test/", "example.com", 421),
        ):
            self.assertEqual(connect(server, path=target, host=host).status, status)
        self.assertEqual([each.request.host for each in kind.made], ["example.com"])
        self.assertEqual([each.request.headers["host"] for each in kind.made], ["example.com"])
        for authority in ('a";for=10.0.0.1;by="', "user@example.com", "a:b"):
            client = connect(serve(), path=f"http://{authority}/", host="example.com")
            self.assertEqual(client.status, 400, authority)

    def test_byDefault(self) -> None:
        """
        Any host.
        """
        for draft in VERSIONS:
            self.assertEqual(connect(serve(), draft, host="evil.test").status, 101)

    def test_behindProxies(self) -> None:
        """
        What a trusted one says counts, if it says something; nobody else is believed.
        """
        for network, host, told, status in (
            ("192.0.2.0/24", "inner", "example.com", 101),
            ("192.0.2.0/24", "example.com", "evil.test", 421),
            ("192.0.2.0/24", "example.com", None, 101),
            ("192.0.2.0/24", "inner", None, 421),
            ("198.51.100.0/24", "inner", "example.com", 421),
            ("198.51.100.0/24", "example.com", "evil.test", 101),
        ):
            server = serve(hosts=["example.com"], trusted=[network])
            headers = {} if told is None else {"X-Forwarded-Host": told}
            for draft in VERSIONS:
                client = connect(server, draft, host=host, headers=headers)
                self.assertEqual(client.status, status, (draft, network, host, told))
        client = connect(
            serve(hosts=["example.com"], trusted=["192.0.2.0/24"]),
            path="http://evil.test/",
            headers={"X-Forwarded-Host": "example.com"},
        )
        self.assertEqual(client.status, 101)

    def test_defaultPortBehindProxies(self) -> None:
        """
        It is that of the client's own connection.
        """
        server = serve(hosts=["example.com:443"], trusted=["192.0.2.0/24"])
        for told, status in (("https", 101), ("http", 421)):
            self.assertEqual(connect(server, headers={"X-Forwarded-Proto": told}).status, status)

    def test_strings(self) -> None:
        """
        One host is a list, too.
        """
        self.assertRaises(TypeError, serve, hosts="example.com")
        self.assertRaises(ValueError, serve, hosts=["a/b"])


class HostsSiteTests(SynchronousTestCase):
    """
    Each request of a connection that is kept.
    """

    def test_later(self) -> None:
        """
        A later one for another host is refused, and the next one served.
        """
        root = Resource()
        root.putChild(b"page", Page())
        site = HostsSite(root, ["example.com"], reactor=Clock())
        client = attach(FallbackServerFactory(recorder(), site=site, reactor=Clock()))
        statuses = []
        for target, host in (
            ("/page", "example.com"),
            ("/page", "evil.test"),
            ("/page", "example.com:80"),
            ("/", "evil.test"),
            ("http://evil.test/page", "example.com"),
        ):
            before = len(client.wire)
            client.deliver(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            statuses.append(int(client.wire[before:].split(b" ")[1]))
        self.assertEqual(statuses, [200, 421, 200, 421, 421])
        self.assertNotIn(b"evil", client.wire)

    def test_behindProxies(self) -> None:
        """
        What a trusted one says counts for each request, and nobody else is believed.
        """
        for network, statuses in (
            ("192.0.2.0/24", [421, 200, 421, 200]),
            ("198.51.100.0/24", [200, 421, 200, 421]),
        ):
            root = Resource()
            root.putChild(b"", Page())
            site = HostsSite(root, ["example.com"], [network], reactor=Clock())
            client = attach(FallbackServerFactory(recorder(), site=site, reactor=Clock()))
            found = []
            for host, told in (("example.com", "evil.test"), ("inner", "example.com")) * 2:
                before = len(client.wire)
                head = f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {told}\r\n\r\n"
                client.deliver(head.encode())
                found.append(int(client.wire[before:].split(b" ")[1]))
            self.assertEqual(found, statuses, network)
