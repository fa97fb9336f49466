"""
What the page on security promises: attacks with bytes, on every draft.

The answers are predicted here, whole, from the drafts and not from the server's code: an answer
is either the one of the draft, with what the client has sent in its place, or one of `REFUSALS`.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5, sha1
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.segments import cut
from tests.test_peeking import Page
from tests.test_server import serve
from wsfallback import MessageHandler
from wsfallback.testing import VERSIONS, MemoryTransport, attach, request

DRAFTS = tuple(VERSIONS)
HIXIE = ("hixie-75", "hixie-76")
LATER = tuple(draft for draft in DRAFTS if draft not in HIXIE)

#: Every sentence that a client of these tests may be refused with; there is nothing of it in them.
SENTENCES = {
    400: (
        "A header field is malformed",
        "A key has no digits",
        "A key has no spaces",
        "A key's number is not a multiple of its spaces",
        "A key's number is over 32 bits",
        "A line of the head has a bare CR or LF, or a NUL",
        "An opening handshake has no body",
        "Content-Length and Transfer-Encoding exclude each other",
        "One of Sec-WebSocket-Key1 and -Key2 is missing",
        "The host is malformed",
        "The Sec-WebSocket-Draft is unknown",
        "The Sec-WebSocket-Key is missing or malformed",
        "The origin is malformed",
        "The request announces a draft and lacks its keys",
        "The request announces no WebSocket version, and has no origin",
        "The request line is malformed",
        "The request mixes hixie-76 with a later draft",
        "The request target has a fragment",
        "The request target must be a path",
        "The subprotocol is malformed",
        "The subprotocols are no list of tokens",
        "There is a Sec-WebSocket-Key without Sec-WebSocket-Version",
        "There is a Transfer-Encoding in HTTP/1.0",
        "There is more than one origin field",
        "There is more than one sec-websocket-key field",
        "There is more than one sec-websocket-key1 field",
        "There is more than one sec-websocket-key2 field",
        "There is more than one sec-websocket-origin field",
        "There is more than one sec-websocket-version field",
        "There is more than one subprotocol field",
        "There must be one Content-Length, of digits",
        "There must be one Host field",
        "This port speaks HTTP",
        "Transfer-Encoding must be chunked",
    ),
    403: ("This origin may not connect",),
    404: ("There is no WebSocket at this path",),
    405: ("Only GET is served", "WebSocket opens with GET"),
    408: ("The request took too long",),
    426: ("Only WebSocket is served", "This WebSocket version is not served"),
    431: ("There are too many header fields",),
}
PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
}
MORE = {405: "Allow: GET\r\n", 426: "Upgrade: websocket\r\nSec-WebSocket-Version: 13, 8, 7\r\n"}


def refusal(status: int, sentence: str) -> bytes:
    """
    The whole of an answer that refuses.
    """
    upgrade = ", Upgrade" if status == 426 else ""
    return (
        f"HTTP/1.1 {status} {PHRASES[status]}\r\n"
        f"Connection: close{upgrade}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(sentence) + 1}\r\n"
        f"{MORE.get(status, '')}\r\n"
        f"{sentence}\n"
    ).encode()


REFUSALS = {
    refusal(status, sentence): status for status, all_ in SENTENCES.items() for sentence in all_
}


def opening(data: bytes) -> bytes:
    """
    The answer that opens, for a request with the keys of `wsfallback.testing.request`.

    :param data: the request, whose lines end where they seem to.
    """
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    fields: dict[bytes, bytes] = {}
    for name, _, value in (line.partition(b":") for line in lines):
        fields.setdefault(name.lower(), value.strip(b" \t"))
    if b"sec-websocket-version" in fields:
        key = fields[b"sec-websocket-key"] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = b64encode(sha1(key).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
    where = b"ws://" + fields[b"host"] + first.split(b" ")[1]
    if b"sec-websocket-key1" not in fields:
        return (
            b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\nWebSocket-Origin: " + fields[b"origin"].lower() + b"\r\n"
            b"WebSocket-Location: " + where + b"\r\n\r\n"
        )
    origin = b"Sec-WebSocket-Origin: " + fields[b"origin"] + b"\r\n" if b"origin" in fields else b""
    # The two numbers are those of the draft's example, §1.2.
    challenge = (829309203).to_bytes(4, "big") + (259970620).to_bytes(4, "big") + rest[:8]
    return (
        b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n"
        b"Connection: Upgrade\r\n" + origin + b"Sec-WebSocket-Location: " + where + b"\r\n\r\n"
    ) + (md5(challenge).digest() if len(rest) >= 8 else b"")


class Mute(MessageHandler):
    """
    Takes what comes and says nothing, so that all that is written is the server's.
    """

    def onConnect(self, request: Any) -> str | None:
        """
        Take the first that is offered.
        """
        return request.protocols[0] if request.protocols else None


class Denying(MessageHandler):
    """
    Lets nobody in.
    """

    def onConnect(self, request: Any) -> None:
        """
        In the server's own words, so that the answer is among `REFUSALS`.
        """
        raise ConnectionDeny(403, "This origin may not connect")


#: What an attack is made of, beside single bytes.
PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b"/", b"?", b"#", b"@", b"%0d%0a"),
        *(
            b"\r\n ",
            b"\r\n\t",
            b"\n\n",
            b"\r\n\r\n",
            b"\r\r\n",
            b"\x1b[31m",
            b"\x7f",
            b"\x85",
            b"a",
        ),
        *(b"\xe2\x80\xa8", b"\xc4\x8d\xc4\x8a", b"Set-Cookie: a=b", b"HTTP/1.1 200 OK\r\n\r\n"),
        *(b"X: y\r\n", b"Host: b\r\n", b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n"),
        *(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n", b"\xff\x00", b"\x00a\xff", b"\x88\x80abcd"),
    ]
)
ATTACKS = st.lists(PIECES | st.binary(min_size=1, max_size=1), min_size=1, max_size=6).map(b"".join)
CUTS = st.lists(st.integers(0, 2000), max_size=4)

#: Where the client's bytes stand that an answer repeats, or that choose the answer.
PLACES = ("path", "host", "origin", "protocol", "name", "value")


def attacked(draft: str, place: str, attack: bytes) -> bytes:
    """
    A request with this in it.
    """
    mark = "EVIL"
    options: dict[str, Any] = {
        "path": {"path": f"/{mark}"},
        "host": {"host": mark},
        "origin": {"origin": f"http://{mark}"},
        "protocol": {"protocols": [mark]},
        "name": {"headers": {mark: "y"}},
        "value": {"headers": {"X": mark}},
    }[place]
    return request(draft, **options).replace(mark.encode(), attack)


@dataclass(frozen=True)
class Answer:
    """
    All that a client got.
    """

    wire: bytes

    @property
    def status(self) -> int:
        """
        Of the first line.
        """
        return int(self.wire[9:12])


class SecurityTestCase(SynchronousTestCase):
    """
    What is said of an answer.
    """

    @contextmanager
    def cleanLog(self) -> Iterator[None]:
        """
        What is logged meanwhile is in single lines that any terminal may show.
        """
        with capturedLogs() as events:
            yield
        for event in events:
            line = formatEvent(event)
            self.assertTrue(line.isprintable(), line)
            self.assertNotIn("log_failure", event)
        refusals = [event for event in events if "refused with" in event["log_format"]]
        self.assertLessEqual(len(refusals), 1)

    def sent(
        self,
        data: bytes,
        at: Iterable[int] = (),
        handler: Any = Mute,
        **options: Any,
    ) -> Answer:
        """
        What a client gets that has sent this, and waited.

        :param at: where TCP has cut it.
        """
        with self.cleanLog():
            factory = serve(handler, handshakeTimeout=5, closeTimeout=1, **options)
            clock: Any = factory.reactor
            transport = MemoryTransport(clock)
            transport.attach(factory.buildProtocol(transport.getPeer()))
            for segment in cut(data, list(at)):
                transport.arrive(segment)
                clock.pump([0] * 9)
            clock.pump([5, 1, 1, 0, 0])
        return Answer(b"".join(transport.writes))

    def assertPredicted(self, data: bytes, answer: Answer) -> None:
        """
        The client got one answer, one that can be told beforehand, and no other byte but frames.
        """
        wire = answer.wire
        if not wire.startswith(b"HTTP/1.1 101 "):
            self.assertIn(wire, REFUSALS)
            return
        expected = opening(data)
        head, end, frames = wire.partition(b"\r\n\r\n")
        # The subprotocol is between two fields whose place is known.
        chosen = re.search(rb"\r\n(?:Sec-)?WebSocket-Protocol: ([\x20-\x7e]+)", head)
        if chosen is not None:
            self.assertIn(chosen[1], data)
            head = head.replace(chosen[0], b"")
        self.assertEqual(head + end + frames[: len(expected) - len(head + end)], expected)
        for byte in head.replace(b"\r\n", b""):
            self.assertTrue(0x20 <= byte <= 0x7E, head)
        self.assertNotIn(b"HTTP/", frames)
        self.assertNotIn(b"HTTP/1.1", head[9:])


class InjectionTests(SecurityTestCase):
    """
    Header injection, and response splitting through Host, origin, target and subprotocol.
    """

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(DRAFTS), st.sampled_from(PLACES), ATTACKS, CUTS)
    def test_anything(self, draft: str, place: str, attack: bytes, at: list[int]) -> None:
        """
        Whatever stands there, the answer is the one of the draft, or a refusal known beforehand.
        """
        data = attacked(draft, place, attack)
        self.assertPredicted(data, self.sent(data, at))

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(DRAFTS), st.integers(0, 400), st.integers(0, 8), ATTACKS)
    def test_anywhere(self, draft: str, place: int, size: int, attack: bytes) -> None:
        """
        And wherever it stands, in place of up to so many bytes: one answer at most, with nothing
        in its head that ends a line early.
        """
        data = request(draft)
        place %= len(data)
        answer = self.sent(data[:place] + attack + data[place + size :])
        wire = answer.wire
        head = wire.partition(b"\r\n\r\n")[0]
        self.assertNotIn(b"HTTP/1.1 ", wire[1:])
        for line in head.split(b"\r\n"):
            self.assertRegex(line, rb"\A[\x20-\x7e]*\Z")
        if answer.status != 101:
            self.assertIn(wire, REFUSALS)

    def test_lineEnds(self) -> None:
        """
        In each place: bare LF, bare CR, NUL, folded lines; and what later becomes a line end.
        """
        for draft in DRAFTS:
            for place in PLACES:
                for attack in (b"a\nX: y", b"a\rX: y", b"a\0b", b"a\r\n X: y", b"a\r\n\tX: y"):
                    answer = self.sent(attacked(draft, place, attack))
                    self.assertEqual(answer.status, 400, (draft, place, attack))
                    self.assertIn(answer.wire, REFUSALS)
            for place in ("path", "host", "origin", "protocol"):
                for attack in (b"\xc4\x8d\xc4\x8aX: y", b"\xe2\x80\xa8", b"\x85", b"\x1b[2J"):
                    answer = self.sent(attacked(draft, place, attack))
                    self.assertEqual(answer.status, 400, (draft, place, attack))

    def test_wholeFields(self) -> None:
        """
        A line end that is one makes a field of the request, and none of the answer.
        """
        for draft in DRAFTS:
            for place in ("host", "origin"):
                data = attacked(draft, place, b"a\r\nSet-Cookie: evil=1")
                answer = self.sent(data)
                self.assertEqual(answer.status, 101)
                self.assertNotIn(b"evil", answer.wire.lower())
                self.assertPredicted(data, answer)

    def test_notDecoded(self) -> None:
        """
        What is percent-encoded stays so.
        """
        for draft in HIXIE:
            answer = self.sent(request(draft, path="/%0d%0aX:%20y", host="a%0d%0ab"))
            self.assertIn(b"Location: ws://a%0d%0ab/%0d%0aX:%20y\r\n", answer.wire)

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(HIXIE), ATTACKS)
    def test_forwardedHost(self, draft: str, attack: bytes) -> None:
        """
        Nor does what a proxy that is trusted says of the host, which goes into hixie's answer.
        """
        data = request(draft, headers={"X-Forwarded-Host": "EVIL"}).replace(b"EVIL", attack)
        answer = self.sent(data, trusted=["192.0.2.0/24"])
        if answer.status == 101:
            (host,) = re.findall(rb"-Location: ws://([!-~]*)/\r\n", answer.wire)
            answer = Answer(answer.wire.replace(b"ws://" + host, b"ws://example.com"))
        self.assertPredicted(data, answer)

    def test_reason(self) -> None:
        """
        A handler may quote a client in its reason: it is one line of the body, and nothing else.
        """

        class Quoting(MessageHandler):
            def onConnect(self, request: Any) -> None:
                raise ConnectionDeny(403, request.params["x"][0])

        for draft in DRAFTS:
            data = request(draft, path="/?x=%0d%0aSet-Cookie:%20a%0d%0a%0d%0a%1b%00%c2%85")
            answer = self.sent(data, handler=Quoting)
            self.assertEqual(answer.wire, refusal(403, "Set-Cookie: a ??"))

    def test_log(self) -> None:
        """
        A refusal's line has what the client sent, escaped and cut; its answer has none of it.
        """
        for draft in DRAFTS:
            for place in ("path", "host", "origin", "protocol", "value"):
                with capturedLogs() as events:
                    client = attach(serve(Mute), draft)
                    client.deliver(attacked(draft, place, b"EVIL\x1b]0;\x07\0" + b"x" * 500))
                self.assertNotIn(b"EVIL", client.wire)
                (line,) = (formatEvent(each) for each in events if "refused" in each["log_format"])
                self.assertTrue(line.isprintable(), line)
                self.assertLess(len(line), 300)


class SmugglingTests(SecurityTestCase):
    """
    A second request behind the first, and bodies that look like one.
    """

    #: What is behind the first one.
    SECOND = (
        b"GET /second HTTP/1.1\r\nHost: b\r\n\r\n",
        b"POST /second HTTP/1.1\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
        *(request(draft, path="/second") for draft in DRAFTS),
    )

    def setUp(self) -> None:
        self.options = {"site": Site(Page())}

    def test_behindAnUpgrade(self) -> None:
        """
        In the same segment or in any other it is no request any more.
        """
        for draft in DRAFTS:
            first = request(draft)
            for second in self.SECOND:
                for at in ((), (len(first),), (len(first) - 3, len(first) + 5)):
                    answer = self.sent(first + second, at, **self.options)
                    self.assertEqual(answer.status, 101)
                    self.assertPredicted(first, answer)
                    self.assertNotIn(b"/second", answer.wire)

    def test_behindARefusal(self) -> None:
        """
        Whatever it was refused for, the connection has had its answer.
        """
        for draft in DRAFTS:
            for status, first, options in self.refused(draft):
                for second in self.SECOND:
                    for at in ((), (len(first),), (len(first), len(first) + 9)):
                        answer = self.sent(first + second, at, **options, **self.options)
                        self.assertEqual(REFUSALS.get(answer.wire), status, (draft, first))

    def refused(self, draft: str) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """
        Opening handshakes that are refused, and with what.
        """
        good = request(draft)
        for field in (
            b"Content-Length: 43",
            b"Content-Length: 043x",
            b"Transfer-Encoding: chunked",
        ):
            if draft == "hixie-76" and field == b"Content-Length: 43":
                continue  # its key3 is a body to some
            yield 400, good.replace(b"\r\n", b"\r\n" + field + b"\r\n", 1), {}
        both = b"\r\nContent-Length: 8\r\nTransfer-Encoding: chunked\r\n"
        yield 400, good.replace(b"\r\n", both, 1), {}
        yield 400, good.replace(b"\r\n", b"\r\nContent-Length: 8\r\nContent-Length: 8\r\n", 1), {}
        yield 400, good.replace(b"Host: ", b"Host: a\r\nHost: "), {}
        yield 400, good.replace(b"Host: ", b"Host : "), {}
        yield 400, good.replace(b"\r\nHost: ", b"\nHost: "), {}
        yield 400, good.replace(b"\r\nHost: ", b"\r\n Host: "), {}
        yield 403, good, {"origins": ["http://elsewhere.test"]}
        yield 404, request(draft, path="/none"), {"handler": None, "routes": {"/": Mute}}
        yield 403, good, {"handler": Denying}
        yield 405, good.replace(b"GET", b"POST"), {}
        if draft == "hixie-76":
            yield 400, re.sub(rb"Key1: [^\r]*", b"Key1: 41", good), {}
        if draft in LATER:
            yield 426, re.sub(rb"Version: [0-9]+", b"Version: 99", good), {}

    def test_bodies(self) -> None:
        """
        A body of plain HTTP that looks like an opening handshake is a body, however it is cut.
        """
        for draft in DRAFTS:
            inner = request(draft)
            chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
            for field, body in (
                (b"Content-Length: %d" % len(inner), inner),
                (b"Transfer-Encoding: chunked", chunked),
            ):
                head = b"POST / HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n"
                for at in ((), (len(head),), (len(head) + 9,)):
                    answer = self.sent(head + body, at, **self.options)
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(answer.wire.count(b"HTTP/1.1 "), 1)
                    self.assertTrue(answer.wire.endswith(b"POST " + inner + b"\n"))

    def test_ambiguousBodies(self) -> None:
        """
        Where it is not clear which bytes are a body, a site gets none of it.
        """
        for fields in (
            b"Content-Length: 0\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 0",
            b"Content-Length: 0\r\nContent-Length: 43",
            b"Content-Length: 0\r\nContent-Length: 0",
            b"Content-Length: 0, 0",
            b"Content-Length: +0",
            b"Content-Length: 0x0",
            b"Content-Length: \xb2",
            b"Content-Length:",
            b"Content-Length: 9223372036854775808",
            b"Content-Length : 0",
            b"Content-Length\t: 0",
            b"X: y\r\n Content-Length: 0",
            b"X: y\nContent-Length: 0",
            b"X: y\rContent-Length: 0",
            b"Transfer-Encoding: chunked",  # in HTTP/1.0, which hasn't got that
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: \x0bchunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding:\r\n chunked",
            b"Transfer-Encoding : chunked",
        ):
            head = b"POST /first HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n\r\n"
            if fields == b"Transfer-Encoding: chunked":
                head = head.replace(b"HTTP/1.1", b"HTTP/1.0")
            for second in (*self.SECOND, b"0\r\n\r\n" + self.SECOND[0]):
                answer = self.sent(head + second, **self.options)
                self.assertEqual(REFUSALS.get(answer.wire), 400, fields)

    def test_afterPlainHTTP(self) -> None:
        """
        Behind a request of plain HTTP an opening handshake is one more of those.
        """
        first = b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
        for draft in DRAFTS:
            for at in ((), (len(first),)):
                # key3 would be the beginning of a third one, which is none.
                second = request(draft, path="/second").removesuffix(b"^n:ds[4U")
                answer = self.sent(first + second, at, **self.options)
                statuses = re.findall(rb"HTTP/1.1 ([0-9]+)", answer.wire)
                self.assertEqual(statuses, [b"200", b"200"])

    def test_http10(self) -> None:
        """
        In HTTP/1.0 there is no upgrade: one page, and the end.
        """
        for draft in DRAFTS:
            data = request(draft, path="/first").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
            answer = self.sent(data + self.SECOND[0], **self.options)
            self.assertEqual(answer.wire.count(b"HTTP/1."), 1)
            self.assertTrue(answer.wire.endswith(b"GET /first\n"))

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(DRAFTS), ATTACKS, st.sampled_from(SECOND), CUTS)
    def test_anything(self, draft: str, attack: bytes, second: bytes, at: list[int]) -> None:
        """
        Whatever stands between the two: the first has one answer, and the second has none.
        """
        data = request(draft) + attack + second
        answer = self.sent(data, at, site=Site(Page()))
        self.assertEqual(answer.status, 101)
        self.assertPredicted(data, answer)


class DowngradeTests(SecurityTestCase):
    """
    Proxies that strip fields must not make an old client of a current one.
    """

    def stripped(self, data: bytes, *names: bytes) -> bytes:
        """
        A request without these fields.
        """
        for name in names:
            data = re.sub(rb"\r\n" + name + rb": [^\r\n]*", b"", data)
        return data

    def test_versionIsGone(self) -> None:
        """
        A Sec-WebSocket-Key without a version is refused, whatever else is there.
        """
        sentence = "There is a Sec-WebSocket-Key without Sec-WebSocket-Version"
        for draft in LATER:
            for headers in ({}, {"Origin": "http://a"}, {"Sec-WebSocket-Extensions": "x"}):
                if "Origin" in headers and draft == "rfc6455":
                    continue  # it has one
                data = self.stripped(request(draft, headers=headers), b"Sec-WebSocket-Version")
                self.assertEqual(self.sent(data).wire, refusal(400, sentence))

    def test_keyIsGone(self) -> None:
        """
        And so is a version without a key.
        """
        for draft in LATER:
            data = self.stripped(request(draft), b"Sec-WebSocket-Key")
            expected = refusal(400, "The Sec-WebSocket-Key is missing or malformed")
            self.assertEqual(self.sent(data).wire, expected)

    def test_oneFieldIsLeft(self) -> None:
        """
        As long as one Sec-WebSocket field is left it is no hixie-75.
        """
        for draft in LATER:
            for left in ("Protocol", "Extensions", "Origin", "Nonce", "Draft", "Accept"):
                names = (b"Key", b"Version", b"Origin")
                bare = self.stripped(request(draft, origin="http://a"), b"Origin")
                bare = self.stripped(bare, *(b"Sec-WebSocket-" + name for name in names))
                more = f"\r\nOrigin: http://a\r\nSec-WebSocket-{left}: 9\r\n".encode()
                answer = self.sent(bare.replace(b"\r\n", more, 1))
                self.assertEqual(answer.status, 400, (draft, left))
                self.assertIn(answer.wire, REFUSALS)

    def test_hixie76(self) -> None:
        """
        Nor does hixie-76 become hixie-75 by a key that is lost, or by both.
        """
        good = request("hixie-76", protocols=["a"])
        for names in ((b"1",), (b"2",), (b"1", b"2")):
            data = self.stripped(good, *(b"Sec-WebSocket-Key" + name for name in names))
            answer = self.sent(data)
            self.assertEqual(answer.status, 400)
            self.assertIn(answer.wire, REFUSALS)

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(LATER), st.sets(st.integers(1, 8)), st.booleans())
    def test_anyFieldsAreGone(self, draft: str, gone: set[int], isSwapped: bool) -> None:
        """
        Whatever is stripped, in whatever order the rest is: the answer has the proof that this
        client wants, or refuses, or is plain HTTP's; unless nothing of its draft is left.
        """
        first, *lines = request(draft, protocols=["a"]).removesuffix(b"\r\n\r\n").split(b"\r\n")
        left = [line for number, line in enumerate(lines, 1) if number not in gone]
        if isSwapped:
            left.reverse()
        answer = self.sent(b"\r\n".join([first, *left, b"", b""]))
        hasDraft = any(line.startswith(b"Sec-WebSocket-") for line in left)
        if answer.status != 101:
            self.assertIn(answer.wire, REFUSALS)
        elif hasDraft:
            self.assertIn(b"\r\nSec-WebSocket-Accept: ", answer.wire)
            self.assertNotIn(b"-Location", answer.wire)

    def test_mixed(self) -> None:
        """
        Fields of two drafts, and a field that there may be once, twice.
        """
        keys = {"Sec-WebSocket-Key1": "1 2", "Sec-WebSocket-Key2": "1 2"}
        for draft in LATER:
            expected = refusal(400, "The request mixes hixie-76 with a later draft")
            self.assertEqual(self.sent(request(draft, headers=keys)).wire, expected)
            for name in ("Sec-WebSocket-Key", "Sec-WebSocket-Version"):
                value = "13" if name.endswith("Version") else "A" * 22 + "=="
                answer = self.sent(request(draft, headers={name: value}))
                expected = refusal(400, f"There is more than one {name.lower()} field")
                self.assertEqual(answer.wire, expected)
