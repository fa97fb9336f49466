"""
Where UTF-8 may be cut.
"""

from codecs import getincrementaldecoder

_DECODER = getincrementaldecoder("utf-8")


def unfinished(data: bytes) -> int:
    """
    How many bytes at the end of a piece of UTF-8 begin a character that is not complete.

    RFC 3629 §3.
    """
    for back, byte in enumerate(reversed(data[-3:]), 1):
        if byte >= 0xC0:
            decoder = _DECODER()
            try:
                decoder.decode(data[-back:])
            except UnicodeDecodeError:
                return 0
            return len(decoder.getstate()[0])
        if byte < 0x80:
            return 0
    return 0


def clipped(text: str, size: int) -> bytes:
    """
    As much of a text, in UTF-8, as has room.
    """
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore").encode()
