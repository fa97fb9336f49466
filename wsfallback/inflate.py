"""
The receiving half of permessage-deflate, with a bound that holds before memory is taken.
"""

import zlib
from collections.abc import Callable

from autobahn.exception import PayloadCorruptError, PayloadExceededError

#: zlib is asked for at most so many bytes at a time.
CHUNK = 1 << 16
#: Each final block of a message costs a new decompressor; no sender needs more than one.
MAX_FINAL_BLOCKS = 16

#: RFC 7692 §7.2.2: what the sender has left out.
_TAIL = b"\x00\x00\xff\xff"


class Inflater:
    """
    Inflates the messages of one connection.

    In place of Autobahn's, which takes what follows a final block (BFINAL, RFC 7692 §7.2.3.4) for
    nothing, and keeps all of it as long as the connection lasts. Its methods are those that
    Autobahn calls on its own.
    """

    def __init__(self, windowBits: int, takesOver: bool, room: Callable[[], int]) -> None:
        """
        :param windowBits: of the client's window, 9 to 15.
        :param takesOver: whether the client's messages build on those before.
        :param room: says how many bytes may still come.
        """
        self._windowBits = windowBits
        self._takesOver = takesOver
        self._room = room
        self._renew()
        self._finals = 0

    def start_decompress_message(self) -> None:
        """
        A message begins.
        """
        self._finals = 0
        if not self._takesOver:
            self._renew()

    def decompress_message_data(self, data: bytes, max_output_len: int | None = None) -> bytes:
        """
        Inflate a piece of a message.

        :param max_output_len: ignored: `room` is the bound.
        :raises PayloadExceededError: there is more in it than there is room for.
        :raises PayloadCorruptError: it is not deflated.
        """
        pieces: list[bytes] = []
        room = self._room()
        while data:
            try:
                # One byte more than there is room for tells that there is more.
                piece = self._z.decompress(data, min(max(room, 0) + 1, CHUNK))
            except zlib.error as error:
                raise PayloadCorruptError(str(error)) from error
            room -= len(piece)
            if room < 0:
                raise PayloadExceededError("a message inflates beyond its bound")
            pieces.append(piece)
            data = self._z.unconsumed_tail
            if self._z.eof:
                data = self._z.unused_data
                self._finals += 1
                if self._finals > MAX_FINAL_BLOCKS:
                    raise PayloadCorruptError("a message has too many final blocks")
                self._renew()
        return b"".join(pieces)

    def end_decompress_message(self) -> None:
        """
        A message ends.

        :raises PayloadCorruptError: in the middle of what was deflated.
        """
        self.decompress_message_data(_TAIL)

    def _renew(self) -> None:
        self._z = zlib.decompressobj(-self._windowBits)
