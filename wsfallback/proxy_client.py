"""
A client's connection to the reverse proxy: one request after the other.

Each head is read by our own strict reader, as the first one of the connection was.
"""

from typing import Any, Protocol

import h11
from autobahn.twisted.util import peer2str
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.backends import Backend
from wsfallback.deadline import Deadline
from wsfallback.errors import HandshakeError, printable
from wsfallback.leaving import STOPPING, IGoing, leave
from wsfallback.policy import Limits
from wsfallback.proxy_backend import BackendProtocol
from wsfallback.proxy_exchange import Exchange
from wsfallback.request import Request, RequestReader

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: Bytes of later requests that are read while one is being answered: they are read at all so that
#: a client that leaves is noticed.
MAX_AHEAD = 1 << 16


class Proxy(Protocol):
    """
    What a client's connection needs of its factory, the `wsfallback.proxy.ReverseProxy`.
    """

    clock: IReactorTime
    limits: Limits
    timeout: float

    def check(self, request: Request, peer: str, isSecure: bool) -> None:
        """
        Refuse what is for another host.
        """

    async def reach(self, isFresh: bool) -> tuple[Backend, BackendProtocol]:
        """
        Have a connection to a backend.
        """

    def asking(self, request: Request, backend: Backend, peer: str, isSecure: bool) -> h11.Request:
        """
        What a backend is asked.
        """


@implementer(IGoing, IHalfCloseableProtocol, IPushProducer)
class ProxyProtocol(TwistedProtocol):
    """
    A client's connection.
    """

    transport: Any

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._deadline = Deadline(proxy.clock)
        self._reader = RequestReader(proxy.limits.maxHead)
        self._exchange: Exchange | None = None
        self._isLast = self._isLeaving = self._isLost = False
        self._wasToldToGo = False
        self._isFull = False  # the client takes no more now
        self._isReading = True

    def logPrefix(self) -> str:
        """
        For Twisted's own messages.
        """
        return "ReverseProxy"

    # What TCP tells.

    def connectionMade(self) -> None:
        """
        Wait for a request.
        """
        self.transport.registerProducer(self, True)
        self._wait()

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the client's.
        """
        if self._isLeaving:
            return
        if self._exchange is None:
            self._read(data)
        else:
            self._deadline.restart()
            self._exchange.receive(data)
        self.regulate()

    def readConnectionLost(self) -> None:
        """
        The client sends nothing more: what it has asked in full is answered.
        """
        self._isLast = True
        if self._isLeaving:
            # What is written may still take the time that it was given.
            self.transport.loseConnection()
        elif self._exchange is None or not self._exchange.wasRead:
            self._leave()

    def writeConnectionLost(self) -> None:
        """
        Our half has ended, as we wanted.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Nobody wants an answer any more.
        """
        self._isLeaving = self._isLost = True
        self._deadline.cancel()
        self._end()

    # What the server says.

    def goAway(self) -> None:
        """
        `IGoing.goAway`: the present answer is the last.
        """
        self._wasToldToGo = True
        if self._exchange is not None:
            self._exchange.isLast = True
        elif self._isLeaving:
            pass
        elif self._reader.received:
            self.refuse(HandshakeError(503, STOPPING))
        else:
            self._leave()

    # IPushProducer: what the transport tells.

    def pauseProducing(self) -> None:
        """
        The client takes no more now: read neither the backend nor more requests.
        """
        self._isFull = True
        if self._exchange is not None:
            self._exchange.pauseAnswer()
        self.regulate()

    def resumeProducing(self) -> None:
        """
        It does.
        """
        self._isFull = False
        self._deadline.restart()
        if self._exchange is not None:
            self._exchange.resumeAnswer()
        self.regulate()

    def stopProducing(self) -> None:
        """
        It never will; `connectionLost` follows.
        """

    # What the exchange asks for.

    def reach(self, isFresh: bool) -> Deferred[tuple[Backend, BackendProtocol]]:
        """
        Have a connection to a backend.
        """
        self._deadline.cancel()  # that wait has a bound of its own
        reaching = Deferred.fromCoroutine(self._proxy.reach(isFresh))
        return reaching.addCallback(self._reached)

    def asking(self, request: Request, backend: Backend) -> h11.Request:
        """
        What the backend is asked.
        """
        return self._proxy.asking(request, backend, *self._client)

    def moved(self) -> None:
        """
        Give both sides some more time.
        """
        self._deadline.restart()

    def write(self, data: bytes) -> None:
        """
        Send a part of the answer.
        """
        self.transport.write(data)

    def regulate(self) -> None:
        """
        Read the client, or don't.
        """
        exchange = self._exchange
        if exchange is None:
            wants = self._isLeaving or not self._isFull
        elif exchange.wasRead:
            wants = exchange.ahead <= MAX_AHEAD
        else:
            wants = exchange.wantsMore
        if wants != self._isReading and not self._isLost:
            self._isReading = wants
            if wants:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    def done(self, rest: bytes | None) -> None:
        """
        Go on with the next request, if there may be one.
        """
        self._exchange = None
        if rest is None or self._wasToldToGo or (self._isLast and not rest):
            # It may still take a while to read all of the answer.
            self._leave(self._proxy.timeout)
            return
        self._wait()
        if rest:
            self._read(rest)
        self.regulate()

    def refuse(self, error: HandshakeError) -> None:
        """
        Answer with a status, and leave.
        """
        if self._exchange is not None and self._exchange.hasAnswer:
            self.drop(str(error))
            return
        self._log(f"refused with {error.status}: {error}")
        self.transport.write(error.answer())
        self._leave()

    def drop(self, trouble: str) -> None:
        """
        Show the client that its answer is not complete: there is no other way to say it.
        """
        self._log(trouble)
        self._end()
        self._isLeaving = True
        self.transport.abortConnection()

    # Within.

    @property
    def _client(self) -> tuple[str, bool]:
        """
        Who it is, and whether by TLS.
        """
        return peer2str(self.transport), ISSLTransport.providedBy(self.transport)

    def _reached(self, found: tuple[Backend, BackendProtocol]) -> tuple[Backend, BackendProtocol]:
        self._deadline.set(self._proxy.timeout, self._late)
        return found

    def _wait(self) -> None:
        """
        Wait for a request to begin.
        """
        self._deadline.set(self._proxy.timeout, self._leave)

    def _read(self, data: bytes) -> None:
        """
        A segment of a request's head.
        """
        if not self._reader.received:
            # RFC 9112 §2.2: old browsers end a POST with one line end too many.
            data = data.lstrip(b"\r\n")
            if not data:
                return
            limits = self._proxy.limits
            self._deadline.set(limits.handshakeTimeout, self._late)
        try:
            request = self._reader.feed(data)
            if request is not None:
                self._proxy.check(request, *self._client)
                received = bytes(self._reader.received)
                self._reader = RequestReader(self._proxy.limits.maxHead)
                self._exchange = Exchange(self, request, received, self._proxy.limits.maxHead)
                if self._isFull:
                    self._exchange.pauseAnswer()
                self._exchange.begin()
        except HandshakeError as error:
            self.refuse(error)

    def _late(self) -> None:
        if self._exchange is None:
            self.refuse(HandshakeError(408, "The request took too long"))
        elif self._exchange.wasRead or not self._exchange.wantsMore:
            self.refuse(HandshakeError(504, "The backend took too long"))
        else:
            self.refuse(HandshakeError(408, "The request's body took too long"))

    def _leave(self, seconds: float | None = None) -> None:
        self._end()
        self._isLeaving = True
        self.transport.unregisterProducer()
        self.regulate()
        leave(self.transport, self._deadline, seconds or self._proxy.limits.closeTimeout)
        if self._isLast:
            # Its half is over, so there is nothing to wait for when ours is.
            self.transport.loseConnection()

    def _end(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.end()

    def _log(self, trouble: str) -> None:
        _log.info("{peer}: {trouble}", peer=peer2str(self.transport), trouble=printable(trouble))
