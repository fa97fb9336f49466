"""
draft-hixie-76, the client's half of the opening handshake; an example is in the server's.

Source: "The WebSocket protocol", draft-hixie-thewebsocketprotocol-76, §4.1 (the client's opening
handshake), https://datatracker.ietf.org/doc/html/draft-hixie-thewebsocketprotocol-76; the shape of
the request is that of every WebKit from 2010 to 2012, which servers were tried with.
Answered by node-websocket-server, socket.io 0.6-0.9, em-websocket, Jetty 7, pywebsocket, GlassFish.
"""

from hashlib import md5
from random import Random

from wsfallback.drafts.asking import joined
from wsfallback.drafts.hixie75_client import Hixie75ClientOpening

#: Servers that keep a key's number in a signed int are among those to be talked to.
MAX_NUMBER = 0x7FFFFFFF

# §4.1 has 0x21-0x2F too: commas and quotes, which some readers of fields take for theirs.
_NOISE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Hixie76ClientOpening(Hixie75ClientOpening):
    """
    The client's half of the opening handshake, with a challenge.
    """

    bodySize = 16  # the digest

    _prefix = "Sec-WebSocket-"
    _firstLinesAreFixed = False

    def request(self) -> bytes:
        """
        §4.1 steps 16-26, less their random order of fields, which no WebKit had.

        Head and key3 in one: node-websocket-server refuses a key3 that comes later. No
        Content-Length: em-websocket waits for a body then, and proxies see one.
        """
        first, key1 = key(self._random)
        second, key2 = key(self._random)
        # §4.1 step 26 has any 8 bytes; printable ones pass through servers that read lines.
        key3 = bytes(self._random.randint(0x21, 0x7E) for _ in range(8))
        challenge = first.to_bytes(4, "big") + second.to_bytes(4, "big") + key3
        self._digest = md5(challenge, usedforsecurity=False).digest()
        keys = (f"Sec-WebSocket-Key1: {key1}", f"Sec-WebSocket-Key2: {key2}")
        return joined(*self._lines(), *keys) + key3

    def _checkBody(self, body: bytes) -> None:
        # §4.1 step 46: "fail the WebSocket connection".
        if body != self._digest:
            raise self._wrong("The answer's digest is wrong", body)


def key(random: Random) -> tuple[int, str]:
    """
    A number and the key that hides it, §4.1 steps 16-21.

    The number times the spaces fits into 31 bits: so do all that a server may calculate.
    """
    spaces = random.randint(1, 12)
    number = random.randint(0, MAX_NUMBER // spaces)
    letters = list(str(number * spaces))
    for _ in range(random.randint(1, 12)):
        letters.insert(random.randint(0, len(letters)), random.choice(_NOISE))
    for _ in range(spaces):
        # Step 21: never at an end, where they would be lost.
        letters.insert(random.randint(1, len(letters) - 1), " ")
    return number, "".join(letters)
