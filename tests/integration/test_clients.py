"""
Each client that other people made, on each of its drafts, against one server.
"""

from typing import Any

import pytest
import pytest_twisted

from tests.integration.children import Served
from tests.integration.foreign import NODE, PERL, RUBY, WEBSOCKETS, Peer
from tests.integration.scenarios import ECHOES


def checkReport(report: dict[str, Any], draft: str) -> None:
    """
    All echoes came, on this draft, and the server has ended TCP after a close of the draft's.
    """
    assert report["draft"] == draft
    checkEchoes(report["seen"]["echoes"], draft)


def checkEchoes(seen: dict[str, Any], draft: str) -> None:
    """
    The same, where only the client knows of its draft.
    """
    assert tuple(seen["heard"]) == ECHOES
    assert seen["tcp"], seen
    # The only close that hixie-75 has is TCP's.
    assert seen["frame"] == (draft != "hixie-75"), seen


def base(server: Served) -> str:
    """
    What a client is told of a server.
    """
    return f"ws://127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("version", "draft"),
    [
        ("draft-hixie-75", "hixie-75"),
        ("draft-hixie-76", "hixie-76"),
        ("draft-ietf-hybi-10", "hybi-10"),
        ("draft-ietf-hybi-17", "rfc6455"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_perl(server: Served, version: str, draft: str) -> None:
    """
    Protocol::WebSocket.
    """
    checkReport(await PERL.report(version, base(server)), draft)


@pytest.mark.parametrize(
    ("version", "draft"),
    [
        (75, "hixie-75"),
        (76, "hixie-76"),
        (7, "hybi-07"),
        (8, "hybi-10"),
        (13, "rfc6455"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_ruby(server: Served, version: int, draft: str) -> None:
    """
    The gem "websocket".
    """
    checkReport(await RUBY.report(version, base(server)), draft)


@pytest.mark.parametrize("peer", [NODE, WEBSOCKETS], ids=["ws", "websockets"])
@pytest_twisted.ensureDeferred
async def test_modern(server: Served, peer: Peer) -> None:
    """
    The libraries of today, which offer compression and get it.
    """
    report = await peer.report(base(server))
    checkReport(report, "rfc6455")
    assert "permessage-deflate" in report["seen"]["echoes"]["extensions"]
