"""
Where clients find the server, where that is fixed.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from tests.test_server import serve
from wsfallback.external import External
from wsfallback.testing import VERSIONS, connect


class ExternalTests(SynchronousTestCase):
    """
    The server's URL.
    """

    def test_read(self) -> None:
        """
        Its parts.
        """
        for url, parts in (
            ("wss://Chat.example.com", (b"chat.example.com", 443, True, b"")),
            ("wss://chat.example.com/", (b"chat.example.com", 443, True, b"")),
            ("wss://chat.example.com:443/ws", (b"chat.example.com", 443, True, b"/ws")),
            ("ws://a:8080/b/c/", (b"a:8080", 8080, False, b"/b/c")),
            ("ws://[::1]/", (b"[::1]", 80, False, b"")),
        ):
            found = External.at(url)
            self.assertEqual((found.host, found.port, found.isSecure, found.prefix), parts)

    def test_mistakes(self) -> None:
        """
        No URL of a WebSocket server.
        """
        for url in (
            *("", "https://a", "a", "wss://", "wss://a/b?c", "wss://a?", "wss://a/#b"),
            *("wss://u:p@a", "wss://a:x", "wss://a b"),
        ):
            self.assertRaises(ValueError, External.at, url)
            self.assertRaises(ValueError, serve, externalURL=url)


class LocationTests(SynchronousTestCase):
    """
    What hixie's answers say.
    """

    def test_location(self) -> None:
        """
        Scheme, host and the beginning of the path are the fixed ones, whatever came; the origin is
        the client's own.
        """
        for url, location in (
            ("wss://chat.example.com", b"wss://chat.example.com/room?x=y"),
            ("wss://chat.example.com/ws/", b"wss://chat.example.com/ws/room?x=y"),
            ("ws://a:8080/b/c", b"ws://a:8080/b/c/room?x=y"),
        ):
            for draft in ("hixie-75", "hixie-76"):
                for secure in (False, True):
                    client = connect(
                        serve(externalURL=url, trusted=["192.0.2.0/24"]),
                        draft,
                        path="/room?x=y",
                        host="inner:9000",
                        origin="http://page.test",
                        secure=secure,
                        headers={
                            "X-Forwarded-Proto": "http",
                            "X-Forwarded-Host": "other.test",
                        },
                    )
                    self.assertEqual(client.status, 101)
                    self.assertIn(b"-Location: " + location + b"\r\n", client.wire)
                    self.assertIn(b"-Origin: http://page.test\r\n", client.wire)

    def test_handler(self) -> None:
        """
        A handler sees that host, and the path of the request.
        """
        kind = recorder()
        for draft in VERSIONS:
            server = serve(None, routes={"/room": kind}, externalURL="wss://a.test/ws")
            self.assertEqual(connect(server, draft, path="/room", host="inner").status, 101)
        asked = {(handler.request.host, handler.request.path) for handler in kind.made}
        self.assertEqual(asked, {("a.test", "/room")})

    def test_hosts(self) -> None:
        """
        What is asked for is compared with the hosts, and not what is fixed.
        """
        for draft in VERSIONS:
            server = serve(hosts=["a.test"], externalURL="wss://b.test")
            self.assertEqual(connect(server, draft, host="a.test").status, 101)
            self.assertEqual(connect(server, draft, host="b.test").status, 421)
