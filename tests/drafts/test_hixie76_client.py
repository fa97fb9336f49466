"""
draft-hixie-76, the client's half of the opening handshake.
"""

import re
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drafts.asked import AskingTestCase, answer76, asking, digest76
from tests.vectors import HANDSHAKES, Handshake, forEach
from wsfallback.drafts import hixie76
from wsfallback.drafts.hixie76_client import MAX_NUMBER, key
from wsfallback.drafts.table import HIXIE_76, choose
from wsfallback.request import RequestReader


class RequestTests(AskingTestCase):
    """
    §4.1 steps 16-26.
    """

    def test_bytes(self) -> None:
        """
        WebKit's: the keys last, key3 behind the head, no Content-Length, an origin of its own.
        """
        _, request = asking(
            HIXIE_76, "wss://h:8443/x", headers={"Cookie": "c=d"}, protocols=["a", "b"]
        )
        self.assertRegex(
            request,
            b"\\AGET /x HTTP/1.1\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Host: h:8443\r\n"
            b"Origin: https://h:8443\r\n"
            b"Sec-WebSocket-Protocol: a,b\r\n"
            b"Cookie: c=d\r\n"
            b"Sec-WebSocket-Key1: [^\r]+\r\n"
            b"Sec-WebSocket-Key2: [^\r]+\r\n\r\n"
            b"[\x21-\x7e]{8}\\Z",
        )

    def test_ourServerKnowsIt(self) -> None:
        """
        It is recognised, with key3 behind its head.
        """
        reader = RequestReader(16384)
        _, sent = asking(HIXIE_76)
        request = reader.feed(sent)
        assert request is not None
        self.assertIs(choose(request), HIXIE_76)
        self.assertEqual(reader.rest, sent[-8:])
        self.assertEqual(
            hixie76.Opening(request, False).answer(reader.rest),
            digest76(sent),
        )

    def test_noRequestTwice(self) -> None:
        """
        The keys are drawn anew each time.
        """
        random = Random(1)
        self.assertNotEqual(asking(HIXIE_76, random=random)[1], asking(HIXIE_76, random=random)[1])


class KeyTests(AskingTestCase):
    """
    §4.1 steps 16-21.
    """

    @settings(deadline=None)
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


@forEach(each for each in HANDSHAKES if each.draft == "hixie-76")
class VectorTests(AskingTestCase):
    """
    What foreign servers answered, or ours must.
    """

    def test_answer(self, vector: Handshake) -> None:
        """
        Is accepted with the digest of our own keys, byte by byte and with a frame behind it; with
        that of the vector's keys it is not.
        """
        self.assertEqual(digest76(vector.request), vector.digest)
        head = vector.response.removesuffix(vector.digest)
        opening, request = asking(HIXIE_76, protocols=vector.protocols)
        answer = self.assertAnswered(opening, head + digest76(request))
        self.assertIn(answer.protocol, (*vector.protocols, None))
        opening, request = asking(HIXIE_76, protocols=vector.protocols)
        answer = self.answer(opening, head + digest76(request) + b"\0x\xff")
        self.assertEqual(answer.rest, b"\0x\xff")
        opening, _ = asking(HIXIE_76, protocols=vector.protocols)
        self.assertRefused(opening, vector.response, "digest is wrong", isOtherDraft=True)


class AnswerTests(AskingTestCase):
    """
    §4.1 steps 27-46.
    """

    def test_anAnswer(self) -> None:
        """
        In pieces, without anything odd in it to who is strict.
        """
        opening, request = asking(HIXIE_76, isStrict=True)
        answer = self.assertAnswered(opening, answer76(request))
        self.assertEqual((answer.oddities, answer.protocol), ((), None))

    def test_fieldsInAnyOrder(self) -> None:
        """
        And others among them, in any case, in HTTP/1.0: this draft has no first three lines.
        """
        opening, request = asking(HIXIE_76, isStrict=True)
        answer = self.answer(
            opening,
            b"HTTP/1.0 101 OK\r\nserver: x\r\nSEC-WEBSOCKET-LOCATION: ws://example.com/demo\r\n"
            b"connection: keep-alive, Upgrade\r\nsec-websocket-origin:http://example.com\r\n"
            b"upgrade: websocket\r\n\r\n" + digest76(request) + b"\0x\xff",
        )
        self.assertEqual((answer.oddities, answer.rest), ((), b"\0x\xff"))

    def test_digest(self) -> None:
        """
        Step 46: it is mandatory, whole, and nothing is stripped from it.
        """
        opening, request = asking(HIXIE_76)
        wrong = answer76(request, digest=b"\0" * 16)
        self.assertRefused(opening, wrong, "digest is wrong", isOtherDraft=True)
        opening, request = asking(HIXIE_76)
        self.assertIsNone(opening.feed(answer76(request)[:-1]))
        opening, request = asking(HIXIE_76)
        wrong = answer76(request, digest=b"\r\n" + digest76(request))
        self.assertRefused(opening, wrong, "digest is wrong", isOtherDraft=True)

    def test_mismatch(self) -> None:
        """
        Of origin or location is odd, and refused by who is strict.
        """
        for name, value in (
            ("Sec_WebSocket_Origin", "http://other"),
            ("Sec_WebSocket_Location", "wss://example.com/demo"),
        ):
            opening, request = asking(HIXIE_76)
            (oddity,) = self.answer(opening, answer76(request, **{name: value})).oddities
            self.assertIn(f"{name.replace('_', '-')} is '{value}', not ", oddity)
            opening, request = asking(HIXIE_76, isStrict=True)
            self.assertRefused(
                opening, answer76(request, **{name: value}), value, isOtherDraft=True
            )

    def test_neitherOriginNorLocation(self) -> None:
        """
        It is no answer of the draft's, before the digest has come.
        """
        opening, _ = asking(HIXIE_76)
        head = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        self.assertRefused(opening, head, "neither Sec-WebSocket-Origin", isOtherDraft=True)

    def test_subprotocol(self) -> None:
        """
        One that was asked for; the whole list repeated is no choice; none at all is odd.
        """
        for said, chosen in (("b", "b"), ("a, b", "a"), ("", None)):
            opening, request = asking(HIXIE_76, protocols=["a", "b"])
            answer = self.answer(opening, answer76(request, Sec_WebSocket_Protocol=said))
            self.assertEqual((answer.protocol, len(answer.oddities)), (chosen, not said))
        for protocols in (["a", "b"], []):
            opening, request = asking(HIXIE_76, protocols=protocols)
            wrong = answer76(request, Sec_WebSocket_Protocol="c")
            self.assertRefused(opening, wrong, "another subprotocol", isOtherDraft=False)
