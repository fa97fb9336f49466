"""
What the command shows of itself: to a browser, to Prometheus, to probes; and to whom.
"""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest_twisted
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.children import Served
from tests.integration.conftest import Connect, Serve, Start
from tests.integration.connections import Answer, Connection
from tests.integration.foreign import CHROMIUM_STATUS, HTTP_SERVER, PHANTOM, artefacts
from tests.integration.support import ANYWHERE, DRAFTS, until
from tests.integration.test_command import get
from tests.integration.test_drain import ended, seesClose, stop

#: Who would like to be more than text.
HOSTILE = "<script>document.body.remove()</script>"


async def ask(client: Connection, path: str, **fields: str) -> Answer:
    """
    A page, on a connection that stays.
    """
    client.send(get(path, **fields))
    return await client.readAnswer()


async def shown(connect: Connect, port: int) -> Any:
    """
    What is counted.
    """
    client = await connect(port)
    answer = await ask(client, "/-/status.json")
    assert answer.status == 200
    return json.loads(answer.body)


def adminPort(server: Served) -> int:
    """
    Where the status is, by the log.
    """
    (port,) = re.findall(r"shows its status on http://127.0.0.1:(\d+)/", server.log)
    return int(port)


async def becomes(connect: Connect, port: int, draft: str, **wanted: int) -> Any:
    """
    Wait until so many are counted; ends of TCP take a moment to be noticed.
    """
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    for _ in range(2000):
        row = (await shown(connect, port))["drafts"][draft]
        if {name: row[name] for name in wanted} == wanted:
            return row
        await deferLater(reactor, 0.01)
    raise AssertionError(f"{draft} is {row} and should be {wanted}")


@pytest_twisted.ensureDeferred
async def test_browser(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    A Chromium of today shows who is there, of which pictures are kept; one of 2011 was there.
    """
    server = await serve("--origin", "http://*", "--origin", "http://*:*")
    old = await PHANTOM.report(server.url)
    assert old["draft"] == "hixie-76"
    clients = [await connect(server.port, draft) for draft in DRAFTS if draft != "hybi-07"]
    for number, client in enumerate(clients):
        await client.open(headers={"User-Agent": HOSTILE if number else "A kiosk of 2010"})
        client.say("hello")
        assert await client.hear() == "hello"
    stranger = await connect(server.port, "hybi-10")
    stranger.sendOpening(origin="ftp://evil.example")
    assert (await stranger.readAnswer()).status == 403
    pictures = [artefacts(tmp_path) / name for name in ("status.png", "status-dark.png")]
    report = await CHROMIUM_STATUS.report(f"{server.url}-/status", *pictures)
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG\r\n")
    light, dark = report["seen"]["light"], report["seen"]["dark"]
    assert light["paper"] != dark["paper"]
    for seen in (light, dark):
        assert not seen["scripts"]
        assert seen["overflow"] == 0
        for sentence in ("ready", "No hybi-07 client in", "In use now.", "A kiosk of 2010"):
            assert sentence in seen["text"], seen["text"]
        rows = {row[0]: row[1:] for row in reversed(seen["rows"]) if row}
        for client in clients:
            # Messages of connections that are open are counted.
            assert rows[client.draft][0] == "1", seen["rows"]
            assert int(rows[client.draft][4]) >= 1
        assert rows["hybi-07"][-1] == "never"
        assert rows["A kiosk of 2010"] == ["1", "now"]
        assert rows[HOSTILE][1] == "now"
        # Its WebKit says of itself only where it is.
        assert rows["(none given)"][1] != "never"
        assert server.url.rstrip("/") in rows
        assert ["hybi-10", "403", "This origin may not connect", "1"] in seen["rows"]
        # What is drawn can be seen, each draft in its colour.
        areas = {area["name"]: area for area in seen["areas"]}
        assert set(areas) == {client.draft for client in clients}
        assert len({area["fill"] for area in areas.values()}) == len(clients)
        for area in areas.values():
            assert area["width"] > 0
            assert area["height"] > 10


@pytest_twisted.ensureDeferred
async def test_metrics(serve: Serve, connect: Connect) -> None:
    """
    Prometheus gets what has happened, with every draft.
    """
    server = await serve()
    for draft in DRAFTS:
        client = await connect(server.port, draft)
        await client.open()
        client.say("hello")
        assert await client.hear() == "hello"
        client.sayGoodbye()
        await becomes(connect, server.port, draft, open=0, opened=1)
    client = await connect(server.port)
    answer = await ask(client, "/-/metrics")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }
    for draft in DRAFTS:
        assert samples["wsfallback_connections_open", draft] == 0
        assert samples["wsfallback_handshakes_total", draft] == 1
        assert samples["wsfallback_messages_total", *sorted((draft, "in"))] == 1
        assert samples["wsfallback_bytes_total", *sorted((draft, "out"))] == 5
        assert samples["wsfallback_connection_duration_seconds_count", draft] == 1


@pytest_twisted.ensureDeferred
async def test_admin(serve: Serve, connect: Connect) -> None:
    """
    On an endpoint of its own, and only there, to the end.
    """
    server = await serve("--admin", ANYWHERE, "--drain", "20")
    port = adminPort(server)
    client = await connect(server.port, "hixie-76")
    await client.open()
    probe = await connect(port)
    assert (await ask(probe, "/-/ready")).status == 200
    assert (await ask(await connect(server.port), "/-/ready")).status == 404
    assert (await ask(probe, "/")).status == 404
    stop(server)
    await until(lambda: "telling " in server.log, "the drain", server)
    answer = await ask(probe, "/-/ready")
    assert (answer.status, answer.body) == (503, b"draining\n")
    assert (await ask(await connect(port), "/-/healthy")).status == 200
    assert (await shown(connect, port))["drafts"]["hixie-76"]["open"] == 1
    await seesClose(client)
    await ended(server, signal.SIGTERM)


@pytest_twisted.ensureDeferred
async def test_restart(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    Who was seen last is known to the next one.
    """
    for opened in (1, 0):
        server = await serve("--stats-file", "seen.json")
        if opened:
            client = await connect(server.port, "hixie-75")
            await client.open(headers={"User-Agent": "A kiosk of 2010"})
            client.drop()
        row = await becomes(connect, server.port, "hixie-75", open=0, opened=opened)
        (agent,) = row["agents"]
        assert (agent["text"], agent["count"]) == ("A kiosk of 2010", 1)
        assert row["lastSeen"] is not None
        stop(server)
        await ended(server)
        assert (tmp_path / "seen.json").is_file()


@pytest_twisted.ensureDeferred
async def test_behindABackend(serve: Serve, start: Start, connect: Connect) -> None:
    """
    Where HTTP goes to a backend this machine sees the status, and for all others the path is the
    backend's.
    """
    backend = await start(HTTP_SERVER)
    server = await serve("--forward-http", f"http://127.0.0.1:{backend.port}")
    client = await connect(server.port)
    assert b"<!DOCTYPE html>" in (await ask(client, "/-/status")).body
    assert await client.readEnd() == b""
    proxied = await connect(server.port)
    assert (await ask(proxied, "/-/status", Via="1.1 proxy")).body == b"hello"
    assert (await ask(await connect(server.port), "/-")).body == b"hello"
