"""
The receiving half of permessage-deflate.
"""

import tracemalloc
import zlib

from autobahn.exception import PayloadCorruptError, PayloadExceededError
from autobahn.websocket.compress import PerMessageDeflate
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.inflate import MAX_FINAL_BLOCKS, Inflater

#: RFC 7692 §7.2.3.4: "Hello" in a final block, and the byte that goes with it.
FINAL = bytes.fromhex("f348cdc9c90700") + b"\0"


def inflater(room: int = 1 << 20, takesOver: bool = True) -> Inflater:
    """
    One with this much room, always.
    """
    return Inflater(15, takesOver, lambda: room)


def inflated(inflating: Inflater, *pieces: bytes) -> bytes:
    """
    A message that comes in pieces.
    """
    inflating.start_decompress_message()
    payload = b"".join(map(inflating.decompress_message_data, pieces))
    inflating.end_decompress_message()
    return payload


def deflated(deflate: "zlib._Compress", payload: bytes) -> bytes:
    """
    RFC 7692 §7.2.1.
    """
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


class InflaterTests(SynchronousTestCase):
    """
    RFC 7692 §7.2.2.
    """

    def test_examples(self) -> None:
        """
        §7.2.3.1 to §7.2.3.5: one block, a message that builds on the last, no compression, a
        final block, two blocks.
        """
        inflating = inflater()
        for example in (
            "f248cdc9c90700",
            "f200110000",
            "000500faff48656c6c6f00",
            "f348cdc9c9070000",
            "f24805000000ffffcac9c90700",
        ):
            self.assertEqual(inflated(inflating, bytes.fromhex(example)), b"Hello", example)

    def test_withoutTakeover(self) -> None:
        """
        Each message then begins anew, and one that builds on the last is corrupt.
        """
        inflating = inflater(takesOver=False)
        for _ in range(2):
            self.assertEqual(inflated(inflating, bytes.fromhex("f248cdc9c90700")), b"Hello")
        self.assertRaises(PayloadCorruptError, inflated, inflating, bytes.fromhex("f200110000"))

    def test_roomIsExact(self) -> None:
        """
        What fits comes, one byte more is refused.
        """
        for payload in (b"", b"x", b"x" * 1000, bytes(range(256)) * 1000):
            data = deflated(zlib.compressobj(wbits=-15), payload)
            self.assertEqual(inflated(inflater(len(payload)), data), payload)
            if payload:
                small = inflater(len(payload) - 1)
                self.assertRaises(PayloadExceededError, inflated, small, data)

    def test_noRoomAtAll(self) -> None:
        """
        Less than none is none.
        """
        self.assertRaises(PayloadExceededError, inflated, inflater(-5), FINAL)

    def test_bomb(self) -> None:
        """
        Memory is taken as it is needed, and up to the bound.
        """
        data = deflated(zlib.compressobj(wbits=-15), b"\0" * (64 << 20))
        tracemalloc.start()
        try:
            self.assertRaises(PayloadExceededError, inflated, inflater(1 << 16), data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 1 << 20)

    def test_finalBlocks(self) -> None:
        """
        After one the next message is read, whole or a byte at a time; their number has a bound.
        """
        inflating = inflater()
        for _ in range(3):
            self.assertEqual(inflated(inflating, FINAL), b"Hello")
            pieces = [FINAL[place : place + 1] for place in range(len(FINAL))]
            self.assertEqual(inflated(inflating, *pieces), b"Hello")
        empty = b"\x03\x00"
        self.assertEqual(inflated(inflating, empty * MAX_FINAL_BLOCKS), b"")
        self.assertRaises(PayloadCorruptError, inflated, inflating, empty * (MAX_FINAL_BLOCKS + 1))

    def test_nothingIsKept(self) -> None:
        """
        What follows a final block is not collected.
        """
        inflating = inflater()
        inflated(inflating, FINAL)
        tracemalloc.start()
        try:
            for _ in range(100):
                noise = bytes(range(256)) * 40
                inflated(inflating, deflated(zlib.compressobj(wbits=-15), noise))
                inflated(inflating, FINAL)
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(kept, 200_000)

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 40))
    def test_roundTrip(self, messages: list[bytes], size: int) -> None:
        """
        Any messages, each on top of the last, in pieces of any size.
        """
        deflate, inflating = zlib.compressobj(wbits=-15), inflater()
        for message in messages:
            data = deflated(deflate, message)
            pieces = [data[start : start + size] for start in range(0, len(data), size)]
            self.assertEqual(inflated(inflating, *pieces), message)

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=300))
    def test_anyBytes(self, data: bytes) -> None:
        """
        Nothing but the two errors comes of any bytes.
        """
        try:
            payload = inflated(inflater(1000), data)
        except (PayloadCorruptError, PayloadExceededError):
            return
        self.assertLessEqual(len(payload), 2000)  # room for this, and for the end

    def test_methodsOfAutobahns(self) -> None:
        """
        It has the methods that Autobahn's own has, and that Autobahn calls.
        """
        for name in dir(Inflater):
            if not name.startswith("_"):
                self.assertTrue(callable(getattr(PerMessageDeflate, name)), name)
