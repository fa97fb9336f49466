"""
The clients of the soak: every draft's wire by hand, apart from the server's code, and cheap.
"""

import json
import socket
import struct
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import sha1
from itertools import count
from random import Random
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from wsfallback.testing import VERSIONS, Hixie76Client, HybiClient, request

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

#: Seconds for TCP to connect: the kernel tries again after 1, 3, 7 and 15.
CONNECTING = 30
#: Seconds after which an idle client without ping says something; the server waits for 60.
NUDGE = 25.0
#: Bytes of the kernel's that a client asks for who doesn't read, so that it is soon felt.
SMALL_BUFFER = 16384


def _sources() -> Iterator[str]:
    """
    An address for each connection: one alone has not the ports for all that are in TIME_WAIT.
    """
    for number in count():
        yield f"127.{1 + number // 62500 % 200}.{number // 250 % 250}.{1 + number % 250}"


_source = _sources()


class HixieWire:
    """
    Frames of hixie-75 and 76.
    """

    hasPing = False

    def __init__(self, draft: str) -> None:
        self.draft = draft
        is76 = draft == "hixie-76"
        self.answer = Hixie76Client.digest if is76 else b""
        self.goodbye = b"\xff\x00" if is76 else b""

    def text(self, payload: bytes) -> bytes:
        """
        A message.
        """
        return b"\x00" + payload + b"\xff"

    def take(self, buffer: bytearray) -> tuple[int, bytes] | None:
        """
        The next frame, out of the buffer.
        """
        if buffer.startswith(b"\xff\x00"):
            del buffer[:2]
            return CLOSE, b""
        end = buffer.find(b"\xff")
        if end < 0:
            return None
        if buffer[0] != 0:
            raise ValueError(f"no text frame: {bytes(buffer[:20])!r}")
        payload = bytes(buffer[1:end])
        del buffer[: end + 1]
        return TEXT, payload


class HybiWire:
    """
    Frames of hybi-07 and later, masked with zeros: it is the server that takes the trouble.
    """

    hasPing = True
    answer = b""

    def __init__(self, draft: str) -> None:
        self.draft = draft
        self.goodbye = self.frame(CLOSE, struct.pack("!H", 1000))

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """
        A frame.
        """
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        return head + bytes(4) + payload

    def text(self, payload: bytes) -> bytes:
        """
        A message.
        """
        return self.frame(TEXT, payload)

    def take(self, buffer: bytearray) -> tuple[int, bytes] | None:
        """
        The next frame, out of the buffer.
        """
        if len(buffer) < 2:
            return None
        size, at = buffer[1], 2
        for marker, form in ((126, "!H"), (127, "!Q")):
            if buffer[1] == marker:
                at += struct.calcsize(form)
                if len(buffer) < at:
                    return None
                (size,) = struct.unpack(form, buffer[2:at])
        if len(buffer) < at + size:
            return None
        if not buffer[0] & 0x80 or buffer[0] & 0x70:
            raise ValueError(f"a frame that nobody asked for: {bytes(buffer[:20])!r}")
        opcode, payload = buffer[0] & 0xF, bytes(buffer[at : at + size])
        del buffer[: at + size]
        return opcode, payload


#: By draft, oldest first.
WIRES = [(HixieWire if version is None else HybiWire)(draft) for draft, version in VERSIONS.items()]
_ACCEPT = b64encode(
    sha1(HybiClient.key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
)


class Client(Protocol):
    """
    A client: opens, hears messages, answers pings and closes.

    :ivar isOpen: its handshake has succeeded.
    :ivar isClosed: the server's half of a close has come; on hixie-75 the end of TCP.
    :ivar isOver: it is connected no more, or never was.
    :ivar trouble: what it got and should not have got.
    """

    def __init__(self, reactor: Any, number: int, path: str = "/") -> None:
        """
        :param number: decides on the draft.
        """
        self.reactor = reactor
        self.wire = WIRES[number % len(WIRES)]
        self.path = path
        self.isOpen = self.isClosed = self.isOver = False
        self.trouble: str | None = None
        self._saidGoodbye = False
        self._buffer = bytearray()

    def connect(self, port: int) -> None:
        """
        Come, from an address of one's own.
        """
        endpoint = TCP4ClientEndpoint(
            self.reactor, "127.0.0.1", port, CONNECTING, bindAddress=(next(_source), 0)
        )
        connectProtocol(endpoint, self).addErrback(self._failed)

    def say(self, payload: bytes) -> None:
        """
        Send a message.
        """
        self.transport.write(self.wire.text(payload))

    def leave(self) -> None:
        """
        Close as the draft has it: hixie-75 has only the end of TCP.
        """
        self._saidGoodbye = True
        if self.wire.goodbye:
            self.transport.write(self.wire.goodbye)
        else:
            self.transport.loseConnection()

    def kill(self) -> None:
        """
        End by a RST.
        """
        self._saidGoodbye = True
        self.transport.abortConnection()

    # What comes.

    def connectionMade(self) -> None:
        """
        Ask.
        """
        self.transport.setTcpNoDelay(True)
        self.transport.write(self.opening())

    def opening(self) -> bytes:
        """
        The request.
        """
        return request(self.wire.draft, path=self.path, host="127.0.0.1")

    def dataReceived(self, data: bytes) -> None:
        """
        An answer, or frames.
        """
        self._buffer += data
        try:
            if not (self.isOpen or self._isAnswered()):
                return
            while (frame := self.wire.take(self._buffer)) is not None:
                self._take(*frame)
        except ValueError as error:
            self.trouble = str(error)
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        It is over.
        """
        self.isOver = True
        if self.wire.draft == "hixie-75" and self.isOpen:
            self.isClosed = True
        if not self._saidGoodbye:
            self.trouble = self.trouble or f"ended: {reason.getErrorMessage()}"

    def opened(self) -> None:
        """
        It may begin.
        """

    def heard(self, payload: bytes) -> None:
        """
        A message has come.
        """

    # Within.

    def _isAnswered(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if end and not head.startswith(b"HTTP/1.1 101"):
            raise ValueError(f"refused: {bytes(head[:40])!r}")
        size = len(self.wire.answer)
        if not end or len(rest) < size:
            return False
        if rest[:size] != self.wire.answer or (self.wire.hasPing and _ACCEPT not in head):
            raise ValueError("the answer to the handshake is wrong")
        self._buffer = rest[size:]
        self.isOpen = True
        self.opened()
        return True

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.heard(payload)
        elif opcode == PING:
            self.transport.write(self.wire.frame(PONG, payload))
        elif opcode == CLOSE:
            self.isClosed = True
            if not self._saidGoodbye:
                self.trouble = f"closed: {payload!r}"
                self.leave()

    def _failed(self, failure: Failure) -> None:
        self.isOver = True
        self.trouble = f"didn't connect: {failure.getErrorMessage()}"


class Idle(Client):
    """
    Is there, and says no more than it has to; its last message shows that it was there all along.

    :ivar isPresent: what it has said last has come back.
    """

    isPresent = False
    _nudge: Any = None

    def opened(self) -> None:
        """
        Where there is no ping, the client has to say something now and then.
        """
        if not self.wire.hasPing:
            self._nudge = self.reactor.callLater(NUDGE, self._sayIt)

    def heard(self, payload: bytes) -> None:
        """
        An echo.
        """
        self.isPresent |= payload == b"here"

    def check(self) -> None:
        """
        Be present once more.
        """
        self.isPresent = False
        self.say(b"here")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Say nothing more.
        """
        super().connectionLost(reason)
        if self._nudge is not None and self._nudge.active():
            self._nudge.cancel()

    def _sayIt(self) -> None:
        self.say(b"still")
        self._nudge = self.reactor.callLater(NUDGE, self._sayIt)


class Visitor(Client):
    """
    Comes and goes at once, in one of these ways.

    ``clean``: opens, gets an echo, closes. ``reset``: the same, but ends by a RST. ``early``: is
    gone in the middle of the handshake, by a RST or in order. ``stalled``: stops in the middle of
    the handshake, and waits until the server has had enough.
    """

    #: How many of each among twenty.
    WAYS = ("clean",) * 8 + ("reset",) * 6 + ("early",) * 4 + ("stalled",) * 2

    def __init__(self, reactor: Any, number: int, path: str, random: Random) -> None:
        super().__init__(reactor, number, path)
        self.way = random.choice(self.WAYS)
        self._random = random
        self._isEchoed = False

    @property
    def isDone(self) -> bool:
        """
        Whether it went as it should.
        """
        if self.trouble is not None or not self.isOver:
            return False
        return {"clean": self._isEchoed and self.isClosed, "reset": self._isEchoed}.get(
            self.way, True
        )

    def connectionMade(self) -> None:
        """
        Ask, or do half of it.
        """
        if self.way in ("early", "stalled"):
            # Nobody has anything to complain about then but a 408.
            self._saidGoodbye = True
        super().connectionMade()
        if self.way == "early":
            how = self._random.choice((self.transport.loseConnection, self.kill))
            self.reactor.callLater(self._random.random() * 0.05, how)

    def opening(self) -> bytes:
        """
        All of it, or less than its head: hixie-75 has nothing behind.
        """
        whole = super().opening()
        if self.way in ("early", "stalled"):
            return whole[: self._random.randrange(whole.index(b"\r\n\r\n"))]
        return whole

    def dataReceived(self, data: bytes) -> None:
        """
        Who stalls is told that it took too long.
        """
        if self.way != "stalled":
            super().dataReceived(data)
        elif not data.startswith(b"HTTP/1.1 408"):
            self.trouble = f"no 408: {data[:40]!r}"

    def opened(self) -> None:
        """
        Say something.
        """
        self.say(b"hello")

    def heard(self, payload: bytes) -> None:
        """
        And go.
        """
        self._isEchoed = payload == b"hello"
        if self.way == "clean":
            self.leave()
        else:
            self.kill()


class Slow(Client):
    """
    Asks for much, reads it slowly, and wants all of it, in order.
    """

    #: 1 MiB in all, which may wait.
    MESSAGES = 64
    SIZE = 16384
    PAUSE = 0.1

    _heard = 0

    @property
    def isDone(self) -> bool:
        """
        Whether all has come back.
        """
        return self.trouble is None and self._heard == self.MESSAGES

    def connectionMade(self) -> None:
        """
        Have little room.
        """
        shrink(self)
        super().connectionMade()

    def opened(self) -> None:
        """
        Ask for everything.
        """
        for number in range(self.MESSAGES):
            self.say(self._message(number))

    def dataReceived(self, data: bytes) -> None:
        """
        Read, and read no more for a while.
        """
        super().dataReceived(data)
        if self.isOpen and not (self._saidGoodbye or self.isOver):
            self.transport.pauseProducing()
            self.reactor.callLater(self.PAUSE, self._goOn)

    def heard(self, payload: bytes) -> None:
        """
        The next one, it should be.
        """
        if payload != self._message(self._heard):
            raise ValueError(f"not message {self._heard}: {payload[:20]!r}")
        self._heard += 1

    def _goOn(self) -> None:
        if not self.isOver:
            self.transport.resumeProducing()

    def _message(self, number: int) -> bytes:
        return b"%8d" % number * (self.SIZE // 8)


class Deaf(Client):
    """
    Asks for much and reads nothing, until it looks what has become of it.

    :ivar asked: bytes that it has said.
    """

    #: More than a server's kernel takes for one client, and may wait for one beside that.
    BYTES = 8 << 20
    _MESSAGE = b"deaf....." * 7281

    asked = 0
    _got = 0

    @property
    def isDone(self) -> bool:
        """
        Whether it was closed, or has all after all: several servers in a row have more room.
        """
        return self.trouble is None and (self.isClosed or self._got == self.asked)

    def connectionMade(self) -> None:
        """
        Have little room.
        """
        shrink(self)
        super().connectionMade()

    def opened(self) -> None:
        """
        Say as much as is taken; as a pull producer, which is asked for more.
        """
        self.transport.pauseProducing()
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """
        What was said last has been taken.
        """
        if self.asked < self.BYTES:
            self.asked += len(self._MESSAGE)
            self.say(self._MESSAGE)
        else:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:
        """
        Nothing is taken any more.
        """

    def look(self) -> None:
        """
        Read everything.
        """
        self._saidGoodbye = True  # to be closed is no trouble
        if not self.isOver:
            self.transport.resumeProducing()

    def heard(self, payload: bytes) -> None:
        """
        What it has asked for; all of it is enough.
        """
        self._got += len(payload)
        if self._got == self.asked:
            self.leave()

    def _take(self, opcode: int, payload: bytes) -> None:
        super()._take(opcode, payload)
        if opcode == CLOSE:
            self.transport.unregisterProducer()
            self.leave()


class Good(Client):
    """
    Sends numbered messages all the time, and expects each back, once and in order.
    """

    def __init__(
        self, reactor: Any, number: int, path: str, random: Random, took: Callable[[float], object]
    ) -> None:
        """
        :param took: is told of each message, in how many seconds it came back.
        """
        super().__init__(reactor, number, path)
        self._number = number
        self._random = random
        self._took = took
        self._awaited: deque[tuple[bytes, float]] = deque()
        self.sent = self.returned = self.wrong = 0

    @property
    def lost(self) -> int:
        """
        How many have not come back.
        """
        return len(self._awaited)

    def sayNext(self) -> None:
        """
        Send one more, of any size up to some segments.
        """
        if not self.isOpen or self.isOver:
            return
        text = f"{self._number} {self.sent} ".encode()
        payload = text + b"." * self._random.choice((0, 10, 100, 1000, 5000))
        self._awaited.append((payload, self.reactor.seconds()))
        self.sent += 1
        self.say(payload)

    def heard(self, payload: bytes) -> None:
        """
        The oldest of those that are out, it should be.
        """
        if not self._awaited or payload != self._awaited[0][0]:
            self.wrong += 1
            return
        _, when = self._awaited.popleft()
        self.returned += 1
        self._took(self.reactor.seconds() - when)


class Question(Client):
    """
    Asks the server's handler what the process has in memory.

    :ivar answer: its answer.
    """

    answer: Any = None

    def __init__(self, reactor: Any, question: bytes) -> None:
        super().__init__(reactor, len(WIRES) - 1)
        self._question = question

    def opened(self) -> None:
        """
        Ask.
        """
        self.say(self._question)

    def heard(self, payload: bytes) -> None:
        """
        And go.
        """
        self.answer = json.loads(payload)
        self.leave()


def shrink(client: Client) -> None:
    """
    Have the kernel keep little for a client.
    """
    client.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
