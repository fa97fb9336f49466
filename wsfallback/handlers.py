"""
`MessageHandler`: what applications derive from; and what makes handlers.
"""

from collections.abc import Callable
from contextlib import suppress
from inspect import signature
from typing import Any, cast

from autobahn.websocket.types import ConnectionRequest
from zope.interface import implementer

from wsfallback.drafts.table import Draft
from wsfallback.interfaces import IFrameHandler, IMessageChannel, IMessageHandler

#: Makes the handler of a connection: its class, or anything to call.
HandlerFactory = Callable[[], Any]


@implementer(IFrameHandler)
class MessageHandler:
    """
    An application's end of one connection: override what is of interest, ignore the rest.

    The methods are those of Autobahn's ``WebSocketServerProtocol``.

    :ivar channel: the connection, set before `onConnect`.
    """

    channel: IMessageChannel

    def onConnect(self, request: ConnectionRequest) -> Any:
        """
        Accept whoever comes, without a subprotocol.
        """
        return None

    def onOpen(self) -> Any:
        """
        Do nothing.
        """

    def onMessage(self, payload: bytes, isBinary: bool) -> Any:
        """
        Do nothing.
        """

    def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> Any:
        """
        Take a frame for a message.
        """
        return self.onMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> Any:
        """
        Do nothing.
        """

    @property
    def draft(self) -> Draft:
        """
        The row of the draft that the client speaks.
        """
        draft: Draft = self.channel.draft
        return draft

    @property
    def request(self) -> ConnectionRequest:
        """
        The client's opening handshake.
        """
        request: ConnectionRequest = self.channel.request
        return request

    @property
    def peer(self) -> str:
        """
        The client's address: ``tcp4:127.0.0.1:52914``.
        """
        peer: str = self.channel.peer
        return peer

    def sendMessage(self, payload: bytes, isBinary: bool = False) -> None:
        """
        `IMessageChannel.sendMessage`.
        """
        self.channel.sendMessage(payload, isBinary)

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        """
        `IMessageChannel.sendClose`.
        """
        self.channel.sendClose(code, reason)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        `IMessageChannel.registerProducer`.
        """
        self.channel.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        `IMessageChannel.unregisterProducer`.
        """
        self.channel.unregisterProducer()

    def pauseReading(self) -> None:
        """
        `IMessageChannel.pauseReading`.
        """
        self.channel.pauseReading()

    def resumeReading(self) -> None:
        """
        `IMessageChannel.resumeReading`.
        """
        self.channel.resumeReading()

    def drained(self) -> Any:
        """
        `IMessageChannel.drained`.
        """
        return self.channel.drained()


def checkedHandler(handler: Any) -> HandlerFactory:
    """
    What makes handlers, checked as far as can be before it makes one.

    :raises TypeError: it can't be called without arguments, or is a class that is no
        `IMessageHandler`.
    """
    if not callable(handler):
        raise TypeError(f"{handler!r} makes no handlers; give its class, or a callable")
    if isinstance(handler, type) and not IMessageHandler.implementedBy(handler):
        raise TypeError(f"{handler.__qualname__} does not implement IMessageHandler")
    # What is in C may have no signature to look at; then its first call will tell.
    with suppress(ValueError):
        signature(handler).bind()
    return cast(HandlerFactory, handler)
