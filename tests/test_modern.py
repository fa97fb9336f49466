"""
What ModernServerProtocol does beyond the contract.
"""

import tracemalloc
import zlib
from base64 import b64encode
from hashlib import sha1
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.demo import Echo
from wsfallback.drafts.rfc6455 import GUID
from wsfallback.testing import BINARY, CLOSE, PING, PONG, TEXT, Frame, HybiClient, attach, connect
from wsfallback.testing import request as openingRequest

DRAFTS = ("hybi-07", "hybi-10", "rfc6455")
DEFLATE = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
COMPRESSED = 4


def serve(handler: Any = Echo, **options: Any) -> FallbackServerFactory:
    """
    A server on a clock.
    """
    return FallbackServerFactory(handler, reactor=Clock(), **options)


def deflated(payload: bytes) -> bytes:
    """
    RFC 7692 §7.2.1.
    """
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


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


class MessageTests(SynchronousTestCase):
    """
    RFC 6455 §5 and §6.
    """

    def test_binary(self) -> None:
        """
        Bytes of any value, both ways.
        """
        for draft in DRAFTS:
            client = connect(serve(), draft)
            client.send(bytes(range(256)))
            self.assertEqual(client.receive(), bytes(range(256)))

    def test_fragmentsWithAPingBetween(self) -> None:
        """
        The message is whole, the ping answered.
        """
        client = connect(serve())
        client.deliver(
            client.frame(TEXT, b"Hel", isFinal=False)
            + client.frame(PING, b"?")
            + client.frame(0, b"lo")
        )
        self.assertEqual(client.frames, [Frame(PONG, b"?"), Frame(TEXT, b"Hello")])

    def test_fragmentedOutgoingMessages(self) -> None:
        """
        Longer messages than the option are sent in frames of that size, the last is final.
        """
        kind = recorder()
        client = connect(serve(kind, fragment=4))
        for size, sizes in ((4, [4]), (5, [4, 1]), (8, [4, 4]), (0, [0])):
            kind.made[0].sendMessage(b"x" * size)
            client.settle()
            self.assertEqual([len(frame.payload) for frame in client.frames], sizes)
            self.assertEqual([frame.opcode for frame in client.frames], [1, 0][: len(sizes)])
            self.assertEqual(
                [frame.isFinal for frame in client.frames], [False, True][-len(sizes) :]
            )
            client.frames.clear()

    def test_fragmentedAndDeflated(self) -> None:
        """
        RFC 7692 §6.1: only the first frame says that the message is deflated.
        """
        kind = recorder()
        client = connect(serve(kind, fragment=4), headers=DEFLATE)
        kind.made[0].sendMessage(bytes(range(100)), isBinary=True)
        client.settle()
        first, *others = client.frames
        self.assertEqual((first.opcode, first.rsv), (BINARY, COMPRESSED))
        self.assertEqual({(frame.opcode, frame.rsv) for frame in others}, {(0, 0)})
        self.assertEqual(client.receive(), bytes(range(100)))

    def test_framesHandedOver(self) -> None:
        """
        With the option each frame is handed over when it is there, text in whole characters.
        """
        frames: list[tuple[bytes, bool, bool]] = []

        class Frames(MessageHandler):
            def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> None:
                frames.append((payload, isBinary, isFinal))

        client = connect(serve(Frames, frames=True))
        client.deliver(client.frame(TEXT, b"h\xc3", isFinal=False))
        self.assertEqual(frames, [(b"h", False, False)])
        client.deliver(client.frame(0, b"\xa9\xe2\x9c", isFinal=False))
        client.deliver(client.frame(0, b"\x93", isFinal=True))
        client.deliver(client.frame(BINARY, b"\xc3", isFinal=True))
        self.assertEqual(
            frames[1:],
            [
                (b"\xc3\xa9", False, False),
                (b"\xe2\x9c\x93", False, True),
                (b"\xc3", True, True),
            ],
        )

    def test_framesThatEndWithinACharacter(self) -> None:
        """
        The unfinished one is not handed over, and closes: 1007.
        """
        kind = recorder()
        client = connect(serve(kind, frames=True))
        client.deliver(client.frame(TEXT, b"h\xc3"))
        self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "open", "close"])
        self.assertEqual(client.closing[0], 1007)


class InflatingTests(SynchronousTestCase):
    """
    Bounds of what is received deflated.
    """

    def test_inflatedSize(self) -> None:
        """
        What counts is the inflated size, up to and including the bound, of text that deflates
        well and of bytes that don't.
        """
        noise = sha1(b"").digest() * 50
        for payload in (b"x" * 1000, noise):
            for options in ({"maxMessage": 1000}, {"maxFrame": 1000}):
                for extra, code in ((b"", None), (b"y", 1009)):
                    client = connect(serve(recorder(), **options), headers=DEFLATE)
                    data = deflated(payload + extra)
                    client.deliver(client.frame(BINARY, data, rsv=COMPRESSED))
                    self.assertEqual(client.closing and client.closing[0], code, options)

    def test_bytesThatDontDeflate(self) -> None:
        """
        They are longer on the wire than they are, by what the client saves in memory, and have
        room at the bound all the same.
        """
        noise = b"".join(sha1(b"%d" % number).digest() for number in range(3500))[:65536]
        for memory in (1, 5, 8):
            kind = recorder()
            client = connect(serve(kind, maxMessage=65536, maxFrame=65536), headers=DEFLATE)
            deflate = zlib.compressobj(-1, zlib.DEFLATED, -15, memory)
            data = (deflate.compress(noise) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
            self.assertGreater(len(data), len(noise))
            client.deliver(client.frame(BINARY, data, rsv=COMPRESSED))
            self.assertEqual(kind.made[0].calls[-1], ("message", noise, True))

    def test_finalBlocks(self) -> None:
        """
        RFC 7692 §7.2.3.4: its example, again and again.
        """
        client = connect(serve(), headers=DEFLATE)
        for _ in range(3):
            client.deliver(client.frame(TEXT, bytes.fromhex("f348cdc9c9070000"), rsv=COMPRESSED), 1)
            self.assertEqual(client.receive(), "Hello")

    def test_largestBound(self) -> None:
        """
        The largest bound that there is can be asked for.
        """
        top = (1 << 63) - 1
        client = connect(serve(maxMessage=top, maxFrame=top), headers=DEFLATE)
        client.deliver(client.frame(TEXT, deflated(b"Hello"), rsv=COMPRESSED))
        self.assertEqual(client.receive(), "Hello")

    def test_bomb(self) -> None:
        """
        A message that inflates without end costs no more memory than the bound allows.
        """
        bomb = deflated(b"\0" * (64 << 20))
        client = connect(serve(recorder(), maxMessage=65536), headers=DEFLATE)
        data = client.frame(BINARY, bomb, rsv=COMPRESSED)
        tracemalloc.start()
        try:
            client.deliver(data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertEqual(client.closing, (1009, "a message is longer than 65536 bytes"))
        self.assertLess(peak, 4 << 20)

    def test_corruptDeflate(self) -> None:
        """
        What doesn't inflate closes: 1007.
        """
        client = connect(serve(recorder()), headers=DEFLATE)
        client.answersClose = False
        client.deliver(client.frame(BINARY, b"\xff" * 20, rsv=COMPRESSED))
        self.assertEqual(client.closing[0], 1007)
        # Autobahn reads nothing behind it, so there is no close to wait for.
        self.assertTrue(client.disconnected)


class ViolationTests(SynchronousTestCase):
    """
    RFC 6455 §5: what a client must not send closes with 1002.
    """

    def test_protocolErrors(self) -> None:
        """
        Unmasked, reserved, fragmented control frames and the like.
        """
        for name, data in (
            ("unmasked", b"\x81\x05Hello"),
            ("reserved bit", b"\xc1\x80\0\0\0\0"),
            ("reserved opcode", b"\x83\x80\0\0\0\0"),
            ("reserved control opcode", b"\x8b\x80\0\0\0\0"),
            ("fragmented control frame", b"\x09\x80\0\0\0\0"),
            ("control frame of 126", b"\x89\xfe\0\x7e\0\0\0\0"),
            ("continuation of nothing", b"\x80\x80\0\0\0\0"),
            ("close of 1 byte", b"\x88\x81\0\0\0\0\x03"),
            ("length not minimal", b"\x81\xfe\0\x01\0\0\0\0x"),
            ("length over 63 bits", b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0"),
        ):
            kind = recorder()
            client = connect(serve(kind))
            client.deliver(data)
            self.assertEqual(client.closing and client.closing[0], 1002, name)
            self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006), name)

    def test_answersAreNotLost(self) -> None:
        """
        What was owed before the violation is sent before the close.
        """
        client = connect(serve())
        client.deliver(client.message("one") + b"\x83\x80\0\0\0\0")
        self.assertEqual([frame.opcode for frame in client.frames], [TEXT, CLOSE])

    def test_nothingIsKeptAfterwards(self) -> None:
        """
        A client that goes on sending behind its mistake, or behind the close, fills no memory.
        """
        endless = b"\xff" + (1 << 40).to_bytes(8, "big") + HybiClient.mask
        for name, data in (
            ("control frame", b"\x89" + endless),
            ("data frame", b"\x82" + endless),
            ("corrupt", HybiClient(None, None, None).frame(BINARY, b"\xff" * 20, rsv=4)),
            (
                "bomb",
                HybiClient(None, None, None).frame(BINARY, deflated(b"\0" * (1 << 20)), rsv=4),
            ),
            ("close", HybiClient(None, None, None).closeFrame(1000)),
        ):
            client = connect(serve(recorder(), maxMessage=1000), headers=DEFLATE)
            client.answersClose = False
            client.deliver(data)
            chunk = b"\0" * (1 << 20)
            tracemalloc.start()
            try:
                for _ in range(16):
                    client.deliver(chunk)
                kept, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            self.assertLess(kept, 3 << 20, name)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=300), st.integers(1, 50))
    def test_anyBytes(self, data: bytes, segment: int) -> None:
        """
        Whatever comes, nothing is raised, and the end is told once.
        """
        kind = recorder()
        client = connect(serve(kind, maxMessage=100), headers=DEFLATE)
        client.answersClose = False
        client.deliver(data, segment)
        client.drop()
        self.assertEqual([call[0] for call in kind.made[0].calls].count("close"), 1)
        self.assertEqual(client._clock.getDelayedCalls(), [])


class ClosingTests(SynchronousTestCase):
    """
    RFC 6455 §7.
    """

    def test_codeAndReasonOfTheClient(self) -> None:
        """
        Reach the handler; the server answers, and ends TCP.
        """
        kind = recorder()
        client = connect(serve(kind))
        client.close(4001, "g\xf6n")
        self.assertEqual(client.closing, (4001, "g\xf6n"))
        self.assertTrue(client.disconnected)
        self.assertFalse(client.transport.aborted)
        self.assertEqual(kind.made[0].calls[-1], ("close", True, 4001, "g\xf6n"))

    def test_codeAndReasonOfTheServer(self) -> None:
        """
        Reach the client, on all drafts that have them; codes of the protocol's own too.
        """
        for draft in DRAFTS:
            for code in (1000, 1001, 1008, 1011, 3000, 4999):
                kind = recorder()
                client = connect(serve(kind), draft)
                kind.made[0].sendClose(code, "bye")
                client.settle()
                self.assertEqual(client.closing, (code, "bye"))
                self.assertEqual(kind.made[0].calls[-1], ("close", True, code, "bye"))

    def test_longReason(self) -> None:
        """
        Is cut between characters.
        """
        kind = recorder()
        client = connect(serve(kind))
        kind.made[0].sendClose(1000, "\u2713" * 100)
        client.settle()
        self.assertEqual(client.closing, (1000, "\u2713" * 41))

    def test_wrongAnswer(self) -> None:
        """
        A client that breaks the framing while it should close is left, and that is said.
        """
        kind = recorder()
        client = connect(serve(kind))
        client.answersClose = False
        kind.made[0].sendClose(1000)
        client.deliver(b"\x83\x80\0\0\0\0")
        self.assertTrue(client.disconnected)
        client.drop()
        self.assertEqual(
            kind.made[0].calls[-1],
            ("close", False, 1006, "the client broke the framing while it should close"),
        )

    def test_unansweredClose(self) -> None:
        """
        After the timeout a FIN, after as long again the end.
        """
        kind = recorder()
        client = connect(serve(kind, closeTimeout=2))
        client.answersClose = False
        kind.made[0].sendClose(1000)
        client.advance(1.9)
        self.assertFalse(client.disconnected)
        client.advance(0.1)
        self.assertTrue(client.transport.finished)
        self.assertFalse(client.transport.aborted)
        self.assertEqual(kind.made[0].calls[-1], ("open",))
        client.advance(2)
        self.assertEqual(
            kind.made[0].calls[-1], ("close", False, 1006, "the client didn't answer the close")
        )

    def test_transportThatDoesntEnd(self) -> None:
        """
        A client that takes no byte more keeps what is written from being sent: after the
        timeout the connection is aborted.
        """
        kind = recorder()
        client = connect(serve(kind, closeTimeout=2))
        client.answersClose = False
        client.close(1000)
        self.assertFalse(client.transport.aborted)
        client.advance(2)
        self.assertTrue(client.transport.aborted)
        self.assertEqual(kind.made[0].calls[-1], ("close", True, 1000, None))


class KeepaliveTests(SynchronousTestCase):
    """
    RFC 6455 §5.5.2.
    """

    def serve(self, kind: Any) -> FallbackServerFactory:
        """
        With the default numbers.
        """
        return serve(kind, pingInterval=20, pingTimeout=20)

    def test_pings(self) -> None:
        """
        A silent client is pinged again and again, and kept as long as it answers.
        """
        for draft in DRAFTS:
            client = connect(self.serve(recorder()), draft)
            for number in range(1, 6):
                client.advance(19.9)
                self.assertEqual(len(client.frames), number - 1)
                client.advance(0.1)
                self.assertEqual([frame.opcode for frame in client.frames], [PING] * number)
            self.assertTrue(client.isOpen)

    def test_unansweredPing(self) -> None:
        """
        The connection is aborted: nobody is there to read a close.
        """
        kind = recorder()
        client = connect(self.serve(kind))
        client.answersPings = False
        client.advance(20)
        client.advance(19.9)
        self.assertTrue(client.isOpen)
        client.advance(0.1)
        self.assertTrue(client.transport.aborted)
        self.assertEqual(
            kind.made[0].calls[-1], ("close", False, 1006, "the client didn't answer a ping")
        )

    def test_anyByteIsLife(self) -> None:
        """
        A client that is busy sending a large frame can't answer in between.
        """
        client = connect(self.serve(recorder()))
        client.answersPings = False
        data = client.frame(TEXT, b"x" * 100)
        for byte in data:
            client.advance(15)
            client.deliver(bytes([byte]))
        self.assertTrue(client.isOpen)
        self.assertEqual(client.frames, [])
        client.advance(20)
        client.deliver(b"\x81")
        client.advance(19)
        self.assertEqual([frame.opcode for frame in client.frames], [PING])
        client.advance(1)
        self.assertEqual([frame.opcode for frame in client.frames], [PING, PING])

    def test_noPingBeforeOpen(self) -> None:
        """
        Or after the end.
        """
        client = connect(self.serve(recorder()))
        client.close(1000)
        client.advance(100)
        self.assertEqual([frame.opcode for frame in client.frames], [CLOSE])
