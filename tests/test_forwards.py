"""
The options of a gateway.
"""

from ipaddress import ip_network

from twisted.internet.task import Clock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.test_tap import parsed
from wsfallback.client import NEWEST_FIRST
from wsfallback.demo import DRAFT_PATH
from wsfallback.proxy import ReverseProxy
from wsfallback.tap import makeService


class ForwardOptionsTests(SynchronousTestCase):
    """
    What can be said.
    """

    def test_backends(self) -> None:
        """
        For all paths and for one alone, several for each.
        """
        options = parsed(
            *("--forward", "ws://a:9000", "--forward", "ws://b/x?y=z"),
            *("--forward", "/chat=wss://c", "--forward", "/%C3%A4/~b,c=ws://d"),
        )
        gateways = options.gateways(Clock())
        self.assertEqual(
            {path: [each.url for each in one.backends.all] for path, one in gateways.items()},
            {"": ["ws://a:9000", "ws://b/x?y=z"], "/chat": ["wss://c"], "/%C3%A4/~b,c": ["ws://d"]},
        )

    def test_options(self) -> None:
        """
        Each reaches the gateway, and limits do.
        """
        options = parsed(
            *("--forward", "ws://a", "--backend-drafts", "hixie-76, hixie-75"),
            *("--binary", "base64", "--backend-timeout", "1.5", "--max-message", "1000"),
            *("--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "::1"),
        )
        gateway = options.gateways(Clock())[""]
        self.assertEqual(gateway.drafts, ("hixie-76", "hixie-75"))
        self.assertEqual((gateway.binary, gateway.timeout), ("base64", 1.5))
        self.assertEqual(gateway.trusted, (ip_network("10.0.0.0/8"), ip_network("::1")))
        self.assertEqual(gateway.limits["maxMessage"], 1000)

    def test_defaults(self) -> None:
        """
        All drafts, no base64, no trust, and most of the handshake's time.
        """
        gateway = parsed("--forward", "ws://a", "--handshake-timeout", "10").gateways(Clock())[""]
        self.assertEqual(gateway.drafts, NEWEST_FIRST)
        self.assertEqual((gateway.binary, gateway.timeout, gateway.trusted), ("refuse", 8.0, ()))

    def test_http(self) -> None:
        """
        Plain HTTP has a proxy of its own, if there is a backend for it; no page then.
        """
        self.assertIsNone(parsed("--forward", "ws://a").proxy(Clock()))
        options = parsed(
            *("--forward-http", "http://a:81", "--forward-http", "https://b", "--keep-host"),
            *("--http-timeout", "7", "--max-head", "1000", "--trusted-proxy", "::1"),
        )
        proxy = options.proxy(Clock())
        self.assertEqual([each.url for each in proxy.backends.all], ["http://a:81", "https://b"])
        self.assertEqual((proxy.timeout, proxy.limits.maxHead), (7.0, 1000))
        ((service, _),) = makeService(options)
        self.assertIsInstance(service._factory._site, ReverseProxy)
        self.assertNotIn(DRAFT_PATH, service._factory._routes)

    def test_keepHost(self) -> None:
        """
        Off unless it is asked for.
        """
        for more, keeps in (((), False), (("--keep-host",), True)):
            gateway = parsed("--forward", "ws://a", *more).gateways(Clock())[""]
            self.assertEqual(gateway.keepsHost, keeps)

    def test_shortHandshake(self) -> None:
        """
        However short it is, a backend has the shortest time that there is.
        """
        options = parsed("--forward", "ws://a", "--handshake-timeout", "0.1")
        self.assertEqual(options.gateways(Clock())[""].timeout, 0.1)

    def test_mistakes(self) -> None:
        """
        Each gets its sentence.
        """
        for arguments, word in (
            (("--forward", "http://a"), "ws://host"),
            (("--forward", "/x=a"), "ws://host"),
            (("--forward", "/x?y=ws://a"), "without a query"),
            (("--forward", "/x y=ws://a"), "percent-encoded"),
            (("--forward", "/\xe4=ws://a"), "percent-encoded"),
            (("--forward", "ws://a", "--handler", "echo"), "exclude"),
            (("--forward", "ws://a", "--factory", "a.b"), "exclude"),
            (("--forward", "ws://a", "--frames"), "exclude"),
            (("--forward", "/x=ws://a", "--frames"), "exclude"),
            (("--trusted-proxy", "10.0.0.0/99"), "network"),
            (("--backend-drafts", "hybi-99"), "rfc6455"),
            (("--backend-drafts", ","), "rfc6455"),
            (("--binary", "keep"), "refuse or base64"),
            (("--backend-timeout", "soon"), "seconds"),
            (("--backend-timeout", "0"), "at least 0.1"),
            (("--backend-timeout", "0.05"), "at least 0.1"),
            (("--backend-timeout", "5"), "less than"),
            (("--forward-http", "ws://a"), "http://host"),
            (("--forward-http", "http://a/path"), "none, not '/path'"),
            (("--forward-http", "http://a", "--web", "."), "exclude"),
            (("--http-timeout", "soon"), "seconds"),
            (("--http-timeout", "0"), "86400"),
            (("--http-timeout", "0.05"), "0.1"),
            (("--http-timeout", "86401"), "86400"),
        ):
            error = self.assertRaises(UsageError, parsed, *arguments)
            self.assertIn(word, str(error), arguments)

    def test_whoServesOtherPaths(self) -> None:
        """
        Nobody, where a path is forwarded; or who is asked to.
        """
        for more, isServed in (((), False), (("--handler", "echo"), True)):
            ((service, _),) = makeService(parsed("--forward", "/chat=ws://a", *more))
            factory = service._factory
            self.assertEqual(sorted(factory._routes), ["/-/draft", "/chat"])
            self.assertEqual(factory._handler is not None, isServed)
