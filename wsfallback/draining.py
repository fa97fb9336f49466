"""
`Connections`: who is connected now, and how all of them end.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import Interface

from wsfallback.deadline import Deadline

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: Seconds for the end of what is aborted, which comes in a later turn of the reactor.
GRACE = 1.0


class IConnection(Interface):
    """
    A connection, whoever has it now.
    """

    def goAway() -> None:
        """
        End in order: finish what has begun, tell the peer, and leave.
        """

    def abort() -> None:
        """
        End at once.
        """


class Connections:
    """
    The present connections of a server.

    :ivar areWelcome: whether there may be more.
    """

    def __init__(self, clock: IReactorTime) -> None:
        # Weak: a resource of the site may take a transport for itself, and then nobody says when
        # its connection ended; and a Deferred that nobody can fire is not to be kept.
        self._present: WeakSet[Any] = WeakSet()
        self._endings: WeakSet[Deferred[Any]] = WeakSet()
        self._waiting: list[Deferred[None]] = []
        self._deadline = Deadline(clock)
        self.welcome()

    def welcome(self) -> None:
        """
        From now on there may be connections.
        """
        self.areWelcome = True
        self._isCut = False

    def began(self, connection: IConnection) -> None:
        """
        There is one more.
        """
        self._present.add(connection)

    def ended(self, connection: IConnection, ending: Deferred[Any] | None) -> None:
        """
        There is one less.

        :param ending: what its handler still does; cancelled where there is no time for it, and
            fails never.
        """
        self._present.discard(connection)
        if ending is not None:
            self._endings.add(ending)
            ending.addBoth(self._finished, ending)
            if self._isCut:
                ending.cancel()
        self._check()

    def drain(self, seconds: float) -> Deferred[None]:
        """
        Tell all to go, wait for it, and end what is left then.

        :param seconds: for what is to go in order; 0 to end all at once, now or while another call
            is being waited for.
        :returns: fires when nothing is left.
        """
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        isFirst, self.areWelcome = self.areWelcome, False
        if not seconds:
            self._cut()
        elif not self._isCut:
            self._deadline.set(seconds, self._cut)
            if isFirst and self._present:
                _log.info("telling {count} connection(s) to go", count=len(self._present))
                self._each(lambda connection: connection.goAway())
        self._check()
        return done

    def _cut(self) -> None:
        """
        End what is left.
        """
        self._isCut = True
        if self._present:
            _log.info("cutting {count} connection(s)", count=len(self._present))
        self._deadline.set(GRACE, self._finish)
        self._each(lambda connection: connection.abort())
        for ending in list(self._endings):
            ending.cancel()
        self._check()

    def _each(self, do: Callable[[Any], object]) -> None:
        for connection in list(self._present):
            try:
                do(connection)
            except Exception:
                # It may be anybody's protocol; the others are to hear of it all the same.
                _log.failure("a connection can't be ended")

    def _finished(self, result: object, ending: Deferred[Any]) -> object:
        self._endings.discard(ending)
        self._check()
        return result

    def _check(self) -> None:
        if self._waiting and not (self._present or self._endings):
            self._finish()

    def _finish(self) -> None:
        self._deadline.cancel()
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)
