"""
One attempt to connect: one connection, one draft.
"""

from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    TimeoutError,
)
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener, ISSLTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides
from zope.interface.verify import verifyObject

from tests.contract import fail as failing
from tests.contract import recorder
from tests.drafts.asked import answer13, answer75, answer76
from tests.ends import OneConnection
from tests.pipe import Network
from wsfallback import DRAFTS, AnswerError, MessageHandler
from wsfallback.destination import destination
from wsfallback.drafts.table import HIXIE_75, HIXIE_76, RFC_6455, Draft
from wsfallback.engine import ClientEngineFactory
from wsfallback.knocking import Errand, HandlerFailed, KnockingProtocol, knock
from wsfallback.policy import Limits
from wsfallback.testing import SERVER_ADDRESS, MemoryTransport

URL = "ws://example.com/demo"
TIMEOUT, CLOSE_TIMEOUT = 8.0, 2.0

#: What a refused client gets.
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"


class KnockingTestCase(SynchronousTestCase):
    """
    An attempt over one connection.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = MemoryTransport(self.clock, SERVER_ADDRESS)

    def knock(
        self,
        draft: Draft = RFC_6455,
        handler: Any = MessageHandler,
        *,
        endpoint: Any = None,
        isStrict: bool = False,
        asked: dict[str, Any] | None = None,
        **limits: Any,
    ) -> Deferred[Any]:
        """
        Begin.

        :param asked: more of the destination.
        """
        settled = Limits(handshakeTimeout=TIMEOUT, closeTimeout=CLOSE_TIMEOUT, **limits)
        errand = Errand(
            endpoint=endpoint or OneConnection(self.transport),
            destination=destination(URL, **(asked or {})),
            limits=settled,
            clock=self.clock,
            engine=ClientEngineFactory(settled, self.clock),
            isStrict=isStrict,
            random=Random(1),
        )
        return knock(errand, draft, handler)

    @property
    def asked(self) -> bytes:
        """
        All that was written.
        """
        return b"".join(self.transport.writes)

    def accept(self, draft: Draft = RFC_6455, rest: bytes = b"") -> None:
        """
        The server's answer.

        :param rest: what comes in its segment.
        """
        answer = {HIXIE_75: lambda _: answer75(), HIXIE_76: answer76}.get(draft, answer13)
        self.transport.arrive(answer(self.asked) + rest)
        self.clock.advance(0)

    def end(self, reason: BaseException) -> None:
        """
        The connection is over.
        """
        self.transport.lose(reason)
        self.clock.advance(0)

    def assertOver(self, attempt: Deferred[Any], error: type[Exception]) -> Any:
        """
        It has failed with this, and nothing is left.
        """
        found = self.failureResultOf(attempt, error).value
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return found


class AskingTests(KnockingTestCase):
    """
    The connection is made.
    """

    def test_oneWrite(self) -> None:
        """
        The request goes out at once and whole: there are servers that read once.
        """
        for draft in DRAFTS:
            self.setUp()
            self.knock(draft).addErrback(lambda _: None)
            self.assertEqual(len(self.transport.writes), 1)
            self.assertTrue(self.asked.startswith(b"GET /demo HTTP/1.1\r\n"))

    def test_socketOptions(self) -> None:
        """
        Are those of the limits.
        """
        for nagle in (False, True):
            self.setUp()
            self.knock(nagle=nagle)
            self.assertEqual(self.transport.noDelay, not nagle)

    def test_maxHead(self) -> None:
        """
        Holds for the answer.
        """
        attempt = self.knock(maxHead=64)
        self.transport.arrive(b"HTTP/1.1 101 " + b"x" * 64)
        self.end(ConnectionDone())
        self.assertIn("too large", str(self.assertOver(attempt, AnswerError)))

    def test_interfaces(self) -> None:
        """
        Twisted tells it of halves that end, and of TLS.
        """
        self.knock()
        protocol = self.transport._protocol
        self.assertIsInstance(protocol, KnockingProtocol)
        for interface in (IHalfCloseableProtocol, IHandshakeListener):
            verifyObject(interface, protocol)

    def test_tls(self) -> None:
        """
        The request goes out when TLS is there, and the server is the right one.
        """
        # Autobahn asks such a transport for more of TLS than there is in memory.
        alsoProvides(self.transport, ISSLTransport)
        attempt = self.knock(HIXIE_75)
        self.assertEqual(self.asked, b"")
        protocol: Any = self.transport._protocol
        protocol.handshakeCompleted()
        self.assertTrue(self.asked.startswith(b"GET /demo HTTP/1.1\r\n"))
        self.accept(HIXIE_75)
        self.successResultOf(attempt)


class AcceptedTests(KnockingTestCase):
    """
    The server has accepted.
    """

    def test_open(self) -> None:
        """
        It fires with the channel, once the handler knows; the deadline is over.
        """
        for draft in DRAFTS:
            self.setUp()
            kind = recorder()
            attempt = self.knock(draft, kind, idleTimeout=50.0, pingInterval=50.0)
            self.assertNoResult(attempt)
            self.accept(draft)
            self.assertIs(self.successResultOf(attempt), kind.made[0].channel)
            self.assertEqual(kind.made[0].calls, [("connect",), ("open",)])
            self.clock.advance(TIMEOUT + 1)
            self.assertTrue(self.transport.connected)

    def test_handOver(self) -> None:
        """
        From then on what the connection does is the draft's protocol's, which Twisted's log names.
        """
        for draft in DRAFTS:
            self.setUp()
            kind = recorder()
            hi = b"\x00hi\xff" if draft.framing else b"\x81\x02hi"
            attempt = self.knock(draft, kind)
            self.accept(draft, rest=hi)
            self.transport.arrive(hi)
            self.assertEqual(kind.made[0].calls[2:], [("message", b"hi", False)] * 2)
            channel = self.successResultOf(attempt)
            protocol: Any = self.transport._protocol
            self.assertEqual(protocol.logPrefix(), channel.logPrefix())
            self.assertNotEqual(protocol.logPrefix(), "KnockingProtocol")
            self.transport.leave(ConnectionDone())
            self.assertTrue(self.transport.finished)
            protocol.writeConnectionLost()
            self.clock.advance(0)
            self.assertEqual(kind.made[0].calls[-1][0], "close")
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_request(self) -> None:
        """
        The channel has what was asked, by our own reader; subprotocols as they are meant.
        """
        for draft in DRAFTS:
            self.setUp()
            asked = {"protocols": ["a", "b"], "origin": "http://page", "headers": {"X-One": "1"}}
            attempt = self.knock(draft, asked=asked)
            self.accept(draft)
            request = self.successResultOf(attempt).request
            self.assertEqual((request.path, request.origin), ("/demo", "http://page"))
            self.assertEqual(request.headers["x-one"], "1")
            self.assertEqual(request.protocols, ["a", "b"])
            self.assertEqual(request.peer, "tcp4:192.0.2.1:8080")

    def test_handlerThatFails(self) -> None:
        """
        The connection is ended in an orderly way, and with it the attempt; the failure is not
        taken for the server's.
        """
        for draft in DRAFTS:
            self.setUp()
            kind = recorder(connect=failing)
            attempt = self.knock(draft, kind)
            self.accept(draft)
            self.assertNoResult(attempt)
            self.assertEqual((self.transport.finished, self.transport.aborted), (True, False))
            self.end(ConnectionDone())
            error = self.assertOver(attempt, HandlerFailed)
            self.assertIs(error.failure.type, ZeroDivisionError)
            self.assertEqual(str(error), "the application's mistake")
            self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "close"])

    def test_oneDeadline(self) -> None:
        """
        The handler's time is counted from the beginning, too.
        """
        for draft in DRAFTS:
            self.setUp()
            kind = recorder(connect=lambda _: Deferred())
            attempt = self.knock(draft, kind)
            self.clock.advance(TIMEOUT - 1)
            self.accept(draft)
            self.clock.advance(0.5)
            self.assertNoResult(attempt)
            self.clock.advance(0.5)
            self.assertTrue(self.transport.aborted)
            self.clock.advance(0)
            self.assertOver(attempt, TimeoutError)
            self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "close"])


class RefusedTests(KnockingTestCase):
    """
    It has not.
    """

    def test_orderly(self) -> None:
        """
        Our half ends, the server's is waited for, and until then the attempt is not over: some
        servers have room for one connection only.
        """
        kind = recorder()
        attempt = self.knock(handler=kind)
        self.transport.arrive(REFUSAL)
        self.assertEqual((self.transport.finished, self.transport.aborted), (True, False))
        self.assertNoResult(attempt)
        self.transport.arrive(b"more of the page")
        self.transport.leave(ConnectionDone())
        self.assertNoResult(attempt)
        self.clock.advance(0)
        error = self.assertOver(attempt, AnswerError)
        self.assertEqual((error.response.status, error.isOtherDraft), (403, False))
        self.assertEqual(kind.made, [])

    def test_serverThatStays(self) -> None:
        """
        Is cut off after a while, and the error is the same.
        """
        attempt = self.knock()
        self.transport.arrive(REFUSAL)
        self.clock.advance(CLOSE_TIMEOUT)
        self.assertTrue(self.transport.aborted)
        self.clock.advance(0)
        self.assertOver(attempt, AnswerError)

    def test_strict(self) -> None:
        """
        Where it is wanted, an odd answer is a wrong one.
        """
        for isStrict in (False, True):
            self.setUp()
            attempt = self.knock(HIXIE_75, isStrict=isStrict)
            self.transport.arrive(answer75().replace(b"http://example.com", b"http://other"))
            if isStrict:
                self.end(ConnectionDone())
                self.assertOver(attempt, AnswerError)
            else:
                self.successResultOf(attempt)

    def test_noAnswer(self) -> None:
        """
        A server that just closes, or resets, may not have understood the request.
        """
        for reason in (ConnectionDone(), ConnectionLost()):
            self.setUp()
            attempt = self.knock()
            self.end(reason)
            error = self.assertOver(attempt, AnswerError)
            self.assertTrue(error.isOtherDraft)
            self.assertIn("without an answer", str(error))

    def test_halfAnAnswer(self) -> None:
        """
        Or none to a request that was never sent, or another end, says nothing of drafts.
        """
        attempt = self.knock()
        self.transport.arrive(b"HTTP")
        self.end(ConnectionLost())
        self.assertOver(attempt, ConnectionLost)
        self.setUp()
        attempt = self.knock()
        self.end(OSError("the network is down"))
        self.assertOver(attempt, OSError)
        self.setUp()
        alsoProvides(self.transport, ISSLTransport)
        attempt = self.knock()
        self.end(ConnectionLost())
        self.assertOver(attempt, ConnectionLost)

    def test_serverThatEndsItsHalf(self) -> None:
        """
        Has nothing more to say, and neither have we.
        """
        attempt = self.knock()
        self.transport.leave(ConnectionDone())
        self.assertTrue(self.transport.finished)
        self.clock.advance(0)
        self.assertOver(attempt, AnswerError)

    def test_ourHalfEnds(self) -> None:
        """
        As we wanted.
        """
        attempt = self.knock()
        self.transport.arrive(REFUSAL)
        protocol: Any = self.transport._protocol
        protocol.writeConnectionLost()
        self.assertNoResult(attempt)
        self.end(ConnectionDone())
        self.assertOver(attempt, AnswerError)

    def test_noConnection(self) -> None:
        """
        What the endpoint says is what is told.
        """

        class Refusing:
            def connect(self, protocolFactory: Any) -> Deferred[Any]:
                return fail(Failure(ConnectionRefusedError()))

        self.assertOver(self.knock(endpoint=Refusing()), ConnectionRefusedError)


class TimeTests(KnockingTestCase):
    """
    The deadline, and who doesn't want to wait any more.
    """

    def test_late(self) -> None:
        """
        The connection is made too late, or answered too late, byte by byte.
        """
        net = Network(self.clock, [None])
        attempt = self.knock(endpoint=net)
        self.clock.advance(TIMEOUT - 0.5)
        self.assertNoResult(attempt)
        self.clock.advance(0.5)
        error = self.assertOver(attempt, TimeoutError)
        self.assertIn("nothing came of it in 8 s", str(error))
        self.assertEqual(net.cancelled, 1)
        self.setUp()
        attempt = self.knock()
        for byte in (b"H", b"T", b"T", b"P"):
            self.clock.advance(TIMEOUT / 4)
            self.transport.arrive(byte)
        self.assertTrue(self.transport.aborted)
        self.clock.advance(0)
        self.assertOver(attempt, TimeoutError)

    def test_cancel(self) -> None:
        """
        While the connection is made, while the server thinks, while the handler does.
        """
        net = Network(self.clock, [None])
        attempt = self.knock(endpoint=net)
        attempt.cancel()
        self.assertOver(attempt, CancelledError)
        self.assertEqual(net.cancelled, 1)
        for draft in DRAFTS:
            for accepts in (False, True):
                self.setUp()
                cancelled: list[Any] = []
                kind = recorder(connect=lambda _, it=cancelled: Deferred(it.append))
                attempt = self.knock(draft, kind)
                if accepts:
                    self.accept(draft)
                attempt.cancel()
                self.assertTrue(self.transport.aborted)
                self.clock.advance(0)
                self.assertOver(attempt, CancelledError)
                self.assertEqual(len(cancelled), accepts)
                self.assertEqual(len(kind.made), accepts)

    def test_cancelWithinOnConnect(self) -> None:
        """
        Who has connected is told once, and the handler hears the end once.
        """
        for draft in DRAFTS:
            self.setUp()
            attempts: list[Deferred[Any]] = []
            kind = recorder(connect=lambda _, it=attempts: it[0].cancel())
            attempts.append(self.knock(draft, kind))
            self.accept(draft)
            self.assertOver(attempts[0], CancelledError)
            self.assertTrue(self.transport.aborted)
            self.assertEqual([call[0] for call in kind.made[0].calls].count("close"), 1)
