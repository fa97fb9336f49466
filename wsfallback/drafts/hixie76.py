"""
draft-hixie-76, which is also draft-ietf-hybi-00: hixie-75 with a challenge and a closing handshake.

A whole opening handshake; the last 8 bytes of the request are ``key3``, the last 16 of the answer
are the digest::

    GET /demo HTTP/1.1                             HTTP/1.1 101 WebSocket Protocol Handshake
    Host: example.com                              Upgrade: WebSocket
    Connection: Upgrade                            Connection: Upgrade
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00         Sec-WebSocket-Origin: http://example.com
    Sec-WebSocket-Protocol: sample                 Sec-WebSocket-Location: ws://example.com/demo
    Upgrade: WebSocket                             Sec-WebSocket-Protocol: sample
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5
    Origin: http://example.com                     8jKS'y:G*Co,Wxa-

    ^n:ds[4U

Source: "The WebSocket protocol", draft-hixie-thewebsocketprotocol-76, §5.1 (reading the client's
opening handshake), §5.2 (sending the server's), §5.3 (framing) and §5.4 (closing),
https://datatracker.ietf.org/doc/html/draft-hixie-thewebsocketprotocol-76.
Spoken by Chrome 6-13, Safari 5.0.1-5.1, iOS 4.2-5.1, BlackBerry 6 and 7, QtWebKit 2, PhantomJS 1,
and, switched off by default, Firefox 4 and 5 and Opera 10.70-12.0; by web-socket-js until
September 2011.
"""

import re
from hashlib import md5

from wsfallback.drafts import hixie75
from wsfallback.errors import HandshakeError
from wsfallback.request import Request

#: A key of the draft has at most 10 digits, 12 spaces and 12 other characters.
MAX_KEY = 256

_NOT_DIGITS = re.compile(rb"[^0-9]+")


class Opening(hixie75.Opening):
    """
    The server's half of the opening handshake.

    Everything but ``key3`` is checked before the first byte of the answer: after its head only
    the end of the connection can refuse.
    """

    bodySize = 8  # key3

    _status = "HTTP/1.1 101 WebSocket Protocol Handshake"
    _prefix = "Sec-WebSocket-"
    _protocolField = b"sec-websocket-protocol"

    def __init__(self, request: Request, isSecure: bool) -> None:
        """
        :raises HandshakeError: 400: two subprotocol fields, or a key that is none.
        """
        super().__init__(request, isSecure)
        self._numbers = tuple(
            number(request.exact(name) or b"")
            for name in (b"sec-websocket-key1", b"sec-websocket-key2")
        )

    def answer(self, body: bytes) -> bytes:
        """
        The answer to the challenge.

        §5.2 steps 7-8 and 12: MD5 of both numbers, each as 32 bits big-endian, and ``key3``.

        :param body: the 8 bytes after the request head, any values.
        :returns: 16 bytes.
        """
        key1, key2 = self._numbers
        challenge = key1.to_bytes(4, "big") + key2.to_bytes(4, "big") + body
        return md5(challenge, usedforsecurity=False).digest()

    def _originBack(self, origin: str) -> str:
        return origin  # §5.2 step 10: as it was sent


def number(key: bytes) -> int:
    """
    The number that is hidden in ``key1`` or ``key2``.

    §5.2 steps 4-6: its digits read as one number, divided by how many spaces it has.

    :param key: the field's value, with every space of it.
    :raises HandshakeError: 400.
    """
    if len(key) > MAX_KEY:
        raise HandshakeError(400, "A key is too long", key)
    digits = _NOT_DIGITS.sub(b"", key)
    spaces = key.count(b" ")
    if not digits:
        raise HandshakeError(400, "A key has no digits", key)
    # §5.2 step 5: zero spaces are the symptom of a cross-protocol attack.
    if not spaces:
        raise HandshakeError(400, "A key has no spaces", key)
    quotient, remainder = divmod(int(digits), spaces)
    # §5.2 step 6: not an integral multiple -> abort.
    if remainder:
        raise HandshakeError(400, "A key's number is not a multiple of its spaces", key)
    # §5.2 step 7 says 32 bits; a client's §4.1 never exceeds them.
    if quotient > 0xFFFFFFFF:
        raise HandshakeError(400, "A key's number is over 32 bits", key)
    return quotient


class Framing(hixie75.Framing):
    """
    hixie-75's framing, where ``0xFF 0x00`` closes.

    §5.3: 0xFF with length 0, in however many bytes the 0 is written.
    """

    _closes = True

    def close(self) -> bytes:
        """
        Our half of the closing handshake, §5.4.
        """
        return b"\xff\x00"
