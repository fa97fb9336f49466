"""
Which draft a request announces.
"""

from dataclasses import FrozenInstanceError

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.drafts.table import (
    DRAFTS,
    HIXIE_75,
    HIXIE_76,
    HYBI_07,
    HYBI_10,
    RFC_6455,
    Draft,
    answered,
    choose,
    upgradeFields,
)
from wsfallback.errors import HandshakeError
from wsfallback.request import Request, RequestReader
from wsfallback.response import Response

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
KEY1 = b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5"
KEY2 = b"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00"
HOST = b"Host: example.com"
ORIGIN = b"Origin: http://example.com"
UPGRADE = (b"Upgrade: WebSocket", b"Connection: Upgrade")

H75 = (*UPGRADE, HOST, ORIGIN)
H76 = (*H75, KEY1, KEY2)


def version(value: bytes) -> tuple[bytes, ...]:
    """
    The fields of a draft with a version.
    """
    return (HOST, *UPGRADE, KEY, b"Sec-WebSocket-Version: " + value)


#: A good request of each row.
GOOD = {
    HIXIE_75: H75,
    HIXIE_76: H76,
    HYBI_07: version(b"7"),
    HYBI_10: version(b"8"),
    RFC_6455: version(b"13"),
}


def read(*lines: bytes, first: bytes = b"GET /chat HTTP/1.1") -> Request:
    """
    The request of these fields.
    """
    data = b"".join(line + b"\r\n" for line in (first, *lines, b""))
    request = RequestReader(16384).feed(data)
    assert request is not None
    return request


class TableTestCase(SynchronousTestCase):
    """
    What the tests of the table say.
    """

    def assertChooses(
        self, draft: Draft | None, *lines: bytes, first: bytes = b"GET /chat HTTP/1.1"
    ) -> None:
        """
        This announces this draft; `None`: it is no upgrade.
        """
        self.assertIs(choose(read(*lines, first=first)), draft, (first, lines))

    def assertRefused(
        self,
        status: int,
        *lines: bytes,
        first: bytes = b"GET /chat HTTP/1.1",
        drafts: tuple[Draft, ...] = DRAFTS,
    ) -> HandshakeError:
        """
        This is refused.
        """
        try:
            chosen = choose(read(*lines, first=first), drafts)
        except HandshakeError as error:
            self.assertEqual(error.status, status, (first, lines))
            return error
        raise self.failureException(f"not refused but {chosen}: {first!r} {lines}")


class RowTests(SynchronousTestCase):
    """
    The rows themselves.
    """

    def test_names(self) -> None:
        """
        Five, oldest first, each with a name of its own.
        """
        self.assertEqual(
            [draft.name for draft in DRAFTS],
            ["hixie-75", "hixie-76", "hybi-07", "hybi-10", "rfc6455"],
        )

    def test_versions(self) -> None:
        """
        As they are on the wire.
        """
        self.assertEqual([draft.version for draft in DRAFTS], [0, 0, 7, 8, 13])

    def test_capabilities(self) -> None:
        """
        What hixie lacks it lacks altogether; the others lack nothing.
        """
        for draft in DRAFTS:
            can = {draft.binary, draft.ping, draft.closeCodes, draft.fragments}
            self.assertEqual(can, {draft not in (HIXIE_75, HIXIE_76)}, draft.name)

    def test_ours(self) -> None:
        """
        A row has both an opening and a framing of ours, or neither.
        """
        for draft in DRAFTS:
            self.assertEqual(draft.opening is None, draft.framing is None, draft.name)
            self.assertEqual(draft.opening is None, draft.version > 0, draft.name)

    def test_originFields(self) -> None:
        """
        Two rows have their own.
        """
        self.assertEqual(
            [draft.originField for draft in DRAFTS],
            [
                b"origin",
                b"origin",
                b"sec-websocket-origin",
                b"sec-websocket-origin",
                b"origin",
            ],
        )

    def test_described(self) -> None:
        """
        Each row says what it stands for, and who speaks it.
        """
        for draft in DRAFTS:
            self.assertTrue(draft.describes, draft.name)
            self.assertTrue(draft.clients, draft.name)

    def test_frozen(self) -> None:
        """
        Nobody changes a row.
        """
        with self.assertRaises(FrozenInstanceError):
            HIXIE_75.version = 13  # type: ignore[misc]


class RecognitionTests(TableTestCase):
    """
    The table of FACTS §2, from top to bottom.
    """

    def test_requestLine(self) -> None:
        """
        Row 1: GET, a path, HTTP/1.1.
        """
        for draft, lines in GOOD.items():
            self.assertChooses(draft, *lines)
            # RFC 9110 §7.8: an upgrade in HTTP/1.0 is ignored.
            self.assertChooses(None, *lines, first=b"GET /chat HTTP/1.0")
            error = self.assertRefused(405, *lines, first=b"POST /chat HTTP/1.1")
            self.assertEqual(error.fields, (("Allow", "GET"),))
            self.assertRefused(405, *lines, first=b"get /chat HTTP/1.1")

    def test_absoluteTargets(self) -> None:
        """
        Row 1: a whole URL is of hybi-08 and later.
        """
        for target in (b"http://example.com/chat", b"HTTPS://example.com", b"http://a?b"):
            first = b"GET " + target + b" HTTP/1.1"
            self.assertRefused(400, *H75, first=first)
            self.assertRefused(400, *H76, first=first)
            self.assertChooses(HYBI_10, *version(b"8"), first=first)
            self.assertChooses(RFC_6455, *version(b"13"), first=first)

    def test_otherTargets(self) -> None:
        """
        Row 1: neither a path nor a URL.
        """
        for target in (
            b"*",
            b"chat",
            b"example.com:80",
            b"ftp://example.com/",
            b"?a",
            b"http:/a",
            b"http://",
            b"http:///a",
        ):
            for lines in GOOD.values():
                self.assertRefused(400, *lines, first=b"GET " + target + b" HTTP/1.1")

    def test_fragments(self) -> None:
        """
        A target has no fragment.
        """
        for lines in GOOD.values():
            self.assertRefused(400, *lines, first=b"GET /chat#a HTTP/1.1")

    def test_plainHTTP(self) -> None:
        """
        Row 2: without both fields it is ordinary HTTP, whatever else it has.
        """
        for lines in GOOD.values():
            for missing in UPGRADE:
                rest = [line for line in lines if line != missing]
                self.assertChooses(None, *rest)
                self.assertChooses(None, *rest, first=b"POST / HTTP/1.1")
            without = [line for line in lines if line not in UPGRADE]
            self.assertChooses(None, *without, b"Upgrade: h2c", b"Connection: Upgrade")
            self.assertChooses(None, *without, b"Upgrade: websocket", b"Connection: close")
            self.assertChooses(None, *without, b"Upgrade: websocketx", b"Connection: Upgrade")

    def test_upgradeInAnyForm(self) -> None:
        """
        Row 2: members of lists, in any case.
        """
        for draft, lines in GOOD.items():
            without = [line for line in lines if line not in UPGRADE]
            for upgrade, connection in (
                (b"websocket", b"keep-alive, Upgrade"),
                (b"WEBSOCKET", b"upgrade"),
                (b"h2c, WebSocket", b"UPGRADE,keep-alive"),
            ):
                self.assertChooses(
                    draft, b"Upgrade: " + upgrade, b"Connection: " + connection, *without
                )

    def test_twice(self) -> None:
        """
        Row 3: two of a field are two opinions, even if they agree, in any case.
        """
        for name in (
            b"Origin",
            b"Sec-WebSocket-Key",
            b"Sec-WebSocket-Key1",
            b"Sec-WebSocket-Key2",
            b"Sec-WebSocket-Version",
            b"Sec-WebSocket-Draft",
            b"Sec-WebSocket-Origin",
        ):
            for lines in GOOD.values():
                present = [line for line in lines if line.startswith(name + b":")]
                again = present or [name + b": 1", name + b": 1"]
                self.assertRefused(400, *lines, *[line.lower() for line in again])
        self.assertRefused(400, *version(b"13"), b"Sec-WebSocket-Version: 8")

    def test_versionAndKeys(self) -> None:
        """
        Row 4: no client mixes these.
        """
        for number in (b"13", b"8", b"7", b"0", b"99"):
            for keys in ((KEY1,), (KEY2,), (KEY1, KEY2)):
                self.assertRefused(400, *version(number), *keys)
                self.assertRefused(400, *H75, *keys, b"Sec-WebSocket-Version: " + number)

    def test_versions(self) -> None:
        """
        Rows 5-7: the version is the draft.
        """
        self.assertChooses(RFC_6455, *version(b"13"))
        self.assertChooses(HYBI_10, *version(b"8"))
        self.assertChooses(HYBI_07, *version(b"7"))
        self.assertChooses(RFC_6455, *version(b" 13\t"))

    def test_otherVersions(self) -> None:
        """
        Rows 8 and 9: what is not served, lists and junk are answered with what is.
        """
        for number in (
            b"0",
            b"1",
            b"4",
            b"5",
            b"6",
            b"9",
            b"12",
            b"14",
            b"130",
            b"+13",
            b"-13",
            b"013",
            b"13.0",
            b"13, 8",
            b"13,13",
            b"13;",
            b"1 3",
            b"0xd",
            b"\xb9\xb3",
            b"thirteen",
            b"",
        ):
            error = self.assertRefused(426, *version(number))
            self.assertIn(("Sec-WebSocket-Version", "13, 8, 7"), error.fields)
            self.assertIn(("Upgrade", "websocket"), error.fields)

    def test_versionBeforeKey(self) -> None:
        """
        Row 9 before row 10: a future version's key may look otherwise.
        """
        self.assertRefused(426, HOST, *UPGRADE, b"Sec-WebSocket-Version: 25")

    def test_missingKey(self) -> None:
        """
        Row 10: there must be one.
        """
        for number in (b"7", b"8", b"13"):
            self.assertRefused(400, HOST, *UPGRADE, b"Sec-WebSocket-Version: " + number)

    def test_keys(self) -> None:
        """
        Row 10: base64 of 16 bytes.
        """
        for key in (
            b"",
            b"AAAA",
            b"A" * 21 + b"==",
            b"A" * 23 + b"==",
            b"A" * 24,
            b"A" * 22 + b"=",
            b"A" * 22 + b"===",
            b"A" * 21 + b"-==",
            b"A" * 21 + b"_==",
            b"A" * 10 + b" " + b"A" * 11 + b"==",
            b"A" * 22 + b"==, " + b"A" * 22 + b"==",
            b"\xc1" * 22 + b"==",
            b"A" * 32,
        ):
            lines = [HOST, *UPGRADE, b"Sec-WebSocket-Key: " + key, b"Sec-WebSocket-Version: 13"]
            self.assertRefused(400, *lines)

    def test_keysOfOldClients(self) -> None:
        """
        Row 10, and npm ws 0.4: before RFC 6455 base64 of another length comes too.
        """
        for number, draft in ((b"7", HYBI_07), (b"8", HYBI_10)):
            end = b"Sec-WebSocket-Version: " + number
            for key in (b"A" * 22 + b"==", b"A" * 20, b"AA==", b"AAA=", b"A" * 88):
                self.assertChooses(draft, HOST, *UPGRADE, b"Sec-WebSocket-Key: " + key, end)
            for key in (
                b"",
                b"A",
                b"AA",
                b"AA=A",
                b"A===",
                b"====",
                b"A" * 92,
                b"AA= =",
                b"!" * 20,
            ):
                self.assertRefused(400, HOST, *UPGRADE, b"Sec-WebSocket-Key: " + key, end)

    def test_keyWithoutVersion(self) -> None:
        """
        Row 11: never taken for hixie-75.
        """
        self.assertRefused(400, *H75, KEY)
        self.assertRefused(400, *H75, b"Sec-WebSocket-Key:")
        self.assertRefused(400, *H76, KEY)

    def test_oneKey(self) -> None:
        """
        Row 12: the other one is missing.
        """
        self.assertRefused(400, *H75, KEY1)
        self.assertRefused(400, *H75, KEY2)
        self.assertRefused(400, *H75, b"Sec-WebSocket-Key1:")
        self.assertRefused(400, *H75, KEY2, b"Sec-WebSocket-Draft: 1")

    def test_twoKeys(self) -> None:
        """
        Row 13: hixie-76, which is hybi-00, in any order and case.
        """
        self.assertChooses(HIXIE_76, *H76)
        self.assertChooses(HIXIE_76, *reversed(H76))
        self.assertChooses(HIXIE_76, *H76, b"Sec-WebSocket-Draft: 0")
        for change in (bytes.lower, bytes.upper):
            lines = []
            for line in H76:
                name, colon, value = line.partition(b":")
                lines.append(change(name) + colon + value)
            self.assertChooses(HIXIE_76, *lines)

    def test_twoKeysWithoutOrigin(self) -> None:
        """
        Row 13 and FACTS §9 17: clients that are no browsers have none.
        """
        self.assertChooses(HIXIE_76, *UPGRADE, HOST, KEY1, KEY2)

    def test_drafts1to3(self) -> None:
        """
        Row 14: hybi-01 to -03, which nobody shipped.
        """
        for number in (b"1", b"2", b"3"):
            error = self.assertRefused(426, *H76, b"Sec-WebSocket-Draft: " + number)
            self.assertIn(("Sec-WebSocket-Version", "13, 8, 7"), error.fields)

    def test_otherDrafts(self) -> None:
        """
        Row 15: none such.
        """
        for number in (b"", b"4", b"00", b"1, 2", b"+1", b"x"):
            self.assertRefused(400, *H76, b"Sec-WebSocket-Draft: " + number)

    def test_announcedWithoutKeys(self) -> None:
        """
        Row 16: later than hixie-75, and not whole.
        """
        for line in (
            b"Sec-WebSocket-Draft: 0",
            b"Sec-WebSocket-Draft: 2",
            b"Sec-WebSocket-Draft:",
            b"Sec-WebSocket-Nonce: AAAA",
            b"Sec-WebSocket-Nonce:",
        ):
            self.assertRefused(400, *H75, line)

    def test_hixie75(self) -> None:
        """
        Row 17: nothing of the others, and an origin.
        """
        self.assertChooses(HIXIE_75, *H75)
        self.assertChooses(HIXIE_75, *H75, b"WebSocket-Protocol: chat", b"Cookie: ")
        self.assertChooses(HIXIE_75, *(line.lower() for line in H75))
        self.assertChooses(HIXIE_75, *H75[:-1], b"Origin: null")
        self.assertChooses(HIXIE_75, *H75[:-1], b"Origin: file://")

    def test_noOrigin(self) -> None:
        """
        Row 18: anything at all could be hixie-75 otherwise.
        """
        self.assertRefused(400, *UPGRADE, HOST)
        self.assertRefused(400, *UPGRADE, HOST, b"Sec-WebSocket-Origin: http://example.com")


class ServedTests(TableTestCase):
    """
    Which drafts are served is the operator's.
    """

    def test_each(self) -> None:
        """
        A draft that is not served is refused with the versions that are.
        """
        for draft, lines in GOOD.items():
            others = tuple(other for other in DRAFTS if other is not draft)
            error = self.assertRefused(426, *lines, drafts=others)
            self.assertEqual(error.fields, upgradeFields(others))
            self.assertIs(choose(read(*lines), (draft,)), draft)

    def test_malformedAndNotServed(self) -> None:
        """
        What is malformed is that, served or not.
        """
        self.assertRefused(400, *H75, KEY1, drafts=(RFC_6455,))
        self.assertRefused(400, *H75, KEY, drafts=(RFC_6455,))

    def test_plainHTTP(self) -> None:
        """
        Without any draft there is still HTTP.
        """
        self.assertIs(choose(read(HOST), ()), None)

    def test_upgradeFields(self) -> None:
        """
        RFC 6455 §4.4: newest first; none where no served draft has a version.
        """
        start = (("Upgrade", "websocket"),)
        self.assertEqual(upgradeFields(DRAFTS), (*start, ("Sec-WebSocket-Version", "13, 8, 7")))
        self.assertEqual(
            upgradeFields((HYBI_07, RFC_6455)), (*start, ("Sec-WebSocket-Version", "13, 7"))
        )
        self.assertEqual(upgradeFields((HIXIE_75, HIXIE_76)), start)


class CheckedTests(TableTestCase):
    """
    FACTS §7: what an answer would repeat, and what is refused on every draft.
    """

    def replaced(self, lines: tuple[bytes, ...], name: bytes, value: bytes) -> list[bytes]:
        """
        These fields with this one set.
        """
        rest = [line for line in lines if not line.startswith(name + b":")]
        return [*rest, name + b": " + value]

    def test_hosts(self) -> None:
        """
        A name or an address, and a port.
        """
        for host in (
            b"a",
            b"example.com:8080",
            b"EXAMPLE.com",
            b"127.0.0.1:1",
            b"[::1]",
            b"[2001:db8::1]:65535",
            b"a_b.test",
            b"a:",
        ):
            for draft, lines in GOOD.items():
                self.assertChooses(draft, *self.replaced(lines, b"Host", host))

    def test_badHosts(self) -> None:
        """
        Nothing else, for it goes into a URL.
        """
        for host in (
            b"",
            b"a b",
            b"a/b",
            b"a?b",
            b"a#b",
            b"u@a",
            b"a,b",
            b"a:b",
            b"a:123456",
            b"a:1:2",
            b"::1",
            b"[::1",
            b"[a]]",
            b"a\x7f",
            b"\xe4",
            b"a\tb",
            b'"a"',
            b"<a>",
            b"a\\b",
        ):
            for lines in GOOD.values():
                self.assertRefused(400, *self.replaced(lines, b"Host", host))

    def test_origins(self) -> None:
        """
        Visible characters, as old clients send all sorts of them.
        """
        for origin in (b"null", b"file://", b"random12345", b"a:80", b"http://[::1]:1", b""):
            for draft, lines in GOOD.items():
                self.assertChooses(draft, *self.replaced(lines, b"Origin", origin))

    def test_badOrigins(self) -> None:
        """
        Nothing else, in either field.
        """
        for origin in (b"http://a http://b", b"http://\xe4", b"a\tb", b"a\x7f", b"\x80"):
            for name in (b"Origin", b"Sec-WebSocket-Origin"):
                for lines in GOOD.values():
                    self.assertRefused(400, *self.replaced(lines, name, origin))

    def test_protocols(self) -> None:
        """
        On hixie a string, on later drafts a list of tokens.
        """
        odd = b"Sec-WebSocket-Protocol: my (chat) [1]"
        self.assertChooses(HIXIE_76, *H76, odd)
        self.assertChooses(HIXIE_75, *H75, b"WebSocket-Protocol: my (chat)")
        for number, draft in ((b"7", HYBI_07), (b"8", HYBI_10), (b"13", RFC_6455)):
            self.assertChooses(draft, *version(number), b"Sec-WebSocket-Protocol: a, b,,c.d ")
            self.assertChooses(
                draft, *version(number), *(b"Sec-WebSocket-Protocol: " + x for x in (b"a", b"b"))
            )
            self.assertRefused(400, *version(number), odd)
            self.assertRefused(400, *version(number), b"Sec-WebSocket-Protocol: a", odd)

    def test_badProtocols(self) -> None:
        """
        What would break a line or a terminal.
        """
        for name in (b"Sec-WebSocket-Protocol: ", b"WebSocket-Protocol: "):
            for value in (b"\xe4", b"a\x7fb", b"a\x80", b"a\xff"):
                for lines in GOOD.values():
                    self.assertRefused(400, *lines, name + value)
        self.assertRefused(400, *H76, b"Sec-WebSocket-Protocol: a\tb")

    def test_bodies(self) -> None:
        """
        hixie-76's key3 may be announced as one; there is no other.
        """
        self.assertChooses(HIXIE_76, *H76, b"Content-Length: 8")
        for draft, lines in GOOD.items():
            self.assertChooses(draft, *lines, b"Content-Length: 0")
            self.assertRefused(400, *lines, b"Transfer-Encoding: chunked")
            if draft is not HIXIE_76:
                self.assertRefused(400, *lines, b"Content-Length: 8")


class AnsweredTests(SynchronousTestCase):
    """
    Which draft a 101 belongs to: a server of one draft gives its answer to all.
    """

    def test_byItsFields(self) -> None:
        """
        An origin or a location, by hixie's names for them; with an accept it is none of hixie's.
        """
        for status, names, draft in (
            (101, [b"websocket-origin"], HIXIE_75),
            (101, [b"websocket-location"], HIXIE_75),
            (101, [b"sec-websocket-origin"], HIXIE_76),
            (101, [b"sec-websocket-location"], HIXIE_76),
            (101, [b"websocket-origin", b"sec-websocket-location"], HIXIE_76),
            (101, [b"sec-websocket-location", b"sec-websocket-accept"], None),
            (101, [b"origin", b"location", b"sec-websocket-protocol"], None),
            (400, [b"websocket-origin"], None),
        ):
            response = Response(b"HTTP/1.1", status, b"", tuple((name, b"x") for name in names))
            self.assertIs(answered(response), draft, (status, names))


class AnyRequestTests(SynchronousTestCase):
    """
    Whatever a request announces.
    """

    @settings(max_examples=200, deadline=None)
    @given(
        st.sets(st.sampled_from(sorted({line for lines in GOOD.values() for line in lines}))),
        st.lists(
            st.sampled_from(
                (
                    b"Sec-WebSocket-Draft: 0",
                    b"Sec-WebSocket-Draft: 2",
                    b"Sec-WebSocket-Nonce: x",
                    b"Content-Length: 8",
                    b"Transfer-Encoding: chunked",
                    b"Sec-WebSocket-Protocol: a b",
                )
            ),
            max_size=2,
        ),
        st.sets(st.sampled_from(DRAFTS)),
    )
    def test_choosesOrRefuses(
        self, good: set[bytes], more: list[bytes], drafts: set[Draft]
    ) -> None:
        """
        A served draft, plain HTTP, or a status; never another exception.
        """
        lines = sorted(good | {HOST}) + more
        try:
            chosen = choose(read(*lines), drafts)
        except HandshakeError as error:
            self.assertIn(error.status, (400, 426))
            return
        if chosen is None:
            self.assertFalse(set(UPGRADE) <= good)
        else:
            self.assertIn(chosen, drafts)
            self.assertTrue(set(UPGRADE) <= good)
