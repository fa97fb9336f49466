"""
Every vector against the real server, in memory.
"""

from typing import Any

from autobahn.websocket.types import ConnectionRequest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.vectors import (
    FRAMES,
    HANDSHAKES,
    NEGATIVES,
    ROWS,
    Frames,
    Handshake,
    Negative,
    forEach,
)
from wsfallback import DRAFTS, FallbackServerFactory, MessageHandler
from wsfallback.events import Event, Skipped, Text
from wsfallback.testing import PONG, attach, connect

SERVED = tuple(vector for vector in HANDSHAKES if vector.draft in ROWS)
UNSERVED = tuple(vector for vector in HANDSHAKES if vector.draft not in ROWS)
RECEIVED = tuple(
    vector for vector in FRAMES if vector.draft in ROWS and vector.direction in ("c2s", "any")
)
#: What our server sends: it skips nothing, and pings of its own accord only.
SENT = tuple(
    vector
    for vector in FRAMES
    if vector.draft in ROWS
    and vector.direction in ("s2c", "any")
    and all(event["type"] in ("text", "close") for event in vector.events)
)
HIXIE = tuple(vector for vector in FRAMES if vector.draft in ("hixie-75", "hixie-76"))


class Server:
    """
    A server whose one handler is watched.

    :ivar messages: text as `str`, binary as `bytes`, in order of arrival.
    :ivar channel: the last connection's, `None` while none is open.
    :ivar asked: how many connections a handler was asked for.
    """

    def __init__(self, protocols: tuple[str, ...] = ()) -> None:
        self.messages: list[str | bytes] = []
        self.channel: Any = None
        self.asked = 0
        server = self

        class Watched(MessageHandler):
            def onConnect(self, request: ConnectionRequest) -> str | None:
                server.asked += 1
                return next(iter(protocols), None)

            def onOpen(self) -> None:
                server.channel = self.channel

            def onMessage(self, payload: bytes, isBinary: bool) -> None:
                server.messages.append(payload if isBinary else payload.decode())

        self.factory = FallbackServerFactory(Watched, reactor=Clock())

    def attached(self, vector: Handshake, segment: int | None = None) -> Any:
        """
        A client that expects this vector's answer and has sent nothing yet.
        """
        client = attach(self.factory, ROWS[vector.draft], secure=vector.isSecure, segment=segment)
        client.digest = vector.digest
        client.key = vector.value(b"Sec-WebSocket-Key").decode()
        return client


@forEach(SERVED)
class HandshakeVectorTests(SynchronousTestCase):
    """
    Opening handshakes of the drafts that are served.
    """

    def test_whole(self, vector: Handshake) -> None:
        """
        In one segment: the canonical answer, byte for byte, and nothing after it.
        """
        server = Server(vector.protocols)
        client = server.attached(vector)
        client.deliver(vector.request)
        self.assertEqual(client.wire, vector.response)
        self.assertTrue(client.isOpen)
        self.assertEqual(server.channel.draft.name, ROWS[vector.draft])

    def test_byteByByte(self, vector: Handshake) -> None:
        """
        One byte at a time: the same bytes.
        """
        server = Server(vector.protocols)
        client = server.attached(vector, segment=1)
        client.deliver(vector.request)
        self.assertEqual(client.wire, vector.response)
        self.assertTrue(client.isOpen)

    def test_withAFrameBehindIt(self, vector: Handshake) -> None:
        """
        With the first frame in the same segment: the same answer, and the frame is delivered.
        """
        server = Server(vector.protocols)
        client = server.attached(vector)
        client.deliver(vector.request + client.message("behind"))
        self.assertEqual(client.wire, vector.response)
        self.assertEqual(server.messages, ["behind"])

    def test_withHalfAFrameBehindIt(self, vector: Handshake) -> None:
        """
        A frame that is cut by the end of the segment is delivered once its rest is there.
        """
        server = Server(vector.protocols)
        client = server.attached(vector)
        frame = client.message("behind")
        client.deliver(vector.request + frame[:3])
        self.assertEqual(server.messages, [])
        client.deliver(frame[3:])
        self.assertEqual(client.wire, vector.response)
        self.assertEqual(server.messages, ["behind"])


@forEach(UNSERVED)
class UnservedHandshakeVectorTests(SynchronousTestCase):
    """
    Opening handshakes of hybi-01 to hybi-06, which nobody shipped.
    """

    def assertRefused(self, vector: Handshake, segment: int | None) -> None:
        """
        426 with the versions that are served, and not a byte more.
        """
        server = Server()
        client = attach(server.factory, segment=segment)
        client.deliver(vector.request)
        head, _, body = client.wire.partition(b"\r\n\r\n")
        self.assertEqual(client.status, 426)
        self.assertEqual(client.fields["sec-websocket-version"], "13, 8, 7")
        self.assertEqual(client.fields["upgrade"], "websocket")
        self.assertEqual(len(body), int(client.fields["content-length"]))
        self.assertEqual(head.count(b"HTTP/1.1"), 1)
        self.assertTrue(client.disconnected)
        self.assertEqual(server.asked, 0)

    def test_isRefusedWhole(self, vector: Handshake) -> None:
        """
        In one segment.
        """
        self.assertRefused(vector, None)

    def test_isRefusedByteByByte(self, vector: Handshake) -> None:
        """
        One byte at a time; what comes behind the head of hybi-01 to -03 is not answered.
        """
        self.assertRefused(vector, 1)


@forEach(RECEIVED)
class ReceivedFrameVectorTests(SynchronousTestCase):
    """
    Frames that a client sends.
    """

    def assertDelivered(
        self, vector: Frames, segment: int | None = None, behind: str | None = None
    ) -> None:
        """
        The handler gets the messages, the client gets a pong for each ping.
        """
        server = Server()
        client = connect(server.factory, ROWS[vector.draft])
        messages: list[str | bytes] = []
        pongs = []
        for event in vector.events:
            kind = event["type"]
            if kind == "text":
                messages.append(event["utf8"])
            elif kind == "binary":
                messages.append(bytes.fromhex(event["hex"]))
            elif kind == "ping":
                pongs.append(bytes.fromhex(event["hex"]))
            else:
                self.assertEqual(kind, "skip")
        wire = vector.wire
        if behind is not None:
            messages.append(behind)
            wire += client.message(behind)
        answer = client.wire
        client.deliver(wire, segment)
        self.assertEqual(server.messages, messages)
        self.assertTrue(client.isOpen)
        if pongs:
            frames = [(frame.opcode, frame.payload, frame.isFinal) for frame in client.frames]
            self.assertEqual(frames, [(PONG, payload, True) for payload in pongs])
        else:
            self.assertEqual(client.wire, answer)

    def test_whole(self, vector: Frames) -> None:
        """
        In one segment.
        """
        self.assertDelivered(vector)

    def test_byteByByte(self, vector: Frames) -> None:
        """
        One byte at a time.
        """
        self.assertDelivered(vector, segment=1)

    def test_withAFrameBehind(self, vector: Frames) -> None:
        """
        The next message in the same segment is delivered too.
        """
        self.assertDelivered(vector, behind="behind")

    def test_withAFrameBehindByteByByte(self, vector: Frames) -> None:
        """
        And one byte at a time.
        """
        self.assertDelivered(vector, segment=1, behind="behind")


@forEach(SENT)
class SentFrameVectorTests(SynchronousTestCase):
    """
    Frames that the server sends.
    """

    def test_isWritten(self, vector: Frames) -> None:
        """
        What the events say, sent through the channel, is these bytes.
        """
        server = Server()
        client = connect(server.factory, ROWS[vector.draft])
        client.answersClose = False
        answer = client.wire
        for event in vector.events:
            if event["type"] == "text":
                server.channel.sendMessage(event["utf8"].encode())
            else:
                server.channel.sendClose(event["code"])
        self.assertEqual(client.wire, answer + vector.wire)


@forEach(HIXIE)
class HixieFramingVectorTests(SynchronousTestCase):
    """
    What the framings alone make of hixie's frames, skipped ones included.
    """

    def test_events(self, vector: Frames) -> None:
        """
        The events of the file, whole and byte by byte.
        """
        wanted: list[Event] = []
        for event in vector.events:
            if event["type"] == "text":
                wanted.append(Text(event["utf8"].encode()))
            else:
                self.assertEqual(event["type"], "skip")
                wanted.append(Skipped(event["frame_type"], event["len"]))
        (row,) = (draft for draft in DRAFTS if draft.name == vector.draft)
        assert row.framing is not None
        whole = row.framing(1 << 20, 1 << 20)
        self.assertEqual(list(whole.feed(vector.wire)), wanted)
        self.assertTrue(whole.atBoundary)
        cut = row.framing(1 << 20, 1 << 20)
        events = [event for byte in vector.wire for event in cut.feed(bytes([byte]))]
        self.assertEqual(events, wanted)


class NegativeTestCase(SynchronousTestCase):
    """
    What is told of each negative vector in its ``expect``.
    """

    def assertAsExpected(self, vector: Negative, segment: int | None) -> None:
        """
        Refused with a status before the connection is open, or with its end after, or accepted.
        """
        server = Server()
        row = ROWS.get(vector.draft, "rfc6455")
        if vector.kind == "frame":
            self.assertEqual(vector.expect, "disconnect")
            client = connect(server.factory, row)
            self.assertTrue(client.isOpen)
            client.deliver(vector.wire, segment)
            self.assertTrue(client.disconnected)
            self.assertEqual(server.messages, [])
            return
        client = attach(server.factory, row, segment=segment)
        client.deliver(vector.wire)
        if vector.expect in ("reject", "400"):
            self.assertEqual(client.status, 400)
            self.assertTrue(client.wire.startswith(b"HTTP/1.1 400 "))
            self.assertEqual(client.wire.count(b"HTTP/1.1"), 1)
            self.assertTrue(client.disconnected)
            self.assertIs(server.channel, None)
        else:
            self.assertTrue(vector.expect.startswith("accept, then deliver text 'Hi'"))
            self.assertTrue(client.isOpen)
            self.assertEqual(server.messages, ["Hi"])


@forEach(NEGATIVES)
class NegativeVectorTests(NegativeTestCase):
    """
    What a server must refuse, or is easily wrong about.
    """

    def test_whole(self, vector: Negative) -> None:
        """
        In one segment.
        """
        self.assertAsExpected(vector, None)

    def test_byteByByte(self, vector: Negative) -> None:
        """
        One byte at a time.
        """
        self.assertAsExpected(vector, 1)


class CompletenessTests(SynchronousTestCase):
    """
    No vector is left out without being named here.
    """

    def test_everyRowHasHandshakesAndFrames(self) -> None:
        """
        Each row of the table is tested by both.
        """
        names = {draft.name for draft in DRAFTS}
        self.assertEqual({ROWS[vector.draft] for vector in SERVED}, names)
        self.assertEqual({ROWS[vector.draft] for vector in RECEIVED}, names)
        self.assertEqual({ROWS[vector.draft] for vector in SENT}, names)

    def test_unservedHandshakes(self) -> None:
        """
        The handshakes that are refused are those of hybi-01 to -06.
        """
        self.assertEqual(
            {vector.draft for vector in UNSERVED},
            {"hybi-01", "hybi-02", "hybi-03", "hybi-04", "hybi-05", "hybi-06"},
        )

    def test_framesLeftOut(self) -> None:
        """
        Of the frames exactly those of unserved drafts are run by nothing here.
        """
        run = {vector.id for vector in (*RECEIVED, *SENT)}
        self.assertEqual(
            {vector.draft for vector in FRAMES if vector.id not in run},
            {
                "hybi-01",
                "hybi-02",
                "hybi-03",
                "hybi-04",
                "hybi-04-lws",
                "hybi-05",
                "hybi-06",
            },
        )

    def test_counts(self) -> None:
        """
        The file is whole.
        """
        self.assertEqual((len(HANDSHAKES), len(FRAMES), len(NEGATIVES)), (26, 67, 8))

    def test_longFramesAreBuilt(self) -> None:
        """
        Frames that are given by a rule have their whole length.
        """
        lengths = {vector.id: len(vector.wire) for vector in FRAMES}
        self.assertEqual(lengths["fy01-bin65536"], 65546)
        self.assertEqual(lengths["fy02-bin65536"], 65546)
