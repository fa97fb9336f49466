"""
What HixieServerProtocol does beyond the contract.
"""

from typing import Any

from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Recorder, recorder
from wsfallback import FallbackServerFactory, UnsupportedByDraft
from wsfallback.demo import Echo
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


class FrameTests(SynchronousTestCase):
    """
    draft-hixie-76 §5.3.
    """

    def test_binaryIsUnsupported(self) -> None:
        """
        The channel says beforehand what it can't carry, and raises.
        """
        for draft in DRAFTS:
            kind = recorder()
            client = connect(serve(kind), draft)
            channel = kind.made[0].channel
            self.assertFalse(channel.draft.binary)
            before = client.wire
            self.assertRaises(UnsupportedByDraft, channel.sendMessage, b"x", True)
            self.assertEqual(client.wire, before)
            self.assertTrue(client.isOpen)

    def test_invalidTextReplaced(self) -> None:
        """
        With the option, text that is not UTF-8 has U+FFFD where it is wrong.
        """
        for draft in DRAFTS:
            client = connect(serve(invalidText="replace"), draft)
            client.deliver(b"\x00a\xc3\x28\xff")
            self.assertEqual(client.receive(), "a\ufffd(")

    def test_skippedFrames(self) -> None:
        """
        Length-prefixed frames are read over, up to a bound for the connection.
        """
        for draft in DRAFTS:
            client = connect(serve(maxSkipped=10), draft)
            client.deliver(b"\x80\x05\x00\xff\x00\xff\x00" + b"\x00one\xff" + b"\x80\x05abcde")
            self.assertEqual(client.receive(), "one")
            client.send("two")
            self.assertEqual(client.receive(), "two")
            client.deliver(b"\x80\x01")
            self.assertTrue(client.disconnected)

    def test_endlessText(self) -> None:
        """
        A text frame without an end is refused when it is too long, not when it ends.
        """
        for draft in DRAFTS:
            client = connect(serve(maxMessage=1000), draft)
            client.deliver(b"\x00" + b"x" * 1000)
            self.assertFalse(client.disconnected)
            client.deliver(b"x")
            self.assertTrue(client.disconnected)


class ClosingTests(SynchronousTestCase):
    """
    draft-hixie-76 §5.4, and what clients really do.
    """

    def test_clientCloses(self) -> None:
        """
        ``FF 00`` is answered with ``FF 00``, and TCP ended at once.
        """
        kind = recorder()
        client = connect(serve(kind), "hixie-76")
        client.answersClose = False
        client.deliver(b"\xff\x00")
        self.assertEqual(client.writes[-1], b"\xff\x00")
        self.assertTrue(client.disconnected)
        client.advance(2)
        self.assertTrue(client.transport.aborted)
        self.assertEqual(kind.made[0].calls[-1], ("close", True, 1005, None))

    def test_dataBehindTheClose(self) -> None:
        """
        Is dropped.
        """
        kind = recorder()
        client = connect(serve(kind), "hixie-76")
        client.deliver(b"\xff\x00\x00late\xff")
        self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "open", "close"])

    def test_hixie75HasNoClose(self) -> None:
        """
        There ``FF 00`` is an empty frame to be skipped, and the server ends with TCP alone.
        """
        kind = recorder()
        client = connect(serve(kind), "hixie-75")
        client.deliver(b"\xff\x00")
        self.assertTrue(client.isOpen)
        before = client.wire
        kind.made[0].sendClose()
        client.settle()
        self.assertEqual(client.wire, before)
        self.assertTrue(client.disconnected)
        self.assertEqual(kind.made[0].calls[-1], ("close", True, 1005, None))

    def test_clientThatDropsTCP(self) -> None:
        """
        WebKits before 2011 close so: between two frames it is clean.
        """
        for draft in DRAFTS:
            kind = recorder()
            client = connect(serve(kind), draft)
            client.send("one")
            client.finish()
            self.assertEqual(kind.made[0].calls[-1], ("close", True, 1005, None))

    def test_serverCloses(self) -> None:
        """
        The server sends its half, and waits for the client's before it ends TCP.
        """
        kind = recorder()
        client = connect(serve(kind, closeTimeout=2), "hixie-76")
        client.answersClose = False
        kind.made[0].sendClose(1000, "bye")
        client.settle()
        self.assertEqual(client.writes[-1], b"\xff\x00")
        client.advance(1.9)
        self.assertFalse(client.disconnected)
        client.advance(0.1)
        self.assertTrue(client.disconnected)
        self.assertFalse(client.transport.aborted)
        client.finish()
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))

    def test_closesThatCross(self) -> None:
        """
        Both may begin at once; each side sends ``FF 00`` once.
        """
        kind = recorder()
        client = connect(serve(kind), "hixie-76")
        client.answersClose = False
        kind.made[0].sendClose()
        client.deliver(b"\x00in flight\xff\xff\x00")
        self.assertEqual(client.wire.count(b"\xff\x00"), 1)
        self.assertTrue(client.disconnected)
        client.finish()
        self.assertEqual(kind.made[0].calls[-1], ("close", True, 1005, None))

    def test_nonsenseAfterOurClose(self) -> None:
        """
        A client that breaks the framing while it should close is left.
        """
        kind = recorder()
        client = connect(serve(kind, maxMessage=10), "hixie-76")
        client.answersClose = False
        kind.made[0].sendClose()
        client.deliver(b"\x00" + b"x" * 11)
        self.assertTrue(client.disconnected)
        self.assertEqual(client.wire.count(b"\xff\x00"), 1)

    def test_silence(self) -> None:
        """
        A client that says nothing for the idle timeout is closed; each byte counts.
        """
        for draft in DRAFTS:
            kind = recorder()
            client = connect(serve(kind, idleTimeout=60), draft)
            client.advance(59)
            client.deliver(b"\x00")
            client.advance(59)
            client.deliver(b"\xff")
            client.advance(59)
            self.assertTrue(client.isOpen)
            client.advance(1)
            self.assertTrue(client.disconnected)
            self.assertEqual(
                kind.made[0].calls[-1], ("close", False, 1006, "nothing was heard for 60 s")
            )
