"""
What HixieServerProtocol does beyond the contract.
"""

from typing import Any

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Recorder, recorder
from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.forwarding import MAX_HELD
from wsfallback.testing import Hixie76Client, attach, connect, request

DRAFTS = ("hixie-75", "hixie-76")


def serve(handler: Any = Echo, **options: Any) -> FallbackServerFactory:
    """
    A server on a clock.
    """
    return FallbackServerFactory(handler, reactor=Clock(), **options)


class Hixie76OpeningTests(SynchronousTestCase):
    """
    draft-hixie-76 §5.2: the server's half of the opening handshake.
    """

    head = (
        b"HTTP/1.1 101 WebSocket Protocol Handshake\r\n"
        b"Upgrade: WebSocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Origin: http://example.com\r\n"
        b"Sec-WebSocket-Location: ws://example.com/\r\n\r\n"
    )

    def test_oneWrite(self) -> None:
        """
        Head and digest are one write when key3 is there: some clients read once.
        """
        client = connect(serve(), "hixie-76")
        self.assertEqual(client.writes, [self.head + Hixie76Client.digest])

    def test_key3ArrivesAfterTheHead(self) -> None:
        """
        Proxies hold key3 back until they see the head of the answer, so it goes ahead.
        """
        kind = recorder()
        client = attach(serve(kind), "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        self.assertEqual(client.writes, [self.head])
        client.deliver(Hixie76Client.key3[:5])
        self.assertEqual(client.writes, [self.head])
        self.assertEqual(kind.made[0].calls, [("connect",)])
        client.deliver(Hixie76Client.key3[5:])
        self.assertEqual(client.writes, [self.head, Hixie76Client.digest])
        self.assertEqual(kind.made[0].calls, [("connect",), ("open",)])

    def test_framesBehindKey3(self) -> None:
        """
        What follows key3 in its segment is the first frame.
        """
        client = attach(serve(), "hixie-76")
        client.deliver(request("hixie-76") + b"\x00hi\xff")
        self.assertEqual(client.receive(), "hi")

    def test_oneWriteAfterADecisionThatTakesTime(self) -> None:
        """
        A decision of the handler's that takes its time makes no difference.
        """
        decision: Deferred[None] = Deferred()
        client = connect(serve(recorder(connect=lambda _: decision)), "hixie-76")
        self.assertEqual(client.writes, [])
        decision.callback(None)
        client.settle()
        self.assertEqual(client.writes, [self.head + Hixie76Client.digest])

    def test_key3WhileTheHandlerDecides(self) -> None:
        """
        Is kept, whatever pieces it comes in from a transport that can't pause; and what follows
        the answer is the first frame.
        """
        decision: Deferred[None] = Deferred()
        kind = recorder(connect=lambda _: decision)
        client = attach(serve(kind), "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        client.transport.paused = False
        client.deliver(Hixie76Client.key3, 3)
        self.assertEqual(client.writes, [])
        decision.callback(None)
        client.settle()
        self.assertEqual(client.writes, [self.head + Hixie76Client.digest])
        client.deliver(b"\x00hi\xff")
        self.assertEqual(kind.made[0].calls[1:], [("open",), ("message", b"hi", False)])

    def test_tooMuchBehindTheRequest(self) -> None:
        """
        More than is kept while the handler decides is refused before it is asked.
        """
        kind = recorder()
        client = attach(serve(kind), "hixie-76")
        client.deliver(request("hixie-76") + b"\0" * MAX_HELD)
        self.assertEqual((client.status, kind.made), (400, []))

    def test_denial(self) -> None:
        """
        The handler's refusal goes out instead of the head of a 101.
        """

        def deny(_: Recorder) -> None:
            raise ConnectionDeny(404, "nothing here")

        client = attach(serve(recorder(connect=deny)), "hixie-76")
        client.deliver(request("hixie-76"))
        self.assertEqual(
            client.writes,
            [
                b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n"
                b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\n"
                b"nothing here\n"
            ],
        )

    def test_contentLengthIsIgnored(self) -> None:
        """
        Some clients announce key3 as a body.
        """
        client = connect(serve(), "hixie-76", headers={"Content-Length": "8"})
        self.assertEqual(client.writes, [self.head + Hixie76Client.digest])

    def test_keysAreCheckedBeforeTheHead(self) -> None:
        """
        A client with a wrong key gets a 400, and not the head of a 101.
        """
        kind = recorder()
        client = attach(serve(kind), "hixie-76")
        client.deliver(request("hixie-76").replace(b"12998 5 Y3 1  .P00", b"129985Y31.P00"))
        self.assertEqual(client.status, 400)
        self.assertEqual(kind.made, [])

    def test_lateKey3(self) -> None:
        """
        The deadline is one for head and key3, and no byte starts it again. After the head of
        the answer only the end of TCP can refuse.
        """
        kind = recorder()
        client = attach(serve(kind, handshakeTimeout=5), "hixie-76")
        client.answersClose = False
        head = request("hixie-76")[:-8]
        client.deliver(head[:10])
        client.advance(3)
        client.deliver(head[10:] + b"1234")
        client.advance(1.9)
        self.assertFalse(client.disconnected)
        client.deliver(b"567")
        client.advance(0.2)
        self.assertTrue(client.disconnected)
        self.assertEqual(client.writes, [self.head])
        client.deliver(b"8")
        self.assertEqual(client.writes, [self.head])
        client.advance(2)
        self.assertEqual(
            kind.made[0].calls[1:],
            [("close", False, 1006, "refused with 408: The opening handshake took too long")],
        )

    def test_lateKey3AndADecisionThatSurvives(self) -> None:
        """
        A handler that catches the cancel and accepts after all opens nothing any more.
        """

        class Stubborn(Recorder):
            async def onConnect(self, request: ConnectionRequest) -> None:
                try:
                    await Deferred()
                except CancelledError:
                    self.calls.append(("cancelled",))

        handler = Stubborn()
        client = attach(serve(lambda: handler, handshakeTimeout=5), "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        client.advance(5)
        self.assertEqual(client.status, 503)
        client.advance(5)
        self.assertFalse(client.transport.connected)
        self.assertEqual(client._clock.getDelayedCalls(), [])
        self.assertEqual([call[0] for call in handler.calls], ["cancelled", "close"])

    def test_tls(self) -> None:
        """
        Over TLS the location is wss.
        """
        client = connect(serve(), "hixie-76", secure=True, origin="https://example.com")
        self.assertEqual(client.fields["sec-websocket-location"], "wss://example.com/")

    def test_listOfSubprotocols(self) -> None:
        """
        web-socket-js takes a member of its list, WebKit wants the whole string back: the
        handler may choose either.
        """
        for choice in ("b", "a, b"):
            client = connect(
                serve(recorder(connect=lambda _, choice=choice: choice)),
                "hixie-76",
                protocols=["a", "b"],
            )
            self.assertEqual(client.protocol, choice)

    def test_withoutOrigin(self) -> None:
        """
        A client that is no browser has none: the answer has none either.
        """
        client = connect(serve(), "hixie-76", origin=None)
        self.assertEqual(client.status, 101)
        self.assertNotIn("sec-websocket-origin", client.fields)
