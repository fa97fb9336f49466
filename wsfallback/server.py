"""
`FallbackServerFactory`: what is served on one port, to whom, and within which bounds.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, cast

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, ServerFactory
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.addresses import Network
from wsfallback.applications import IApplication, applicationOf
from wsfallback.bridge import AutobahnApplication
from wsfallback.crowd import Crowd
from wsfallback.drafts.table import DRAFTS, Draft, upgradeFields
from wsfallback.draining import Connections, IConnection
from wsfallback.engine import EngineFactory
from wsfallback.entrance import Entrance
from wsfallback.errors import HandshakeError
from wsfallback.handlers import HandlerFactory
from wsfallback.hixie import HixieServerProtocol
from wsfallback.journal import Journal
from wsfallback.leaving import STOPPING
from wsfallback.local import isLocal
from wsfallback.modern import ModernServerProtocol
from wsfallback.peeking import IPeekingFactory, PeekingProtocol
from wsfallback.policy import Limits
from wsfallback.record import IObserver, Record
from wsfallback.request import Request
from wsfallback.rules import Rules
from wsfallback.stream import StreamApplication

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

_ALL = tuple(draft.name for draft in DRAFTS)


@implementer(IPeekingFactory, IObserver, IProtocolNegotiationFactory)
class FallbackServerFactory(ServerFactory):
    """
    One port for every WebSocket draft, and plain HTTP beside it.

    :ivar entrance: who may come in.
    :ivar limits: every number.
    :ivar reactor: the clock of every deadline.
    :ivar crowd: all connections, and how many there may be.
    """

    # Where it listens is logged by who has it listen.
    noisy = False

    def __init__(
        self,
        handler: HandlerFactory | IApplication | None = None,
        *,
        routes: Mapping[str, HandlerFactory | IApplication] | None = None,
        site: IProtocolFactory | None = None,
        status: IProtocolFactory | None = None,
        drafts: Iterable[str] = _ALL,
        origins: Iterable[str] = (),
        legacyFrom: Iterable[str | Network] = (),
        rules: Mapping[str, Rules] | None = None,
        hosts: Iterable[str] = (),
        externalURL: str | None = None,
        flashPolicy: bool = False,
        trusted: Iterable[str | Network] = (),
        observers: Iterable[IObserver] = (),
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
        :param status: has those for a path under ``/-/`` that come from this machine, in place of
            the site, where they are the first of a connection:
            `wsfallback.status.StatusSite`.
        :param drafts: names of the drafts to serve; all by default.
        :param origins: patterns of the origins that may come in, as `OriginPattern`; by default
            any, and requests without one.
        :param legacyFrom: networks, ``10.0.0.0/8``: drafts whose clients don't mask are served to
            these alone; by default to all.
        :param rules: `wsfallback.Rules` for paths, and all below each. What they don't give is as
            for the path above, and at last as the three parameters before.
        :param hosts: names and addresses by which the server may be asked for, as
            `wsfallback.hosts.HostPattern`: ``*.example.com``; by default any. All others get 421,
            HTTP included.
        :param externalURL: where clients find the server, ``wss://example.com``, with the path
            that a proxy takes away, if it does: what hixie's answers say.
        :param flashPolicy: answer Flash's request for a policy: programs from the domains of the
            origins may connect to this port, or that of the ``externalURL``.
        :param trusted: networks of proxies whose ``X-Forwarded-`` fields are believed,
            ``10.0.0.0/8``: ``For`` the client's address, which a channel's ``peer`` is then, and by
            ``Proto`` and ``Host`` hixie's answers say ``wss``, and the name that the client knows.
        :param observers: hear of every connection, beside the log.
        :param reactor: the clock of every deadline; Twisted's reactor by default.
        :param limits: `wsfallback.policy.Limits`, by name: ``maxMessage=65536``.
        :raises TypeError: a handler, rules or an observer that can't be, or an unknown limit.
        :raises ValueError: a draft, an origin, a network or a limit that can't be.
        """
        self.limits = Limits(**limits)
        self.entrance = Entrance(
            Rules(drafts, origins, legacyFrom),
            rules or {},
            hosts=hosts,
            trusted=trusted,
            externalURL=externalURL,
            flashPolicy=flashPolicy,
        )
        self._handler = None if handler is None else applicationOf(handler)
        self._routes = {path: applicationOf(each) for path, each in (routes or {}).items()}
        if self._handler is None and not self._routes:
            raise TypeError("give a handler, or routes")
        self._site = site
        self._status = status
        if reactor is None:
            # Here and not above: to import it is to choose one.
            from twisted.internet import reactor as installed

            reactor = cast(IReactorTime, installed)
        self.reactor: IReactorTime = reactor
        self._engine = EngineFactory(self.limits, self.reactor)
        self._connections = Connections(self.reactor)
        self.crowd = Crowd(self.limits, self.entrance.trusted, self.reactor.seconds)
        self._journal = Journal(self.reactor, self.limits.maxLogLines)
        self._observers = (self._journal, *map(_observer, observers))
        self._number = 0

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
        What is served is started with us, and clients are welcome.
        """
        self._connections.welcome()
        for each in self._served():
            each.doStart()

    def stopFactory(self) -> None:
        """
        And stops with us.
        """
        for each in self._served():
            each.doStop()
        self._journal.sumUp()

    def buildProtocol(self, addr: IAddress) -> PeekingProtocol:  # type: ignore[override]
        """
        A peeker for a new connection.
        """
        peeker = PeekingProtocol()
        peeker.factory = self
        return peeker

    def acceptableProtocols(self) -> list[bytes]:
        """
        `IProtocolNegotiationFactory.acceptableProtocols`: WebSocket has the name of HTTP.

        Without an answer Twisted fails the TLS handshake of clients that use ALPN, as all current
        browsers do.
        """
        return [b"http/1.1"]

    def drain(self, seconds: float) -> Deferred[None]:
        """
        Have all connections end in order, as when the server stops.

        WebSockets get a close, of 1001 where the draft has codes, behind what was sent to them;
        who waits for an answer gets it, or 503; who comes from now on gets 503, until the factory
        is started again. Stop listening before.

        :param seconds: for all of it, on the clock of the `reactor`. After these what is left is
            aborted; with 0 at once, also where another call is being waited for.
        :returns: fires when no connection is left, and every handler's `onClose` has finished.
        """
        return self._connections.drain(seconds)

    @property
    def isDraining(self) -> bool:
        """
        Whether new connections get 503, because the server stops.
        """
        return not self._connections.areWelcome

    def recordFor(self) -> Record:
        """
        `IPeekingFactory.recordFor`.
        """
        self._number += 1
        return Record(self._number, self.reactor.seconds, self)

    def opened(self, record: Record) -> None:
        """
        `IObserver.opened`.
        """
        self._tell("opened", record)

    def refused(self, record: Record, error: HandshakeError) -> None:
        """
        `IObserver.refused`.
        """
        self._tell("refused", record, error)

    def ended(self, record: Record) -> None:
        """
        `IObserver.ended`.
        """
        self._tell("ended", record)

    def connectionBegan(self, connection: IConnection) -> None:
        """
        `IPeekingFactory.connectionBegan`.
        """
        if not self._connections.areWelcome:
            raise HandshakeError(503, STOPPING)
        self._connections.began(connection)

    def connectionEnded(self, connection: IConnection, ending: Deferred[Any] | None) -> None:
        """
        `IPeekingFactory.connectionEnded`.
        """
        self._connections.ended(connection, ending)

    def applicationFor(self, request: Request) -> IApplication:
        """
        `IPeekingFactory.applicationFor`.
        """
        application = self._routes.get(request.path.decode("ascii"), self._handler)
        if application is None:
            raise HandshakeError(404, "There is no WebSocket at this path", request.path)
        return application

    def protocolFor(self, draft: Draft) -> HixieServerProtocol | ModernServerProtocol:
        """
        `IPeekingFactory.protocolFor`.
        """
        if draft.framing is not None:
            return HixieServerProtocol()
        protocol = ModernServerProtocol()
        protocol.factory = self._engine
        return protocol

    def httpFactory(
        self, request: Request, peer: str, drafts: tuple[Draft, ...]
    ) -> IProtocolFactory:
        """
        `IPeekingFactory.httpFactory`.
        """
        if self._status is not None and request.path.startswith(b"/-/"):
            names = (name.decode("ascii") for name, _ in request.fields)
            host, trusted = request.host.decode("latin-1"), self.entrance.trusted
            if isLocal(peer, request.version, host, names, trusted):
                return self._status
        if self._site is not None:
            return self._site
        if request.method != b"GET":
            raise HandshakeError(405, "Only GET is served", request.method, (("Allow", "GET"),))
        raise HandshakeError(426, "Only WebSocket is served", None, upgradeFields(drafts))

    def _tell(self, stage: str, *arguments: Any) -> None:
        """
        Tell all observers.
        """
        for observer in self._observers:
            try:
                getattr(observer, stage)(*arguments)
            except Exception:
                # It may be anybody's: the others are to hear of it, and the connection to go on.
                _log.failure("an observer failed: {stage}", stage=stage)

    def _served(self) -> Iterator[IApplication | IProtocolFactory]:
        """
        All that is started and stopped with us.
        """
        for each in (self._site, self._status, self._handler, *self._routes.values()):
            if each is not None:
                yield each


def _observer(given: IObserver) -> IObserver:
    if not IObserver.providedBy(given):
        raise TypeError(f"observers are objects that implement IObserver, not {given!r}")
    return given
