"""
What the command writes to its log.
"""

import json
from pathlib import Path

import pytest_twisted

from tests.integration.children import TWISTD, Served, environment
from tests.integration.conftest import Connect, Serve
from tests.integration.support import ANYWHERE, DRAFTS, until
from wsfallback.testing import request

#: A handler that fails, and quotes its client.
QUOTING = """
from wsfallback import MessageHandler


class Quoting(MessageHandler):
    def onMessage(self, payload, isBinary):
        raise ValueError(payload.decode())
"""


@pytest_twisted.ensureDeferred
async def test_json(serve: Serve, connect: Connect) -> None:
    """
    Each line is an object; of a connection there are two, and of a refusal one.
    """
    server = await serve("--log-format", "json", "--origin", "http://a.test")
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open(origin="http://a.test", headers={"User-Agent": "A \x9b31m"})
        client.say("hello")
        assert await client.hear() == "hello"
        client.drop()
        stranger = await connect(server.port)
        stranger.send(request(draft, origin="http://b.test"))
        await stranger.readEnd()
    await until(lambda: server.log.count('"seconds"') == len(DRAFTS), "the ends", server)
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert all(line["level"] == "info" for line in lines), server
    ours = [line for line in lines if line["logger"] == "wsfallback.journal"]
    assert len(ours) == 3 * len(DRAFTS), server
    for draft in DRAFTS:
        those = [line for line in ours if line["draft"] == draft]
        (refused,) = [line for line in those if "status" in line]
        (ended,) = [line for line in those if "seconds" in line]
        (opened,) = [line for line in those if line not in (refused, ended)]
        assert opened["connection"] == ended["connection"] != refused["connection"]
        assert (opened["agent"], opened["origin"]) == ("A ?31m", "http://a.test")
        assert (ended["messagesIn"], ended["bytesOut"]) == (1, 5)
        assert refused["status"] == 403


@pytest_twisted.ensureDeferred
async def test_file(connect: Connect, tmp_path: Path) -> None:
    """
    In a file, where twistd is told of one; with nothing in it that a terminal would obey.
    """
    (tmp_path / "quoting.py").write_text(QUOTING)
    path = tmp_path / "ours.log"
    command = [*TWISTD[:-1], "--logfile", str(path), TWISTD[-1], "--listen", ANYWHERE]
    server = Served(
        [*command, "--handler", "quoting.Quoting"],
        env=environment(),
        directory=tmp_path,
    )
    try:
        await until(lambda: path.exists() and "serves on" in path.read_text(), "a port", server)
        port = int(path.read_text().partition("serves on http://127.0.0.1:")[2].partition("/")[0])
        for draft in DRAFTS:
            client = await connect(port, draft)
            await client.open(headers={"User-Agent": "\x9b31m"})
            client.say("\x1b[31m\x9b\u202e\r\n2026-11-23T00:00:00+0000 [-] all is well")
            await until(
                lambda: path.read_text().count("ended after") == DRAFTS.index(draft) + 1,  # noqa: B023
                "the end",
                server,
            )
            client.drop()
    finally:
        await server.stop()
    assert server.printed == "", server
    text = path.read_text()
    assert "\\x1b[31m\\x9b\\u202e" in text, text
    assert all(each.isprintable() or each in "\n\t" for each in text), text
    assert "\n2026-11-23T00:00:00+0000 [-] all is well" not in text, text
