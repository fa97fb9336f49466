"""
What a worker and its parent say to each other: a line of JSON each, over two pipes.

::

    parent                              worker
                                        {"ready": true}
    {"ask": 1, "command": "snapshot"}
                                        {"answer": 1, "value": {...}}
                                        {"ask": 1, "command": "snapshot"}
    {"answer": 1, "value": {...}}
    {"tell": "stop"}
    {"tell": "hurry"}

Either side may ask.
An answer that can't be given is ``{"answer": 1, "error": "..."}``.
When the pipes end, the other side has gone.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

#: Bytes of a line: of an answer, mostly.
MAX_LINE = 1 << 22

#: Seconds for an answer.
ANSWER_TIMEOUT = 2.0

#: The descriptors of a worker: what its parent says, what it says itself, and its sockets.
FROM_PARENT, TO_PARENT, FIRST_SOCKET = 3, 4, 5


class NoAnswer(Exception):
    """
    The other side has not answered: it could not, it is too late, or it has gone.
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


class Conversation:
    """
    What both ends do alike: ask and answer.

    :ivar isSilent: whether the other side owes an answer for too long, and has given none since.
    """

    def __init__(
        self,
        clock: IReactorTime,
        answer: Callable[[str], Any],
        write: Callable[[bytes], object],
    ) -> None:
        """
        :param answer: called with a command; returns what JSON can carry, or a Deferred of that.
            What it raises is the other side's to know.
        :param write: sends bytes to the other side.
        """
        self._clock = clock
        self._answer = answer
        self._write = write
        self._lines = Lines()
        self._last = 0
        self.isSilent = False
        self._asked: dict[int, Deferred[Any]] = {}

    def ask(self, command: str, seconds: float = ANSWER_TIMEOUT) -> Deferred[Any]:
        """
        Ask the other side; or, while it is silent, nobody: it may hang, and what it is asked is
        kept until it reads that.

        :param seconds: for the answer.
        :returns: what its ``answer`` returned, through JSON; fails with `NoAnswer`.
        """
        if self.isSilent:
            return fail(NoAnswer("it has not answered the last time"))
        self._last += 1
        number = self._last

        def isLate() -> None:
            self.isSilent = True
            asked.cancel()

        def cancelled(asked: Deferred[Any]) -> None:
            asked.errback(NoAnswer(f"it took longer than {seconds:g} s"))

        asked: Deferred[Any] = Deferred(cancelled)
        self._asked[number] = asked
        late = self._clock.callLater(seconds, isLate)

        def over(result: Any) -> Any:
            self._asked.pop(number, None)
            if late.active():
                late.cancel()
            return result

        self.say({"ask": number, "command": command})
        return asked.addBoth(over)

    def heard(self, data: bytes) -> Iterator[dict[str, Any]]:
        """
        Take what the other side says.

        :returns: what was neither a question nor an answer.
        :raises ValueError: nothing that it can have said.
        """
        for line in self._lines.feed(data):
            said = json.loads(line)
            if "ask" in said:
                answering = maybeDeferred(self._answer, said["command"])
                answering.addCallback(self._answered, said["ask"])
                answering.addErrback(self._failed, said["ask"])
            elif "answer" in said:
                self.isSilent = False
                self._hasAnswered(said)
            else:
                yield said

    def say(self, said: dict[str, Any]) -> None:
        """
        Say something.

        :raises ValueError: it is too long.
        """
        line = json.dumps(said).encode()
        if len(line) > MAX_LINE:
            raise ValueError(f"{len(line)} bytes, more than {MAX_LINE}")
        self._write(line + b"\n")

    def over(self) -> None:
        """
        The other side has gone.
        """
        for asked in list(self._asked.values()):
            asked.errback(NoAnswer("it has gone"))

    def _hasAnswered(self, said: dict[str, Any]) -> None:
        asked = self._asked.pop(said["answer"], None)
        if asked is None:
            return  # too late
        if "error" in said:
            asked.errback(NoAnswer(said["error"]))
        else:
            asked.callback(said["value"])

    def _answered(self, value: Any, number: int) -> None:
        self.say({"answer": number, "value": value})

    def _failed(self, failure: Failure, number: int) -> None:
        _log.failure("a question has no answer", failure)
        self.say({"answer": number, "error": failure.getErrorMessage()[:1000]})


class ParentLink(Conversation):
    """
    The parent's end.

    :ivar isReady: whether the worker serves.
    """

    def __init__(
        self,
        clock: IReactorTime,
        answer: Callable[[str], Any],
        write: Callable[[bytes], object],
        ready: Callable[[], object],
    ) -> None:
        """
        :param ready: called when the worker serves.
        """
        super().__init__(clock, answer, write)
        self._ready = ready
        self.isReady = False

    def tell(self, word: str) -> None:
        """
        Say something that has no answer.

        :param word: ``stop``: end in order; ``hurry``: end now.
        """
        self.say({"tell": word})

    def dataReceived(self, data: bytes) -> None:
        """
        The worker says something.

        :raises ValueError: nothing that it can have said.
        """
        for said in self.heard(data):
            if "ready" in said:
                self.isReady = True
                self._ready()

    def lost(self) -> None:
        """
        The worker has gone.
        """
        self.isReady = False
        self.over()


class WorkerLink(Conversation, Protocol):
    """
    The worker's end.
    """

    transport: Any

    def __init__(
        self,
        clock: IReactorTime,
        answer: Callable[[str], Any],
        told: Callable[[str], object],
        gone: Callable[[], object],
    ) -> None:
        """
        :param told: called with a word that has no answer.
        :param gone: called when the parent has gone.
        """
        super().__init__(clock, answer, lambda line: self.transport.write(line))
        self._told = told
        self._gone = gone

    def ready(self) -> None:
        """
        Tell the parent that we serve.
        """
        self.say({"ready": True})

    def dataReceived(self, data: bytes) -> None:
        """
        The parent says something.
        """
        for said in self.heard(data):
            self._told(said["tell"])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The parent has gone.
        """
        self.over()
        self._gone()
