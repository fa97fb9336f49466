"""
`Gathered`: what the workers of a server have counted, as if they were one.
"""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from wsfallback.snapshot import Snapshot, merge
from wsfallback.stats import Statistics

#: What a worker is asked: it answers with its ``pid`` and its ``snapshot``.
COMMAND = "snapshot"


class Gathered:
    """
    Asks the workers, and remembers what those had counted that have ended since.

    Of a worker that died it is what it said when it was asked last.
    """

    def __init__(
        self,
        clock: IReactorTime,
        ask: Callable[[str], Deferred[list[Any]]],
        present: Callable[[], Iterable[int]],
    ) -> None:
        """
        :param ask: asks all workers, and gives the answers of those that have one.
        :param present: the process ids of the workers that there are now.
        """
        self._ask = ask
        self._present = present
        # Nobody's: there may be no worker, and the counting began here.
        self._past: Snapshot = Statistics(clock).snapshot()
        self._known: dict[int, Snapshot] = {}
        # Whose answer to another question may still come: not to be counted twice. No more than
        # there are process ids.
        self._ended: set[int] = set()
        self._clock = clock

    def snapshot(self) -> Deferred[Snapshot]:
        """
        All of it as it is now.

        A worker that doesn't answer has what it had before.
        """
        return self._ask(COMMAND).addCallback(self._summed)

    def _summed(self, answers: list[Any]) -> Snapshot:
        present = set(self._present())
        self._ended -= present
        self._known |= {
            each["pid"]: each["snapshot"] for each in answers if each["pid"] not in self._ended
        }
        for pid in self._known.keys() - present:
            self._past = merge([self._past, _ended(self._known.pop(pid))])
            self._ended.add(pid)
        whole = merge([self._past, *self._known.values()])
        return {**whole, "time": self._clock.seconds()}


def _ended(snapshot: Snapshot) -> Snapshot:
    """
    What is left of a process: it has no open connections, and no history to go on.
    """
    return {
        **snapshot,
        "drafts": {name: {**row, "open": 0} for name, row in snapshot["drafts"].items()},
        "history": {"step": 0, "end": 0, "open": {}},
    }
