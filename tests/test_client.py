"""
The client: each draft against our server in memory, falling back, and all that can go wrong.
"""

import gc
import weakref
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    TimeoutError,
)
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import Echo, Produced, Recorder, fail, recorder
from tests.pipe import Network, Script
from wsfallback import (
    DRAFTS,
    AnswerError,
    FallbackServerFactory,
    IClientChannel,
    IMessageHandler,
    NoDraftWorked,
    NotOpen,
    NotText,
    UnsupportedByDraft,
)
from wsfallback.client import NEWEST_FIRST, Client, connect
from wsfallback.demo import BroadcastHandler
from wsfallback.testing import VERSIONS

URL = "ws://example.com/chat?a=b"

ANSWER_75 = (
    b"HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n"
    b"Connection: Upgrade\r\nWebSocket-Origin: x\r\nWebSocket-Location: y\r\n\r\n"
)
BARE_101 = b"HTTP/1.1 101 OK\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"


def refusal(status: int) -> bytes:
    """
    A whole answer.
    """
    return b"HTTP/1.1 %d No\r\nContent-Length: 0\r\nX-Why: so\r\n\r\n" % status


class ClientTestCase(SynchronousTestCase):
    """
    What all tests of clients need.
    """

    def go(self, servers: Any, handler: Any, *, isSecure: bool = False, **options: Any) -> Any:
        """
        Connect, and let both ends do what they do at once.
        """
        self.clock = Clock()
        if isinstance(servers, FallbackServerFactory):
            self.clock = servers.reactor  # type: ignore[assignment]
        self.net = Network(self.clock, servers, isSecure=isSecure)
        connecting = connect(self.net, handler, url=URL, reactor=self.clock, **options)
        self.net.settle()
        return connecting

    def serve(self, handler: Any, **options: Any) -> FallbackServerFactory:
        """
        A server on a clock.
        """
        return FallbackServerFactory(handler, reactor=Clock(), **options)

    def attempts(self, connecting: Any) -> list[tuple[str, int | None, type]]:
        """
        What a failed one says of each attempt.
        """
        error = self.failureResultOf(connecting, NoDraftWorked).value
        return [(each.draft, each.status, type(each.error)) for each in error.attempts]

    def assertOver(self, handler: Recorder, *wanted: Any) -> None:
        """
        The handler heard of the end once, and nothing is left after the time for closing.
        """
        self.clock.pump([0.0, 1.0, 1.0, 0.5, 1.0, 1.0, 0.5, 0.0])
        closes = [call[1:] for call in handler.calls if call[0] == "close"]
        self.assertEqual([close[: len(wanted)] for close in closes], [wanted])
        self.assertTrue(self.net.isQuiet, self.clock.getDelayedCalls())


class ClientContract:
    """
    Mixed into a test case for each draft: what a client's end owes its handler.
    """

    draft: str

    def both(self: Any, **options: Any) -> tuple[Any, Recorder, Recorder]:
        """
        An open connection: channel, the client's handler, the server's.
        """
        near, far = recorder(**options.pop("near", {})), recorder(**options.pop("far", {}))
        server = self.serve(far, drafts=[self.draft], **options.pop("server", {}))
        channel = self.successResultOf(self.go(server, near, drafts=[self.draft], **options))
        return channel, near.made[0], far.made[0]

    def test_interfaces(self: Any) -> None:
        """
        The channel is one of a client's.
        """
        channel, near, _ = self.both()
        verifyObject(IClientChannel, channel)
        verifyObject(IMessageHandler, channel)
        self.assertIs(near.channel, channel)

    def test_aLife(self: Any) -> None:
        """
        Messages both ways, in order; the client closes.
        """
        channel, near, far = self.both(far={"open": lambda handler: handler.sendMessage(b"hi")})
        for text in ("", "d\xf6\u2713\U0001d11e", "x" * 100_000):
            channel.sendMessage(text.encode())
        self.net.settle()
        self.assertEqual(near.calls, [("connect",), ("open",), ("message", b"hi", False)])
        self.assertEqual(
            [call[1] for call in far.calls[2:]],
            [b"", "d\xf6\u2713\U0001d11e".encode(), b"x" * 100_000],
        )
        channel.sendClose()
        self.assertRaises(NotOpen, channel.sendMessage, b"x")
        self.assertOver(near, True, 1005, None)
        self.assertEqual(far.calls[-1], ("close", True, 1005, None))

    def test_messagesRightBehindTheAnswer(self: Any) -> None:
        """
        Come after onOpen, and the Deferred has fired by then.
        """
        order = []
        server = self.serve(recorder(open=lambda handler: handler.sendMessage(b"hi")))
        near = recorder(message=lambda handler: order.append("message"))
        connecting = self.go(server, near, drafts=[self.draft])
        connecting.addCallback(lambda channel: order.append("connected"))
        self.successResultOf(connecting)
        self.assertEqual(len(near.made[0].calls), 3)

    def test_theRequestAndTheAnswer(self: Any) -> None:
        """
        What the server's handler sees is what was asked, and the answer's fields come back.
        """
        far = recorder(connect=lambda _: ("b", {"Set-Cookie": ["x=1", "y=2"]}))
        near = recorder()
        connecting = self.go(
            self.serve(far),
            near,
            drafts=[self.draft],
            origin="http://page.example",
            headers=[("Cookie", "c=d"), ("X-One", "1")],
            protocols=["a", "b"],
        )
        channel = self.successResultOf(connecting)
        request = far.made[0].request
        self.assertEqual(request.path, "/chat")
        self.assertEqual(request.params, {"a": ["b"]})
        self.assertEqual(request.origin, "http://page.example")
        self.assertEqual(request.headers["host"], "example.com")
        self.assertEqual(request.headers["cookie"], "c=d")
        self.assertEqual(request.headers["x-one"], "1")
        self.assertEqual(channel.protocolInUse, "b")
        response = channel.response
        self.assertEqual(response.headers["set-cookie"], "x=1, y=2")
        self.assertEqual((response.protocol, response.version), ("b", VERSIONS[self.draft] or 0))
        self.assertEqual(response.peer, "tcp4:192.0.2.1:8080")
        self.assertEqual(channel.peer, response.peer)
        self.assertEqual((channel.request.path, channel.request.protocols), ("/chat", ["a", "b"]))
        self.assertEqual(channel.draft.name, self.draft)

    def test_closeByTheServer(self: Any) -> None:
        """
        Is clean, with its code where there are codes.
        """
        channel, near, far = self.both()
        code = 4001 if channel.draft.closeCodes else None
        far.sendClose(code, "bye" if code else None)
        self.assertOver(near, True, code or 1005, "bye" if code else None)

    def test_closeWithACode(self: Any) -> None:
        """
        The server's handler gets it, where there are codes.
        """
        channel, near, far = self.both()
        channel.sendClose(4001, "bye")
        self.assertOver(near, True)
        expected = (True, 4001, "bye") if channel.draft.closeCodes else (True, 1005, None)
        self.assertEqual(far.calls[-1], ("close", *expected))

    def test_lost(self: Any) -> None:
        """
        A connection that breaks isn't clean.
        """
        _, near, _ = self.both()
        self.net.ends[0][0].lose(ConnectionLost())
        self.net.ends[0][1].lose(ConnectionLost())
        self.assertOver(near, False, 1006)

    def test_silentServer(self: Any) -> None:
        """
        A close that isn't answered ends the connection all the same.
        """
        channel, near, _ = self.both()
        self.net.ends[0][1].paused = True
        channel.sendClose()
        self.clock.pump([1.0] * 6)
        self.assertEqual([call[0] for call in near.calls].count("close"), 1)
        self.assertFalse(self.net.ends[0][0].connected)

    def test_keepalive(self: Any) -> None:
        """
        A server from which nothing is heard is left; a live one answers pings.
        """
        channel, near, _ = self.both(server={"idleTimeout": 3600.0, "pingInterval": 3600.0})
        if channel.draft.ping:
            for _ in range(20):
                self.clock.advance(19.0)
                self.net.settle()
            self.assertEqual(near.calls[-1], ("open",))
        self.net.ends[0][1].paused = True
        self.clock.pump([10.0] * 8)
        self.assertEqual(near.calls[-1][:3], ("close", False, 1006))

    def test_binary(self: Any) -> None:
        """
        Both ways, or refused before a byte is sent.
        """
        channel, near, _ = self.both(far={"message": lambda h: h.sendMessage(b"\xff", True)})
        if channel.draft.binary:
            channel.sendMessage(b"\xfe", True)
            self.net.settle()
            self.assertEqual(near.calls[-1], ("message", b"\xff", True))
        else:
            before = len(self.net.ends[0][0].writes)
            self.assertRaises(UnsupportedByDraft, channel.sendMessage, b"\xfe", True)
            self.assertEqual(len(self.net.ends[0][0].writes), before)
        self.assertRaises(NotText, channel.sendMessage, b"\xff")

    def test_failingHandler(self: Any) -> None:
        """
        Is logged, and closes its connection.
        """
        _, near, far = self.both(near={"message": fail})
        far.sendMessage(b"x")
        self.assertOver(near, False, 1006, "the handler failed")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        if far.draft.closeCodes:
            self.assertEqual(far.calls[-1][:3], ("close", True, 1011))

    def test_failingOnConnect(self: Any) -> None:
        """
        Fails the connection, with what it was; no other draft is tried.
        """
        near = recorder(connect=fail)
        connecting = self.go(self.serve(Echo), near, drafts=[self.draft, "rfc6455"])
        self.clock.pump([0.0, 2.0, 0.0])
        self.failureResultOf(connecting, ZeroDivisionError)
        self.assertEqual(self.net.tried, 1)
        self.assertOver(near.made[0], False, 1006, "the handler failed")

    def test_waitingOnConnect(self: Any) -> None:
        """
        What comes meanwhile is kept.
        """
        waiting: Deferred[None] = Deferred()
        near = recorder(connect=lambda _: waiting)
        server = self.serve(recorder(open=lambda handler: handler.sendMessage(b"hi")))
        connecting = self.go(server, near, drafts=[self.draft])
        self.assertNoResult(connecting)
        self.assertEqual(near.made[0].calls, [("connect",)])
        self.assertRaises(NotOpen, near.made[0].sendClose)
        self.assertRaises(NotOpen, near.made[0].sendMessage, b"x")
        waiting.callback(None)
        self.net.settle()
        self.successResultOf(connecting)
        self.assertEqual(near.made[0].calls[1:], [("open",), ("message", b"hi", False)])

    def test_waitingOnConnectTooLong(self: Any) -> None:
        """
        Is within the timeout, too.
        """
        cancelled: list[Any] = []
        near = recorder(connect=lambda _: Deferred(cancelled.append))
        connecting = self.go(self.serve(Echo), near, drafts=[self.draft], timeout=5.0)
        self.clock.pump([5.0, 0.0, 0.0])
        self.assertEqual(self.attempts(connecting), [(self.draft, None, TimeoutError)])
        self.assertEqual(len(cancelled), 1)
        self.assertOver(near.made[0], False, 1006)

    def test_serverLeavesDuringOnConnect(self: Any) -> None:
        """
        The attempt fails, and onClose comes once.
        """
        near = recorder(connect=lambda _: Deferred())
        connecting = self.go(self.serve(Echo), near, drafts=[self.draft])
        self.net.ends[0][1].abortConnection()
        self.net.settle()
        self.assertEqual(self.attempts(connecting), [(self.draft, None, ConnectionLost)])
        self.assertOver(near.made[0], False, 1006)

    def test_floodDuringOnConnect(self: Any) -> None:
        """
        What can't be paused is bounded.
        """
        near = recorder(connect=lambda _: Deferred())
        connecting = self.go(self.serve(Echo), near, drafts=[self.draft])
        end = self.net.ends[0][0]
        end.paused = False
        end.arrive(b"\0" * (1 << 18))
        end.arrive(b"\0")
        self.net.settle()
        self.assertEqual(self.attempts(connecting), [(self.draft, None, ConnectionAborted)])
        self.assertOver(near.made[0], False, 1006, "the server sent too much before it was heard")

    def test_refusals(self: Any) -> None:
        """
        A server's own status is what is told, and no other draft is tried.
        """
        for status in (401, 403, 404, 500, 503):

            def deny(_: Any, status: int = status) -> None:
                raise ConnectionDeny(status, "no")

            server = self.serve(recorder(connect=deny))
            connecting = self.go(server, recorder(), drafts=[self.draft, "rfc6455"])
            self.clock.pump([0.0, 2.0, 2.0, 0.0])
            self.assertEqual(self.attempts(connecting), [(self.draft, status, AnswerError)])
            self.assertTrue(self.net.isQuiet)

    def test_cancel(self: Any) -> None:
        """
        While it connects, while the server thinks, and after.
        """
        for servers in ([None], self.serve(recorder(connect=lambda _: Deferred()))):
            near = recorder()
            connecting = self.go(servers, near, drafts=[self.draft])
            connecting.cancel()
            self.failureResultOf(connecting, CancelledError)
            self.net.settle()
            self.assertTrue(self.net.isQuiet)
            self.assertEqual((near.made, self.net.tried), ([], 1))

    def test_limits(self: Any) -> None:
        """
        A message at the bound comes, and one beyond it closes.
        """
        _, near, far = self.both(maxMessage=10)
        far.sendMessage(b"x" * 10)
        self.net.settle()
        self.assertEqual(near.calls[-1], ("message", b"x" * 10, False))
        far.sendMessage(b"x" * 11)
        self.assertOver(near, False, 1006)
        self.assertIn("longer than 10 bytes", near.calls[-1][3])

    def test_bomb(self: Any) -> None:
        """
        A message that is small on the wire is bounded by what it inflates to.
        """
        _, near, far = self.both(maxMessage=1000)
        far.sendMessage(b"x" * 1_000_000)
        self.assertOver(near, False, 1006)
        self.assertNotIn("message", [call[0] for call in near.calls])
        if far.draft.closeCodes:
            self.assertEqual(far.calls[-1][:3], ("close", True, 1009))

    def test_compression(self: Any) -> None:
        """
        Is used where both have it.
        """
        wanted = ["permessage-deflate"] if self.draft.startswith(("hybi", "rfc")) else []
        for near, far in ((True, True), (True, False), (False, True)):
            channel, handler, server = self.both(compress=near, server={"compress": far})
            self.assertEqual(channel.response.extensions, wanted if near and far else [])
            server.sendMessage(b"hi" * 1000)
            channel.sendMessage(b"ho" * 1000)
            self.net.settle()
            self.assertEqual(handler.calls[-1], ("message", b"hi" * 1000, False))
            self.assertEqual(server.calls[-1], ("message", b"ho" * 1000, False))

    def test_anySegmentation(self: Any) -> None:
        """
        The answer and the frames behind it may come byte by byte.
        """
        far = recorder(open=lambda handler: handler.sendMessage("h\xe9".encode()))
        near = recorder()
        clock = self.clock = Clock()
        self.net = Network(clock, FallbackServerFactory(far, reactor=clock), isCut=True)
        connecting = connect(self.net, near, url=URL, reactor=clock, drafts=[self.draft])
        self.net.settle(1000)
        channel = self.successResultOf(connecting)
        self.assertEqual(near.made[0].calls[-1], ("message", "h\xe9".encode(), False))
        channel.sendClose()
        self.net.settle(1000)
        self.assertEqual(near.made[0].calls[-1], ("close", True, 1005, None))

    def test_nothingIsKept(self: Any) -> None:
        """
        A connection that is over leaves no cycle for Python's collector.
        """
        gc.collect()
        gc.disable()
        try:
            channel, near, _ = self.both()
            gone = [weakref.ref(each) for each in (channel, self.net.ends[0][0]._protocol)]
            channel.sendClose()
            self.assertOver(near, True)
            near.__dict__.clear()
            self.net.ends.clear()
            del channel, near
            self.assertEqual([each() for each in gone], [None, None])
        finally:
            gc.enable()

    def test_nothingIsKeptOfAHandler(self: Any) -> None:
        """
        Nor a handler that its maker knows, whatever was tried before: not even while what has
        connected is kept, as Twisted's connector does, which is a cycle itself.
        """
        gc.collect()
        gc.disable()
        try:
            near = recorder()()
            near.made.clear()
            connecting = self.go(
                self.serve(recorder(), drafts=[self.draft]), lambda near=near: near
            )
            kept = self.net.ends[-1][0]._protocol
            self.successResultOf(connecting).sendClose()
            self.net.settle(1000)
            del connecting
            self.assertEqual(near.calls[-1][0], "close")
            gone = weakref.ref(near)
            del near
            self.assertIsNone(gone(), kept)
        finally:
            gc.enable()

    def test_producer(self: Any) -> None:
        """
        Is the transport's, and let go of when the connection ends.
        """
        channel, near, _ = self.both()
        producer = Produced()
        channel.registerProducer(producer, True)
        self.net.ends[0][0].producer.pauseProducing()
        self.net.ends[0][0].producer.resumeProducing()
        self.assertEqual(producer.calls, ["pause", "resume"])
        channel.sendClose()
        self.assertOver(near, True)
        self.assertIsNone(self.net.ends[0][0].producer)


def _forEachDraft() -> None:
    for draft in DRAFTS:
        name = f"{draft.name.title().replace('-', '')}ClientTests"
        body = {"draft": draft.name, "__doc__": f"{draft.name}.", "__module__": __name__}
        globals()[name] = type(name, (ClientContract, ClientTestCase), body)


_forEachDraft()


class FallingBackTests(ClientTestCase):
    """
    Which attempt is followed by another one.
    """

    def test_theOrder(self) -> None:
        """
        Newest first, each on a connection of its own, until one works; told in this order.
        """
        for draft in DRAFTS:
            near = recorder()
            channel = self.successResultOf(self.go(self.serve(Echo, drafts=[draft.name]), near))
            self.assertEqual(channel.draft.name, draft.name)
            self.assertEqual(len(near.made), 1)
            self.assertEqual(self.net.tried, NEWEST_FIRST.index(draft.name) + 1)
            channel.sendClose()
            self.assertOver(near.made[0], True)

    def test_statuses(self) -> None:
        """
        Those that mean "I don't speak this".
        """
        for status in (200, 400, 405, 426, 501, 505):
            connecting = self.go([Script(refusal(status), closes=True) for _ in DRAFTS], recorder())
            wanted = [(name, status, AnswerError) for name in NEWEST_FIRST]
            self.assertEqual(self.attempts(connecting), wanted)
            self.assertTrue(self.net.isQuiet)

    def test_theAnswerIsKept(self) -> None:
        """
        With all its fields; and the sentence tells of each attempt.
        """
        connecting = self.go(
            [Script(refusal(400), closes=True), Script(refusal(404), closes=True)], recorder()
        )
        error = self.failureResultOf(connecting, NoDraftWorked).value
        self.assertEqual(error.attempts[-1].response.get(b"x-why"), b"so")
        self.assertEqual(
            str(error),
            "rfc6455: The server answered 400: 'No'; hybi-10: The server answered 404: 'No'",
        )

    def test_closedWithoutAnAnswer(self) -> None:
        """
        By a FIN or a RST: the next draft; after half an answer: none.
        """
        for how in ({"closes": True}, {"resets": True}):
            connecting = self.go([Script(b"", **how) for _ in range(5)], recorder())
            self.assertEqual(len(self.attempts(connecting)), 5)
        connecting = self.go([Script(b"HTTP/1.1 101", closes=True)], recorder())
        self.assertEqual(self.attempts(connecting), [("rfc6455", None, ConnectionDone)])

    def test_anAnswerOfAnotherDraft(self) -> None:
        """
        Leads there directly, if it may be spoken.
        """
        connecting = self.go([Script(ANSWER_75), Script(ANSWER_75)], recorder())
        self.clock.pump([0.0, 2.0, 0.0, 0.0])
        channel = self.successResultOf(connecting)
        self.assertEqual((channel.draft.name, self.net.tried), ("hixie-75", 2))
        answer76 = ANSWER_75.replace(b"WebSocket-", b"Sec-WebSocket-") + b"x" * 16
        connecting = self.go([Script(answer76, closes=True) for _ in range(5)], recorder())
        names = [each[0] for each in self.attempts(connecting)]
        self.assertEqual(names, ["rfc6455", "hixie-76", "hixie-75"])
        connecting = self.go(
            [Script(ANSWER_75, closes=True) for _ in range(5)], recorder(), floor="hixie-76"
        )
        names = [each[0] for each in self.attempts(connecting)]
        self.assertEqual(names, ["rfc6455", "hybi-10", "hybi-07", "hixie-76"])

    def test_a101OfNoDraft(self) -> None:
        """
        Leads to the next draft, and is no refusal with a status.
        """
        connecting = self.go([Script(BARE_101, closes=True) for _ in range(5)], recorder())
        wanted = [(name, None, AnswerError) for name in NEWEST_FIRST]
        self.assertEqual(self.attempts(connecting), wanted)

    def test_floor(self) -> None:
        """
        Nothing older is tried.
        """
        connecting = self.go(self.serve(Echo, drafts=["hixie-75"]), recorder(), floor="hybi-10")
        self.clock.pump([0.0, 2.0, 2.0, 2.0])
        names = [each[0] for each in self.attempts(connecting)]
        self.assertEqual(names, ["rfc6455", "hybi-10"])

    def test_noServer(self) -> None:
        """
        TCP fails: there is one attempt.
        """
        connecting = self.go([ConnectionRefusedError()], recorder())
        self.assertEqual(self.attempts(connecting), [("rfc6455", None, ConnectionRefusedError)])

    def test_noTls(self) -> None:
        """
        TLS fails, by an error or an end: there is one attempt, and nothing was asked.
        """
        for reason in (ConnectionDone(), ConnectionLost(), ValueError("certificate")):
            script = Script(b"")
            connecting = self.go([script], recorder(), isSecure=True)
            self.net.ends[0][0].lose(reason)
            self.net.settle()
            self.assertEqual(self.attempts(connecting), [("rfc6455", None, type(reason))])
            self.assertEqual(script.asked, b"")

    def test_timeout(self) -> None:
        """
        A server that doesn't answer, or isn't reached, is not asked again.
        """
        for server in (Script(b""), Script(b"HTTP/1.1 101 x\r\n"), None):
            connecting = self.go([server], recorder(), timeout=3.0)
            self.clock.advance(2.9)
            self.assertNoResult(connecting)
            self.clock.pump([0.1, 0.0])
            self.assertEqual(self.attempts(connecting), [("rfc6455", None, TimeoutError)])
            self.assertTrue(self.net.isQuiet)

    def test_garbage(self) -> None:
        """
        Is not asked again either.
        """
        for answer in (
            b"+OK\r\n",
            b"HTTP/1.1 101 x\r\na b\r\n\r\n",
            b"HTTP/1.1 200 " + b"x" * 20000,
        ):
            connecting = self.go([Script(answer, closes=True)], recorder())
            self.assertEqual(self.attempts(connecting), [("rfc6455", None, AnswerError)])

    def test_strict(self) -> None:
        """
        What is odd is logged, or is wrong.
        """
        connecting = self.go([Script(ANSWER_75)], recorder(), drafts=["hixie-75"])
        self.successResultOf(connecting)
        connecting = self.go(
            [Script(ANSWER_75, closes=True)], recorder(), drafts=["hixie-75"], strict=True
        )
        self.assertEqual(self.attempts(connecting), [("hixie-75", None, AnswerError)])


class AddressTests(SynchronousTestCase):
    """
    Where a URL points.
    """

    def test_addresses(self) -> None:
        """
        An address is connected to at once, and fails at once; a name is looked up.
        """
        for host, address in (("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")):
            reactor = MemoryReactorClock()
            connecting = connect(f"ws://{host}:9000/", Echo, reactor=reactor)
            ((found, port, factory, *_),) = reactor.tcpClients
            self.assertEqual((found, port), (address, 9000))
            factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))
            self.failureResultOf(connecting, NoDraftWorked)
        reactor = MemoryReactorClock()
        connecting = connect("ws://example.com:9000/", Echo, reactor=reactor)
        self.assertEqual(reactor.tcpClients[0][1], 9000)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)


class ArgumentTests(SynchronousTestCase):
    """
    What can't be is refused at once.
    """

    def test_wrongValues(self) -> None:
        """
        With a sentence.
        """
        wrong: list[dict[str, Any]] = [
            {"drafts": []},
            {"drafts": ["hybi-13"]},
            {"floor": "x"},
            {"drafts": ["hixie-75"], "floor": "hixie-76"},
            {"timeout": 0},
            {"timeout": "5"},
            {"maxMessage": 0},
            {"origin": "a b"},
            {"headers": {"Host": "a"}},
        ]
        for options in wrong:
            self.assertRaises(ValueError, Client, URL, reactor=Clock(), **options)
        self.assertRaises(ValueError, Client, "http://a", reactor=Clock())

    def test_wrongTypes(self) -> None:
        """
        Of what is no list, no limit.
        """
        wrong: list[dict[str, Any]] = [
            {"drafts": "rfc6455"},
            {"protocols": "chat"},
            {"url": URL},
            {"maxMessages": 1},
        ]
        for options in wrong:
            self.assertRaises(TypeError, Client, URL, reactor=MemoryReactorClock(), **options)
        self.assertRaises(TypeError, Client, Network(Clock(), []), reactor=Clock())

    def test_wrongHandlers(self) -> None:
        """
        Nothing is connected for what can't be called, or makes something else, or wants to be
        given something.
        """
        reactor = MemoryReactorClock()
        for handler in (object, 5, BroadcastHandler, lambda channel: Echo()):
            self.assertRaises(TypeError, connect, URL, handler, reactor=reactor)
        self.assertEqual(reactor.tcpClients, [])

    def test_noOtherThanAHandler(self) -> None:
        """
        A factory that makes something else is the caller's mistake.
        """
        clock = Clock()
        net = Network(clock, FallbackServerFactory(Echo, reactor=clock))
        connecting = connect(net, object().__class__.__call__, url=URL, reactor=clock)
        net.settle()
        clock.pump([2.0, 0.0])
        self.failureResultOf(connecting, TypeError)
