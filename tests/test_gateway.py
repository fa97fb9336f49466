"""
A handler whose other end is another connection.
"""

from base64 import b64encode
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase

from tests.contract import Recorder, recorder
from tests.pipe import Internet, Script
from wsfallback import FallbackServerFactory
from wsfallback.backends import SKIPPED
from wsfallback.gateway import Gateway
from wsfallback.leaving import STOPPING
from wsfallback.testing import VERSIONS, Hixie76Client, attach, connect, request

HIXIE = tuple(name for name, version in VERSIONS.items() if version is None)
HYBI = tuple(name for name, version in VERSIONS.items() if version is not None)

TIMEOUT = 4.0
#: How long Twisted's endpoint waits for another address of a host that refuses.
REFUSED = 0.5


def echo(handler: Recorder) -> None:
    """
    Send the message back.
    """
    _, payload, isBinary = handler.calls[-1]
    handler.sendMessage(payload, isBinary)


class GatewayTestCase(SynchronousTestCase):
    """
    Clients, a gateway, and backends behind it; all of it in memory, on one clock.
    """

    def setUp(self) -> None:
        self.net = Internet()

    def backend(self, port: int = 8001, *, drafts: Any = tuple(VERSIONS), **actions: Any) -> Any:
        """
        A backend at this port.

        :param actions: what its handlers do.
        :returns: their class.
        """
        kind = recorder(**actions)
        self.net.servers[port] = FallbackServerFactory(kind, reactor=self.net, drafts=drafts)
        return kind

    def gateway(self, *ports: int, path: str = "", **options: Any) -> FallbackServerFactory:
        """
        A gateway to backends at these ports.
        """
        urls = [f"ws://backend.test:{port}{path}" for port in ports or (8001,)]
        self.handler = Gateway(urls, reactor=self.net, timeout=TIMEOUT, **options)
        return FallbackServerFactory(self.handler, reactor=self.net, handshakeTimeout=20.0)

    def opened(self, draft: str, behind: str | None = None, **actions: Any) -> tuple[Any, Recorder]:
        """
        A client through the gateway, and the backend's handler.

        :param behind: the draft that the backend speaks; any by default.
        """
        kind = self.backend(drafts=[behind] if behind else tuple(VERSIONS), **actions)
        self.front = self.gateway()
        client = connect(self.front, draft)
        self.assertEqual(client.status, 101, client.wire)
        return client, kind.made[0]

    @property
    def toBackend(self) -> Any:
        """
        Our end of the last connection to a backend.
        """
        return self.net.ends[-1][0]

    def settle(self, *clients: Any) -> None:
        """
        Let everybody do what is due now.
        """
        for _ in range(8):
            self.net.advance(0)
            for client in clients:
                client.settle()

    def assertNothingLeft(self, *clients: Any) -> None:
        """
        Every connection is over, and nothing is counted, or waited for.
        """
        self.settle(*clients)
        self.assertFalse([client for client in clients if client.transport.connected])
        self.assertTrue(self.net.isQuiet, self.net.getDelayedCalls())
        self.assertEqual({backend.open for backend in self.handler.backends.all}, {0})

    def assertClosed(self, handler: Recorder, *wanted: Any) -> None:
        """
        The backend's handler heard of this end, once.
        """
        self.settle()
        closes = [call[1:] for call in handler.calls if call[0] == "close"]
        self.assertEqual([close[: len(wanted)] for close in closes], [wanted])


class ArgumentTests(GatewayTestCase):
    """
    What can't be is refused at once.
    """

    def test_wrong(self) -> None:
        """
        No backend or none at all, no draft, another way with binary messages, another limit;
        and frames, which would make several messages of one.
        """
        for url in ("http://a", "a", "ws://a#b"):
            self.assertRaises(ValueError, Gateway, [url], reactor=self.net)
        self.assertRaises(ValueError, Gateway, ["ws://a"], reactor=self.net, drafts=["hybi-99"])
        self.assertRaises(ValueError, Gateway, ["ws://a"], reactor=self.net, frames=True)
        self.assertRaises(ValueError, Gateway, [], reactor=self.net)
        self.assertRaises(ValueError, Gateway, ["ws://a"], reactor=self.net, binary="hex")
        self.assertRaises(ValueError, Gateway, ["ws://a"], reactor=self.net, maxMessage=0)
        self.assertRaises(ValueError, Gateway, ["ws://a"], reactor=self.net, frames=True)
        for seconds in (0, -1.0, float("nan")):
            self.assertRaises(ValueError, Gateway, ["ws://a"], reactor=self.net, timeout=seconds)
        self.assertRaises(TypeError, Gateway, ["ws://a"], reactor=self.net, noLimit=1)


class OpeningTests(GatewayTestCase):
    """
    The client is answered when the backend has answered, with its word.
    """

    def test_everyDraft(self) -> None:
        """
        Any in front of any.
        """
        for draft in VERSIONS:
            for behind in VERSIONS:
                self.setUp()
                client, far = self.opened(draft, behind, message=echo)
                self.assertEqual(far.draft.name, behind)
                client.send("h\xe9")
                self.assertEqual(client.receive(), "h\xe9")
                client.close()
                self.assertNothingLeft(client)

    def test_afterTheBackend(self) -> None:
        """
        Not a byte goes to the client before.
        """
        for draft in VERSIONS:
            decision: Deferred[None] = Deferred()
            self.backend(connect=lambda _, it=decision: it)
            client = connect(self.gateway(), draft)
            self.assertEqual(client.wire, b"")
            self.net.advance(TIMEOUT - 1)
            decision.callback(None)
            client.settle()
            self.assertEqual(client.status, 101)

    def test_request(self) -> None:
        """
        The backend is asked for what the client asks for, by a client of its own draft, and told
        who that is.
        """
        for draft in VERSIONS:
            kind = self.backend()
            connect(
                self.gateway(),
                draft,
                path="/a%20b?x=1&x=2",
                host="public.example:81",
                origin="http://page.example",
                headers={
                    "Cookie": "c=3",
                    "Authorization": "Basic x",
                    "X-Forwarded-For": "10.0.0.1",
                    "X-Own": "1",
                },
            )
            asked = kind.made[0].request
            self.assertEqual((asked.path, asked.params), ("/a%20b", {"x": ["1", "2"]}))
            self.assertEqual((asked.origin, asked.version), ("http://page.example", 13))
            self.assertEqual(asked.host, "backend.test")
            told = {name: asked.headers.get(name) for name in ("cookie", "authorization", "x-own")}
            self.assertEqual(told, {"cookie": "c=3", "authorization": "Basic x", "x-own": None})
            self.assertEqual(asked.headers["x-forwarded-for"], "192.0.2.7")
            self.assertEqual(asked.headers["x-forwarded-proto"], "http")
            self.assertEqual(asked.headers["x-forwarded-host"], "public.example:81")
            self.assertEqual(
                asked.headers["forwarded"],
                'for=192.0.2.7;host="public.example:81";proto=http',
            )

    def test_withoutAnOrigin(self) -> None:
        """
        None is made up for a client that has none.
        """
        kind = self.backend()
        connect(self.gateway(), "rfc6455", origin=None)
        self.assertEqual(kind.made[0].request.origin, "")

    def test_trustedProxies(self) -> None:
        """
        Are believed, and added to; TLS in front of us is told.
        """
        kind = self.backend()
        connect(
            self.gateway(trusted=["192.0.2.0/24"]),
            headers={"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https"},
        )
        headers = kind.made[0].request.headers
        self.assertEqual(headers["x-forwarded-for"], "10.0.0.1, 192.0.2.7")
        self.assertEqual(headers["x-forwarded-proto"], "https")
        # And as much where the server has taken the client's address from it.
        self.front = FallbackServerFactory(
            self.handler, reactor=self.net, trusted=self.handler.trusted
        )
        for draft in VERSIONS:
            connect(self.front, draft, headers={"X-Forwarded-For": "10.0.0.1"})
            headers = kind.made[-1].request.headers
            self.assertEqual(headers["x-forwarded-for"], "10.0.0.1, 192.0.2.7")
        made = len(kind.made)
        connect(self.gateway(), "hixie-76", secure=True)
        self.assertEqual(kind.made[made].request.headers["x-forwarded-proto"], "https")

    def test_externalURL(self) -> None:
        """
        Where the server's URL is fixed the backend is told its host and scheme, whatever came.
        """
        kind = self.backend()
        self.gateway(trusted=["192.0.2.0/24"])
        for url, told in (("wss://a.test/ws", "https"), ("ws://a.test/ws", "http")):
            front = FallbackServerFactory(
                self.handler, reactor=self.net, trusted=["192.0.2.0/24"], externalURL=url
            )
            for draft in VERSIONS:
                said = {"X-Forwarded-Host": "inner.test", "X-Forwarded-Proto": "gopher"}
                connect(front, draft, secure=told == "http", headers=said)
                headers = kind.made[-1].request.headers
                self.assertEqual(headers["x-forwarded-host"], "a.test")
                self.assertEqual(headers["x-forwarded-proto"], told)
                whole = f'for=192.0.2.7;host="a.test";proto={told}'
                self.assertEqual(headers["forwarded"], whole)

    def test_paths(self) -> None:
        """
        A backend's URL has a path of its own, or the client's; both queries go with it.
        """
        for own, path, wanted in (
            ("", "/a/b?x=1", "/a/b?x=1"),
            ("", "/", "/"),
            ("/", "/a?x=1", "/?x=1"),
            ("/own", "/a", "/own"),
            ("/own", "/a?x=1", "/own?x=1"),
            ("/own?y=2", "/a?x=1", "/own?y=2&x=1"),
            ("/own?y=2", "/a", "/own?y=2"),
            ("?y=2", "/a?x=1", "/a?y=2&x=1"),
            ("?y=2", "/a", "/a?y=2"),
        ):
            script = Script(b"")
            self.net.servers[8001] = script
            connect(self.gateway(path=own), path=path)
            self.assertEqual(script.asked.split(b" ")[1].decode(), wanted, (own, path))

    def test_subprotocol(self) -> None:
        """
        The backend chooses from what the client offers.
        """
        for draft in VERSIONS:
            for chosen in ("b", None):
                kind = self.backend(connect=lambda _, it=chosen: it)
                client = connect(self.gateway(), draft, protocols=["a", "b"])
                self.assertEqual(kind.made[0].request.protocols, ["a", "b"])
                self.assertEqual((client.status, client.protocol), (101, chosen))

    def test_subprotocolsThatAreNoTokens(self) -> None:
        """
        To a hixie client it may be any text; a backend is asked for tokens only, each once.
        """
        for draft in HIXIE:
            kind = self.backend()
            client = connect(self.gateway(), draft, protocols=["a b", "c", "c"])
            self.assertEqual(client.status, 101)
            self.assertEqual(kind.made[0].request.protocols, ["c"])

    def test_cookies(self) -> None:
        """
        Are the backend's, each in a field of its own; no other field is.
        """
        fields = {"Set-Cookie": ["a=1; expires=Mon, 1 Jan 2030", "b=2"], "X-Own": "1"}
        for draft in VERSIONS:
            self.backend(connect=lambda _: (None, fields))
            client = connect(self.gateway(), draft)
            self.assertIn(
                b"\r\nSet-Cookie: a=1; expires=Mon, 1 Jan 2030\r\nSet-Cookie: b=2\r\n", client.wire
            )
            self.assertNotIn(b"X-Own", client.wire)

    def test_limits(self) -> None:
        """
        Those that were given are the backends'.
        """
        kind = self.backend()
        client = connect(self.gateway(maxMessage=10))
        kind.made[0].sendMessage(b"x" * 11)
        client.settle()
        self.assertClosed(kind.made[0], True, 1009)


class RefusalTests(GatewayTestCase):
    """
    The client is refused as the backend refuses; where there is none, by ourselves.
    """

    def refusing(self, status: int) -> Any:
        """
        A backend that denies with this status.
        """

        def deny(_: Recorder) -> None:
            raise ConnectionDeny(status, "no")

        return self.backend(connect=deny)

    def test_statuses(self) -> None:
        """
        The backend's own, on all drafts.
        """
        for status in (302, 401, 403, 404, 429, 500, 503, 599):
            for draft in VERSIONS:
                self.setUp()
                self.refusing(status)
                client = connect(self.gateway(), draft)
                self.assertEqual(client.status, status)
                self.assertNothingLeft(client)

    def test_statusesThatCantBePassedOn(self) -> None:
        """
        Are none of a backend that works.
        """
        for answer in (b"HTTP/1.1 304 x\r\n\r\n", b"HTTP/1.1 200 x\r\n\r\n", b"junk\r\n\r\n"):
            self.setUp()
            self.net.servers[8001] = _Always(answer)
            client = connect(self.gateway())
            self.assertEqual(client.status, 502)
            self.assertNothingLeft(client)

    def test_noDraft(self) -> None:
        """
        Of a backend that speaks none of ours it is the answer to the first that is passed on:
        later ones are to a draft, and not to the client.
        """
        for later in (b"HTTP/1.1 400 x\r\n\r\n", b"HTTP/1.1 200 x\r\n\r\n", b""):
            self.setUp()
            self.net.servers[8001] = _Always(b"HTTP/1.1 405 x\r\n\r\n", later)
            client = connect(self.gateway(drafts=["rfc6455", "hixie-76"]))
            self.assertEqual(client.status, 405)
            self.assertEqual(self.net.tried, [8001, 8001])
            self.assertNothingLeft(client)

    def test_refusedInAnotherDraft(self) -> None:
        """
        Of one that speaks a draft it is the answer to that.
        """
        self.net.servers[8001] = _Always(b"HTTP/1.1 405 x\r\n\r\n", b"HTTP/1.1 403 x\r\n\r\n")
        client = connect(self.gateway(drafts=["rfc6455", "hixie-76"]))
        self.assertEqual(client.status, 403)
        self.assertNothingLeft(client)

    def test_nobodyThere(self) -> None:
        """
        502.
        """
        for draft in VERSIONS:
            client = connect(self.gateway(8001, 8002), draft)
            client.advance(REFUSED)
            client.advance(REFUSED)
            self.assertEqual(client.status, 502)
            self.assertEqual(client.body, b"The backend can't be reached\n")
            self.assertNothingLeft(client)
        self.assertEqual(self.net.tried, [8001, 8002] * len(VERSIONS))

    def test_nobodyInTime(self) -> None:
        """
        504: neither a connection nor an answer comes within the time of all backends together.
        """
        for server in (None, Script(b""), Script(b"HTTP/1.1 101 x\r\n")):
            self.setUp()
            self.net.servers[8001] = server
            client = connect(self.gateway(8001, 8002))
            self.net.advance(TIMEOUT - 0.5)
            client.settle()
            self.assertEqual(client.wire, b"")
            client.advance(0.5)
            self.assertEqual(client.status, 504)
            self.assertEqual(self.net.tried, [8001])
            self.assertNothingLeft(client)

    def test_theLastWord(self) -> None:
        """
        Is that of the backend that was tried last: one that is slow is 504.
        """
        self.net.servers[8002] = None
        client = connect(self.gateway(8001, 8002))
        client.advance(REFUSED)
        client.advance(TIMEOUT)
        self.assertEqual((client.status, self.net.tried), (504, [8001, 8002]))
        self.assertNothingLeft(client)
        client = connect(self.gateway(8002, 8001))
        client.advance(TIMEOUT)
        self.assertEqual((client.status, self.net.tried[2:]), (504, [8002]))

    def test_refusalIsAnAnswer(self) -> None:
        """
        No other backend is asked, and this one is well.
        """
        self.refusing(403)
        other = self.backend(8002)
        front = self.gateway(8001, 8002)
        for _ in range(2):
            self.assertEqual(connect(front).status, 403)
        self.assertEqual((self.net.tried, other.made), ([8001, 8001], []))


class _Always(Script):
    """
    Answers each connection so, and ends it.
    """

    def __init__(self, answer: bytes, *later: bytes) -> None:
        """
        :param later: answers to those after the first; the last of all is for the others, too.
        """
        super().__init__(answer, closes=True)
        self._answers = [answer, *later]

    def connectionMade(self) -> None:
        first, *later = self._answers
        self._answer, self._answers = first, later or [first]


class BackendsTests(GatewayTestCase):
    """
    Several of them.
    """

    def test_fewestOpen(self) -> None:
        """
        A new client goes to the backend with the fewest, those being opened counted.
        """
        slow: Deferred[None] = Deferred()
        first = self.backend(8001, connect=lambda _: slow if len(first.made) == 1 else None)
        second = self.backend(8002)
        front = self.gateway(8001, 8002)
        clients = [connect(front) for _ in range(4)]
        self.assertEqual(self.net.tried, [8001, 8002, 8001, 8002])
        self.assertEqual([backend.open for backend in self.handler.backends.all], [2, 2])
        slow.callback(None)
        for client in clients:
            client.settle()
            self.assertEqual(client.status, 101)
        clients[1].close()
        clients[3].close()
        self.assertEqual([backend.open for backend in self.handler.backends.all], [2, 0])
        clients.append(connect(front))
        self.assertEqual((len(first.made), len(second.made)), (2, 3))
        for client in clients:
            client.close()
        self.assertNothingLeft(*clients)

    def test_dead(self) -> None:
        """
        One that can't be reached is passed over for a while, and is back when that is over.
        """
        self.backend(8002)
        front = self.gateway(8001, 8002)
        client = connect(front)
        client.advance(REFUSED)
        self.assertEqual((client.status, self.net.tried), (101, [8001, 8002]))
        kind = self.backend(8001)
        self.net.advance(SKIPPED - 1)
        connect(front)
        self.assertEqual((self.net.tried[2:], kind.made), ([8002], []))
        self.net.advance(1)
        connect(front)
        self.assertEqual((self.net.tried[3:], len(kind.made)), ([8001], 1))

    def test_deadOneInNeed(self) -> None:
        """
        Where all others fail it is tried all the same, and is well again if it works.
        """
        self.backend(8002)
        front = self.gateway(8001, 8002)
        connect(front).advance(REFUSED)
        del self.net.servers[8002]
        self.backend(8001)
        client = connect(front)
        client.advance(REFUSED)
        self.assertEqual(client.status, 101)
        self.assertEqual(self.net.tried, [8001, 8002, 8002, 8001])
        self.assertEqual(connect(front).status, 101)
        self.assertEqual(self.net.tried[4:], [8001])

    def test_slow(self) -> None:
        """
        One that answers too late is passed over, too.
        """
        self.net.servers[8001] = None
        self.backend(8002)
        front = self.gateway(8001, 8002)
        client = connect(front)
        client.advance(TIMEOUT)
        self.assertEqual(client.status, 504)
        self.assertEqual(connect(front).status, 101)
        self.assertEqual(self.net.tried, [8001, 8002])


class MessageTests(GatewayTestCase):
    """
    Messages keep their order and their boundaries.
    """

    @settings(max_examples=30, deadline=None)
    @given(
        st.sampled_from(tuple(VERSIONS)),
        st.sampled_from(tuple(VERSIONS)),
        st.lists(st.one_of(st.just(""), st.text(max_size=10), st.just("x" * 70000)), max_size=8),
        st.integers(1, 70),
    )
    def test_bothWays(self, draft: str, behind: str, texts: list[str], segment: int) -> None:
        """
        However they are cut on their way.
        """
        self.setUp()
        kind = self.backend(drafts=[behind], message=echo)
        client = connect(self.gateway(), draft)
        data = b"".join(map(client.message, texts))
        client.deliver(data, segment if len(data) < 1000 else 9000)
        wanted = [("message", text.encode(), False) for text in texts]
        self.assertEqual(kind.made[0].calls[2:], wanted)
        self.assertEqual(client.messages, texts)
        client.close()
        self.assertNothingLeft(client)

    def test_fragments(self) -> None:
        """
        Are one message behind us.
        """
        client, far = self.opened("rfc6455")
        client.deliver(client.frame(1, b"Hel", isFinal=False) + client.frame(0, b"lo"))
        self.assertEqual(far.calls[2:], [("message", b"Hello", False)])

    def test_pings(self) -> None:
        """
        Each leg has its own: a client's isn't the backend's business.
        """
        client, _ = self.opened("rfc6455")
        before = len(self.toBackend.writes)
        client.ping(b"?")
        self.assertEqual(client.frames[-1].payload, b"?")
        self.assertEqual(len(self.toBackend.writes), before)

    def test_early(self) -> None:
        """
        What the backend says at once, in the segment of its answer or later, comes behind ours,
        in order.
        """

        def greet(handler: Recorder) -> None:
            for number in range(5):
                handler.sendMessage(b"%d" % number)

        for behind in VERSIONS:
            for draft in VERSIONS:
                client, _ = self.opened(draft, behind, open=greet)
                self.assertEqual(client.messages, list("01234"))

    def greetedLate(self, behind: str, **actions: Any) -> tuple[Any, Any]:
        """
        A hixie-76 client whose key3 is still awaited, so that the backend is open, and it is not.
        """
        kind = self.backend(drafts=[behind], **actions)
        client = attach(self.gateway(), "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        self.assertIn(b"HTTP/1.1 101", client.wire)
        self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "open"])
        return client, kind.made[0]

    def test_earlyIsBounded(self) -> None:
        """
        Until the client is open nothing is read from the backend, so that what waits is bounded
        by TCP; then all of it comes.
        """
        for behind in VERSIONS:
            client, far = self.greetedLate(behind, open=lambda handler: handler.sendMessage(b"0"))
            self.assertTrue(self.toBackend.paused)
            for number in range(1, 20):
                far.sendMessage(b"%d" % number)
            self.net.advance(0)
            self.assertTrue(self.toBackend.paused)
            self.assertEqual(client.messages, [])
            client.deliver(Hixie76Client.key3)
            self.assertFalse(self.toBackend.paused)
            self.assertEqual(client.messages, [str(number) for number in range(20)])

    def test_clientThatNeverOpens(self) -> None:
        """
        Is no client of the backend's: the connection there is closed.
        """
        for behind in VERSIONS:
            self.setUp()
            client, far = self.greetedLate(behind)
            client.finish()
            self.assertNothingLeft(client)
            self.assertEqual(far.calls[-1][:2], ("close", True))

    def test_backendThatLeavesBeforeTheClientIsOpen(self) -> None:
        """
        The client is told that, and not kept.
        """
        for behind in VERSIONS:
            self.setUp()
            client, _ = self.greetedLate(behind)
            self.toBackend.lose(ConnectionLost())
            client.deliver(Hixie76Client.key3)
            self.assertTrue(client.serverClosed)
            self.net.advance(10)
            self.net.ends[-1][1].lose(ConnectionLost())
            self.assertNothingLeft(client)


class FlowTests(GatewayTestCase):
    """
    A slow reader on one leg pauses the other.
    """

    def test_bothWays(self) -> None:
        """
        While the send buffer of one leg is full, nothing is read from the other, and nothing of
        what has been read is handed over; later all of it is.
        """
        for draft in VERSIONS:
            for behind in VERSIONS:
                client, far = self.opened(draft, behind)
                client.transport.producer.pauseProducing()
                self.assertTrue(self.toBackend.paused)
                self.assertFalse(client.transport.paused)
                far.sendMessage(b"down")
                self.assertEqual(client.messages, [])
                client.transport.producer.resumeProducing()
                self.assertEqual(client.messages, ["down"])
                self.toBackend.producer.pauseProducing()
                self.assertTrue(client.transport.paused)
                self.assertFalse(self.toBackend.paused)
                client.send("up")
                self.assertEqual(far.calls[2:], [])
                self.toBackend.producer.resumeProducing()
                client.settle()
                self.assertEqual(far.calls[2:], [("message", b"up", False)])

    def test_withinASegment(self) -> None:
        """
        A buffer that is full of one message takes none of those behind it.
        """
        for draft in VERSIONS:
            client, far = self.opened(draft)
            near = self.toBackend
            write = near.write

            def full(data: bytes, near: Any = near, write: Any = write) -> None:
                write(data)
                near.producer.pauseProducing()

            near.write = full
            client.deliver(b"".join(map(client.message, "abc")))
            self.assertEqual([call[1] for call in far.calls[2:]], [b"a"])
            near.write = write
            near.producer.resumeProducing()
            client.settle()
            self.assertEqual([call[1] for call in far.calls[2:]], [b"a", b"b", b"c"])

    def test_silence(self) -> None:
        """
        Of a leg that we don't read is no reason to close it.
        """
        for draft in VERSIONS:
            client, far = self.opened(draft)
            client.answersPings = False
            for _ in range(20):
                self.toBackend.producer.pauseProducing()
                self.net.advance(10)
                # It takes a little of what waits.
                self.toBackend.producer.resumeProducing()
                self.toBackend.producer.pauseProducing()
            self.assertTrue(client.transport.connected)
            self.assertNotIn("close", [call[0] for call in far.calls])

    def test_legThatIsGone(self) -> None:
        """
        Stops nothing: the other one is closed in order, with all that is owed to it.
        """
        for draft in VERSIONS:
            client, far = self.opened(draft)
            producer = self.toBackend.producer
            producer.stopProducing()
            self.assertTrue(client.isOpen)
            far.sendMessage(b"last")
            far.sendClose(*([4001] if far.draft.closeCodes else []))
            self.assertEqual(client.messages, ["last"])
            self.assertNothingLeft(client)

    def test_legThatIsNotRead(self) -> None:
        """
        Closes in time all the same when the other one has left: its half of the close is read,
        and what it still says is dropped.
        """
        for draft in VERSIONS:
            for behind in VERSIONS:
                self.setUp()
                client, far = self.opened(draft, behind)
                client.transport.producer.pauseProducing()
                far.sendMessage(b"more")
                client.drop()
                self.assertNothingLeft(client)
                self.assertEqual(far.calls[-1][:2], ("close", True))
                self.setUp()
                client, far = self.opened(draft, behind)
                self.toBackend.producer.pauseProducing()
                client.send("more")
                far.channel.transport.abortConnection()
                self.assertNothingLeft(client)


class ClosingTests(GatewayTestCase):
    """
    Closes keep their codes, as far as they are for the wire.
    """

    codes = (1000, 1001, 1002, 1003, *range(1007, 1014), 3000, 4999)

    def test_clientsCodes(self) -> None:
        """
        Are the backend's.
        """
        for draft in HYBI:
            for behind in HYBI:
                for code in self.codes:
                    self.setUp()
                    client, far = self.opened(draft, behind)
                    client.close(code, "why")
                    self.assertClosed(far, True, code, "why")
                    self.assertNothingLeft(client)

    def test_backendsCodes(self) -> None:
        """
        Are the client's, behind all that was said before.
        """
        for draft in HYBI:
            for behind in HYBI:
                for code in self.codes:
                    self.setUp()
                    client, far = self.opened(draft, behind)
                    far.sendMessage(b"last")
                    far.sendClose(code, "why")
                    self.assertEqual(client.messages, ["last"])
                    self.assertEqual(client.closing, (code, "why"))
                    self.assertNothingLeft(client)

    def test_noCode(self) -> None:
        """
        None is made up: 1005 is not for the wire, and hixie has none.
        """
        for draft in VERSIONS:
            for behind in VERSIONS:
                self.setUp()
                client, far = self.opened(draft, behind)
                client.close()
                self.assertClosed(far, True, 1005, None)
                self.assertNothingLeft(client)
                self.setUp()
                client, far = self.opened(draft, behind)
                far.sendClose()
                client.settle()
                self.assertEqual(client.closing, None)
                self.assertEqual(client.serverClosed, draft != "hixie-75")
                self.assertNothingLeft(client)

    def test_codesThatStayHere(self) -> None:
        """
        Where one leg has no codes the other's close is plain.
        """
        for draft in HYBI:
            for hixie in HIXIE:
                self.setUp()
                client, far = self.opened(draft, hixie)
                client.close(4001, "why")
                self.assertClosed(far, True, 1005, None)
                self.setUp()
                client, far = self.opened(hixie, draft)
                far.sendClose(4001, "why")
                client.settle()
                self.assertNothingLeft(client)

    def test_clientThatIsGone(self) -> None:
        """
        Is 1001 to the backend: it is going away; a killed backend is the same to the client.
        """
        for draft in VERSIONS:
            for behind in VERSIONS:
                hasCodes = behind in HYBI
                self.setUp()
                client, far = self.opened(draft, behind)
                client.drop()
                self.assertClosed(far, True, 1001 if hasCodes else 1005, None)
                self.assertNothingLeft(client)
                self.setUp()
                client, far = self.opened(draft, behind)
                far.channel.transport.abortConnection()
                client.settle()
                self.assertEqual(client.closing, (1001, "") if draft in HYBI else None)
                self.assertNothingLeft(client)

    def test_crossing(self) -> None:
        """
        Both may close at once; each hears its own peer, once.
        """
        for draft in VERSIONS:
            for behind in VERSIONS:
                self.setUp()
                client, far = self.opened(draft, behind)
                far.sendClose()
                client.close()
                self.assertEqual([call[0] for call in far.calls].count("close"), 1)
                self.assertNothingLeft(client)

    def test_messagesForALegThatCloses(self) -> None:
        """
        Are lost, as they would be without us.
        """
        for draft in (*HYBI, "hixie-76"):
            self.setUp()
            client, far = self.opened(draft)
            client.answersClose = False
            client.close()
            far.sendMessage(b"late")
            self.settle()
            self.assertEqual(client.messages, [])
            client.answersClose = True
            self.assertNothingLeft(client)


class DrainTests(GatewayTestCase):
    """
    The gateway stops.
    """

    def test_bothLegs(self) -> None:
        """
        Are closed, with 1001 where there are codes, each behind what was sent on it; then it is
        done, and not before.
        """
        for draft in VERSIONS:
            for behind in VERSIONS:
                self.setUp()
                client, far = self.opened(draft, behind)
                client.deliver(b"".join(client.message(str(number)) for number in range(10)))
                far.sendMessage(b"last")
                self.assertEqual(client.receive(), "last")
                draining = self.front.drain(5.0)
                self.assertNoResult(draining)
                self.settle(client)
                if draft in HYBI:
                    self.assertEqual(client.closing, (1001, STOPPING))
                self.assertTrue(client.disconnected)
                self.assertEqual(
                    [call[1] for call in far.calls if call[0] == "message"],
                    [b"%d" % number for number in range(10)],
                )
                hasCodes = draft in HYBI and behind in HYBI
                self.assertClosed(far, True, 1001 if hasCodes else 1005)
                self.assertIsNone(self.successResultOf(draining))
                self.assertNothingLeft(client)

    def test_backendThatDoesNotEnd(self) -> None:
        """
        Is cut when the time is over.
        """
        for draft in VERSIONS:
            self.setUp()
            client, far = self.opened(draft, "rfc6455")
            far.pauseReading()
            draining = self.front.drain(1.0)
            self.settle(client)
            self.assertTrue(client.disconnected)
            self.assertNoResult(draining)
            self.net.advance(1.0)
            far.resumeReading()
            self.settle(client)
            self.assertIsNone(self.successResultOf(draining))
            self.assertClosed(far, False, 1006)
            self.assertNothingLeft(client)

    def test_backendThatWasNotReached(self) -> None:
        """
        Its client is refused.
        """
        for draft in VERSIONS:
            self.setUp()
            decision: Deferred[None] = Deferred(lambda _: None)
            self.backend(connect=lambda _, it=decision: it)
            front = self.gateway()
            client = connect(front, draft)
            draining = front.drain(5.0)
            self.settle(client)
            self.assertEqual(client.status, 503)
            self.assertIsNone(self.successResultOf(draining))


class LeavingEarlyTests(GatewayTestCase):
    """
    The client leaves before the backend has answered.
    """

    def test_attempt(self) -> None:
        """
        Is cancelled, whatever it waits for, and no other backend is asked.
        """
        for draft in VERSIONS:
            for server in (None, Script(b"")):
                self.setUp()
                self.net.servers[8001] = server
                client = connect(self.gateway(8001, 8002), draft)
                self.assertEqual([each.open for each in self.handler.backends.all], [1, 0])
                client.transport.paused = False
                client.drop()
                self.assertEqual(self.net.tried, [8001])
                self.assertEqual(self.net.cancelled, server is None)
                self.assertEqual(client.wire, b"")
                self.assertNothingLeft(client)

    def test_backendIsNotBlamed(self) -> None:
        """
        It is asked first by the next client.
        """
        decision: Deferred[None] = Deferred()
        self.backend(8001, connect=lambda _: decision)
        self.backend(8002)
        front = self.gateway(8001, 8002)
        client = connect(front)
        client.transport.paused = False
        client.drop()
        connect(front)
        self.assertEqual(self.net.tried, [8001, 8001])

    def test_ourOwnDeadline(self) -> None:
        """
        The client is refused with 503 where its handshake takes too long; the attempt goes with
        it.
        """
        for draft in VERSIONS:
            self.setUp()
            self.net.servers[8001] = None
            handler = Gateway(["ws://backend.test:8001"], reactor=self.net, timeout=30.0)
            self.handler = handler
            front = FallbackServerFactory(handler, reactor=self.net, handshakeTimeout=5.0)
            client = connect(front, draft)
            client.advance(5)
            self.assertEqual((client.status, self.net.cancelled), (503, 1))
            self.assertNothingLeft(client)


class BinaryTests(GatewayTestCase):
    """
    Binary messages where one leg has only text.
    """

    def test_through(self) -> None:
        """
        Where both have them nothing is done to them.
        """
        for binary in ("refuse", "base64"):
            kind = self.backend(message=echo)
            client = connect(self.gateway(binary=binary), protocols=["base64", "x"])
            client.send(bytes(range(256)))
            self.assertEqual(client.receive(), bytes(range(256)))
            self.assertEqual(kind.made[0].request.protocols, ["base64", "x"])

    def test_forATextClient(self) -> None:
        """
        Closes both legs: 1003 to the backend; nothing of it is sent.
        """
        for draft in HIXIE:
            self.setUp()
            client, far = self.opened(draft)
            far.sendMessage(b"\xff", True)
            far.sendMessage(b"late")
            self.settle(client)
            self.assertEqual(client.messages, [])
            self.assertClosed(far, True, 1003, f"a binary message for {draft}, which has none")
            self.assertNothingLeft(client)

    def test_forATextBackend(self) -> None:
        """
        The same the other way.
        """
        for draft in HYBI:
            for behind in HIXIE:
                self.setUp()
                client, far = self.opened(draft, behind)
                client.deliver(client.message(b"\xff") + client.message("late"))
                self.assertEqual(
                    client.closing, (1003, f"a binary message for {behind}, which has none")
                )
                self.assertEqual([call[0] for call in far.calls[2:]], ["close"])
                self.assertNothingLeft(client)

    def inBase64(self, draft: str, *asked: str, **actions: Any) -> tuple[Any, Any]:
        """
        A client that asks for these subprotocols of a backend that chooses ``binary``.
        """

        def choose(handler: Recorder) -> str | None:
            return "binary" if "binary" in handler.request.protocols else None

        kind = self.backend(connect=choose, **actions)
        client = connect(self.gateway(binary="base64"), draft, protocols=asked)
        return client, kind.made[0]

    def test_base64(self) -> None:
        """
        A text-only client that asks for it has binary messages in it, both ways; the backend
        knows nothing of that.
        """
        for draft in HIXIE:
            for asked in (["base64"], ["binary", "base64"], ["x", "base64"]):
                client, far = self.inBase64(draft, *asked, message=echo)
                self.assertEqual(client.protocol, "base64")
                self.assertEqual(set(far.request.protocols), {*asked, "binary"} - {"base64"})
                self.assertEqual(len(set(far.request.protocols)), len(far.request.protocols))
                for data in (b"", b"\xff", bytes(range(256))):
                    client.send(b64encode(data).decode())
                    self.assertEqual(far.calls[-1], ("message", data, True))
                    self.assertEqual(client.receive(), b64encode(data).decode())

    def test_textToABase64Client(self) -> None:
        """
        A backend's text goes through as it is.
        """
        client, far = self.inBase64("hixie-76", "base64")
        far.sendMessage(b"plain")
        self.assertEqual(client.messages, ["plain"])

    def test_notBase64(self) -> None:
        """
        Closes both legs; nothing of it reaches the backend.
        """
        for draft in HIXIE:
            for wrong in ("AP+", "A P+A", "\u2713", "====", "AA==\n"):
                self.setUp()
                client, far = self.inBase64(draft, "base64")
                client.deliver(client.message(wrong) + client.message("AAAA"))
                self.assertEqual([call[0] for call in far.calls[2:]], ["close"], wrong)
                self.assertClosed(far, True, 1003, "a message is not base64")
                self.assertNothingLeft(client)

    def test_backendThatWantsNone(self) -> None:
        """
        Where it doesn't choose ``binary``, the client has text.
        """
        for draft in HIXIE:
            kind = self.backend(message=echo)
            client = connect(self.gateway(binary="base64"), draft, protocols=["base64"])
            self.assertEqual((client.status, client.protocol), (101, None))
            client.send("not base64!")
            self.assertEqual(client.receive(), "not base64!")
            kind.made[0].sendMessage(b"\xff", True)
            self.settle(client)
            self.assertClosed(kind.made[0], True, 1003)

    def test_notAskedFor(self) -> None:
        """
        Without the client's asking, or without the option, there is no base64.
        """
        for binary, asked, seen in (("base64", ["x"], ["x"]), ("refuse", ["base64"], ["base64"])):
            kind = self.backend(message=echo)
            client = connect(self.gateway(binary=binary), "hixie-76", protocols=asked)
            self.assertEqual(kind.made[0].request.protocols, seen)
            client.send("AAAA")
            self.assertEqual(kind.made[0].calls[-1], ("message", b"AAAA", False))
