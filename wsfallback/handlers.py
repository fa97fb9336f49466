"""
`MessageHandler`: what applications derive from.
"""

from typing import Any

from autobahn.websocket.types import ConnectionRequest
from zope.interface import implementer

from wsfallback.drafts.table import Draft
from wsfallback.interfaces import IFrameHandler, IMessageChannel


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
