"""
The servers behind a gateway: which of them is next, and which had better be left alone.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from wsfallback.errors import HandshakeError, NoDraftWorked, printable

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: What a client is told, by status.
_SENTENCES = {
    502: "The backend can't be reached",
    504: "The backend does not answer in time",
}

#: Seconds for which a backend that could not be reached is tried after all others.
SKIPPED = 10.0

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Backend:
    """
    One server.

    :ivar url: ``ws://`` or ``wss://``, or HTTP's.
    :ivar open: how many connections it has through us, those that are being made included.
    :ivar skippedUntil: by the clock, when it is trusted again after a failure.
    """

    url: str
    open: int = 0
    skippedUntil: float = field(default=float("-inf"))


class Backends:
    """
    Servers that stand for each other.

    Their health is learnt from traffic: there are no connections but those of clients.
    """

    def __init__(self, urls: Iterable[str], clock: IReactorTime) -> None:
        """
        :raises ValueError: there is none.
        """
        self._clock = clock
        self.all = tuple(Backend(url) for url in urls)
        if not self.all:
            raise ValueError("a gateway needs a backend")

    async def reach(
        self, attempt: Callable[[Backend, float], Awaitable[T]], seconds: float
    ) -> tuple[Backend, T]:
        """
        Try one after the other until one answers.

        :param attempt: tries one, for at most so many seconds. What it raises means that this
            backend could not be reached; what it returns, that it has answered.
        :param seconds: for all of them together.
        :returns: the one that answered, with one more connection in its ``open``, which is the
            caller's to take back; and what the attempt returned.
        :raises HandshakeError: 502 none can be reached, 504 none answers in time.
        """
        end = self._clock.seconds() + seconds
        status = 502
        for backend in self.inTurn():
            remaining = end - self._clock.seconds()
            if remaining <= 0:
                break
            backend.open += 1
            try:
                found = await attempt(backend, remaining)
            except CancelledError:
                backend.open -= 1
                raise
            except Exception as error:
                backend.open -= 1
                self.failed(backend)
                status = 504 if _isLate(error) else 502
                # What Deferred.addTimeout raises says nothing.
                trouble = "no answer in time" if isinstance(error, DeferredTimeout) else str(error)
                _log.info("{url}: {trouble}", url=backend.url, trouble=printable(trouble))
            else:
                self.worked(backend)
                return backend, found
        raise HandshakeError(status, _SENTENCES[status])

    def inTurn(self) -> list[Backend]:
        """
        All of them in the order in which a new connection tries them: those in health first, and
        of these the one with the fewest connections.
        """
        now = self._clock.seconds()
        return sorted(self.all, key=lambda backend: (backend.skippedUntil > now, backend.open))

    def failed(self, backend: Backend) -> None:
        """
        It could not be reached.
        """
        backend.skippedUntil = self._clock.seconds() + SKIPPED

    def worked(self, backend: Backend) -> None:
        """
        It has answered.
        """
        backend.skippedUntil = float("-inf")


def _isLate(error: Exception) -> bool:
    """
    Whether a backend was too slow.
    """
    if isinstance(error, NoDraftWorked):
        error = error.attempts[-1].error
    return isinstance(error, (ConnectTimeout, DeferredTimeout))
