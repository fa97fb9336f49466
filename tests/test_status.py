"""
The status over HTTP.
"""

import json
import sys
from base64 import b64encode
from hashlib import sha256
from typing import Any
from unittest import mock

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.counted import BEGIN
from wsfallback import FallbackServerFactory
from wsfallback.addresses import networks
from wsfallback.demo import DemoPage, Echo
from wsfallback.snapshot import Snapshot
from wsfallback.stats import Statistics
from wsfallback.status import LocalStatus, StatusResource, StatusSite
from wsfallback.statuspage import STYLE
from wsfallback.testing import CLIENT_ADDRESS, attach

HERE = IPv4Address("TCP", "127.0.0.1", 5000)
PATHS = ("status", "status.json", "metrics", "healthy", "ready")


def asked(
    path: str, method: str = "GET", fields: tuple[str, ...] = (), host: str = "localhost"
) -> bytes:
    """
    A request.
    """
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class StatusCase(SynchronousTestCase):
    """
    Has a server, on a clock, that shows its status.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(BEGIN)
        self.statistics = Statistics(self.clock)
        self.resource = StatusResource(
            self.statistics.snapshot, lambda: not self.factory.isDraining
        )
        self.serve(StatusSite(self.resource, reactor=self.clock))

    def serve(self, site: Any, **options: Any) -> None:
        """
        With this site.
        """
        self.factory = FallbackServerFactory(
            Echo, reactor=self.clock, site=site, observers=[self.statistics], **options
        )
        self.factory.doStart()
        self.addCleanup(self.factory.doStop)

    def client(self, peer: IPv4Address = CLIENT_ADDRESS) -> Any:
        """
        One that has not asked yet.
        """
        return attach(self.factory, peer=peer)

    def get(
        self,
        path: str,
        method: str = "GET",
        fields: tuple[str, ...] = (),
        host: str = "localhost",
        peer: IPv4Address = CLIENT_ADDRESS,
    ) -> tuple[int, dict[str, str], bytes]:
        """
        What is answered: status, fields, body.
        """
        client = self.client(peer)
        client.deliver(asked(path, method, fields, host))
        return read(client.wire)


def read(wire: bytes) -> tuple[int, dict[str, str], bytes]:
    """
    An answer.
    """
    head, _, body = wire.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    return int(line.split()[1]), {k.lower(): v for k, v in (x.split(": ", 1) for x in lines)}, body


class ResourceTests(StatusCase):
    """
    What there is.
    """

    def test_page(self) -> None:
        """
        For people.
        """
        status, fields, body = self.get("/-/status")
        self.assertEqual((status, fields["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertEqual(int(fields["content-length"]), len(body))
        self.assertTrue(body.startswith(b"<!DOCTYPE html>"))

    def test_json(self) -> None:
        """
        The snapshot, and whether clients are welcome.
        """
        _, fields, body = self.get("/-/status.json")
        self.assertEqual(fields["content-type"], "application/json")
        found = json.loads(body)
        self.assertTrue(found.pop("ready"))
        self.assertEqual(found["time"], BEGIN)
        self.assertEqual(found["drafts"]["http"]["open"], 1)

    def test_metrics(self) -> None:
        """
        In the format that is asked for.
        """
        _, fields, body = self.get("/-/metrics")
        self.assertEqual(fields["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        names = {family.name for family in text_string_to_metric_families(body.decode())}
        self.assertIn("wsfallback_connections_open", names)
        accept = ("Accept: application/openmetrics-text; version=1.0.0",)
        _, fields, body = self.get("/-/metrics", fields=accept)
        self.assertTrue(fields["content-type"].startswith("application/openmetrics-text"))
        self.assertTrue(body.endswith(b"# EOF\n"))

    def test_metricsThatAreNotInstalled(self) -> None:
        """
        The sentence says what to do.
        """
        with mock.patch.dict(sys.modules, {"wsfallback.metrics": None}):
            status, fields, body = self.get("/-/metrics")
        self.assertEqual((status, fields["content-type"]), (501, "text/plain; charset=utf-8"))
        self.assertIn(b"pip install 'wsfallback[metrics]'", body)

    def test_probes(self) -> None:
        """
        Healthy as long as it answers; ready until it stops.
        """
        admin = StatusSite(self.resource, reactor=self.clock)

        def get(path: str) -> tuple[int, bytes]:
            client = attach(admin)
            client.deliver(asked(path))
            return read(client.wire)[::2]

        self.assertEqual(get("/-/healthy"), (200, b"healthy\n"))
        self.assertEqual(get("/-/ready"), (200, b"ready\n"))
        self.factory.drain(1)
        self.assertTrue(self.factory.isDraining)
        self.assertEqual(get("/-/healthy"), (200, b"healthy\n"))
        self.assertEqual(get("/-/ready"), (503, b"draining\n"))
        self.assertFalse(json.loads(get("/-/status.json")[1])["ready"])
        self.assertIn(b">draining<", get("/-/status")[1])
        self.assertIn(b"wsfallback_ready 0.0", get("/-/metrics")[1])
        self.factory.startFactory()
        self.assertEqual(get("/-/ready"), (200, b"ready\n"))

    def test_readyByDefault(self) -> None:
        """
        Who doesn't say is.
        """
        self.serve(StatusSite(StatusResource(self.statistics.snapshot), reactor=self.clock))
        self.assertEqual(self.get("/-/ready")[0], 200)

    def test_nothingElse(self) -> None:
        """
        Other paths have the sentence, or nothing.
        """
        for path in ("/-/", "/-/status/", "/-/status/x", "/-/x", "/-/%00", "/-//status"):
            status, _, body = self.get(path)
            self.assertEqual(status, 404, path)
            self.assertIn(b"There is only status, status.json, metrics", body)
        for path in ("/", "/status", "/x", "/--/status"):
            self.assertEqual(self.get(path)[0], 404, path)

    def test_methods(self) -> None:
        """
        GET, and HEAD without a body.
        """
        for path in PATHS:
            status, fields, body = self.get(f"/-/{path}", "HEAD")
            self.assertEqual((status, body), (200, b""), path)
            self.assertEqual(fields["content-type"], self.get(f"/-/{path}")[1]["content-type"])
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "get"):
                status, fields, _ = self.get(f"/-/{path}", method, ("Content-Length: 0",))
                self.assertEqual((status, fields["allow"]), (405, "GET, HEAD"))

    def test_fields(self) -> None:
        """
        Nothing is kept, nothing is run, nobody frames it; the style is the one that is meant.
        """
        digest = b64encode(sha256(STYLE.encode()).digest()).decode()
        for path in (*PATHS, "nothing"):
            _, fields, _ = self.get(f"/-/{path}")
            self.assertEqual(fields["cache-control"], "no-store")
            self.assertEqual(fields["x-content-type-options"], "nosniff")
            policy = fields["content-security-policy"]
            self.assertTrue(policy.startswith("default-src 'none'; "), policy)
            self.assertIn(f"style-src 'sha256-{digest}'", policy)
            self.assertIn("frame-ancestors 'none'", policy)

    def test_kept(self) -> None:
        """
        A connection has several requests, one after the other; and they are not logged.
        """
        client = self.client()
        with mock.patch("twisted.web.http.HTTPFactory.log") as log, capturedLogs() as logs:
            for method in ("GET", "HEAD", "GET"):
                client.deliver(asked("/-/healthy", method))
        self.assertEqual(client.wire.count(b"200 OK"), 3)
        self.assertTrue(client.transport.connected)
        log.assert_not_called()
        self.assertEqual(logs, [])


class WaitingTests(StatusCase):
    """
    A snapshot that others have to be asked for.
    """

    def setUp(self) -> None:
        super().setUp()
        self.cancelled = 0
        self.waiting: Deferred[Snapshot] = Deferred(self.cancel)
        self.serve(StatusSite(StatusResource(lambda: self.waiting), reactor=self.clock))

    def cancel(self, waiting: object) -> None:
        """
        Nobody waits any more.
        """
        self.cancelled += 1

    def test_waits(self) -> None:
        """
        For it.
        """
        client = self.client()
        client.deliver(asked("/-/status"))
        self.assertEqual(client.wire, b"")
        self.waiting.callback(self.statistics.snapshot())
        client.settle()
        self.assertEqual(read(client.wire)[0], 200)

    def test_fails(self) -> None:
        """
        What went wrong is in the log alone.
        """
        client = self.client()
        client.deliver(asked("/-/status.json"))
        self.waiting.errback(ZeroDivisionError("secret"))
        client.settle()
        self.assertEqual(read(client.wire)[::2], (500, b"The server failed\n"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_leaves(self) -> None:
        """
        For who has left nobody is asked any more.
        """
        client = self.client()
        client.deliver(asked("/-/status"))
        client.drop()
        self.clock.advance(0)
        self.assertEqual(self.cancelled, 1)
        self.assertEqual(self.flushLoggedErrors(), [])


class LocalTests(StatusCase):
    """
    On the port that serves everything else.
    """

    def serveBeside(self, proxies: tuple[str, ...] = ()) -> None:
        """
        The demo page, and the status.
        """
        root = LocalStatus(self.resource, DemoPage(), networks(proxies))
        self.serve(Site(root, reactor=self.clock))

    def test_here(self) -> None:
        """
        This machine sees it, and all the rest as well, on one connection.
        """
        self.serveBeside()
        client = self.client(HERE)
        for path, wanted in (("/", 200), ("/-/status", 200), ("/x", 404), ("/-/ready", 200)):
            client.settle()
            before = len(client.wire)
            client.deliver(asked(path))
            self.assertEqual(read(client.wire[before:])[0], wanted, path)

    def test_elsewhere(self) -> None:
        """
        For all others the path is the site's.
        """
        self.serveBeside()
        page = (404, b"There is only / here.\n")
        self.assertEqual(self.get("/-/status")[::2], page)
        self.assertEqual(self.get("/-/status", peer=HERE, host="evil.example")[::2], page)
        proxied = ("X-Forwarded-For: 192.0.2.7",)
        self.assertEqual(self.get("/-/status", peer=HERE, fields=proxied)[::2], page)
        self.serveBeside(("127.0.0.0/8",))
        self.assertEqual(self.get("/-/status", peer=HERE)[::2], page)

    def test_factorys(self) -> None:
        """
        Before a site that isn't twisted.web's the factory decides, by the first request; its
        connection has only that.
        """
        site = mock.Mock()
        site.buildProtocol.return_value = None
        status = StatusSite(self.resource, isKept=False, reactor=self.clock)
        self.serve(site, status=status, trusted=["10.0.0.0/8"])
        client = self.client(HERE)
        client.deliver(asked("/-/status") + asked("/x"))
        answer, fields, _ = read(client.wire)
        self.assertEqual((answer, fields["connection"]), (200, "close"))
        self.assertEqual(client.wire.count(b"HTTP/1.1 "), 1)
        self.assertTrue(client.disconnected)
        site.buildProtocol.assert_not_called()
        for path, host, peer in (
            ("/", "localhost", HERE),
            ("/-", "localhost", HERE),
            ("/-/status", "example.com", HERE),
            ("/-/status", "localhost", CLIENT_ADDRESS),
            ("/-/status", "localhost", IPv4Address("TCP", "10.0.0.1", 1)),
        ):
            site.reset_mock()
            self.get(path, host=host, peer=peer)
            site.buildProtocol.assert_called_once()

    def test_noSite(self) -> None:
        """
        Nor is one needed.
        """
        self.serve(None, status=StatusSite(self.resource, isKept=False, reactor=self.clock))
        self.assertEqual(self.get("/-/healthy", peer=HERE)[0], 200)
        self.assertEqual(self.get("/-/healthy")[0], 426)
        self.assertEqual(self.get("/-/healthy", peer=HERE, host="\xe9")[0], 426)
