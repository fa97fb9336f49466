"""
The client endpoint, by itself and under Twisted's `ClientService`.
"""

from typing import Any

from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.contract import Echo, Recorder, fail, recorder
from tests.pipe import Network
from wsfallback import (
    FallbackServerFactory,
    IMessageHandler,
    MessageFactory,
    NoDraftWorked,
    WebSocketEndpoint,
)

URL = "ws://example.com/"


class EndpointTestCase(SynchronousTestCase):
    """
    What these tests need.
    """

    def endpoint(self, *servers: Any, **options: Any) -> WebSocketEndpoint:
        """
        One whose connections are in memory; by default one server has them all.
        """
        self.clock = Clock()
        self.server = FallbackServerFactory(Echo, reactor=self.clock)
        self.net = Network(self.clock, [*servers] if servers else self.server)
        return WebSocketEndpoint(self.net, url=URL, reactor=self.clock, **options)


class EndpointTests(EndpointTestCase):
    """
    `WebSocketEndpoint.connect`.
    """

    def test_connect(self) -> None:
        """
        The protocol that the factory built, with its handler and its channel; its end is told.
        """
        endpoint = self.endpoint()
        verifyObject(IStreamClientEndpoint, endpoint)
        kind = recorder()
        connecting = endpoint.connect(MessageFactory(kind))
        self.net.settle()
        protocol = self.successResultOf(connecting)
        self.assertIs(protocol.handler, kind.made[0])
        lost: list[Any] = []
        protocol.connectionLost = lost.append
        protocol.channel.sendMessage(b"hi")
        self.net.settle()
        self.assertEqual(kind.made[0].calls[-1], ("message", b"hi", False))
        self.assertEqual(protocol.transport.getPeer().port, 8080)
        self.assertEqual(protocol.transport.getHost().host, "192.0.2.1")
        protocol.transport.loseConnection()
        self.net.settle()
        self.assertEqual(kind.made[0].calls[-1], ("close", True, 1005, None))
        self.assertEqual(len(lost), 1)

    def test_abort(self) -> None:
        """
        An end that isn't clean.
        """
        kind = recorder()
        connecting = self.endpoint().connect(MessageFactory(kind))
        self.net.settle()
        protocol = self.successResultOf(connecting)
        lost: list[Any] = []
        protocol.connectionLost = lost.append
        protocol.transport.abortConnection()
        self.net.settle()
        lost[0].trap(ConnectionLost)
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))

    def test_frames(self) -> None:
        """
        Go to a handler that takes them, and as messages to one that doesn't.
        """

        class Framed(Recorder):
            def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> None:
                self.calls.append(("frame", payload, isBinary, isFinal))

        @implementer(IMessageHandler)
        class Plain:
            channel: Any
            came: bytes = b""

            def onConnect(self, response: Any) -> None:
                pass

            onOpen = onClose = lambda *_: None

            def onMessage(self, payload: bytes, isBinary: bool) -> None:
                self.came += payload

        handlers: list[Any] = [Framed(), Plain()]
        for handler in handlers:
            endpoint = self.endpoint(frames=True)
            connecting = endpoint.connect(MessageFactory(lambda handler=handler: handler))
            self.net.settle()
            self.successResultOf(connecting).channel.sendMessage(b"hi")
            self.net.settle()
        self.assertEqual(handlers[0].calls[-1], ("frame", b"hi", False, True))
        self.assertEqual(handlers[1].came, b"hi")

    def test_failures(self) -> None:
        """
        Are those of `connect`; of the handler's, too, and then nothing was made.
        """
        connecting = self.endpoint(ConnectionRefusedError()).connect(MessageFactory(recorder()))
        self.failureResultOf(connecting, NoDraftWorked)
        kind = recorder(connect=fail)
        connecting = self.endpoint().connect(MessageFactory(kind))
        self.net.settle()
        self.clock.pump([2.0, 0.0])
        self.failureResultOf(connecting, ZeroDivisionError)
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))

    def test_factoryOfBytes(self) -> None:
        """
        Can't be served.
        """
        connecting = self.endpoint().connect(Factory.forProtocol(Protocol))
        self.net.settle()
        self.clock.pump([2.0, 0.0])
        self.failureResultOf(connecting, TypeError)

    def test_wrongHandlers(self) -> None:
        """
        Are refused before a `ClientService` could try them again and again.
        """
        for handler in (object, "echo", lambda channel: Echo()):
            self.assertRaises(TypeError, MessageFactory, handler)

    def test_cancel(self) -> None:
        """
        Ends the attempt.
        """
        connecting = self.endpoint(None).connect(MessageFactory(recorder()))
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual(self.net.cancelled, 1)


class ServiceTests(EndpointTestCase):
    """
    Reconnection with back-off, by Twisted's own service.
    """

    def test_reconnection(self) -> None:
        """
        After failures with growing pauses, and after a loss; each connection has a new handler.
        When the service stops, the connection closes in the way of its draft.
        """
        endpoint = self.endpoint()
        refused = ConnectionRefusedError()
        self.net = Network(self.clock, [refused, refused, self.server, self.server])
        endpoint = WebSocketEndpoint(self.net, url=URL, reactor=self.clock)
        kind = recorder()
        service = ClientService(
            endpoint, MessageFactory(kind), retryPolicy=lambda n: 2.0**n, clock=self.clock
        )
        service.startService()
        waiting = service.whenConnected()
        self.assertEqual(self.net.tried, 1)
        self.clock.advance(2.0)
        self.assertEqual(self.net.tried, 2)
        self.clock.advance(3.9)
        self.assertEqual(self.net.tried, 2)
        self.clock.advance(0.1)
        self.net.settle()
        self.assertEqual(self.net.tried, 3)
        protocol: Any = self.successResultOf(waiting)
        self.assertIs(protocol.handler, kind.made[0])
        self.net.ends[0][0].lose(ConnectionLost())
        self.net.ends[0][1].lose(ConnectionLost())
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
        self.clock.advance(2.0)
        self.net.settle()
        self.assertEqual((self.net.tried, len(kind.made)), (4, 2))
        stopping = service.stopService()
        assert stopping is not None
        self.net.settle()
        self.successResultOf(stopping)
        self.assertEqual(kind.made[1].calls[-1][:3], ("close", True, 1005))
        self.assertTrue(self.net.isQuiet)
