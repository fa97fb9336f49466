"""
One handler under every draft, with pytest.
"""

import pytest
from embed import Echo
from twisted.internet.task import Clock

from wsfallback import DRAFTS, FallbackServerFactory
from wsfallback.testing import connect


@pytest.fixture(params=[draft.name for draft in DRAFTS])
def client(request):
    return connect(FallbackServerFactory(Echo, reactor=Clock()), request.param)


def test_a_message_comes_back(client):
    client.send("héllo")
    assert client.receive() == "héllo"


def test_silence_is_ended_only_where_nobody_can_ask(client):
    for _ in range(61):
        client.advance(1)
    # Drafts with ping: the client answered the server's. The others: 60 seconds of silence.
    assert client.isOpen == hasattr(client, "ping")
