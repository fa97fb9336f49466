"""
What the command serves when it is told nothing else.
"""

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from wsfallback import FallbackServerFactory
from wsfallback.demo import DRAFT_PATH, Broadcast, DemoPage, DraftName, Echo
from wsfallback.testing import VERSIONS, attach, connect


class EchoTests(SynchronousTestCase):
    """
    Echo.
    """

    def test_echo(self) -> None:
        """
        Every message comes back, and the first subprotocol is taken.
        """
        for draft in VERSIONS:
            client = connect(FallbackServerFactory(Echo, reactor=Clock()), draft, protocols=["x"])
            client.send("h\xe9llo")
            self.assertEqual((client.receive(), client.protocol), ("h\xe9llo", "x"))


class DraftNameTests(SynchronousTestCase):
    """
    DraftName.
    """

    def test_tells(self) -> None:
        """
        The client hears which draft it was served with; when it answers, the server closes.
        """
        for draft in VERSIONS:
            client = connect(FallbackServerFactory(DraftName, reactor=Clock()), draft)
            self.assertEqual(client.receive(), draft)
            client.send("thanks")
            self.assertTrue(client.disconnected)


class BroadcastTests(SynchronousTestCase):
    """
    Broadcast.
    """

    def setUp(self) -> None:
        group = Broadcast()
        self.group = group
        self.factory = FallbackServerFactory(group, reactor=Clock())
        self.clients = {draft: connect(self.factory, draft) for draft in VERSIONS}

    def test_acrossDrafts(self) -> None:
        """
        A message reaches every other client, and not its sender.
        """
        for draft, client in self.clients.items():
            client.send(f"from {draft}")
            for other in self.clients.values():
                other.settle()
                wanted = [] if other is client else [f"from {draft}"]
                self.assertEqual(other.messages, wanted)
                other.messages.clear()

    def test_binary(self) -> None:
        """
        A binary message reaches those whose draft can carry it.
        """
        self.clients["rfc6455"].send(b"\xff\x00")
        for draft, client in self.clients.items():
            client.settle()
            wanted = [b"\xff\x00"] if draft in ("hybi-07", "hybi-10") else []
            self.assertEqual(client.messages, wanted, draft)
            self.assertTrue(client.isOpen)

    def test_clientsThatLeave(self) -> None:
        """
        Nobody sends to one that is closing, or gone, and nobody is hurt by it.
        """
        closing = self.clients["hybi-10"]
        closing.answersClose = False
        next(each for each in self.group.open if each.draft.name == "hybi-10").sendClose()
        self.clients["hixie-75"].drop()
        self.clients["rfc6455"].send("hello")
        self.clients["hixie-76"].settle()
        self.assertEqual(self.clients["hixie-76"].receive(), "hello")
        self.assertTrue(self.clients["rfc6455"].isOpen)
        self.assertEqual(len(self.group.open), 3)
        for client in self.clients.values():
            client.drop()
        self.assertEqual(self.group.open, set())


class DemoPageTests(SynchronousTestCase):
    """
    The page.
    """

    def get(self, path: bytes) -> bytes:
        """
        What HTTP answers.
        """
        site = Site(DemoPage(), reactor=Clock())
        client = attach(FallbackServerFactory(Echo, site=site, reactor=Clock()))
        client.deliver(b"GET " + path + b" HTTP/1.0\r\n\r\n")
        wire: bytes = client.wire
        return wire

    def test_served(self) -> None:
        """
        As HTML at the root, whatever the query.
        """
        for path in (b"/", b"/?x"):
            head, _, body = self.get(path).partition(b"\r\n\r\n")
            self.assertIn(b" 200 OK", head)
            self.assertIn(b"text/html; charset=utf-8", head)
            self.assertTrue(body.startswith(b"<!DOCTYPE html>"))

    def test_nowhereElse(self) -> None:
        """
        Elsewhere there is nothing.
        """
        self.assertIn(b" 404 Not Found", self.get(b"/x"))

    def test_javaScriptOf2009(self) -> None:
        """
        The page holds no word that the browsers of 2009 don't know, and asks where the draft
        is told.
        """
        page = self.get(b"/").decode()
        (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
        for word in ("let ", "const ", "=>", "`", "JSON", "addEventListener", "textContent"):
            self.assertNotIn(word, script)
        for word in ("window.MozWebSocket", f"'{DRAFT_PATH}'"):
            self.assertIn(word, script)
        self.assertNotIn("src=", page)
