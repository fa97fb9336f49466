"""
Limits, draft names, and origins.
"""

import math
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.drafts.table import DRAFTS, HIXIE_76, RFC_6455
from wsfallback.policy import (
    CHOICES,
    LIMIT_NAMES,
    RANGES,
    Limits,
    OriginPattern,
    checkSeconds,
    draftsNamed,
    isLike,
)

#: What nobody should have to set. Changing one is an entry in the changelog.
DEFAULTS = {
    "handshakeTimeout": 5.0,
    "maxHead": 16384,
    "maxMessage": 1048576,
    "maxFrame": 1048576,
    "maxSkipped": 1048576,
    "idleTimeout": 60.0,
    "pingInterval": 20.0,
    "pingTimeout": 20.0,
    "closeTimeout": 2.0,
    "maxConnections": 10000,
    "maxHandshakes": 1000,
    "maxPerAddress": None,
    "maxNewPerAddress": None,
    "maxMessageRate": None,
    "maxByteRate": None,
    "maxLogLines": 300,
    "maxSendQueue": 1048576,
    "fullQueue": "close",
    "fragment": None,
    "frames": False,
    "nagle": False,
    "compress": True,
    "invalidText": "close",
}


def isSeconds(name: str) -> bool:
    """
    Whether a limit is a time; the others are counted.
    """
    return isinstance(DEFAULTS[name], float)


class LimitsTests(SynchronousTestCase):
    """
    Every number is held to its range.
    """

    def test_defaults(self) -> None:
        """
        The documented ones.
        """
        limits = Limits()
        self.assertEqual({name: getattr(limits, name) for name in LIMIT_NAMES}, DEFAULTS)

    def test_everyNumberHasARange(self) -> None:
        """
        No number can be set to just anything.
        """
        numbers = {
            name
            for name, value in DEFAULTS.items()
            if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
        }
        self.assertEqual(set(RANGES), numbers)

    def test_atTheBounds(self) -> None:
        """
        Both ends of each range are in it.
        """
        for name, bounds in RANGES.items():
            for bound in bounds:
                limits = Limits(**{name: bound})  # type: ignore[arg-type]
                self.assertEqual(getattr(limits, name), bound, name)

    def test_beyondTheBounds(self) -> None:
        """
        The next number on either side is refused, by the limit's name.
        """
        for name, (lowest, highest) in RANGES.items():
            if isSeconds(name):
                outside = (math.nextafter(lowest, -1), math.nextafter(highest, math.inf))
            else:
                outside = (lowest - 1, highest + 1)
            for number in outside:
                error = self.assertRaises(ValueError, Limits, **{name: number})
                self.assertIn(name, str(error))
                self.assertIn(repr(number), str(error))

    def test_noNumbers(self) -> None:
        """
        Infinity, what is no number, and truth values are in no range.
        """
        for name in RANGES:
            for value in (math.inf, -math.inf, math.nan, True, False):
                self.assertRaises(ValueError, Limits, **{name: value})

    def test_countsAreWhole(self) -> None:
        """
        There is no half byte, nor half a connection.
        """
        for name in RANGES:
            if not isSeconds(name):
                self.assertRaises(ValueError, Limits, **{name: 64.5})

    def test_secondsMayBeParts(self) -> None:
        """
        Of seconds there are halves, and whole ones need no point.
        """
        for name in RANGES:
            if isSeconds(name):
                self.assertEqual(getattr(Limits(**{name: 0.5}), name), 0.5)  # type: ignore[arg-type]
                self.assertEqual(getattr(Limits(**{name: 3}), name), 3)  # type: ignore[arg-type]

    def test_none(self) -> None:
        """
        What is off by default can be; no other limit.
        """
        for name in RANGES:
            if DEFAULTS[name] is None:
                self.assertIs(getattr(Limits(**{name: None}), name), None)
            else:
                self.assertRaises((TypeError, ValueError), Limits, **{name: None})

    def test_choices(self) -> None:
        """
        One of the words.
        """
        for name, words in CHOICES.items():
            for word in words:
                self.assertEqual(getattr(Limits(**{name: word}), name), word)
            error = self.assertRaises(ValueError, Limits, **{name: "ignore"})
            self.assertIn(" or ".join(words), str(error))

    def test_otherSeconds(self) -> None:
        """
        Times that are no limits are held to the same range.
        """
        self.assertEqual(checkSeconds("timeout", 1.5), 1.5)
        for seconds in (0, 0.01, -1.0, float("nan"), float("inf")):
            error = self.assertRaises(ValueError, checkSeconds, "timeout", seconds)
            self.assertIn("timeout", str(error))

    def test_unknown(self) -> None:
        """
        A limit that isn't one is refused, not ignored.
        """
        wrong: dict[str, Any] = {"maxMesage": 1}
        self.assertRaises(TypeError, Limits, **wrong)


class DraftsNamedTests(SynchronousTestCase):
    """
    Drafts by name.
    """

    def test_rows(self) -> None:
        """
        In the order of the names.
        """
        self.assertEqual(draftsNamed(["rfc6455", "hixie-76"]), (RFC_6455, HIXIE_76))

    def test_all(self) -> None:
        """
        Each row is found by its name.
        """
        self.assertEqual(draftsNamed(draft.name for draft in DRAFTS), DRAFTS)

    def test_unknown(self) -> None:
        """
        What is there is said.
        """
        error = self.assertRaises(ValueError, draftsNamed, ["hixie-76", "hybi-00"])
        self.assertIn("'hybi-00'", str(error))
        for draft in DRAFTS:
            self.assertIn(draft.name, str(error))

    def test_none(self) -> None:
        """
        A server of no draft is a mistake.
        """
        self.assertRaises(ValueError, draftsNamed, [])


class OriginPatternTests(SynchronousTestCase):
    """
    RFC 6454 §4-6: which origins a pattern lets in.
    """

    def assertMatches(self, pattern: str, *origins: str) -> None:
        """
        All of these come in.
        """
        for origin in origins:
            self.assertTrue(OriginPattern(pattern).matches(origin), (pattern, origin))

    def assertRefuses(self, pattern: str, *origins: str) -> None:
        """
        None of these comes in.
        """
        for origin in origins:
            self.assertFalse(OriginPattern(pattern).matches(origin), (pattern, origin))

    def test_exact(self) -> None:
        """
        Scheme, host and port must be the same.
        """
        self.assertMatches("https://example.com", "https://example.com")
        self.assertRefuses(
            "https://example.com",
            "http://example.com",
            "https://www.example.com",
            "https://example.com.evil.test",
            "https://example.comx",
            "https://xexample.com",
            "https://example.com:444",
            "https://example.com/",
            "https://example.com@evil.test",
            "null",
            "",
        )

    def test_aDotIsADot(self) -> None:
        """
        A pattern is no regular expression.
        """
        self.assertRefuses("https://a.example.com", "https://axexample.com")
        self.assertRefuses("https://*.example.com", "https://axexample.com")

    def test_case(self) -> None:
        """
        Neither the pattern's nor the client's case matters.
        """
        self.assertMatches("HTTPS://Example.com", "https://eXample.COM")

    def test_defaultPorts(self) -> None:
        """
        A default port may be there or not, on either side; another scheme's is not default.
        """
        self.assertMatches("https://example.com", "https://example.com:443")
        self.assertMatches("https://example.com:443", "https://example.com")
        self.assertMatches("http://example.com:80", "http://example.com")
        self.assertMatches(
            "*://kiosk:443", "https://kiosk", "https://kiosk:443", "http://kiosk:443"
        )
        self.assertRefuses("*://kiosk:443", "http://kiosk")
        self.assertRefuses("http://example.com", "http://example.com:443")
        self.assertRefuses("https://example.com", "https://example.com:80")

    def test_starInHost(self) -> None:
        """
        Any part of a host, however many labels, and nothing beyond it.
        """
        self.assertMatches(
            "https://*.example.com", "https://a.example.com", "https://a.b.example.com"
        )
        self.assertRefuses(
            "https://*.example.com",
            "https://example.com",
            "https://evil.test/.example.com",
            "https://evil.test#.example.com",
            "https://evil.test?.example.com",
            "https://evil.test:80.example.com",
            "https://a.example.com:8443",
            "https://evil.test@.example.com",
        )

    def test_starInScheme(self) -> None:
        """
        Any scheme.
        """
        self.assertMatches("*://kiosk", "http://kiosk", "https://kiosk", "https://kiosk:443")
        self.assertRefuses("*://kiosk", "http://kiosk:8080", "http://kiosk.evil.test")

    def test_starAsPort(self) -> None:
        """
        Any port, the default one included.
        """
        self.assertMatches(
            "http://localhost:*", "http://localhost", "http://localhost:80", "http://localhost:9"
        )
        self.assertRefuses("http://localhost:*", "https://localhost:9", "http://localhost.test:9")

    def test_addresses(self) -> None:
        """
        IPv6 addresses have colons of their own.
        """
        self.assertMatches("http://[::1]:*", "http://[::1]", "http://[::1]:8080")
        self.assertRefuses("http://[::1]", "http://[::2]", "http://[::1]:8080")
        self.assertMatches("http://127.0.0.1:8000", "http://127.0.0.1:8000")

    def test_null(self) -> None:
        """
        ``null`` is let in only where it is listed.
        """
        self.assertMatches("null", "null", "NULL")
        self.assertRefuses("null", "http://null", "nullx", "")
        for pattern in ("*", "*://*:*", "*://*", "none", "file://"):
            self.assertRefuses(pattern, "null")

    def test_files(self) -> None:
        """
        Safari 5's pages from disk send ``file://``; it comes in only where it is listed.
        """
        self.assertMatches("file://", "file://", "FILE://")
        self.assertMatches("file://*", "file://", "file://host")
        for pattern in ("*", "*://*:*", "*://*", "f*://*", "http://*", "null", "none"):
            self.assertRefuses(pattern, "file://", "file:///", "file:///home/x.html", "file://host")

    def test_none(self) -> None:
        """
        No origin at all is let in only where it is listed, and nobody can name it.
        """
        self.assertMatches("none", "")
        self.assertMatches("None", "")
        self.assertRefuses("none", "none", "null", "http://none", "http://example.com")
        for pattern in ("*", "*://*:*", "null", "file://", "https://example.com"):
            self.assertRefuses(pattern, "")

    def test_withoutScheme(self) -> None:
        """
        Clients from outside of browsers send host and port: exactly as listed.
        """
        self.assertMatches("device:9000", "device:9000")
        self.assertRefuses("device:9000", "device", "http://device:9000")

    def test_star(self) -> None:
        """
        A star alone is any origin of a page that has an address, and whatever programs call theirs.
        """
        self.assertMatches("*", "http://example.com", "chrome-extension://abc", "junk", "a*b")

    def test_host(self) -> None:
        """
        What a pattern says of the host, for those who ask by host alone.
        """
        for pattern, host in (
            ("https://A.test:*", "a.test"),
            ("*://*.a.test", "*.a.test"),
            ("*", "*"),
            ("file://", ""),
            ("null", None),
            ("none", None),
            ("device:9000", None),
        ):
            self.assertEqual(OriginPattern(pattern).host, host, pattern)

    def test_aStarInAnOriginIsNoWildcard(self) -> None:
        """
        A client can't ask in wildcards.
        """
        self.assertRefuses("http://*.example.com", "http://*a.example.com", "http://*")

    def test_impossible(self) -> None:
        """
        What can match no origin is refused when it is set.
        """
        for pattern in (
            "",
            " ",
            "https://example.com/",
            "https://example.com/page",
            "https://example.com, https://other",
            "*.example.com",
            "exa mple",
            "https://exämple.com",
            "https://example.com:port",
            "https://user@example.com/",
            "null*",
        ):
            self.assertRaises(ValueError, OriginPattern, pattern)

    @settings(max_examples=200, deadline=None)
    @given(
        st.sampled_from(("http", "https", "chrome-extension", "app")),
        st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True),
        st.none() | st.integers(0, 65535),
    )
    def test_anOriginMatchesItself(self, scheme: str, host: str, port: int | None) -> None:
        """
        Any serialized origin as a pattern lets itself in, and no other port.
        """
        origin = f"{scheme}://{host}" + ("" if port is None else f":{port}")
        self.assertTrue(OriginPattern(origin).matches(origin))
        self.assertFalse(OriginPattern(origin).matches(f"{scheme}://{host}:65536"))

    @settings(max_examples=200, deadline=None)
    @given(st.text())
    def test_anyText(self, text: str) -> None:
        """
        Whatever a client sends is matched or not, without an exception.
        """
        self.assertFalse(OriginPattern("https://*.example.com:*").matches(text))
        apart = text.lower() in ("", "null") or text.lower().startswith("file:")
        self.assertEqual(OriginPattern("*").matches(text), not apart)


class StarsTests(SynchronousTestCase):
    """
    A star is any part, and the empty one.
    """

    @settings(max_examples=500, deadline=None)
    @given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
    def test_asAnExpression(self, pattern: str, part: str) -> None:
        """
        As the expression in which each is ``.*``.
        """
        wanted = re.fullmatch(pattern.replace("*", ".*"), part) is not None
        self.assertEqual(isLike(pattern, part), wanted, (pattern, part))

    def test_longParts(self) -> None:
        """
        Whatever is sent, and however many stars there are, it takes no time that could be noticed:
        with an expression this would be hours.
        """
        self.assertFalse(isLike("*." * 6 + "example.com", "." * 8000))
        self.assertTrue(isLike("*." * 6 + "example.com", "." * 8000 + "example.com"))
