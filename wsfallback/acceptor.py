"""
`Acceptor`: has the connections of a listening socket, as long as there are descriptors for them.

Twisted's own port, out of descriptors, takes each newcomer to close it at once, with a line in the
log for each; and of a UNIX socket that it has inherited it changes the mode and removes the path.
This one leaves newcomers in the kernel's queue: another process that shares the socket may have
them, or this one when somebody else has left.
"""

import errno
import os
import resource
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.deadline import Deadline

_log = Logger()

#: How many connections are accepted before others have their turn: other connections of this
#: process, and other processes at the same socket.
BATCH = 8

#: Descriptors that no client gets, for backends, files and name look-ups; of a low limit less.
RESERVE = 64

#: Seconds until it is tried again.
REST = 0.25

#: Seconds in which the trouble is told at most once.
SILENCE = 60.0

#: What accept(2) says when this process, or the machine, has nothing left.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

#: What it says of one client: that it has gone, that a packet filter forbids it, or, on Linux, any
#: trouble that the network has with it.
_GONE = (
    errno.ECONNABORTED,
    errno.EPERM,
    errno.ENOTCONN,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENOPROTOOPT,
    errno.EOPNOTSUPP,
    errno.EPROTO,
    errno.ETIMEDOUT,
)


def softLimit() -> int:
    """
    How many descriptors this process may have.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (1 << 31) - 1 if limit == resource.RLIM_INFINITY else limit


def nextClients() -> int:
    """
    The number of the descriptor that the next client will have.

    The kernel gives the lowest one that is free. A client needs two for a moment, and keeps the
    second: `IReactorSocket.adoptStreamConnection` takes a duplicate of what was accepted.

    :raises OSError: there is none.
    """
    # A pipe needs nothing that may have been closed, as standard input may.
    first, second = os.pipe()
    os.close(first)
    os.close(second)
    return second


def addressOf(listening: socket.socket) -> IAddress:
    """
    Where a socket listens.
    """
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return UNIXAddress(name or None)
    kind = IPv6Address if listening.family == socket.AF_INET6 else IPv4Address
    return kind("TCP", *name[:2])


class Room:
    """
    Whether there are descriptors for more clients, for all the acceptors of a process.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        limit: Callable[[], int] = softLimit,
        number: Callable[[], int] = nextClients,
    ) -> None:
        """
        :param limit: how many descriptors there may be.
        :param number: as of `nextClients`.
        """
        self._clock = clock
        self._limit = limit
        self._number = number
        self._acceptors: set[Acceptor] = set()
        self._deadline = Deadline(clock)
        self._told: float | None = None
        self._isTold = False
        self.isResting = False

    def begin(self, acceptor: "Acceptor") -> None:
        """
        There is one more, which is to accept when there is room.
        """
        self._acceptors.add(acceptor)
        if not self.isResting:
            acceptor.startReading()  # type: ignore[no-untyped-call]

    def end(self, acceptor: "Acceptor") -> None:
        """
        It accepts no more.
        """
        acceptor.stopReading()  # type: ignore[no-untyped-call]
        self._acceptors.discard(acceptor)
        if not self._acceptors:
            self._deadline.cancel()
            self.isResting = False

    def isFull(self) -> bool:
        """
        Whether the next descriptor is one that no client gets.
        """
        limit = self._limit()
        try:
            return self._number() >= limit - min(RESERVE, limit // 4)
        except OSError:
            return True

    def rest(self, trouble: OSError | None = None) -> None:
        """
        Accept nobody for a while.

        :param trouble: why, if it isn't for want of descriptors.
        """
        if not self.isResting:
            self.isResting = True
            now = self._clock.seconds()
            self._isTold = self._told is None or now - self._told >= SILENCE
            if self._isTold:
                self._told = now
                self._tell(trouble)
            for acceptor in self._acceptors:
                acceptor.stopReading()  # type: ignore[no-untyped-call]
        self._deadline.set(REST, self._look)

    def _tell(self, trouble: OSError | None) -> None:
        if trouble is not None and trouble.errno not in _EXHAUSTED:
            _log.error("new connections wait, for none can be accepted: {error}", error=trouble)
            return
        _log.warn(
            "out of file descriptors ({limit}): new connections wait until others end;"
            " raise the limit, ulimit -n or LimitNOFILE=, or lower --max-connections",
            limit=self._limit(),
        )

    def _look(self) -> None:
        if self.isFull():
            self._deadline.set(REST, self._look)
            return
        self.isResting = False
        if self._isTold:
            _log.info("connections are accepted again")
        for acceptor in self._acceptors:
            acceptor.startReading()  # type: ignore[no-untyped-call]


@implementer(IListeningPort)
class Acceptor(FileDescriptor):
    """
    A port, of which somebody else has made the listening socket.
    """

    def __init__(
        self,
        reactor: Any,
        room: Room,
        listening: socket.socket,
        factory: IProtocolFactory,
        close: Callable[[], Any],
    ) -> None:
        """
        :param reactor: an `IReactorSocket`.
        :param listening: the socket, which blocks nobody; it isn't closed here.
        :param factory: gets the connections.
        :param close: called when nobody is accepted any more; may return a Deferred.
        """
        super().__init__(reactor)
        self._adopting = reactor
        self._room = room
        self._socket = listening
        self._factory = factory
        self._close = close

    def fileno(self) -> int:
        """
        The reactor asks.
        """
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """
        For what is logged meanwhile.
        """
        return type(self._factory).__name__

    def startListening(self) -> None:
        """
        Accept.
        """
        self._factory.doStart()
        self._room.begin(self)

    def stopListening(self) -> Deferred[Any] | None:
        """
        Accept no more.
        """
        self._room.end(self)
        self._factory.doStop()
        closing: Deferred[Any] | None = self._close()
        return closing

    def getHost(self) -> IAddress:
        """
        Where it listens.
        """
        return addressOf(self._socket)

    def doRead(self) -> None:
        """
        Somebody waits.
        """
        for _ in range(BATCH):
            if self._room.isResting:
                return
            if self._room.isFull():
                self._room.rest()
                return
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _GONE:
                    continue
                if error.errno == errno.EINVAL:
                    # Our parent stops, which ends the listening for all; we are told in a moment.
                    self.stopReading()  # type: ignore[no-untyped-call]
                else:
                    # Whoever waits makes us come here again and again, whatever the trouble is.
                    self._room.rest(error)
                return
            with connection:
                self._serve(connection)

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor is over, or can't have the socket any more.
        """

    def _serve(self, connection: socket.socket) -> None:
        try:
            # It may have gone already; a transport is not to begin with that.
            connection.getpeername()
            connection.setblocking(False)
            # It takes a duplicate.
            self._adopting.adoptStreamConnection(
                connection.fileno(), self._socket.family, self._factory
            )
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._room.rest()
            elif error.errno not in _GONE:
                _log.failure("a connection can't be served")
        except Exception:  # of a factory or protocol: the others are accepted all the same
            _log.failure("a connection can't be served")
