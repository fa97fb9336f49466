"""
What is done with a connection of hybi-07 or later once it is open, at either end.
"""

import tracemalloc
import zlib
from collections.abc import Iterator
from hashlib import sha1
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Produced, recorder
from tests.ends import (
    CLIENT,
    COMPRESSED,
    DEFLATE,
    HYBI,
    SERVER,
    End,
    PausingContract,
    deflated,
    opened,
)
from tests.segments import single
from wsfallback import FallbackServerFactory, MessageHandler, NotOpen
from wsfallback.demo import Echo
from wsfallback.testing import BINARY, CLOSE, PING, PONG, TEXT, Frame, HybiClient, connect

DRAFTS = ("hybi-07", "hybi-10", "rfc6455")
OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}


def serve(handler: Any = Echo, **options: Any) -> FallbackServerFactory:
    """
    A server on a clock.
    """
    return FallbackServerFactory(handler, reactor=Clock(), **options)


class EitherEndTestCase(SynchronousTestCase):
    """
    What the tests of both ends say.
    """

    def ends(self, *headers: str, **options: Any) -> Iterator[End]:
        """
        Open connections, both ends on each draft; nothing is left of them.
        """
        for end in opened(HYBI, *headers, **options):
            yield end
            if end.transport.connected:
                end.transport.paused = False
                end.drop()
            self.assertEqual(end.clock.getDelayedCalls(), [], end)
            self.assertEqual([call[0] for call in end.calls].count("close"), 1, end)

    def assertClosing(self, end: End, code: int, reason: str) -> None:
        """
        The last that was sent is a close of this kind.
        """
        wanted = Frame(CLOSE, code.to_bytes(2, "big") + reason.encode())
        self.assertEqual(end.frames[-1], wanted, end)

    def assertEnded(self, end: End, *wanted: Any) -> None:
        """
        The handler was told of the end like this.
        """
        self.assertEqual(end.calls[-1], ("close", *wanted), end)


class EitherEndTests(PausingContract, EitherEndTestCase):
    """
    RFC 6455 §5 to §7, where both ends do the same.
    """

    def test_sending(self) -> None:
        """
        One frame in one write, of whatever length.
        """
        for end in self.ends():
            for size in (0, 125, 126, 65535, 65536):
                end.handler.sendMessage(b"x" * size, size % 2 == 0)
                opcode = BINARY if size % 2 == 0 else TEXT
                self.assertEqual(end.frames[-1], Frame(opcode, b"x" * size), end)
            self.assertEqual(len(end.writes), 5)

    def test_sendingAfterTheClose(self) -> None:
        """
        Is not done, and to close again is nothing; neither is it after the end.
        """
        for end in self.ends():
            end.handler.sendClose(1000)
            self.assertRaises(NotOpen, end.handler.sendMessage, b"x")
            end.handler.sendClose(1001)
            self.assertEqual(end.frames, [Frame(CLOSE, b"\x03\xe8")])
            end.drop()
            self.assertRaises(NotOpen, end.handler.sendMessage, b"x")

    def test_receiving(self) -> None:
        """
        Frames that are whole, cut, or in pieces of a message.
        """
        for end in self.ends():
            data = (
                end.frame(TEXT, b"one")
                + end.frame(BINARY, b"\xff", isFinal=False)
                + end.frame(PING, b"?")
                + end.frame(0, b"\xfe")
                + end.frame(TEXT)
            )
            end.arrive(data, *single(data))
            wanted = [("message", b"one", False), ("message", b"\xff\xfe", True)]
            self.assertEqual(end.calls, [*wanted, ("message", b"", False)] * 2, end)
            self.assertEqual(end.frames, [Frame(PONG, b"?")] * 2, end)

    def test_behindTheHandshake(self) -> None:
        """
        What came in its segment comes after onOpen.
        """
        for draft in HYBI:
            for name in (SERVER, CLIENT):
                end = End(name, draft, recorder())
                end.begin(rest=end.frame(TEXT, b"hi"))
                self.assertEqual(
                    end.handler.calls, [("connect",), ("open",), ("message", b"hi", False)], end
                )

    def test_maskedOrNot(self) -> None:
        """
        §5.1: a client's frames are masked, a server's are not; the contrary is 1002.
        """
        for end in self.ends():
            other = End(CLIENT if end.name == SERVER else SERVER, end.draft, end.kind)
            end.arrive(other.frame(TEXT, b"hi"))
            self.assertEqual(end.frames[-1].payload[:2], b"\x03\xea", end)
            self.assertEqual(end.calls, [])

    def test_bounds(self) -> None:
        """
        A frame of just the bound comes, one of a byte more is refused by its head; inflated
        bytes count, not those on the wire.
        """
        for options, what in (({"maxFrame": 100}, "frame"), ({"maxMessage": 100}, "message")):
            for end in self.ends(DEFLATE, **options):
                end.arrive(end.frame(TEXT, b"x" * 100))
                end.arrive(end.frame(TEXT, deflated(b"y" * 100), rsv=COMPRESSED))
                self.assertEqual([call[1][:1] for call in end.calls], [b"x", b"y"], end)
                end.arrive(end.frame(TEXT, b"x" * 101)[:-101])
                self.assertClosing(end, 1009, f"a {what} is longer than 100 bytes")
                end.drop()
                trouble = f"1009: a {what} is longer than 100 bytes"
                self.assertEnded(end, False, 1006, trouble)
            for end in self.ends(DEFLATE, **options):
                end.arrive(end.frame(TEXT, deflated(b"x" * 101), rsv=COMPRESSED))
                self.assertClosing(end, 1009, f"a {what} is longer than 100 bytes")
                # Nothing behind it could be read, a close neither.
                self.assertTrue(end.hasLeft, end)

    def test_controlFrameThatIsTooLong(self) -> None:
        """
        §5.5: is refused by its head, and the peer is left: none of it is kept.
        """
        for end in self.ends():
            end.arrive(end.frame(PING, b"x" * 126)[:4], b"x" * 1000)
            self.assertEqual(end.frames[-1].payload[:2], b"\x03\xea", end)
            self.assertTrue(end.hasLeft, end)

    def test_pauseReading(self) -> None:
        """
        Be it in the same segment, nothing is handed over, and silence is no reason to ping; from
        then on everything comes in order.
        """
        pause = {"message": lambda handler: handler.channel.pauseReading()}
        for end in self.ends(DEFLATE, pingInterval=10, pingTimeout=5, actions=pause):
            end.arrive(end.frame(TEXT, b"a") + end.frame(TEXT, deflated(b"b"), rsv=COMPRESSED))
            end.arrive(end.frame(TEXT, b"c"))
            for number in range(1, 4):
                self.assertEqual([call[1] for call in end.calls], [b"a", b"b", b"c"][:number])
                self.assertTrue(end.transport.paused)
                for _ in range(3):
                    end.clock.advance(10)
                self.assertEqual(end.frames, [])
                end.handler.channel.resumeReading()
                end.clock.advance(0)
            self.assertFalse(end.transport.paused)
            end.clock.advance(10)
            self.assertEqual(end.frames, [Frame(PING, b"")])

    def test_pauseAfterAPing(self) -> None:
        """
        An answer that isn't read is not missed.
        """
        for end in self.ends(pingInterval=10, pingTimeout=5):
            end.clock.advance(10)
            self.assertEqual(end.frames, [Frame(PING, b"")])
            end.handler.channel.pauseReading()
            end.clock.advance(5)
            end.handler.channel.resumeReading()
            self.assertFalse(end.hasLeft)
            end.clock.advance(10)
            self.assertEqual(end.frames, [Frame(PING, b"")] * 2)

    def test_keepalive(self) -> None:
        """
        §5.5.2: a silent peer is pinged, any byte of it is life, and without one the connection is
        aborted: nobody is there to read a close.
        """
        for end in self.ends(pingInterval=16, pingTimeout=8):
            end.clock.advance(15)
            end.arrive(end.frame(PONG)[:1])
            end.clock.advance(15)
            self.assertEqual(end.frames, [])
            end.clock.advance(1)
            self.assertEqual(end.frames, [Frame(PING, b"")])
            end.clock.advance(7)
            end.arrive(end.frame(PONG)[1:])
            end.clock.advance(16)
            self.assertEqual(end.frames, [Frame(PING, b"")] * 2)
            end.clock.advance(8)
            self.assertTrue(end.transport.aborted)
            end.clock.advance(0)
            self.assertEnded(end, False, 1006, f"the {end.peer} didn't answer a ping")

    def test_peersClose(self) -> None:
        """
        §5.5.1: is answered with its code and reason, which the handler gets; nothing behind it is
        read.
        """
        for end in self.ends():
            close = end.frame(CLOSE, b"\x0f\xa1bye")
            end.arrive(close + end.frame(TEXT, b"late"), end.frame(TEXT, b"later"))
            self.assertClosing(end, 4001, "bye")
            self.assertEqual(end.calls, [])
            # RFC 6455 §7.1.1: it is the server that ends TCP.
            self.assertEqual((end.hasLeft, end.transport.aborted), (end.name == SERVER, False))
            end.finish()
            self.assertEnded(end, True, 4001, "bye")

    def test_ourClose(self) -> None:
        """
        Is answered; what comes before the answer is not handed over.
        """
        for end in self.ends():
            end.handler.sendClose(3000, "why")
            self.assertClosing(end, 3000, "why")
            self.assertFalse(end.hasLeft)
            end.arrive(end.frame(TEXT, b"in flight") + end.frame(CLOSE, b"\x0b\xb8why"))
            self.assertEqual(end.calls, [])
            end.finish()
            self.assertEnded(end, True, 3000, "why")

    def test_tooLongWhileClosing(self) -> None:
        """
        The close is sent once; what comes then is measured all the same, and told.
        """
        for end in self.ends(maxMessage=10):
            end.handler.sendClose(1000)
            end.arrive(end.frame(TEXT, b"x" * 11))
            self.assertEqual(end.frames, [Frame(CLOSE, b"\x03\xe8")])
            end.drop()
            self.assertEnded(end, False, 1006, "1009: a message is longer than 10 bytes")

    def test_unanswered(self) -> None:
        """
        After the timeout TCP ends, after as long again it is cut off.
        """
        for end in self.ends(closeTimeout=2):
            end.handler.sendClose(1000)
            end.clock.advance(1.5)
            end.arrive(end.frame(PING))
            end.clock.advance(0.5)
            self.assertTrue(end.hasLeft)
            self.assertFalse(end.transport.aborted)
            end.clock.advance(2)
            self.assertTrue(end.transport.aborted)
            end.clock.advance(0)
            self.assertEnded(end, False, 1006, f"the {end.peer} didn't answer the close")

    def test_lost(self) -> None:
        """
        A FIN or a RST without a close isn't clean, and is told in the words of the other drafts.
        """
        for end in self.ends():
            end.finish()
            self.assertEnded(
                end, False, 1006, "the connection was lost: Connection was closed cleanly."
            )
        for end in self.ends():
            end.drop()
            self.assertTrue(end.calls[-1][3].startswith("the connection was lost: "))

    def test_producer(self) -> None:
        """
        Is let go of when TCP ends, not before: it would keep the transport open.
        """
        for end in self.ends(closeTimeout=2):
            producer = Produced()
            end.handler.registerProducer(producer, True)
            end.handler.sendClose(1000)
            self.assertIsNotNone(end.transport.producer)
            end.clock.advance(2)
            self.assertIsNone(end.transport.producer)


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
        client = connect(serve(kind, fragment=4), headers=OFFER)
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


class LimitTests(SynchronousTestCase):
    """
    Bounds of what is received.
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
                    client = connect(serve(recorder(), **options), headers=OFFER)
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
            client = connect(serve(kind, maxMessage=65536, maxFrame=65536), headers=OFFER)
            deflate = zlib.compressobj(-1, zlib.DEFLATED, -15, memory)
            data = (deflate.compress(noise) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
            self.assertGreater(len(data), len(noise))
            client.deliver(client.frame(BINARY, data, rsv=COMPRESSED))
            self.assertEqual(kind.made[0].calls[-1], ("message", noise, True))

    def test_finalBlocks(self) -> None:
        """
        RFC 7692 §7.2.3.4: its example, again and again.
        """
        client = connect(serve(), headers=OFFER)
        for _ in range(3):
            client.deliver(client.frame(TEXT, bytes.fromhex("f348cdc9c9070000"), rsv=COMPRESSED), 1)
            self.assertEqual(client.receive(), "Hello")

    def test_largestBound(self) -> None:
        """
        The largest bound that there is can be asked for.
        """
        top = (1 << 63) - 1
        client = connect(serve(maxMessage=top, maxFrame=top), headers=OFFER)
        client.deliver(client.frame(TEXT, deflated(b"Hello"), rsv=COMPRESSED))
        self.assertEqual(client.receive(), "Hello")

    def test_bomb(self) -> None:
        """
        A message that inflates without end costs no more memory than the bound allows.
        """
        bomb = deflated(b"\0" * (64 << 20))
        client = connect(serve(recorder(), maxMessage=65536), headers=OFFER)
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
        client = connect(serve(recorder()), headers=OFFER)
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
            client = connect(serve(recorder(), maxMessage=1000), headers=OFFER)
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
        client = connect(serve(kind, maxMessage=100), headers=OFFER)
        client.answersClose = False
        client.deliver(data, segment)
        client.drop()
        self.assertEqual([call[0] for call in kind.made[0].calls].count("close"), 1)
        self.assertEqual(client._clock.getDelayedCalls(), [])


class ClosingTests(SynchronousTestCase):
    """
    RFC 6455 §7.
    """

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
