"""
Flash's question for a policy.
"""

from typing import Any
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from tests.segments import single
from tests.test_server import serve
from wsfallback import Rules
from wsfallback.flash import REQUEST, domains, policy
from wsfallback.policy import OriginPattern
from wsfallback.testing import SERVER_ADDRESS, attach, request


def patterns(*names: str) -> list[OriginPattern]:
    """
    Origins by name.
    """
    return [OriginPattern(name) for name in names]


class PolicyTests(SynchronousTestCase):
    """
    What the answer says.
    """

    def test_domains(self) -> None:
        """
        Those of the origins, as far as the policy has words for them.
        """
        for given, expected in (
            ([[]], ["*"]),
            ([["*"]], ["*"]),
            ([["https://a.test", "http://a.test:81", "*://*.b.test"]], ["a.test", "*.b.test"]),
            ([["http://a.test"], ["http://b.test"]], ["a.test", "b.test"]),
            ([["http://a.test"], []], ["*"]),
            ([["null", "none", "file://", "device:9000"]], []),
            ([["http://a*.test", "http://*.*.test", "http://a.*", "http://*a.test"]], []),
        ):
            found = domains(patterns(*names) for names in given)
            self.assertEqual(found, expected, given)

    def test_policy(self) -> None:
        """
        XML, and a NUL.
        """
        for names, port, ports in ((["a.test", '"<&'], 81, "81"), ([], 81, ""), (["*"], None, "*")):
            answer = policy(names, port)
            self.assertTrue(answer.endswith(b"</cross-domain-policy>\0"))
            root = ElementTree.fromstring(answer[:-1])
            found = [(each.get("domain"), each.get("to-ports")) for each in root]
            self.assertEqual(found, [(name, ports) for name in names])


class AnsweringTests(SynchronousTestCase):
    """
    On the port of everything else.
    """

    def ask(self, *segments: bytes, **options: Any) -> Any:
        """
        A client that says this.
        """
        client = attach(serve(flashPolicy=True, **options))
        for segment in segments:
            client.deliver(segment)
        return client

    def domain(self, client: Any) -> list[tuple[str | None, str | None]]:
        """
        What it was told.
        """
        root = ElementTree.fromstring(client.wire.removesuffix(b"\0"))
        return [(each.get("domain"), each.get("to-ports")) for each in root]

    def test_answer(self) -> None:
        """
        However it was cut, and whatever follows: the same answer, once, and the end.
        """
        for segments in (
            [REQUEST],
            single(REQUEST),
            [REQUEST[:-1], b"\0"],
            [REQUEST + request("hixie-76")],
            [REQUEST, REQUEST],
        ):
            client = self.ask(*segments)
            self.assertEqual(self.domain(client), [("*", str(SERVER_ADDRESS.port))])
            self.assertTrue(client.disconnected)
            self.assertFalse(client.transport.connected)
            self.assertEqual(client._clock.getDelayedCalls(), [])

    def test_origins(self) -> None:
        """
        Only pages that may come in.
        """
        for options, names in (
            ({"origins": ["http://a.test"]}, ["a.test"]),
            ({"origins": ["null"]}, []),
            (
                {"origins": ["http://a.test"], "rules": {"/b": Rules(origins=["http://b.test"])}},
                ["a.test", "b.test"],
            ),
        ):
            client = self.ask(REQUEST, **options)  # type: ignore[arg-type]
            self.assertEqual([name for name, _ in self.domain(client)], names)

    def test_externalPort(self) -> None:
        """
        The port that clients know.
        """
        client = self.ask(REQUEST, externalURL="ws://a.test:81")
        self.assertEqual(self.domain(client), [("*", "81")])

    def test_stays(self) -> None:
        """
        A client that doesn't go is not waited for any longer than others.
        """
        client = attach(serve(flashPolicy=True, closeTimeout=2))
        client.answersClose = False
        client.deliver(REQUEST)
        client.advance(2)
        self.assertFalse(client.transport.connected)

    def test_stop(self) -> None:
        """
        Who has its answer is told nothing more when the server stops.
        """
        factory = serve(flashPolicy=True)
        client = attach(factory, segment=5)
        client.answersClose = False
        client.deliver(REQUEST)
        answer = client.wire
        stopped = factory.drain(10.0)
        client.settle()
        self.assertEqual(client.wire, answer)
        client.advance(10)
        self.successResultOf(stopped)

    def test_late(self) -> None:
        """
        It has the time of a handshake, from the beginning.
        """
        client = attach(serve(flashPolicy=True, handshakeTimeout=5))
        for byte in single(REQUEST[:-1]):
            client.advance(0.2)
            client.deliver(byte)
        self.assertEqual(client.wire, b"")
        client.advance(0.6)
        self.assertEqual(client.status, 408)
        self.assertTrue(client.disconnected)

    def test_somethingElse(self) -> None:
        """
        What only begins like it is refused at the first byte that isn't it, and costs no more.
        """
        for wrong in (b"<x", b"<policy-file-request/>x", b"<policy-file-request>\0", b"<" * 100000):
            for segments in ([wrong], single(wrong[:30])):
                client = self.ask(*segments)
                self.assertEqual(client.status, 400)
                self.assertTrue(client.disconnected)

    def test_webSocketsBesides(self) -> None:
        """
        Everybody else is served as ever.
        """
        for segments in ([request("rfc6455")], single(request("rfc6455"))):
            self.assertEqual(self.ask(*segments).status, 101)

    def test_off(self) -> None:
        """
        By default it is line noise.
        """
        client = attach(serve())
        client.deliver(REQUEST)
        self.assertEqual(client.status, 400)
