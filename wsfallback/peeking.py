"""
`PeekingProtocol`: reads what a client asks for, and hands the connection over.

Theory of operation. The peeker gets the connection, reads the head of one request and keeps every
byte. The request decides: a draft of ours, Autobahn, or plain HTTP. Then the chosen protocol is
given the same transport, and takes the peeker's place: `wsfallback.handover` tells how. The end of
the connection still comes by the peeker, which counts it and passes it on.
"""

from typing import Any

from autobahn.twisted.util import peer2str
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProtocolFactory,
    IReactorTime,
    ISSLTransport,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface, implementer

from wsfallback.addresses import isKnown
from wsfallback.applications import Admission, IApplication
from wsfallback.crowd import Crowd
from wsfallback.deadline import Deadline
from wsfallback.drafts.table import Draft, choose
from wsfallback.draining import IConnection
from wsfallback.entrance import Entrance
from wsfallback.errors import HandshakeError
from wsfallback.farewell import prepare, sayFarewell
from wsfallback.flash import REQUEST
from wsfallback.handover import InterimProtocol
from wsfallback.leaving import STOPPING, abort, leave
from wsfallback.policy import Limits
from wsfallback.record import HTTP, Record
from wsfallback.request import Request, RequestReader
from wsfallback.sockets import setSocketOptions

# At module level, as in `wsfallback.forwarding`.
_log = Logger()


class IPeekingFactory(Interface):
    """
    What a `PeekingProtocol` asks of its factory: who serves whom, and within which bounds.
    """

    entrance: Entrance = Attribute(
        """
        Who may come in.
        """
    )
    limits: Limits = Attribute(
        """
        Every number.
        """
    )
    reactor: IReactorTime = Attribute(
        """
        The clock of every deadline.
        """
    )

    crowd: Crowd = Attribute(
        """
        All connections, and how many there may be.
        """
    )

    def recordFor() -> Record:
        """
        Where to note what becomes of a new connection.
        """

    def connectionBegan(connection: IConnection) -> None:
        """
        There is one more.

        :raises HandshakeError: 503: the server stops.
        """

    def connectionEnded(connection: IConnection, ending: Deferred[Any] | None) -> None:
        """
        There is one less.

        :param ending: fires when its handler has finished, too.
        """

    def httpFactory(request: Request, peer: str, drafts: tuple[Draft, ...]) -> IProtocolFactory:
        """
        Who has a request that is no WebSocket.

        :param peer: who is at the other end of TCP, as Autobahn writes it.
        :param drafts: those that this client could have asked for.
        :raises HandshakeError: 405 or 426: there is only WebSocket here.
        """

    def applicationFor(request: Request) -> IApplication:
        """
        :raises HandshakeError: 404.
        """

    def protocolFor(draft: Draft) -> Any:
        """
        A protocol that speaks this draft, to be ``admitted`` and ``opened``.
        """


@implementer(IConnection)
class PeekingProtocol(InterimProtocol):
    """
    Has a connection until its first request is known.
    """

    factory: IPeekingFactory
    transport: ITransport

    def __init__(self) -> None:
        self._left = False
        self._isCounted = False
        self._wire: str | None = None

    def connectionMade(self) -> None:
        """
        Start the one deadline for the whole of the handshake, TLS included.
        """
        limits = self.factory.limits
        self._deadline = Deadline(self.factory.reactor)
        self._deadline.set(limits.handshakeTimeout, self._late)
        self._reader = RequestReader(limits.maxHead)
        self._record = self.factory.recordFor()
        self._place = self.factory.crowd.place(self)
        setSocketOptions(self.transport, limits.nagle)
        try:
            self.factory.connectionBegan(self)
            self._isCounted = True
            self._place.comes()
            if isKnown(self.transport):
                self._isFrom(peer2str(self.transport))
        except HandshakeError as error:
            self._refuse(error)

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the client's, until it is clear who is to have them.
        """
        if self._left:
            return
        try:
            if self._wire is None:
                self._isFrom(peer2str(self.transport))
            if self._isFlash(data):
                return
            request = self._reader.feed(data)
            if request is not None:
                self._dispatch(request)
        except HandshakeError as error:
            self._refuse(error)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Count, and tell the chosen protocol.
        """
        self._deadline.cancel()
        chosen = self._chosen
        try:
            super().connectionLost(reason)
        finally:
            # Somebody else's protocol may have failed; its place is free all the same.
            self._place.ends()
            self._record.ends()
            # At last: who waits for the end of all is to find the others told.
            if self._isCounted:
                self.factory.connectionEnded(self, getattr(chosen, "ending", None))

    def goAway(self) -> None:
        """
        `IConnection.goAway`.
        """
        if self._chosen is not None:
            sayFarewell(self._chosen, self.transport, self._deadline, self.factory.limits)
        elif self._reader.received:
            self._refuse(HandshakeError(503, STOPPING))
        elif not self._left:
            # It may be that nothing will be asked, as by browsers that connect ahead; and under
            # TLS what is written before the handshake keeps the connection.
            self._leave()

    def abort(self) -> None:
        """
        `IConnection.abort`.
        """
        abort(self.transport)

    def evict(self) -> None:
        """
        `Guest.evict`: only while the client is waited for. An answer would take the time that it
        has had.
        """
        error = HandshakeError(503, "Another client needs the place of a handshake that waits")
        if self._chosen is not None:
            # hixie-76, which has had the head of its answer.
            self._chosen.refuse(error)
        elif not self._left:
            self._left = True
            self._record.refuses(error)
        abort(self.transport)

    def _isFrom(self, wire: str) -> None:
        """
        Who is at the other end of TCP, is known.
        """
        self._wire = self._record.peer = wire
        self._place.isFrom(wire)

    def _isFlash(self, data: bytes) -> bool:
        """
        Whether Flash asks for a policy, or may be about to; it gets its answer.
        """
        began = bytes(self._reader.received[: len(REQUEST)]) + data[: len(REQUEST)]
        # Nearly all others are told by their first byte.
        if began[:1] != REQUEST[:1]:
            return False
        answer = self.factory.entrance.flashPolicy(getattr(self.transport.getHost(), "port", None))
        if answer is None:
            return False
        if began.startswith(REQUEST):
            self._leave(answer)
            return True
        if REQUEST.startswith(began):
            self._reader.received += data
            return True
        return False

    def _dispatch(self, request: Request) -> None:
        assert self._wire is not None, "known before anything is read"
        factory, wire = self.factory, self._wire
        peer = factory.entrance.clientOf(request, wire)
        self._record.asks(request, peer)
        isSecure = ISSLTransport.providedBy(self.transport)
        visit = factory.entrance.visit(request, wire, isSecure)
        drafts = visit.gate.draftsFor(peer)
        draft = choose(request, drafts)
        if draft is None:
            self._record.speaks(HTTP, request.get(b"origin"))
            self._passOn(factory.httpFactory(request, wire, drafts))
            return
        self._record.speaks(draft.name, request.get(draft.originField))
        request = visit.request
        if peer != wire:
            self._place.isFrom(peer)
        visit.gate.checkOrigin(request, draft)
        application = factory.applicationFor(request)
        whole = application.wholeFor(request, draft)
        if whole is not None:
            self._passOn(whole)
            return
        # The application's decision comes in between, so this is asked again after it.
        self._place.checkRoom()
        admission = Admission(
            draft=draft,
            request=request,
            application=application,
            # What the factory was told is the proxy's where a PROXY header tells the client's.
            address=self.transport.getPeer(),
            peer=peer,
            isSecure=visit.isSecure,
            prefix=visit.prefix,
            limits=factory.limits,
            clock=factory.reactor,
            deadline=self._deadline,
            record=self._record,
            place=self._place,
        )
        # What came is not to be kept for as long as the connection lasts.
        rest, self._reader = self._reader.rest, RequestReader(0)
        protocol = factory.protocolFor(draft)
        protocol.admitted(admission)
        self._handOver(protocol)
        protocol.opened(rest)

    def _passOn(self, whole: IProtocolFactory) -> None:
        """
        Give the connection to somebody else's protocol, as if it had had it from the start.
        """
        self._place.checkRoom()
        received, self._reader = bytes(self._reader.received), RequestReader(0)
        self._deadline.cancel()
        try:
            protocol = whole.buildProtocol(self.transport.getPeer())
        except Exception:
            _log.failure("{peer}: no protocol", peer=self._record.peer)
            raise HandshakeError(500, "The server failed") from None
        if protocol is None:
            raise HandshakeError(503, "Nobody is here now")
        prepare(protocol)
        self._handOver(protocol)
        self._record.opens()
        self._place.opens()
        protocol.dataReceived(received)

    def _handOver(self, protocol: Any) -> None:
        try:
            protocol.makeConnection(self.transport)
        except Exception:
            # Autobahn wants the TLS transport itself, and fails on one inside a PROXY wrapper.
            _log.failure("{peer}: no hand-over", peer=self._record.peer)
            raise HandshakeError(500, "The server failed") from None
        self._giveWay(protocol)

    def _late(self) -> None:
        self._refuse(HandshakeError(408, "The request took too long"))

    def _refuse(self, error: HandshakeError) -> None:
        """
        Answer with a status, and leave.
        """
        if self._wire is None:
            self._record.peer = peer2str(self.transport)
        self._record.refuses(error)
        self._leave(error.answer())

    def _leave(self, answer: bytes = b"") -> None:
        self._left = True
        self._place.refused()
        self._reader = RequestReader(0)  # what came is of no more use
        if answer:
            self.transport.write(answer)
        leave(self.transport, self._deadline, self.factory.limits.closeTimeout)
