"""
`ServerForwarding`: what a server's end owes its handler besides: to be asked, and to be waited for.
"""

from typing import Any

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.applications import Admission
from wsfallback.errors import HandshakeError
from wsfallback.forwarding import Forwarding
from wsfallback.handshake import Acceptance, acceptance
from wsfallback.leaving import STOPPING, IGoing
from wsfallback.rates import meterFor

# At module level, as in `wsfallback.forwarding`.
_log = Logger()


@implementer(IGoing)
class ServerForwarding(Forwarding):
    """
    `Forwarding` at the server's end: the handler decides who comes in.
    """

    def admitted(self, admission: Admission) -> None:
        """
        Take what the server has decided.
        """
        self._admission = admission
        record, limits = admission.record, admission.limits
        self._began(admission.draft, limits, admission.deadline, record.traffic)
        self._meter = meterFor(limits, admission.clock.seconds)

    @property
    def resource(self) -> str:
        """
        Path and query of the request, as sent.
        """
        return self._admission.request.resource.decode("ascii")

    @property
    def isSecure(self) -> bool:
        """
        Whether the client's own connection is one of TLS, as far as the server knows.
        """
        return self._admission.isSecure

    def onConnect(self, request: ConnectionRequest) -> Deferred[Acceptance]:
        """
        Ask the handler.

        :returns: its decision, checked; fails with `ConnectionDeny` and nothing else.
        """
        self.request = request
        self._deciding = maybeDeferred(self._ask, request)
        self._deciding.addCallback(acceptance, request)
        self._deciding.addErrback(self._denied)
        self._deciding.addCallback(self._inTime)
        return self._deciding

    def goAway(self) -> None:
        """
        `IGoing.goAway`: a close of 1001, behind all that was sent; before open a refusal.
        """
        self._wasToldToGo = True
        if self._wasOpened:
            self._deaf = True
            self._close(1001, STOPPING)
        elif not self._abandoned:
            self._refuse(HandshakeError(503, STOPPING))

    def refuse(self, error: HandshakeError) -> None:
        """
        Give the opening handshake up, unless that is done.
        """
        if not self._abandoned:
            self._refuse(error)

    def onOpen(self) -> None:
        """
        The handshake has succeeded.
        """
        self._admission.record.opens()
        self._admission.place.opens()
        super().onOpen()

    def pauseReading(self) -> None:
        """
        `IMessageChannel.pauseReading`: what comes at once after it has not been sent at once.
        """
        if self._meter is not None and not self._readsNot:
            self._meter.paused()
        super().pauseReading()

    def _closed(self, wasClean: bool, code: int, reason: str | None) -> None:
        self._admission.record.closes(wasClean, code, reason)

    def _logTrouble(self, trouble: str) -> None:
        """
        It is in the line of the connection's end, or of its refusal.
        """

    def _ask(self, request: ConnectionRequest) -> Any:
        return self._makeHandler(self._make).onConnect(request)

    def _make(self) -> Any:
        return self._admission.application.handlerFor(self._admission)

    def _denied(self, failure: Failure) -> Failure:
        """
        Whatever it was, it becomes a `ConnectionDeny`.
        """
        error = failure.value
        # A 304 has no body to say why.
        if isinstance(error, ConnectionDeny) and 300 <= error.code <= 599 and error.code != 304:
            return failure
        if not (self._abandoned and isinstance(error, CancelledError)):
            _log.failure("{peer}: onConnect failed", failure, peer=self.peer)
        return Failure(ConnectionDeny(500, "The server failed"))

    def _inTime(self, decision: Acceptance) -> Acceptance:
        """
        A handler may survive that its decision was cancelled, and decide after all; and others
        may have come in meanwhile.
        """
        if self._abandoned:
            raise ConnectionDeny(503)
        try:
            self._admission.place.checkRoom()
        except HandshakeError as error:
            raise ConnectionDeny(error.status, error.sentence) from None
        return decision

    def _decisionPending(self) -> None:
        """
        Read nothing more until the handler has decided.
        """
        self._deadline.late = self._lateDecision
        self._admission.place.asks()
        self.transport.pauseProducing()
        self._paused = True

    def _decided(self) -> None:
        super()._decided()
        self._admission.place.waits()

    def _refused(self, error: HandshakeError) -> None:
        """
        Note that the handshake has failed.
        """
        self._abandon()
        self._failed(f"refused with {error.status}: {error}")
        self._admission.record.refuses(error)
        self._admission.place.refused()

    def _readOn(self) -> None:
        if self._meter is not None and self._readsNot:
            self._meter.resumed()
        super()._readOn()

    def _finishReading(self, reason: Failure) -> None:
        # What is handed over then came long ago, and has a bound of its own.
        self._meter = None
        super()._finishReading(reason)

    def _lateDecision(self) -> None:
        self._refuse(HandshakeError(503, "The server took too long to decide"))
