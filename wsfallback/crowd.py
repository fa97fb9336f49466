"""
`Crowd`: who is connected to a server, how far they have come, and how many there may be.

Each connection has a `Place`, from the start to the end. Those that aren't open are a crowd of
their own: when it is full the newcomer comes in all the same, and who has waited longest goes, as
in the kernel's cache of half-open connections. So no number of clients that stall keeps a good
one out, as long as it takes less time than they need to come back.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import Enum
from math import ceil
from typing import Protocol

from wsfallback.addresses import UNKNOWN, Network, isWithin, source
from wsfallback.errors import HandshakeError
from wsfallback.policy import Limits
from wsfallback.rates import Bucket

#: How many addresses are remembered that have no connection now, but have had too many lately.
MAX_ABSENT = 10000


class Stage(Enum):
    """
    How far a connection has come.
    """

    # Each is one object; Enum's own hash is that of the name, and made anew each time.
    __hash__ = object.__hash__

    OUTSIDE = "not here, or not any more"
    WAITING = "we wait for the client: TLS, the head, key3"
    ASKING = "the client waits for us: the application decides"
    OPEN = "open, whoever has it now"
    LEAVING = "refused; it has its answer, and TCP ends"


class Guest(Protocol):
    """
    A connection that may lose its place.
    """

    def evict(self) -> None:
        """
        Leave at once: the place is needed.
        """


class Place:
    """
    One connection's.
    """

    __slots__ = ("_crowd", "_guest", "_source", "stage")

    def __init__(self, crowd: "Crowd", guest: Guest) -> None:
        self._crowd = crowd
        self._guest: Guest | None = guest
        self._source: str | None = None
        self.stage = Stage.OUTSIDE

    def __del__(self) -> None:
        # A resource of the site may take a transport for itself, as Autobahn's WebSocketResource,
        # and then nobody says when its connection ends: it isn't to take a place for ever.
        self.ends()

    def comes(self) -> None:
        """
        The connection is there.

        :raises HandshakeError: 503: there are too many that wait for the application.
        """
        self._crowd.enter(self)

    def isFrom(self, peer: str) -> None:
        """
        Who the client is, is known now.

        :param peer: as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
        :raises HandshakeError: 429: it has too many connections, or comes too often.
        """
        self._source = self._crowd.countIn(peer)

    def checkRoom(self) -> None:
        """
        Before the client is told that it may come in.

        :raises HandshakeError: 503: there are too many that have.
        """
        self._crowd.checkRoom()

    def asks(self) -> None:
        """
        The application takes its time: the client is not to blame for it.
        """
        if self.stage is Stage.WAITING:
            self._crowd.move(self, Stage.ASKING)

    def waits(self) -> None:
        """
        The application has decided, and it is the client's turn, if it is anybody's.
        """
        if self.stage is Stage.ASKING:
            self._crowd.move(self, Stage.WAITING)

    def opens(self) -> None:
        """
        The client is in.
        """
        self._crowd.move(self, Stage.OPEN)

    def refused(self) -> None:
        """
        The client is told that it may not.
        """
        # Who was evicted is told, too, and has no place any more.
        if self.stage in (Stage.WAITING, Stage.ASKING):
            self._crowd.move(self, Stage.LEAVING)

    def ends(self) -> None:
        """
        The connection is over.
        """
        self._crowd.move(self, Stage.OUTSIDE)
        self._guest = None
        if self._source is not None:
            self._crowd.countOut(self._source)
            self._source = None

    def evict(self) -> None:
        """
        Another one needs the place.
        """
        self._crowd.move(self, Stage.OUTSIDE)
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.evict()


class _Source:
    """
    One address, or IPv6 /64.
    """

    __slots__ = ("bucket", "count")

    def __init__(self, bucket: Bucket | None) -> None:
        self.count = 0
        self.bucket = bucket


class Crowd:
    """
    The connections of a server.

    Nothing of it takes longer where there are more of them.
    """

    def __init__(
        self, limits: Limits, trusted: Iterable[Network], clock: Callable[[], float]
    ) -> None:
        """
        :param trusted: networks of proxies: many clients come by the address of one.
        :param clock: `IReactorTime.seconds`.
        """
        self._limits, self._trusted, self._clock = limits, tuple(trusted), clock
        self._counts = dict.fromkeys(Stage, 0)  # of those outside it makes no sense
        # In the order of their coming; the first to go are in the first of these.
        self._queues: dict[Stage, OrderedDict[Place, None]] = {
            Stage.LEAVING: OrderedDict(),
            Stage.WAITING: OrderedDict(),
        }
        self._sources: dict[str, _Source] = {}
        self._absent: OrderedDict[str, None] = OrderedDict()

    def place(self, guest: Guest) -> Place:
        """
        One for a connection that is about to come.
        """
        return Place(self, guest)

    def enter(self, place: Place) -> None:
        """
        `Place.comes`.
        """
        limit = self._limits.maxHandshakes
        while self._handshakes >= limit and self._makeRoom():
            pass
        isFull = self._handshakes >= limit
        self.move(place, Stage.WAITING)
        if isFull:
            raise HandshakeError(503, "Too many handshakes are being decided")

    def checkRoom(self) -> None:
        """
        `Place.checkRoom`.
        """
        if self._counts[Stage.OPEN] >= self._limits.maxConnections:
            raise HandshakeError(503, "There are too many connections")

    def move(self, place: Place, stage: Stage) -> None:
        """
        A connection has come further.
        """
        if place.stage is stage:
            return
        if place.stage in self._queues:
            del self._queues[place.stage][place]
        if stage in self._queues:
            self._queues[stage][place] = None
        self._counts[place.stage] -= 1
        self._counts[stage] += 1
        place.stage = stage

    def countIn(self, peer: str) -> str | None:
        """
        Count one more connection of an address.

        :returns: by which name it was counted; `None` if it wasn't.
        :raises HandshakeError: 429.
        """
        limits = self._limits
        if limits.maxPerAddress is None and limits.maxNewPerAddress is None:
            return None
        name, now = source(peer), self._clock()
        if name == UNKNOWN or (self._trusted and isWithin(peer, self._trusted)):
            return None
        self._forget(now)
        found = self._sources.get(name)
        if found is None:
            rate = limits.maxNewPerAddress
            found = _Source(None if rate is None else Bucket(rate, rate, now))
        if found.bucket is not None:
            found.bucket.refill(now)
            if not found.bucket.take(1):
                seconds = ceil(found.bucket.wait(1))
                raise HandshakeError(
                    429,
                    "There are too many new connections from this address",
                    fields=(("Retry-After", str(seconds)),),
                )
        if limits.maxPerAddress is not None and found.count >= limits.maxPerAddress:
            raise HandshakeError(429, "There are too many connections from this address")
        found.count += 1
        self._sources[name] = found
        self._absent.pop(name, None)
        return name

    def countOut(self, name: str) -> None:
        """
        Count one less.
        """
        found, now = self._sources[name], self._clock()
        found.count -= 1
        if not found.count:
            self._absent[name] = None
        self._forget(now)

    @property
    def present(self) -> int:
        """
        How many connections there are.
        """
        return self._counts[Stage.OPEN] + self._handshakes

    @property
    def _handshakes(self) -> int:
        counts = self._counts
        return counts[Stage.WAITING] + counts[Stage.ASKING] + counts[Stage.LEAVING]

    def _makeRoom(self) -> bool:
        """
        Have one go, if there is one that may be sent away.
        """
        for queue in self._queues.values():
            if queue:
                next(iter(queue)).evict()
                return True
        return False

    def _forget(self, now: float) -> None:
        """
        Forget who has no connection, and may make as many new ones as anybody.

        Without a call in a while: where nobody comes or goes the table doesn't grow, either.
        """
        while self._absent:
            name = next(iter(self._absent))
            bucket = self._sources[name].bucket
            if len(self._absent) <= MAX_ABSENT and bucket is not None and not bucket.isFull(now):
                return
            del self._absent[name], self._sources[name]
