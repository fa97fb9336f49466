"""
What a server's end owes its handler besides: to be asked, and to be waited for.
"""

from typing import Any

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Recorder, fail, recorder
from tests.observers import Seen
from wsfallback import DRAFTS, MessageHandler
from wsfallback.admission import ServerForwarding
from wsfallback.applications import Admission, Handlers
from wsfallback.crowd import Crowd, Place
from wsfallback.deadline import Deadline
from wsfallback.drafts.table import RFC_6455, Draft
from wsfallback.engine import EngineFactory
from wsfallback.hixie import HixieServerProtocol
from wsfallback.modern import ModernServerProtocol
from wsfallback.policy import Limits
from wsfallback.record import Record
from wsfallback.request import RequestReader
from wsfallback.testing import CLIENT_ADDRESS, MemoryTransport
from wsfallback.testing import request as openingRequest

TIMEOUT = 5.0
PEER = "tcp4:192.0.2.7:52914"


class Nobody:
    """
    Has a place that nobody needs.
    """

    def evict(self) -> None:
        """
        Never called.
        """


def admission(draft: Draft, handler: Any, clock: Clock) -> tuple[Admission, bytes]:
    """
    What a server has decided on a request, and what is behind the head of that.
    """
    reader = RequestReader(10000)
    request = reader.feed(openingRequest(draft.name, path="/chat?a=b", protocols=["a", "b"]))
    assert request is not None
    limits, deadline = Limits(handshakeTimeout=TIMEOUT), Deadline(clock)
    deadline.set(TIMEOUT, lambda: None)
    admitted = Admission(
        draft=draft,
        request=request,
        application=Handlers(handler),
        address=CLIENT_ADDRESS,
        peer=PEER,
        isSecure=False,
        limits=limits,
        clock=clock,
        deadline=deadline,
        record=Record(1, clock.seconds, Seen()),
        place=Place(Crowd(limits, (), clock.seconds), Nobody()),
    )
    return admitted, reader.rest


class AskingTests(SynchronousTestCase):
    """
    The handler decides.
    """

    def asked(self, handler: Any) -> Deferred[Any]:
        """
        What comes of asking it.
        """
        self.forwarding = ServerForwarding()
        self.forwarding.peer = "tcp4:192.0.2.7:52914"
        admitted, _ = admission(RFC_6455, handler, Clock())
        self.forwarding.admitted(admitted)
        self.request = ConnectionRequest(
            "tcp4:192.0.2.7:52914", {}, "h", "/", {}, 13, "", ["a", "b"], []
        )
        return self.forwarding.onConnect(self.request)

    def decided(self, result: Any) -> Any:
        """
        What comes of this decision.
        """
        return self.asked(recorder(connect=lambda _: result))

    def assertDenied(self, asking: Deferred[Any], status: int) -> ConnectionDeny:
        """
        The one error that there is.
        """
        error: ConnectionDeny = self.failureResultOf(asking, ConnectionDeny).value
        self.assertEqual(error.code, status)
        return error

    def test_theHandler(self) -> None:
        """
        Is made for the connection, and can look at its channel before it decides.
        """
        kind = recorder(connect=lambda handler: seen.append((handler.request, handler.peer)))
        seen: list[Any] = []
        self.successResultOf(self.asked(kind))
        self.assertEqual(seen, [(self.request, "tcp4:192.0.2.7:52914")])
        self.assertIs(kind.made[0].channel, self.forwarding)

    def test_resource(self) -> None:
        """
        Path and query are told as sent.
        """
        self.asked(MessageHandler)
        self.assertEqual(self.forwarding.resource, "/chat?a=b")
        self.assertFalse(self.forwarding.isSecure)

    def test_decisions(self) -> None:
        """
        Whatever form they have, they are given in one.
        """
        fields = {"Set-Cookie": ["a=1", "b=2"]}
        for result, wanted in (
            (None, (None, ())),
            ("b", ("b", ())),
            ((None, fields), (None, (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")))),
            (("a", {"X": "1"}), ("a", (("X", "1"),))),
        ):
            self.assertEqual(self.successResultOf(self.decided(result)), wanted)
            later: Deferred[Any] = Deferred()
            asking = self.decided(later)
            self.assertNoResult(asking)
            later.callback(result)
            self.assertEqual(self.successResultOf(asking), wanted)

    def test_coroutine(self) -> None:
        """
        ``async def onConnect`` decides, too.
        """

        class Slow(MessageHandler):
            async def onConnect(self, request: ConnectionRequest) -> str:
                return "b"

        self.assertEqual(self.successResultOf(self.asked(Slow)), ("b", ()))

    def test_denials(self) -> None:
        """
        Go through as they are: at once or later, from 300 to 599.
        """
        for status in (300, 303, 305, 400, 403, 599):
            denial = ConnectionDeny(status, "no")
            later: Deferred[Any] = Deferred()
            asking = self.decided(later)
            later.errback(denial)
            self.assertIs(self.assertDenied(asking, status), denial)

    def test_impossibleDenials(self) -> None:
        """
        A status that is no refusal, or has no body to say why, is the application's mistake.
        """
        for status in (101, 200, 299, 304, 600):
            later: Deferred[Any] = Deferred()
            asking = self.decided(later)
            later.errback(ConnectionDeny(status, "secret"))
            self.assertEqual(self.assertDenied(asking, 500).reason, "The server failed")
            self.assertEqual(len(self.flushLoggedErrors(ConnectionDeny)), 1)

    def test_mistakes(self) -> None:
        """
        Are logged, and the client is told nothing of them.
        """

        def trouble() -> None:
            raise ZeroDivisionError("the application's mistake")

        for handler, error in (
            (recorder(connect=fail), ZeroDivisionError),
            (trouble, ZeroDivisionError),
            (object, TypeError),
            (recorder(connect=lambda _: "c"), ValueError),
            (recorder(connect=lambda _: (None, {"Connection": "close"})), ValueError),
            (recorder(connect=lambda _: (None, {"X": "a\r\nb"})), ValueError),
            (recorder(connect=lambda _: 5), ValueError),
        ):
            denial = self.assertDenied(self.asked(handler), 500)
            self.assertEqual(denial.reason, "The server failed")
            self.assertEqual(len(self.flushLoggedErrors(error)), 1, handler)

    def test_cancelOfItsOwn(self) -> None:
        """
        A handler that cancels what it waits for, while the client is there, has failed.
        """
        later: Deferred[Any] = Deferred()
        asking = self.decided(later)
        later.cancel()
        self.assertDenied(asking, 500)
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)


class WaitingTests(SynchronousTestCase):
    """
    The handler takes its time to decide.
    """

    def opened(self, draft: Draft, handler: Any) -> Any:
        """
        A protocol of the draft that has asked it.
        """
        self.clock = Clock()
        self.transport = MemoryTransport(self.clock)
        protocol: Any = HixieServerProtocol()
        if draft.framing is None:
            protocol = ModernServerProtocol()
            protocol.factory = EngineFactory(Limits(), self.clock)
        admitted, rest = admission(draft, handler, self.clock)
        protocol.admitted(admitted)
        self.transport.attach(protocol)
        protocol.opened(rest)
        return protocol

    def answers(self) -> list[bytes]:
        """
        The status lines of all that was written.
        """
        return [write.partition(b"\r\n")[0] for write in self.transport.writes]

    def assertOver(self, handler: Recorder, reason: str) -> None:
        """
        The handler heard of the end once, in these words, and nothing is left.
        """
        self.clock.advance(0)
        self.transport.lose(ConnectionLost())
        closes = [call for call in handler.calls if call[0] == "close"]
        self.assertEqual(closes, [("close", False, 1006, reason)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reading(self) -> None:
        """
        Is paused until it has decided.
        """
        for draft in DRAFTS:
            decision: Deferred[None] = Deferred()
            self.opened(draft, recorder(connect=lambda _, it=decision: it))
            self.assertTrue(self.transport.paused)
            self.assertEqual(self.transport.writes, [])
            decision.callback(None)
            self.assertFalse(self.transport.paused)
            self.assertEqual([line[:12] for line in self.answers()], [b"HTTP/1.1 101"])

    def test_nothingToWaitFor(self) -> None:
        """
        Reading is never paused.
        """
        for draft in DRAFTS:
            self.opened(draft, MessageHandler)
            self.assertFalse(self.transport.paused)

    def test_tooLong(self) -> None:
        """
        It is cancelled, the client refused with a 503, and nothing logged as an error.
        """
        for draft in DRAFTS:
            cancelled: list[Any] = []
            kind = recorder(connect=lambda _, it=cancelled: Deferred(it.append))
            self.opened(draft, kind)
            self.clock.advance(TIMEOUT - 0.5)
            self.assertEqual(self.answers(), [])
            self.clock.advance(0.5)
            self.assertEqual(self.answers(), [b"HTTP/1.1 503 Service Unavailable"])
            self.assertEqual(len(cancelled), 1)
            self.assertTrue(self.transport.finished)
            self.assertOver(kind.made[0], "refused with 503: The server took too long to decide")

    def test_clientThatLeaves(self) -> None:
        """
        It is cancelled, and nothing is written.
        """
        for draft in DRAFTS:
            cancelled: list[Any] = []
            kind = recorder(connect=lambda _, it=cancelled: Deferred(it.append))
            self.opened(draft, kind)
            self.transport.lose(ConnectionLost())
            self.assertEqual(len(cancelled), 1)
            self.assertEqual(self.answers(), [])
            self.assertOver(kind.made[0], "the client left during the handshake")

    def test_failureAfterTheCancel(self) -> None:
        """
        A mistake that comes of the cancel is logged, the cancel itself is not.
        """

        class Clumsy(Recorder):
            async def onConnect(self, request: ConnectionRequest) -> None:
                try:
                    await Deferred()
                finally:
                    raise ZeroDivisionError

        for draft in DRAFTS:
            handler = Clumsy()
            self.opened(draft, lambda handler=handler: handler)
            self.clock.advance(TIMEOUT)
            self.assertEqual(self.answers(), [b"HTTP/1.1 503 Service Unavailable"])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            self.assertOver(handler, "refused with 503: The server took too long to decide")

    def test_decisionAfterTheCancel(self) -> None:
        """
        A handler that survives the cancel, and accepts, accepts nobody.
        """

        class Stubborn(Recorder):
            async def onConnect(self, request: ConnectionRequest) -> str:
                try:
                    await Deferred()
                except CancelledError:
                    self.calls.append(("cancelled",))
                return "a"

        for draft in DRAFTS:
            handler = Stubborn()
            self.opened(draft, lambda handler=handler: handler)
            self.clock.advance(TIMEOUT)
            self.assertEqual(self.answers(), [b"HTTP/1.1 503 Service Unavailable"])
            self.assertEqual([call[0] for call in handler.calls], ["cancelled"])
            self.assertOver(handler, "refused with 503: The server took too long to decide")
