"""
Clients on real sockets, which send what a test tells them and keep what comes.
"""

import struct
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.integration.support import until
from wsfallback.testing import request


@implementer(IHalfCloseableProtocol)
class Connection(Protocol):
    """
    A client's end of TCP, which sends what it is told and keeps what comes.

    :ivar received: what came and was not read yet.
    :ivar finished: the server has ended its half.
    :ivar lost: why the connection is over; `None` while it is not.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self.finished = False
        self.lost: BaseException | None = None

    def __str__(self) -> str:
        shown = bytes(self.received[:200])
        return (
            f"finished {self.finished}, lost {self.lost!r}, {len(self.received)} bytes: {shown!r}"
        )

    def dataReceived(self, data: bytes) -> None:
        """
        Keep it.
        """
        self.received += data

    def readConnectionLost(self) -> None:
        """
        The server has ended its half; end ours, as every client does.
        """
        self.finished = True
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        We have ended our half.
        """

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        It is over.
        """
        self.lost = reason.value

    def send(self, data: bytes) -> None:
        """
        Send bytes as they are.
        """
        self.transport.write(data)

    def drop(self) -> None:
        """
        Leave by a RST.
        """
        if self.lost is None:
            self.transport.abortConnection()

    async def read(self, size: int) -> bytes:
        """
        So many bytes.
        """

        def isThere() -> bool:
            if len(self.received) < size:
                assert self.lost is None, f"the connection was lost before {size} bytes; {self}"
                return False
            return True

        await until(isThere, f"{size} bytes", self)
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    async def readHead(self) -> bytes:
        """
        All before the next blank line, and that.
        """

        def end() -> int:
            at = self.received.find(b"\r\n\r\n")
            assert at >= 0 or self.lost is None, f"the connection was lost before a head; {self}"
            return at + 4 if at >= 0 else 0

        return await self.read(await until(end, "a head", self))

    async def readAnswer(self) -> "Answer":
        """
        An HTTP answer with a Content-Length.
        """
        line, *lines = (await self.readHead()).decode("latin-1").rstrip().split("\r\n")
        fields: dict[str, str] = {}
        for name, value in (each.split(": ", 1) for each in lines):
            # RFC 9110 §5.3: lines of the same name are one list.
            fields[name.lower()] = ", ".join(filter(None, [fields.get(name.lower()), value]))
        body = await self.read(int(fields["content-length"]))
        return Answer(int(line.split(" ")[1]), fields, body)

    async def readEnd(self) -> bytes:
        """
        All until the connection is over.
        """
        await until(lambda: self.lost is not None, "the end of the connection", self)
        taken = bytes(self.received)
        self.received.clear()
        return taken


@dataclass(frozen=True)
class Answer:
    """
    An HTTP answer.
    """

    status: int
    fields: dict[str, str]
    body: bytes


class DraftClient(Connection):
    """
    A client of one draft, written apart from the server.
    """

    _MASK = b"\x37\xfa\x21\x3d"  # RFC 6455 §5.7

    def __init__(self, draft: str) -> None:
        super().__init__()
        self.draft = draft
        self.isHixie = draft.startswith("hixie")

    async def open(self, **options: Any) -> str:
        """
        Do the opening handshake.

        :param options: as of `wsfallback.testing.request`.
        :returns: the head of the answer.
        """
        self.sendOpening(**options)
        return await self.readOpening()

    def sendOpening(self, **options: Any) -> None:
        """
        Send the client's half of it.
        """
        self.send(request(self.draft, **options))

    async def readOpening(self) -> str:
        """
        Read the answer, and check that it is one.
        """
        head = await self.readHead()
        assert head.startswith(b"HTTP/1.1 101 "), head
        if self.draft == "hixie-76":
            assert await self.read(16) == b"8jKS'y:G*Co,Wxa-"
        return head.decode("latin-1")

    def message(self, text: str) -> bytes:
        """
        The bytes of a text message.
        """
        payload = text.encode()
        if self.isHixie:
            return b"\x00" + payload + b"\xff"
        return self.frame(1, payload)

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """
        The bytes of a frame of hybi: final, and masked.

        RFC 6455 §5.2.
        """
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
        noise = int.from_bytes((self._MASK * (size // 4 + 1))[:size], "big")
        masked = int.from_bytes(payload, "big") ^ noise
        return head + self._MASK + masked.to_bytes(size, "big")

    def say(self, text: str) -> None:
        """
        Send a text message.
        """
        self.send(self.message(text))

    async def hear(self) -> str:
        """
        Receive a text message.
        """
        if self.isHixie:
            assert await self.read(1) == b"\x00"
            end = await until(lambda: self.received.find(b"\xff") + 1, "the end of a frame", self)
            return (await self.read(end))[:-1].decode()
        opcode, payload = await self.readFrame()
        assert opcode == 1, f"no text: opcode {opcode}, {payload[:80]!r}"
        return payload.decode()

    async def readFrame(self) -> tuple[int, bytes]:
        """
        Receive a frame of hybi, which is final and not masked.
        """
        first, size = await self.read(2)
        assert first & 0xF0 == 0x80, f"no final frame: {first:#x}"
        if size > 125:
            assert size < 128, "a server masks nothing"
            size = int.from_bytes(await self.read(2 if size == 126 else 8), "big")
        return first & 0x0F, await self.read(size)

    def sayGoodbye(self) -> None:
        """
        Begin the closing handshake of the draft; hixie-75 has none but TCP's own.
        """
        if self.draft == "hixie-75":
            self.transport.loseWriteConnection()
        else:
            self.send(b"\xff\x00" if self.isHixie else self.frame(8, b"\x03\xe8"))
