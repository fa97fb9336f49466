"""
draft-hixie-75: opening handshake and framing.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.segments import cut, single
from wsfallback.drafts.hixie75 import MAX_LENGTH_GROUPS, Framing, Opening
from wsfallback.errors import FrameError, HandshakeError
from wsfallback.events import Closing, Event, Skipped, Text
from wsfallback.request import Request

#: Events, and the error that ended them: code and text.
Outcome = tuple[list[Event], tuple[int, str] | None]


def run(framing: Framing, pieces: list[bytes]) -> Outcome:
    """
    What a framing makes of these segments.
    """
    events: list[Event] = []
    try:
        for piece in pieces:
            for event in framing.feed(piece):
                events.append(event)
    except FrameError as error:
        return events, (error.code, str(error))
    return events, None


def kept(framing: Framing) -> int:
    """
    How many bytes of the peer's a framing keeps, in whatever attribute.
    """
    return sum(
        len(value) for value in vars(framing).values() if isinstance(value, (bytes, bytearray))
    )


def reference(data: bytes, closes: bool) -> tuple[list[Event], bytes]:
    """
    The drafts' framing without bounds, on the whole of the stream, in the words of the drafts.

    :param closes: hixie-76's closing handshake.
    :returns: what is complete, and the bytes that are not.
    """
    events: list[Event] = []
    while data:
        kind = data[0]
        if kind & 0x80:
            length, at = 0, 1
            while at < len(data):
                length = length * 128 + data[at] % 128
                at += 1
                if data[at - 1] < 128:
                    break
            else:
                return events, data
            if closes and kind == 0xFF and length == 0:
                return [*events, Closing()], b""
            if len(data) < at + length:
                return events, data
            events.append(Skipped(kind, length))
            data = data[at + length :]
        else:
            payload, sentinel, rest = data[1:].partition(b"\xff")
            if not sentinel:
                return events, data
            events.append(Skipped(kind, len(payload)) if kind else Text(payload))
            data = rest
    return events, b""


#: Streams in which frames are likely.
FRAMES = st.lists(
    st.one_of(
        st.text().map(lambda text: b"\x00" + text.encode() + b"\xff"),
        st.binary(max_size=12).map(lambda data: b"\x80" + bytes([len(data)]) + data),
        st.sampled_from(
            (
                b"\xff\x00",
                b"\xff\x80\x00",
                b"\xff\x02ab",
                b"\x00\xff",
                b"\x01ab\xff",
                b"\x80\x80\x80\x01a",
                b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
                b"\x00\xc3\xff",
                b"\x00" + b"a" * 70 + b"\xff",
                b"\x80\x30",
            )
        ),
        st.binary(max_size=4),
    ),
    max_size=8,
).map(b"".join)
STREAMS = st.binary() | FRAMES
CUTS = st.lists(st.integers(0, 2000), max_size=8)


def opened(
    *fields: tuple[bytes, bytes], target: bytes = b"/demo", isSecure: bool = False
) -> Opening:
    """
    An opening handshake from a page on example.com.
    """
    base = ((b"host", b" Example.com:8080"), (b"origin", b" HTTP://Example.com"))
    return Opening(Request(b"GET", target, b"HTTP/1.1", (*base, *fields)), isSecure)


class Hixie75OpeningTests(SynchronousTestCase):
    """
    draft-hixie-75 §3.2, §5: the server's half of the opening handshake.
    """

    def test_answer(self) -> None:
        """
        §5: the first three lines byte for byte; the origin in lower case, the rest as sent.
        """
        self.assertEqual(
            opened().head(None, ()),
            b"HTTP/1.1 101 Web Socket Protocol Handshake\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\n"
            b"WebSocket-Origin: http://example.com\r\n"
            b"WebSocket-Location: ws://Example.com:8080/demo\r\n"
            b"\r\n",
        )

    def test_theWholeOfIt(self) -> None:
        """
        TLS, a subprotocol, and the application's fields.
        """
        opening = opened((b"websocket-protocol", b"sample"), target=b"/a?b=%20", isSecure=True)
        self.assertEqual(
            opening.head("sample", (("Set-Cookie", "a=b"), ("X-Y", "\xe4"))),
            b"HTTP/1.1 101 Web Socket Protocol Handshake\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\n"
            b"WebSocket-Origin: http://example.com\r\n"
            b"WebSocket-Location: wss://Example.com:8080/a?b=%20\r\n"
            b"WebSocket-Protocol: sample\r\n"
            b"Set-Cookie: a=b\r\n"
            b"X-Y: \xe4\r\n"
            b"\r\n",
        )

    def test_withoutOrigin(self) -> None:
        """
        Who sent no origin gets none back.
        """
        opening = Opening(Request(b"GET", b"/", b"HTTP/1.1", ((b"host", b"a"),)), False)
        self.assertIs(opening.origin, None)
        self.assertNotIn(b"Origin", opening.head(None, ()))

    def test_origin(self) -> None:
        """
        To the application it is as it was sent.
        """
        self.assertEqual(opened().origin, "HTTP://Example.com")

    def test_noBody(self) -> None:
        """
        There is no challenge, and nothing to answer.
        """
        self.assertEqual(Opening.bodySize, 0)
        self.assertEqual(opened().answer(b""), b"")

    def test_noProtocols(self) -> None:
        """
        None, and an empty one, are none.
        """
        self.assertEqual(opened().protocols, [])
        self.assertEqual(opened((b"websocket-protocol", b" ")).protocols, [])

    def test_oneProtocol(self) -> None:
        """
        The draft's own: one string, spaces in it and all.
        """
        self.assertEqual(opened((b"websocket-protocol", b" my chat ")).protocols, ["my chat"])

    def test_protocolList(self) -> None:
        """
        A list is offered by its members first, and whole for WebKit; nothing twice.
        """
        opening = opened((b"websocket-protocol", b" chat, super,,chat"))
        self.assertEqual(opening.protocols, ["chat", "super", "chat, super,,chat"])

    def test_laterDraftsProtocols(self) -> None:
        """
        The field of later drafts is not this draft's.
        """
        self.assertEqual(opened((b"sec-websocket-protocol", b"chat")).protocols, [])

    def test_twoProtocolFields(self) -> None:
        """
        Two fields are two strings: refused.
        """
        fields = ((b"websocket-protocol", b"a"), (b"websocket-protocol", b"b"))
        error = self.assertRaises(HandshakeError, opened, *fields)
        self.assertEqual(error.status, 400)


class FramingTestCase(SynchronousTestCase):
    """
    What the tests of framings say.
    """

    def framing(
        self, maxMessage: int = 64, maxSkipped: int = 64, replaceInvalid: bool = False
    ) -> Framing:
        """
        The one that is tested.
        """
        return Framing(maxMessage, maxSkipped, replaceInvalid)

    def assertYields(self, data: bytes, *events: Event, **options: Any) -> None:
        """
        This is these events and whole: in one piece, byte by byte, and with a frame behind.
        """
        for pieces in ([data], single(data), [b"", data, b""]):
            framing = self.framing(**options)
            self.assertEqual(run(framing, pieces), (list(events), None), data)
            self.assertTrue(framing.atBoundary, data)
        behind = [] if Closing() in events else [Text(b"behind")]
        for pieces in ([data + b"\x00behind\xff"], single(data + b"\x00behind\xff")):
            self.assertEqual(run(self.framing(**options), pieces), ([*events, *behind], None), data)

    def assertFails(self, code: int, data: bytes, *events: Event, **options: Any) -> None:
        """
        This is these events and then an error, in one piece and byte by byte.
        """
        whole = run(self.framing(**options), [data])
        self.assertEqual(whole[0], list(events), data)
        assert whole[1] is not None, data
        self.assertEqual(whole[1][0], code, data)
        self.assertEqual(run(self.framing(**options), single(data)), whole, data)


class Hixie75ReceivingTests(FramingTestCase):
    """
    draft-hixie-75 §4: frames from the client.
    """

    def test_text(self) -> None:
        """
        ``00 text FF``.
        """
        self.assertYields(b"\x00Hello\xff", Text(b"Hello"))

    def test_empty(self) -> None:
        """
        ``00 FF`` is the empty message; AutobahnPython's old parser took it for none.
        """
        self.assertYields(b"\x00\xff", Text(b""))

    def test_several(self) -> None:
        """
        In the order of the stream.
        """
        self.assertYields(b"\x00one\xff\x00two\xff", Text(b"one"), Text(b"two"))

    def test_nul(self) -> None:
        """
        U+0000 is a character, and no frame begins with it inside of one.
        """
        self.assertYields(b"\x00a\x00b\xff", Text(b"a\x00b"))

    def test_utf8(self) -> None:
        """
        Whatever UTF-8 has.
        """
        text = "µ€😀\U0010ffff\ufeff".encode()
        self.assertYields(b"\x00" + text + b"\xff", Text(text))

    def test_invalidUTF8(self) -> None:
        """
        Truncated, overlong, surrogates, beyond Unicode: 1007, and what came before is seen.
        """
        for text in (
            b"\xc3",
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\x80",
            b"a\xfeb",
        ):
            self.assertFails(1007, b"\x00ok\xff\x00" + text + b"\xff", Text(b"ok"))

    def test_replacesInvalidUTF8(self) -> None:
        """
        Or U+FFFD stands for it.
        """
        self.assertYields(b"\x00a\xfeb\xff", Text("a\ufffdb".encode()), replaceInvalid=True)
        self.assertYields("\x00µ".encode() + b"\xff", Text("µ".encode()), replaceInvalid=True)

    def test_lengthPrefixed(self) -> None:
        """
        Skipped by their length; an FF in them ends nothing.
        """
        self.assertYields(b"\x80\x03abc", Skipped(0x80, 3))
        self.assertYields(b"\x80\x03\x00\xff\xff", Skipped(0x80, 3))
        self.assertYields(b"\xfe\x01a\x00x\xff", Skipped(0xFE, 1), Text(b"x"))

    def test_lengthOfTwoBytes(self) -> None:
        """
        Seven bits a byte, the most significant first.
        """
        self.assertYields(b"\x80\x81\x00" + b"z" * 128, Skipped(0x80, 128), maxSkipped=128)

    def test_lengthZero(self) -> None:
        """
        In however many bytes; and no close in this draft.
        """
        for data in (b"\x80\x00", b"\x80\x80\x80\x00"):
            self.assertYields(data, Skipped(0x80, 0))
        self.assertYields(b"\xff\x00", Skipped(0xFF, 0))
        self.assertYields(b"\xff\x80\x00", Skipped(0xFF, 0))

    def test_otherSentinelTypes(self) -> None:
        """
        01 to 7F end with FF and are skipped, whatever is in them.
        """
        self.assertYields(b"\x01a\xfe\x00\xff", Skipped(0x01, 3))
        self.assertYields(b"\x7f\xff", Skipped(0x7F, 0))

    def test_everyType(self) -> None:
        """
        Each of the 256 first bytes, as the draft divides them.
        """
        for kind in range(1, 256):
            data = bytes([kind]) + (b"\x02ab" if kind & 0x80 else b"ab\xff")
            self.assertYields(data, Skipped(kind, 2))

    def test_eventsBeforeAnError(self) -> None:
        """
        Events are yielded lazily: those before an error are there before it.
        """
        stream = self.framing().feed(b"\x00one\xff\x80\x01a\x00\xfe\xff")
        self.assertEqual(next(stream), Text(b"one"))
        self.assertEqual(next(stream), Skipped(0x80, 1))
        self.assertRaises(FrameError, next, stream)

    def test_boundary(self) -> None:
        """
        Within any part of a frame is not between two.
        """
        for data in (b"\x00", b"\x00a", b"\x80", b"\x80\x80", b"\x80\x02", b"\x80\x02a", b"\x01a"):
            framing = self.framing()
            self.assertTrue(framing.atBoundary)
            self.assertEqual(run(framing, [data]), ([], None))
            self.assertFalse(framing.atBoundary, data)


class Hixie75SendingTests(SynchronousTestCase):
    """
    draft-hixie-75 §4: frames from the server.
    """

    def test_text(self) -> None:
        """
        ``00 text FF``.
        """
        self.assertEqual(Framing(1, 1).text("Hé".encode()), b"\x00H\xc3\xa9\xff")
        self.assertEqual(Framing(1, 1).text(b""), b"\x00\xff")

    def test_close(self) -> None:
        """
        There is no closing handshake.
        """
        self.assertEqual(Framing(1, 1).close(), b"")


class Hixie75BoundTests(FramingTestCase):
    """
    Every bound: accepted at it, refused one over.
    """

    def test_message(self) -> None:
        """
        1009 for one byte more, without waiting for its end.
        """
        self.assertYields(b"\x00" + b"a" * 64 + b"\xff", Text(b"a" * 64))
        self.assertFails(1009, b"\x00" + b"a" * 65 + b"\xff")
        self.assertFails(1009, b"\x00" + b"a" * 65)

    def test_messageInBytes(self) -> None:
        """
        Bytes are counted, not characters.
        """
        self.assertYields(b"\x00" + "€".encode() * 2 + b"\xff", Text("€€".encode()), maxMessage=6)
        self.assertFails(1009, b"\x00" + "€".encode() * 2 + b"\xff", maxMessage=5)

    def test_eachMessageAlone(self) -> None:
        """
        Messages don't add up.
        """
        frame = b"\x00" + b"a" * 64 + b"\xff"
        self.assertYields(frame * 5, *[Text(b"a" * 64)] * 5)

    def test_skipped(self) -> None:
        """
        1009 for one byte more, as soon as its length says so.
        """
        self.assertYields(b"\x80\x40" + b"a" * 64, Skipped(0x80, 64))
        self.assertFails(1009, b"\x80\x41")

    def test_skippedBetweenSentinels(self) -> None:
        """
        1009 for one byte more, without waiting for the end.
        """
        self.assertYields(b"\x01" + b"a" * 64 + b"\xff", Skipped(0x01, 64))
        self.assertFails(1009, b"\x01" + b"a" * 65)

    def test_skippedAltogether(self) -> None:
        """
        Of all frames in one connection, of both kinds.
        """
        self.assertYields(
            b"\x80\x20" + b"a" * 32 + b"\x01" + b"b" * 32 + b"\xff",
            Skipped(0x80, 32),
            Skipped(0x01, 32),
        )
        self.assertFails(1009, b"\x80\x20" + b"a" * 32 + b"\x80\x21", Skipped(0x80, 32))
        self.assertFails(1009, b"\x80\x20" + b"a" * 32 + b"\x01" + b"b" * 33, Skipped(0x80, 32))
        self.assertFails(1009, b"\x01" + b"b" * 32 + b"\xff\x80\x21", Skipped(0x01, 32))

    def test_nothingMayBeSkipped(self) -> None:
        """
        With 0 empty frames alone are left.
        """
        self.assertYields(b"\x80\x00\x01\xff", Skipped(0x80, 0), Skipped(0x01, 0), maxSkipped=0)
        self.assertFails(1009, b"\x80\x01", maxSkipped=0)
        self.assertFails(1009, b"\x01a", maxSkipped=0)

    def test_lengthGroups(self) -> None:
        """
        A length of leading zeros without an end is 1002.
        """
        zeros = b"\x80" * (MAX_LENGTH_GROUPS - 1)
        self.assertYields(b"\x80" + zeros + b"\x01a", Skipped(0x80, 1))
        self.assertFails(1002, b"\x80" + zeros + b"\x80")

    def test_longestLength(self) -> None:
        """
        63 bits are the most that these bytes hold, and the largest bound takes them.
        """
        largest = (1 << 63) - 1
        data = b"\x80" + b"\xff" * (MAX_LENGTH_GROUPS - 1) + b"\x7f"
        framing = self.framing(maxSkipped=largest)
        self.assertEqual(run(framing, [data, b"a" * 1000]), ([], None))
        self.assertFalse(framing.atBoundary)
        self.assertEqual(kept(framing), 0)
        self.assertFails(1009, data, maxSkipped=largest - 1)

    def test_skippedIsNotKept(self) -> None:
        """
        What is skipped takes no memory.
        """
        for data in (b"\x80\xff\x7f" + b"a" * 16383, b"\x01" + b"a" * 16383):
            framing = self.framing(maxSkipped=16383)
            for byte in single(data):
                list(framing.feed(byte))
                self.assertEqual(kept(framing), 0)


class AnyBytesTestCase(FramingTestCase):
    """
    What holds for either draft, whatever comes and however it is cut.
    """

    closes = False

    def checkSegments(self, data: bytes, at: list[int], replaceInvalid: bool) -> None:
        """
        The same events and the same error, and no exception but `FrameError` with a code.
        """
        whole = run(self.framing(replaceInvalid=replaceInvalid), [data])
        for pieces in (cut(data, at), single(data)):
            self.assertEqual(run(self.framing(replaceInvalid=replaceInvalid), pieces), whole)
        if whole[1] is not None:
            self.assertIn(whole[1][0], (1002, 1007, 1009))

    def checkMemory(self, data: bytes, at: list[int], maxMessage: int, maxSkipped: int) -> None:
        """
        No more than a message and a segment is ever kept, and no longer one comes out.
        """
        framing = self.framing(maxMessage, maxSkipped)
        skipped = 0
        for piece in cut(data, at):
            try:
                for event in framing.feed(piece):
                    if isinstance(event, Text):
                        self.assertLessEqual(len(event.payload), maxMessage)
                    elif isinstance(event, Skipped):
                        skipped += event.length
                    self.assertLessEqual(kept(framing), maxMessage + len(piece))
            except FrameError:
                break
            self.assertLessEqual(kept(framing), maxMessage)
        self.assertLessEqual(skipped, maxSkipped)

    def checkReference(self, data: bytes) -> None:
        """
        Within the bounds it is what the draft's own words make of the stream.
        """
        events, error = run(self.framing(1 << 20, (1 << 63) - 1), [data])
        wanted, _ = reference(data, self.closes)
        if error is None:
            self.assertEqual(events, wanted)
            return
        # Strictness is ours: text that is no UTF-8, a length without an end.
        self.assertEqual(events, wanted[: len(events)])
        if error[0] == 1007:
            broken = wanted[len(events)]
            assert isinstance(broken, Text)
            self.assertRaises(UnicodeDecodeError, broken.payload.decode)
        else:
            self.assertIn(error[0], (1002, 1009))

    def checkRoundTrip(self, texts: list[str], at: list[int]) -> None:
        """
        Any text that is sent in frames is read from them.
        """
        framing = self.framing(1 << 20)
        wire = b"".join(framing.text(text.encode()) for text in texts)
        self.assertEqual(
            run(framing, cut(wire, at)), ([Text(text.encode()) for text in texts], None)
        )


class Hixie75AnyBytesTests(AnyBytesTestCase):
    """
    Whatever comes, however it is cut.
    """

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
