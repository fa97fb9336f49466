"""
A handler whose other end is another connection: old clients in front of a modern backend, modern
ones in front of an old device.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from autobahn.twisted.util import peer2str
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import Deferred

from wsfallback.addresses import Network, networks
from wsfallback.backends import Backend, Backends
from wsfallback.client import NEWEST_FIRST, connect
from wsfallback.destination import destination
from wsfallback.errors import AnswerError, Attempt, HandshakeError, NoDraftWorked
from wsfallback.forwarded import fields
from wsfallback.handshake import isToken
from wsfallback.legs import BackendLeg, Leg
from wsfallback.policy import Limits, checkSeconds, draftsNamed

#: What is done with binary messages for a client, or a backend, that has only text.
BINARY = ("refuse", "base64")


class Gateway:
    """
    A handler factory: each connection of a client's is one to a backend.

    The client is answered when the backend has answered, with its word: subprotocol, cookies, or
    refusal. Messages keep their order and their boundaries, closes their codes; each leg has
    pings of its own. A slow reader on one leg pauses the other.
    """

    def __init__(
        self,
        urls: Iterable[str],
        *,
        reactor: Any,
        drafts: Iterable[str] = NEWEST_FIRST,
        binary: str = "refuse",
        timeout: float = 4.0,
        keepHost: bool = False,
        trusted: Iterable[str | Network] = (),
        **limits: Any,
    ) -> None:
        """
        :param urls: of the backends. Without a path in it a backend is asked for the client's.
        :param drafts: that the backends may speak, in the order in which they are tried.
        :param binary: one of `BINARY`.
        :param timeout: seconds for the backends' answer, all of them together.
        :param keepHost: ask the backend for the client's ``Host``, and not for that of its URL.
        :param trusted: networks of proxies whose ``X-Forwarded-`` fields are believed.
        :param limits: of the connections to backends; without ``frames``, here and where clients
            are served, or a message of several frames becomes as many.
        :raises ValueError: something that can't be.
        """
        if binary not in BINARY:
            raise ValueError(f"binary must be {' or '.join(BINARY)}, not {binary!r}")
        if Limits(**limits).frames:
            raise ValueError("frames can't be: a gateway passes whole messages on")
        urls = tuple(urls)
        for url in urls:
            destination(url)
        self.backends = Backends(urls, reactor)
        self.reactor = reactor
        self.drafts = tuple(draft.name for draft in draftsNamed(drafts))
        self.binary = binary
        self.timeout = checkSeconds("timeout", timeout)
        self.keepsHost = keepHost
        self.trusted = networks(trusted)
        self.limits = limits

    def __call__(self) -> "ClientLeg":
        """
        A handler for one more client.
        """
        return ClientLeg(self)


class ClientLeg(Leg):
    """
    The client's end of a connection through the gateway.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._backend: Backend | None = None

    async def onConnect(self, request: ConnectionRequest) -> Any:
        """
        Ask the backends, one after the other, and answer as the first that answers.

        :raises ConnectionDeny: the backend's own refusal; 502 none can be reached, 504 none
            answers in time.
        """
        protocols = self._askedOf(request)

        async def attempt(backend: Backend, seconds: float) -> BackendLeg | int:
            leg = BackendLeg(self)
            try:
                await self._connect(backend, leg, request, protocols, seconds)
            except NoDraftWorked as error:
                status = _refusal(error.attempts)
                if status is None:
                    raise
                return status
            return leg

        gateway = self._gateway
        try:
            backend, found = await gateway.backends.reach(attempt, gateway.timeout)
        except HandshakeError as error:
            raise ConnectionDeny(error.status, error.sentence) from None
        if isinstance(found, int):
            backend.open -= 1
            raise ConnectionDeny(found)
        self._backend, self.other = backend, found
        return self._answerOf(found, request)

    def onOpen(self) -> None:
        """
        Both legs are open: pause each for the other, and read what was early.
        """
        super().onOpen()
        other = self.other
        if not isinstance(other, BackendLeg):
            self.sendClose(1011, "the backend has left")
            return
        self.restrain(other)
        other.restrain(self)
        other.channel.resumeReading()

    def onClose(  # type: ignore[override]
        self, wasClean: bool, code: int, reason: str | None
    ) -> Deferred[None] | None:
        """
        The client is gone: one place more at the backend.

        :returns: fires when the backend has had all that is for it, too; `None` where it has.
        """
        other = self.other
        if self._backend is not None:
            self._backend.open -= 1
            self._backend = None
        super().onClose(wasClean, code, reason)
        return other.ended() if isinstance(other, BackendLeg) else None

    def _askedOf(self, request: ConnectionRequest) -> list[str]:
        """
        The subprotocols to ask a backend for.

        A text-only client that asks for ``base64``, as old noVNC does, is one that wants
        ``binary`` and can't have it.
        """
        asked = list(request.protocols)
        if self._gateway.binary == "base64" and not self.draft.binary and "base64" in asked:
            self.inBase64 = True
            asked = ["binary" if each == "base64" else each for each in asked]
        # A hixie client's subprotocol may be any text, and its list comes as a whole, too.
        return [each for each in dict.fromkeys(asked) if isToken(each)]

    def _answerOf(self, leg: BackendLeg, request: ConnectionRequest) -> Any:
        chosen = leg.channel.protocolInUse
        if self.inBase64:
            self.inBase64 = chosen == "binary"
            chosen = "base64" if self.inBase64 else chosen
        cookies = leg.channel.cookies
        return chosen, {"Set-Cookie": cookies} if cookies else {}

    async def _connect(
        self,
        backend: Backend,
        leg: BackendLeg,
        request: ConnectionRequest,
        protocols: list[str],
        seconds: float,
    ) -> None:
        gateway = self._gateway
        peer, isSecure = peer2str(self.channel.transport), self.channel.isSecure
        connecting: Deferred[Any] = connect(
            _target(backend.url, self.channel.resource),
            lambda: leg,
            drafts=gateway.drafts,
            origin=request.origin or None,
            host=request.headers.get("host") if gateway.keepsHost else None,
            headers=fields(request, peer, isSecure, gateway.trusted),
            protocols=protocols,
            timeout=seconds,
            reactor=gateway.reactor,
            **gateway.limits,
        )
        await connecting.addTimeout(seconds, gateway.reactor)


def _target(url: str, resource: str) -> str:
    """
    Where to go: a backend's URL has a path of its own, or the client's; both queries go with it.
    """
    base, _, own = url.partition("?")
    path, _, query = resource.partition("?")
    if "/" not in base.partition("://")[2]:
        base += path
    queries = "&".join(each for each in (own, query) if each)
    return f"{base}?{queries}" if queries else base


def _refusal(attempts: Sequence[Attempt]) -> int | None:
    """
    The status with which a backend has refused, if it can be passed on.

    Of one that speaks none of the drafts it is that for the first of them: it may well be meant
    for the request, and what the backend makes of older drafts is not.
    """
    last = attempts[-1]
    speaksNone = isinstance(last.error, AnswerError) and last.error.isOtherDraft
    for attempt in attempts if speaksNone else [last]:
        status = attempt.status
        if status is not None and 300 <= status <= 599 and status != 304:
            return status
    return None
