"""
What carries a stream's bytes: binary messages, base64 in text ones, or text itself.

It is decided with the opening handshake, by subprotocol:

- ``binary``, where the draft has binary messages;
- ``base64``: text messages of base64, on any draft;
- with neither, binary messages where they are wanted and the draft has them, else UTF-8 text.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable

from wsfallback.drafts.table import Draft
from wsfallback.utf8 import unfinished


class Binary:
    """
    Bytes as they are.

    :cvar isBinary: the messages are binary.
    """

    isBinary = True

    def message(self, data: bytes) -> bytes:
        """
        What is sent for a write.
        """
        return data

    def data(self, payload: bytes, isFinal: bool = True) -> bytes:
        """
        What is received for a message, or with ``frames`` for a part of one.

        :param isFinal: it is the last.
        :raises ValueError: it is none.
        """
        return payload


class Base64(Binary):
    """
    Bytes in base64, as text.
    """

    isBinary = False

    def __init__(self) -> None:
        self._rest = b""

    def message(self, data: bytes) -> bytes:
        """
        A write is encoded by itself, padding and all.
        """
        return b64encode(data)

    def data(self, payload: bytes, isFinal: bool = True) -> bytes:
        """
        RFC 4648 §4, and nothing else; four characters at a time.
        """
        text = self._rest + payload
        cut = len(text) if isFinal else len(text) // 4 * 4
        self._rest = text[cut:]
        return b64decode(text[:cut], validate=True)


class Text(Binary):
    """
    Bytes that are UTF-8: what a write has of an unfinished character comes with the next.
    """

    isBinary = False

    def __init__(self) -> None:
        self._unfinished = b""

    def message(self, data: bytes) -> bytes:
        """
        Whole characters; possibly none.
        """
        data = self._unfinished + data
        cut = len(data) - unfinished(data)
        self._unfinished = data[cut:]
        return data[:cut]


#: What the ends can agree on, by subprotocol.
CARRIERS: dict[str, type[Binary]] = {"binary": Binary, "base64": Base64}


def settled(names: Iterable[str], draft: Draft, isBinary: bool) -> tuple[str | None, Binary]:
    """
    What carries the bytes of a connection.

    :param names: subprotocols; the first that can be is taken.
    :param isBinary: binary messages are wanted where no subprotocol says what carries the bytes.
    :returns: the subprotocol that says it, if one does; and the carrier.
    """
    for name in names:
        carrier = CARRIERS.get(name)
        if carrier is not None and (draft.binary or not carrier.isBinary):
            return name, carrier()
    return None, Binary() if isBinary and draft.binary else Text()
