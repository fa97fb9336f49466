"""
The seam: what a connection does to an application, and what an application does to a connection.

Names and signatures of the receiving side are Autobahn's, so that a class written for its
``WebSocketServerProtocol`` becomes a handler with its body untouched.
"""

from collections.abc import Iterable
from typing import Any

from autobahn.websocket.types import ConnectionRequest
from zope.interface import Attribute, Interface


class IMessageHandler(Interface):
    """
    The receiving side of one WebSocket connection, whatever draft its client speaks.

    One handler serves one connection. Each method may return a Deferred, or be ``async def``.
    What goes wrong in one is logged, and closes that connection with 1011 (before open: refuses
    it with 500); no other connection notices.
    """

    channel = Attribute(
        """
        The `IMessageChannel` to answer on; set before `onConnect`.
        """
    )

    def onConnect(request: ConnectionRequest) -> Any:
        """
        A client asks to open a connection.

        Nothing more is read from the client until this has its result, for at most the
        handshake timeout; nor is it noticed until then that the client has left.

        :param request: the opening handshake.
        :returns: `None`; or the subprotocol, one of ``request.protocols``; or
            ``(subprotocol or None, headers)`` with more header fields for the answer, name to
            value or list of values; or a Deferred or coroutine of one of these. A Deferred is
            cancelled when the time is over.
        :raises autobahn.websocket.types.ConnectionDeny: refuse with this HTTP status (300 to
            599) and reason.

        At a client's end it is called with what the server answered, an
        `autobahn.websocket.types.ConnectionResponse`. Its result is waited for and not used; if
        it fails, so does `wsfallback.connect`.
        """

    def onOpen() -> Any:
        """
        The connection is open: from now on the channel sends.
        """

    def onMessage(payload: bytes, isBinary: bool) -> Any:
        """
        A message has come. None comes after `sendClose`, as in browsers.

        :param payload: the message: UTF-8 text unless ``isBinary``.
        :param isBinary: always false on drafts without binary messages.
        """

    def onClose(wasClean: bool, code: int, reason: str | None) -> Any:
        """
        The connection is over: exactly once if `onConnect` was called, whatever happened.

        :param wasClean: whether both sides ended it in the way of their draft.
        :param code: the close code that the client gave; 1005 it gave none, as on drafts
            without codes; 1006 the connection just went away, or was refused.
        :param reason: the reason that the client gave; with 1006 what happened, in our words.

        A Deferred of it is waited for when the server stops, and cancelled when the time for that
        is over.
        """


class IFrameHandler(IMessageHandler):
    """
    A handler that can take messages in pieces.
    """

    def onFrame(payload: bytes, isBinary: bool, isFinal: bool) -> Any:
        """
        A data frame has come; called instead of `onMessage` where frames are not assembled.

        :param payload: its payload. Text is cut between characters: what the frame has of an
            unfinished one comes with the next.
        :param isBinary: of which type its message is.
        :param isFinal: whether it is the last one of its message.
        """


class IMessageChannel(Interface):
    """
    The sending side of one WebSocket connection.
    """

    draft = Attribute(
        """
        The row of the table (`wsfallback.drafts.table.Draft`) of the draft that the client
        speaks: its name, and what it can carry: ``binary``, ``ping``, ``closeCodes``,
        ``fragments``.
        """
    )
    request = Attribute(
        """
        The opening handshake: an `autobahn.websocket.types.ConnectionRequest`.
        """
    )
    peer = Attribute(
        """
        The client's address as Autobahn writes it, `str`: ``tcp4:127.0.0.1:52914``,
        ``tcp6:::1:52914``, ``unix:...``. Behind a proxy that is trusted it is what that says:
        ``tcp4:198.51.100.7:0``, with port 0 where it tells none.
        """
    )
    fullQueue: str = Attribute(
        """
        What is done with a message that has no room among those that wait to be sent: ``close``
        (with 1013 where the draft has codes), ``drop``, or ``raise`` `wsfallback.SendQueueFull`.
        As the limit of this name says, unless a handler sets it.
        """
    )
    transport = Attribute(
        """
        The transport of the connection: for its addresses, to pause what comes in, to abort.
        Whoever writes to it breaks the framing.
        """
    )

    def sendMessage(payload: bytes, isBinary: bool = False) -> None:
        """
        Send a message.

        :param payload: the message; UTF-8 unless ``isBinary``.
        :raises wsfallback.NotOpen: before `IMessageHandler.onOpen` and after a close.
        :raises wsfallback.UnsupportedByDraft: a binary message on a draft without them.
        :raises wsfallback.NotText: a text message that is not UTF-8.
        :raises wsfallback.SendQueueFull: the peer reads slowly, and ``fullQueue`` is ``raise``.
        """

    def sendTogether(payloads: Iterable[bytes], isBinary: bool = False) -> None:
        """
        Send several messages, as `sendMessage`: all of them have room if the first one has, as
        parts of one.
        """

    def sendClose(code: int | None = None, reason: str | None = None) -> None:
        """
        Close the connection. On drafts without close codes, code and reason stay here.

        Closing a connection that is closing already does nothing.

        :param code: 1000-1003, 1007-1014 or 3000-4999.
        :param reason: only with a code; at most 123 bytes of UTF-8 are sent.
        :raises ValueError: another code, or a reason without one.
        :raises TypeError: a code that is no `int`, or a reason that is no `str`.
        :raises wsfallback.NotOpen: before `IMessageHandler.onOpen`.
        """

    def pauseReading() -> None:
        """
        Hand over nothing more, and read no more from the peer. Meanwhile its silence is no
        reason to close, and its leaving is not noticed.

        Before `IMessageHandler.onOpen` it is for then; after a close it does nothing, and a close
        ends it. If the connection is lost all the same, as by a failure to send, what was read
        before, at most ``maxMessage`` and 256 KiB, is handed over before `onClose`.
        """

    def resumeReading() -> None:
        """
        Hand over what has been read, and read again.
        """

    def registerProducer(producer: object, streaming: bool) -> None:
        """
        Have a producer paused while the connection's send buffer is full.

        As `twisted.internet.interfaces.IConsumer`.
        """

    def unregisterProducer() -> None:
        """
        The producer is done.
        """

    def drained() -> object:
        """
        Wait until nothing waits to be sent.

        :returns: a Deferred, which fires with `None` then, or when the connection is over.
        """


class IClientChannel(IMessageChannel):
    """
    The sending side of a connection that `wsfallback.connect` has made.

    What `IMessageChannel` and `IMessageHandler` say of a client is true of the server here:
    ``peer`` is the server's address, and ``request`` is what we asked it.
    """

    response = Attribute(
        """
        What the server answered: an `autobahn.websocket.types.ConnectionResponse`, names of
        fields in lower case.
        """
    )
    protocolInUse = Attribute(
        """
        The subprotocol that the server chose, or `None`.
        """
    )
