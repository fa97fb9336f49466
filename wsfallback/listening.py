"""
``wsfallback:tcp:8080``: any other server endpoint, whose protocols are served as WebSocket.

For ``serverFromString`` and all that is built on it: ``twistd ftp -p wsfallback:tcp:8080``.
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

from wsfallback.server import FallbackServerFactory

#: What separates in a server string, and a backslash, which takes that from it.
_SPECIAL = "\\:="


@implementer(IStreamServerEndpoint)
class WebSocketServerEndpoint:
    """
    Listens where another endpoint does, by `FallbackServerFactory.forStream`.
    """

    def __init__(self, clock: IReactorTime, outer: IStreamServerEndpoint, binary: bool) -> None:
        """
        :param outer: listens.
        :param binary: as of `FallbackServerFactory.forStream`.
        """
        self._clock = clock
        self._outer = outer
        self._binary = binary

    def listen(self, protocolFactory: Any) -> Deferred[IListeningPort]:
        """
        Serve a factory as WebSocket.
        """
        factory: IProtocolFactory = FallbackServerFactory.forStream(
            protocolFactory, binary=self._binary, reactor=self._clock
        )
        return self._outer.listen(factory)


def parse(reactor: Any, *arguments: str, **options: str) -> WebSocketServerEndpoint:
    """
    The endpoint of a server string.

    :param arguments: those of the other endpoint, its type first.
    :param options: those of the other endpoint; ``binary=yes`` is ours.
    :raises ValueError: there is no other endpoint, or ``binary`` is neither yes nor no.
    """
    binary = options.pop("binary", "no")
    if not arguments:
        raise ValueError("wsfallback: takes another endpoint, as in wsfallback:tcp:8080")
    if binary not in ("yes", "no"):
        raise ValueError(f"binary is yes or no, not {binary!r}")
    return WebSocketServerEndpoint(
        reactor, serverFromString(reactor, unparsed(arguments, options)), binary == "yes"
    )


def unparsed(arguments: tuple[str, ...], options: dict[str, str]) -> str:
    """
    A server string of its parts, as Twisted's ``haproxy:`` makes one.

    Unlike Twisted's ``quoteStringArgument`` it leaves an equals sign in a value what it is.
    """
    return ":".join(
        [
            *map(_quoted, arguments),
            *(f"{_quoted(name)}={_quoted(value)}" for name, value in options.items()),
        ]
    )


def _quoted(part: str) -> str:
    return "".join(f"\\{each}" if each in _SPECIAL else each for each in part)
