"""
So many a second: `Bucket`, and `Meter`, which holds one connection to the limits of that kind.
"""

from collections.abc import Callable

from wsfallback.errors import FrameError
from wsfallback.policy import FREE_FRAGMENTS, Limits

#: Bytes of the heads of as many frames as a message may have for nothing: RFC 6455 §5.2.
_HEADS = FREE_FRAGMENTS * 14


class Bucket:
    """
    A token bucket, full at first.
    """

    __slots__ = ("_left", "_rate", "_since", "_size")

    def __init__(self, rate: float, size: float, now: float) -> None:
        """
        :param rate: how many tokens come in a second.
        :param size: how many there can be at once.
        :param now: the time in seconds, as all that follow.
        """
        self._rate = rate
        self._size = self._left = size
        self._since = now

    def refill(self, now: float) -> None:
        """
        Put in what has come since the last time; what was granted beyond the size goes as fast.
        """
        come = max(0.0, now - self._since) * self._rate  # a clock may be set back
        if self._left < self._size:
            self._left = min(self._size, self._left + come)
        else:
            self._left = max(self._size, self._left - come)
        self._since = now

    def grant(self, now: float) -> None:
        """
        Put in what has come since the last time, be it more than there is room for.
        """
        self._left += max(0.0, now - self._since) * self._rate
        self._since = now

    def take(self, tokens: int) -> bool:
        """
        Take some out, if there are so many.
        """
        if tokens > self._left:
            return False
        self._left -= tokens
        return True

    def isFull(self, now: float) -> bool:
        """
        Whether it is as one that is new.
        """
        self.refill(now)
        return self._left >= self._size

    def wait(self, tokens: int) -> float:
        """
        Seconds until there are so many.
        """
        return max(0.0, tokens - self._left) / self._rate


class Meter:
    """
    Counts what comes on one connection, as it is on the wire.

    The time is asked for once for each segment, however many frames are in it.
    """

    __slots__ = ("_bytes", "_clock", "_limits", "_messages")

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        """
        :param clock: `IReactorTime.seconds`.
        """
        self._limits, self._clock = limits, clock
        now = clock()
        self._messages = self._bytes = None
        if limits.maxMessageRate is not None:
            self._messages = Bucket(limits.maxMessageRate, limits.maxMessageRate, now)
        if limits.maxByteRate is not None:
            # A client can't know that it should send a message slowly which it may send.
            room = max(limits.maxByteRate, limits.maxMessage + _HEADS)
            self._bytes = Bucket(limits.maxByteRate, room, now)

    def came(self, size: int) -> None:
        """
        A segment has come.

        :param size: in bytes.
        :raises FrameError: 1008: that was too much.
        """
        now = self._clock()
        if self._messages is not None:
            self._messages.refill(now)
        if self._bytes is not None:
            self._bytes.refill(now)
            if not self._bytes.take(size):
                raise FrameError(1008, f"more than {self._limits.maxByteRate} bytes a second")

    def begun(self) -> None:
        """
        A message begins, or a control frame, or one that is discarded.

        :raises FrameError: 1008: that was one too many.
        """
        if self._messages is not None and not self._messages.take(1):
            raise FrameError(1008, f"more than {self._limits.maxMessageRate} messages a second")

    def paused(self) -> None:
        """
        From now on nothing is read.
        """
        now = self._clock()
        for bucket in self._messages, self._bytes:
            if bucket is not None:
                bucket.refill(now)

    def resumed(self) -> None:
        """
        It is again, and what the client has sent meanwhile comes at once.
        """
        now = self._clock()
        for bucket in self._messages, self._bytes:
            if bucket is not None:
                bucket.grant(now)


def meterFor(limits: Limits, clock: Callable[[], float]) -> Meter | None:
    """
    A meter, where there is something to be measured.
    """
    if limits.maxMessageRate is None and limits.maxByteRate is None:
        return None
    return Meter(limits, clock)
