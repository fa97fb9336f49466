"""
In-memory clients of the hixie drafts.
"""

from wsfallback.testing.client import Client


class Hixie75Client(Client):
    """
    A client of hixie-75.
    """

    def message(self, message: str | bytes) -> bytes:
        """
        ``00 text FF``.
        """
        if not isinstance(message, str):
            raise TypeError("hixie drafts have no binary messages")
        return b"\x00" + message.encode() + b"\xff"

    def closeFrame(self, code: int | None = None, reason: str = "") -> bytes:
        """
        There is none.
        """
        return b""

    def close(self, code: int | None = None, reason: str = "") -> None:
        """
        End TCP.
        """
        self.finish()

    def _checkAnswer(self) -> None:
        assert "websocket-location" in self.fields, self.fields

    def _readFrames(self) -> None:
        while self._buffer:
            if self._buffer.startswith(b"\xff\x00"):
                self.serverClosed = True
                self._buffer.clear()
                if self.answersClose and self.transport.connected:
                    self.transport.arrive(b"\xff\x00")
                return
            end = self._buffer.find(b"\xff")
            if end < 0:
                return
            assert self._buffer[0] == 0, f"no text frame: {bytes(self._buffer[:20])!r}"
            self._messages.append(self._buffer[1:end].decode())
            del self._buffer[: end + 1]


class Hixie76Client(Hixie75Client):
    """
    A client of hixie-76, with the keys of the draft's first example.
    """

    key1, key2, key3 = "4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", b"^n:ds[4U"
    digest = b"8jKS'y:G*Co,Wxa-"

    def closeFrame(self, code: int | None = None, reason: str = "") -> bytes:
        """
        ``FF 00``.
        """
        return b"\xff\x00"

    def close(self, code: int | None = None, reason: str = "") -> None:
        """
        Send it.
        """
        self.deliver(self.closeFrame())

    def _headEnds(self, rest: bytes) -> bool:
        # The digest may come in a later segment than the head.
        return not self._buffer.startswith(b"HTTP/1.1 101") or len(rest) >= 16

    def _checkAnswer(self) -> None:
        assert "sec-websocket-location" in self.fields, self.fields
        assert self._buffer[:16] == self.digest, bytes(self._buffer[:16])
        del self._buffer[:16]
