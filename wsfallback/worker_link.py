"""
What a worker and its parent say to each other: a line of JSON each, over two pipes.

::

    parent                              worker
                                        {"ready": true}
    {"ask": 1, "command": "snapshot"}
                                        {"answer": 1, "value": {...}}
    {"tell": "stop"}
    {"tell": "hurry"}

An answer that can't be given is ``{"answer": 1, "error": "..."}``.
When the pipes end, the other side has gone.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

#: Bytes of a line: of an answer, mostly.
MAX_LINE = 1 << 22

#: Seconds that a worker has for an answer.
ANSWER_TIMEOUT = 2.0

#: The descriptors of a worker: what its parent says, what it says itself, and its sockets.
FROM_PARENT, TO_PARENT, FIRST_SOCKET = 3, 4, 5


class NoAnswer(Exception):
    """
    A worker has not answered: it could not, it is too late, or it has gone.
    """


class Lines:
    """
    Bytes in, lines out.
    """

    def __init__(self, most: int = MAX_LINE) -> None:
        """
        :param most: bytes of a line.
        """
        self._most = most
        self._begun = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        The lines that are complete now, without their ends.

        A line that is too long comes in pieces.
        """
        first, *others = data.split(b"\n")
        self._begun += first
        for each in others:
            yield from self._pieces()
            yield bytes(self._begun)
            self._begun[:] = each
        yield from self._pieces()

    def rest(self) -> bytes:
        """
        What came after the last end of a line.
        """
        rest = bytes(self._begun)
        self._begun.clear()
        return rest

    def _pieces(self) -> Iterator[bytes]:
        while len(self._begun) > self._most:
            yield bytes(self._begun[: self._most])
            del self._begun[: self._most]


class ParentLink:
    """
    The parent's end.

    :ivar isReady: whether the worker serves.
    """

    def __init__(
        self, clock: IReactorTime, write: Callable[[bytes], object], ready: Callable[[], object]
    ) -> None:
        """
        :param write: sends bytes to the worker.
        :param ready: called when the worker serves.
        """
        self._clock = clock
        self._write = write
        self._ready = ready
        self._lines = Lines()
        self._last = 0
        self._asked: dict[int, Deferred[Any]] = {}
        self.isReady = False

    def tell(self, word: str) -> None:
        """
        Say something that has no answer.

        :param word: ``stop``: end in order; ``hurry``: end now.
        """
        self._send({"tell": word})

    def ask(self, command: str, seconds: float = ANSWER_TIMEOUT) -> Deferred[Any]:
        """
        Ask the worker.

        :param seconds: for the answer.
        :returns: what its ``answer`` returned, through JSON; fails with `NoAnswer`.
        """
        self._last += 1
        number = self._last

        def cancelled(asked: Deferred[Any]) -> None:
            asked.errback(NoAnswer(f"it took longer than {seconds:g} s"))

        asked: Deferred[Any] = Deferred(cancelled)
        self._asked[number] = asked
        late = self._clock.callLater(seconds, asked.cancel)

        def over(result: Any) -> Any:
            self._asked.pop(number, None)
            if late.active():
                late.cancel()
            return result

        self._send({"ask": number, "command": command})
        return asked.addBoth(over)

    def dataReceived(self, data: bytes) -> None:
        """
        The worker says something.

        :raises ValueError: nothing that it can have said.
        """
        for line in self._lines.feed(data):
            said = json.loads(line)
            if "ready" in said:
                self.isReady = True
                self._ready()
                continue
            asked = self._asked.pop(said.get("answer"), None)
            if asked is None:
                continue  # too late
            if "error" in said:
                asked.errback(NoAnswer(said["error"]))
            else:
                asked.callback(said["value"])

    def lost(self) -> None:
        """
        The worker has gone.
        """
        self.isReady = False
        for asked in list(self._asked.values()):
            asked.errback(NoAnswer("it has gone"))

    def _send(self, said: dict[str, Any]) -> None:
        self._write(json.dumps(said).encode() + b"\n")


class WorkerLink(Protocol):
    """
    The worker's end.
    """

    transport: Any

    def __init__(
        self,
        answer: Callable[[str], Any],
        told: Callable[[str], object],
        gone: Callable[[], object],
    ) -> None:
        """
        :param answer: called with a command; returns what JSON can carry, or a Deferred of that.
            What it raises is the parent's to know.
        :param told: called with a word that has no answer.
        :param gone: called when the parent has gone.
        """
        self._answer = answer
        self._told = told
        self._gone = gone
        self._lines = Lines()

    def ready(self) -> None:
        """
        Tell the parent that we serve.
        """
        self._send({"ready": True})

    def dataReceived(self, data: bytes) -> None:
        """
        The parent says something.
        """
        for line in self._lines.feed(data):
            said = json.loads(line)
            if "tell" in said:
                self._told(said["tell"])
            else:
                answering = maybeDeferred(self._answer, said["command"])
                answering.addCallback(self._answered, said["ask"])
                answering.addErrback(self._failed, said["ask"])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The parent has gone.
        """
        self._gone()

    def _answered(self, value: Any, number: int) -> None:
        self._send({"answer": number, "value": value})

    def _failed(self, failure: Failure, number: int) -> None:
        _log.failure("a question of the parent has no answer", failure)
        self._send({"answer": number, "error": failure.getErrorMessage()[:1000]})

    def _send(self, said: dict[str, Any]) -> None:
        line = json.dumps(said).encode()
        if len(line) > MAX_LINE:
            raise ValueError(f"an answer of {len(line)} bytes, more than {MAX_LINE}")
        self.transport.write(line + b"\n")
