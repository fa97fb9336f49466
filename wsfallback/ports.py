"""
Where endpoints listen: they open their sockets as ever, and somebody else has the connections.

What an endpoint's ``listen`` asks the reactor for is asked of a `ListeningReactor` instead. So
every kind of endpoint that listens by a reactor has its connections from an `Acceptor`, and can
have its socket from another process.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.internet.protocol import Factory
from zope.interface import directlyProvides, providedBy

from wsfallback.acceptor import Acceptor, Room, addressOf


@dataclass(frozen=True)
class Listening:
    """
    A socket that listens, from which nobody accepts.

    :ivar socket: the socket.
    :ivar close: closes it, and removes what there is of it in the file system; may return a
        Deferred.
    """

    socket: socket.socket
    close: Callable[[], Deferred[Any] | None]

    def address(self) -> IAddress:
        """
        Where it is.
        """
        return addressOf(self.socket)

    @classmethod
    def inherited(cls, descriptor: int) -> "Listening":
        """
        From another process, systemd or ours: the descriptor stays open, for it may be asked for
        again, and a path is not ours to remove.
        """
        found = socket.socket(fileno=os.dup(descriptor))
        found.setblocking(False)
        return cls(found, found.close)

    @classmethod
    def of(cls, port: Any) -> "Listening":
        """
        Of a port that Twisted has just opened, in this turn of the reactor.
        """
        port.stopReading()
        found = socket.socket(fileno=os.dup(port.fileno()))

        def close() -> Deferred[Any] | None:
            found.close()
            stopping: Deferred[Any] | None = port.stopListening()
            return stopping

        return cls(found, close)


Serve = Callable[[Listening, IProtocolFactory], Any]


class _Nobody(Factory):
    """
    Twisted's port has a factory, which gets nothing.
    """

    noisy = False

    def logPrefix(self) -> str:
        """
        ``wsfallback starting on 8080``.
        """
        return "wsfallback"

    def buildProtocol(self, addr: object) -> None:
        """
        Nobody is there.
        """


class ListeningReactor:
    """
    A reactor for ``serverFromString``: what listens on it is served by somebody else.
    """

    def __init__(self, reactor: Any, serve: Serve, descriptor: int | None = None) -> None:
        """
        :param reactor: for all that is not listening.
        :param serve: returns the port of a socket and a factory.
        :param descriptor: of a socket that listens already, whatever the endpoint would open.
        """
        self._reactor = reactor
        self._serve = serve
        self._descriptor = descriptor
        # What endpoints of other packages may ask for.
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> Any:
        """
        `IReactorTCP.listenTCP`.
        """
        return self._listen(
            factory, lambda: self._reactor.listenTCP(port, _Nobody(), backlog, interface)
        )

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> Any:
        """
        `IReactorSSL.listenSSL`: TCP, with TLS above it.
        """
        # Here and not above: TLS is an extra.
        from twisted.protocols.tls import TLSMemoryBIOFactory

        wrapped = TLSMemoryBIOFactory(contextFactory, False, factory)
        return self.listenTCP(port, wrapped, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: int = 0,
    ) -> Any:
        """
        `IReactorUNIX.listenUNIX`.
        """
        return self._listen(
            factory, lambda: self._reactor.listenUNIX(address, _Nobody(), backlog, mode, wantPID)
        )

    def adoptStreamPort(self, descriptor: int, family: int, factory: IProtocolFactory) -> Any:
        """
        `IReactorSocket.adoptStreamPort`, of ``systemd:``.
        """
        if self._descriptor is not None:
            descriptor = self._descriptor
        return self._serve(Listening.inherited(descriptor), factory)

    def _listen(self, factory: IProtocolFactory, opened: Callable[[], IListeningPort]) -> Any:
        if self._descriptor is not None:
            return self._serve(Listening.inherited(self._descriptor), factory)
        return self._serve(Listening.of(opened()), factory)


def accepting(reactor: Any, room: Room, descriptor: int | None = None) -> ListeningReactor:
    """
    A reactor for endpoints, whose connections come as long as there is room.

    :param descriptor: as of `ListeningReactor`.
    """

    def serve(listening: Listening, factory: IProtocolFactory) -> Acceptor:
        acceptor = Acceptor(reactor, room, listening.socket, factory, listening.close)
        acceptor.startListening()
        return acceptor

    return ListeningReactor(reactor, serve, descriptor)
