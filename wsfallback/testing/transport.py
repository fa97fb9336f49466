"""
The server's end of a connection, in memory.
"""

from collections.abc import Iterable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

CLIENT_ADDRESS = IPv4Address("TCP", "192.0.2.7", 52914)
SERVER_ADDRESS = IPv4Address("TCP", "192.0.2.1", 8080)


@implementer(ITCPTransport, IPushProducer)
class MemoryTransport:
    """
    The server's end of a connection that is in memory.

    As with a socket, whatever ends it is noticed a turn of the clock later, never within the
    call.

    :ivar writes: what each call of ``write`` got.
    :ivar finished: the server has ended its half: nothing comes after what it wrote.
    :ivar aborted: it has thrown the connection away.
    :ivar connected: the server hasn't been told yet that the connection is lost.
    :ivar paused: the server doesn't read.
    :ivar noDelay: whether Nagle's algorithm is off.
    :ivar keepAlive: whether TCP's keepalive is on.
    """

    def __init__(self, clock: Clock, peer: IPv4Address = CLIENT_ADDRESS) -> None:
        self.writes: list[bytes] = []
        self.finished = self.aborted = self.paused = False
        self.connected = True
        self.noDelay = self.keepAlive = False
        self.producer: Any = None
        self._clock = clock
        self._peer = peer
        self._pulls = False
        self._incoming = bytearray()
        self._left: BaseException | None = None
        self._protocol: IProtocol | None = None

    def attach(self, protocol: IProtocol) -> None:
        """
        Begin.
        """
        self._protocol = protocol
        protocol.makeConnection(self)

    def arrive(self, data: bytes) -> None:
        """
        A segment from the client, read as soon as the server reads.
        """
        self._incoming += data
        self._deliver()

    def _deliver(self) -> None:
        if self._incoming and self.connected and not self.paused:
            assert self._protocol is not None, "attach a protocol first"
            data = bytes(self._incoming)
            self._incoming.clear()
            self._protocol.dataReceived(data)
        if self._left is not None and not self.paused:
            reason, self._left = self._left, None
            self.leave(reason)

    def lose(self, reason: BaseException) -> None:
        """
        Tell the server that the connection is lost.
        """
        if self.connected:
            protocol, self._protocol = self._protocol, None
            assert protocol is not None, "attach a protocol first"
            self.connected = False
            protocol.connectionLost(Failure(reason))

    def leave(self, reason: BaseException) -> None:
        """
        The client leaves; the server notices when it reads.
        """
        if self.paused:
            self._left = reason
        elif self.connected and isinstance(reason, ConnectionDone):
            half = IHalfCloseableProtocol(self._protocol, None)
            if half is None:
                self.lose(reason)
            else:
                half.readConnectionLost()
        else:
            self.lose(reason)

    @property
    def disconnecting(self) -> bool:
        """
        `finished`, by the name that Twisted's line protocols look at.
        """
        return self.finished

    # ITransport

    def write(self, data: bytes) -> None:
        """
        Collect.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"a transport writes bytes, not {type(data).__name__}")
        if self.connected and not self.finished:
            self.writes.append(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        Collect, as one write.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        End both halves.
        """
        self.finished = True
        self._clock.callLater(0, self.lose, ConnectionDone())

    def loseWriteConnection(self) -> None:
        """
        End the half that sends.
        """
        self.finished = True

    def abortConnection(self) -> None:
        """
        Throw the connection away.
        """
        self.finished = self.aborted = True
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def getPeer(self) -> IPv4Address:
        """
        The client's address.
        """
        return self._peer

    def getHost(self) -> IPv4Address:
        """
        The server's address.
        """
        return SERVER_ADDRESS

    # ITCPTransport

    def getTcpNoDelay(self) -> bool:
        """
        `noDelay`.
        """
        return self.noDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        `noDelay`.
        """
        self.noDelay = enabled

    def getTcpKeepAlive(self) -> bool:
        """
        `keepAlive`.
        """
        return self.keepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        `keepAlive`.
        """
        self.keepAlive = enabled

    # IConsumer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Take a producer; one that is to be pulled is pulled until it is done.
        """
        self.producer = producer
        self._pulls = not streaming
        while self._pulls:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """
        Forget it.
        """
        self.producer = None
        self._pulls = False

    # IPushProducer

    def pauseProducing(self) -> None:
        """
        Keep what arrives.
        """
        self.paused = True

    def resumeProducing(self) -> None:
        """
        Hand over what was kept.
        """
        self.paused = False
        self._clock.callLater(0, self._deliver)

    def stopProducing(self) -> None:
        """
        End the connection.
        """
        self.loseConnection()
