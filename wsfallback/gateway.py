"""
A handler whose other end is another connection: old clients in front of a modern backend, modern
ones in front of an old device.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest, ConnectionResponse
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.backends import Backend, Backends
from wsfallback.client import NEWEST_FIRST, connect
from wsfallback.errors import ChannelError, NoDraftWorked
from wsfallback.forwarded import Network, fields
from wsfallback.handlers import MessageHandler
from wsfallback.handshake import isToken
from wsfallback.policy import Limits

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: What is done with binary messages for a client, or a backend, that has only text.
BINARY = ("refuse", "base64")

#: Close codes that are not for the wire, as the other side is told them.
_TOLD = {1005: None, 1006: 1001}


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
        trusted: Iterable[Network] = (),
        **limits: Any,
    ) -> None:
        """
        :param urls: of the backends. Without a path in it a backend is asked for the client's.
        :param drafts: that the backends may speak, in the order in which they are tried.
        :param binary: one of `BINARY`.
        :param timeout: seconds for the backends' answer, all of them together.
        :param trusted: networks of proxies whose ``X-Forwarded-`` fields are believed.
        :param limits: of the connections to backends.
        :raises ValueError: something that can't be.
        """
        if binary not in BINARY:
            raise ValueError(f"binary must be {' or '.join(BINARY)}, not {binary!r}")
        Limits(**limits)
        self.backends = Backends(urls, reactor)
        self.reactor = reactor
        self.drafts = tuple(drafts)
        self.binary = binary
        self.timeout = timeout
        self.trusted = tuple(trusted)
        self.limits = limits

    def __call__(self) -> "ClientLeg":
        """
        A handler for one more client.
        """
        return ClientLeg(self)


@implementer(IPushProducer)
class _Pausing:
    """
    Has the reading of one leg pause while the other's send buffer is full.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def pauseProducing(self) -> None:
        self._channel.pauseReading()

    def resumeProducing(self) -> None:
        self._channel.resumeReading()

    def stopProducing(self) -> None:
        """
        The other leg is gone; its handler closes this one in order.
        """


class _Leg(MessageHandler):
    """
    What both legs do alike.

    :ivar other: the other leg, as soon as there is one.
    :ivar inBase64: binary messages are base64 in text on this leg.
    """

    channel: Any
    other: "_Leg | None" = None
    inBase64 = False
    isOpen = False
    isOver = False

    def onOpen(self) -> None:
        """
        From now on this leg takes what the other one has.
        """
        self.isOpen = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        To the other leg.
        """
        if self.inBase64 and not isBinary:
            try:
                payload, isBinary = b64decode(payload, validate=True), True
            except binascii.Error:
                self._refuse("a message is not base64")
                return
        if self.other is not None:
            self.other.take(payload, isBinary)

    def take(self, payload: bytes, isBinary: bool) -> None:
        """
        Send what the other leg got.
        """
        if self.isOver:
            return
        if isBinary and self.inBase64:
            payload, isBinary = b64encode(payload), False
        if isBinary and not self.draft.binary:
            self._refuse(f"a binary message for {self.draft.name}, which has none")
            return
        # Where it is closing its end is told by onClose.
        with suppress(ChannelError):
            self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        Close the other leg, after all that was sent on this one.
        """
        self.isOver = True
        other, self.other = self.other, None
        if other is not None:
            other.end(_TOLD.get(code, code), reason if code not in _TOLD else None)

    def end(self, code: int | None, reason: str | None) -> None:
        """
        The other leg is over.
        """
        self.other = None
        if self.isOpen and not self.isOver:
            self.sendClose(code, reason)
            # Nobody is there any more to be paused for, and the answer to the close is to be read.
            self.channel.resumeReading()

    def _refuse(self, trouble: str) -> None:
        """
        Close both legs: 1003, RFC 6455 §7.4.1.
        """
        _log.info("{peer}: {trouble}", peer=self.peer, trouble=trouble)
        other, self.other = self.other, None
        for leg in (self, other):
            if leg is not None:
                leg.end(1003, trouble)


class ClientLeg(_Leg):
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
        gateway = self._gateway
        deadline = gateway.reactor.seconds() + gateway.timeout
        protocols = self._askedOf(request)
        status = 502
        for backend in gateway.backends.inTurn():
            remaining = deadline - gateway.reactor.seconds()
            if remaining <= 0:
                break
            leg = BackendLeg(self)
            backend.open += 1
            try:
                await self._reach(backend, leg, request, protocols, remaining)
            except CancelledError:
                backend.open -= 1
                raise
            except Exception as error:
                backend.open -= 1
                refusal = _refusal(error)
                if refusal is not None:
                    gateway.backends.worked(backend)
                    raise ConnectionDeny(refusal) from None
                gateway.backends.failed(backend)
                status = 504 if _isLate(error) else 502
                _log.info("{url}: {error}", url=backend.url, error=str(error))
            else:
                gateway.backends.worked(backend)
                self._backend, self.other = backend, leg
                return self._answerOf(leg, request)
        raise ConnectionDeny(status, "The backend can't be reached")

    def onOpen(self) -> None:
        """
        Both legs are open: pause each for the other, and deliver what was early.
        """
        super().onOpen()
        other = self.other
        if not isinstance(other, BackendLeg):
            self.sendClose(1011, "the backend has left")
            return
        self.registerProducer(_Pausing(other.channel), True)
        other.registerProducer(_Pausing(self.channel), True)
        other.deliver()

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        The client is gone: one place more at the backend.
        """
        if self._backend is not None:
            self._backend.open -= 1
            self._backend = None
        super().onClose(wasClean, code, reason)

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

    def _answerOf(self, leg: "BackendLeg", request: ConnectionRequest) -> Any:
        chosen = leg.channel.protocolInUse
        if self.inBase64:
            self.inBase64 = chosen == "binary"
            chosen = "base64" if self.inBase64 else chosen
        cookies = leg.channel.cookies
        return chosen, {"Set-Cookie": cookies} if cookies else {}

    async def _reach(
        self,
        backend: Backend,
        leg: "BackendLeg",
        request: ConnectionRequest,
        protocols: list[str],
        seconds: float,
    ) -> None:
        gateway = self._gateway
        isSecure = ISSLTransport.providedBy(self.channel.transport)
        connecting: Deferred[Any] = connect(
            _target(backend.url, self.channel.resource),
            lambda: leg,
            drafts=gateway.drafts,
            origin=request.origin or None,
            headers=fields(request, isSecure, gateway.trusted),
            protocols=protocols,
            timeout=seconds,
            reactor=gateway.reactor,
            **gateway.limits,
        )
        await connecting.addTimeout(seconds, gateway.reactor)


class BackendLeg(_Leg):
    """
    The backend's end of it.
    """

    def __init__(self, client: ClientLeg) -> None:
        self.other = client
        self._early: list[tuple[bytes, bool]] = []

    def onConnect(self, response: ConnectionResponse) -> None:  # type: ignore[override]
        """
        The backend has accepted.
        """

    def onOpen(self) -> None:
        """
        Read no more until the client's leg is open too.
        """
        super().onOpen()
        self.channel.pauseReading()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        To the client; what came with the backend's answer waits until that is open.
        """
        if self.other is not None and not self.other.isOpen:
            self._early.append((payload, isBinary))
        else:
            super().onMessage(payload, isBinary)

    def deliver(self) -> None:
        """
        The client's leg is open.
        """
        early, self._early = self._early, []
        for payload, isBinary in early:
            self.onMessage(payload, isBinary)
        self.channel.resumeReading()


def _target(url: str, resource: str) -> str:
    """
    Where to go: a backend's URL has a path of its own, or the client's.
    """
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if not slash:
        return f"{scheme}://{host}{resource}"
    _, mark, query = resource.partition("?")
    return f"{scheme}://{host}/{path}{mark if '?' not in path else '&' * bool(query)}{query}"


def _refusal(error: Exception) -> int | None:
    """
    The status with which a backend refused, as far as it can be passed on.
    """
    if not isinstance(error, NoDraftWorked):
        return None
    status = error.attempts[-1].status
    return status if status is not None and 300 <= status <= 599 and status != 304 else None


def _isLate(error: Exception) -> bool:
    """
    Whether a backend was too slow.
    """
    if isinstance(error, NoDraftWorked):
        error = error.attempts[-1].error
    return isinstance(error, (ConnectTimeout, DeferredTimeout))
