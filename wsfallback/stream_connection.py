"""
`StreamConnection`: one WebSocket connection as bytes to and fro, at either end.
"""

from binascii import Error as NotBase64
from collections.abc import Iterator
from typing import Any

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHandshakeListener, IReactorTime, ISSLTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from wsfallback.carriers import Binary, settled
from wsfallback.errors import NotOpen, NotText
from wsfallback.handlers import MessageHandler
from wsfallback.inner import InnerTransport
from wsfallback.interfaces import IMessageChannel
from wsfallback.leaving import loss
from wsfallback.policy import Limits

# At module level, as in `wsfallback.forwarding`.
_log = Logger()


class StreamConnection(MessageHandler):
    """
    Stands between a channel and a protocol that knows nothing of WebSocket.

    :ivar protocol: has the bytes; set before the connection is open.
    """

    protocol: Any = None

    def __init__(self, clock: IReactorTime, limits: Limits, isBinary: bool) -> None:
        """
        :param isBinary: as of `wsfallback.carriers.settled`.
        """
        self._clock = clock
        self._limits = limits
        self._isBinary = isBinary
        self._inner: StreamTransport | None = None
        self.carrier = Binary()

    def settle(self, names: list[str]) -> str | None:
        """
        Decide what carries the bytes.

        :returns: the subprotocol that says so, if one of these does.
        """
        name, self.carrier = settled(names, self.draft, self._isBinary)
        return name

    def onOpen(self) -> None:
        """
        The protocol has a connection.
        """
        # Of a stream nothing can be left out.
        self.channel.fullQueue = "close"
        self._inner = StreamTransport(
            self.channel,
            self.protocol,
            self._clock,
            self.carrier,
            # What we take ourselves, and in base64 it is a third more.
            max(1, self._limits.maxMessage // 2),
        )
        self._inner.opened()
        self.protocol.makeConnection(self._inner)
        if ISSLTransport.providedBy(self._inner) and IHandshakeListener.providedBy(self.protocol):
            # It was done long before.
            self.protocol.handshakeCompleted()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Bytes for the protocol. A binary message is what it is, whatever was agreed on.
        """
        self.onFrame(payload, isBinary, True)

    def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> None:
        """
        The same, of a part of a message.
        """
        assert self._inner is not None, "messages come only after onOpen"
        try:
            data = payload if isBinary else self.carrier.data(payload, isFinal)
        except NotBase64:
            self._refuse(1007, "a message is not base64")
        else:
            # Nothing is nothing to a stream.
            if data:
                self._inner.arrive(data)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        The connection is over.
        """
        inner, self._inner = self._inner, None
        if inner is None:
            return
        inner.end(Failure(ConnectionAborted()) if inner.aborted else loss(wasClean, reason))

    def _refuse(self, code: int, reason: str) -> None:
        _log.info("{peer}: {code}: {reason}", peer=self.peer, code=code, reason=reason)
        self.sendClose(code, reason)


class StreamTransport(InnerTransport):
    """
    The transport of a protocol that knows nothing of WebSocket.

    :ivar aborted: it has thrown the connection away.
    """

    aborted = False

    def __init__(
        self,
        channel: IMessageChannel,
        protocol: Any,
        clock: IReactorTime,
        carrier: Binary,
        maxPayload: int,
    ) -> None:
        """
        :param maxPayload: bound in bytes of what becomes one message.
        """
        super().__init__(channel, protocol, clock)
        self._carrier = carrier
        self._maxPayload = maxPayload
        if ISSLTransport.providedBy(self._outer):
            alsoProvides(self, ISSLTransport)

    def write(self, data: bytes) -> None:
        """
        Send a message, or several of what may be too much for one; what is written after
        `loseConnection` without a producer is lost.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"a transport writes bytes, not {type(data).__name__}")
        if self.disconnecting and self._producer is None:
            return
        try:
            self._channel.sendTogether(self._messages(data), self._carrier.isBinary)
        except NotOpen:
            # As with a socket whose other end has left.
            pass
        except NotText as error:
            _log.info("{peer}: 1003: {error}", peer=self._channel.peer, error=str(error))
            self.disconnecting = True
            self._channel.sendClose(1003, "there were bytes to send that are no text")

    def loseConnection(self) -> None:
        """
        Close, when everything is written: a producer ends first.
        """
        self.disconnecting = True
        if self._producer is None:
            self._channel.sendClose(1000)

    def unregisterProducer(self) -> None:
        """
        The producer is done; a close may have waited for it.
        """
        super().unregisterProducer()
        if self.disconnecting:
            self.loseConnection()

    def abortConnection(self) -> None:
        """
        End at once, without a close.
        """
        self.disconnecting = self.aborted = True
        self._outer.abortConnection()

    # Within.

    def _messages(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), self._maxPayload):
            message = self._carrier.message(data[start : start + self._maxPayload])
            if message:
                yield message
