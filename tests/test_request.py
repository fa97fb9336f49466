"""
The reader of request heads.
"""

import h11
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel
from twisted.web.http import Request as TwistedRequest

from tests.segments import cut, single
from tests.vectors import HANDSHAKES
from wsfallback.errors import HandshakeError
from wsfallback.request import MAX_FIELDS, MAX_LENGTH_DIGITS, MAX_LINE, Request, RequestReader

#: What `outcome` gives.
Outcome = tuple[Request, bytes] | tuple[int, str] | None

HEAD = b"GET /chat?a=b HTTP/1.1\r\nHost: example.com\r\n\r\n"
MAX_HEAD = 16384


def outcome(pieces: list[bytes], maxHead: int = MAX_HEAD) -> Outcome:
    """
    What a reader makes of these segments: a request and what came behind its head, what it is
    refused with, or `None`: it wants more.
    """
    reader = RequestReader(maxHead)
    for index, piece in enumerate(pieces):
        try:
            request = reader.feed(piece)
        except HandshakeError as error:
            return error.status, error.sentence
        if request is not None:
            return request, reader.rest + b"".join(pieces[index + 1 :])
    return None


def head(*lines: bytes, first: bytes = b"GET / HTTP/1.1") -> bytes:
    """
    A whole head of these fields.
    """
    return b"".join(line + b"\r\n" for line in (first, *lines, b""))


class ReaderTestCase(SynchronousTestCase):
    """
    What the tests of the reader say.
    """

    def assertRead(self, data: bytes, maxHead: int = MAX_HEAD) -> Request:
        """
        This is one head, whole, byte by byte, and with more behind it.
        """
        whole = outcome([data], maxHead)
        assert whole is not None
        request, rest = whole
        assert isinstance(request, Request), whole
        self.assertEqual(rest, b"")
        self.assertEqual(outcome(single(data), maxHead), whole)
        self.assertEqual(outcome([data + b"\x00Hi\xff\r\n\r\n"], maxHead)[0], request)  # type: ignore[index]
        return request

    def assertRefused(self, status: int, data: bytes, maxHead: int = MAX_HEAD) -> None:
        """
        This is refused, in the same words whole and byte by byte.
        """
        whole = outcome([data], maxHead)
        assert whole is not None, data
        self.assertEqual(whole[0], status, data)
        self.assertEqual(outcome(single(data), maxHead), whole, data)


class TargetTests(SynchronousTestCase):
    """
    RFC 9112 §3.2: what is asked for.
    """

    def test_resource(self) -> None:
        """
        In absolute form the authority is left out.
        """
        for target, resource, path in (
            (b"/", b"/", b"/"),
            (b"/a/b?c=/d?", b"/a/b?c=/d?", b"/a/b"),
            (b"/?x", b"/?x", b"/"),
            (b"//a/b", b"//a/b", b"//a/b"),
            (b"http://example.com/a?b", b"/a?b", b"/a"),
            (b"HTTPS://example.com:1", b"/", b"/"),
            (b"http://example.com?b", b"/?b", b"/"),
            (b"/http://example.com/", b"/http://example.com/", b"/http://example.com/"),
            (b"*", b"*", b"*"),
        ):
            request = Request(b"GET", target, b"HTTP/1.1", ())
            self.assertEqual((request.resource, request.path), (resource, path), target)

    def test_host(self) -> None:
        """
        RFC 9112 §3.2.2: and goes before the Host.
        """
        fields = ((b"host", b" www.test "),)
        for target, received, host in (
            (b"/", (), b""),
            (b"/", fields, b"www.test"),
            (b"http://a.test:1?b", fields, b"a.test:1"),
        ):
            self.assertEqual(Request(b"GET", target, b"HTTP/1.1", received).host, host)

    def test_askedOf(self) -> None:
        """
        Another host takes the place of both.
        """
        fields = ((b"a", b"b"), (b"host", b" www.test "))
        for target in (b"/x?y", b"http://a.test/x?y"):
            request = Request(b"GET", target, b"HTTP/1.1", fields).askedOf(b"c.test")
            wanted = ((b"host", b"c.test"), (b"a", b"b"))
            self.assertEqual(request, Request(b"GET", b"/x?y", b"HTTP/1.1", wanted))


class RequestLineTests(ReaderTestCase):
    """
    RFC 9112 §3: the first line.
    """

    def test_parts(self) -> None:
        """
        Method, target and version as sent.
        """
        request = self.assertRead(head(b"Host: a", first=b"get /%20?~#! HTTP/1.1"))
        self.assertEqual(
            (request.method, request.target, request.version), (b"get", b"/%20?~#!", b"HTTP/1.1")
        )

    def test_anyMethod(self) -> None:
        """
        Plain HTTP has others.
        """
        for method in (b"POST", b"OPTIONS", b"M-SEARCH", b"x!#$%&'*+.^_`|~9"):
            request = self.assertRead(head(b"Host: a", first=method + b" * HTTP/1.1"))
            self.assertEqual(request.method, method)

    def test_http10(self) -> None:
        """
        HTTP/1.0 is read, and needs no Host.
        """
        request = self.assertRead(head(first=b"GET / HTTP/1.0"))
        self.assertEqual((request.version, request.fields), (b"HTTP/1.0", ()))

    def test_malformed(self) -> None:
        """
        One space between each two, nothing else, and no other version.
        """
        for line in (
            b"GET / HTTP/2.0",
            b"PRI * HTTP/2.0",
            b"GET / HTTP/1.2",
            b"GET / HTTP/0.9",
            b"GET / HTTP/1.10",
            b"GET / http/1.1",
            b"GET / HTTP/1.1 ",
            b"GET  / HTTP/1.1",
            b"GET /  HTTP/1.1",
            b"GET\t/ HTTP/1.1",
            b"GET /",
            b"GET",
            b"GET  HTTP/1.1",
            b"GET /a b HTTP/1.1",
            b"GET /\xc3\xa4 HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"GET /\x01 HTTP/1.1",
            b"G(T / HTTP/1.1",
            b"G\xc3T / HTTP/1.1",
            b"GET / HTTP/\xb2.1",
        ):
            self.assertRefused(400, head(b"Host: a", first=line))


class FirstByteTests(ReaderTestCase):
    """
    What is no HTTP is known by its first byte.
    """

    def test_tls(self) -> None:
        """
        A TLS ClientHello on a plain port.
        """
        self.assertRefused(400, bytes.fromhex("16030100c8010000c40303"))
        self.assertRefused(400, b"\x16")

    def test_flash(self) -> None:
        """
        Flash asks for its policy, and ends with a NUL.
        """
        self.assertRefused(400, b"<policy-file-request/>\0")

    def test_others(self) -> None:
        """
        Nothing but the first character of a method, not even an empty line before it.
        """
        token = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
        for byte in range(256):
            data = bytes([byte])
            if byte in token:
                self.assertIs(outcome([data]), None, data)
            else:
                self.assertRefused(400, data)
        self.assertRefused(400, b"\r\n" + HEAD)

    def test_nothing(self) -> None:
        """
        Of an empty segment nothing is made.
        """
        self.assertIs(outcome([b""]), None)


class FieldTests(ReaderTestCase):
    """
    RFC 9112 §5: header fields.
    """

    def test_fields(self) -> None:
        """
        Names in lower case, values as they came, in order of arrival.
        """
        request = self.assertRead(head(b"HOST:a", b"X-b:  1 ", b"x-B:", b"Cookie: \xe4\t\x7f"))
        self.assertEqual(
            request.fields,
            ((b"host", b"a"), (b"x-b", b"  1 "), (b"x-b", b""), (b"cookie", b" \xe4\t\x7f")),
        )

    def test_rest(self) -> None:
        """
        What came behind the head is kept apart, and everything is kept.
        """
        reader = RequestReader(MAX_HEAD)
        self.assertIs(reader.feed(HEAD[:-1]), None)
        self.assertIsNot(reader.feed(HEAD[-1:] + b"\r\nkey3\0"), None)
        self.assertEqual(reader.rest, b"\r\nkey3\0")
        self.assertEqual(bytes(reader.received), HEAD + b"\r\nkey3\0")

    def test_malformedNames(self) -> None:
        """
        A name is a token, with nothing around it.
        """
        for line in (
            b"X : 1",
            b"X\t: 1",
            b": 1",
            b"X",
            b"X Y: 1",
            b"X(: 1",
            b"X\xe4: 1",
            b"\x01: 1",
            b"\x7f: 1",
            b'"X": 1',
        ):
            self.assertRefused(400, head(b"Host: a", line))
        self.assertRefused(400, head(b"Host : a"))

    def test_folded(self) -> None:
        """
        §5.2: folded lines are not unfolded.
        """
        for space in (b" ", b"\t"):
            self.assertRefused(400, head(b"Host: a", b"X: 1", space + b"2"))
            self.assertRefused(400, head(b"Host: a", b"X: 1", space + b"Y: 2"))
            self.assertRefused(400, head(space + b"Host: a"))
            self.assertRefused(400, head(b"Host: a", space))

    def test_controls(self) -> None:
        """
        Control characters but the tab are in no value.
        """
        for byte in range(0x20):
            line = b"X: a" + bytes([byte]) + b"b"
            if byte == 0x09:
                self.assertRead(head(b"Host: a", line))
            else:
                self.assertRefused(400, head(b"Host: a", line))

    def test_del(self) -> None:
        """
        DEL is let through: Java-WebSocket has it in its hixie-76 keys.
        """
        request = self.assertRead(head(b"Host: a", b"Sec-WebSocket-Key1: 1 \x7f"))
        self.assertEqual(request.exact(b"sec-websocket-key1"), b"1 \x7f")


class LineEndTests(ReaderTestCase):
    """
    RFC 9112 §2.2: a line ends with CR LF and nothing else.
    """

    def test_bareLF(self) -> None:
        """
        Anywhere in the head.
        """
        self.assertRefused(400, b"GET / HTTP/1.1\nHost: a\r\n\r\n")
        self.assertRefused(400, b"GET / HTTP/1.1\r\nHost: a\n\r\n")
        self.assertRefused(400, b"GET / HTTP/1.1\r\nHost: a\r\n\n")
        self.assertRefused(400, b"GET / HTTP/1.1\n\nHost: a\r\n\r\n")
        self.assertRefused(400, b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n")

    def test_bareCR(self) -> None:
        """
        In a line, and doubled at its end.
        """
        self.assertRefused(400, b"GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n")
        self.assertRefused(400, b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n")
        self.assertRefused(400, b"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n")
        self.assertRefused(400, b"GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n")

    def test_nul(self) -> None:
        """
        In name, value, target, or instead of the blank line.
        """
        self.assertRefused(400, head(b"Host: a\0"))
        self.assertRefused(400, head(b"Host: a", b"X\0: 1"))
        self.assertRefused(400, head(b"Host: a", b"\0"))
        self.assertRefused(400, head(b"Host: a", first=b"GET /\0 HTTP/1.1"))


class FramingOfBodyTests(ReaderTestCase):
    """
    RFC 9112 §3.2, §6: what servers have disagreed on.
    """

    def test_oneHost(self) -> None:
        """
        Not none, not two, not even equal ones.
        """
        self.assertRefused(400, head())
        self.assertRefused(400, head(b"X: 1"))
        self.assertRefused(400, head(b"Host: a", b"Host: b"))
        self.assertRefused(400, head(b"Host: a", b"hOST: a"))
        self.assertRefused(400, head(b"Host: a", b"Host: b", first=b"GET / HTTP/1.0"))

    def test_contentLength(self) -> None:
        """
        Digits, as many as a 64-bit number has.
        """
        for length in (b"0", b"8", b" 13\t", b"007", b"9" * MAX_LENGTH_DIGITS):
            self.assertRead(head(b"Host: a", b"Content-Length:" + length))
        for length in (
            b"",
            b"+8",
            b"-8",
            b"8, 8",
            b"8 8",
            b"0x8",
            b"8.0",
            b"1_0",
            b"\xb2",
            b"\xd9\xa3",
            b"9" * (MAX_LENGTH_DIGITS + 1),
        ):
            self.assertRefused(400, head(b"Host: a", b"Content-Length: " + length))

    def test_twoContentLengths(self) -> None:
        """
        Not even if they agree.
        """
        self.assertRefused(400, head(b"Host: a", b"Content-Length: 8", b"Content-Length: 9"))
        self.assertRefused(400, head(b"Host: a", b"Content-Length: 8", b"content-length: 8"))

    def test_contentLengthAndTransferEncoding(self) -> None:
        """
        In either order.
        """
        both = (b"Content-Length: 8", b"Transfer-Encoding: chunked")
        self.assertRefused(400, head(b"Host: a", *both))
        self.assertRefused(400, head(b"Host: a", *reversed(both)))
        self.assertRefused(400, head(b"Host: a", b"Content-Length: 0", b"Transfer-Encoding:"))

    def test_transferEncoding(self) -> None:
        """
        Chunked, once, and no other.
        """
        for coding in (b"chunked", b" Chunked "):
            self.assertRead(head(b"Host: a", b"Transfer-Encoding:" + coding))
        for coding in (
            b"",
            b"identity",
            b"gzip, chunked",
            b"chunked, chunked",
            b"xchunked",
            b"chunked;x",
            b"\x0bchunked",
            b"chunked,",
        ):
            self.assertRefused(400, head(b"Host: a", b"Transfer-Encoding: " + coding))
        self.assertRefused(
            400, head(b"Host: a", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")
        )

    def test_transferEncodingIsHTTP11s(self) -> None:
        """
        §6.1: in HTTP/1.0 the framing is faulty.
        """
        self.assertRefused(
            400, head(b"Host: a", b"Transfer-Encoding: chunked", first=b"GET / HTTP/1.0")
        )


class BoundTests(ReaderTestCase):
    """
    Every bound: accepted at it, refused one over.
    """

    def requestLine(self, size: int) -> bytes:
        """
        A head whose first line has so many bytes, without its end.
        """
        target = b"/" + b"a" * (size - len(b"GET / HTTP/1.1"))
        return head(b"Host: a", first=b"GET " + target + b" HTTP/1.1")

    def test_requestLine(self) -> None:
        """
        414 for one byte more.
        """
        self.assertRead(self.requestLine(MAX_LINE))
        self.assertRefused(414, self.requestLine(MAX_LINE + 1))

    def test_endlessRequestLine(self) -> None:
        """
        It is refused without waiting for its end.
        """
        self.assertIs(outcome([b"G" * MAX_LINE]), None)
        self.assertRefused(414, b"G" * (MAX_LINE + 2))

    def test_field(self) -> None:
        """
        431 for one byte more.
        """
        self.assertRead(head(b"Host: a", b"X: " + b"a" * (MAX_LINE - 3)))
        self.assertRefused(431, head(b"Host: a", b"X: " + b"a" * (MAX_LINE - 2)))

    def test_endlessField(self) -> None:
        """
        It is refused without waiting for its end.
        """
        start = b"GET / HTTP/1.1\r\n"
        self.assertIs(outcome([start + b"X" * MAX_LINE]), None)
        self.assertRefused(431, start + b"X" * (MAX_LINE + 2))

    def test_fields(self) -> None:
        """
        431 for one field more.
        """
        fields = [b"X: 1"] * (MAX_FIELDS - 1)
        request = self.assertRead(head(b"Host: a", *fields))
        self.assertEqual(len(request.fields), MAX_FIELDS)
        self.assertRefused(431, head(b"Host: a", b"X: 2", *fields))

    def test_head(self) -> None:
        """
        431 for one byte more, the blank line counted, what is behind it not.
        """
        for filler in (b"", b"abc", b"a" * 1000):
            data = head(b"Host: a", b"X:" + filler)
            self.assertRead(data, maxHead=len(data))
            self.assertRefused(431, data, maxHead=len(data) - 1)

    def test_headOfOneLine(self) -> None:
        """
        A request line that is longer than the whole may be is too long itself.
        """
        line = b"GET /%s HTTP/1.1\r\n" % (b"a" * 100)
        self.assertRefused(414, line, maxHead=len(line) - 1)
        self.assertIs(outcome([line], maxHead=len(line)), None)
        self.assertIs(outcome(single(line), maxHead=len(line)), None)

    def test_endlessHead(self) -> None:
        """
        The reader keeps no more of a head than its bound and the last segment.
        """
        reader = RequestReader(4096)
        reader.feed(b"GET / HTTP/1.1\r\n")
        with self.assertRaises(HandshakeError) as caught:
            for _ in range(MAX_FIELDS):
                reader.feed(b"X: " + b"a" * 995 + b"\r\n")
                self.assertLessEqual(len(reader.received), 4096)
        self.assertEqual(caught.exception.status, 431)
        self.assertLessEqual(len(reader.received), 4096 + 1000)

    def test_twoBoundsAtOnce(self) -> None:
        """
        A field beyond both bounds is refused in the same words however it is cut.
        """
        for maxHead in range(MAX_LINE - 40, MAX_LINE + 60):
            data = b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * (MAX_LINE + 100) + b"\r\n"
            whole = outcome([data], maxHead)
            late = outcome(
                [data[:maxHead], data[maxHead : maxHead + 1], data[maxHead + 1 :]], maxHead
            )
            self.assertEqual(late, whole, maxHead)


def headOf(data: bytes) -> bytes:
    """
    The head of the request that the reader takes; empty if it takes none.
    """
    reader = RequestReader(MAX_HEAD)
    try:
        request = reader.feed(data)
    except HandshakeError:
        return b""
    return b"" if request is None else data[: len(data) - len(reader.rest)]


def h11Accepts(data: bytes) -> bool:
    """
    Whether h11 takes the head of this request.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    try:
        return isinstance(connection.next_event(), h11.Request)
    except h11.RemoteProtocolError:
        return False


class _HeadOnly(TwistedRequest):
    """
    A request of twisted.web's that is received and not rendered.
    """

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        Enough.
        """


class _Channel(HTTPChannel):
    requestFactory = _HeadOnly


def twistedRefuses(data: bytes) -> bool:
    """
    Whether twisted.web answers the head of this request with 400.
    """
    transport = StringTransport()
    channel = _Channel()
    channel.makeConnection(transport)
    channel.dataReceived(data)
    return b" 400 " in transport.value()[:16]


#: Values that servers have disagreed on, put where they hurt.
_NASTY = st.sampled_from(
    (
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\r\n ",
        b"\0",
        b" ",
        b"\t",
        b":",
        b" :",
        b",",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        b"\x7f",
        b"\x85",
        b"\xa0",
        b"\xff",
        b"Host: b\r\n",
        b"Content-Length: 8\r\n",
        b"Content-Length: +8\r\n",
        b"Content-Length : 8\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"HTTP/1.0",
        b"HTTP/1.1",
    )
)
_HEADS = st.sampled_from(
    (
        HEAD,
        head(first=b"GET / HTTP/1.0"),
        head(b"Host: a", b"Content-Length: 8", b"X:"),
        *(vector.request for vector in HANDSHAKES),
    )
)
#: Where, how much is taken out there, and what is put in instead.
_MUTATIONS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 6), _NASTY | st.binary(max_size=3)), max_size=4
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """
    A valid head with some of it replaced.
    """
    data = draw(_HEADS)
    for place, taken, put in draw(_MUTATIONS):
        at = place % (len(data) + 1)
        data = data[:at] + put + data[at + taken :]
    return data


@st.composite
def assembled(draw: st.DrawFn) -> bytes:
    """
    A head of fields that are mostly good.
    """
    name = st.sampled_from(
        (b"Host", b"host", b"Content-Length", b"Transfer-Encoding", b"X-Y", b"Connection")
    )
    value = st.sampled_from(
        (
            b" a",
            b"8",
            b" 0",
            b" chunked",
            b"\tidentity ",
            b" +1",
            b" 1, 1",
            b"",
            b" a\x7f",
            b" \xe4",
        )
    )
    field = st.builds(lambda name, value: name + b":" + value, name, value)
    fields = draw(st.lists(field | st.binary(max_size=6), max_size=4))
    first = draw(
        st.sampled_from(
            (b"GET / HTTP/1.1", b"GET / HTTP/1.0", b"OPTIONS * HTTP/1.1", b"POST a:1 HTTP/1.1")
        )
    )
    return head(*draw(st.sampled_from(([b"Host: a"], []))), *fields, first=first)


_CUTS = st.lists(st.integers(0, 2000), max_size=8)
_DATA = mutated() | assembled() | st.binary() | st.binary().map(lambda data: HEAD[:-2] + data)


class AnyBytesTests(SynchronousTestCase):
    """
    Whatever comes, however it is cut.
    """

    @settings(max_examples=200, deadline=None)
    @given(_DATA, _CUTS)
    def test_segmentsDoNotMatter(self, data: bytes, at: list[int]) -> None:
        """
        The same outcome, and no exception but `HandshakeError` with a status of the reader's.
        """
        whole = outcome([data])
        self.assertEqual(outcome(cut(data, at)), whole)
        self.assertEqual(outcome(single(data)), whole)
        if whole is not None and isinstance(whole[0], int):
            self.assertIn(whole[0], (400, 414, 431))

    @settings(max_examples=200, deadline=None)
    @given(_DATA, _CUTS, st.integers(64, 200))
    def test_segmentsDoNotMatterAtABound(self, data: bytes, at: list[int], maxHead: int) -> None:
        """
        Nor where the head is too large.
        """
        whole = outcome([data], maxHead)
        self.assertEqual(outcome(cut(data, at), maxHead), whole)
        self.assertEqual(outcome(single(data), maxHead), whole)

    @settings(max_examples=200, deadline=None)
    @given(mutated() | assembled())
    def test_isNoLaxerThanH11(self, data: bytes) -> None:
        """
        What h11 refuses is refused here.
        """
        accepted = headOf(data)
        if accepted:
            self.assertTrue(h11Accepts(accepted), accepted)

    @settings(max_examples=200, deadline=None)
    @given(mutated() | assembled())
    def test_isNoLaxerThanTwistedWeb(self, data: bytes) -> None:
        """
        What twisted.web answers with 400 never gets to it.
        """
        accepted = headOf(data)
        if accepted:
            self.assertFalse(twistedRefuses(accepted), accepted)

    @settings(max_examples=200, deadline=None)
    @given(_DATA)
    def test_nothingIsLost(self, data: bytes) -> None:
        """
        What was read is kept as it came: head and rest are all of it.
        """
        reader = RequestReader(MAX_HEAD)
        try:
            request = reader.feed(data)
        except HandshakeError:
            request = None
        self.assertEqual(bytes(reader.received), data)
        if request is not None:
            self.assertTrue(data.endswith(b"\r\n\r\n" + reader.rest))


class ComparisonTests(SynchronousTestCase):
    """
    The two that we are compared with do refuse something.
    """

    def test_validHeads(self) -> None:
        """
        What the mutations begin with is accepted, here and there.
        """
        for vector in HANDSHAKES:
            accepted = headOf(vector.request)
            self.assertTrue(accepted, vector.id)
            self.assertTrue(h11Accepts(accepted), vector.id)
            self.assertFalse(twistedRefuses(accepted), vector.id)

    def test_theyAcceptAndRefuse(self) -> None:
        """
        A good head, and a bad one.
        """
        self.assertTrue(h11Accepts(HEAD))
        self.assertFalse(twistedRefuses(HEAD))
        bad = head(b"Host: a", b"Content-Length: 8", b"Content-Length: 9")
        self.assertFalse(h11Accepts(bad))
        self.assertTrue(twistedRefuses(bad))
