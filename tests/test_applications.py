"""
What serves a path.
"""

from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.test_bridge import application
from wsfallback import MessageHandler
from wsfallback.applications import Handlers, IApplication, applicationOf
from wsfallback.bridge import AutobahnApplication
from wsfallback.stream import StreamApplication


class ApplicationTests(SynchronousTestCase):
    """
    Of any kind.
    """

    def test_interface(self) -> None:
        """
        Each kind has all methods.
        """
        for each in (
            Handlers(MessageHandler),
            AutobahnApplication(application(Clock())),
            StreamApplication(Factory(), False),
        ):
            verifyObject(IApplication, each)
            self.assertIs(applicationOf(each), each)

    def test_handlers(self) -> None:
        """
        Are an application of ours; what makes none is a mistake.
        """
        self.assertIsInstance(applicationOf(MessageHandler), Handlers)
        self.assertIsInstance(applicationOf(lambda: MessageHandler()), Handlers)
        for wrong in (object, "echo", None):
            self.assertRaises(TypeError, applicationOf, wrong)
