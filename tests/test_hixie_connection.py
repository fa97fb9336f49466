"""
What is done with a hixie connection once it is open, at either end.
"""

from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.contract import Produced, recorder
from tests.ends import CLIENT, HIXIE, SERVER, End, PausingContract, opened
from tests.segments import single
from wsfallback import IFrameHandler, NotOpen, NotText, UnsupportedByDraft
from wsfallback.forwarding import MAX_HELD


class ConnectionTestCase(SynchronousTestCase):
    """
    What the tests of both ends say.
    """

    def ends(self, *drafts: str, **options: Any) -> Iterator[End]:
        """
        Open connections, both ends on these drafts, or on both; nothing is left of them.
        """
        for end in opened(drafts or HIXIE, **options):
            yield end
            if end.transport.connected:
                end.drop()
            self.assertEqual(end.clock.getDelayedCalls(), [], end)
            self.assertEqual([call[0] for call in end.calls].count("close"), 1, end)

    def assertLeft(self, end: End, written: bytes) -> None:
        """
        We have ended TCP, after having written just this.
        """
        self.assertTrue(end.hasLeft, end)
        self.assertEqual(end.written, written, end)

    def assertFailed(self, end: End, trouble: str) -> None:
        """
        The handler was told that the connection failed, in these words.
        """
        self.assertEqual(end.calls[-1], ("close", False, 1006, trouble), end)

    def assertClean(self, end: End) -> None:
        """
        The handler was told of a clean end.
        """
        self.assertEqual(end.calls[-1], ("close", True, 1005, None), end)


class SendingTests(ConnectionTestCase):
    """
    draft-hixie-76 §5.3: text between ``00`` and ``FF``.
    """

    def test_text(self) -> None:
        """
        One frame in one write, whatever its length.
        """
        for end in self.ends():
            for text in ("", "hi", "\u2713" * 40000):
                end.handler.sendMessage(text.encode())
                self.assertEqual(end.writes[-1], b"\x00" + text.encode() + b"\xff", end)
            self.assertEqual(len(end.writes), 3)

    def test_binary(self) -> None:
        """
        The channel says beforehand what it can't carry, and raises; nothing is sent.
        """
        for end in self.ends():
            self.assertFalse(end.handler.draft.binary)
            self.assertRaises(UnsupportedByDraft, end.handler.sendMessage, b"x", True)
            self.assertEqual(end.written, b"")
            self.assertFalse(end.hasLeft)

    def test_textThatIsNone(self) -> None:
        """
        ``FF`` would end the frame and speak for us: nothing is sent.
        """
        for end in self.ends():
            self.assertRaises(NotText, end.handler.sendMessage, b"a\xff\x00evil")
            self.assertEqual(end.written, b"")

    def test_afterOurClose(self) -> None:
        """
        And after the end nothing is sent.
        """
        for end in self.ends():
            end.handler.sendClose()
            written = end.written
            self.assertRaises(NotOpen, end.handler.sendMessage, b"x")
            end.finish()
            self.assertRaises(NotOpen, end.handler.sendMessage, b"x")
            self.assertEqual(end.written, written)


class ReceivingTests(ConnectionTestCase):
    """
    draft-hixie-76 §5.3 as it is read.
    """

    def test_messages(self) -> None:
        """
        Each once and in order, whole and byte by byte.
        """
        data = b"\x00one\xff\x00\xff\x00\xe2\x9c\x93\xff"
        for cut in ([data], single(data)):
            for end in self.ends():
                end.arrive(*cut)
                self.assertEqual([call[1] for call in end.calls], [b"one", b"", b"\xe2\x9c\x93"])

    def test_behindTheHandshake(self) -> None:
        """
        What came in its segment comes after onOpen.
        """
        for name in (SERVER, CLIENT):
            for draft in HIXIE:
                end = End(name, draft, recorder())
                end.begin(rest=b"\x00hi\xff\x00half")
                self.assertEqual(
                    end.handler.calls, [("connect",), ("open",), ("message", b"hi", False)], end
                )
                end.arrive(b"\xff")
                self.assertEqual(end.calls[-1], ("message", b"half", False), end)

    def test_frames(self) -> None:
        """
        Handed over one by one, a message is one: it is final.
        """
        for draft in HIXIE:
            for name in (SERVER, CLIENT):
                frames = []

                @implementer(IFrameHandler)
                class Frames(recorder()):  # type: ignore[misc]
                    def onFrame(self, *frame: Any, frames: list[Any] = frames) -> None:
                        frames.append(frame)

                end = End(name, draft, Frames, frames=True)
                end.begin()
                end.arrive(b"\x00one\xff\x00\xff")
                self.assertEqual(frames, [(b"one", False, True), (b"", False, True)], end)

    def test_skippedFrames(self) -> None:
        """
        Length-prefixed frames are read over, up to a bound for the connection.
        """
        for end in self.ends(maxSkipped=10):
            end.arrive(b"\x80\x05\x00\xff\x00\xff\x00" + b"\x00one\xff" + b"\x80\x05abcde")
            end.arrive(b"\x00two\xff")
            self.assertEqual([call[1] for call in end.calls], [b"one", b"two"])
            end.arrive(b"\x80\x01")
            self.assertTrue(end.hasLeft)

    def test_boundOfAMessage(self) -> None:
        """
        The lower one of ``maxMessage`` and ``maxFrame``: a message is one frame. One without an
        end is refused when it is too long, not when it ends.
        """
        for limits in ({"maxMessage": 10}, {"maxFrame": 10}, {"maxMessage": 10, "maxFrame": 11}):
            for end in self.ends(**limits):
                end.arrive(b"\x00" + b"x" * 10 + b"\xff\x00" + b"x" * 10)
                self.assertEqual(end.calls, [("message", b"x" * 10, False)])
                self.assertFalse(end.hasLeft)
                end.arrive(b"x")
                self.assertTrue(end.hasLeft)

    def test_invalidText(self) -> None:
        """
        Closes the connection, or has U+FFFD where it is wrong.
        """
        for end in self.ends():
            end.arrive(b"\x00good\xff\x00a\xc3\x28\xff\x00late\xff")
            self.assertEqual(end.calls, [("message", b"good", False)])
            self.assertLeft(end, b"" if end.draft == "hixie-75" else b"\xff\x00")
        for end in self.ends(invalidText="replace"):
            end.arrive(b"\x00a\xc3\x28\xff")
            self.assertEqual(end.calls, [("message", "a\ufffd(".encode(), False)])

    def test_afterAFailure(self) -> None:
        """
        Nothing more is read, nor kept; what the peer does is no longer of interest.
        """
        for end in self.ends(maxMessage=10):
            end.arrive(b"\x00" + b"x" * 11, b"more\xff\x00late\xff\xff\x00")
            end.arrive(b"\0" * (MAX_HELD + 1))
            self.assertEqual(end.calls, [])
            end.finish()
            self.assertEqual(len(end.calls), 1)
            self.assertFailed(end, "a text frame is longer than 10 bytes")


class PausingTests(PausingContract, ConnectionTestCase):
    """
    The application reads no more.
    """

    def test_pauseReading(self) -> None:
        """
        Be it in the same segment, nothing is handed over, and silence is no reason to close; from
        then on everything comes in order.
        """
        pause = {"message": lambda handler: handler.channel.pauseReading()}
        for end in self.ends(idleTimeout=10, actions=pause):
            end.arrive(b"\x00a\xff\x00b\xff\x00c", b"\xff\x00d\xff")
            for number in range(1, 5):
                self.assertEqual([call[1] for call in end.calls], [b"a", b"b", b"c", b"d"][:number])
                self.assertTrue(end.transport.paused)
                for _ in range(3):
                    end.clock.advance(10)
                self.assertFalse(end.hasLeft)
                end.handler.channel.resumeReading()
                end.clock.advance(0)
            self.assertFalse(end.transport.paused)
            end.clock.advance(9.75)
            self.assertFalse(end.hasLeft)
            self.assertEqual(end.written, b"")
            end.clock.advance(0.25)
            self.assertRaises(NotOpen, end.handler.sendMessage, b"x")


class PeersCloseTests(ConnectionTestCase):
    """
    draft-hixie-76 §5.4 as the peer begins it, and what peers really do.
    """

    def test_close(self) -> None:
        """
        ``FF 00`` is answered with ``FF 00``, and TCP ended at once; a peer that doesn't let it
        end is cut off, and it was clean all the same.
        """
        for end in self.ends("hixie-76"):
            end.arrive(b"\xff\x00")
            self.assertLeft(end, b"\xff\x00")
            end.clock.advance(1.9)
            self.assertFalse(end.transport.aborted)
            self.assertEqual(end.calls, [])
            end.clock.advance(0.1)
            self.assertTrue(end.transport.aborted)
            end.clock.advance(0)
            self.assertClean(end)

    def test_behindTheClose(self) -> None:
        """
        Whatever comes there is dropped.
        """
        for end in self.ends("hixie-76"):
            end.arrive(b"\x00last\xff\xff\x00\x00late\xff", b"\x00later\xff")
            self.assertEqual(end.calls, [("message", b"last", False)])
            self.assertRaises(NotOpen, end.handler.sendMessage, b"x")
            end.handler.sendClose()
            self.assertLeft(end, b"\xff\x00")

    def test_hixie75HasNone(self) -> None:
        """
        There ``FF 00`` is an empty frame to be skipped.
        """
        for end in self.ends("hixie-75"):
            end.arrive(b"\xff\x00\x00more\xff")
            self.assertFalse(end.hasLeft)
            self.assertEqual(end.calls, [("message", b"more", False)])

    def test_endOfTCP(self) -> None:
        """
        WebKits before 2011 close so: between two frames it is clean, within one it isn't.
        """
        for end in self.ends():
            end.arrive(b"\x00one\xff")
            end.finish()
            self.assertClean(end)
        for half in (b"\x00o", b"\x80", b"\x80\x05a"):
            for end in self.ends():
                end.arrive(half)
                end.finish()
                self.assertFailed(end, "the connection was lost: Connection was closed cleanly.")

    def test_reset(self) -> None:
        """
        Is never clean, but after the peer's close.
        """
        for end in self.ends():
            end.drop()
            self.assertEqual(end.calls[-1][:3], ("close", False, 1006))
            self.assertTrue(end.calls[-1][3].startswith("the connection was lost: "))
        for end in self.ends("hixie-76"):
            end.arrive(b"\xff\x00")
            end.drop()
            self.assertClean(end)


class OurCloseTests(ConnectionTestCase):
    """
    draft-hixie-76 §5.4 as we begin it.
    """

    def test_answered(self) -> None:
        """
        Our half is sent, the peer's awaited, and then TCP ends; code and reason stay here.
        """
        for end in self.ends("hixie-76"):
            end.handler.sendClose(1000, "bye")
            self.assertEqual((end.written, end.hasLeft), (b"\xff\x00", False))
            end.arrive(b"\xff\x00")
            self.assertLeft(end, b"\xff\x00")
            end.finish()
            self.assertClean(end)

    def test_hixie75HasNone(self) -> None:
        """
        There TCP ends, and that is all.
        """
        for end in self.ends("hixie-75"):
            end.handler.sendClose(1000, "bye")
            self.assertLeft(end, b"")
            end.finish()
            self.assertClean(end)

    def test_inOnOpen(self) -> None:
        """
        What came with the handshake is not handed over any more.
        """
        for name in (SERVER, CLIENT):
            for draft in HIXIE:
                end = End(name, draft, recorder(open=lambda handler: handler.sendClose()))
                end.begin(rest=b"\x00late\xff")
                self.assertEqual(end.hasLeft, draft == "hixie-75", end)
                end.finish()
                self.assertEqual(
                    [call[0] for call in end.handler.calls], ["connect", "open", "close"]
                )
                self.assertClean(end)

    def test_answeredByTheEnd(self) -> None:
        """
        A FIN is an answer, too, and a clean one.
        """
        for end in self.ends():
            end.handler.sendClose()
            end.finish()
            self.assertClean(end)

    def test_answeredByAReset(self) -> None:
        """
        Is not clean: what was sent may not have come.
        """
        for end in self.ends():
            end.handler.sendClose()
            end.drop()
            self.assertEqual(end.calls[-1][:3], ("close", False, 1006))

    def test_crossing(self) -> None:
        """
        Both may begin at once: each side sends ``FF 00`` once, and no message is handed over.
        """
        for end in self.ends("hixie-76"):
            end.handler.sendClose()
            end.handler.sendClose()
            end.arrive(b"\x00in flight\xff\xff\x00")
            self.assertLeft(end, b"\xff\x00")
            self.assertEqual(end.calls, [])
            end.finish()
            self.assertClean(end)

    def test_unanswered(self) -> None:
        """
        After the timeout TCP ends, after as long again it is cut off. Bytes of the peer's don't
        start it again.
        """
        for end in self.ends("hixie-76", closeTimeout=2):
            end.handler.sendClose()
            end.clock.advance(1.5)
            end.arrive(b"\x00chatter\xff")
            end.clock.advance(0.4)
            self.assertFalse(end.hasLeft)
            end.clock.advance(0.1)
            self.assertLeft(end, b"\xff\x00")
            self.assertFalse(end.transport.aborted)
            end.clock.advance(2)
            self.assertTrue(end.transport.aborted)
            end.clock.advance(0)
            self.assertFailed(end, f"the {end.peer} didn't answer the close")

    def test_peerThatKeepsTCP(self) -> None:
        """
        hixie-75 has no close to wait for: it is cut off after one timeout, and not cleanly.
        """
        for end in self.ends("hixie-75", closeTimeout=2):
            end.handler.sendClose()
            end.clock.advance(2)
            self.assertTrue(end.transport.aborted)
            end.clock.advance(0)
            self.assertFailed(end, f"the {end.peer} didn't let the connection end")

    def test_nonsense(self) -> None:
        """
        A peer that breaks the framing while it should close is left.
        """
        for end in self.ends("hixie-76", maxMessage=10):
            end.handler.sendClose()
            end.arrive(b"\x00" + b"x" * 11)
            self.assertLeft(end, b"\xff\x00")

    def test_producer(self) -> None:
        """
        Is let go of when TCP ends, not before: it would keep the transport open.
        """
        for end in self.ends("hixie-76"):
            producer = Produced()
            end.handler.registerProducer(producer, True)
            end.handler.sendClose()
            self.assertIsNotNone(end.transport.producer)
            end.arrive(b"\xff\x00")
            self.assertIsNone(end.transport.producer)


class SilenceTests(ConnectionTestCase):
    """
    These drafts have no ping.
    """

    def test_silence(self) -> None:
        """
        A peer that says nothing for the idle timeout is closed; each byte counts.
        """
        for end in self.ends(idleTimeout=60):
            for byte in single(b"\x00hi\xff"):
                end.clock.advance(59)
                end.arrive(byte)
            end.clock.advance(59)
            self.assertFalse(end.hasLeft)
            self.assertEqual(end.written, b"")
            end.clock.advance(1)
            self.assertEqual(end.written, b"" if end.draft == "hixie-75" else b"\xff\x00")
            end.finish()
            self.assertFailed(end, "nothing was heard for 60 s")
