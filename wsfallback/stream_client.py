"""
`StreamEndpoint`: any Twisted protocol over WebSocket, as a client.
"""

from collections.abc import Iterable
from typing import Any

from autobahn.websocket.types import ConnectionResponse
from twisted.internet.defer import Deferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

from wsfallback.carriers import CARRIERS
from wsfallback.client import Client
from wsfallback.stream_connection import StreamConnection


@implementer(IStreamClientEndpoint)
class StreamEndpoint:
    """
    Connects any Twisted protocol: each write is a message, each message's payload is received.

    The other end of `FallbackServerFactory.forStream`, of websockify, or of any server whose
    messages are to be one stream of bytes.
    """

    def __init__(
        self,
        where: str | IStreamClientEndpoint,
        *,
        binary: bool = False,
        protocols: Iterable[str] = tuple(CARRIERS),
        **options: Any,
    ) -> None:
        """
        :param binary: send binary messages, where the draft has them, to a server that chooses
            neither ``binary`` nor ``base64``; it gets UTF-8 text otherwise.
        :param protocols: subprotocols to choose from; ``binary`` and ``base64`` say what carries
            the bytes.
        :param options: as of `Client`, but that a server's text that is no UTF-8 closes the
            connection unless ``invalidText`` is given: bytes are not to be replaced.
        """
        options = {"invalidText": "close", **options}
        self._client = Client(where, protocols=protocols, **options)
        self._isBinary = binary

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        Connect.

        :returns: fires with the protocol that the factory built when the connection is open;
            fails as `wsfallback.connect`, with what the factory failed with, or with
            `twisted.internet.error.NoProtocol` if it built none. To cancel it ends the attempt.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> Any:
        factory.doStart()
        stream = _ClientStream(factory, self._client, self._isBinary)
        try:
            await self._client.connect(lambda: stream)
        except BaseException:
            factory.doStop()
            raise
        return stream.protocol


class _ClientStream(StreamConnection):
    """
    The client's end of one connection.
    """

    def __init__(self, factory: IProtocolFactory, client: Client, isBinary: bool) -> None:
        super().__init__(client.clock, client.limits, isBinary)
        self._factory = factory

    def onConnect(  # type: ignore[override]  # a client is told of a response
        self, response: ConnectionResponse
    ) -> None:
        """
        Have a protocol built, and see what the server has chosen to carry its bytes.

        A hixie server that repeats the whole list seems to choose ``binary``, which its draft
        can't: that is no choice, and it gets text.
        """
        self.protocol = self._factory.buildProtocol(self.channel.transport.getPeer())
        if self.protocol is None:
            raise NoProtocol
        self.settle([response.protocol or ""])

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        The connection is over; the factory is not used for it any more.
        """
        wasOpen = self._inner is not None
        try:
            super().onClose(wasClean, code, reason)
        finally:
            if wasOpen:
                self._factory.doStop()
