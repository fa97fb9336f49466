"""
`connect`: to a server of any draft, newest first, or as told.

Falling back makes a new connection each time. It happens only on answers that mean "I don't speak
this", never after an error of TLS, TCP or the network, never for a refusal, never below a floor.
"""

from collections.abc import Iterable
from random import Random, SystemRandom
from typing import Any, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from wsfallback.destination import Destination, GivenFields, destination
from wsfallback.drafts.table import DRAFTS, Draft, answered
from wsfallback.engine import ClientEngineFactory
from wsfallback.errors import AnswerError, Attempt, NoDraftWorked
from wsfallback.handlers import HandlerFactory, checkedHandler
from wsfallback.knocking import Errand, HandlerFailed, knock
from wsfallback.policy import Limits, draftsNamed

#: The names of all drafts in the order in which they are tried.
NEWEST_FIRST = tuple(draft.name for draft in reversed(DRAFTS))


def connect(
    where: str | IStreamClientEndpoint, handler: HandlerFactory, **options: Any
) -> Deferred[Any]:
    """
    Connect to a server.

    :param where: a ``ws://`` or ``wss://`` URL; or a Twisted client endpoint, which makes the
        connection, TLS included, while ``url`` says what is asked for.
    :param handler: makes the connection's `IMessageHandler`, when a server has accepted: its
        class, or another callable without arguments. Its ``onConnect`` gets Autobahn's
        ``ConnectionResponse``.
    :param options: as of `Client`.
    :returns: fires with the channel (an `IClientChannel`) after ``onOpen``. Fails with
        `NoDraftWorked`, or with what the handler's ``onConnect`` or its making failed with.
        To cancel it ends the attempt.
    :raises TypeError: a handler that can't be one, or an unknown option.
    :raises ValueError: a URL or an option that can't be.
    """
    return Client(where, **options).connect(handler)


class Client:
    """
    All that is to be known to connect to a server, checked; it connects any number of times.

    :ivar drafts: the rows of the table that are tried, in this order.
    :ivar limits: of its connections.
    :ivar clock: the reactor's.
    """

    def __init__(
        self,
        where: str | IStreamClientEndpoint,
        *,
        url: str | None = None,
        drafts: Iterable[str] = NEWEST_FIRST,
        floor: str | None = None,
        origin: str | None = None,
        headers: GivenFields | None = None,
        protocols: Iterable[str] = (),
        host: str | None = None,
        timeout: float = 10.0,
        strict: bool = False,
        reactor: Any = None,
        contextFactory: Any = None,
        random: Random | None = None,
        **limits: Any,
    ) -> None:
        """
        :param where: as of `connect`.
        :param url: what is asked for at an endpoint: its host and path go into the request.
        :param drafts: names of the drafts to try, in this order.
        :param floor: the name of the oldest draft that may be spoken, whatever the server says.
        :param origin: for the field of that name. hixie drafts always have one: where none is
            given it is that of the server itself.
        :param headers: more fields of the request: a mapping, values or lists of values, or pairs.
        :param protocols: subprotocols to choose from.
        :param host: for the field of that name, instead of what the URL says.
        :param timeout: seconds for each attempt: TCP, TLS, the answer, ``onConnect``.
        :param strict: fail where a hixie server's answer names another origin or location, has no
            subprotocol, or is not byte for byte that of hixie-75.
        :param reactor: Twisted's reactor by default.
        :param contextFactory: how TLS is done for ``wss://``: by default as
            `twisted.internet.ssl.optionsForClientTLS` does it, certificates verified.
        :param random: where keys come from; only tests have a reason to give one.
        :param limits: `wsfallback.policy.Limits`, by name; ``invalidText`` is ``replace`` unless
            given, as hixie's drafts have it for clients.
        """
        if isinstance(drafts, str):
            raise TypeError("drafts is a list of strings")
        self.drafts = _allowed(draftsNamed(drafts), floor)
        if isinstance(where, str):
            if url is not None:
                raise TypeError("a url goes with an endpoint only")
            url = where
        elif url is None:
            raise TypeError("an endpoint needs a url that says what is asked for")
        asked = destination(url, origin=origin, headers=headers, protocols=protocols, host=host)
        if reactor is None:
            # Here and not above: to import it is to choose one.
            from twisted.internet import reactor as installed

            reactor = installed
        self.limits = Limits(
            **{"invalidText": "replace", **limits, "handshakeTimeout": _seconds(timeout)}
        )
        self.clock = cast(IReactorTime, reactor)
        self._errand = Errand(
            endpoint=endpointTo(reactor, asked, contextFactory)
            if isinstance(where, str)
            else where,
            destination=asked,
            limits=self.limits,
            clock=self.clock,
            engine=ClientEngineFactory(self.limits, self.clock),
            isStrict=strict,
            random=SystemRandom() if random is None else random,
        )

    def connect(self, handler: HandlerFactory) -> Deferred[Any]:
        """
        Connect, as the function `wsfallback.connect`.
        """
        return Deferred.fromCoroutine(_fallBack(self._errand, checkedHandler(handler), self.drafts))


async def _fallBack(errand: Errand, handler: HandlerFactory, drafts: tuple[Draft, ...]) -> Any:
    """
    One draft after the other, until one works or none may be tried.
    """
    attempts = []
    try:
        while drafts:
            draft, *others = drafts
            try:
                return await knock(errand, draft, handler)
            except CancelledError:
                raise
            except HandlerFailed as error:
                error.failure.raiseException()
            except Exception as error:
                attempts.append(_attempt(draft, error))
                drafts = _next(error, tuple(others))
        raise NoDraftWorked(attempts)
    finally:
        # The errors' tracebacks have this frame: a cycle, and the handler's maker is in it.
        del attempts


def _attempt(draft: Draft, error: Exception) -> Attempt:
    response = error.response if isinstance(error, AnswerError) else None
    status = None if response is None or response.status == 101 else response.status
    return Attempt(draft.name, status, error, response)


def _next(error: Exception, others: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """
    What to try after a failure: nothing, what is left, or less of it.

    A server that knows one draft only gives the answer of that draft to every request.
    """
    if not isinstance(error, AnswerError) or not error.isOtherDraft:
        return ()
    told = None if error.response is None else answered(error.response)
    return others[others.index(told) :] if told in others else others


def _allowed(drafts: tuple[Draft, ...], floor: str | None) -> tuple[Draft, ...]:
    """
    :raises ValueError: none is left.
    """
    if floor is None:
        return drafts
    (lowest,) = draftsNamed([floor])
    above = tuple(draft for draft in drafts if DRAFTS.index(draft) >= DRAFTS.index(lowest))
    if not above:
        raise ValueError(f"none of these drafts is as new as {floor}")
    return above


def _seconds(timeout: float) -> float:
    """
    :raises ValueError: it can't be. The range is checked as that of ``handshakeTimeout``, by
        which name nobody knows it here.
    """
    try:
        return Limits(handshakeTimeout=timeout).handshakeTimeout
    except ValueError as error:
        raise ValueError(str(error).replace("handshakeTimeout", "timeout")) from None


def endpointTo(
    reactor: Any, where: Destination, contextFactory: Any = None
) -> IStreamClientEndpoint:
    """
    Makes connections to where a URL points, with verified certificates where that says so.

    :param contextFactory: how TLS is done.
    """
    endpoint: IStreamClientEndpoint
    if isIPAddress(where.hostname):
        # That of names tries several addresses, and hears of one that refuses 0.3 seconds late.
        endpoint = TCP4ClientEndpoint(reactor, where.hostname, where.port)
    elif isIPv6Address(where.hostname):
        endpoint = TCP6ClientEndpoint(reactor, where.hostname, where.port)
    else:
        endpoint = HostnameEndpoint(reactor, where.hostname, where.port)
    if not where.isSecure:
        return endpoint
    if contextFactory is None:
        # Here and not above: it needs pyOpenSSL, which ws:// doesn't.
        from twisted.internet.ssl import optionsForClientTLS

        contextFactory = optionsForClientTLS(where.hostname)
    return wrapClientTLS(contextFactory, endpoint)
