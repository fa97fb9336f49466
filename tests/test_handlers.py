"""
`MessageHandler`, and what makes handlers.
"""

from functools import partial

from autobahn.websocket.types import ConnectionRequest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from wsfallback import FallbackServerFactory, IFrameHandler, IMessageHandler, MessageHandler
from wsfallback.handlers import checkedHandler
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
        transport = client.transport
        handler.pauseReading()
        self.assertTrue(transport.paused)
        handler.resumeReading()
        self.assertFalse(transport.paused)
        self.successResultOf(handler.drained())
        handler.sendMessage(b"\0", True)
        handler.sendClose(1000, "bye")
        client.settle()
        self.assertEqual((client.receive(), client.closing), (b"\0", (1000, "bye")))


class Named(MessageHandler):
    """
    Wants to be given something.
    """

    def __init__(self, name: str) -> None:
        self.name = name


class CheckedHandlerTests(SynchronousTestCase):
    """
    What makes handlers.
    """

    def test_passes(self) -> None:
        """
        A class, and what else can be called without arguments; of what is in C, like `min`,
        nothing can be known.
        """
        for right in (MessageHandler, lambda: Named("a"), partial(Named, "a"), min):
            self.assertIs(checkedHandler(right), right)

    def test_refuses(self) -> None:
        """
        Another class, what can't be called, and what wants arguments.
        """
        for wrong in (object, "echo", None, Named, lambda name: Named(name)):
            self.assertRaises(TypeError, checkedHandler, wrong)
