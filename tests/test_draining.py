"""
How a server's connections end when it stops.
"""

import gc
from functools import partial
from typing import Any
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import recorder
from tests.proxied import GET, OK, POST, ProxyTestCase
from tests.test_server import serve
from wsfallback import DRAFTS, FallbackServerFactory
from wsfallback.draining import GRACE, Connections, IConnection
from wsfallback.leaving import STOPPING, IGoing
from wsfallback.testing import CLIENT_ADDRESS, VERSIONS, attach, connect, request

#: What stands behind the head of a refusal.
REFUSAL = f"{STOPPING}\n".encode()


class DrainCase(SynchronousTestCase):
    """
    What these tests need.
    """

    def drain(self, factory: FallbackServerFactory, seconds: float = 5.0) -> Deferred[None]:
        """
        Have a server stop.
        """
        draining = factory.drain(seconds)
        factory.reactor.advance(0)  # type: ignore[attr-defined]
        return draining

    def assertNothingLeft(self, factory: FallbackServerFactory, draining: Deferred[None]) -> None:
        """
        It has stopped, and waits for nothing.
        """
        factory.reactor.advance(0)  # type: ignore[attr-defined]
        self.assertIsNone(self.successResultOf(draining))
        self.assertEqual(factory.reactor.getDelayedCalls(), [])  # type: ignore[attr-defined]
        self.assertEqual(factory.crowd.present, 0)

    def assertRefused(self, client: Any) -> None:
        """
        The client was told by a status, and by the end of TCP.
        """
        client.settle()
        self.assertEqual((client.status, client.body), (503, REFUSAL))
        self.assertTrue(client.disconnected)


class WebSocketTests(DrainCase):
    """
    Clients of every draft.
    """

    def test_nobody(self) -> None:
        """
        Without connections it is done at once, however often it is asked for.
        """
        factory = serve()
        for seconds in (5.0, 0, 5.0):
            self.assertNothingLeft(factory, factory.drain(seconds))

    def test_closed(self) -> None:
        """
        Clients are closed behind what was sent to them, with 1001 where the draft has codes, and
        the handler hears of it as of a close of its own.
        """
        for draft in DRAFTS:
            kind = recorder()
            factory = serve(kind)
            client = connect(factory, draft.name)
            kind.made[0].sendMessage(b"last")
            draining = self.drain(factory)
            self.assertEqual(client.receive(), "last")
            if draft.closeCodes:
                self.assertEqual(client.closing, (1001, STOPPING))
            self.assertTrue(client.disconnected)
            self.assertNothingLeft(factory, draining)
            told = (1001, STOPPING) if draft.closeCodes else (1005, None)
            self.assertEqual(kind.made[0].calls[2:], [("close", True, *told)])

    def test_waitsForWhatIsToBeSent(self) -> None:
        """
        A client that reads slowly gets all, and its close then.
        """
        for draft in DRAFTS:
            kind = recorder()
            factory = serve(kind)
            client = connect(factory, draft.name)
            client.transport.producer.pauseProducing()
            for number in range(100):
                kind.made[0].sendMessage(b"%d" % number)
            draining = self.drain(factory)
            self.assertEqual(client.messages, [])
            self.assertNoResult(draining)
            client.advance(1)
            client.transport.producer.resumeProducing()
            self.assertEqual(client.messages, [str(number) for number in range(100)])
            self.assertNothingLeft(factory, draining)
            self.assertTrue(kind.made[0].calls[-1][1])

    def test_clientThatDoesNothing(self) -> None:
        """
        Is aborted when the time is over.
        """
        for draft in VERSIONS:
            kind = recorder()
            factory = serve(kind, closeTimeout=10.0)
            client = connect(factory, draft)
            client.answersClose = False
            draining = self.drain(factory, 3.0)
            client.advance(2.9)
            self.assertTrue(client.transport.connected)
            self.assertNoResult(draining)
            client.advance(0.1)
            self.assertTrue(client.transport.aborted)
            self.assertNothingLeft(factory, draining)
            self.assertEqual(
                [call[:3] for call in kind.made[0].calls[2:]], [("close", False, 1006)]
            )

    def test_atOnce(self) -> None:
        """
        With 0 all are aborted: from the start, or when others wait for it.
        """
        for draft in VERSIONS:
            for isFirst in (True, False):
                factory = serve()
                client = connect(factory, draft)
                client.answersClose = False
                waiting = [] if isFirst else [self.drain(factory)]
                self.assertFalse(client.transport.aborted)
                waiting.append(self.drain(factory, 0))
                self.assertTrue(client.transport.aborted)
                for each in waiting:
                    self.assertNothingLeft(factory, each)

    def test_onConnectPending(self) -> None:
        """
        Who waits for the handler is refused; whatever it decides later, it is too late.
        """
        for draft in VERSIONS:
            decision: Deferred[None] = Deferred(lambda _: None)
            kind = recorder(connect=lambda _, it=decision: it)
            factory = serve(kind)
            client = connect(factory, draft)
            draining = self.drain(factory)
            self.assertRefused(client)
            self.assertNothingLeft(factory, draining)
            self.assertEqual(kind.made[0].calls[1:], [("close", False, 1006, mock.ANY)])

    def test_challengePending(self) -> None:
        """
        hixie-76: the head of the answer is sent, and key3 awaited; there is no status any more.
        """
        factory = serve()
        client = attach(factory, "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        self.assertTrue(client.wire.startswith(b"HTTP/1.1 101"))
        draining = self.drain(factory)
        client.settle()
        self.assertTrue(client.disconnected)
        self.assertNothingLeft(factory, draining)

    def test_leavingAlready(self) -> None:
        """
        Who was refused, or closes, is told nothing more.
        """
        for draft in VERSIONS:
            factory = serve(None, routes={"/a": recorder()})
            refused = connect(factory, draft, segment=None)
            leaving = attach(factory, draft)
            leaving.answersClose = False
            leaving.deliver(request(draft))
            closing = connect(factory, draft, path="/a")
            closing.answersClose = False
            closing.transport.producer.pauseProducing()
            closing.close(1000)
            wires = [client.wire for client in (refused, leaving)]
            draining = self.drain(factory)
            self.assertEqual([client.wire for client in (refused, leaving)], wires)
            closing.transport.producer.resumeProducing()
            self.assertNotEqual(closing.closing and closing.closing[0], 1001)
            closing.advance(5)
            self.assertNothingLeft(factory, draining)

    def test_withinTheHandler(self) -> None:
        """
        A handler that ends the server itself.
        """
        for draft in VERSIONS:
            for when in ("connect", "open", "message"):
                ends: list[Deferred[None]] = []
                kind = recorder(**{when: lambda _, it=ends: it.append(self.stop())})
                factory = serve(kind)
                self.stop = partial(factory.drain, 5.0)
                client = connect(factory, draft)
                if when == "message":
                    client.send("stop")
                client.settle()
                self.assertTrue(client.disconnected)
                self.assertNothingLeft(factory, ends[0])
                self.assertEqual([call[0] for call in kind.made[0].calls].count("close"), 1)

    def test_handlerThatSendsTooLate(self) -> None:
        """
        Is told that it can't, and has made no mistake.
        """
        for draft in VERSIONS:
            later: Deferred[None] = Deferred()

            async def answer(handler: Any, later: Deferred[None] = later) -> None:
                await later
                handler.sendMessage(b"too late")

            factory = serve(recorder(message=answer))
            client = connect(factory, draft)
            client.answersClose = False
            client.send("a question")
            self.drain(factory)
            later.callback(None)
            self.assertEqual(client.messages, [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_newcomers(self) -> None:
        """
        Who comes while the server stops is refused, before it asks and without being waited for,
        until it is started again.
        """
        factory = serve()
        factory.doStart()
        draining = self.drain(factory)
        self.assertNothingLeft(factory, draining)
        client = attach(factory)
        self.assertRefused(client)
        factory.doStop()
        factory.doStart()
        self.assertTrue(connect(factory).isOpen)

    def test_onCloseThatTakesItsTime(self) -> None:
        """
        Is waited for; when the time is over it is cancelled, and has made no mistake.
        """
        for seconds, isEarly in ((1, True), (5, True), (5, False)):
            finishing: Deferred[None] = Deferred()
            factory = serve(recorder(close=lambda _, it=finishing: it), closeTimeout=10.0)
            client = connect(factory)
            client.answersClose = False
            if isEarly:
                client.drop()
            draining = self.drain(factory)
            factory.reactor.advance(seconds)  # type: ignore[attr-defined]
            if seconds == 1:
                self.assertNoResult(draining)
                finishing.callback(None)
            self.assertNothingLeft(factory, draining)

    def test_interfaces(self) -> None:
        """
        What is asked of connections.
        """
        factory = serve()
        peeker: Any = factory.buildProtocol(CLIENT_ADDRESS)
        verifyObject(IConnection, peeker)
        for draft in DRAFTS:
            verifyObject(IGoing, factory.protocolFor(draft))


class ProxyTests(ProxyTestCase):
    """
    Clients of the reverse proxy.
    """

    def test_idle(self) -> None:
        """
        A connection without a request is closed; with half of one it gets 503.
        """
        for half, answer in ((b"", b""), (b"GET /b HT", b"HTTP/1.1 503 ")):
            proxy = self.proxy()
            protocol = proxy.buildProtocol(None)
            client = self.client(mock.Mock(buildProtocol=lambda _, it=protocol: it), GET)
            self.say(OK)
            self.answer(client)
            self.hear(client, half)
            protocol.goAway()
            protocol.goAway()
            self.net.settle()
            self.assertEqual(self.answer(client)[:13], answer)
            self.assertTrue(client.finished)

    def test_answerPending(self) -> None:
        """
        It is passed on, says that it is the last, and is; what was asked behind it isn't.
        """
        for asked in (GET, GET + GET, POST + b"abcdef"):
            proxy = self.proxy()
            protocol = proxy.buildProtocol(None)
            client = self.client(mock.Mock(buildProtocol=lambda _, it=protocol: it), asked)
            verifyObject(IGoing, protocol)
            protocol.goAway()
            self.net.settle()
            self.assertFalse(client.finished)
            self.say(OK)
            answer = self.answer(client)
            self.assertIn(b"\r\nConnection: close\r\n", answer)
            self.assertTrue(answer.endswith(b"\r\n\r\nhi"))
            self.assertTrue(client.finished)

    def test_answerBegun(self) -> None:
        """
        Its head is gone; it is the last all the same.
        """
        proxy = self.proxy()
        protocol = proxy.buildProtocol(None)
        client = self.client(mock.Mock(buildProtocol=lambda _: protocol), GET)
        self.say(OK[:-1])
        protocol.goAway()
        self.assertFalse(client.finished)
        self.say(OK[-1:])
        self.assertTrue(self.answer(client).endswith(b"hi"))
        self.assertTrue(client.finished)


class ConnectionsTests(SynchronousTestCase):
    """
    What is done with connections that don't do what they should.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.connections = Connections(self.clock)

    def test_oneThatFails(self) -> None:
        """
        Is logged, and the others are told all the same.
        """
        bad = mock.Mock(goAway=mock.Mock(side_effect=ZeroDivisionError))
        good = mock.Mock()
        for each in (bad, good):
            self.connections.began(each)
        self.connections.drain(5.0)
        good.goAway.assert_called_once_with()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_oneThatNeverEnds(self) -> None:
        """
        Is not waited for after it was aborted, but for a moment.
        """
        one = mock.Mock()
        self.connections.began(one)
        draining = self.connections.drain(5.0)
        self.clock.advance(5.0)
        one.abort.assert_called_once_with()
        again = self.connections.drain(5.0)
        self.assertNoResult(draining)
        self.clock.advance(GRACE)
        for each in (draining, again):
            self.assertIsNone(self.successResultOf(each))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_oneThatIsGone(self) -> None:
        """
        Nobody has said so: it isn't kept.
        """
        self.connections.began(mock.Mock())
        self.assertIsNone(self.successResultOf(self.connections.drain(5.0)))

    def test_endingThatIsCancelled(self) -> None:
        """
        When there is no time for it.
        """
        ending: Deferred[None] = Deferred()
        ending.addErrback(lambda failure: failure.trap(CancelledError) and None)
        one = mock.Mock()
        self.connections.began(one)
        self.connections.ended(one, ending)
        draining = self.connections.drain(0)
        self.assertIsNone(self.successResultOf(draining))
        self.assertIsNone(self.successResultOf(ending))

    def test_endingThatNobodyFires(self) -> None:
        """
        Is not kept.
        """
        one = mock.Mock()
        self.connections.began(one)
        self.connections.ended(one, Deferred())
        gc.collect()
        self.assertIsNone(self.successResultOf(self.connections.drain(5.0)))
