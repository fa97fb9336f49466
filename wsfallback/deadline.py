"""
The one thing that a connection waits for, and for how long.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadline:
    """
    At most one wait at a time; a new one replaces the last.

    :ivar clock: of all that the connection does.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._call: IDelayedCall | None = None
        self._seconds = 0.0
        self.late: Callable[[], object] = _nothing

    def set(self, seconds: float, late: Callable[[], object]) -> None:
        """
        Wait anew.

        :param late: called after so many seconds, unless something else is set before.
            It may be replaced while the wait goes on, as an attribute.
        """
        self.cancel()
        self._seconds = seconds
        self.late = late
        self._call = self.clock.callLater(seconds, self._over)

    def restart(self) -> None:
        """
        Begin the present wait again from now.
        """
        if self._call is not None:
            self._call.reset(self._seconds)

    def cancel(self) -> None:
        """
        Wait for nothing.
        """
        call, self._call, self.late = self._call, None, _nothing
        if call is not None:
            call.cancel()

    def _over(self) -> None:
        late, self._call, self.late = self.late, None, _nothing
        late()


def _nothing() -> None:
    """
    Nobody waits.
    """
