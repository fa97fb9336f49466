"""
An old client's opening handshake in version 13, and Autobahn's answer back.
"""

from autobahn.websocket.types import ConnectionDeny
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.drafts.table import DRAFTS, HIXIE_76, HYBI_07, HYBI_10, RFC_6455
from wsfallback.opening13 import acceptance, handshake, isServed
from wsfallback.request import Request, RequestReader
from wsfallback.testing import request


def read(raw: bytes) -> Request:
    """
    The head of a request.
    """
    found = RequestReader(16384).feed(raw)
    assert found is not None
    return found


class HandshakeTests(SynchronousTestCase):
    """
    What Autobahn is asked.
    """

    def test_hixie76(self) -> None:
        """
        The client's own target and fields, less those of its draft.
        """
        raw = request("hixie-76", path="/a?b", protocols=["one", "two"], headers={"Cookie": "a=b"})
        self.assertEqual(
            handshake(read(raw), HIXIE_76, ["one", "two", "one, two"], False),
            b"GET /a?b HTTP/1.1\r\n"
            b"Upgrade: websocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Origin: http://example.com\r\n"
            b"Sec-WebSocket-Protocol: one, two\r\n"
            b"host: example.com\r\n"
            b"cookie: a=b\r\n\r\n",
        )

    def test_origins(self) -> None:
        """
        By the field of the draft; without a scheme they get that of the connection.
        """
        for draft in DRAFTS:
            for origin, isSecure, wanted in (
                ("http://a", True, b"\r\nOrigin: http://a\r\n"),
                ("null", False, b"\r\nOrigin: null\r\n"),
                ("file://", False, b"\r\nOrigin: file://\r\n"),
                ("a:80", False, b"\r\nOrigin: http://a:80\r\n"),
                ("a:80", True, b"\r\nOrigin: https://a:80\r\n"),
            ):
                raw = request(draft.name, origin=origin)
                self.assertIn(wanted, handshake(read(raw), draft, [], isSecure))
        raw = request("hybi-10", origin=None, headers={"Origin": "http://evil.test"})
        self.assertNotIn(b"evil", handshake(read(raw), HYBI_10, [], False))

    def test_whoIsServed(self) -> None:
        """
        Versions that the factory takes, with keys, origins and fields that Autobahn reads.
        """
        for draft, versions, wanted in (
            (RFC_6455, [13], True),
            (RFC_6455, [8], False),
            (HYBI_10, [8, 13], True),
            (HYBI_07, [8, 13], False),
            (HIXIE_76, [8, 13], False),
        ):
            self.assertIs(isServed(read(request(draft.name)), draft, versions), wanted)
            self.assertFalse(isServed(read(request(draft.name, origin="a:80")), draft, versions))
        raw = request("rfc6455", headers={"X": "\x85"})
        self.assertFalse(isServed(read(raw), RFC_6455, [13]))


class AcceptanceTests(SynchronousTestCase):
    """
    What Autobahn answers.
    """

    def test_accepted(self) -> None:
        """
        The subprotocol and the application's fields are of interest.
        """
        head = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: one\r\n"
            b"Set-Cookie: a=1\r\nSet-Cookie: b=2"
        )
        self.assertEqual(acceptance(head), ("one", {"Set-Cookie": ["a=1", "b=2"]}))

    def test_refused(self) -> None:
        """
        With status and reason; what refuses nothing is the server's mistake.
        """
        for head, status, reason in (
            (b"HTTP/1.1 403 members \xe2\x9c\x93", 403, "members \u2713"),
            (b"HTTP/1.1 200 OK", 500, "OK"),
            (b"nonsense", 500, ""),
            (b"", 500, ""),
        ):
            error = self.assertRaises(ConnectionDeny, acceptance, head)
            self.assertEqual((error.code, error.reason), (status, reason))
