"""
``wsfallback:tcp:8080``: any other server endpoint, whose protocols are served as WebSocket.

For ``serverFromString`` and all that is built on it: ``twistd web --listen wsfallback:tcp:8080``.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from wsfallback.descriptions import isYes, unparsed
from wsfallback.server import FallbackServerFactory


@implementer(IStreamServerEndpoint)
class WebSocketServerEndpoint:
    """
    Listens where another endpoint does, by `FallbackServerFactory.forStream`.
    """

    def __init__(self, clock: IReactorTime, inner: IStreamServerEndpoint, binary: bool) -> None:
        """
        :param inner: listens.
        :param binary: as of `FallbackServerFactory.forStream`.
        """
        self._clock = clock
        self._inner = inner
        self._binary = binary

    def listen(self, protocolFactory: Any) -> Deferred[IListeningPort]:
        """
        Serve a factory as WebSocket.
        """
        factory: IProtocolFactory = FallbackServerFactory.forStream(
            protocolFactory, binary=self._binary, reactor=self._clock
        )
        return self._inner.listen(factory)


def parse(reactor: Any, *arguments: str, **options: str) -> WebSocketServerEndpoint:
    """
    The endpoint of a server string.

    :param arguments: those of the other endpoint, its type first.
    :param options: those of the other endpoint; ``binary=yes`` is ours.
    :raises ValueError: there is no other endpoint, or ``binary`` is neither yes nor no.
    """
    binary = isYes("binary", options.pop("binary", "no"))
    if not arguments:
        raise ValueError("wsfallback: takes another endpoint, as in wsfallback:tcp:8080")
    inner = serverFromString(reactor, unparsed(arguments, options))
    return WebSocketServerEndpoint(reactor, inner, binary)
