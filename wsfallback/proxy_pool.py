"""
The connections to the HTTP servers behind a reverse proxy that have no exchange now: they are
kept for the next.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from wsfallback.backends import Backend
from wsfallback.proxy_backend import BackendProtocol

#: Seconds for which a connection waits for its next exchange: servers that keep theirs for five,
#: as Node.js does, are not to close one that we are about to use.
KEPT = 4.0
#: How many wait for each backend.
MOST_KEPT = 32


class _Connecting(Factory):
    """
    Makes the connections to one backend.
    """

    noisy = False

    def __init__(self, pool: "Pool", backend: Backend) -> None:
        self._pool = pool
        self._backend = backend

    def buildProtocol(self, addr: IAddress | None) -> BackendProtocol:
        """
        One more.
        """
        return BackendProtocol(self._pool, self._backend)


class Pool:
    """
    The connections to all backends that have no exchange now.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: Callable[[str], IStreamClientEndpoint],
        maxHead: int,
    ) -> None:
        """
        :param endpoint: by which the backend of a URL is reached.
        :param maxHead: bound in bytes of the head of an answer.
        """
        self.clock = clock
        self.maxHead = maxHead
        self._endpoint = endpoint
        self._kept: dict[str, list[BackendProtocol]] = {}
        self._isOpen = True

    def open(self) -> None:
        """
        Keep some, again.
        """
        self._isOpen = True

    def take(self, backend: Backend) -> BackendProtocol | None:
        """
        A connection that was kept, the last one first; `None` without.
        """
        kept = self._kept.get(backend.url)
        return kept.pop() if kept else None

    def connect(self, backend: Backend) -> Deferred[BackendProtocol]:
        """
        A new connection, TLS included; cancellable.
        """

        def cancel(connected: "Deferred[BackendProtocol]") -> None:
            # Twisted's endpoints then fail in ways of their own, as if it were the backend's fault.
            connected.errback(CancelledError())
            connecting.cancel()

        def fail(failure: Failure) -> None:
            if not connected.called:
                connected.errback(failure)

        connected: Deferred[BackendProtocol] = Deferred(cancel)
        connecting: Deferred[Any] = self._endpoint(backend.url).connect(_Connecting(self, backend))
        connecting.addCallback(lambda protocol: protocol.ready)
        connecting.addCallbacks(connected.callback, fail)
        return connected

    def keep(self, protocol: BackendProtocol) -> None:
        """
        Have it wait for its next exchange.
        """
        kept = self._kept.setdefault(protocol.backend.url, [])
        if self._isOpen and len(kept) < MOST_KEPT:
            kept.append(protocol)
            protocol.wait(KEPT)
        else:
            protocol.transport.loseConnection()

    def forget(self, protocol: BackendProtocol) -> None:
        """
        It is gone.
        """
        kept = self._kept.get(protocol.backend.url, [])
        if protocol in kept:
            kept.remove(protocol)

    def close(self) -> None:
        """
        End all that wait, and keep none any more.
        """
        self._isOpen = False
        for kept in self._kept.values():
            for protocol in kept:
                protocol.transport.loseConnection()
        self._kept.clear()
