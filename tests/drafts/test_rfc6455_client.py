"""
RFC 6455 and hybi-07 to hybi-17, the client's half of the opening handshake.
"""

from base64 import b64encode
from hashlib import sha1
from random import Random
from typing import Any

from tests.drafts.asked import AskingTestCase, SampleRandom, answer75, answer76, asking
from tests.vectors import HANDSHAKES, ROWS, Handshake, forEach
from wsfallback.drafts.asking import ClientOpening
from wsfallback.drafts.rfc6455 import GUID
from wsfallback.drafts.rfc6455_client import DEFLATE
from wsfallback.drafts.table import DRAFTS, RFC_6455, Draft, choose
from wsfallback.request import RequestReader

MODERN = {draft.name: draft for draft in DRAFTS if draft.opening is None}

#: RFC 6455 §1.3.
SAMPLE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class RequestTests(AskingTestCase):
    """
    §4.1: what is sent.
    """

    def test_bytes(self) -> None:
        """
        Versions differ in their number and in the name of the origin's field.
        """
        for name, version, field in (
            ("hybi-07", b"7", b"Sec-WebSocket-Origin"),
            ("hybi-10", b"8", b"Sec-WebSocket-Origin"),
            ("rfc6455", b"13", b"Origin"),
        ):
            _, request = asking(
                MODERN[name],
                "ws://H:8080/chat?x",
                random=SampleRandom(),
                origin="http://Page",
                protocols=["a", "b"],
                headers={"Cookie": "c"},
                compress=True,
            )
            self.assertEqual(
                request,
                b"GET /chat?x HTTP/1.1\r\n"
                b"Host: h:8080\r\n"
                b"Upgrade: websocket\r\n"
                b"Connection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                b"Sec-WebSocket-Version: " + version + b"\r\n" + field + b": http://Page\r\n"
                b"Sec-WebSocket-Protocol: a, b\r\n"
                b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
                b"Cookie: c\r\n\r\n",
            )

    def test_nothingThatWasNotGiven(self) -> None:
        """
        A client that is no browser has no origin, and offers nothing by itself.
        """
        for draft in MODERN.values():
            _, request = asking(draft)
            for name in (b"rigin", b"Extensions", b"Protocol"):
                self.assertNotIn(name, request)

    def test_key(self) -> None:
        """
        §4.1 step 7: sixteen bytes, drawn anew each time.
        """
        random = Random(1)
        keys = {asking(RFC_6455, random=random)[1] for _ in range(3)}
        self.assertEqual(len(keys), 3)
        for request in keys:
            self.assertRegex(request, b"\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n")

    def test_ourServerKnowsThem(self) -> None:
        """
        Each is recognised for what it is.
        """
        for draft in MODERN.values():
            request = RequestReader(16384).feed(asking(draft)[1])
            assert request is not None
            self.assertIs(choose(request), draft)

    def test_offer(self) -> None:
        """
        RFC 7692 §7.1: the server may have us use less memory.
        """
        self.assertEqual(DEFLATE, "permessage-deflate; client_max_window_bits")


@forEach(each for each in HANDSHAKES if ROWS.get(each.draft) in MODERN)
class VectorTests(AskingTestCase):
    """
    What foreign servers answered, or ours must.
    """

    def test_answer(self, vector: Handshake) -> None:
        """
        Is accepted by who has sent that key, and by nobody else.
        """
        draft = MODERN[ROWS[vector.draft]]
        opening, _ = asking(draft, protocols=vector.protocols, random=SampleRandom())
        theirs = b64encode(sha1(vector.value(b"Sec-WebSocket-Key") + GUID).digest())
        self.assertEqual(vector.response.count(theirs), 1)
        ours = vector.response.replace(theirs, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        answer = self.answer(opening, ours + b"\x81\x00")
        self.assertEqual(answer.rest, b"\x81\x00")
        self.assertIn(answer.protocol, (*vector.protocols, None))
        opening, _ = asking(draft, protocols=vector.protocols)
        self.assertRefused(opening, ours, "Accept is missing or wrong", isOtherDraft=True)


class AnswerTests(AskingTestCase):
    """
    §4.1: the client's checks.
    """

    def sample(self, draft: Draft = RFC_6455, **asked: Any) -> ClientOpening:
        """
        An opening that has sent the key of §1.3.
        """
        return asking(draft, random=SampleRandom(), **asked)[0]

    def test_example(self) -> None:
        """
        The answer of §1.3, byte by byte, on every version.
        """
        for draft in MODERN.values():
            answer = self.assertAnswered(self.sample(draft, isStrict=True), SAMPLE)
            self.assertEqual(
                (answer.protocol, answer.extensions, answer.oddities), (None, None, ())
            )

    def test_everything(self) -> None:
        """
        With a subprotocol, extensions, and a frame behind it.
        """
        answer = self.answer(
            self.sample(protocols=["a", "b"]),
            SAMPLE[:-2]
            + b"Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: x\r\n\r\n\x81\x00",
        )
        self.assertEqual((answer.protocol, answer.extensions), ("b", b"x"))
        self.assertEqual(answer.rest, b"\x81\x00")

    def test_accept(self) -> None:
        """
        Item 4: exactly one, and the right one, in its case.
        """
        line = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        for instead in (
            b"",
            b"Sec-WebSocket-Accept: \r\n",
            b"Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            line * 2,
        ):
            self.assertRefused(
                self.sample(),
                SAMPLE.replace(line, instead),
                "Sec-WebSocket-Accept is missing or wrong",
                isOtherDraft=True,
            )

    def test_subprotocol(self) -> None:
        """
        Item 6: not asked for, or two of them.
        """
        for values in ((b"c",), (b"a", b"b"), (b"a, b",)):
            lines = b"".join(b"Sec-WebSocket-Protocol: " + value + b"\r\n" for value in values)
            self.assertRefused(
                self.sample(protocols=["a", "b"]),
                SAMPLE[:-2] + lines + b"\r\n",
                "The server chose another subprotocol",
                isOtherDraft=False,
            )

    def test_answersOfOtherDrafts(self) -> None:
        """
        A hixie server that answers anything has no accept: its own draft may be tried.
        """
        for data in (answer75(), answer76(b"", digest=b"x" * 16)):
            self.assertRefused(self.sample(), data, "Accept", isOtherDraft=True)
