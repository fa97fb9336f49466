"""
Any Twisted factory as WebSocket: each message's payload is received, each write is a message.

What carries the bytes is decided with the handshake:

- ``binary``, if the client offers that subprotocol and its draft has binary messages;
- ``base64``, if it offers that one: text messages of base64, on any draft. Of both it gets the
  one that it names first;
- else binary messages where ``binary=True`` and the draft has them, and UTF-8 text otherwise.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from typing import Any

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocolFactory, IReactorTime, ISSLTransport
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from wsfallback.applications import Admission, FactoryApplication, IApplication
from wsfallback.drafts.table import Draft
from wsfallback.errors import NotOpen, NotText
from wsfallback.forwarding import MAX_HELD
from wsfallback.handlers import MessageHandler
from wsfallback.inner import InnerTransport
from wsfallback.interfaces import IMessageChannel
from wsfallback.request import Request
from wsfallback.utf8 import unfinished

# At module level, as in `wsfallback.forwarding`.
_log = Logger()


class _Binary:
    """
    Bytes as they are.
    """

    isBinary = True

    def message(self, data: bytes) -> bytes:
        """
        What is sent for a write.
        """
        return data

    def data(self, payload: bytes) -> bytes:
        """
        What is received for a message.

        :raises ValueError: it is none.
        """
        return payload


class _Base64(_Binary):
    """
    Bytes in base64, as text.
    """

    isBinary = False

    def message(self, data: bytes) -> bytes:
        """
        A write is encoded by itself, padding and all.
        """
        return b64encode(data)

    def data(self, payload: bytes) -> bytes:
        """
        RFC 4648 §4, and nothing else.
        """
        return b64decode(payload, validate=True)


class _Text(_Binary):
    """
    Bytes that are UTF-8: what a write has of an unfinished character comes with the next.
    """

    isBinary = False

    def __init__(self) -> None:
        self._unfinished = b""

    def message(self, data: bytes) -> bytes:
        """
        Whole characters; possibly none.
        """
        data = self._unfinished + data
        cut = len(data) - unfinished(data)
        self._unfinished = data[cut:]
        return data[:cut]


#: What a client can ask for, by subprotocol.
_CARRIERS: dict[str, type[_Binary]] = {"binary": _Binary, "base64": _Base64}


@implementer(IApplication)
class StreamApplication(FactoryApplication):
    """
    Any Twisted factory, for all drafts.
    """

    def __init__(self, factory: Factory, binary: bool) -> None:
        """
        :raises TypeError: it builds no protocols.
        """
        if not (IProtocolFactory.providedBy(factory) or hasattr(factory, "buildProtocol")):
            raise TypeError(f"{factory!r} is no factory of protocols")
        self.factory = factory
        self.isBinary = binary

    def wholeFor(self, request: Request, draft: Draft) -> IProtocolFactory | None:
        """
        No connection is the factory's: it knows nothing of WebSocket.
        """
        return None

    def handlerFor(self, admission: Admission) -> "Stream":
        """
        What stands between.
        """
        return Stream(self.factory, admission, self.isBinary)


class Stream(MessageHandler):
    """
    One connection, as bytes to and fro.
    """

    def __init__(self, factory: Factory, admission: Admission, isBinary: bool) -> None:
        self._factory = factory
        self._admission = admission
        self._isBinary = isBinary
        self._inner: StreamTransport | None = None
        self._protocol: Any = None
        self.carrier = _Binary()

    def onConnect(self, request: ConnectionRequest) -> str | None:
        """
        Have a protocol built, and decide what carries its bytes.

        :returns: the subprotocol that says so, if one was asked for.
        """
        self._protocol = self._factory.buildProtocol(self._admission.address)
        if self._protocol is None:
            raise ConnectionDeny(503, "Nobody is here now")
        hasBinary = self.draft.binary
        name: str
        for name in request.protocols:
            carrier = _CARRIERS.get(name)
            if carrier is not None and (hasBinary or not carrier.isBinary):
                self.carrier = carrier()
                return name
        self.carrier = _Binary() if self._isBinary and hasBinary else _Text()
        return None

    def onOpen(self) -> None:
        """
        The protocol has a connection.
        """
        limits = self._admission.limits
        self._inner = StreamTransport(
            self.channel,
            self._protocol,
            self._admission.clock,
            limits.maxMessage + MAX_HELD,
            self._overrun,
            self.carrier,
        )
        self._inner.opened()
        self._protocol.makeConnection(self._inner)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Bytes for the protocol. A binary message is what it is, whatever was agreed on.
        """
        assert self._inner is not None, "messages come only after onOpen"
        try:
            data = payload if isBinary else self.carrier.data(payload)
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
        lost: Exception = ConnectionDone() if wasClean else ConnectionLost(reason or "")
        inner.end(Failure(ConnectionAborted() if inner.aborted else lost))

    def _overrun(self) -> None:
        self._refuse(1009, "the application doesn't read what comes")

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
        maxWaiting: int,
        overrun: Any,
        carrier: _Binary,
    ) -> None:
        super().__init__(channel, protocol, clock, maxWaiting, overrun)
        self._carrier = carrier
        if ISSLTransport.providedBy(self._outer):
            alsoProvides(self, ISSLTransport)

    def write(self, data: bytes) -> None:
        """
        Send a message; what is written after `loseConnection` without a producer is lost.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"a transport writes bytes, not {type(data).__name__}")
        if self.disconnecting and self._producer is None:
            return
        message = self._carrier.message(data)
        if not message:
            return
        try:
            self._channel.sendMessage(message, self._carrier.isBinary)
        except NotOpen:
            # As with a socket whose other end has left.
            pass
        except NotText as error:
            _log.info("{peer}: 1003: {error}", peer=self._channel.peer, error=str(error))
            self.disconnecting = True
            self._channel.sendClose(1003, "the server has bytes that are no text")

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

    # ISSLTransport, where the real one is that.

    def getPeerCertificate(self) -> Any:
        """
        The client's, of the real transport.
        """
        return self._outer.getPeerCertificate()
