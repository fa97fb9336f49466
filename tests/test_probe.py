"""
``wsfallback probe``.
"""

import io
import itertools
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.pipe import Network, Script
from tests.test_client import ANSWER_75, BARE_101, refusal
from wsfallback import FallbackServerFactory, MessageHandler, client
from wsfallback.probe import Finding, _parser, main, probe, run, table

URL = "ws://example.com/"


class ProbeTests(SynchronousTestCase):
    """
    What is found.
    """

    def found(self, servers: Any, *seconds: float, **options: Any) -> list[Finding]:
        """
        Probe, and let so much time pass.
        """
        clock = servers.reactor if isinstance(servers, FallbackServerFactory) else Clock()
        net = Network(clock, servers)
        probing = Deferred.fromCoroutine(probe(net, url=URL, reactor=clock, **options))
        for _ in range(5):
            net.settle()
            clock.pump(seconds)
        net.settle()
        findings: list[Finding] = self.successResultOf(probing)
        self.assertTrue(net.isQuiet)
        return findings

    def test_ours(self) -> None:
        """
        Each draft is asked for by itself.
        """
        factory = FallbackServerFactory(
            MessageHandler, drafts=["hixie-76", "rfc6455"], reactor=Clock()
        )
        found = self.found(factory, 2.0)
        self.assertEqual(
            [(each.draft, each.works, each.status, each.means) for each in found],
            [
                ("rfc6455", True, 101, "spoken"),
                ("hybi-10", False, 426, "not spoken"),
                ("hybi-07", False, 426, "not spoken"),
                ("hixie-76", True, 101, "spoken"),
                ("hixie-75", False, 426, "not spoken"),
            ],
        )

    def test_meanings(self) -> None:
        """
        Of answers of all sorts.
        """
        scripts = [
            Script(answer, closes=True)
            for answer in (ANSWER_75, refusal(404), b"+OK\r\n", BARE_101, b"")
        ]
        self.assertEqual(
            [(each.status, each.means) for each in self.found(scripts)],
            [
                (101, "answers as hixie-75"),
                (404, "refused, whoever speaks"),
                (None, "not understood"),
                (101, "not spoken"),
                (None, "not spoken"),
            ],
        )

    def test_noAnswer(self) -> None:
        """
        Some servers are silent on what they don't know; the other drafts are tried.
        """
        found = self.found([Script(b"") for _ in range(5)], 3.0, timeout=3.0)
        self.assertEqual([each.means for each in found], ["no answer"] * 5)

    def test_noServer(self) -> None:
        """
        Is not asked for each draft.
        """
        (finding,) = self.found([ConnectionRefusedError()])
        self.assertEqual((finding.draft, finding.means), ("rfc6455", "no connection"))

    def test_subprotocol(self) -> None:
        """
        What was chosen.
        """

        class Chooser(MessageHandler):
            def onConnect(self, request: Any) -> str:
                return "b"

        factory = FallbackServerFactory(Chooser, reactor=Clock())
        found = self.found(factory, drafts=["hixie-76"], protocols=["a", "b"])
        self.assertEqual(
            found, [Finding("hixie-76", True, 101, "101, subprotocol b", "spoken", "b")]
        )

    def test_table(self) -> None:
        """
        In columns, a line each, whatever the server said.
        """
        findings = [Finding("rfc6455", False, 400, "a\nb", "not spoken")]
        self.assertEqual(table(findings), "draft    means       answer\nrfc6455  not spoken  a b")


class CommandTests(SynchronousTestCase):
    """
    The command line.
    """

    def ran(self, *arguments: str, servers: Any = None) -> tuple[int, str]:
        """
        Exit status and output, by default for a server that isn't there.
        """
        output = io.StringIO()
        clock = Clock()
        each = iter(servers or itertools.repeat(ConnectionRefusedError()))
        nets = []

        def reach(*_: Any) -> Any:
            nets.append(Network(clock, [next(each)]))
            return nets[-1]

        self.patch(client, "endpointTo", reach)
        options = _parser().parse_args(["probe", *arguments])
        with redirect_stdout(output):
            running = Deferred.fromCoroutine(run(clock, options))
            for net in nets:
                net.settle()
        return self.successResultOf(running), output.getvalue()

    def test_agent(self) -> None:
        """
        The server is told that it is no client of an old draft, unless that is what is asked for.
        """
        for more, agent in (
            ((), b"wsfallback-probe"),
            (("--header", "user-agent: Old 1"), b"Old 1"),
        ):
            script = Script(refusal(403), closes=True)
            status, _ = self.ran(*more, URL, servers=[script, *[ConnectionRefusedError()] * 4])
            self.assertEqual(status, 1)
            lines = script.asked.lower().split(b"\r\n")
            self.assertEqual(lines.count(b"user-agent: " + agent.lower()), 1, lines)

    def test_output(self) -> None:
        """
        A table, or JSON; none worked.
        """
        status, output = self.ran(URL)
        self.assertEqual(status, 1)
        self.assertIn("rfc6455  no connection", output)
        status, output = self.ran(
            *("--json", "--header", "X: a:b", "--protocol", "a", "--origin", "http://b"),
            *("--timeout", "2", "--insecure", "wss://example.com/"),
        )
        self.assertEqual(status, 1)
        self.assertEqual(json.loads(output)[0]["works"], False)

    def test_mistakes(self) -> None:
        """
        Exit with 2 and a sentence.
        """
        for arguments in ([], ["probe"], ["probe", "--header", "x", URL], ["probe", "--nope", URL]):
            output = io.StringIO()
            with redirect_stderr(output):
                error = self.assertRaises(SystemExit, main, arguments)
            self.assertEqual(error.code, 2)
            self.assertIn("usage: wsfallback", output.getvalue())
