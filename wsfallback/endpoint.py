"""
`WebSocketEndpoint`: a client's connection where Twisted wants an endpoint, above all for
`twisted.application.internet.ClientService`, which connects again with back-off.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from wsfallback.client import Client
from wsfallback.handlers import HandlerFactory, checkedHandler
from wsfallback.interfaces import IFrameHandler, IMessageChannel, IMessageHandler
from wsfallback.leaving import loss


class MessageProtocol(Protocol):
    """
    A connection by the name that Twisted has for one. Bytes never come to it: messages come to
    its handler.

    :ivar handler: the `IMessageHandler`.
    """

    def __init__(self, handler: Any) -> None:
        self.handler = handler

    @property
    def channel(self) -> Any:
        """
        The `IClientChannel` to send on.
        """
        return self.handler.channel


class MessageFactory(Factory):
    """
    Makes a `MessageProtocol` for each connection of a `WebSocketEndpoint`.
    """

    noisy = False

    def __init__(self, handler: HandlerFactory) -> None:
        """
        :param handler: makes an `IMessageHandler` for each connection: its class, or another
            callable without arguments.
        :raises TypeError: a handler that can't be one.
        """
        self._handler = checkedHandler(handler)

    def buildProtocol(self, addr: IAddress | None) -> MessageProtocol:
        """
        One with a handler of its own.
        """
        protocol = MessageProtocol(self._handler())
        protocol.factory = self
        return protocol


@implementer(IStreamClientEndpoint)
class WebSocketEndpoint:
    """
    Connects as `wsfallback.connect` does, anew each time.
    """

    def __init__(self, where: str | IStreamClientEndpoint, **options: Any) -> None:
        """
        Parameters as of `wsfallback.Client`.
        """
        self._client = Client(where, **options)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """
        Connect.

        :param protocolFactory: a `MessageFactory`; a factory of protocols that take bytes can't
            be served with messages.
        :returns: fires with the protocol that it built when the connection is open; fails as
            `wsfallback.connect`, and with `TypeError` for another factory.
        """
        relay = _Relay(protocolFactory)
        return self._client.connect(lambda: relay).addCallback(lambda _: relay.protocol)


class _Transport:
    """
    What a protocol may do with its connection: end it.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def loseConnection(self) -> None:
        """
        By the closing handshake.
        """
        self._channel.sendClose()

    def abortConnection(self) -> None:
        """
        At once.
        """
        self._channel.transport.abortConnection()

    def getPeer(self) -> Any:
        """
        The server's address.
        """
        return self._channel.transport.getPeer()

    def getHost(self) -> Any:
        """
        Our own.
        """
        return self._channel.transport.getHost()


@implementer(IFrameHandler)
class _Relay:
    """
    Stands before the handler, and tells the protocol of its connection's beginning and end.
    """

    channel: IMessageChannel
    protocol: Any = None

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self._wasMade = False
        self._handler: Any = None

    def onConnect(self, response: Any) -> Any:
        """
        Now there is an address to build a protocol for.
        """
        transport = _Transport(self.channel)
        self.protocol = protocol = self._factory.buildProtocol(transport.getPeer())
        handler = getattr(protocol, "handler", None)
        if not IMessageHandler.providedBy(handler):
            raise TypeError(f"give a MessageFactory: {protocol!r} has no handler for messages")
        self._handler = handler
        self._transport = transport
        handler.channel = self.channel
        return handler.onConnect(response)

    def onOpen(self) -> Any:
        """
        The connection is made.
        """
        self._wasMade = True
        self.protocol.makeConnection(self._transport)
        return self._handler.onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> Any:
        """
        The handler's.
        """
        return self._handler.onMessage(payload, isBinary)

    def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> Any:
        """
        The handler's.
        """
        if IFrameHandler.providedBy(self._handler):
            return self._handler.onFrame(payload, isBinary, isFinal)
        return self._handler.onMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> Any:
        """
        The connection is lost.
        """
        try:
            return None if self._handler is None else self._handler.onClose(wasClean, code, reason)
        finally:
            if self._wasMade:
                self.protocol.connectionLost(loss(wasClean, reason))
