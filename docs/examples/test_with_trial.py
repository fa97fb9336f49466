"""
One handler under every draft, with trial.
"""

from embed import Echo
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import DRAFTS, FallbackServerFactory
from wsfallback.testing import connect


class EchoTests(SynchronousTestCase):
    def test_everyDraft(self):
        """
        A message comes back, whatever the client speaks, however its bytes are cut.
        """
        for draft in DRAFTS:
            for segment in (None, 1):
                factory = FallbackServerFactory(Echo, reactor=Clock())
                client = connect(factory, draft.name, segment=segment)
                client.send("héllo")
                self.assertEqual(client.receive(), "héllo", draft.name)
                client.close()
                client.finish()
                self.assertFalse(client.isOpen, draft.name)
