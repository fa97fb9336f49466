"""
The options of who may come in.
"""

import shlex
from ipaddress import ip_network
from typing import Any

from twisted.python.usage import UsageError
from twisted.web.server import Site

from tests.test_docs import ROOT
from tests.test_tap import DirectoryCase, parsed
from wsfallback import DRAFTS, Rules
from wsfallback.tap import makeService
from wsfallback.testing import SERVER_ADDRESS
from wsfallback.web import HostsSite


class RuleOptionsTests(DirectoryCase):
    """
    What can be said.
    """

    def entrance(self, *arguments: str) -> dict[str, Any]:
        """
        What the factory is given that it wouldn't be without.
        """
        nothing = parsed().entrance()
        found = parsed(*arguments).entrance()
        return {name: value for name, value in found.items() if nothing.get(name) != value}

    def refused(self, *arguments: str) -> str:
        """
        The sentence that a mistake gets.
        """
        return str(self.assertRaises(UsageError, parsed, *arguments))

    def test_drafts(self) -> None:
        """
        By name, in any order, spaces allowed, several times, for all paths and for one.
        """
        found = self.entrance("--drafts", "rfc6455, hixie-76")
        self.assertEqual(found, {"drafts": ["rfc6455", "hixie-76"]})
        found = self.entrance(
            *("--drafts", "rfc6455", "--drafts", "hybi-10"),
            *("--drafts", "/kiosk=hixie-76,hixie-75", "--drafts", "/a/b=rfc6455"),
        )
        self.assertEqual(
            found,
            {
                "drafts": ["rfc6455", "hybi-10"],
                "rules": {
                    "/kiosk": Rules(drafts=["hixie-76", "hixie-75"]),
                    "/a/b": Rules(drafts=["rfc6455"]),
                },
            },
        )

    def test_trustedProxies(self) -> None:
        """
        One network each.
        """
        found = self.entrance("--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "::1")
        self.assertEqual(found, {"trusted": [ip_network("10.0.0.0/8"), ip_network("::1")]})

    def test_badDrafts(self) -> None:
        """
        The sentence names those that there are.
        """
        for wrong in ("hixie-77", "13", ",", "", "/a=hixie-77", "/a="):
            sentence = self.refused("--drafts", wrong)
            self.assertTrue(sentence.startswith(f"--drafts {wrong}: "), sentence)
            for draft in DRAFTS:
                self.assertIn(draft.name, sentence)

    def test_origins(self) -> None:
        """
        Several times.
        """
        found = self.entrance("--origin", "https://*.example.com", "--origin", "null")
        self.assertEqual(found, {"origins": ["https://*.example.com", "null"]})
        found = self.entrance("--origin", "/a=none", "--origin", "/a=file://")
        self.assertEqual(found, {"rules": {"/a": Rules(origins=["none", "file://"])}})

    def test_badOrigins(self) -> None:
        """
        What can match nothing.
        """
        for wrong in ("", "https://example.com/", "*.example.com", "http://a b", "/a=", "/a=b/c"):
            sentence = self.refused("--origin", wrong)
            self.assertTrue(sentence.startswith(f"--origin {wrong}: an origin is"), sentence)

    def test_legacyFrom(self) -> None:
        """
        Networks.
        """
        found = self.entrance(
            *("--legacy-from", "10.0.0.0/8", "--legacy-from", "::1"),
            *("--legacy-from", "/kiosk=192.0.2.0/24"),
        )
        self.assertEqual(found["legacyFrom"], [ip_network("10.0.0.0/8"), ip_network("::1")])
        self.assertEqual(found["rules"], {"/kiosk": Rules(legacyFrom=[ip_network("192.0.2.0/24")])})
        for wrong in ("10.0.0.0/99", "10.0.0.1/8", "kiosk", "", "/a=kiosk"):
            sentence = self.refused("--legacy-from", wrong)
            self.assertTrue(sentence.startswith(f"--legacy-from {wrong}: "), sentence)

    def test_oneRuleForAPath(self) -> None:
        """
        All options for a path are one rule.
        """
        found = self.entrance(
            *("--origin", "/a=null", "--drafts", "/a=hixie-76", "--legacy-from", "/a=::/0")
        )
        self.assertEqual(
            found["rules"], {"/a": Rules(["hixie-76"], ["null"], [ip_network("::/0")])}
        )

    def test_badPaths(self) -> None:
        """
        A path as clients send it, and once.
        """
        for option, value in (("drafts", "rfc6455"), ("origin", "null"), ("legacy-from", "::/0")):
            self.assertIn("percent-encoded", self.refused(f"--{option}", f"/a?b={value}"))
        self.assertIn("twice", self.refused("--drafts", "/a=rfc6455", "--drafts", "/a/=rfc6455"))

    def test_file(self) -> None:
        """
        A config file has the same, as lists.
        """
        path = self.directory() / "wsfallback.toml"
        path.write_text(
            'drafts = ["rfc6455", "/a=hixie-76"]\nhost = "[::1]"\nflash-policy = true\n'
        )
        found = self.entrance("--config", str(path))
        self.assertEqual(
            found,
            {
                "drafts": ["rfc6455"],
                "rules": {"/a": Rules(drafts=["hixie-76"])},
                "hosts": ["[::1]"],
                "flashPolicy": True,
            },
        )

    def test_hosts(self) -> None:
        """
        They reach the factory, and the site that sees later requests.
        """
        arguments = ("--host", "example.com", "--host", "[::1]:8080")
        self.assertEqual(self.entrance(*arguments), {"hosts": ["example.com", "[::1]:8080"]})
        for wrong in ("", "a/b", "http://a", "a:"):
            self.assertIn(f"--host {wrong}: ", self.refused("--host", wrong))
        self.assertIsInstance(self.site(*arguments), HostsSite)

    def test_hostsOfTheProxy(self) -> None:
        """
        And the one to a backend.
        """
        proxy = self.site("--forward-http", "http://a", "--host", "example.com")
        self.assertNotIsInstance(proxy, Site)
        self.assertEqual(len(proxy._hosts._patterns), 1)

    def test_external(self) -> None:
        """
        A URL.
        """
        found = self.entrance("--external-url", "wss://a.test/ws")
        self.assertEqual(found, {"externalURL": "wss://a.test/ws"})
        for wrong in ("", "https://a.test", "a.test", "wss://a.test/?b"):
            self.assertIn(f"--external-url {wrong}: ", self.refused("--external-url", wrong))

    def test_flashPolicy(self) -> None:
        """
        Off unless it is asked for.
        """
        self.assertEqual(self.entrance("--flash-policy"), {"flashPolicy": True})

    def test_service(self) -> None:
        """
        All of it comes to the factory.
        """
        (service,) = makeService(
            parsed(
                *("--drafts", "rfc6455", "--drafts", "/a=hixie-76", "--origin", "http://b.test"),
                *("--legacy-from", "10.0.0.0/8", "--flash-policy", "--external-url", "ws://c:81"),
            )
        )
        entrance = service._factory.entrance
        self.assertIn(b'"b.test" to-ports="81"', entrance.flashPolicy(SERVER_ADDRESS.port))
        gates = entrance._gates
        for path, name in ((b"/", "rfc6455"), (b"/a/b", "hixie-76")):
            gate = gates.forPath(path)
            self.assertEqual([draft.name for draft in gate.drafts], [name])
            self.assertEqual(gate.legacyFrom, (ip_network("10.0.0.0/8"),))

    def test_thePagesCommand(self) -> None:
        """
        The command of the documentation says what it says there.
        """
        page = (ROOT / "docs" / "howto" / "policy.rst").read_text("utf-8")
        said = page.partition("wsfallback ")[2].partition("\n\n")[0].replace("\\\n", " ")
        found = self.entrance(*shlex.split(said))
        self.assertEqual(
            found,
            {
                "drafts": ["rfc6455"],
                "origins": ["https://www.example.com"],
                "hosts": ["www.example.com", "10.0.0.5"],
                "rules": {
                    "/kiosk": Rules(
                        ["hixie-76", "rfc6455"], ["file://", "null"], [ip_network("10.0.0.0/8")]
                    ),
                    "/feed": Rules(origins=["none"]),
                },
            },
        )

    def site(self, *arguments: str) -> Any:
        """
        What has plain HTTP.
        """
        (service,) = makeService(parsed(*arguments))
        return service._factory._site
