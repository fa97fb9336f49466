"""
What ModernServerProtocol does beyond the contract.
"""

from base64 import b64encode
from hashlib import sha1
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from tests.ends import COMPRESSED, deflated
from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.drafts.rfc6455 import GUID
from wsfallback.forwarding import MAX_HELD
from wsfallback.testing import TEXT, HybiClient, attach, connect
from wsfallback.testing import request as openingRequest

DRAFTS = ("hybi-07", "hybi-10", "rfc6455")
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}


def serve(handler: Any = Echo, **options: Any) -> FallbackServerFactory:
    """
    A server on a clock.
    """
    return FallbackServerFactory(handler, reactor=Clock(), **options)


class OpeningTests(SynchronousTestCase):
    """
    RFC 6455 §4.2.
    """

    def test_answer(self) -> None:
        """
        The example of RFC 6455 §1.3, ``Upgrade`` in lower case.
        """
        client = attach(serve(recorder(connect=lambda _: "chat")), "rfc6455")
        client.deliver(
            b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        self.assertEqual(
            client.writes,
            [
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                b"Sec-WebSocket-Protocol: chat\r\n\r\n"
            ],
        )

    def test_version8KeyOfOtherLength(self) -> None:
        """
        Npm ws 0.4.32 sends base64 of 15 bytes with version 8.
        """
        key = b64encode(b"fifteen bytes..")
        client = attach(serve(), "hybi-10")
        client.key = key.decode()
        client.deliver(openingRequest("hybi-10").replace(HybiClient.key.encode(), key))
        self.assertEqual(client.writes[0][:13], b"HTTP/1.1 101 ")
        accept = b64encode(sha1(key + GUID).digest())
        self.assertIn(b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n", client.writes[0])

    def test_versionInTheRequest(self) -> None:
        """
        The handler sees the version that the client announced, not the one that Autobahn got.
        """
        for draft, version in zip(DRAFTS, (7, 8, 13), strict=True):
            kind = recorder()
            connect(serve(kind), draft)
            self.assertEqual(kind.made[0].request.version, version)
            self.assertEqual(kind.made[0].draft.name, draft)

    def test_frameBehindTheRequest(self) -> None:
        """
        In one segment with it.
        """
        for draft in DRAFTS:
            client = attach(serve(), draft)
            client.deliver(openingRequest(draft) + client.message("hi"))
            self.assertEqual(client.receive(), "hi")

    def test_framesWhileTheHandlerDecides(self) -> None:
        """
        Are kept, also those of a transport that can't pause, and read behind the answer.
        """
        decision: Deferred[None] = Deferred()
        kind = recorder(connect=lambda _: decision)
        client = attach(serve(kind), "rfc6455")
        client.deliver(openingRequest("rfc6455") + client.message("one"))
        self.assertTrue(client.transport.paused)
        client.transport.paused = False
        client.send("two")
        self.assertEqual((client.writes, kind.made[0].calls), ([], [("connect",)]))
        decision.callback(None)
        client.settle()
        self.assertEqual(client.status, 101)
        wanted = [("message", b"one", False), ("message", b"two", False)]
        self.assertEqual(kind.made[0].calls[2:], wanted)

    def test_tooMuchBehindTheRequest(self) -> None:
        """
        More than is kept while the handler decides is refused before it is asked.
        """
        kind = recorder()
        client = attach(serve(kind), "rfc6455")
        client.deliver(openingRequest("rfc6455") + b"\0" * (MAX_HELD + 1))
        self.assertEqual((client.status, kind.made), (400, []))

    def test_denial(self) -> None:
        """
        The handler's refusal is the same as on other drafts, not Autobahn's.
        """

        def deny(_: Any) -> None:
            raise ConnectionDeny(404, "nothing here")

        for draft in DRAFTS:
            client = connect(serve(recorder(connect=deny)), draft)
            self.assertEqual(
                client.writes,
                [
                    b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n"
                    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\n"
                    b"nothing here\n"
                ],
            )
            self.assertTrue(client.disconnected)

    def test_lateDecision(self) -> None:
        """
        Is cancelled, and refused once: what Autobahn makes of the cancel is not written.
        """
        client = connect(serve(recorder(connect=lambda _: Deferred()), handshakeTimeout=5))
        client.advance(5)
        self.assertEqual((client.status, len(client.writes)), (503, 1))

    def test_duplicatedSubprotocols(self) -> None:
        """
        Are one.
        """
        kind = recorder()
        client = connect(serve(kind), protocols=["a", "a", "b"])
        self.assertEqual(client.status, 101)
        self.assertEqual(kind.made[0].request.protocols, ["a", "b"])

    def test_oddHostsAndQueries(self) -> None:
        """
        Autobahn's own reader never sees what ours has passed.
        """
        for host, path in (("[::1]:80", "/"), ("a:", "/?x"), ("a_b.example", "//a//b?c=d?e")):
            client = connect(serve(), host=host, path=path)
            self.assertEqual(client.status, 101, (host, path))

    def test_deflateOfferedAndTaken(self) -> None:
        """
        Messages both ways are deflated.
        """
        client = connect(serve(), headers=DEFLATE)
        self.assertIn("permessage-deflate", client.fields["sec-websocket-extensions"])
        client.deliver(client.frame(TEXT, deflated(b"x" * 1000), rsv=COMPRESSED))
        self.assertEqual(client.frames[-1].rsv, COMPRESSED)
        self.assertEqual(client.receive(), "x" * 1000)

    def test_deflateNotOffered(self) -> None:
        """
        Without an offer there is no such field.
        """
        client = connect(serve())
        self.assertNotIn("sec-websocket-extensions", client.fields)

    def test_deflateSwitchedOff(self) -> None:
        """
        With the option an offer is declined.
        """
        client = connect(serve(compress=False), headers=DEFLATE)
        self.assertEqual(client.status, 101)
        self.assertNotIn("sec-websocket-extensions", client.fields)

    def test_offersThatCantBeTaken(self) -> None:
        """
        RFC 7692 §7.1: are declined, not refused; the first that can be is taken.
        """
        for offer, taken in (
            ("deflate-stream", False),
            ("x-webkit-deflate-frame", False),
            ("permessage-deflate; nonsense", False),
            ("permessage-deflate; client_max_window_bits=99", False),
            ("permessage-deflate; server_max_window_bits=abc", False),
            ("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", False),
            ("permessage-bzip2, permessage-deflate; x=1, permessage-deflate", True),
            ('permessage-deflate; server_max_window_bits="10"', True),
            ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", True),
            (",;=,", False),
        ):
            client = connect(serve(), headers={"Sec-WebSocket-Extensions": offer})
            self.assertEqual(client.status, 101, offer)
            self.assertEqual("sec-websocket-extensions" in client.fields, taken, offer)

    def test_windowBits(self) -> None:
        """
        A window that the client asked for is announced and kept to.
        """
        offer = {"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=9"}
        client = connect(serve(), headers=offer)
        self.assertIn("server_max_window_bits=9", client.fields["sec-websocket-extensions"])

    def test_extensionsInTheRequest(self) -> None:
        """
        The handler sees all offers, in Autobahn's form.
        """
        kind = recorder()
        offers = {"Sec-WebSocket-Extensions": 'a; b; c="d", permessage-deflate'}
        connect(serve(kind), headers=offers)
        self.assertEqual(
            kind.made[0].request.extensions,
            [("a", {"b": [True], "c": ["d"]}), ("permessage-deflate", {})],
        )
