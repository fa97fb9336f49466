"""
One attempt to connect: one connection, one draft.

Theory of operation, the mirror of the server's. A `KnockingProtocol` gets the connection, asks,
and reads the answer, of which it keeps every byte behind it. If the server has accepted, the
protocol that speaks the draft is given the transport, and takes the knocking one's place:
`wsfallback.handover` tells how. If not, the connection is ended in an orderly way, and the attempt
has failed when it is over: some servers have room for one connection only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, TimeoutError
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IReactorTime,
    ISSLTransport,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.commission import Commission
from wsfallback.deadline import Deadline
from wsfallback.destination import Destination
from wsfallback.drafts.asking import Answer
from wsfallback.drafts.table import Draft
from wsfallback.engine import ClientEngineFactory, offeredProtocols
from wsfallback.errors import AnswerError
from wsfallback.handover import InterimProtocol
from wsfallback.handshake import connectionRequest
from wsfallback.hixie_client import HixieClientProtocol
from wsfallback.leaving import leave
from wsfallback.modern_client import ModernClientProtocol
from wsfallback.policy import Limits
from wsfallback.request import RequestReader
from wsfallback.sockets import setSocketOptions


@dataclass(frozen=True, slots=True)
class Errand:
    """
    What all attempts have in common.

    :ivar endpoint: makes a connection, TLS included.
    :ivar isStrict: what is odd about an answer is wrong.
    :ivar random: where keys come from.
    """

    endpoint: IStreamClientEndpoint
    destination: Destination
    limits: Limits
    clock: IReactorTime
    engine: ClientEngineFactory
    isStrict: bool
    random: Random


class _Once(Factory):
    """
    Has one protocol. Twisted's `connectProtocol` makes a class for each, which is a cycle.
    """

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """
        That one.
        """
        return self._protocol


class HandlerFailed(Exception):
    """
    The server accepted, and our handler's `onConnect` failed.

    :ivar failure: with what.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.getErrorMessage())
        self.failure = failure


def knock(errand: Errand, draft: Draft, handler: Callable[[], Any]) -> Deferred[Any]:
    """
    Make an attempt.

    :param handler: makes the handler, when the server has accepted.
    :returns: fires with the channel when it is open; cancellable. Fails with `AnswerError`, with
        `HandlerFailed`, or with what became of the connection.
    """
    return KnockingProtocol(errand, draft, handler).begin()


@implementer(IHandshakeListener)
class KnockingProtocol(InterimProtocol):
    """
    Has a connection until the server has answered.
    """

    def __init__(self, errand: Errand, draft: Draft, handler: Callable[[], Any]) -> None:
        self._errand = errand
        self._handler = handler
        self._draft = draft
        self._opening = draft.asking(
            errand.destination,
            errand.random,
            maxHead=errand.limits.maxHead,
            isStrict=errand.isStrict,
            compress=errand.limits.compress,
        )
        self._deadline = Deadline(errand.clock)
        self._result: Deferred[Any] | None = None
        self._failure: Failure | None = None
        self._asked = b""
        self._wasAnswered = False

    def begin(self) -> Deferred[Any]:
        """
        Start the one deadline for all of it, and connect.
        """
        result = self._result = Deferred(self._cancelled)
        self._deadline.set(self._errand.limits.handshakeTimeout, self._late)
        self._connecting = self._errand.endpoint.connect(_Once(self))
        self._connecting.addCallbacks(lambda _: None, self._finish)
        return result

    def connectionMade(self) -> None:
        """
        Ask, unless TLS comes first.
        """
        setSocketOptions(self.transport, self._errand.limits.nagle)
        if not ISSLTransport.providedBy(self.transport):
            self._ask()

    def handshakeCompleted(self) -> None:
        """
        TLS is there, and the server's certificate is right.
        """
        self._ask()

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the server's, until it has answered.
        """
        if self._failure is not None:
            return
        self._wasAnswered = True
        try:
            answer = self._opening.feed(data)
            if answer is not None:
                self._handOver(answer)
        except AnswerError:
            self._fail(Failure())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The attempt is over, if it wasn't; or the connection.
        """
        self._deadline.cancel()
        super().connectionLost(reason)
        unanswered = self._asked and not self._wasAnswered
        if unanswered and reason.check(ConnectionDone, ConnectionLost):
            # Servers that don't understand a request may just close; with unread bytes, by a RST.
            sentence = "The server closed the connection without an answer"
            reason = Failure(AnswerError(sentence, isOtherDraft=True))
        self._finish(reason)

    def _ask(self) -> None:
        self._asked = self._opening.request()
        self.transport.write(self._asked)

    def _handOver(self, answer: Answer) -> None:
        errand, draft = self._errand, self._draft
        protocol: Any
        if draft.framing is not None:
            protocol = HixieClientProtocol()
        else:
            protocol = ModernClientProtocol()
            protocol.factory = errand.engine
        protocol.commissioned(
            Commission(
                draft=draft,
                request=self._request,
                handler=self._handler,
                limits=errand.limits,
                deadline=self._deadline,
                opened=self._opened,
                failed=self._handlerFailed,
            )
        )
        protocol.makeConnection(self.transport)
        protocol.opened(answer)
        self._giveWay(protocol)

    def _request(self, peer: str) -> ConnectionRequest:
        """
        What we asked, by our own reader.
        """
        request = RequestReader(len(self._asked)).feed(self._asked)
        assert request is not None, "a request has an end"
        if self._draft.opening is None:
            protocols = offeredProtocols(request)
        else:
            protocols = list(self._errand.destination.protocols)
        return connectionRequest(request, self._draft, peer, protocols)

    # How it ends.

    def _opened(self, channel: Any) -> None:
        result, self._result = self._result, None
        if result is not None:
            result.callback(channel)

    def _handlerFailed(self, failure: Failure) -> None:
        self._fail(Failure(HandlerFailed(failure)))

    def _fail(self, failure: Failure) -> None:
        """
        End the connection, and with it the attempt.
        """
        self._failure = failure
        leave(self.transport, self._deadline, self._errand.limits.closeTimeout)

    def _late(self) -> None:
        self._failure = Failure(
            TimeoutError(string=f"nothing came of it in {self._errand.limits.handshakeTimeout:g} s")
        )
        self._drop()

    def _cancelled(self, _: Deferred[Any]) -> None:
        self._result = None
        self._deadline.cancel()
        self._drop()

    def _drop(self) -> None:
        if self.transport is None:
            # It fails with the reason that we have noted, if there is one.
            self._connecting.cancel()
        else:
            self.transport.abortConnection()

    def _finish(self, failure: Failure) -> None:
        self._deadline.cancel()
        # Twisted's transport and its connector hold each other, and us: not what is the caller's.
        del self._handler
        failure, self._failure = self._failure or failure, None
        result, self._result = self._result, None
        if result is not None:
            result.errback(failure)
