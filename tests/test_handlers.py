"""
`MessageHandler`.
"""

from autobahn.websocket.types import ConnectionRequest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from wsfallback import FallbackServerFactory, IFrameHandler, IMessageHandler, MessageHandler
from wsfallback.testing import connect


class MessageHandlerTests(SynchronousTestCase):
    """
    What applications derive from.
    """

    def test_interfaces(self) -> None:
        """
        It has every method, with its signature.
        """
        verifyClass(IMessageHandler, MessageHandler)
        verifyClass(IFrameHandler, MessageHandler)

    def test_doesNothing(self) -> None:
        """
        By itself it accepts whoever comes, and says nothing.
        """
        client = connect(FallbackServerFactory(MessageHandler, reactor=Clock()))
        client.send("hello")
        self.assertTrue(client.isOpen)
        self.assertEqual(client.messages, [])

    def test_frameForMessage(self) -> None:
        """
        A frame is a message to it.
        """
        seen = []

        class Handler(MessageHandler):
            def onMessage(self, payload: bytes, isBinary: bool) -> None:
                seen.append((payload, isBinary))

        Handler().onFrame(b"x", True, False)
        self.assertEqual(seen, [(b"x", True)])

    def test_shortcuts(self) -> None:
        """
        What is often wanted of the channel is at hand.
        """
        handler = MessageHandler()
        client = connect(FallbackServerFactory(lambda: handler, reactor=Clock()), "hybi-10")
        self.assertEqual(handler.draft.name, "hybi-10")
        self.assertIsInstance(handler.request, ConnectionRequest)
        self.assertEqual(handler.peer, handler.channel.peer)
        handler.sendMessage(b"\0", True)
        handler.sendClose(1000, "bye")
        client.settle()
        self.assertEqual((client.receive(), client.closing), (b"\0", (1000, "bye")))
