"""
A client's opening that has sent its request, and what servers say to it.
"""

import re
from base64 import b64encode
from hashlib import md5, sha1
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.segments import single
from wsfallback.destination import destination
from wsfallback.drafts.asking import Answer, ClientOpening
from wsfallback.drafts.table import Draft
from wsfallback.errors import AnswerError

URL = "ws://example.com/demo"


class SampleRandom(Random):
    """
    Draws the nonce of RFC 6455 §1.3.
    """

    def randbytes(self, n: int) -> bytes:
        """
        Sixteen bytes are wanted.
        """
        assert n == 16
        return b"the sample nonce"


def asking(
    draft: Draft,
    url: str = URL,
    *,
    random: Random | None = None,
    maxHead: int = 16384,
    isStrict: bool = False,
    compress: bool = False,
    **asked: Any,
) -> tuple[ClientOpening, bytes]:
    """
    An opening, and the request that it has sent.
    """
    opening = draft.asking(
        destination(url, **asked),
        random or Random(1),
        maxHead=maxHead,
        isStrict=isStrict,
        compress=compress,
    )
    return opening, opening.request()


def digest76(request: bytes) -> bytes:
    """
    What a server of hixie-76 answers to the keys of a request, draft-hixie-76 §5.2.
    """
    head, _, key3 = request.partition(b"\r\n\r\n")
    challenge = b""
    for name in (b"1", b"2"):
        match = re.search(rb"(?i)\r\nSec-WebSocket-Key" + name + rb": ([^\r]*)", head)
        assert match is not None, head
        digits = re.sub(rb"[^0-9]", b"", match[1])
        challenge += (int(digits) // match[1].count(b" ")).to_bytes(4, "big")
    return md5(challenge + key3).digest()


def answer76(request: bytes, *, digest: bytes | None = None, **fields: str) -> bytes:
    """
    What a server of hixie-76 answers to a request for `URL`.

    :param digest: another one than it should have.
    :param fields: in place of the right ones, or besides.
    """
    lines = {
        "Upgrade": "WebSocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Origin": "http://example.com",
        "Sec_WebSocket_Location": URL,
        **fields,
    }
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    proof = digest76(request) if digest is None else digest
    return f"HTTP/1.1 101 WebSocket Protocol Handshake\r\n{text}\r\n".encode() + proof


def answer75(*lines: str, first: str = "HTTP/1.1 101 Web Socket Protocol Handshake") -> bytes:
    """
    What a server of hixie-75 answers to a request for `URL`.

    :param lines: in place of the right ones.
    """
    default = (
        "Upgrade: WebSocket",
        "Connection: Upgrade",
        "WebSocket-Origin: http://example.com",
        f"WebSocket-Location: {URL}",
    )
    return "\r\n".join([first, *(lines or default)]).encode() + b"\r\n\r\n"


def answer13(request: bytes, *fields: str) -> bytes:
    """
    What a server of hybi-07 or later answers, RFC 6455 §4.2.2.

    :param fields: whole lines, besides.
    """
    match = re.search(rb"\r\nSec-WebSocket-Key: ([^\r]*)", request)
    assert match is not None, request
    accept = b64encode(sha1(match[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    lines = "".join(f"{field}\r\n" for field in fields).encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + lines + b"\r\n"
    )


class AskingTestCase(SynchronousTestCase):
    """
    What the tests of openings say.
    """

    def assertAnswered(self, opening: ClientOpening, data: bytes) -> Answer:
        """
        The answer comes with the last of these bytes, one by one.
        """
        *before, last = single(data)
        for byte in before:
            self.assertIsNone(opening.feed(byte))
        answer = opening.feed(last)
        assert answer is not None, data
        self.assertEqual(answer.rest, b"")
        return answer

    def answer(self, opening: ClientOpening, data: bytes) -> Answer:
        """
        The same in one segment.
        """
        answer = opening.feed(data)
        assert answer is not None, data
        return answer

    def assertRefused(
        self, opening: ClientOpening, data: bytes, sentence: str, *, isOtherDraft: bool
    ) -> AnswerError:
        """
        This opens nothing, for this reason; another draft may be tried, or not.
        """
        error: AnswerError = self.assertRaises(AnswerError, opening.feed, data)
        self.assertIn(sentence, str(error))
        self.assertEqual(error.isOtherDraft, isOtherDraft, str(error))
        return error
