"""
The client's end of a hixie connection.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from tests.ends import CLIENT, HIXIE, ClientContract, End, opened
from tests.segments import single
from wsfallback.forwarding import MAX_HELD


class HixieClientTests(ClientContract, SynchronousTestCase):
    """
    hixie-76 §4.1 and after: what differs from the server's end.
    """

    drafts = HIXIE

    def test_ownFrames(self) -> None:
        """
        Are the server's own, and nothing is sent by itself.
        """
        for end in opened(HIXIE, names=[CLIENT]):
            self.assertEqual(end.written, b"")
            end.handler.sendMessage(b"hi")
            self.assertEqual(end.written, b"\x00hi\xff")

    def test_answerInPieces(self) -> None:
        """
        With frames behind it, byte by byte.
        """
        for draft in HIXIE:
            end = End(CLIENT, draft, recorder())
            end.ask()
            end.arrive(*single(end.answer() + b"\x00one\xff\x00two\xff"))
            self.assertEqual([call[1] for call in end.calls], [b"one", b"two"])

    def test_framesWhileTheHandlerIsTold(self) -> None:
        """
        Come after onOpen and in order, also from a transport that can't pause.
        """
        for draft in HIXIE:
            told: Deferred[None] = Deferred()
            end = End(CLIENT, draft, recorder(connect=lambda _, told=told: told))
            end.begin(rest=b"\x00one\xff\x00t")
            end.transport.paused = False
            end.arrive(b"wo\xff", b"\x00three\xff")
            self.assertEqual(end.handler.calls, [("connect",)])
            told.callback(None)
            self.assertEqual(end.handler.calls[1], ("open",))
            self.assertEqual([call[1] for call in end.calls], [b"one", b"two", b"three"])
            end.arrive(b"\x00four\xff")
            self.assertEqual(end.calls[-1], ("message", b"four", False))

    def test_afterItHasLeft(self) -> None:
        """
        Nothing is read, nor kept, nor asked for a reason to leave again.
        """
        for end in opened(HIXIE, names=[CLIENT], maxMessage=10):
            end.arrive(b"\x00" + b"x" * 11)
            self.assertTrue(end.hasLeft)
            written = end.written
            end.arrive(b"\x00late\xff", b"\0" * (MAX_HELD + 1))
            self.assertEqual((end.calls, end.written), ([], written))

    def test_invalidText(self) -> None:
        """
        A server's is replaced unless told otherwise, as §5.3 has it for clients.
        """
        wanted: tuple[tuple[dict[str, Any], list[Any]], ...] = (
            ({}, [("message", "\ufffd".encode(), False)]),
            ({"invalidText": "close"}, []),
        )
        for options, calls in wanted:
            for draft in HIXIE:
                end = End(CLIENT, draft, recorder())
                end.ask(**options)
                end.arrive(end.answer() + b"\0\xc3\xff")
                self.assertEqual(end.calls, calls)
