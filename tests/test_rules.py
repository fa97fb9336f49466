"""
Who may come in, by path and by network.
"""

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import recorder
from tests.test_server import serve
from wsfallback import DRAFTS, FallbackServerFactory, Rules
from wsfallback.bridge import AutobahnApplication
from wsfallback.drafts.table import HIXIE_75, HIXIE_76
from wsfallback.rules import Gates
from wsfallback.testing import VERSIONS, attach, connect

INSIDE = IPv4Address("TCP", "10.1.2.3", 52914)
OUTSIDE = IPv4Address("TCP", "192.0.2.7", 52914)


class GatesTests(SynchronousTestCase):
    """
    Which rules hold for a path.
    """

    def names(self, gates: Gates, path: str) -> list[str]:
        """
        The drafts that are served there.
        """
        drafts = gates.forPath(path.encode()).draftsFor("tcp4:192.0.2.7:5")
        return [draft.name for draft in drafts]

    def test_below(self) -> None:
        """
        A path's hold for it and for all below it, segment by segment.
        """
        gates = Gates(Rules(), {"/admin": Rules(drafts=["rfc6455"])})
        for path in ("/admin", "/admin/", "/admin/x", "/admin/x/y"):
            self.assertEqual(self.names(gates, path), ["rfc6455"], path)
        for path in ("/", "/administrator", "/Admin", "/x/admin", "/admi", "*"):
            self.assertEqual(len(self.names(gates, path)), len(DRAFTS), path)

    def test_spelling(self) -> None:
        """
        Nobody gets around a path's rules by another spelling of it.
        """
        for rule in ("/admin/x", "/admin/x/", "//admin/x", "/%61dmin/x"):
            gates = Gates(Rules(), {rule: Rules(drafts=["rfc6455"])})
            for path in (
                "/admin/x",
                "/%61dmin/x",
                "/%61%64%6D%69%6e/x",
                "//admin/x",
                "/admin//x",
                "/./admin/x",
                "/admin/./x",
                "/x/../admin/x",
                "/x/%2e%2E/admin/x",
                "/x%2f..%2Fadmin/x",
                "/admin%2fx",
                "/../admin/x",
                "/admin/y/../x/z",
            ):
                self.assertEqual(self.names(gates, path), ["rfc6455"], (rule, path))
            for path in ("/admin/y/../z", "/admin", "/%2561dmin/x", "/admin%zz/x"):
                self.assertEqual(len(self.names(gates, path)), len(DRAFTS), (rule, path))

    def test_anotherReading(self) -> None:
        """
        Nor do they borrow another path's: who doesn't decode, or resolve, or merge as we do, would
        serve something else by them.
        """
        gates = Gates(
            Rules(drafts=["rfc6455"]),
            {"/feed": Rules(drafts=["hixie-76", "rfc6455"]), "/a/feed": Rules(drafts=["hybi-07"])},
        )
        for path in (
            "/admin/../feed",
            "/admin/..%2ffeed",
            "/admin/%2e%2e/feed",
            "/admin//../feed",
            "/%66eed",
            "//feed",
            "/./feed",
            "/feed/..",
            "/feed/../admin",
            "/feed/%2e%2e%2fadmin",
        ):
            self.assertEqual(self.names(gates, path), ["rfc6455"], path)
        # Cut before it is decoded it is /feed, which is not for hybi-07.
        self.assertEqual(self.names(gates, "/a%2fb/%2e%2e/feed"), [])
        for path in ("/feed", "/feed/", "/feed/a%20b", "/feed//a", "/feed/./a", "/feed/a/../b"):
            self.assertEqual(self.names(gates, path), ["hixie-76", "rfc6455"], path)

    def test_encodedInTheRule(self) -> None:
        """
        A path that has to be encoded is one: the rule and the clients spell it alike.
        """
        for path in ("/caf%C3%A9", "/a%20b", "/%7Ekiosk"):
            gates = Gates(Rules(drafts=["rfc6455"]), {path: Rules(drafts=["hixie-76"])})
            for below in ("", "/", "/x", "/%20"):
                self.assertEqual(self.names(gates, path + below), ["hixie-76"], path)

    def test_anotherReadingsOrigins(self) -> None:
        """
        Each of the gates has to let the origin in, on every draft.
        """
        kind = recorder()
        factory = serve(
            kind, origins=["http://good.test"], rules={"/feed": Rules(origins=["http://*.test"])}
        )
        for path, origin, status in (
            ("/feed", "http://other.test", 101),
            ("/admin/..%2ffeed", "http://other.test", 403),
            ("/admin/../feed", "http://other.test", 403),
            ("/admin/../feed", "http://good.test", 101),
        ):
            for draft in VERSIONS:
                client = connect(factory, draft, path=path, origin=origin)
                self.assertEqual(client.status, status, (draft, path, origin))

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_anySpelling(self, data: st.DataObject) -> None:
        """
        However a path under a rule is spelled, its rule holds; another path has it only where
        somebody may read it as one that is under it.
        """
        segments = data.draw(st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4))
        detours = st.sampled_from(["", "/", "/.", "/%2e", "/x/..", "/b/./%2E.", "/x%2fy/../.%2e"])
        spelled = ""
        for segment in segments:
            letters = (data.draw(st.sampled_from([each, f"%{ord(each):02x}"])) for each in segment)
            spelled += data.draw(detours) + "/" + "".join(letters)
        gates = Gates(Rules(), {"/a/b": Rules(drafts=["rfc6455"])})
        isUnder = segments[:2] == ["a", "b"]
        self.assertIn(self.names(gates, spelled) == ["rfc6455"], (isUnder, True), spelled)
        plain = "/" + "/".join(segments)
        self.assertEqual(self.names(gates, plain) == ["rfc6455"], isUnder, plain)

    def test_theLongestWins(self) -> None:
        """
        And it has from the one above what it doesn't say itself, and at last from all.
        """
        gates = Gates(
            Rules(drafts=["hixie-75"], legacyFrom=["10.0.0.0/8"]),
            {
                "/a/b": Rules(drafts=["hixie-76"]),
                "/a": Rules(drafts=["rfc6455"], origins=["http://a"]),
                "/a/b/c/d": Rules(legacyFrom=[]),
            },
        )
        for path, name, origins, networks in (
            ("/", "hixie-75", 0, 1),
            ("/a/x/b", "rfc6455", 1, 1),
            ("/a/b", "hixie-76", 1, 1),
            ("/a/b/c", "hixie-76", 1, 1),
            ("/a/b/c/d/e", "hixie-76", 1, 0),
        ):
            gate = gates.forPath(path.encode())
            self.assertEqual([draft.name for draft in gate.drafts], [name], path)
            self.assertEqual((len(gate.origins), len(gate.legacyFrom)), (origins, networks), path)

    def test_root(self) -> None:
        """
        Rules for the root are for all.
        """
        gates = Gates(Rules(), {"/": Rules(drafts=["rfc6455"])})
        for path in ("/", "/x", "*"):
            self.assertEqual(self.names(gates, path), ["rfc6455"])

    def test_mistakes(self) -> None:
        """
        What can't be is said when the rules are read.
        """
        for path, rules in (
            ("admin", Rules()),
            ("", Rules()),
            ("/a?b", Rules()),
            ("/a#b", Rules()),
            ("/a", Rules(drafts=["hixie-77"])),
            ("/a", Rules(drafts=[])),
            ("/a", Rules(origins=["http://a/b"])),
            ("/a", Rules(legacyFrom=["10.0.0.1/8"])),
        ):
            self.assertRaises(ValueError, Gates, Rules(), {path: rules})
        for rules in (Rules(drafts="rfc6455"), Rules(origins="null"), Rules(legacyFrom="::/0")):
            self.assertRaises(TypeError, Gates, Rules(), {"/a": rules})
            self.assertRaises(TypeError, Gates, rules, {})
        for wrong in (["rfc6455"], {"drafts": ["rfc6455"]}, None):
            error = self.assertRaises(TypeError, Gates, Rules(), {"/a": wrong})
            self.assertIn("wsfallback.Rules", str(error))
        twice = {"/a": Rules(), "/%61/": Rules()}
        self.assertIn("twice", str(self.assertRaises(ValueError, Gates, Rules(), twice)))


class LegacyTests(SynchronousTestCase):
    """
    Drafts whose clients don't mask, by network.
    """

    def test_which(self) -> None:
        """
        The drafts before masks.
        """
        legacy = [draft for draft in DRAFTS if not draft.masks]
        self.assertEqual(legacy, [HIXIE_75, HIXIE_76])

    def test_networks(self) -> None:
        """
        From elsewhere they get what a draft gets that isn't served: 426, and the versions that are.
        """
        kind = recorder()
        factory = serve(kind, legacyFrom=["10.0.0.0/8", "2001:db8::/32"])
        for peer, isInside in (
            (INSIDE, True),
            (OUTSIDE, False),
            (IPv6Address("TCP", "2001:db8::7", 5), True),
            (IPv6Address("TCP", "2001:db9::7", 5), False),
            (IPv6Address("TCP", "::ffff:10.0.0.9", 5), True),
            (IPv6Address("TCP", "::ffff:192.0.2.7", 5), False),
        ):
            for draft in DRAFTS:
                client = connect(factory, draft.name, peer=peer)  # type: ignore[arg-type]
                status = 101 if isInside or draft.masks else 426
                self.assertEqual(client.status, status, (peer, draft.name))
                if status == 426:
                    self.assertEqual(client.fields["sec-websocket-version"], "13, 8, 7")
                    self.assertTrue(client.disconnected)
        self.assertEqual(len(kind.made), 3 * 5 + 3 * 3)

    def test_noAddress(self) -> None:
        """
        Who has none is in no network.
        """
        gate = Gates(Rules(legacyFrom=["0.0.0.0/0", "::/0"]), {}).forPath(b"/")
        self.assertTrue(all(draft.masks for draft in gate.draftsFor("unix:/run/x")))
        self.assertEqual(Gates(Rules(), {}).forPath(b"/").draftsFor("unix:/run/x"), DRAFTS)

    def test_legacyOnly(self) -> None:
        """
        Where nothing else is served nothing is left for others.
        """
        factory = serve(drafts=["hixie-76"], legacyFrom=["10.0.0.0/8"])
        for draft in VERSIONS:
            client = connect(factory, draft, peer=OUTSIDE)
            self.assertEqual(client.status, 426)
            self.assertNotIn("sec-websocket-version", client.fields)
        self.assertEqual(connect(factory, "hixie-76", peer=INSIDE).status, 101)


class PathsTests(SynchronousTestCase):
    """
    Rules for paths, on every draft.
    """

    def statuses(self, factory: FallbackServerFactory, **asked: Any) -> list[int]:
        """
        What a client of each draft is answered, the oldest first.
        """
        return [connect(factory, draft, **asked).status for draft in VERSIONS]

    def test_drafts(self) -> None:
        """
        Each path has its own, and a refusal names those of this path.
        """
        factory = serve(
            drafts=["rfc6455"],
            rules={"/kiosk": Rules(drafts=["hixie-76", "hybi-10"], legacyFrom=["10.0.0.0/8"])},
        )
        self.assertEqual(self.statuses(factory), [426, 426, 426, 426, 101])
        kiosk = {"path": "/kiosk/3?x=y"}
        self.assertEqual(self.statuses(factory, peer=INSIDE, **kiosk), [426, 101, 426, 101, 426])
        self.assertEqual(self.statuses(factory, peer=OUTSIDE, **kiosk), [426, 426, 426, 101, 426])
        client = connect(factory, "rfc6455", path="/kiosk")
        self.assertEqual(client.fields["sec-websocket-version"], "8")

    def test_origins(self) -> None:
        """
        403 before anything is accepted, by the field of the draft.
        """
        kind = recorder()
        factory = serve(kind, rules={"/a": Rules(origins=["http://a.test"])})
        for path, origin, status in (
            ("/", "http://b.test", 101),
            ("/a", "http://a.test", 101),
            ("/a", "http://b.test", 403),
            ("/a/b", "http://b.test", 403),
            ("//%61/.", "http://b.test", 403),
        ):
            found = self.statuses(factory, path=path, origin=origin)
            self.assertEqual(found, [status] * 5, (path, origin))
        self.assertEqual(len(kind.made), 10)

    def test_absoluteTarget(self) -> None:
        """
        Its path counts, too.
        """
        factory = serve(rules={"/a": Rules(origins=["http://a.test"])})
        client = connect(factory, path="http://other.test/a")
        self.assertEqual(client.status, 403)

    def test_order(self) -> None:
        """
        The host, then the draft, then the origin, then the path.
        """
        answers = []
        for options in (
            {},
            {"hosts": ["example.com"]},
            {"drafts": ["hybi-07"], "hosts": ["example.com"]},
            {"origins": ["http://example.com"], "drafts": ["hybi-07"]},
        ):
            factory = serve(None, routes={"/x": recorder()}, **options)  # type: ignore[arg-type]
            answers.append(connect(factory, host="evil.test", origin="http://evil.test").status)
        self.assertEqual(answers, [404, 421, 421, 426])
        factory = serve(None, routes={"/x": recorder()}, origins=["http://a"])
        self.assertEqual(connect(factory).status, 403)

    def test_wholeApplications(self) -> None:
        """
        An Autobahn factory's clients come by the same door, those that it serves itself as well.
        """
        application = WebSocketServerFactory()
        application.protocol = WebSocketServerProtocol
        factory = FallbackServerFactory(
            AutobahnApplication(application),
            reactor=serve().reactor,
            hosts=["example.com"],
            origins=["http://a.test"],
            rules={"/x": Rules(drafts=["hixie-76"])},
        )
        self.assertEqual(self.statuses(factory, host="evil.test"), [421] * 5)
        self.assertEqual(self.statuses(factory), [403] * 5)
        found = self.statuses(factory, path="/x", origin="http://a.test")
        self.assertEqual(found, [426, 101, 426, 426, 426])

    def test_plainHTTP(self) -> None:
        """
        Without a site its refusal names the versions of its path and network.
        """
        factory = serve(rules={"/x": Rules(drafts=["hybi-10", "hixie-75"])})
        for path, versions in (("/", "13, 8, 7"), ("/x/y", "8")):
            client = attach(factory)
            client.deliver(f"GET {path} HTTP/1.1\r\nHost: example.com\r\n\r\n".encode())
            self.assertEqual(client.status, 426)
            self.assertEqual(client.fields["sec-websocket-version"], versions)


class OriginsTests(SynchronousTestCase):
    """
    ``null``, ``file://`` and no origin, each by itself, on every draft.
    """

    def test_apart(self) -> None:
        """
        Each pattern lets in its own.
        """
        origins = ("http://example.com", "null", "file://", None)
        for at, pattern in enumerate(("*", "null", "file://", "none")):
            factory = serve(origins=[pattern])
            for draft in VERSIONS:
                for number, origin in enumerate(origins):
                    status = 101 if number == at else 403
                    # Without an origin a request is no hixie-75 at all.
                    if (draft, origin) == ("hixie-75", None):
                        status = 400
                    found = connect(factory, draft, origin=origin).status
                    self.assertEqual(found, status, (pattern, draft, origin))

    def test_emptyIsNone(self) -> None:
        """
        A field without a value is no origin.
        """
        for pattern, status in (("none", 101), ("*", 403)):
            for draft in VERSIONS:
                found = connect(serve(origins=[pattern]), draft, origin="").status
                self.assertEqual(found, status, (pattern, draft))

    def test_theFieldOfAnotherDraft(self) -> None:
        """
        Who names an origin where the draft has none for it has one all the same.
        """
        factory = serve(origins=["none", "http://good.test"])
        for draft, other in (
            ("hixie-76", "Sec-WebSocket-Origin"),
            ("hybi-07", "Origin"),
            ("hybi-10", "Origin"),
            ("rfc6455", "Sec-WebSocket-Origin"),
        ):
            for told in ("http://evil.test", "http://good.test"):
                client = connect(factory, draft, origin=None, headers={other: told})
                self.assertEqual(client.status, 403, (draft, told))

    def test_default(self) -> None:
        """
        Where nothing is said all of them come in.
        """
        for draft in VERSIONS:
            for origin in ("http://example.com", "null", "file://", None):
                status = 400 if (draft, origin) == ("hixie-75", None) else 101
                self.assertEqual(connect(serve(), draft, origin=origin).status, status)
