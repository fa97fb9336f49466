"""
A connection to an HTTP server behind a reverse proxy: it has one exchange at a time.
"""

from typing import Any, Protocol

import h11
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener, IReactorTime, ISSLTransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.backends import Backend
from wsfallback.deadline import Deadline
from wsfallback.proxy_fields import trouble
from wsfallback.sockets import setSocketOptions

#: Heads of one answer, informational ones included.
MOST_HEADS = 32


class Asking(Protocol):
    """
    Who has an exchange with a backend.
    """

    def answered(self, event: Any) -> None:
        """
        A part of the answer: h11's ``InformationalResponse``, ``Response``, ``Data`` and
        ``EndOfMessage``, which is the last.
        """

    def failed(self, trouble: str) -> None:
        """
        There will be no more of it.
        """

    def pauseProducing(self) -> None:
        """
        The backend takes no more of the request now.
        """

    def resumeProducing(self) -> None:
        """
        It does.
        """

    def stopProducing(self) -> None:
        """
        It never will.
        """


class Keeping(Protocol):
    """
    Who keeps connections that have no exchange: the `wsfallback.proxy_pool.Pool`.
    """

    clock: IReactorTime
    maxHead: int

    def keep(self, protocol: "BackendProtocol") -> None:
        """
        Have it wait for its next exchange, or end it.
        """

    def forget(self, protocol: "BackendProtocol") -> None:
        """
        It is gone, or about to be.
        """


@implementer(IHandshakeListener)
class BackendProtocol(TwistedProtocol):
    """
    A connection to a backend.

    :ivar ready: fires with it when it is one, under TLS with the right certificate; cancellable.
    :ivar wasUsed: it has had an exchange, and the backend may be about to close it.
    """

    transport: Any

    def __init__(self, pool: Keeping, backend: Backend) -> None:
        self.backend = backend
        self.wasUsed = False
        self.ready: Deferred[BackendProtocol] = Deferred(self._abandon)
        self._pool = pool
        self._http = h11.Connection(h11.CLIENT, pool.maxHead)
        self._deadline = Deadline(pool.clock)
        self._asking: Asking | None = None
        self._heads = 0  # of the present answer

    # What the exchange does.

    def begin(self, asking: Asking, request: h11.Request) -> None:
        """
        Send the head of a request, for somebody who gets the answer.
        """
        self._deadline.cancel()
        self._asking = asking
        self._heads = 0
        self.transport.registerProducer(asking, True)
        self.send(request)

    def send(self, event: Any) -> None:
        """
        Send a part of the request.
        """
        data = self._http.send(event)
        if data:
            self.transport.write(data)

    def drop(self) -> None:
        """
        Nobody wants the answer any more.
        """
        self._part()
        self.transport.abortConnection()

    def wait(self, seconds: float) -> None:
        """
        Be closed, if there is no exchange in time.
        """
        self._deadline.set(seconds, self._expire)

    # What TCP tells.

    def connectionMade(self) -> None:
        """
        Small writes go at once.
        """
        setSocketOptions(self.transport, nagle=False)
        if not ISSLTransport.providedBy(self.transport):
            self.ready.callback(self)

    def handshakeCompleted(self) -> None:
        """
        TLS is there, and the backend's certificate is right.
        """
        self.ready.callback(self)

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of an answer; one that nobody has asked for ends the connection.
        """
        if self._asking is None:
            self.transport.abortConnection()
            return
        self._http.receive_data(data)
        self._read()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The end of an answer, where nothing else tells it; else of the exchange.
        """
        self._deadline.cancel()
        self._pool.forget(self)
        if reason.check(ConnectionDone) and self._http.their_state is h11.SEND_BODY:
            # That may be its end: RFC 9112 §6.3, 8.
            self._http.receive_data(b"")
            self._read()
        if self._asking is not None:
            self._fail(reason)
        if not self.ready.called:
            self.ready.errback(reason)

    def _abandon(self, ready: "Deferred[BackendProtocol]") -> None:
        ready.errback(CancelledError())
        self.transport.abortConnection()

    def _read(self) -> None:
        try:
            while self._asking is not None:
                event: Any = self._http.next_event()
                if event is h11.NEED_DATA:
                    break
                if type(event) is h11.EndOfMessage:
                    self._end(event)
                    break
                if type(event) is not h11.Data:
                    self._check(event)
                self._asking.answered(event)
        except h11.RemoteProtocolError as error:
            self._fail(Failure(error))
            self.transport.abortConnection()

    def _check(self, head: h11.Response | h11.InformationalResponse) -> None:
        """
        :raises h11.RemoteProtocolError: one head too many, or what h11 doesn't mind in one.
        """
        self._heads += 1
        if self._heads > MOST_HEADS:
            raise h11.RemoteProtocolError("one informational response after the other")
        found = trouble(head.reason, head.headers, self._pool.maxHead)
        if found is not None:
            raise h11.RemoteProtocolError(found)

    def _end(self, event: h11.EndOfMessage) -> None:
        """
        The answer is complete: be there for the next, if HTTP allows it.
        """
        asking = self._part()
        # What came behind the answer must not be taken for the next one; and the answer may have
        # ended with the connection.
        isAlone = self._http.trailing_data == (b"", False)
        if isAlone and self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
            self.wasUsed = True
            # It may have been paused for who reads slowly.
            self.transport.resumeProducing()
            self._pool.keep(self)
        elif self._http.our_state is h11.SEND_BODY:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()
        asking.answered(event)

    def _fail(self, reason: Failure) -> None:
        self._part().failed(reason.getErrorMessage())

    def _part(self) -> Any:
        asking, self._asking = self._asking, None
        if asking is not None:
            self.transport.unregisterProducer()
        return asking

    def _expire(self) -> None:
        self._pool.forget(self)
        self.transport.loseConnection()
