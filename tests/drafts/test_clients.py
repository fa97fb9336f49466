"""
The client's half of the opening handshakes.
"""

import re
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.vectors import HANDSHAKES, ROWS, Handshake, forEach
from wsfallback.destination import destination
from wsfallback.drafts import hixie76
from wsfallback.drafts.asking import Answer, ClientOpening
from wsfallback.drafts.hixie76_client import MAX_NUMBER, key
from wsfallback.drafts.rfc6455 import accept
from wsfallback.drafts.table import DRAFTS, HIXIE_75, HIXIE_76, RFC_6455, answered, choose
from wsfallback.errors import AnswerError
from wsfallback.request import RequestReader

URL = "ws://example.com/demo"


def asking(
    draft: Any, url: str = URL, *, seed: int = 1, isStrict: bool = False, **asked: Any
) -> ClientOpening:
    """
    An opening that has sent its request.
    """
    compress = asked.pop("compress", False)
    opening: ClientOpening = draft.asking(
        destination(url, **asked), Random(seed), maxHead=16384, isStrict=isStrict, compress=compress
    )
    opening.request()
    return opening


def given76(key1: bytes, key2: bytes, key3: bytes, **asked: Any) -> ClientOpening:
    """
    An opening of hixie-76 that has drawn these keys.
    """
    opening = asking(HIXIE_76, **asked)
    numbers = (hixie76.number(each).to_bytes(4, "big") for each in (key1, key2))
    opening._digest = hixie76.md5(b"".join(numbers) + key3).digest()  # type: ignore[attr-defined]
    return opening


def answer76(*, digest: bytes = b"", **fields: str) -> bytes:
    """
    What a server of hixie-76 answers.
    """
    lines = {
        "Upgrade": "WebSocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Origin": "http://example.com",
        "Sec_WebSocket_Location": URL,
        **fields,
    }
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 101 x\r\n{text}\r\n".encode() + digest


def answer75(*lines: str, first: str = "HTTP/1.1 101 Web Socket Protocol Handshake") -> bytes:
    """
    What a server of hixie-75 answers.
    """
    default = (
        "Upgrade: WebSocket",
        "Connection: Upgrade",
        "WebSocket-Origin: http://example.com",
        f"WebSocket-Location: {URL}",
    )
    return "\r\n".join([first, *(lines or default)]).encode() + b"\r\n\r\n"


class _Tests(SynchronousTestCase):
    def fed(self, opening: ClientOpening, data: bytes) -> Answer:
        """
        The answer, of its bytes one by one.
        """
        for at in range(len(data)):
            found = opening.feed(data[at : at + 1])
            self.assertEqual(found is None, at < len(data) - 1)
        assert found is not None
        return found

    def refused(self, opening: ClientOpening, data: bytes) -> AnswerError:
        """
        Why it is refused.
        """
        error: AnswerError = self.assertRaises(AnswerError, opening.feed, data)
        return error


class RequestTests(_Tests):
    """
    What is sent.
    """

    def test_hixie75(self) -> None:
        """
        Chrome 4's, byte for byte.
        """
        opening = HIXIE_75.asking(
            destination(
                "ws://Example.com:80/demo?x",
                origin="HTTP://Page.example",
                protocols=["a", "b"],
                headers={"Cookie": "c=d"},
            ),
            Random(1),
            maxHead=16384,
        )
        self.assertEqual(
            opening.request(),
            b"GET /demo?x HTTP/1.1\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Host: example.com\r\n"
            b"Origin: http://page.example\r\n"
            b"WebSocket-Protocol: a,b\r\n"
            b"Cookie: c=d\r\n\r\n",
        )

    def test_hixie76(self) -> None:
        """
        WebKit's: the keys last, key3 behind the head, no Content-Length, an origin of its own.
        """
        where = destination("wss://h:8443/x", headers={"Cookie": "c=d"}, protocols=["a"])
        request = HIXIE_76.asking(where, Random(1), maxHead=16384).request()
        head, key3 = request[:-8], request[-8:]
        self.assertRegex(
            head,
            b"\\AGET /x HTTP/1.1\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Host: h:8443\r\n"
            b"Origin: https://h:8443\r\n"
            b"Sec-WebSocket-Protocol: a\r\n"
            b"Cookie: c=d\r\n"
            b"Sec-WebSocket-Key1: [^\r]+\r\n"
            b"Sec-WebSocket-Key2: [^\r]+\r\n\r\n\\Z",
        )
        self.assertRegex(key3, b"\\A[\x21-\x7e]{8}\\Z")

    def test_modern(self) -> None:
        """
        Version, and the origin's field, which is only there if one was given.
        """
        for draft, version, field in zip(
            DRAFTS[2:],
            (7, 8, 13),
            ("Sec-WebSocket-Origin", "Sec-WebSocket-Origin", "Origin"),
            strict=True,
        ):
            asked = {"origin": "http://Page", "protocols": ["a", "b"], "headers": {"Cookie": "c"}}
            where = destination("ws://h", **asked)
            request = draft.asking(where, Random(1), maxHead=1000, compress=True).request()
            self.assertRegex(
                request.decode(),
                "\\AGET / HTTP/1.1\r\n"
                "Host: h\r\n"
                "Upgrade: websocket\r\n"
                "Connection: Upgrade\r\n"
                "Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n"
                f"Sec-WebSocket-Version: {version}\r\n"
                f"{field}: http://Page\r\n"
                "Sec-WebSocket-Protocol: a, b\r\n"
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
                "Cookie: c\r\n\r\n\\Z",
            )
            plain = draft.asking(destination("ws://h"), Random(1), maxHead=1000).request()
            self.assertNotIn(b"rigin", plain)
            self.assertNotIn(b"Extensions", plain)

    def test_ourServerKnowsThem(self) -> None:
        """
        Each is recognised for what it is.
        """
        for draft in DRAFTS:
            reader = RequestReader(16384)
            request = reader.feed(draft.asking(destination(URL), Random(1), maxHead=1).request())
            assert request is not None
            self.assertIs(choose(request), draft)
            self.assertEqual(len(reader.rest), 8 if draft is HIXIE_76 else 0)


class KeyTests(SynchronousTestCase):
    """
    hixie-76 §4.1 steps 16-21.
    """

    @given(st.randoms(use_true_random=False))
    def test_keys(self, random: Random) -> None:
        """
        Our server reads the number back, and so does one that has signed ints and strips fields.
        """
        number, text = key(random)
        self.assertEqual(hixie76.number(text.encode("ascii")), number)
        digits, spaces = int(re.sub("[^0-9]", "", text)), text.count(" ")
        self.assertLessEqual(digits, MAX_NUMBER)
        self.assertTrue(1 <= spaces <= 12)
        self.assertEqual(digits, number * spaces)
        self.assertEqual(text.strip(), text)
        self.assertRegex(text, r"\A[A-Za-z0-9 ]+\Z")
        self.assertTrue(1 <= len(re.sub("[0-9 ]", "", text)) <= 12)


@forEach(each for each in HANDSHAKES if each.draft in ("hixie-75", "hixie-76"))
class VectorTests(_Tests):
    """
    What foreign servers answered, or ours must.
    """

    def test_answer(self, vector: Handshake) -> None:
        """
        Is accepted, whole, byte by byte, and with a frame behind it.
        """
        for pieces in (
            [vector.response + b"\0x\xff"],
            [vector.response[at : at + 1] for at in range(len(vector.response))] + [b"\0x\xff"],
        ):
            if vector.draft == "hixie-75":
                opening = asking(HIXIE_75, protocols=vector.protocols)
            else:
                opening = given76(
                    vector.value(b"Sec-WebSocket-Key1") or vector.value(b"Sec-Websocket-Key1"),
                    vector.value(b"Sec-WebSocket-Key2") or vector.value(b"Sec-Websocket-Key2"),
                    vector.request[-8:],
                    protocols=vector.protocols,
                )
            answers = []
            for piece in pieces:
                answer = opening.feed(piece)
                if answer is not None:
                    answers.append(answer)
                    break
            self.assertEqual(len(answers), 1)
            self.assertIn(answers[0].rest, (b"\0x\xff", b""))
            self.assertIn(answers[0].protocol, (*vector.protocols, None))


@forEach(each for each in HANDSHAKES if ROWS.get(each.draft) in ("hybi-07", "hybi-10", "rfc6455"))
class ModernVectorTests(_Tests):
    """
    The same for the drafts with an accept.
    """

    def test_answer(self, vector: Handshake) -> None:
        """
        Is accepted by who has sent that key, and by nobody else.
        """
        (draft,) = (each for each in DRAFTS if each.name == ROWS[vector.draft])
        opening: Any = asking(draft, protocols=vector.protocols)
        self.assertTrue(self.refused(opening, vector.response).isOtherDraft)
        opening = asking(draft, protocols=vector.protocols)
        opening._key = vector.value(b"Sec-WebSocket-Key")
        answer = opening.feed(vector.response + b"\x81\x00")
        self.assertEqual(answer.rest, b"\x81\x00")
        self.assertIn(answer.protocol, (*vector.protocols, None))


class Hixie76AnswerTests(_Tests):
    """
    hixie-76 §4.1 steps 27-46.
    """

    def opening(self, **asked: Any) -> ClientOpening:
        """
        One that has sent the keys of the draft's first example.
        """
        return given76(b"4 @1  46546xW%0l 1 5", b"12998 5 Y3 1  .P00", b"^n:ds[4U", **asked)

    digest = b"8jKS'y:G*Co,Wxa-"

    def test_anAnswer(self) -> None:
        """
        In pieces, and in strict mode, without anything odd in it.
        """
        answer = self.fed(self.opening(isStrict=True), answer76(digest=self.digest))
        self.assertEqual((answer.oddities, answer.protocol, answer.rest), ((), None, b""))

    def test_fieldsInAnyOrder(self) -> None:
        """
        And others among them, in any case, in HTTP/1.0.
        """
        answer = self.opening().feed(
            b"HTTP/1.0 101 OK\r\nserver: x\r\nSEC-WEBSOCKET-LOCATION: ws://example.com/demo\r\n"
            b"connection: keep-alive, Upgrade\r\nsec-websocket-origin:http://example.com\r\n"
            b"upgrade: websocket\r\n\r\n" + self.digest + b"\0x\xff"
        )
        assert answer is not None
        self.assertEqual((answer.oddities, answer.rest), ((), b"\0x\xff"))

    def test_digest(self) -> None:
        """
        It is mandatory, and nothing is stripped from it.
        """
        error = self.refused(self.opening(), answer76(digest=b"\0" * 16))
        self.assertTrue(error.isOtherDraft)
        self.assertIsNone(self.opening().feed(answer76(digest=self.digest[:15])))

    def test_mismatch(self) -> None:
        """
        Of origin or location is odd, and fails in strict mode.
        """
        for fields in (
            {"Sec_WebSocket_Origin": "http://other"},
            {"Sec_WebSocket_Location": "wss://example.com/demo"},
        ):
            data = answer76(digest=self.digest, **fields)
            answer = self.opening().feed(data)
            assert answer is not None
            self.assertEqual(len(answer.oddities), 1)
            self.refused(self.opening(isStrict=True), data)

    def test_neitherOriginNorLocation(self) -> None:
        """
        It is no answer of the draft's.
        """
        data = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + self.digest
        self.assertTrue(self.refused(self.opening(), data).isOtherDraft)

    def test_upgrade(self) -> None:
        """
        To WebSocket, and Connection says so.
        """
        self.refused(self.opening(), answer76(digest=self.digest, Upgrade="h2c"))
        self.refused(self.opening(), answer76(digest=self.digest, Connection="close"))

    def test_subprotocol(self) -> None:
        """
        One that was asked for; the whole list repeated is no choice; none at all is odd.
        """
        for said, chosen in (("b", "b"), ("a,b", "a"), ("", None)):
            data = answer76(digest=self.digest, Sec_WebSocket_Protocol=said)
            answer = self.opening(protocols=["a", "b"]).feed(data)
            assert answer is not None
            self.assertEqual((answer.protocol, len(answer.oddities)), (chosen, not said))
        for protocols in (["a", "b"], []):
            data = answer76(digest=self.digest, Sec_WebSocket_Protocol="c")
            error = self.refused(self.opening(protocols=protocols), data)
            self.assertFalse(error.isOtherDraft)

    def test_statuses(self) -> None:
        """
        Those that say "I don't speak this", and others.
        """
        for status, isOther in (
            (400, True),
            (426, True),
            (405, True),
            (501, True),
            (505, True),
            (200, True),
            (401, False),
            (403, False),
            (404, False),
            (302, False),
            (500, False),
            (503, False),
        ):
            error = self.refused(self.opening(), b"HTTP/1.1 %d x\r\n\r\n" % status)
            self.assertEqual((error.isOtherDraft, error.response.status), (isOther, status))

    def test_garbage(self) -> None:
        """
        Is not the answer of another draft.
        """
        error = self.refused(self.opening(), b"+OK POP3 ready\r\n")
        self.assertEqual((error.isOtherDraft, error.response), (False, None))


class Hixie75AnswerTests(_Tests):
    """
    hixie-75 §3.1.
    """

    def test_anAnswer(self) -> None:
        """
        In pieces, and in strict mode.
        """
        answer = self.fed(asking(HIXIE_75, isStrict=True), answer75())
        self.assertEqual(answer.oddities, ())

    def test_lenience(self) -> None:
        """
        Phrase, case and order are let pass, but in strict mode.
        """
        for data in (
            answer75(first="HTTP/1.1 101 WebSocket Protocol Handshake"),
            answer75("Server: x", *answer75().decode().split("\r\n")[1:-2]),
            answer75().replace(b"Upgrade: WebSocket", b"upgrade: websocket"),
        ):
            answer = asking(HIXIE_75).feed(data.replace(b"upgrade: w", b"Upgrade: w"))
            assert answer is not None
            self.assertEqual(answer.oddities, ())
            self.refused(
                asking(HIXIE_75, isStrict=True), data.replace(b"upgrade: w", b"Upgrade: w")
            )

    def test_subprotocolInTheFieldOfHixie76(self) -> None:
        """
        em-websocket does so.
        """
        data = answer75()[:-2] + b"Sec-WebSocket-Protocol: b\r\n\r\n"
        answer = asking(HIXIE_75, protocols=["a", "b"]).feed(data)
        assert answer is not None
        self.assertEqual(answer.protocol, "b")


class ModernAnswerTests(_Tests):
    """
    RFC 6455 §4.1.
    """

    def answer(self, opening: Any, *lines: bytes) -> bytes:
        """
        What a server answers.
        """
        head = (
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accept(opening._key),
            *lines,
        )
        return b"\r\n".join(head) + b"\r\n\r\n"

    def test_anAnswer(self) -> None:
        """
        With a subprotocol, extensions, and a frame behind it.
        """
        opening = asking(RFC_6455, protocols=["a", "b"])
        extra = (b"Sec-WebSocket-Protocol: b", b"Sec-WebSocket-Extensions: x")
        answer = opening.feed(self.answer(opening, *extra) + b"\x81\x00")
        assert answer is not None
        self.assertEqual((answer.protocol, answer.extensions), ("b", b"x"))
        self.assertEqual(answer.rest, b"\x81\x00")

    def test_accept(self) -> None:
        """
        Exactly one, and the right one.
        """
        opening = asking(RFC_6455)
        good = self.answer(opening)
        twice = self.answer(opening, b"Sec-WebSocket-Accept: " + accept(opening._key))  # type: ignore[attr-defined]
        for data in (
            good.replace(b"Accept: ", b"Accept: A"),
            good.replace(b"-Accept", b"-X"),
            twice,
        ):
            self.assertTrue(self.refused(asking(RFC_6455), data).isOtherDraft)

    def test_subprotocol(self) -> None:
        """
        Not asked for, or two of them.
        """
        for lines in ((b"c",), (b"a", b"b")):
            opening = asking(RFC_6455, protocols=["a", "b"])
            extra = [b"Sec-WebSocket-Protocol: " + line for line in lines]
            self.refused(opening, self.answer(opening, *extra))

    def test_answersOfOtherDrafts(self) -> None:
        """
        A hixie server that answers anything is told by its fields.
        """
        for data, draft in (
            (answer75(), HIXIE_75),
            (answer76(digest=b"x" * 16), HIXIE_76),
            (b"HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n", None),
        ):
            error = self.refused(asking(RFC_6455), data)
            self.assertTrue(error.isOtherDraft)
            self.assertIs(answered(error.response), draft)
        error = self.refused(asking(RFC_6455), b"HTTP/1.1 400 x\r\n\r\n")
        self.assertIsNone(answered(error.response))


class BaseTests(SynchronousTestCase):
    """
    What a draft brings along.
    """

    def test_nothingByItself(self) -> None:
        """
        The class that they share is none.
        """
        opening = ClientOpening(destination(URL), Random(1), maxHead=1000)
        self.assertRaises(NotImplementedError, opening.request)
        for method in (opening._check, opening._protocol):
            self.assertRaises(NotImplementedError, method, None)
