"""
`SendQueue`: what one connection has to send, and its transport doesn't take yet.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from wsfallback.record import Traffic

#: Bytes that are handed to the transport in one: what Twisted's wants at least.
_CHUNK = 1 << 16
#: Bytes: shorter writes wait together, since each object costs some 50 beside its own.
_SHORT = 1 << 10


@implementer(IPushProducer)
class SendQueue:
    """
    Stands before a transport as its producer, from open to close.

    While the transport is full, as it says by pausing us, what is written waits here, where it
    is counted; so the transport itself holds 64 KiB and one write. An application's own producer
    is paused for as long as anything waits.

    :ivar isFull: the transport takes nothing now.
    """

    __slots__ = (
        "__weakref__",
        "_bound",
        "_draining",
        "_moved",
        "_next",
        "_producer",
        "_pulls",
        "_size",
        "_traffic",
        "_transport",
        "_waiting",
        "isFull",
    )

    def __init__(
        self, transport: Any, bound: int, moved: Callable[[], object], traffic: Traffic
    ) -> None:
        """
        :param bound: of what waits, in bytes; one write always has room where nothing waits.
        :param moved: called when the transport has taken more.
        :param traffic: is told of the most that has waited.
        """
        self.isFull = False
        self._transport = transport
        self._bound = bound
        self._moved = moved
        self._traffic = traffic
        # An empty deque has 700 bytes, and most connections never need one.
        self._waiting: deque[bytes | bytearray] | None = None
        self._size = 0
        self._producer: Any = None
        self._pulls = False
        self._next: Callable[[], object] | None = None
        self._draining: tuple[Deferred[None], ...] = ()
        transport.registerProducer(self, True)

    @property
    def isEmpty(self) -> bool:
        """
        Nothing waits, here or for long in the transport.
        """
        return not (self._waiting or self.isFull)

    def hasRoom(self, size: int) -> bool:
        """
        Whether so many bytes may be written.
        """
        return not self._waiting or self._size + size <= self._bound

    def write(self, data: bytes) -> None:
        """
        Send, now or later.
        """
        if self.isFull:
            self._keep(data)
            self._size += len(data)
            self._traffic.queueHigh = max(self._traffic.queueHigh, self._size)
        else:
            self._hand(data)

    def clear(self) -> None:
        """
        Send nothing of what waits. Each write was whole frames, so that others may follow.
        """
        self._waiting = None
        self._size = 0

    def drained(self) -> Deferred[None]:
        """
        :returns: fires when nothing waits, or when it never will be sent.
        """
        done: Deferred[None] = Deferred()
        if self.isEmpty:
            done.callback(None)
        else:
            self._draining += (done,)
        return done

    def whenEmpty(self, do: Callable[[], object]) -> None:
        """
        Do something when nothing waits; it takes the place of what was to be done then.
        """
        self._next = None
        if self.isEmpty:
            do()
        else:
            self._next = do

    def leave(self) -> None:
        """
        Be the transport's producer no more, which then may end.
        """
        self._next = None
        self._transport.unregisterProducer()

    # The application's producer.

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        As `twisted.internet.interfaces.IConsumer`.
        """
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        self._producer = producer
        if not streaming:
            # The transport pulls us then, and we pull the producer.
            self._pulls = True
            self._transport.unregisterProducer()
            self._transport.registerProducer(self, False)
        elif self.isFull:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        It is done; without one, nothing.
        """
        self._producer = None
        if self._pulls:
            self._pulls = False
            self._transport.unregisterProducer()
            self._transport.registerProducer(self, True)
            # From now on it says by itself when it is full.
            self._flush()

    # IPushProducer: what the transport says.

    def pauseProducing(self) -> None:
        """
        It is full.
        """
        self.isFull = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """
        It has sent what it had.
        """
        self._moved()
        self._flush()
        if self.isFull:
            return
        do, self._next = self._next, None
        draining, self._draining = self._draining, ()
        for done in draining:
            done.callback(None)
        if do is not None:
            do()
        if self._producer is not None:
            self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """
        It never will send anything again.
        """
        self.clear()
        self.isFull = False
        self._next, self._moved = None, _nothing
        producer, self._producer = self._producer, None
        draining, self._draining = self._draining, ()
        for done in draining:
            done.callback(None)
        if producer is not None:
            producer.stopProducing()

    # Within.

    def _keep(self, data: bytes) -> None:
        if self._waiting is None:
            self._waiting = deque()
        if len(data) >= _SHORT:
            self._waiting.append(data)
            return
        last = self._waiting[-1] if self._waiting else None
        if isinstance(last, bytearray) and len(last) < _CHUNK:
            last += data
        else:
            self._waiting.append(bytearray(data))

    def _flush(self) -> None:
        self.isFull = False
        while self._waiting and not self.isFull:
            self._hand(self._taken(self._waiting))

    def _hand(self, data: bytes) -> None:
        # One that is pulled is asked again when this is sent.
        self.isFull = self._pulls
        self._transport.write(data)

    def _taken(self, waiting: deque[bytes | bytearray]) -> bytes:
        parts: list[bytes | bytearray] = []
        size = 0
        while waiting and size < _CHUNK:
            parts.append(waiting.popleft())
            size += len(parts[-1])
        self._size -= size
        return b"".join(parts)


def _nothing() -> None:
    """
    The connection is over, and is not to be kept.
    """
