"""
draft-hixie-76: the challenge and the closing handshake.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

# The module and not its classes: imported by name they would run here once more.
from tests.drafts import test_hixie75
from tests.drafts.test_hixie75 import CUTS, STREAMS, run
from tests.segments import single
from wsfallback.drafts.hixie76 import MAX_KEY, Framing, Opening, number
from wsfallback.errors import HandshakeError
from wsfallback.events import Closing, Skipped, Text
from wsfallback.request import Request, RequestReader

#: key1, key2, key3, digest: the draft's three examples, the hybi list's, and a Safari 5.1.2's.
EXAMPLES = (
    (b"4 @1  46546xW%0l 1 5", b"12998 5 Y3 1  .P00", b"^n:ds[4U", b"8jKS'y:G*Co,Wxa-"),
    (
        b"18x 6]8vM;54 *(5:  {   U1]8  z [  8",
        b"1_ tx7X d  <  nw  334J702) 7]o}` 0",
        b"Tm[K T2u",
        b"fQJ,fN/4F4!~K~MH",
    ),
    (
        b"P388 O503D&ul7 {K%gX( %7  15",
        b"1 N ?|k UT0or 3o  4 I97N 5-S3O 31",
        bytes.fromhex("4730222D5A3F4758"),
        b"0st3Rl&q-2ZU^weu",
    ),
    (
        b"3e6b263  4 17 80",
        b"17  9 G`ZD9   2 2b 7X 3 /r90",
        b"WjN}|M(6",
        b"n`9eBk9z$R8pOtVb",
    ),
    (
        b"23 1 +V2 61z9 5 P[t B|34vE",
        b"2  33 0w{z 55679 0",
        bytes.fromhex("8D07195BF934C649"),
        bytes.fromhex("1feb892fcffe2ddae1e09e9f04c7003c"),
    ),
)


def opened(
    *fields: tuple[bytes, bytes],
    key1: bytes = EXAMPLES[0][0],
    key2: bytes = EXAMPLES[0][1],
    isSecure: bool = False,
) -> Opening:
    """
    An opening handshake with these keys.
    """
    base = (
        (b"host", b" Example.com"),
        (b"origin", b" HTTP://Example.com"),
        (b"sec-websocket-key1", b" " + key1),
        (b"sec-websocket-key2", b" " + key2),
    )
    return Opening(Request(b"GET", b"/demo", b"HTTP/1.1", (*base, *fields)), isSecure)


def reference(key: bytes) -> int | None:
    """
    §5.2 steps 4-6, a byte at a time; `None` to abort.
    """
    value = digits = spaces = 0
    for byte in key:
        if byte == 0x20:
            spaces += 1
        elif 0x30 <= byte <= 0x39:
            digits += 1
            value = value * 10 + byte - 0x30
    if not digits or not spaces or value % spaces or value // spaces >= 2**32:
        return None
    return value // spaces


def outcome(key: bytes) -> int | None:
    """
    Our number; `None` if the key is refused with 400, less than 0 for any other status.
    """
    try:
        return number(key)
    except HandshakeError as error:
        return None if error.status == 400 else -error.status


class NumberTests(SynchronousTestCase):
    """
    draft-hixie-76 §5.2 steps 4-6: the number in a key.
    """

    def assertRefused(self, key: bytes, sentence: str) -> None:
        """
        400 with this reason.
        """
        error = self.assertRaises(HandshakeError, number, key)
        self.assertEqual((error.status, error.sentence), (400, sentence), key)

    def test_examples(self) -> None:
        """
        The numbers that the draft works out.
        """
        self.assertEqual(number(b"18x 6]8vM;54 *(5:  {   U1]8  z [  8"), 155712099)
        self.assertEqual(number(b"1_ tx7X d  <  nw  334J702) 7]o}` 0"), 173347027)

    def test_zero(self) -> None:
        """
        Zero is a number.
        """
        self.assertEqual(number(b"0 x"), 0)
        self.assertEqual(number(b" 000 "), 0)

    def test_noDigits(self) -> None:
        """
        em-websocket takes none for zero; the draft has no number there.
        """
        self.assertRefused(b"a b", "A key has no digits")
        self.assertRefused(b"", "A key has no digits")
        self.assertRefused("٣ ٤".encode(), "A key has no digits")
        self.assertRefused(b"\xb2 \xb3", "A key has no digits")

    def test_noSpaces(self) -> None:
        """
        §5.2 step 5: the symptom of a cross-protocol attack. Only 0x20 is a space.
        """
        self.assertRefused(b"123456x", "A key has no spaces")
        for other in (b"\t", b"\xa0", b"\x0b", b"\x85", b"\r", b"\n"):
            self.assertRefused(b"1" + other + b"2", "A key has no spaces")

    def test_noMultiple(self) -> None:
        """
        §5.2 step 6.
        """
        self.assertRefused(b"1 0 01x", "A key's number is not a multiple of its spaces")
        self.assertEqual(number(b"1 0 02x"), 501)

    def test_32bits(self) -> None:
        """
        2^32-1 is the last.
        """
        self.assertEqual(number(b"4294967295 ~"), 0xFFFFFFFF)
        self.assertEqual(number(b"8589934590  ~"), 0xFFFFFFFF)
        self.assertRefused(b"4294967296 ~", "A key's number is over 32 bits")
        self.assertRefused(b"8589934592  ~", "A key's number is over 32 bits")

    def test_leadingAndTrailingSpaces(self) -> None:
        """
        Every space counts, wherever it is.
        """
        self.assertEqual(number(b" 1 2 "), 4)

    def test_length(self) -> None:
        """
        256 bytes, so that nobody's digits take long to read.
        """
        self.assertEqual(number(b"7 ".ljust(MAX_KEY, b"x")), 7)
        self.assertRefused(b"7 ".ljust(MAX_KEY + 1, b"x"), "A key is too long")

    def test_hugeNumbers(self) -> None:
        """
        As many digits as a head can have.
        """
        self.assertEqual(number(b"0" * (MAX_KEY - 2) + b"7 "), 7)
        self.assertRefused(b"9" * (MAX_KEY - 1) + b" ", "A key's number is over 32 bits")
        self.assertRefused(b"9" * 8000 + b" ", "A key is too long")

    @settings(max_examples=200, deadline=None)
    @given(
        st.binary(max_size=MAX_KEY)
        | st.from_regex(rb"[0-9 !-~]{1,40}", fullmatch=True)
        | st.from_regex(rb"[0-9]{1,200} {1,12}", fullmatch=True)
        | st.builds(
            lambda quotient, spaces: b"%d" % (quotient * spaces) + b" " * spaces,
            st.integers(0, 2**32 + 10) | st.integers(2**32 - 2, 2**32 + 2),
            st.integers(1, 12),
        )
    )
    def test_reference(self, key: bytes) -> None:
        """
        Any bytes: as the draft reads them, one by one.
        """
        self.assertEqual(outcome(key), reference(key))

    @settings(max_examples=200, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.data())
    def test_clientsKeys(self, secret: int, spaces: int, data: st.DataObject) -> None:
        """
        §4.1: what a client hides in a key is found in it.
        """
        key = list(b"%d" % (secret * spaces))
        noise = data.draw(
            st.lists(st.sampled_from(b"!\"#$%&'()*+,-./:;<=>?@AZ[]az{|}~"), max_size=12)
        )
        for byte in [*noise, *b" " * spaces]:
            key.insert(data.draw(st.integers(0, len(key))), byte)
        self.assertEqual(number(bytes(key)), secret)


class Hixie76OpeningTests(SynchronousTestCase):
    """
    draft-hixie-76 §5.1, §5.2: the server's half of the opening handshake.
    """

    def test_answer(self) -> None:
        """
        §5.2 step 10: the origin as it was sent.
        """
        self.assertEqual(
            opened().head(None, ()),
            b"HTTP/1.1 101 WebSocket Protocol Handshake\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Sec-WebSocket-Origin: HTTP://Example.com\r\n"
            b"Sec-WebSocket-Location: ws://Example.com/demo\r\n"
            b"\r\n",
        )

    def test_theWholeOfIt(self) -> None:
        """
        TLS, a subprotocol, and the application's fields.
        """
        opening = opened((b"sec-websocket-protocol", b"sample"), isSecure=True)
        self.assertEqual(opening.protocols, ["sample"])
        self.assertEqual(
            opening.head("sample", (("Set-Cookie", "a=b"),)).split(b"\r\n")[3:],
            [
                b"Sec-WebSocket-Origin: HTTP://Example.com",
                b"Sec-WebSocket-Location: wss://Example.com/demo",
                b"Sec-WebSocket-Protocol: sample",
                b"Set-Cookie: a=b",
                b"",
                b"",
            ],
        )

    def test_protocolField(self) -> None:
        """
        hixie-75's field is not this draft's, and there is one of its own.
        """
        self.assertEqual(opened((b"websocket-protocol", b"chat")).protocols, [])
        fields = ((b"sec-websocket-protocol", b"a"), (b"sec-websocket-protocol", b"b"))
        self.assertEqual(self.assertRaises(HandshakeError, opened, *fields).status, 400)

    def test_digests(self) -> None:
        """
        The answers of the draft's examples, and of one that a browser sent.
        """
        for key1, key2, key3, digest in EXAMPLES:
            self.assertEqual(opened(key1=key1, key2=key2).answer(key3), digest)

    def test_bodySize(self) -> None:
        """
        key3 is 8 bytes, of any values.
        """
        self.assertEqual(Opening.bodySize, 8)
        self.assertEqual(
            opened(key1=b"!1 0 0.", key2=b"4294967295 ~").answer(bytes(8)),
            bytes.fromhex("f338e9fb74e91520a8b2808617ebab36"),
        )
        self.assertNotEqual(opened().answer(b"\0\r\n\r\n\xff\0\xff"), opened().answer(bytes(8)))

    def test_badKeys(self) -> None:
        """
        Either of them is refused before anything is answered.
        """
        for key in (b"", b"1x", b"a b", b"3  ", b"4294967296 "):
            for name in ("key1", "key2"):
                error = self.assertRaises(HandshakeError, opened, **{name: key})
                self.assertEqual(error.status, 400)

    def test_missingKey(self) -> None:
        """
        So is a request without them.
        """
        request = Request(b"GET", b"/", b"HTTP/1.1", ((b"host", b"a"),))
        self.assertEqual(self.assertRaises(HandshakeError, Opening, request, False).status, 400)

    def test_spacesAreExact(self) -> None:
        """
        One space belongs to the colon, each other one to the key, the last ones too.
        """
        for field, digest in ((b" 12 ", 12), (b"12 ", 12), (b"  12 ", 6), (b" 12  ", 6)):
            reader = RequestReader(1024)
            request = reader.feed(
                b"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key1:%s\r\n"
                b"Sec-WebSocket-Key2: %d \r\n\r\n" % (field, digest)
            )
            assert request is not None
            same = opened(key1=b"%d " % digest, key2=b"%d " % digest)
            self.assertEqual(Opening(request, False).answer(bytes(8)), same.answer(bytes(8)))


class Hixie76FramingTestCase(test_hixie75.FramingTestCase):
    """
    The tests of framings, on this one.
    """

    def framing(
        self, maxMessage: int = 64, maxSkipped: int = 64, replaceInvalid: bool = False
    ) -> Framing:
        """
        The one that is tested.
        """
        return Framing(maxMessage, maxSkipped, replaceInvalid)


class Hixie76ClosingTests(Hixie76FramingTestCase):
    """
    draft-hixie-76 §5.3, §5.4: the closing handshake.
    """

    def test_close(self) -> None:
        """
        ``FF 00``, in however many bytes the 0 is written.
        """
        for data in (b"\xff\x00", b"\xff\x80\x00", b"\xff\x80\x80\x80\x00"):
            self.assertYields(data, Closing())

    def test_afterMessages(self) -> None:
        """
        In the order of the stream.
        """
        self.assertYields(b"\x00Hi\xff\x80\x00\xff\x00", Text(b"Hi"), Skipped(0x80, 0), Closing())

    def test_nothingAfterIt(self) -> None:
        """
        What follows is discarded, and breaks nothing.
        """
        for data in (
            b"\xff\x00\xff\x00",
            b"\xff\x00\x00a\xff",
            b"\xff\x00\x00\xfe\xff" + b"a" * 99,
        ):
            for pieces in ([data], single(data)):
                self.assertEqual(run(self.framing(), pieces), ([Closing()], None))

    def test_noClose(self) -> None:
        """
        FF with a length is a frame to skip, and so is another type without one.
        """
        self.assertYields(b"\xff\x02ab", Skipped(0xFF, 2))
        self.assertYields(b"\xff\x01\x00", Skipped(0xFF, 1))
        self.assertYields(b"\xfe\x00", Skipped(0xFE, 0))
        self.assertYields(b"\x80\x00", Skipped(0x80, 0))

    def test_inOtherFrames(self) -> None:
        """
        Within a frame the two bytes mean nothing: the first ends a text.
        """
        self.assertYields(b"\x80\x02\xff\x00", Skipped(0x80, 2))
        self.assertYields(b"\x00a\xff\x00b\xff", Text(b"a"), Text(b"b"))

    def test_endlessLength(self) -> None:
        """
        A close that never ends is none.
        """
        self.assertFails(1002, b"\xff" + b"\x80" * 9)

    def test_boundary(self) -> None:
        """
        Half a close is half a frame.
        """
        framing = self.framing()
        self.assertEqual(run(framing, [b"\xff"]), ([], None))
        self.assertFalse(framing.atBoundary)

    def test_ours(self) -> None:
        """
        ``FF 00``.
        """
        self.assertEqual(self.framing().close(), b"\xff\x00")


class Hixie76BoundTests(Hixie76FramingTestCase, test_hixie75.Hixie75BoundTests):
    """
    The bounds are those of hixie-75.
    """


class Hixie76AnyBytesTests(Hixie76FramingTestCase, test_hixie75.AnyBytesTestCase):
    """
    Whatever comes, however it is cut.
    """

    closes = True

    @settings(max_examples=200, deadline=None)
    @given(STREAMS, CUTS, st.booleans())
    def test_segments(self, data: bytes, at: list[int], replaceInvalid: bool) -> None:
        """
        Segments don't matter.
        """
        self.checkSegments(data, at, replaceInvalid)

    @settings(max_examples=200, deadline=None)
    @given(STREAMS, CUTS, st.integers(1, 8), st.integers(0, 8))
    def test_memory(self, data: bytes, at: list[int], maxMessage: int, maxSkipped: int) -> None:
        """
        Memory is bounded.
        """
        self.checkMemory(data, at, maxMessage, maxSkipped)

    @settings(max_examples=200, deadline=None)
    @given(STREAMS)
    def test_reference(self, data: bytes) -> None:
        """
        It is what the draft says.
        """
        self.checkReference(data)

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.text()), CUTS)
    def test_roundTrip(self, texts: list[str], at: list[int]) -> None:
        """
        What is written is read.
        """
        self.checkRoundTrip(texts, at)
