"""
The client's end of a connection of hybi-07 to RFC 6455.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from tests.ends import CLIENT, COMPRESSED, DEFLATE, HYBI, ClientContract, End, deflated, opened
from tests.segments import single
from wsfallback import AnswerError, NoDraftWorked, modern_client
from wsfallback.forwarding import MAX_HELD
from wsfallback.testing import CLOSE, TEXT


class OpeningTests(ClientContract, SynchronousTestCase):
    """
    RFC 6455 §4.1: the answer, and what is around it.
    """

    drafts = HYBI

    def test_oneRequest(self) -> None:
        """
        Ours. Autobahn's own request is never sent, nor any byte without being told.
        """
        for end in opened(HYBI, names=[CLIENT]):
            self.assertEqual(len(end.transport.writes), 1)
            self.assertTrue(end.transport.writes[0].startswith(b"GET /demo HTTP/1.1\r\n"))

    def test_answerInPieces(self) -> None:
        """
        With frames behind it, byte by byte.
        """
        for draft in HYBI:
            end = End(CLIENT, draft, recorder())
            end.ask()
            end.arrive(*single(end.answer() + end.frame(TEXT, b"one") + end.frame(TEXT, b"two")))
            self.assertEqual([call[1] for call in end.calls], [b"one", b"two"])

    def test_framesWhileTheHandlerIsTold(self) -> None:
        """
        Come after onOpen and in order, also from a transport that can't pause; up to a bound.
        """
        for draft in HYBI:
            told: Deferred[None] = Deferred()
            end = End(CLIENT, draft, recorder(connect=lambda _, told=told: told))
            two = end.frame(TEXT, b"two")
            end.begin(rest=end.frame(TEXT, b"one") + two[:1])
            end.transport.paused = False
            end.arrive(two[1:])
            self.assertEqual(end.handler.calls, [("connect",)])
            told.callback(None)
            self.assertEqual(end.handler.calls[1], ("open",))
            self.assertEqual([call[1] for call in end.calls], [b"one", b"two"])
            end = End(CLIENT, draft, recorder(connect=lambda _: Deferred()))
            end.begin()
            end.transport.paused = False
            end.arrive(b"\0" * MAX_HELD)
            self.assertFalse(end.transport.aborted)
            end.arrive(b"\0")
            self.assertTrue(end.transport.aborted)
            self.failureResultOf(end.connecting, NoDraftWorked)

    def test_extensions(self) -> None:
        """
        One that wasn't offered, or can't be, fails the attempt before a handler is made.
        """
        for extension, compress in (
            ("x-webkit-deflate-frame", True),
            ("permessage-deflate", False),
            ("permessage-deflate; server_max_window_bits=99", True),
            ("permessage-deflate, permessage-deflate", True),
        ):
            for draft in HYBI:
                end = End(CLIENT, draft, recorder(), compress=compress)
                end.begin(f"Sec-WebSocket-Extensions: {extension}")
                self.assertTrue(end.hasLeft)
                end.finish()
                error = self.failureResultOf(end.connecting, NoDraftWorked).value
                (attempt,) = error.attempts
                self.assertIsInstance(attempt.error, AnswerError)
                self.assertIn("impossible extension", str(attempt.error))
                self.assertEqual(end.kind.made, [])


class FrameTests(SynchronousTestCase):
    """
    RFC 6455 §5: a client's frames are masked.
    """

    def test_bytes(self) -> None:
        """
        Literally, with lengths of each form, and masks that come from the system's source of
        randomness, one for each frame.
        """
        masks = [bytes([at] * 4) for at in range(1, 7)]
        self.patch(modern_client.os, "urandom", lambda size: masks.pop(0)[:size])
        (end,) = opened(["rfc6455"], names=[CLIENT])
        for size in (0, 1, 125, 126, 65535, 65536):
            end.handler.sendMessage(b"x" * size)
        for write, size, head in zip(
            end.writes,
            (0, 1, 125, 126, 65535, 65536),
            (
                b"\x81\x80\x01\x01\x01\x01",
                b"\x81\x81\x02\x02\x02\x02",
                b"\x81\xfd\x03\x03\x03\x03",
                b"\x81\xfe\x00\x7e\x04\x04\x04\x04",
                b"\x81\xfe\xff\xff\x05\x05\x05\x05",
                b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00\x06\x06\x06\x06",
            ),
            strict=True,
        ):
            self.assertEqual(write, head + bytes([ord("x") ^ head[-1]] * size))

    def test_deflated(self) -> None:
        """
        RFC 7692: both ways, where the server has agreed; what is received has our bound.
        """
        for end in opened(HYBI, DEFLATE, names=[CLIENT], maxMessage=1000):
            end.handler.sendMessage(b"x" * 1000)
            (frame,) = end.frames
            self.assertEqual((frame.opcode, frame.rsv), (TEXT, COMPRESSED))
            self.assertLess(len(frame.payload), 30)
            end.arrive(end.frame(TEXT, deflated(b"y" * 1000), rsv=COMPRESSED))
            self.assertEqual(end.calls, [("message", b"y" * 1000, False)])
            end.arrive(end.frame(TEXT, deflated(b"y" * 1001), rsv=COMPRESSED))
            self.assertEqual(end.frames[-1].payload[:2], b"\x03\xf1")

    def test_notDeflated(self) -> None:
        """
        Where the server has not agreed.
        """
        for end in opened(HYBI, names=[CLIENT]):
            end.handler.sendMessage(b"x" * 1000)
            self.assertEqual((end.frames[0].rsv, end.frames[0].payload), (0, b"x" * 1000))
            end.arrive(end.frame(TEXT, deflated(b"x"), rsv=COMPRESSED))
            self.assertEqual(end.frames[-1].payload[:2], b"\x03\xea")


class ClosingTests(SynchronousTestCase):
    """
    RFC 6455 §7.1.1: the server ends TCP, and the client waits for that for a while only.
    """

    def ending(self, end: End, *wanted: Any) -> None:
        """
        It ends TCP after the timeout, cuts it off after as long again, and the handler hears this.
        """
        end.clock.advance(1.5)
        self.assertFalse(end.hasLeft)
        end.clock.advance(0.5)
        self.assertEqual((end.hasLeft, end.transport.aborted), (True, False))
        end.clock.advance(2)
        self.assertTrue(end.transport.aborted)
        end.clock.advance(0)
        self.assertEqual(end.calls, [("close", *wanted)])

    def test_serverThatKeepsTCP(self) -> None:
        """
        After both halves of the closing handshake it was clean, whoever began.
        """
        for end in opened(HYBI, names=[CLIENT], closeTimeout=2):
            end.handler.sendClose(1000)
            end.arrive(end.frame(CLOSE, b"\x03\xe8"))
            self.ending(end, True, 1000, None)
        for end in opened(HYBI, names=[CLIENT], closeTimeout=2):
            end.arrive(end.frame(CLOSE, b"\x03\xe8"))
            self.ending(end, True, 1000, None)

    def test_serverThatDoesNotAnswer(self) -> None:
        """
        Was not.
        """
        for end in opened(HYBI, names=[CLIENT], closeTimeout=2):
            end.handler.sendClose(1000)
            self.ending(end, False, 1006, "the server didn't answer the close")
