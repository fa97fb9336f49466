"""
What is known of each connection, and who hears of it.
"""

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site
from zope.interface.verify import verifyObject

from tests.contract import Echo, fail, recorder
from tests.observers import Seen
from wsfallback import DRAFTS, FallbackServerFactory, MessageHandler
from wsfallback.demo import DemoPage
from wsfallback.record import MAX_TEXT, IObserver, Record
from wsfallback.testing import VERSIONS, attach, connect

PEER = "tcp4:192.0.2.7:52914"


class RecordCase(SynchronousTestCase):
    """
    A server that is observed.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.seen = Seen()

    def serve(self, handler: Any = Echo, **options: Any) -> FallbackServerFactory:
        return FallbackServerFactory(handler, reactor=self.clock, observers=[self.seen], **options)


class StageTests(RecordCase):
    """
    What an observer is told, and when.
    """

    def test_interface(self) -> None:
        verifyObject(IObserver, self.seen)
        verifyObject(IObserver, self.serve())

    def test_aLife(self) -> None:
        """
        It opens and it ends, and the record tells what was between.
        """
        for draft in VERSIONS:
            self.setUp()
            headers = (
                {"User-Agent": "Old \t\x7f1.0"} if draft == "rfc6455" else {"User-Agent": "Old"}
            )
            client = connect(self.serve(), draft, path="/chat?secret", headers=headers)
            self.assertEqual(self.seen.stages, [f"opened {draft}"])
            record = self.seen.records[0]
            self.assertIsNone(record.ended)
            client.send("hallö")
            client.send("")
            self.clock.advance(5)
            client.close()
            self.clock.advance(10)
            client.drop()
            self.assertEqual(self.seen.stages, [f"opened {draft}", "ended"])
            self.assertIs(self.seen.records[1], record)
            self.assertEqual((record.number, record.peer), (1, PEER))
            self.assertEqual((record.path, record.origin), ("/chat", "http://example.com"))
            self.assertEqual((record.began, record.opened), (1000, 1000))
            assert record.ended is not None
            self.assertGreaterEqual(record.ended, 1005)
            self.assertEqual((record.wasClean, record.status), (True, None))
            traffic = record.traffic
            self.assertEqual((traffic.messagesIn, traffic.bytesIn), (2, 6))
            self.assertEqual((traffic.messagesOut, traffic.bytesOut), (2, 6))

    def test_frames(self) -> None:
        """
        Where frames are handed over these are counted.
        """
        client = connect(self.serve(frames=True), "rfc6455")
        client.deliver(client.frame(1, b"ab", False) + client.frame(0, b"c"))
        traffic = self.seen.records[0].traffic
        self.assertEqual((traffic.messagesIn, traffic.bytesIn), (2, 3))

    def test_refusedByUs(self) -> None:
        """
        Before anything is read, by the request, and by its draft's opening.
        """
        for draft in VERSIONS:
            self.setUp()
            client = connect(self.serve(origins=["https://a.test"]), draft)
            client.drop()
            self.assertEqual(self.seen.stages, ["refused 403", "ended"])
            record = self.seen.records[0]
            self.assertEqual((record.draft, record.status, record.peer), (draft, 403, PEER))
            self.assertIsNone(record.opened)
        self.setUp()
        client = attach(self.serve())
        client.deliver(b"\x16\x03\x01")
        client.drop()
        self.assertEqual(self.seen.stages, ["refused 400", "ended"])
        self.assertEqual(self.seen.records[0].draft, "")

    def test_refusedByTheHandler(self) -> None:
        """
        Once.
        """
        for draft in VERSIONS:
            self.setUp()
            client = connect(self.serve(recorder(connect=fail)), draft)
            client.drop()
            self.assertEqual(self.seen.stages, ["refused 500", "ended"])
            self.flushLoggedErrors(ZeroDivisionError)

    def test_leftBefore(self) -> None:
        """
        A client that leaves before it has asked has an end, and nothing else.
        """
        client = attach(self.serve())
        client.deliver(b"GET / HT")
        client.drop()
        self.assertEqual(self.seen.stages, ["ended"])

    def test_failed(self) -> None:
        """
        With the code and the reason that the handler got.
        """
        client = connect(self.serve(), "rfc6455")
        client.deliver(b"\x83\x80\0\0\0\0")
        client.drop()
        record = self.seen.records[-1]
        self.assertEqual((record.wasClean, record.code), (False, 1006))
        assert record.reason is not None
        self.assertIn("1002", record.reason)

    def test_http(self) -> None:
        """
        A request of plain HTTP opens, too.
        """
        client = attach(self.serve(site=Site(DemoPage())))
        client.deliver(
            b"GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: Curl\r\nConnection: close\r\n\r\n"
        )
        client.drop()
        self.assertEqual(self.seen.stages, ["opened http", "ended"])
        record = self.seen.records[0]
        self.assertEqual((record.path, record.agent, record.code), ("/x", "Curl", None))

    def test_bridged(self) -> None:
        """
        Where Autobahn's own protocol has the connection nobody knows its messages.
        """
        factory = WebSocketServerFactory("ws://localhost", reactor=self.clock)
        factory.protocol = WebSocketServerProtocol
        served = FallbackServerFactory.forAutobahn(
            factory, reactor=self.clock, observers=[self.seen]
        )
        connect(served, "rfc6455").drop()
        self.assertEqual(self.seen.stages, ["opened rfc6455", "ended"])
        self.assertIsNone(self.seen.records[0].wasClean)

    def test_bridgedAndFails(self) -> None:
        """
        An end is one, and frees its place, where somebody else's protocol fails at it.
        """

        class Failing(WebSocketServerProtocol):
            def onClose(self, *_: Any) -> None:
                raise ZeroDivisionError

        factory = WebSocketServerFactory("ws://localhost", reactor=self.clock)
        factory.protocol = Failing
        served = FallbackServerFactory.forAutobahn(
            factory, reactor=self.clock, observers=[self.seen]
        )
        client = connect(served, "rfc6455")
        self.assertRaises(ZeroDivisionError, client.drop)
        self.assertEqual(self.seen.stages, ["opened rfc6455", "ended"])
        self.assertEqual(served.crowd.present, 0)
        self.assertTrue(served.drain(5).called)

    def test_drained(self) -> None:
        """
        Who waits for the end of all connections finds all of them told.
        """
        for draft in VERSIONS:
            self.setUp()
            factory = self.serve()
            client = connect(factory, draft)
            stages: list[str] = []
            done = factory.drain(5)
            done.addCallback(lambda _, seen=self.seen, stages=stages: stages.extend(seen.stages))
            client.drop()
            self.clock.advance(5)
            self.clock.advance(5)
            self.assertEqual(stages, [f"opened {draft}", "ended"])

    def test_observerFails(self) -> None:
        """
        An observer that fails is logged; others hear, and the connection goes on.
        """

        class Failing(Seen):
            def _saw(self, stage: str, record: Record) -> None:
                raise ZeroDivisionError(stage)

        for draft in VERSIONS:
            self.setUp()
            observers = [Failing(), self.seen]
            client = connect(
                FallbackServerFactory(Echo, reactor=self.clock, observers=observers), draft
            )
            client.send("a")
            self.assertEqual(client.receive(), "a")
            client.drop()
            self.assertEqual(self.seen.stages, [f"opened {draft}", "ended"])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)


class TextTests(RecordCase):
    """
    What a client says of itself.
    """

    def test_hostile(self) -> None:
        """
        It fits into a line, and has an end.
        """
        for draft in VERSIONS:
            self.setUp()
            headers = {"User-Agent": "\x80\x85\xa0" + "a" * 5000}
            connect(self.serve(), draft, path="/" + "b" * 5000, headers=headers)
            record = self.seen.records[0]
            for text in (record.path, record.agent):
                assert text is not None
                self.assertTrue(text.isprintable())
                self.assertLessEqual(len(text), MAX_TEXT)

    def test_ownOriginField(self) -> None:
        """
        Versions 7 and 8 have another field for it than the others.
        """
        for draft in DRAFTS:
            self.setUp()
            connect(self.serve(), draft.name, origin="http://a.test")
            self.assertEqual(self.seen.records[0].origin, "http://a.test")


class TrafficTests(RecordCase):
    """
    What didn't go out.
    """

    def test_dropped(self) -> None:
        """
        A message that has no room is counted, and how much waited.
        """
        for draft in VERSIONS:
            self.setUp()
            handlers: list[MessageHandler] = []

            def make(handlers: list[MessageHandler] = handlers) -> MessageHandler:
                handlers.append(MessageHandler())
                return handlers[-1]

            client = connect(self.serve(make, maxSendQueue=1000, fullQueue="drop"), draft)
            client.transport.producer.pauseProducing()
            for size in (900, 900, 900):
                handlers[0].sendMessage(b"x" * size)
            traffic = self.seen.records[0].traffic
            self.assertEqual((traffic.messagesOut, traffic.dropped), (1, 2))
            self.assertGreaterEqual(traffic.queueHigh, 900)
            self.assertIs(handlers[0].channel.traffic, traffic)
