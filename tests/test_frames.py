"""
RFC 6455's frames, as a client has them.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.errors import FrameError
from wsfallback.frames import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    Frame,
    FrameReader,
    closeOf,
    closePayload,
    frame,
)


class FrameTests(SynchronousTestCase):
    """
    §5.2.
    """

    def test_lengths(self) -> None:
        """
        In one, three and nine bytes, always masked, by zeros.
        """
        for size, head in (
            (0, b"\x81\x80"),
            (125, b"\x81\xfd"),
            (126, b"\x81\xfe\x00\x7e"),
            (65535, b"\x81\xfe\xff\xff"),
            (65536, b"\x81\xff" + b"\x00" * 5 + b"\x01\x00\x00"),
        ):
            payload = b"x" * size
            self.assertEqual(frame(TEXT, payload), head + b"\0\0\0\0" + payload)

    def test_closes(self) -> None:
        """
        §5.5.1: nothing, or a code and a reason.
        """
        self.assertEqual(closePayload(None, b"why"), b"")
        self.assertEqual(closePayload(1000, b"why"), b"\x03\xe8why")
        for payload, meant in (
            (b"", (None, None)),
            (b"\x03", (None, None)),
            (b"\x03\xe8", (1000, None)),
            (b"\x03\xe8\xff", (1000, "\ufffd")),
        ):
            self.assertEqual(closeOf(payload), meant)


class FrameReaderTests(SynchronousTestCase):
    """
    Frames of a server, which masks nothing.
    """

    #: §5.7 has the second and the third.
    WIRE = (
        b"\x01\x03Hel\x80\x02lo"
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        b"\x89\x00\x88\x02\x03\xe8"
        b"\x82\x7e\x01\x00" + b"\0" * 256 + b"\x82\x7f" + b"\0" * 5 + b"\x01\0\0" + b"x" * 65536
    )
    FRAMES = (
        Frame(TEXT, b"Hel", False),
        Frame(0, b"lo"),
        Frame(TEXT, b"Hello"),
        Frame(PING),
        Frame(CLOSE, b"\x03\xe8"),
        Frame(BINARY, b"\0" * 256),
        Frame(BINARY, b"x" * 65536),
    )

    def test_inAnySegmentation(self) -> None:
        """
        In one piece and in many.
        """
        for size in (1, 2, 7, len(self.WIRE)):
            reader = FrameReader(1 << 20)
            found = []
            for start in range(0, len(self.WIRE), size):
                found += reader.feed(self.WIRE[start : start + size])
            self.assertEqual(tuple(found), self.FRAMES)

    def test_bound(self) -> None:
        """
        Of what is kept; a frame that is whole may be larger.
        """
        reader = FrameReader(100)
        self.assertEqual(len(list(reader.feed(b"\x82\x7e\x03\xe8" + b"x" * 1000))), 1)
        self.assertEqual(list(reader.feed(b"\x82\x7e\x03\xe8" + b"x" * 96)), [])
        error = self.assertRaises(FrameError, list, reader.feed(b"x"))
        self.assertEqual(error.code, 1009)
