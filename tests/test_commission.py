"""
What a client's end owes its handler besides: to be told what the server said.
"""

from typing import Any

from autobahn.websocket.types import ConnectionRequest, ConnectionResponse
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Recorder, fail, recorder
from tests.drafts.asked import answer13, answer75, answer76, asking
from wsfallback import DRAFTS, MessageHandler, NotOpen
from wsfallback.commission import ClientForwarding, Commission
from wsfallback.deadline import Deadline
from wsfallback.drafts.asking import Answer
from wsfallback.drafts.table import Draft
from wsfallback.engine import ClientEngineFactory
from wsfallback.forwarding import MAX_HELD
from wsfallback.handshake import connectionRequest
from wsfallback.hixie_client import HixieClientProtocol
from wsfallback.modern_client import ModernClientProtocol
from wsfallback.policy import Limits
from wsfallback.request import RequestReader
from wsfallback.testing import SERVER_ADDRESS, MemoryTransport

PEER = "tcp4:192.0.2.1:8080"


class Commissioned:
    """
    A protocol with a commission, and what became of it.

    :ivar heard: what the one who gave it was told: ``opened`` or ``failed``, and what with it.
    :ivar asked: the peers that a request was wanted for.
    """

    def __init__(self, draft: Draft, handler: Any, *, lines: str = "", **asked: Any) -> None:
        self.clock = Clock()
        self.transport = MemoryTransport(self.clock, SERVER_ADDRESS)
        self.heard: list[tuple[str, Any]] = []
        self.asked: list[str] = []
        self.draft = draft
        limits = Limits()
        self.deadline = Deadline(self.clock)
        opening, self.request = asking(draft, **asked)
        protocol: Any = HixieClientProtocol()
        if draft.framing is None:
            protocol = ModernClientProtocol()
            protocol.factory = ClientEngineFactory(limits, self.clock)
        self.protocol = protocol
        protocol.commissioned(
            Commission(
                draft=draft,
                request=self.requestOf,
                handler=handler,
                limits=limits,
                deadline=self.deadline,
                opened=lambda channel: self.tell("opened", channel),
                failed=lambda failure: self.tell("failed", failure),
            )
        )
        self.transport.attach(protocol)
        answer = opening.feed(self.answered(lines))
        assert answer is not None
        self.answer: Answer = answer

    def tell(self, what: str, it: Any) -> None:
        """
        Write down what the one who gave the commission is told.
        """
        self.heard.append((what, it))

    def answered(self, lines: str) -> bytes:
        """
        The server's answer, with more lines; and the text message ``hi`` behind it.
        """
        hi = b"\x00hi\xff" if self.draft.framing else b"\x81\x02hi"
        more = lines.encode()
        if self.draft.name == "hixie-75":
            return answer75()[:-2] + more + b"\r\n" + hi
        if self.draft.name == "hixie-76":
            whole = answer76(self.request)
            return whole[:-18] + more + whole[-18:] + hi
        return answer13(self.request)[:-2] + more + b"\r\n" + hi

    def requestOf(self, peer: str) -> ConnectionRequest:
        """
        What was asked.
        """
        self.asked.append(peer)
        request = RequestReader(10000).feed(self.request)
        assert request is not None
        return connectionRequest(request, self.draft, peer, [])

    def open(self) -> None:
        """
        The server has accepted.
        """
        self.protocol.opened(self.answer)
        self.clock.advance(0)


class ToldTests(SynchronousTestCase):
    """
    The server has accepted.
    """

    def test_theAnswer(self) -> None:
        """
        The handler is told in Autobahn's type, and knows its channel and the request by then.
        """
        for draft in DRAFTS:
            seen = []

            class Looking(MessageHandler):
                def onConnect(self, response: Any, seen: list[Any] = seen) -> None:
                    seen.append((response, self.request, self.peer, self.channel))

            it = Commissioned(
                draft,
                Looking,
                lines="X-One: 1\r\nX-One: 2\r\n",
                protocols=["a"],
                url="ws://h/x?y=1",
            )
            it.open()
            ((response, request, peer, channel),) = seen
            self.assertIsInstance(response, ConnectionResponse)
            self.assertEqual(response.headers["x-one"], "1, 2")
            self.assertEqual((response.version, response.peer), (draft.version, PEER))
            self.assertEqual((request.path, request.params), ("/x", {"y": ["1"]}))
            self.assertEqual((peer, it.asked), (PEER, [PEER]))
            self.assertIs(channel, it.protocol)
            self.assertIs(channel.response, response)

    def test_subprotocol(self) -> None:
        """
        Is the one that the server chose, or none.
        """
        for draft in DRAFTS:
            prefix = "" if draft.name == "hixie-75" else "Sec-"
            for line, chosen in ((f"{prefix}WebSocket-Protocol: b\r\n", "b"), ("", None)):
                it = Commissioned(draft, MessageHandler, lines=line, protocols=["a", "b"])
                it.open()
                self.assertEqual(it.protocol.protocolInUse, chosen)
                self.assertEqual(it.protocol.response.protocol, chosen)

    def test_cookies(self) -> None:
        """
        Are told one by one: a comma is in many of them.
        """
        lines = "Set-Cookie: a=1; expires=Mon, 1 Jan 2030\r\nset-cookie: b=\xe9\r\n"
        for draft in DRAFTS:
            it = Commissioned(draft, MessageHandler, lines=lines)
            it.open()
            self.assertEqual(it.protocol.cookies, ("a=1; expires=Mon, 1 Jan 2030", "b=\xc3\xa9"))
            it = Commissioned(draft, MessageHandler)
            it.open()
            self.assertEqual(it.protocol.cookies, ())

    def test_oddities(self) -> None:
        """
        What the server should not have said is in the log, a warning each.
        """
        it = Commissioned(DRAFTS[1], MessageHandler, url="ws://other.example/demo")
        with capturedLogs() as events:
            it.open()
        warnings = [event for event in events if event["log_level"] is LogLevel.warn]
        self.assertEqual([event["peer"] for event in warnings], [PEER, PEER])
        self.assertIn("Sec-WebSocket-Origin is 'http://example.com'", warnings[0]["oddity"])
        self.assertIn("Sec-WebSocket-Location is ", warnings[1]["oddity"])

    def order(self, draft: Draft) -> list[str]:
        """
        What happens when the server has accepted and sent a message.
        """
        heard: list[str] = []
        kind = recorder(
            connect=lambda _: heard.append("connect"),
            open=lambda _: heard.append("open"),
            message=lambda _: heard.append("message"),
        )
        it = Commissioned(draft, kind)
        it.tell = lambda what, _: heard.append(what)  # type: ignore[method-assign]
        it.open()
        return heard

    def test_order(self) -> None:
        """
        onConnect, onOpen, who has connected, and only then the first message.
        """
        for draft in DRAFTS:
            self.assertEqual(self.order(draft), ["connect", "open", "opened", "message"])

    def test_theChannel(self) -> None:
        """
        Who has connected is given it, once, when it can send.
        """
        for draft in DRAFTS:
            kind = recorder()
            it = Commissioned(draft, kind)
            it.open()
            self.assertEqual(it.heard, [("opened", kind.made[0].channel)])
            it.protocol.sendMessage(b"x")


class WaitingTests(SynchronousTestCase):
    """
    The handler takes its time to hear.
    """

    def test_reading(self) -> None:
        """
        Is paused meanwhile, nothing is open, and what has come is kept.
        """
        for draft in DRAFTS:
            told: Deferred[str] = Deferred()
            kind = recorder(connect=lambda _, told=told: told)
            it = Commissioned(draft, kind)
            it.open()
            self.assertTrue(it.transport.paused)
            self.assertEqual((kind.made[0].calls, it.heard), ([("connect",)], []))
            self.assertRaises(NotOpen, it.protocol.sendMessage, b"x")
            told.callback("what it says is nobody's business")
            it.clock.advance(0)
            self.assertFalse(it.transport.paused)
            self.assertEqual(
                kind.made[0].calls, [("connect",), ("open",), ("message", b"hi", False)]
            )

    def test_nothingToWaitFor(self) -> None:
        """
        Reading is never paused.
        """
        for draft in DRAFTS:
            it = Commissioned(draft, MessageHandler)
            it.transport.pauseProducing = self.fail  # type: ignore[assignment]
            it.open()
            self.assertEqual(len(it.heard), 1)

    def test_closingInOnOpen(self) -> None:
        """
        Doesn't pause it either: the close is to be answered.
        """
        for draft in DRAFTS:
            it = Commissioned(draft, recorder(open=lambda handler: handler.sendClose()))
            it.open()
            self.assertFalse(it.transport.paused)

    def test_tooMuch(self) -> None:
        """
        More than is kept meanwhile costs the connection: there is nobody to be told a status.
        """
        cancelled: list[Any] = []
        for draft in DRAFTS:
            kind = recorder(connect=lambda _: Deferred(cancelled.append))
            it = Commissioned(draft, kind)
            it.open()
            it.transport.paused = False
            written = len(it.transport.writes)
            it.transport.arrive(b"\0" * MAX_HELD)
            self.assertTrue(it.transport.aborted)
            self.assertEqual(len(it.transport.writes), written)
            it.clock.advance(0)
            self.assertEqual(
                kind.made[0].calls[1:],
                [("close", False, 1006, "the server sent too much before it was heard")],
            )
            self.assertEqual(it.heard, [])
        self.assertEqual(len(cancelled), len(DRAFTS))

    def test_serverLeaves(self) -> None:
        """
        The handler's Deferred is cancelled, and it hears the end; who has connected learns of it
        from the connection, not from the cancel.
        """
        for draft in DRAFTS:
            cancelled: list[Any] = []
            kind = recorder(connect=lambda _, it=cancelled: Deferred(it.append))
            it = Commissioned(draft, kind)
            it.open()
            it.transport.lose(ConnectionLost())
            self.assertEqual(len(cancelled), 1)
            self.assertEqual(
                kind.made[0].calls[1:],
                [("close", False, 1006, "the server left during the handshake")],
            )
            self.assertEqual(it.heard, [])

    def test_handlerThatSurvivesTheCancel(self) -> None:
        """
        Opens nothing any more.
        """

        class Stubborn(Recorder):
            async def onConnect(self, response: Any) -> None:
                try:
                    await Deferred()
                except CancelledError:
                    self.calls.append(("cancelled",))

        for draft in DRAFTS:
            handler = Stubborn()
            it = Commissioned(draft, lambda handler=handler: handler)
            it.open()
            it.transport.lose(ConnectionLost())
            self.assertEqual([call[0] for call in handler.calls], ["cancelled", "close"])
            self.assertEqual(it.heard, [])


class FailingTests(SynchronousTestCase):
    """
    The handler fails before anything is open.
    """

    def test_inOnConnect(self) -> None:
        """
        Who has connected gets the failure, and nobody the log; the handler hears of the end when
        there is one.
        """
        for draft in DRAFTS:
            later: Deferred[None] = Deferred()
            for kind in (recorder(connect=fail), recorder(connect=lambda _, it=later: it)):
                it = Commissioned(draft, kind)
                it.open()
                if not it.heard:
                    later.errback(ZeroDivisionError())
                ((what, failure),) = it.heard
                self.assertEqual(what, "failed")
                self.assertIs(failure.type, ZeroDivisionError)
                self.assertFalse(it.transport.paused)
                self.assertEqual(kind.made[0].calls, [("connect",)])
                it.transport.lose(ConnectionLost())
                self.assertEqual(
                    kind.made[0].calls[1:], [("close", False, 1006, "the handler failed")]
                )
                self.assertEqual(len(it.heard), 1)

    def test_noHandler(self) -> None:
        """
        What makes handlers fails, or makes something else: there is nobody to hear of the end.
        """

        def trouble() -> None:
            raise ZeroDivisionError

        for make, error in ((trouble, ZeroDivisionError), (object, TypeError)):
            for draft in DRAFTS:
                it = Commissioned(draft, make)
                it.open()
                ((what, failure),) = it.heard
                self.assertEqual((what, failure.type), ("failed", error))
                it.transport.lose(ConnectionLost())


class BaseTests(SynchronousTestCase):
    """
    What protocols must add.
    """

    def test_nothingByItself(self) -> None:
        """
        How to begin is theirs.
        """
        self.assertRaises(NotImplementedError, ClientForwarding()._begin)
