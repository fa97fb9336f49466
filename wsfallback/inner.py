"""
`InnerTransport`: what an application has for a transport within a WebSocket connection.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IProtocol,
    IPushProducer,
    IReactorTime,
    ITCPTransport,
    ITransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from wsfallback.errors import NotOpen
from wsfallback.interfaces import IMessageChannel
from wsfallback.producer import Producer

# At module level, as in `wsfallback.forwarding`.
_log = Logger()


@implementer(ITransport, IConsumer, IPushProducer)
class InnerTransport:
    """
    A transport whose other end is a channel.

    Addresses are the real transport's, and so is the flow: what pauses one side of the channel
    pauses the other. What a protocol may know of its transport it may know of this: nothing is
    received while it is paused, nor within a call of its own.

    What waits here has no bound of its own: while it is paused the channel hands over nothing,
    but at its end, and that bounded.

    :ivar disconnecting: the application has ended the connection.
    """

    disconnecting = False

    def __init__(
        self,
        channel: IMessageChannel,
        protocol: IProtocol,
        clock: IReactorTime,
    ) -> None:
        self._channel = channel
        self._outer: Any = channel.transport
        self._protocol = protocol
        self._clock = clock
        self._waiting: deque[bytes] = deque()
        self._ending: Failure | None = None
        self._turn: IDelayedCall | None = None
        self._isOpen = self._isPaused = self._isHanding = self._isGone = False
        self._isBroken = False
        self._producer: Producer | None = None
        if ITCPTransport.providedBy(self._outer):
            alsoProvides(self, ITCPTransport)

    # What the connection does.

    @property
    def waiting(self) -> int:
        """
        How much there is to be handed over, in calls of ``dataReceived``.
        """
        return len(self._waiting)

    def opened(self) -> None:
        """
        The channel is open: what the application wanted of it before, happens now.
        """
        self._isOpen = True
        if self._producer is not None:
            self._channel.registerProducer(self._producer, self._producer.isStreaming)
            if self._producer is not None and self._producer.isStreaming:
                self._producer.resumeProducing()

    def arrive(self, data: bytes) -> None:
        """
        Something for the application: now, or when it reads again.
        """
        self._keep(data)
        self.hand()

    def arriveSoon(self, data: bytes) -> None:
        """
        The same, but not within the call of the application's that caused it.
        """
        self._keep(data)
        self.handSoon()

    def end(self, reason: Failure) -> None:
        """
        The connection is lost; what waits is read first, unless the application has ended it.
        """
        self._isGone = True
        self._ending = reason
        if self.disconnecting:
            self._waiting.clear()
        if not (self._waiting and self._isPaused):
            self._isPaused = False
            self.hand()

    def hand(self) -> None:
        """
        Hand over what waits, as far as may be.
        """
        if self._isHanding:
            return
        self._isHanding = True
        try:
            while self._waiting and not self._isPaused and (self.isReady() or self._isGone):
                self._protocol.dataReceived(self._waiting.popleft())
        except Exception:
            # It failed within a frame, say: all that it can still be told is the end.
            self._isBroken = True
            self._waiting.clear()
            raise
        finally:
            self._isHanding = False
            self._finish()

    def handSoon(self) -> None:
        """
        The same, in a turn of its own, and then read on.
        """
        if self._turn is None and (self._waiting or not self._isGone):
            self._turn = self._clock.callLater(0, self._turned)

    def isReady(self) -> bool:
        """
        Whether the application can be given anything.
        """
        return True

    # ITransport; the rest of it is the subclass's.

    def write(self, data: bytes) -> None:
        """
        Something for the peer.
        """
        raise NotImplementedError

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        The same, in one.
        """
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """
        Close, when everything is written.
        """
        raise NotImplementedError

    def abortConnection(self) -> None:
        """
        End at once.
        """
        raise NotImplementedError

    def getPeer(self) -> IAddress:
        """
        The peer's real address.
        """
        address: IAddress = self._outer.getPeer()
        return address

    def getHost(self) -> IAddress:
        """
        Our own real address.
        """
        address: IAddress = self._outer.getHost()
        return address

    # IConsumer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        Have a producer paused while the socket takes nothing; before open, too.
        """
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        if self._isGone:
            producer.stopProducing()
            return
        self._producer = Producer(producer, streaming)
        if self._isOpen:
            self._channel.registerProducer(self._producer, streaming)
        elif streaming:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        The producer is done; without one, as Autobahn calls it, nothing.
        """
        had, self._producer = self._producer, None
        if had is not None and self._isOpen and not self._isGone:
            self._channel.unregisterProducer()

    # IPushProducer

    def pauseProducing(self) -> None:
        """
        Read nothing more from the socket.
        """
        self._isPaused = True
        self._channel.pauseReading()

    def resumeProducing(self) -> None:
        """
        Read on, in a turn of its own: what has waited here comes before what waits there.
        """
        self._isPaused = False
        self.handSoon()

    def stopProducing(self) -> None:
        """
        Close.
        """
        self.loseConnection()

    # ITCPTransport, where the real one is that.

    def loseWriteConnection(self) -> None:
        """
        Close: a WebSocket has no halves.
        """
        self.loseConnection()

    def getTcpNoDelay(self) -> bool:
        """
        Of the real transport.
        """
        return bool(self._outer.getTcpNoDelay())

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Of the real transport.
        """
        self._outer.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """
        Of the real transport.
        """
        return bool(self._outer.getTcpKeepAlive())

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Of the real transport.
        """
        self._outer.setTcpKeepAlive(enabled)

    # ISSLTransport, where the real one is that and the subclass says so.

    def getPeerCertificate(self) -> Any:
        """
        The peer's, of the real transport.
        """
        return self._outer.getPeerCertificate()

    # Within.

    def _keep(self, data: bytes) -> None:
        if not (self._isGone or self._isBroken):
            self._waiting.append(data)

    def _turned(self) -> None:
        self._turn = None
        try:
            self.hand()
        except Exception:
            # As the protocols do with an application that fails within a call of theirs.
            _log.failure("{peer}: the application failed", peer=self._channel.peer)
            try:
                self._channel.sendClose(1011, "the server failed")
            except NotOpen:
                self._outer.abortConnection()
        if not (self._isPaused or self._isGone):
            self._channel.resumeReading()

    def _finish(self) -> None:
        """
        The application hears of the end, once, when it has everything.
        """
        if self._isGone and not self._waiting and self._ending is not None:
            reason, self._ending = self._ending, None
            if self._turn is not None:
                self._turn.cancel()
                self._turn = None
            producer, self._producer = self._producer, None
            # A close takes it from the real transport, which then tells it nothing.
            if producer is not None:
                producer.stopProducing()
            self._protocol.connectionLost(reason)
