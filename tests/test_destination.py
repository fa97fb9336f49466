"""
Where a client goes.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.destination import destination


class DestinationTests(SynchronousTestCase):
    """
    RFC 6455 §3, and the fields of a request.
    """

    def test_hosts(self) -> None:
        """
        In lower case, without the default port, IPv6 in brackets.
        """
        for url, host, where in (
            ("ws://Example.COM", "example.com", ("example.com", 80)),
            ("ws://example.com:80/", "example.com", ("example.com", 80)),
            ("wss://example.com:443/", "example.com", ("example.com", 443)),
            ("wss://example.com:80/", "example.com:80", ("example.com", 80)),
            ("WS://example.com:8080/", "example.com:8080", ("example.com", 8080)),
            ("ws://[::1]:9000/", "[::1]:9000", ("::1", 9000)),
            ("ws://b\xfccher.example/", "xn--bcher-kva.example", ("xn--bcher-kva.example", 80)),
        ):
            found = destination(url)
            self.assertEqual((found.host, (found.hostname, found.port)), (host, where))

    def test_hostThatIsGiven(self) -> None:
        """
        It takes the place of the URL's, and changes nothing else.
        """
        found = destination("ws://a:81/", host="www.test:8080")
        self.assertEqual((found.host, found.hostname, found.port), ("www.test:8080", "a", 81))
        for host in ("", "a b", "a/b", 'a"b', "a\r\nb"):
            self.assertRaises(ValueError, destination, "ws://a/", host=host)

    def test_resources(self) -> None:
        """
        Path and query as given, what can't be sent percent-encoded.
        """
        for url, resource in (
            ("ws://a", "/"),
            ("ws://a/chat?a=b&c=%20", "/chat?a=b&c=%20"),
            ("ws://a?b", "/?b"),
            ("ws://a/\xe9 x", "/%C3%A9%20x"),
        ):
            self.assertEqual(destination(url).resource, resource)

    def test_location(self) -> None:
        """
        The URL again, as hixie compares it.
        """
        self.assertEqual(destination("WSS://A:443/b?c").location, "wss://a/b?c")

    def test_urlsThatCantBe(self) -> None:
        """
        Each is refused with a sentence.
        """
        for url in (
            "http://a/",
            "a.example",
            "ws:///x",
            "ws://a/#b",
            "ws://a/#",
            "ws://user:pass@a/",
            "ws://a:99999/",
            "ws://a b/",
            "ws://a\r\nb/",
            "",
        ):
            try:
                found = destination(url)
            except ValueError:
                continue
            # urlsplit drops line ends by itself.
            self.assertEqual((url, found.hostname), ("ws://a\r\nb/", "ab"))

    def test_fields(self) -> None:
        """
        A mapping, with lists of values, or pairs.
        """
        fields = (("Cookie", "a=b"), ("X", "1"), ("X", "2"))
        for given in ({"Cookie": "a=b", "X": ["1", "2"]}, list(fields)):
            self.assertEqual(destination("ws://a", headers=given).fields, fields)

    def test_fieldsThatCantBe(self) -> None:
        """
        What could change the request is refused.
        """
        wrong: list[dict[str, Any]] = [
            {"headers": {"X": "a\r\nb"}},
            {"headers": {"X\n": "a"}},
            {"headers": {"": "a"}},
            {"headers": {"host": "a"}},
            {"headers": [("Origin", "a")]},
            {"headers": {"Sec-WebSocket-Key": "a"}},
            {"headers": {"WebSocket-Protocol": "a"}},
            {"headers": {"Content-Length": "8"}},
            {"origin": "http://a b"},
            {"origin": ""},
            {"protocols": ["a b"]},
            {"protocols": ["a,b"]},
            {"protocols": [""]},
            {"protocols": ["a", "a"]},
        ]
        for each in wrong:
            self.assertRaises(ValueError, destination, "ws://a", **each)
        self.assertRaises(TypeError, destination, "ws://a", protocols="chat")
