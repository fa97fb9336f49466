"""
The chat, without a socket: an old and a new client in one room.
"""

from chat import Room
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import FallbackServerFactory
from wsfallback.testing import connect


class ChatTests(SynchronousTestCase):
    def test_oldAndNew(self):
        """
        What a client of 2010 says reaches one of today, and the other way round.
        """
        factory = FallbackServerFactory(Room(), reactor=Clock())
        old = connect(factory, "hixie-76", path="/?name=grandma")
        new = connect(factory, "rfc6455", path="/?name=kid")
        old.send("hello ✓")
        new.send("hi")
        old.settle()  # it reads what the others' doing has brought it
        self.assertEqual(
            old.messages,
            ["grandma came by hixie-76", "kid came by rfc6455", "grandma: hello ✓", "kid: hi"],
        )
        self.assertEqual(new.messages, old.messages[1:])

    def test_leaving(self):
        """
        Who leaves is gone for the others, also when it just drops the connection.
        """
        factory = FallbackServerFactory(Room(), reactor=Clock())
        old = connect(factory, "hixie-76", path="/?name=grandma")
        new = connect(factory, "rfc6455", path="/?name=kid")
        old.drop()
        new.settle()
        self.assertEqual(new.messages[-1], "grandma left")
