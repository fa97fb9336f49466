"""
Both ends of a connection, in memory: our client against our server, or against literal bytes.
"""

from collections.abc import Iterable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    UserError,
)
from twisted.internet.interfaces import (
    IProtocolFactory,
    ISSLTransport,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from wsfallback.testing import CLIENT_ADDRESS, SERVER_ADDRESS, MemoryTransport


class PipeTransport(MemoryTransport):
    """
    One end; what it writes in a turn of the clock arrives at the other a turn later, in one.
    """

    other: "PipeTransport"
    isCut = False

    def __init__(self, clock: Clock, peer: IPv4Address) -> None:
        super().__init__(clock, peer)
        self._outgoing = bytearray()

    def write(self, data: bytes) -> None:
        """
        Collect it, and send it.
        """
        if self.connected and not self.finished:
            super().write(data)
            if not self._outgoing:
                self._clock.callLater(0, self._flush)
            self._outgoing += data

    def _flush(self) -> None:
        data = bytes(self._outgoing)
        self._outgoing.clear()
        for segment in segments(data) if self.isCut else [data]:
            self.other.arrive(segment)

    def loseConnection(self) -> None:
        """
        End both halves.
        """
        if not self.finished:
            self._clock.callLater(0, self.other.leave, ConnectionDone())
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        """
        End the half that sends; the connection is over when both are.
        """
        if not self.finished:
            super().loseWriteConnection()
            self._clock.callLater(0, self.other.leave, ConnectionDone())

    def leave(self, reason: BaseException) -> None:
        """
        The other end has ended its half; the connection is over when both are.
        """
        super().leave(reason)
        if self.finished and self.connected and not self.paused:
            self.lose(ConnectionDone())

    def lose(self, reason: BaseException) -> None:
        """
        This end is over; what is told of that, the other end hears.
        """
        if self.connected and not self.finished:
            self.finished = True
            self._clock.callLater(0, self.other.leave, ConnectionDone())
        super().lose(reason)

    def abortConnection(self) -> None:
        """
        A RST.
        """
        self._clock.callLater(0, self.other.lose, ConnectionLost())
        super().abortConnection()


class Script(Protocol):
    """
    A server that sends these bytes when it has been asked, and then does nothing.

    :ivar asked: all that came.
    """

    def __init__(self, answer: bytes, *, closes: bool = False, resets: bool = False) -> None:
        self.asked = b""
        self._answer, self._closes, self._resets = answer, closes, resets

    def dataReceived(self, data: bytes) -> None:
        """
        Answer the first segment.
        """
        self.asked += data
        transport: Any = self.transport
        if self._answer:
            transport.write(self._answer)
            self._answer = b""
        if self._closes:
            transport.loseConnection()
        if self._resets:
            transport.abortConnection()


def pair(clock: Clock, server: IPv4Address = SERVER_ADDRESS) -> tuple[PipeTransport, PipeTransport]:
    """
    The client's end of a connection and the server's.
    """
    near = PipeTransport(clock, server)
    far = PipeTransport(clock, CLIENT_ADDRESS)
    near.other, far.other = far, near
    return near, far


def join(near: PipeTransport, far: PipeTransport, factory: Any, server: Any) -> Any:
    """
    Have protocols at both ends.

    :param server: a factory, or a `Protocol`.
    :returns: the client's.
    """
    client = factory.buildProtocol(near.getPeer())
    if IProtocolFactory.providedBy(server):
        server = server.buildProtocol(far.getPeer())
    assert client is not None
    far.attach(server)
    near.attach(client)
    return client


class Internet(MemoryReactorClock):
    """
    A reactor on a clock, whose TCP connections are in memory.

    Names are those of one machine, as `MemoryReactorClock` has it.

    :ivar servers: by port, what answers there: a factory, a `Protocol`, an exception that
        connecting fails with, or `None`: nothing comes of it. Others refuse.
    :ivar ends: of each connection the client's and the server's, in their order.
    :ivar tried: the ports that were connected to.
    :ivar cancelled: how many attempts were given up before there was a connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self.servers: dict[int, Any] = {}
        self.ends: list[tuple[PipeTransport, PipeTransport]] = []
        self.tried: list[int] = []
        self.cancelled = 0

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> Any:
        """
        As reactors do.
        """
        self.tried.append(port)
        server = self.servers.get(port, ConnectionRefusedError())
        connector = _Connector(self, factory, IPv4Address("TCP", host, port))
        factory.doStart()
        factory.startedConnecting(connector)
        if isinstance(server, Exception):
            factory.clientConnectionFailed(connector, Failure(server))
        elif server is not None:
            near, far = pair(self, connector.getDestination())
            self.ends.append((near, far))
            join(near, far, factory, server)
        return connector

    @property
    def isQuiet(self) -> bool:
        """
        Nothing is left: no connection, no timer.
        """
        return not self.getDelayedCalls() and not any(
            end.connected for ends in self.ends for end in ends
        )


class _Connector:
    """
    An attempt that can be given up.
    """

    def __init__(self, internet: Internet, factory: Any, destination: IPv4Address) -> None:
        self._internet, self._factory, self._destination = internet, factory, destination

    def getDestination(self) -> IPv4Address:
        """
        Where it goes.
        """
        return self._destination

    def stopConnecting(self) -> None:
        """
        Give up.
        """
        self._internet.cancelled += 1
        self._factory.clientConnectionFailed(self, Failure(UserError()))


@implementer(IStreamClientEndpoint)
class Network:
    """
    An endpoint whose connections are in memory, one server after the other.

    :ivar ends: the client's ends and the server's, in the order of the connections.
    """

    def __init__(
        self, clock: Clock, servers: Any, *, isSecure: bool = False, isCut: bool = False
    ) -> None:
        """
        :param servers: a factory for all connections; or for each a factory, a `Protocol`, an
            exception that connecting fails with, or `None`: nothing comes of it.
        :param isSecure: the client's transport is one of TLS; the handshake of that is the test's.
        :param isCut: each byte comes in a segment of its own.
        """
        self.clock = clock
        self.ends: list[tuple[PipeTransport, PipeTransport]] = []
        self.tried = 0
        self.cancelled = 0
        self._all = servers if IProtocolFactory.providedBy(servers) else None
        self._each = iter(servers) if self._all is None else iter(())
        self._isSecure = isSecure
        self._isCut = isCut

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        As endpoints do.
        """
        self.tried += 1
        server = self._all or next(self._each, ConnectionRefusedError())
        if server is None:
            return Deferred(self._cancel)
        if isinstance(server, Exception):
            return fail(server)
        near, far = pair(self.clock)
        near.isCut = far.isCut = self._isCut
        if self._isSecure:
            alsoProvides(near, ISSLTransport)
        self.ends.append((near, far))
        return succeed(join(near, far, protocolFactory, server))

    def _cancel(self, connecting: Deferred[Any]) -> None:
        self.cancelled += 1
        # As Twisted's endpoints do.
        connecting.errback(ConnectingCancelledError(SERVER_ADDRESS))

    @property
    def isQuiet(self) -> bool:
        """
        Nothing is left: no connection, no timer.
        """
        return not self.clock.getDelayedCalls() and not any(
            end.connected for pair in self.ends for end in pair
        )

    def settle(self, turns: int = 40) -> None:
        """
        Let both ends do what is due now.
        """
        self.clock.pump([0.0] * turns)


def segments(data: bytes) -> Iterable[bytes]:
    """
    One for each byte.
    """
    return (data[at : at + 1] for at in range(len(data)))
