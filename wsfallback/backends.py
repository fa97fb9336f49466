"""
The servers behind a gateway: which of them is next, and which had better be left alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from twisted.internet.interfaces import IReactorTime

#: Seconds for which a backend that could not be reached is tried after all others.
SKIPPED = 10.0


@dataclass(slots=True, eq=False)
class Backend:
    """
    One server.

    :ivar url: ``ws://`` or ``wss://``.
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
