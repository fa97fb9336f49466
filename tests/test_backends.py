"""
The servers behind a gateway.
"""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.backends import SKIPPED, Backend, Backends
from wsfallback.errors import HandshakeError


class BackendsTests(SynchronousTestCase):
    """
    Which is next.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.backends = Backends(["ws://a", "ws://b", "ws://c"], self.clock)

    def order(self) -> str:
        """
        The letters of the backends in turn.
        """
        return "".join(backend.url[-1] for backend in self.backends.inTurn())

    def reach(self, *results: object, seconds: float = 4.0) -> tuple[list[str], Deferred[Any]]:
        """
        Try them; each attempt comes to one of these, an exception or what it returns.

        :returns: the letters of those that were tried; the outcome.
        """
        tried: list[str] = []
        coming = iter(results)

        async def attempt(backend: Backend, remaining: float) -> Any:
            tried.append(backend.url[-1])
            result = next(coming)
            if isinstance(result, Deferred):
                result = await result.addTimeout(remaining, self.clock)
            if isinstance(result, Exception):
                raise result
            return result

        return tried, Deferred.fromCoroutine(self.backends.reach(attempt, seconds))

    def opened(self) -> list[int]:
        """
        How many connections each has.
        """
        return [backend.open for backend in self.backends.all]

    def test_reach(self) -> None:
        """
        The first that answers has one connection more; those before it are passed over from now.
        """
        tried, reaching = self.reach(ValueError("\x1b"), "answer")
        backend, found = self.successResultOf(reaching)
        self.assertEqual((tried, backend.url, found), (["a", "b"], "ws://b", "answer"))
        self.assertEqual(self.opened(), [0, 1, 0])
        self.assertEqual(self.order(), "cba")

    def test_reachNone(self) -> None:
        """
        502, or 504 where the last one took too long.
        """
        for error, status in (
            (ValueError(), 502),
            (ConnectTimeout(), 504),
            (DeferredTimeout(), 504),
        ):
            _, reaching = self.reach(ValueError(), ValueError(), error)
            failure = self.failureResultOf(reaching, HandshakeError)
            self.assertEqual(failure.value.status, status)
            self.assertEqual(self.opened(), [0, 0, 0])

    def test_sentences(self) -> None:
        """
        The client and the log are told what it was.
        """
        for error, sentence, logged in (
            (ValueError("refused"), "can't be reached", "refused"),
            (DeferredTimeout(3.0, "Deferred"), "does not answer in time", "no answer in time"),
        ):
            with capturedLogs() as logs:
                _, reaching = self.reach(error, error, error)
            failure = self.failureResultOf(reaching, HandshakeError)
            self.assertEqual(failure.value.sentence, f"The backend {sentence}")
            self.assertEqual(
                [formatEvent(event) for event in logs],
                [f"ws://{name}: {logged}" for name in "abc"],
            )

    def test_reachInTime(self) -> None:
        """
        All of them have the time together.
        """
        tried, reaching = self.reach(Deferred(), Deferred(), seconds=3.0)
        self.clock.advance(2)
        self.assertNoResult(reaching)
        self.clock.advance(1)
        self.assertEqual(self.failureResultOf(reaching, HandshakeError).value.status, 504)
        self.assertEqual((tried, self.opened()), (["a"], [0, 0, 0]))

    def test_reachCancelled(self) -> None:
        """
        Who is cancelled has nothing to say of a backend.
        """
        tried, reaching = self.reach(Deferred())
        self.assertEqual(self.opened(), [1, 0, 0])
        reaching.cancel()
        self.failureResultOf(reaching, CancelledError)
        self.assertEqual((tried, self.opened(), self.order()), (["a"], [0, 0, 0], "abc"))

    def test_none(self) -> None:
        """
        A gateway needs one.
        """
        self.assertRaises(ValueError, Backends, [], self.clock)

    def test_fewestFirst(self) -> None:
        """
        The one with the fewest connections, and as they were given where they have the same.
        """
        self.assertEqual(self.order(), "abc")
        a, b, _ = self.backends.all
        a.open, b.open = 2, 1
        self.assertEqual(self.order(), "cba")

    def test_failed(self) -> None:
        """
        One that failed is tried last for a while, or until it works.
        """
        a, b, _ = self.backends.all
        self.backends.failed(a)
        self.assertEqual(self.order(), "bca")
        self.clock.advance(SKIPPED - 1)
        self.backends.failed(b)
        self.assertEqual(self.order(), "cab")
        self.clock.advance(1)
        self.assertEqual(self.order(), "acb")
        self.backends.worked(b)
        self.assertEqual(self.order(), "abc")
