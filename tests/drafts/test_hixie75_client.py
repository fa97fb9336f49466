"""
draft-hixie-75, the client's half of the opening handshake.
"""

from tests.drafts.asked import AskingTestCase, answer75, asking
from tests.segments import single
from tests.vectors import HANDSHAKES, Handshake, forEach
from wsfallback.drafts.table import HIXIE_75, choose
from wsfallback.request import RequestReader


class RequestTests(AskingTestCase):
    """
    §3.1: what is sent.
    """

    def test_bytes(self) -> None:
        """
        Chrome 4's request, byte for byte: host and origin in lower case, no default port, cookies
        last.
        """
        _, request = asking(
            HIXIE_75,
            "ws://Example.com:80/demo?x",
            origin="HTTP://Page.example",
            protocols=["a", "b"],
            headers={"Cookie": "c=d"},
        )
        self.assertEqual(
            request,
            b"GET /demo?x HTTP/1.1\r\n"
            b"Upgrade: WebSocket\r\n"
            b"Connection: Upgrade\r\n"
            b"Host: example.com\r\n"
            b"Origin: http://page.example\r\n"
            b"WebSocket-Protocol: a,b\r\n"
            b"Cookie: c=d\r\n\r\n",
        )

    def test_originOfItsOwn(self) -> None:
        """
        Many servers of 2010 refuse a request without one: a program stands for its host.
        """
        for url, origin in (
            ("ws://h/", b"http://h"),
            ("wss://h/", b"https://h"),
            ("ws://h:8080/", b"http://h:8080"),
            ("ws://[::1]:8080/", b"http://[::1]:8080"),
        ):
            _, request = asking(HIXIE_75, url)
            self.assertIn(b"\r\nOrigin: " + origin + b"\r\n", request)

    def test_withoutProtocols(self) -> None:
        """
        There is no such field.
        """
        self.assertNotIn(b"Protocol", asking(HIXIE_75)[1])

    def test_ourServerKnowsIt(self) -> None:
        """
        It is recognised, and ends with its head.
        """
        reader = RequestReader(16384)
        request = reader.feed(asking(HIXIE_75)[1])
        assert request is not None
        self.assertIs(choose(request), HIXIE_75)
        self.assertEqual(reader.rest, b"")


@forEach(each for each in HANDSHAKES if each.draft == "hixie-75")
class VectorTests(AskingTestCase):
    """
    What foreign servers answered, or ours must.
    """

    def test_answer(self, vector: Handshake) -> None:
        """
        Is accepted byte by byte, and with a frame behind it.
        """
        opening, _ = asking(HIXIE_75, protocols=vector.protocols)
        answer = self.assertAnswered(opening, vector.response)
        self.assertIn(answer.protocol, (*vector.protocols, None))
        opening, _ = asking(HIXIE_75, protocols=vector.protocols)
        self.assertEqual(self.answer(opening, vector.response + b"\0x\xff").rest, b"\0x\xff")


class AnswerTests(AskingTestCase):
    """
    §3.1: what opens the connection.
    """

    def test_anAnswer(self) -> None:
        """
        The draft's own is not odd to anybody.
        """
        opening, _ = asking(HIXIE_75, isStrict=True)
        self.assertEqual(self.assertAnswered(opening, answer75()).oddities, ())

    def test_firstThreeLines(self) -> None:
        """
        Phrase, version, case and order are let pass, as nothing is proved by them; not by who is
        strict.
        """
        plain = answer75().decode().split("\r\n")
        for data in (
            answer75(first="HTTP/1.1 101 WebSocket Protocol Handshake"),
            answer75(first="HTTP/1.0 101 Web Socket Protocol Handshake"),
            answer75("Server: x", *plain[1:-2]),
            answer75(plain[2], plain[1], *plain[3:-2]),
            answer75("Upgrade: websocket", *plain[2:-2]),
            answer75("Upgrade:WebSocket", *plain[2:-2]),
        ):
            opening, _ = asking(HIXIE_75)
            self.assertEqual(self.answer(opening, data).oddities, ())
            opening, _ = asking(HIXIE_75, isStrict=True)
            self.assertRefused(opening, data, "are not the draft's", isOtherDraft=True)

    def test_mismatch(self) -> None:
        """
        Of origin or location, or two of them, is odd; servers behind proxies get them wrong.
        """
        for wrong, sentence in (
            (b"http://other", "WebSocket-Origin is 'http://other', not 'http://example.com'"),
            (b"HTTP://EXAMPLE.COM\r\nWebSocket-Origin: x", "'HTTP://EXAMPLE.COM, x'"),
        ):
            opening, _ = asking(HIXIE_75)
            data = answer75().replace(b"Origin: http://example.com", b"Origin: " + wrong)
            (oddity,) = self.answer(opening, data).oddities
            self.assertIn(sentence, oddity)
        opening, _ = asking(HIXIE_75)
        data = answer75().replace(b"ws://example.com/demo", b"wss://example.com/demo")
        (oddity,) = self.answer(opening, data).oddities
        self.assertIn("WebSocket-Location is 'wss://example.com/demo'", oddity)

    def test_otherCase(self) -> None:
        """
        Of origin and location is none.
        """
        opening, _ = asking(HIXIE_75)
        data = answer75().replace(b"example.com", b"EXAMPLE.com")
        self.assertEqual(self.answer(opening, data).oddities, ())

    def test_neitherOriginNorLocation(self) -> None:
        """
        It is no answer of the draft's; one of the two makes it one.
        """
        lines = ("Upgrade: WebSocket", "Connection: Upgrade")
        opening, _ = asking(HIXIE_75)
        self.assertRefused(opening, answer75(*lines), "neither WebSocket-Origin", isOtherDraft=True)
        opening, _ = asking(HIXIE_75)
        answer = self.answer(opening, answer75(*lines, "WebSocket-Origin: http://example.com"))
        self.assertEqual(len(answer.oddities), 1)

    def test_subprotocol(self) -> None:
        """
        A member that was asked for; the whole list repeated is no choice; none at all is odd.
        """
        for line, chosen, odd in (
            ("WebSocket-Protocol: b", "b", 0),
            ("WebSocket-Protocol: a, b", "a", 0),
            ("X: y", None, 1),
        ):
            opening, _ = asking(HIXIE_75, protocols=["a", "b"])
            answer = self.answer(opening, answer75()[:-2] + line.encode() + b"\r\n\r\n")
            self.assertEqual((answer.protocol, len(answer.oddities)), (chosen, odd))

    def test_subprotocolInTheFieldOfHixie76(self) -> None:
        """
        em-websocket does so; the draft's own field goes before it.
        """
        for lines, chosen in (
            (b"Sec-WebSocket-Protocol: b", "b"),
            (b"Sec-WebSocket-Protocol: b\r\nWebSocket-Protocol: a", "a"),
        ):
            opening, _ = asking(HIXIE_75, protocols=["a", "b"])
            answer = self.answer(opening, answer75()[:-2] + lines + b"\r\n\r\n")
            self.assertEqual(answer.protocol, chosen)

    def test_subprotocolThatWasNotAskedFor(self) -> None:
        """
        Is refused, byte by byte too.
        """
        for protocols in ([], ["a"], ["a", "b"]):
            opening, _ = asking(HIXIE_75, protocols=protocols)
            *before, last = single(answer75()[:-2] + b"WebSocket-Protocol: c\r\n\r\n")
            for byte in before:
                opening.feed(byte)
            self.assertRefused(opening, last, "another subprotocol: 'c'", isOtherDraft=False)
