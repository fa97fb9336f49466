"""
`Flow`: who waits for whom on a connection, in both directions, at either end and on every draft.
"""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from wsfallback.deadline import Deadline
from wsfallback.errors import NotOpen, SendQueueFull
from wsfallback.leaving import leave
from wsfallback.policy import Limits
from wsfallback.record import Traffic
from wsfallback.send_queue import SendQueue

#: Bytes that may wait for the handler's decision. Reading is paused meanwhile, so these are what
#: came with the request; Twisted reads 64 KiB at a time, TLS adds a record.
MAX_HELD = 1 << 18

#: Seconds that one connection is read in one go. 64 KiB can hold thirty thousand frames, or sixty
#: deflated messages of 1 MiB: then all others have their turn before the next of them.
TURN = 0.002

#: Why a connection fails that brings more while it is paused.
OVERRUN = "the application doesn't read what comes"


class Flow:
    """
    The socket pauses a producer; the application pauses what is read, and so do we when a
    connection has had its turn.
    """

    transport: Any

    #: What has come and gone.
    traffic: Traffic

    _limits: Limits
    _deadline: Deadline

    #: What is done with a message that has no room: a limit, but there are applications whose
    #: messages can't be left out.
    fullQueue: str

    _queue: SendQueue | None = None  # from open to the end of sending
    _wasSent = False  # all of it, and the end of our half: the kernel has it
    _isPart = False  # what is sent belongs to what had room
    _hasMoved = True  # the peer has taken something lately
    _isLeaving = False
    _peerEnded = False  # its half of TCP: there is no more to wait for
    _readsNot = False  # the application has paused us: silence is our own doing
    _turnEnds = 0.0  # on the clock
    _rest: IDelayedCall | None = None  # it is over, and the next one comes
    _isLastTurn = False  # it does not
    _lastBytes: int | None = None  # TCP is over: what may still be handed over of what was read
    _wasOpened = False
    _deaf = False  # closing: no message reaches the handler any more

    # What the handler asks of the channel.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        `IMessageChannel.registerProducer`.
        """
        if self._isLeaving:
            # As Twisted does where the connection is gone.
            producer.stopProducing()
        elif self._queue is None:
            raise NotOpen("a producer is for an open connection")
        else:
            self._queue.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        `IMessageChannel.unregisterProducer`.
        """
        if self._queue is not None:
            self._queue.unregisterProducer()

    def sendTogether(self, payloads: Iterable[bytes], isBinary: bool = False) -> None:
        """
        `IMessageChannel.sendTogether`.
        """
        try:
            for payload in payloads:
                self.sendMessage(payload, isBinary)
                self._isPart = True
        finally:
            self._isPart = False

    def drained(self) -> Deferred[None]:
        """
        `IMessageChannel.drained`.
        """
        return succeed(None) if self._queue is None else self._queue.drained()

    def pauseReading(self) -> None:
        """
        `IMessageChannel.pauseReading`.
        """
        # At the end there is nothing to hand over, and what the peer says to it is to be read.
        if self._deaf or self._lastBytes is not None:
            return
        self._readsNot = True
        if self._wasOpened:
            self.transport.pauseProducing()

    def resumeReading(self) -> None:
        """
        `IMessageChannel.resumeReading`.
        """
        if not self._wasOpened:
            self._readsNot = False
        elif self._readsNot:
            self._deadline.restart()
            self._readOn()

    # What differs between the protocols.

    def sendMessage(self, payload: bytes, isBinary: bool = False) -> None:
        """
        `IMessageChannel.sendMessage`.
        """
        raise NotImplementedError

    def _goOn(self) -> None:
        """
        Hand over what was read, and held back by `pauseReading`.
        """
        raise NotImplementedError

    # What they share.

    def _readOn(self) -> None:
        """
        Read again if the application has paused us; at the end, too, for the peer's part in it.
        """
        if self._readsNot:
            self._readsNot = False
            if self._rest is None:
                self.transport.resumeProducing()
                self._goOn()

    @property
    def _isHeldBack(self) -> bool:
        """
        Whether we don't read: silence means nothing.
        """
        return self._readsNot or self._rest is not None

    def _turnBegins(self) -> None:
        self._turnEnds = self._deadline.clock.seconds() + TURN

    def _holdsBack(self) -> bool:
        """
        Whether what has come waits; asked before each step.
        """
        if self._readsNot or self._rest is not None:
            return True
        clock = self._deadline.clock
        if clock.seconds() <= self._turnEnds:
            return False
        if self._lastBytes is not None:
            return self._isLastTurn
        self._rest = clock.callLater(0, self._nextTurn)
        self.transport.pauseProducing()
        return True

    def _nextTurn(self) -> None:
        self._rest = None
        self._goOn()
        if not self._isHeldBack:
            self.transport.resumeProducing()

    def _isOverrun(self, waiting: int) -> bool:
        """
        Whether a transport that can't pause has brought too much.
        """
        return self._isHeldBack and waiting > self._limits.maxMessage + MAX_HELD

    def _finishReading(self, reason: Failure) -> None:
        """
        TCP is over while something is held back: hand over what was read before, up to a bound,
        for there is no later. Who has thrown the connection away wants nothing more; and of a peer
        that is cut off it is no more than a turn has room for, lest many that are cut off together
        keep all others waiting.
        """
        isPaused = self._isHeldBack and self._wasOpened
        rest, self._readsNot, self._rest = self._rest, False, None
        if rest is not None:
            rest.cancel()
            self._isLastTurn = reason.check(ConnectionDone) is None
        if isPaused and not (self._deaf or reason.check(ConnectionAborted)):
            self._lastBytes = self._limits.maxMessage + MAX_HELD
            self._goOn()

    def _spend(self, payload: bytes) -> None:
        assert self._lastBytes is not None, "TCP is over"
        self._lastBytes -= len(payload)
        if self._lastBytes < 0:
            self._deaf = True

    def _dropProducer(self) -> None:
        """
        A producer keeps the transport open as long as it is registered, and a transport that is
        not read from doesn't see the peer leave.
        """
        self._isLeaving = True
        self._readOn()
        self.unregisterProducer()

    def _sends(self) -> None:
        """
        From now on what the transport doesn't take waits.
        """
        self._queue = SendQueue(
            self.transport, self._limits.maxSendQueue, self._moved, self.traffic
        )

    def _write(self, data: bytes) -> None:
        """
        Send, now or later.
        """
        if self._queue is None:
            self.transport.write(data)
        else:
            self._queue.write(data)

    def _admits(self, size: int) -> bool:
        """
        Whether a message has room among what waits to be sent; if not, do what is to be done.

        :raises SendQueueFull: that.
        """
        if self._queue is None or self._isPart or self._queue.hasRoom(size):
            self.traffic.messagesOut += 1
            self.traffic.bytesOut += size
            return True
        if self.fullQueue == "raise":
            raise SendQueueFull(f"more than {self._limits.maxSendQueue} bytes wait to be sent")
        if self.fullQueue == "close":
            self._overflowed()
        else:
            self.traffic.dropped += 1
        return False

    def _overflowed(self) -> None:
        """
        Close: who reads nothing gets nothing more but that.
        """
        raise NotImplementedError

    def _wait(self, seconds: float, late: Callable[[], object]) -> None:
        """
        Wait for the peer, from when it can have what was sent: until then as long as it takes
        something at all.
        """
        self._whenSent(lambda: self._deadline.set(seconds, late))

    def _end(self, late: Callable[[], object]) -> None:
        """
        Send what waits, and end TCP.

        :param late: called when the peer doesn't let it end.
        """
        self._whenSent(lambda: self._endNow(late))

    def _whenSent(self, do: Callable[[], object]) -> None:
        queue = self._queue
        if queue is None:
            do()
            return
        if not queue.isEmpty:
            self._deadline.set(self._limits.idleTimeout, self._stuck)
        queue.whenEmpty(do)

    def _endNow(self, late: Callable[[], object]) -> None:
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.leave()
        leave(self.transport, self._deadline, self._limits.closeTimeout, late)
        if self._peerEnded:
            self.transport.loseConnection()

    def _giveUp(self) -> None:
        """
        Wait no longer for the end of TCP: what the kernel has it goes on to send by itself.
        """
        if self._wasSent:
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()

    def _moved(self) -> None:
        """
        The peer has taken something, which is life in one that is to take the rest.
        """
        self._hasMoved = True
        if self._deaf or self._isLeaving:
            self._deadline.restart()

    def _isStalled(self) -> bool:
        """
        Whether the peer has taken nothing of what waits since this was asked before.
        """
        isFull = self._queue is not None and self._queue.isFull
        hasMoved, self._hasMoved = self._hasMoved, False
        return isFull and not hasMoved

    def _stuck(self) -> None:
        """
        The peer takes nothing of what it is owed.
        """
        raise NotImplementedError
