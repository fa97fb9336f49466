"""
Our end of a connection, in memory, and literal bytes at the other: a server's end and a client's.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.contract import Recorder, recorder
from tests.drafts.asked import URL, answer13, answer75, answer76
from wsfallback import FallbackServerFactory, IClientChannel, IMessageHandler
from wsfallback.client import Client
from wsfallback.testing import (
    CLIENT_ADDRESS,
    SERVER_ADDRESS,
    TEXT,
    VERSIONS,
    Frame,
    HybiClient,
    MemoryTransport,
    request,
)

SERVER, CLIENT = "server", "client"
#: What a peer says that deflates, be it an offer or an answer; and what its frames say.
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
COMPRESSED = 4
HIXIE = tuple(name for name, version in VERSIONS.items() if version is None)
HYBI = tuple(name for name, version in VERSIONS.items() if version is not None)


class End:
    """
    Our end, and what its peer does.

    :ivar name: `SERVER` or `CLIENT`: what we are.
    :ivar draft: its name.
    :ivar kind: makes our handler.
    :ivar connecting: at a client's end, what `wsfallback.connect` returned.
    """

    connecting: Deferred[Any]

    def __init__(self, name: str, draft: str, kind: type[Recorder], **limits: Any) -> None:
        self.name, self.draft, self.kind = name, draft, kind
        self.clock = Clock()
        self.limits = limits
        self.transport = MemoryTransport(
            self.clock, CLIENT_ADDRESS if name == SERVER else SERVER_ADDRESS
        )
        self._start = 0

    def __repr__(self) -> str:
        return f"{self.name}, {self.draft}"

    @property
    def peer(self) -> str:
        """
        What the other end is, as the log says it.
        """
        return CLIENT if self.name == SERVER else SERVER

    # What the peer does.

    def arrive(self, *segments: bytes) -> None:
        """
        Segments of the peer's.
        """
        for segment in segments:
            self.transport.arrive(segment)
            self.clock.advance(0)

    def finish(self) -> None:
        """
        A FIN of the peer's.
        """
        self.transport.leave(ConnectionDone())
        self.clock.advance(0)

    def drop(self) -> None:
        """
        A RST of the peer's.
        """
        self.transport.leave(ConnectionLost())
        self.clock.advance(0)

    def text(self, payload: bytes) -> bytes:
        """
        The bytes of a text message.
        """
        return b"\x00" + payload + b"\xff" if self.draft in HIXIE else self.frame(TEXT, payload)

    def frame(self, opcode: int, payload: bytes = b"", isFinal: bool = True, rsv: int = 0) -> bytes:
        """
        A frame of the peer's, RFC 6455 §5.2: masked, if it is a client.
        """
        size = len(payload)
        lengths = (
            (126, struct.pack("!B", size & 0x7F)),
            (1 << 16, struct.pack("!BH", 126, size & 0xFFFF)),
            (1 << 63, struct.pack("!BQ", 127, size)),
        )
        length = bytearray(next(length for bound, length in lengths if size < bound))
        mask = b""
        if self.name == SERVER:
            length[0] |= 0x80
            mask = HybiClient.mask
            payload = masked(payload, mask)
        return bytes([isFinal << 7 | rsv << 4 | opcode]) + length + mask + payload

    # What is to be seen.

    @property
    def handler(self) -> Recorder:
        """
        Ours.
        """
        return self.kind.made[0]

    @property
    def calls(self) -> list[tuple[Any, ...]]:
        """
        What it was told since the connection is open.
        """
        return self.handler.calls[2:]

    @property
    def writes(self) -> list[bytes]:
        """
        Each write since the handshake.
        """
        return self.transport.writes[self._start :]

    @property
    def written(self) -> bytes:
        """
        All of them.
        """
        return b"".join(self.writes)

    @property
    def frames(self) -> list[Frame]:
        """
        Each frame of ours since the handshake, RFC 6455 §5.2: masked, if we are a client.
        """
        found, data = [], self.written
        while data:
            first, second, data = data[0], data[1], data[2:]
            assert second >> 7 == (self.name == CLIENT), "who masks, and who doesn't"
            size = second & 0x7F
            if size > 125:
                form = "!H" if size == 126 else "!Q"
                (size,) = struct.unpack_from(form, data)
                data = data[struct.calcsize(form) :]
            mask = b"\0" * 4
            if self.name == CLIENT:
                mask, data = data[:4], data[4:]
            found.append(
                Frame(first & 0xF, masked(data[:size], mask), first > 0x7F, first >> 4 & 7)
            )
            data = data[size:]
        return found

    @property
    def hasLeft(self) -> bool:
        """
        Whether we have ended our half of TCP.
        """
        return self.transport.finished

    # How it begins.

    def begin(self, *headers: str, rest: bytes = b"") -> None:
        """
        The opening handshake.

        :param headers: fields that the peer has besides, as lines.
        :param rest: what comes in one segment with the peer's.
        """
        getattr(self, f"_{self.name}")(headers, rest)
        self.clock.advance(0)
        self._start = len(self.transport.writes)

    def _server(self, headers: Sequence[str], rest: bytes) -> None:
        factory = FallbackServerFactory(self.kind, reactor=self.clock, **self.limits)
        protocol = factory.buildProtocol(CLIENT_ADDRESS)
        assert protocol is not None
        self.transport.attach(protocol)
        fields = dict(line.split(": ") for line in headers)
        self.transport.arrive(request(self.draft, headers=fields) + rest)

    def _client(self, headers: Sequence[str], rest: bytes) -> None:
        # As at a server's end.
        self.ask(**{"invalidText": "close", **self.limits})
        self.transport.arrive(self.answer(*headers) + rest)

    def ask(self, **options: Any) -> None:
        """
        The first half of a client's: the request goes out.
        """
        client = Client(
            OneConnection(self.transport),
            url=URL,
            drafts=[self.draft],
            reactor=self.clock,
            **{**self.limits, **options},
        )
        self.connecting = client.connect(self.kind)

    def answer(self, *headers: str) -> bytes:
        """
        What the server has to say to it.
        """
        asked = b"".join(self.transport.writes)
        if self.draft == "hixie-75":
            return answer75()[:-2] + "".join(f"{line}\r\n" for line in headers).encode() + b"\r\n"
        if self.draft == "hixie-76":
            return answer76(asked, **dict(line.split(": ") for line in headers))
        return answer13(asked, *headers)


@implementer(IStreamClientEndpoint)
class PausingContract:
    """
    What an application that pauses is owed, on every draft; mixed into a test case with ``ends``.
    """

    def test_resumeWithinAMessage(self: Any) -> None:
        """
        The next message comes after this one, never within it.
        """
        depth = []

        def both(handler: Any) -> None:
            depth.append(1)
            self.assertEqual(len(depth), 1)
            handler.channel.pauseReading()
            handler.channel.resumeReading()
            depth.pop()

        for end in self.ends(actions={"message": both}):
            end.arrive(b"".join(map(end.text, (b"a", b"b", b"c"))))
            self.assertEqual([call[1] for call in end.calls], [b"a", b"b", b"c"])

    def test_resumeAfterTheEnd(self: Any) -> None:
        """
        Brings nothing: what was read before has been handed over.
        """
        pause = {"message": lambda handler: handler.channel.pauseReading()}
        for end in self.ends(actions=pause):
            end.arrive(end.text(b"a") + end.text(b"b"))
            channel = end.handler.channel
            end.transport.paused = False
            end.drop()
            channel.resumeReading()
            end.clock.advance(0)
            self.assertEqual([call[0] for call in end.calls], ["message", "message", "close"])


class ClientContract:
    """
    What a client's end is on every draft.

    :cvar drafts: of the test case that this is mixed into.
    """

    drafts: Sequence[str]

    def test_channel(self: Any) -> None:
        """
        Is a client's, and who has connected is given it.
        """
        for end in opened(self.drafts, names=[CLIENT]):
            channel = self.successResultOf(end.connecting)
            self.assertIs(channel, end.handler.channel)
            verifyObject(IClientChannel, channel)
            verifyObject(IMessageHandler, channel)


class OneConnection:
    """
    Has one connection.
    """

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        At once.
        """
        protocol = protocolFactory.buildProtocol(SERVER_ADDRESS)
        assert protocol is not None
        self._transport.attach(protocol)
        return succeed(protocol)


def masked(payload: bytes, mask: bytes) -> bytes:
    """
    RFC 6455 §5.3.
    """
    size = len(payload)
    repeated = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ repeated).to_bytes(size, "big")


def deflated(payload: bytes) -> bytes:
    """
    RFC 7692 §7.2.1.
    """
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


def opened(
    drafts: Sequence[str],
    *headers: str,
    names: Sequence[str] = (SERVER, CLIENT),
    actions: dict[str, Any] | None = None,
    **limits: Any,
) -> Iterator[End]:
    """
    Open connections of these drafts, both ends of each.

    :param headers: lines that the peer's half of the handshake has besides.
    :param actions: what our handler does, as of `tests.contract.recorder`.
    """
    for draft in drafts:
        for name in names:
            end = End(name, draft, recorder(**(actions or {})), **limits)
            end.begin(*headers)
            assert [call[0] for call in end.handler.calls[:2]] == ["connect", "open"], end
            yield end
