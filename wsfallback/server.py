"""
`FallbackServerFactory`: peeks at what a client asks for, and hands the connection over.

Theory of operation. A `PeekingProtocol` gets the connection, reads the head of one request and
keeps every byte. The request decides: a draft of ours, Autobahn, or plain HTTP. Then the chosen
protocol is given the same transport, and takes the peeker's place: `wsfallback.handover` tells
how. The end of the connection still comes by the peeker, which counts it and passes it on.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, cast

from autobahn.twisted.util import peer2str
from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import Factory, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsfallback.applications import Admission, HandlerFactory, IApplication, applicationOf
from wsfallback.bridge import AutobahnApplication
from wsfallback.deadline import Deadline
from wsfallback.drafts.table import DRAFTS, Draft, choose, upgradeFields
from wsfallback.engine import EngineFactory
from wsfallback.errors import HandshakeError
from wsfallback.handover import InterimProtocol
from wsfallback.hixie import HixieServerProtocol
from wsfallback.leaving import leave
from wsfallback.modern import ModernServerProtocol
from wsfallback.policy import Limits, OriginPattern, draftsNamed
from wsfallback.request import Request, RequestReader
from wsfallback.sockets import setSocketOptions
from wsfallback.stream import StreamApplication

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

_ALL = tuple(draft.name for draft in DRAFTS)


class PeekingProtocol(InterimProtocol):
    """
    Has a connection until its first request is known.
    """

    factory: "FallbackServerFactory"
    transport: ITransport

    def __init__(self, address: IAddress) -> None:
        self._address = address
        self._left = False
        self._isCounted = False

    def connectionMade(self) -> None:
        """
        Start the one deadline for the whole of the handshake, TLS included.
        """
        limits = self.factory.limits
        self._deadline = Deadline(self.factory.reactor)
        self._deadline.set(limits.handshakeTimeout, self._late)
        self._reader = RequestReader(limits.maxHead)
        setSocketOptions(self.transport, limits.nagle)
        self._isCounted = self.factory.connectionBegan()
        if not self._isCounted:
            self._refuse(HandshakeError(503, "There are too many connections"))

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the client's, until it is clear who is to have them.
        """
        if self._left:
            return
        try:
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
        if self._isCounted:
            self.factory.connectionEnded()
        super().connectionLost(reason)

    def _dispatch(self, request: Request) -> None:
        factory = self.factory
        draft = choose(request, factory.drafts)
        if draft is None:
            self._passOn(factory.httpFactory(request))
            return
        factory.checkOrigin(request, draft)
        application = factory.applicationFor(request)
        whole = application.wholeFor(request, draft)
        if whole is not None:
            self._passOn(whole)
            return
        admission = Admission(
            draft=draft,
            request=request,
            application=application,
            address=self._address,
            limits=factory.limits,
            clock=factory.reactor,
            deadline=self._deadline,
        )
        rest, self._reader.received = self._reader.rest, bytearray()
        protocol = factory.protocolFor(draft)
        protocol.admitted(admission)
        self._handOver(protocol)
        protocol.opened(rest)

    def _passOn(self, whole: IProtocolFactory) -> None:
        """
        Give the connection to somebody else's protocol, as if it had had it from the start.
        """
        received, self._reader.received = bytes(self._reader.received), bytearray()
        self._deadline.cancel()
        try:
            protocol = whole.buildProtocol(self._address)
        except Exception:
            _log.failure("{peer}: no protocol", peer=peer2str(self.transport))
            raise HandshakeError(500, "The server failed") from None
        if protocol is None:
            raise HandshakeError(503, "Nobody is here now")
        self._handOver(protocol)
        protocol.dataReceived(received)

    def _handOver(self, protocol: Any) -> None:
        try:
            protocol.makeConnection(self.transport)
        except Exception:
            # Autobahn wants the TLS transport itself, and fails on one inside a PROXY wrapper.
            _log.failure("{peer}: no hand-over", peer=peer2str(self.transport))
            raise HandshakeError(500, "The server failed") from None
        self._giveWay(protocol)

    def _late(self) -> None:
        self._refuse(HandshakeError(408, "The request took too long"))

    def _refuse(self, error: HandshakeError) -> None:
        """
        Answer with a status, and leave.
        """
        _log.info(
            "{peer}: refused with {status}: {error}",
            peer=peer2str(self.transport),
            status=error.status,
            error=str(error),
        )
        self._left = True
        self._reader = RequestReader(0)  # what came is of no more use
        self.transport.write(error.answer())
        leave(self.transport, self._deadline, self.factory.limits.closeTimeout)


class FallbackServerFactory(ServerFactory):
    """
    One port for every WebSocket draft, and plain HTTP beside it.

    :ivar drafts: the rows of the table that are served.
    :ivar limits: every number.
    :ivar reactor: the clock of every deadline.
    """

    def __init__(
        self,
        handler: HandlerFactory | IApplication | None = None,
        *,
        routes: Mapping[str, HandlerFactory | IApplication] | None = None,
        site: IProtocolFactory | None = None,
        drafts: Iterable[str] = _ALL,
        origins: Iterable[str] = (),
        reactor: IReactorTime | None = None,
        **limits: Any,
    ) -> None:
        """
        :param handler: makes an `IMessageHandler` for each connection: its class, or another
            callable without arguments.
        :param routes: a handler for each of these paths. Other paths are the ``handler``'s;
            without one they are not found (404).
        :param site: has all requests that are no WebSocket: a `twisted.web.server.Site`.
            Without it they are refused.
        :param drafts: names of the drafts to serve; all by default.
        :param origins: patterns of the origins that may come in, as `OriginPattern`; any by
            default.
        :param reactor: the clock of every deadline; Twisted's reactor by default.
        :param limits: `wsfallback.policy.Limits`, by name: ``maxMessage=65536``.
        :raises TypeError: a handler that can't be one, or an unknown limit.
        :raises ValueError: a draft, an origin or a limit that can't be.
        """
        if isinstance(drafts, str) or isinstance(origins, str):
            raise TypeError("drafts and origins are lists of strings")
        self.limits = Limits(**limits)
        self.drafts = draftsNamed(drafts)
        self._origins = [OriginPattern(pattern) for pattern in origins]
        self._handler = None if handler is None else applicationOf(handler)
        self._routes = {path: applicationOf(each) for path, each in (routes or {}).items()}
        if self._handler is None and not self._routes:
            raise TypeError("give a handler, or routes")
        self._site = site
        if reactor is None:
            # Here and not above: to import it is to choose one.
            from twisted.internet import reactor as installed

            reactor = cast(IReactorTime, installed)
        self.reactor: IReactorTime = reactor
        self._engine = EngineFactory(self.limits, self.reactor)
        self._connections = 0

    @classmethod
    def forAutobahn(cls, factory: WebSocketServerFactory, **options: Any) -> Self:
        """
        Serve an Autobahn factory as it is, WAMP's too, to clients of all drafts.

        Clients that it would serve by itself get the protocol that it builds, and its options;
        the limits of here hold for all others.

        :param options: as of the constructor.
        :raises TypeError: no ``autobahn.twisted.websocket.WebSocketServerFactory``.
        """
        return cls(AutobahnApplication(factory), **options)

    @classmethod
    def forStream(cls, factory: Factory, *, binary: bool = False, **options: Any) -> Self:
        """
        Serve any Twisted factory as WebSocket: each message is received, each write is a message.

        :param binary: send binary messages, where the draft has them, to clients that ask for
            neither of the subprotocols ``binary`` and ``base64``.
        :param options: as of the constructor.
        :raises TypeError: no factory.
        """
        return cls(StreamApplication(factory, binary), **options)

    def startFactory(self) -> None:
        """
        What is served is started with us.
        """
        for each in self._served():
            each.doStart()

    def stopFactory(self) -> None:
        """
        And stops with us.
        """
        for each in self._served():
            each.doStop()

    def buildProtocol(self, addr: IAddress) -> PeekingProtocol:  # type: ignore[override]
        """
        A peeker for a new connection.
        """
        peeker = PeekingProtocol(addr)
        peeker.factory = self
        return peeker

    def connectionBegan(self) -> bool:
        """
        Count a connection, if there is room for it.

        :returns: whether there is.
        """
        if self._connections >= self.limits.maxConnections:
            return False
        self._connections += 1
        return True

    def connectionEnded(self) -> None:
        """
        Count it out.
        """
        self._connections -= 1

    def checkOrigin(self, request: Request, draft: Draft) -> None:
        """
        :raises HandshakeError: 403, with the field that this draft has for it.
        """
        if not self._origins:
            return
        origin = request.get(draft.originField)
        if origin is None or not any(
            pattern.matches(origin.decode("ascii")) for pattern in self._origins
        ):
            raise HandshakeError(403, "This origin may not connect", origin)

    def applicationFor(self, request: Request) -> IApplication:
        """
        :raises HandshakeError: 404.
        """
        application = self._routes.get(request.path.decode("ascii"), self._handler)
        if application is None:
            raise HandshakeError(404, "There is no WebSocket at this path", request.path)
        return application

    def protocolFor(self, draft: Draft) -> HixieServerProtocol | ModernServerProtocol:
        """
        A protocol that speaks this draft.
        """
        if draft.framing is not None:
            return HixieServerProtocol()
        protocol = ModernServerProtocol()
        protocol.factory = self._engine
        return protocol

    def httpFactory(self, request: Request) -> IProtocolFactory:
        """
        Who has a request that is no WebSocket.

        :raises HandshakeError: 405 or 426: there is only WebSocket here.
        """
        if self._site is not None:
            return self._site
        if request.method != b"GET":
            raise HandshakeError(405, "Only GET is served", request.method, (("Allow", "GET"),))
        raise HandshakeError(426, "Only WebSocket is served", None, upgradeFields(self.drafts))

    def _served(self) -> Iterator[IApplication | IProtocolFactory]:
        """
        All that is started and stopped with us.
        """
        for each in (self._site, self._handler, *self._routes.values()):
            if each is not None:
                yield each
