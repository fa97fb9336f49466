"""
How protocols that aren't ours are told to go.
"""

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.test_draining import REFUSAL, DrainCase
from tests.test_server import serve
from wsfallback import DRAFTS, FallbackServerFactory
from wsfallback.leaving import STOPPING
from wsfallback.testing import VERSIONS, attach, connect


class Slow(Resource):
    """
    Answers when it is told to.
    """

    isLeaf = True
    request: Any = None

    def render_GET(self, request: Any) -> Any:
        """
        Later.
        """
        self.request = request
        return NOT_DONE_YET


class HTTPTests(DrainCase):
    """
    Who isn't a WebSocket, or not yet.
    """

    def site(self) -> tuple[FallbackServerFactory, Slow]:
        """
        A server with pages.
        """
        slow = Slow()
        factory = serve(site=Site(slow, reactor=Clock()))
        return factory, slow

    def test_noRequestYet(self) -> None:
        """
        503 in the middle of a request; nothing but the end before it.
        """
        for data in (b"", b"GET / HT"):
            factory = serve()
            client = attach(factory)
            client.deliver(data)
            draining = self.drain(factory)
            if data:
                self.assertRefused(client)
            client.settle()
            self.assertEqual(bool(client.wire), bool(data))
            self.assertTrue(client.disconnected)
            self.assertNothingLeft(factory, draining)

    def test_refusedAlready(self) -> None:
        """
        Once is enough.
        """
        factory = serve()
        client = attach(factory)
        client.answersClose = False
        client.deliver(b"\0")
        wire = client.wire
        draining = self.drain(factory)
        self.assertEqual((client.status, client.wire), (400, wire))
        client.advance(2)
        self.assertNothingLeft(factory, draining)

    def test_answerPending(self) -> None:
        """
        A site's answer is waited for, and is the last one of its connection.
        """
        factory, slow = self.site()
        client = attach(factory)
        client.deliver(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        draining = self.drain(factory)
        client.advance(4)
        self.assertNoResult(draining)
        self.assertFalse(client.disconnected)
        slow.request.write(b"answer")
        slow.request.finish()
        client.settle()
        self.assertIn(b"answer", client.body)
        self.assertTrue(client.disconnected)
        self.assertNothingLeft(factory, draining)

    def test_answerThatIsNotWaitedFor(self) -> None:
        """
        The client leaves before it has it, or it takes too long.
        """
        for leaves in (True, False):
            factory, _ = self.site()
            client = attach(factory)
            client.deliver(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            draining = self.drain(factory)
            if leaves:
                client.drop()
            else:
                client.advance(5)
                self.assertTrue(client.transport.aborted)
            self.assertNothingLeft(factory, draining)

    def test_keptConnection(self) -> None:
        """
        One without a request is closed.
        """
        factory, slow = self.site()
        client = attach(factory)
        client.deliver(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        slow.request.finish()
        client.settle()
        self.assertFalse(client.disconnected)
        draining = self.drain(factory)
        client.settle()
        self.assertTrue(client.disconnected)
        self.assertNothingLeft(factory, draining)

    def test_anyProtocol(self) -> None:
        """
        Of which nothing is known: what it has written is sent, and no more.
        """
        factory = serve(site=Factory.forProtocol(Protocol))
        client = attach(factory)
        client.deliver(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        draining = self.drain(factory)
        client.settle()
        self.assertTrue(client.disconnected)
        self.assertNothingLeft(factory, draining)


class AutobahnTests(DrainCase):
    """
    Clients of an Autobahn factory, whose modern ones have its own protocol.
    """

    def serve(self, decision: Any = None) -> tuple[FallbackServerFactory, list[Any]]:
        """
        A server, and what its protocols hear at their end.
        """
        heard: list[Any] = []

        class Application(WebSocketServerProtocol):
            def onConnect(self, request: Any) -> Any:
                return decision

            def onClose(self, wasClean: bool, code: int, reason: str) -> None:
                heard.append((wasClean, code))

        clock = Clock()
        factory = WebSocketServerFactory(reactor=clock)
        factory.protocol = Application
        return FallbackServerFactory.forAutobahn(factory, reactor=clock), heard

    def test_closed(self) -> None:
        """
        With 1001, as by our own.
        """
        for draft in DRAFTS:
            factory, heard = self.serve()
            client = connect(factory, draft.name)
            self.assertEqual(client.status, 101)
            draining = self.drain(factory)
            client.settle()
            if draft.closeCodes:
                self.assertEqual(client.closing, (1001, STOPPING))
            client.advance(1.5)  # Autobahn's timers count in fifths of a second
            self.assertIsNone(self.successResultOf(draining))
            self.assertEqual(len(heard), 1)

    def test_closingAlready(self) -> None:
        """
        Nothing is added to that.
        """
        factory, heard = self.serve()
        client = connect(factory)
        client.close(1000)
        wire = client.wire
        draining = self.drain(factory)
        self.assertEqual(client.wire, wire)
        client.advance(5)
        self.assertIsNone(self.successResultOf(draining))
        self.assertEqual(heard, [(True, 1000)])

    def test_onConnectPending(self) -> None:
        """
        Refused, as by our own; a decision that comes later has no effect.
        """
        for draft in VERSIONS:
            decision: Deferred[None] = Deferred()
            factory, _ = self.serve(decision)
            client = connect(factory, draft)
            draining = self.drain(factory)
            self.assertRefused(client)
            decision.callback(None)
            client.advance(5)
            self.assertIsNone(self.successResultOf(draining))
            self.assertEqual((client.status, client.body), (503, REFUSAL))
