"""
`Flow`: who waits for whom on a connection, in both directions, at either end and on every draft.
"""

from typing import Any

from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure

from wsfallback.deadline import Deadline
from wsfallback.policy import Limits

#: Bytes that may wait for the handler's decision. Reading is paused meanwhile, so these are what
#: came with the request; Twisted reads 64 KiB at a time, TLS adds a record.
MAX_HELD = 1 << 18

#: Why a connection fails that brings more while it is paused.
OVERRUN = "the application doesn't read what comes"


class Flow:
    """
    The socket pauses a producer; the application pauses what is read.
    """

    transport: Any

    _limits: Limits
    _deadline: Deadline

    _hasProducer = _isLeaving = False
    _readsNot = False  # the application has paused us: silence is our own doing
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
            return
        self._hasProducer = True
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        `IMessageChannel.unregisterProducer`.
        """
        self._hasProducer = False
        self.transport.unregisterProducer()

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
            self.transport.resumeProducing()
            self._goOn()

    def _isOverrun(self, waiting: int) -> bool:
        """
        Whether a transport that can't pause has brought too much.
        """
        return self._readsNot and waiting > self._limits.maxMessage + MAX_HELD

    def _finishReading(self, reason: Failure) -> None:
        """
        TCP is over while the application has paused us: hand over what was read before, up to a
        bound, for there is no later. Who has thrown the connection away wants nothing more.
        """
        isPaused, self._readsNot = self._readsNot and self._wasOpened, False
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
        if self._hasProducer:
            self.unregisterProducer()
