"""
Browsers, an old and a new one, on the page of the command.
"""

from pathlib import Path

import pytest_twisted

from tests.integration.children import Served
from tests.integration.foreign import CHROMIUM, PHANTOM, artefacts
from tests.integration.scenarios import ECHOES


@pytest_twisted.ensureDeferred
async def test_phantom(server: Served) -> None:
    """
    PhantomJS 1.9.8, whose WebKit is of 2011, is served with hixie-76, and shows so.
    """
    report = await PHANTOM.report(server.url)
    assert report["draft"] == "hixie-76"
    assert tuple(report["seen"]["echoes"]["heard"]) == ECHOES
    assert report["log"] == ["sent: grüß ☃", "got: grüß ☃", "closed"]


@pytest_twisted.ensureDeferred
async def test_chromium(server: Served, tmp_path: Path) -> None:
    """
    A Chromium of today is served with RFC 6455, and shows so, of which a picture is kept.
    """
    picture = artefacts(tmp_path) / "chromium.png"
    report = await CHROMIUM.report(server.url, picture)
    assert report["draft"] == "rfc6455"
    assert tuple(report["seen"]["echoes"]["heard"]) == ECHOES
    assert "permessage-deflate" in report["seen"]["echoes"]["extensions"]
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
