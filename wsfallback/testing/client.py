"""
`Client`: what in-memory clients of all drafts have in common.

They are written apart from the server, so that neither repeats the other's mistakes.
"""

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock

from wsfallback.testing.transport import MemoryTransport


class Client:
    """
    A client, and what it got from the server.

    Its methods send at once and let the server act on it.

    :ivar transport: the server's end of the connection.
    :ivar status: the status that the server answered the handshake with, `None` before.
    :ivar fields: the fields of that answer, names in lower case, several of a name joined.
    :ivar body: what came behind an answer that is no 101.
    :ivar closing: code and reason of the server's close; `None` where it has none of them, or
        before there is one: see `serverClosed`.
    :ivar serverClosed: the server's half of the closing handshake came.
    :ivar answersClose: whether this client answers a close, and the end of TCP; WebKits of 2010
        don't answer the first.
    """

    def __init__(self, transport: MemoryTransport, clock: Clock, segment: int | None) -> None:
        self.transport = transport
        self.status: int | None = None
        self.fields: dict[str, str] = {}
        self.body = b""
        self._messages: list[str | bytes] = []
        self.closing: tuple[int, str] | None = None
        self.serverClosed = False
        self.answersClose = True
        self._clock = clock
        self._segment = segment
        self._taken = 0
        self._buffer = bytearray()

    # What it does.

    def deliver(self, data: bytes, segment: int | None = None) -> None:
        """
        Send bytes as they are.

        :param segment: cut them into pieces of this size; by default in one, or as `connect`
            was told.
        """
        size = segment or self._segment or len(data) or 1
        for start in range(0, len(data), size):
            self.transport.arrive(data[start : start + size])
            self.settle()

    def send(self, message: str | bytes) -> None:
        """
        Send a message: text if it is `str`, binary if `bytes`.

        :raises TypeError: a binary message on a draft that has none.
        """
        self.deliver(self.message(message))

    def close(self, code: int | None = None, reason: str = "") -> None:
        """
        Begin the closing handshake of the draft; on hixie-75 end TCP, which has no other.
        """
        self.deliver(self.closeFrame(code, reason))

    def finish(self) -> None:
        """
        End TCP in the orderly way: the server reads a FIN.
        """
        self._lose(ConnectionDone())

    def drop(self) -> None:
        """
        End TCP by a RST, as when the network or the client's process is gone.
        """
        self._lose(ConnectionLost())

    def advance(self, seconds: float) -> None:
        """
        Let time pass on the server's clock.
        """
        self._clock.advance(seconds)
        self.settle()

    # What it sees.

    @property
    def writes(self) -> list[bytes]:
        """
        Each of the server's writes.
        """
        return self.transport.writes

    @property
    def wire(self) -> bytes:
        """
        All that the server wrote.
        """
        return b"".join(self.transport.writes)

    @property
    def messages(self) -> list[str | bytes]:
        """
        Messages that were not yet fetched by `receive`: `str` text, `bytes` binary.
        """
        self.settle()
        return self._messages

    @property
    def isOpen(self) -> bool:
        """
        Whether the handshake succeeded, and nobody has begun to close.
        """
        self.settle()
        return self.status == 101 and not (self.serverClosed or self.disconnected)

    @property
    def disconnected(self) -> bool:
        """
        Whether the server has ended TCP, or its own half of it.
        """
        return self.transport.finished or not self.transport.connected

    @property
    def protocol(self) -> str | None:
        """
        The subprotocol that the server chose.
        """
        for name in ("sec-websocket-protocol", "websocket-protocol"):
            if name in self.fields:
                return self.fields[name]
        return None

    def receive(self) -> str | bytes:
        """
        The next message.

        :raises AssertionError: there is none.
        """
        if not self.messages:
            raise AssertionError(f"no message came; the server wrote {self.wire!r}")
        return self.messages.pop(0)

    def settle(self) -> None:
        """
        Let the server finish what is due now, and read what it wrote.
        """
        self._clock.advance(0)
        wire = self.wire
        if len(wire) > self._taken:
            self._buffer += wire[self._taken :]
            self._taken = len(wire)
            self._read()
            self._clock.advance(0)
        if self.transport.finished and self.transport.connected and self.answersClose:
            self._lose(ConnectionDone())

    def _lose(self, reason: BaseException) -> None:
        self.transport.leave(reason)
        self._clock.advance(0)

    def _read(self) -> None:
        if self.status is None:
            head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end or not self._headEnds(rest):
                return
            line, *lines = head.decode("latin-1").split("\r\n")
            self.status = int(line.split(" ")[1])
            for name, _, value in (each.partition(": ") for each in lines):
                before = self.fields.get(name.lower())
                self.fields[name.lower()] = value if before is None else f"{before}, {value}"
            self._buffer = bytearray(rest)
            if self.status == 101:
                self._checkAnswer()
        if self.status == 101:
            self._readFrames()
        else:
            self.body = bytes(self._buffer)

    # What the drafts differ in.

    def message(self, message: str | bytes) -> bytes:
        """
        The bytes of a message.
        """
        raise NotImplementedError

    def closeFrame(self, code: int | None = None, reason: str = "") -> bytes:
        """
        The bytes of a close.
        """
        raise NotImplementedError

    def _headEnds(self, rest: bytes) -> bool:
        return True

    def _checkAnswer(self) -> None:
        raise NotImplementedError

    def _readFrames(self) -> None:
        raise NotImplementedError
