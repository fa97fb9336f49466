"""
The opening handshake between Autobahn's types and ours.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.drafts.table import HYBI_10, RFC_6455
from wsfallback.handshake import acceptance, connectionRequest, denial, extensions
from wsfallback.request import Request, RequestReader


def read(*lines: bytes) -> Request:
    """
    A request with these lines.
    """
    request = RequestReader(16384).feed(b"\r\n".join((*lines, b"", b"")))
    assert request is not None
    return request


class ConnectionRequestTests(SynchronousTestCase):
    """
    What the handler sees.
    """

    def test_fields(self) -> None:
        """
        Names in lower case, several of a name joined, values without white space around.

        Cookies are joined as one field has them.
        """
        request = read(
            b"GET /a%20b?x=1&y=&x=%C3%A9 HTTP/1.1",
            b"HOST: example.com:81",
            b"X-A:  one ",
            b"x-a: two\t",
            b"X-B: \xe9",
            b"Cookie: a=b; c=d",
            b"Cookie: e=f",
            b"Origin: http://right",
            b"Sec-WebSocket-Origin: http://other",
        )
        seen = connectionRequest(request, RFC_6455, "tcp4:1.2.3.4:5", ["p"])
        self.assertEqual(
            seen.headers,
            {
                "host": "example.com:81",
                "x-a": "one, two",
                "x-b": "\xe9",
                "cookie": "a=b; c=d; e=f",
                "origin": "http://right",
                "sec-websocket-origin": "http://other",
            },
        )
        self.assertEqual((seen.host, seen.path), ("example.com", "/a%20b"))
        self.assertEqual(seen.params, {"x": ["1", "\xe9"]})
        self.assertEqual((seen.peer, seen.protocols), ("tcp4:1.2.3.4:5", ["p"]))
        self.assertEqual((seen.version, seen.origin), (13, "http://right"))
        seen = connectionRequest(request, HYBI_10, "", [])
        self.assertEqual((seen.version, seen.origin), (8, "http://other"))

    def test_withoutAnOrigin(self) -> None:
        """
        The empty string, as Autobahn has it.
        """
        seen = connectionRequest(read(b"GET / HTTP/1.1", b"Host: [::1]:80"), RFC_6455, "", [])
        self.assertEqual((seen.origin, seen.host), ("", "[::1]"))

    def test_hostWithoutAPort(self) -> None:
        """
        Stays as it is.
        """
        seen = connectionRequest(read(b"GET / HTTP/1.1", b"Host: [::1]"), RFC_6455, "", [])
        self.assertEqual(seen.host, "[::1]")


class ExtensionsTests(SynchronousTestCase):
    """
    RFC 6455 §9.1.
    """

    def test_lists(self) -> None:
        """
        Over several fields, quoted and bare, names in any case.
        """
        request = read(
            b"GET / HTTP/1.1",
            b"Host: a",
            b"Sec-WebSocket-Extensions: Foo; Bar=1 ;baz, ,x",
            b'Sec-WebSocket-Extensions: y;a="b";a',
        )
        self.assertEqual(
            extensions(request),
            [("foo", {"bar": ["1"], "baz": [True]}), ("x", {}), ("y", {"a": ["b", True]})],
        )


class DenialTests(SynchronousTestCase):
    """
    A handler's refusal.
    """

    def test_reason(self) -> None:
        """
        Its own, or the status's; an unknown status has one too.
        """
        for status, reason, sentence in (
            (403, "no", "no"),
            (403, None, "Forbidden"),
            (403, "", "Forbidden"),
            (499, None, "Refused"),
        ):
            error = denial(status, reason)
            self.assertEqual((error.status, error.sentence), (status, sentence))


class AcceptanceTests(SynchronousTestCase):
    """
    What a handler answers; what can't be sent is tried by the contract.
    """

    def test_forms(self) -> None:
        """
        Nothing, a subprotocol, or one with fields, of one or of several values.
        """
        asked = connectionRequest(read(b"GET / HTTP/1.1", b"Host: a"), RFC_6455, "", ["p"])
        for result, protocol, fields in (
            (None, None, ()),
            ("p", "p", ()),
            (("p", None), "p", ()),
            ((None, {"A": "1", "B": ["2", "3"]}), None, (("A", "1"), ("B", "2"), ("B", "3"))),
        ):
            self.assertEqual(acceptance(result, asked), (protocol, fields))

    def test_subprotocolThatWasNotOffered(self) -> None:
        """
        Nor the empty one.
        """
        asked = connectionRequest(read(b"GET / HTTP/1.1", b"Host: a"), RFC_6455, "", ["p"])
        for wrong in ("q", ""):
            self.assertRaises(ValueError, acceptance, wrong, asked)
