"""
What every protocol owes an application, whatever draft its client speaks.
"""

import asyncio
import gc
import weakref
from typing import Any

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from wsfallback import (
    FallbackServerFactory,
    IFrameHandler,
    IMessageChannel,
    IMessageHandler,
    MessageHandler,
    NotOpen,
    NotText,
    SendQueueFull,
)
from wsfallback.testing import Client, connect


class Recorder(MessageHandler):
    """
    Writes down what happens to it, and does what a test tells it to.
    """

    made: list["Recorder"]

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def does(self, name: str) -> Any:
        """
        What a test overrides: a callable for each method, called with the handler.
        """
        action = getattr(type(self), f"{name}Does", None)
        return None if action is None else action(self)

    def onConnect(self, request: ConnectionRequest) -> Any:
        self.calls.append(("connect",))
        return self.does("connect")

    def onOpen(self) -> Any:
        self.calls.append(("open",))
        return self.does("open")

    def onMessage(self, payload: bytes, isBinary: bool) -> Any:
        self.calls.append(("message", payload, isBinary))
        return self.does("message")

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> Any:
        self.calls.append(("close", wasClean, code, reason))
        return self.does("close")


def recorder(**actions: Any) -> type[Recorder]:
    """
    A class of handlers; those it made are in its ``made``.

    :param actions: ``message=function``: what its ``onMessage`` does besides.
    """

    class Recording(Recorder):
        made: list[Recorder] = []  # noqa: RUF012  # one list for each class

        def __init__(self) -> None:
            super().__init__()
            self.made.append(self)

    for name, action in actions.items():
        setattr(Recording, f"{name}Does", staticmethod(action))
    return Recording


class Echo(MessageHandler):
    """
    A server's handler.
    """

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Send it back.
        """
        self.sendMessage(payload, isBinary)


class Produced:
    """
    Somebody's producer.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


def fail(handler: Recorder) -> None:
    """
    An application's mistake.
    """
    raise ZeroDivisionError("the application's mistake")


class HandlerContract:
    """
    Mixed into a test case for each draft.

    :cvar draft: its name.
    """

    draft: str

    def serve(self, handler: Any, **options: Any) -> FallbackServerFactory:
        """
        A server on a clock.
        """
        return FallbackServerFactory(handler, reactor=Clock(), **options)

    def opened(self, handler: Any, **options: Any) -> Any:
        """
        A client that is open.
        """
        client = connect(self.serve(handler, **options), self.draft)
        self.assertEqual(client.status, 101, client.wire)
        return client

    def assertOver(self: Any, client: Client, handler: Recorder) -> None:
        """
        Nothing is left of the connection, and the handler heard of its end once.
        """
        client.settle()
        self.assertFalse(client.transport.connected)
        self.assertEqual([call[0] for call in handler.calls].count("close"), 1, handler.calls)
        self.assertEqual(client._clock.getDelayedCalls(), [])

    def flushed(self: Any, count: int = 1) -> None:
        """
        The application's mistake was logged, and no other.
        """
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), count)


class _Contract(HandlerContract):
    # Apart, so that mypy and editors know what a test case has.

    def test_interfaces(self: Any) -> None:
        """
        The handler's channel provides both interfaces, with their signatures.
        """
        kind = recorder()
        self.opened(kind)
        channel = kind.made[0].channel
        verifyObject(IMessageChannel, channel)
        verifyObject(IMessageHandler, channel)
        verifyObject(IMessageHandler, kind.made[0])

    def test_aLife(self: Any) -> None:
        """
        Connect, open, messages in order, close: each once and in this order.
        """
        kind = recorder()
        client = self.opened(kind)
        client.send("one")
        client.send("")
        client.send("d\xf6\u2713\U0001d11e")
        client.close()
        self.assertEqual(
            [call[:3] for call in kind.made[0].calls],
            [
                ("connect",),
                ("open",),
                ("message", b"one", False),
                ("message", b"", False),
                ("message", "d\xf6\u2713\U0001d11e".encode(), False),
                ("close", True, 1005),
            ],
        )
        self.assertOver(client, kind.made[0])

    def test_theRequest(self: Any) -> None:
        """
        The handler sees path, parameters, host, origin, fields, peer and subprotocols.
        """
        seen = []

        class Looking(MessageHandler):
            def onConnect(self, request: ConnectionRequest) -> None:
                seen.append((request, self.request, self.channel.request, self.peer))

        client = connect(
            self.serve(Looking),
            self.draft,
            path="/chat/%C3%A9?a=1&a=2&b=%20",
            host="example.com:8080",
            origin="http://example.com:8000",
            headers={"Cookie": "a=b", "X-Twice": "1"},
            protocols=["chat", "superchat"],
        )
        self.assertEqual(client.status, 101, client.wire)
        ((request, *same),) = seen
        self.assertEqual(same, [request, request, "tcp4:192.0.2.7:52914"])
        self.assertEqual(request.path, "/chat/%C3%A9")
        self.assertEqual(request.params, {"a": ["1", "2"], "b": [" "]})
        self.assertEqual(request.host, "example.com")
        self.assertEqual(request.origin, "http://example.com:8000")
        self.assertEqual(request.headers["cookie"], "a=b")
        self.assertEqual(request.headers["host"], "example.com:8080")
        self.assertEqual(request.peer, "tcp4:192.0.2.7:52914")
        self.assertEqual(request.protocols[:2], ["chat", "superchat"])

    def test_originWithoutAScheme(self: Any) -> None:
        """
        Old Python clients send ``host:port`` for an origin: it is served, and seen verbatim.
        """
        kind = recorder()
        client = connect(self.serve(kind), self.draft, origin="127.0.0.1:8080")
        self.assertEqual(client.status, 101, client.wire)
        self.assertEqual(kind.made[0].request.origin, "127.0.0.1:8080")

    def test_subprotocol(self: Any) -> None:
        """
        What the handler chose is in the answer; without a choice no such field is.
        """
        client = connect(
            self.serve(recorder(connect=lambda _: "b")), self.draft, protocols=["a", "b"]
        )
        self.assertEqual((client.status, client.protocol), (101, "b"))
        client = connect(self.serve(recorder()), self.draft, protocols=["a", "b"])
        self.assertEqual((client.status, client.protocol), (101, None))

    def test_subprotocolThatWasNotOffered(self: Any) -> None:
        """
        Is the application's mistake: the client is refused, and told nothing of it.
        """

        class Wrong(MessageHandler):
            def onConnect(self, request: ConnectionRequest) -> str:
                return "sec\r\nret"

        client = connect(self.serve(Wrong), self.draft, protocols=["a"])
        self.assertEqual(client.status, 500)
        self.assertNotIn(b"sec", client.body)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_responseFields(self: Any) -> None:
        """
        The handler adds fields to the answer, several of a name too.
        """
        fields = {"Set-Cookie": ["a=1", "b=2"], "X-One": "1"}
        client = self.opened(recorder(connect=lambda _: (None, fields)))
        head = client.wire.partition(b"\r\n\r\n")[0] + b"\r\n"
        for line in (b"\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n", b"\r\nX-One: 1\r\n"):
            self.assertIn(line, head)

    def test_responseFieldsThatCouldChangeTheAnswer(self: Any) -> None:
        """
        Line ends, other people's fields and impossible names are refused with 500.
        """
        for fields in (
            {"X": "a\r\nSet-Cookie: b"},
            {"X\r\nY": "a"},
            {"": "a"},
            {"X": "\0"},
            {"Upgrade": "x"},
            {"sec-websocket-protocol": "x"},
            {"WebSocket-Location": "x"},
            {"Content-Length": "0"},
        ):
            client = connect(
                self.serve(recorder(connect=lambda _, fields=fields: (None, fields))), self.draft
            )
            self.assertEqual(client.status, 500, fields)
            self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_denial(self: Any) -> None:
        """
        The handler's status and reason reach the client as a complete answer; TCP ends, and
        the handler hears of it.
        """

        def deny(handler: Recorder) -> None:
            raise ConnectionDeny(403, "members only")

        kind = recorder(connect=deny)
        client = connect(self.serve(kind), self.draft)
        self.assertEqual((client.status, client.body), (403, b"members only\n"))
        self.assertEqual(client.fields["connection"], "close")
        self.assertEqual(client.fields["content-length"], "13")
        self.assertTrue(client.disconnected)
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
        self.assertOver(client, kind.made[0])

    def test_denialWithAnImpossibleStatus(self: Any) -> None:
        """
        A status that is no refusal is the application's mistake.
        """

        def deny(status: int) -> None:
            raise ConnectionDeny(status, "welcome")

        for status in (200, 299, 304, 600):
            kind = recorder(connect=lambda _, status=status: deny(status))
            client = connect(self.serve(kind), self.draft)
            self.assertEqual(client.status, 500)
            self.assertEqual(len(self.flushLoggedErrors(ConnectionDeny)), 1)

    def test_denialWithoutAReason(self: Any) -> None:
        """
        The status speaks for itself.
        """

        def deny(handler: Recorder) -> None:
            raise ConnectionDeny(404)

        client = connect(self.serve(recorder(connect=deny)), self.draft)
        self.assertEqual((client.status, client.body), (404, b"Not Found\n"))

    def test_denialNamesNoLineOfItsOwn(self: Any) -> None:
        """
        A reason with line ends in it stays one line of the body.
        """

        def deny(handler: Recorder) -> None:
            raise ConnectionDeny(403, "a\r\n\r\nb")

        client = connect(self.serve(recorder(connect=deny)), self.draft)
        self.assertEqual((client.status, client.body), (403, b"a b\n"))

    def test_failureInOnConnect(self: Any) -> None:
        """
        500, one Failure in the log, and nothing of it for the client.
        """
        kind = recorder(connect=fail)
        client = connect(self.serve(kind), self.draft)
        self.assertEqual(client.status, 500)
        self.assertNotIn(b"mistake", client.wire)
        self.flushed()
        self.assertOver(client, kind.made[0])

    def test_handlerThatCantBeMade(self: Any) -> None:
        """
        As a failure in onConnect, but for onClose: nobody is there to hear it.
        """

        def make() -> None:
            raise ZeroDivisionError("the application's mistake")

        client = connect(self.serve(make), self.draft)
        self.assertEqual(client.status, 500)
        self.flushed()
        client.settle()
        self.assertFalse(client.transport.connected)

    def test_handlerThatIsNone(self: Any) -> None:
        """
        A factory that makes something else is the application's mistake too.
        """
        client = connect(self.serve(lambda: object()), self.draft)
        self.assertEqual(client.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_asynchronousOnConnect(self: Any) -> None:
        """
        The answer waits for the handler, and so does all that the client sends meanwhile:
        nothing is read, lost or taken for a second handshake.
        """
        decision: Deferred[str] = Deferred()
        kind = recorder(connect=lambda _: decision)
        client = connect(self.serve(kind), self.draft, protocols=["a"])
        self.assertEqual((client.status, client.transport.paused), (None, True))
        client.send("GET / HTTP/1.1\r\n\r\n")
        client.send("two")
        self.assertEqual(kind.made[0].calls, [("connect",)])
        decision.callback("a")
        client.settle()
        self.assertEqual((client.status, client.protocol), (101, "a"))
        self.assertFalse(client.transport.paused)
        self.assertEqual(
            kind.made[0].calls,
            [
                ("connect",),
                ("open",),
                ("message", b"GET / HTTP/1.1\r\n\r\n", False),
                ("message", b"two", False),
            ],
        )

    def test_bytesThatArePushedWhileTheHandlerDecides(self: Any) -> None:
        """
        A transport that can't pause gets the same, up to a bound.
        """
        decision: Deferred[None] = Deferred()
        kind = recorder(connect=lambda _: decision)
        client = connect(self.serve(kind), self.draft)
        client.transport.paused = False
        client.send("x" * 1000)
        self.assertEqual(kind.made[0].calls, [("connect",)])
        client.deliver(b"\0" * (1 << 18))
        self.assertEqual(client.status, 400)
        self.assertOver(client, kind.made[0])
        decision.callback(None)
        self.assertEqual(client.status, 400)

    def test_coroutineOnConnect(self: Any) -> None:
        """
        ``async def onConnect`` works.
        """

        class Chooser(MessageHandler):
            async def onConnect(self, request: ConnectionRequest) -> str:
                return "b"

        client = connect(self.serve(Chooser), self.draft, protocols=["a", "b"])
        self.assertEqual((client.status, client.protocol), (101, "b"))

    def test_asynchronousDenialAndFailure(self: Any) -> None:
        """
        Refused as if it had come at once.
        """
        for error, status in ((ConnectionDeny(403, "no"), 403), (ZeroDivisionError(), 500)):
            decision: Deferred[None] = Deferred()
            kind = recorder(connect=lambda _, decision=decision: decision)
            client = connect(self.serve(kind), self.draft)
            decision.errback(error)
            client.settle()
            self.assertEqual(client.status, status)
            self.assertOver(client, kind.made[0])
        self.flushed()

    def test_clientLeavesWhileTheHandlerDecides(self: Any) -> None:
        """
        The Deferred is cancelled, the handler hears the end, nothing is written.
        """
        cancelled: list[Any] = []
        kind = recorder(connect=lambda _: Deferred(cancelled.append))
        client = connect(self.serve(kind), self.draft)
        client.transport.paused = False  # else the end is noticed no earlier than the decision
        client.drop()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(client.wire, b"")
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
        self.assertOver(client, kind.made[0])

    def test_clientThatHadLeftWhenTheHandlerDecided(self: Any) -> None:
        """
        Opens, and closes at once.
        """
        decision: Deferred[None] = Deferred()
        kind = recorder(connect=lambda _: decision)
        client = connect(self.serve(kind), self.draft)
        client.drop()
        self.assertEqual(kind.made[0].calls, [("connect",)])
        decision.callback(None)
        client.settle()
        self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "open", "close"])
        self.assertOver(client, kind.made[0])

    def test_handlerTakesTooLong(self: Any) -> None:
        """
        The deadline of the handshake holds for the handler too: 503.
        """
        kind = recorder(connect=lambda _: Deferred())
        client = connect(self.serve(kind, handshakeTimeout=5), self.draft)
        client.advance(4.9)
        self.assertEqual(client.wire, b"")
        client.advance(0.2)
        self.assertEqual(client.status, 503)
        self.assertOver(client, kind.made[0])

    def test_decisionsThatSurvive(self: Any) -> None:
        """
        A handler that catches the cancel, and accepts or waits again, can't open what has been
        refused, or is gone.
        """

        class Stubborn(Recorder):
            again = False

            async def onConnect(self, request: ConnectionRequest) -> None:
                self.calls.append(("connect",))
                try:
                    await Deferred()
                except CancelledError:
                    if self.again:
                        await Deferred()

        def late(client: Any) -> None:
            client.advance(5)

        def flood(client: Any) -> None:
            client.transport.paused = False
            client.deliver(b"\0" * ((1 << 18) + 1))

        def drop(client: Any) -> None:
            client.transport.paused = False
            client.drop()

        for again in (False, True):
            for end, status in ((late, 503), (flood, 400), (drop, None)):
                handler = Stubborn()
                handler.again = again
                client = connect(self.serve(lambda handler=handler: handler), self.draft)
                end(client)
                client.settle()
                self.assertEqual(client.status, status)
                self.assertEqual([call[0] for call in handler.calls], ["connect", "close"])
                self.assertOver(client, handler)

    def test_decisionAfterTheEnd(self: Any) -> None:
        """
        Comes too late.
        """
        decision: Deferred[None] = Deferred()
        kind = recorder(connect=lambda _: decision)
        client = connect(self.serve(kind), self.draft)
        client.transport.paused = False
        client.drop()
        decision.callback(None)
        self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "close"])
        self.assertOver(client, kind.made[0])

    def test_nothingIsKept(self: Any) -> None:
        """
        When a connection is over nothing refers to it, so that what was not sent yet is freed at
        once, without Python's collector.
        """
        gc.collect()
        gc.disable()
        try:
            for end in ("close", "finish", "drop"):
                kind = recorder()
                client = self.opened(kind)
                client.send("one")
                protocol = weakref.ref(kind.made[0].channel)
                getattr(client, end)()
                self.assertOver(client, kind.made[0])
                kind.made.clear()
                del client
                self.assertIsNone(protocol(), end)
        finally:
            gc.enable()

    def test_failureInOnOpen(self: Any) -> None:
        """
        The connection closes with 1011, the Failure is logged, onClose comes.
        """
        kind = recorder(open=fail)
        client = self.opened(kind)
        self.flushed()
        self.assertClosedWith(client, 1011)
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
        self.assertOver(client, kind.made[0])

    def test_failureInOnMessage(self: Any) -> None:
        """
        The same; messages behind the fatal one are not delivered.
        """
        kind = recorder(message=fail)
        client = self.opened(kind)
        client.deliver(client.message("one") + client.message("two"))
        self.flushed()
        self.assertClosedWith(client, 1011)
        self.assertEqual([call[0] for call in kind.made[0].calls][2:], ["message", "close"])
        self.assertOver(client, kind.made[0])

    def test_failureBehindTheHandshake(self: Any) -> None:
        """
        The same for a message that came in one segment with the handshake.
        """
        kind = recorder(message=fail)
        decision: Deferred[None] = Deferred()
        kind.connectDoes = staticmethod(lambda _: decision)
        client = connect(self.serve(kind), self.draft)
        client.send("one")
        decision.callback(None)
        client.settle()
        self.flushed()
        self.assertClosedWith(client, 1011)
        self.assertOver(client, kind.made[0])

    def test_failureOfACoroutine(self: Any) -> None:
        """
        ``async def`` methods fail in the same way, later.
        """
        later: Deferred[None] = Deferred()

        class Slow(Recorder):
            async def onMessage(self, payload: bytes, isBinary: bool) -> None:
                await later

        handler = Slow()
        client = self.opened(lambda: handler)
        client.send("one")
        self.assertTrue(client.isOpen)
        later.errback(ZeroDivisionError())
        client.settle()
        self.flushed()
        self.assertClosedWith(client, 1011)
        self.assertOver(client, handler)

    def test_cancelledError(self: Any) -> None:
        """
        asyncio's, which is no Exception, fails like one.
        """

        def cancel(handler: Recorder) -> None:
            raise asyncio.CancelledError

        for name in ("open", "message"):
            kind = recorder(**{name: cancel})
            client = self.opened(kind)
            client.send("one")
            self.assertEqual(len(self.flushLoggedErrors(asyncio.CancelledError)), 1)
            self.assertClosedWith(client, 1011)
            self.assertOver(client, kind.made[0])

    def test_resultsThatAreNoDeferreds(self: Any) -> None:
        """
        What onMessage returns besides is nobody's business.
        """
        client = self.opened(recorder(message=lambda _: 1, open=lambda _: "x"))
        client.send("one")
        self.assertTrue(client.isOpen)

    def test_failureInOnClose(self: Any) -> None:
        """
        Is logged, and hurts nobody.
        """
        kind = recorder(close=fail)
        client = self.opened(kind)
        client.close()
        self.flushed()
        self.assertOver(client, kind.made[0])

    def test_failureOfACoroutineOnClose(self: Any) -> None:
        """
        The same where it is a coroutine.
        """

        class Slow(Recorder):
            async def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
                self.calls.append(("close", wasClean, code, reason))
                raise ZeroDivisionError

        handler = Slow()
        client = self.opened(lambda: handler)
        client.close()
        self.flushed()
        self.assertOver(client, handler)

    def test_oneFailureIsNotAnothers(self: Any) -> None:
        """
        Other connections of the server go on.
        """
        kind = recorder(message=lambda handler: fail(handler) if handler is kind.made[0] else None)
        factory = self.serve(kind)
        bad, good = connect(factory, self.draft), connect(factory, self.draft)
        bad.send("x")
        self.flushed()
        good.send("y")
        self.assertTrue(good.isOpen)
        self.assertEqual(kind.made[1].calls[-1], ("message", b"y", False))

    def test_sendBeforeOpen(self: Any) -> None:
        """
        Neither a message nor a close can go ahead of the handshake.
        """
        errors = []

        def early(handler: Recorder) -> None:
            for send in (lambda: handler.sendMessage(b"x"), handler.sendClose):
                try:
                    send()
                except NotOpen as error:
                    errors.append(error)

        client = self.opened(recorder(connect=early))
        self.assertEqual(len(errors), 2)
        self.assertTrue(client.isOpen)

    def test_sendAfterClose(self: Any) -> None:
        """
        After sendClose, and after the end, nothing can be sent; to close again is nothing.
        """
        kind = recorder()
        client = self.opened(kind)
        handler = kind.made[0]
        handler.sendClose(1000, "bye")
        self.assertRaises(NotOpen, handler.sendMessage, b"x")
        handler.sendClose()
        client.settle()
        self.assertOver(client, handler)
        self.assertRaises(NotOpen, handler.sendMessage, b"x")

    def test_sendTextThatIsNone(self: Any) -> None:
        """
        Text is UTF-8 on the way out as well, and bytes; nothing is sent otherwise.
        """
        kind = recorder()
        client = self.opened(kind)
        before = client.wire
        for wrong in (b"\xff", b"\xed\xa0\x80", b"\xc3"):
            self.assertRaises(NotText, kind.made[0].sendMessage, wrong)
        for wrong in ("text", bytearray(b"x"), None):
            self.assertRaises(TypeError, kind.made[0].sendMessage, wrong)
        self.assertEqual(client.wire, before)
        self.assertTrue(client.isOpen)

    def test_sendInOnOpen(self: Any) -> None:
        """
        The first moment to send is onOpen.
        """
        client = self.opened(recorder(open=lambda handler: handler.sendMessage(b"welcome")))
        self.assertEqual(client.receive(), "welcome")

    def test_oneWriteAFrame(self: Any) -> None:
        """
        Each outgoing message is one write.
        """
        kind = recorder()
        client = self.opened(kind)
        before = len(client.writes)
        kind.made[0].sendMessage(b"one")
        kind.made[0].sendMessage(b"x" * 70000)
        self.assertEqual(len(client.writes) - before, 2)

    def test_closeByTheServer(self: Any) -> None:
        """
        The client answers in the way of its draft, the server ends TCP: a clean close.
        """
        kind = recorder()
        client = self.opened(kind)
        kind.made[0].sendClose()
        client.settle()
        self.assertTrue(client.disconnected)
        self.assertEqual(kind.made[0].calls[-1], ("close", True, 1005, None))
        self.assertOver(client, kind.made[0])

    def test_impossibleCloseCodes(self: Any) -> None:
        """
        Codes that are not for the wire, and a reason without a code, are refused on all drafts.
        """
        kind = recorder()
        client = self.opened(kind)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000):
            self.assertRaises(ValueError, kind.made[0].sendClose, code)
        self.assertRaises(ValueError, kind.made[0].sendClose, None, "why")
        for wrong in ((1000, b"bye"), (1000, 5), (1000.0,), ("1000",), (True,)):
            self.assertRaises(TypeError, kind.made[0].sendClose, *wrong)
        client.send("still here")
        self.assertEqual(kind.made[0].calls[-1], ("message", b"still here", False))
        self.assertTrue(client.isOpen)

    def test_noMessagesAfterSendClose(self: Any) -> None:
        """
        As in browsers, what comes after one's own close is not delivered.
        """
        kind = recorder(message=lambda handler: handler.sendClose())
        client = self.opened(kind)
        client.deliver(client.message("one") + client.message("two"))
        self.assertEqual([call[0] for call in kind.made[0].calls][2:], ["message", "close"])
        self.assertOver(client, kind.made[0])

    def test_bytesBehindOurClose(self: Any) -> None:
        """
        In one segment with what made the handler close, or in later ones, they make no
        difference.
        """
        for behind in ("half", "wrong", "good"):
            heard = []
            for segment in (None, 1):
                kind = recorder(message=lambda handler: handler.sendClose())
                client = self.opened(kind)
                more = {
                    "half": client.message("hello")[:-1],
                    "wrong": self.invalidText(client),
                    "good": client.message("hello"),
                }[behind]
                client.answersClose = False
                client.deliver(client.message("bye") + more, segment)
                client.advance(2)
                client.finish()
                client.advance(2)
                heard.append(kind.made[0].calls)
                self.assertOver(client, kind.made[0])
            self.assertEqual(heard[0], heard[1], behind)

    def test_closeInOnOpen(self: Any) -> None:
        """
        A handler may close at once.
        """
        kind = recorder(open=lambda handler: handler.sendClose())
        client = self.opened(kind)
        self.assertOver(client, kind.made[0])

    def test_closeInOnClose(self: Any) -> None:
        """
        Too late, and harmless.
        """
        errors = []

        def late(handler: Recorder) -> None:
            handler.sendClose()

        kind = recorder(close=late)
        client = self.opened(kind)
        client.close()
        self.assertEqual(errors, [])
        self.assertOver(client, kind.made[0])

    def test_clientThatIsGone(self: Any) -> None:
        """
        A RST: not clean, 1006, and why in our words.
        """
        kind = recorder()
        client = self.opened(kind)
        client.drop()
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
        self.assertTrue(kind.made[0].calls[-1][3].startswith("the connection was lost: "))
        self.assertOver(client, kind.made[0])

    def test_clientThatLeavesWithinAFrame(self: Any) -> None:
        """
        A FIN within a frame is not clean on any draft.
        """
        kind = recorder()
        client = self.opened(kind)
        client.deliver(client.message("hello")[:-1])
        client.finish()
        self.assertEqual(
            kind.made[0].calls[-1],
            ("close", False, 1006, "the connection was lost: Connection was closed cleanly."),
        )
        self.assertOver(client, kind.made[0])

    def test_clientThatEndsItsHalf(self: Any) -> None:
        """
        It gets what it is owed, unless it takes no byte of it any more.
        """
        kind = recorder(message=lambda handler: handler.sendMessage(b"answer"))
        client = self.opened(kind)
        client.transport.loseConnection = lambda: None  # as with a full send buffer
        client.send("question")
        kind.made[0].registerProducer(object(), True)
        client.finish()
        self.assertIsNone(client.transport.producer)
        self.assertRaises(NotOpen, kind.made[0].sendMessage, b"late")
        self.assertEqual(client.receive(), "answer")
        self.assertTrue(client.transport.connected)
        client.advance(2)
        self.assertTrue(client.transport.aborted)
        self.assertOver(client, kind.made[0])

    def test_limitOfAMessage(self: Any) -> None:
        """
        A message of just the limit is delivered, of one byte more is not, and 1009.
        """
        for size, ends in ((100, False), (101, True)):
            kind = recorder()
            client = self.opened(kind, maxMessage=100)
            client.send("x" * size)
            self.assertEqual(client.disconnected, ends)
            if ends:
                self.assertClosedWith(client, 1009)
                self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
                self.assertOver(client, kind.made[0])
            else:
                self.assertEqual(len(kind.made[0].calls[-1][1]), size)

    def test_limitOfAFrame(self: Any) -> None:
        """
        The same for a frame.
        """
        for size, ends in ((100, False), (101, True)):
            client = self.opened(recorder(), maxFrame=100)
            client.send("x" * size)
            self.assertEqual(client.disconnected, ends)

    def test_limitsAreForReceiving(self: Any) -> None:
        """
        What the application sends is its own business.
        """
        kind = recorder()
        client = self.opened(kind, maxMessage=10, maxFrame=10)
        kind.made[0].sendMessage(b"x" * 1000)
        client.settle()
        self.assertEqual(client.receive(), "x" * 1000)

    def test_messagesBeforeAnError(self: Any) -> None:
        """
        What was sent in front of an error, in one segment with it, is delivered.
        """
        kind = recorder()
        client = self.opened(kind, maxMessage=100)
        client.deliver(client.message("good") + client.message("x" * 101))
        self.assertIn(("message", b"good", False), kind.made[0].calls)
        self.assertOver(client, kind.made[0])

    def test_invalidText(self: Any) -> None:
        """
        Text that is not UTF-8 is not delivered, and closes: 1007.
        """
        kind = recorder()
        client = self.opened(kind)
        client.deliver(self.invalidText(client))
        self.assertClosedWith(client, 1007)
        self.assertEqual([call[0] for call in kind.made[0].calls], ["connect", "open", "close"])
        self.assertOver(client, kind.made[0])

    def test_segments(self: Any) -> None:
        """
        Byte by byte it is the same.
        """
        kind = recorder()
        client = connect(self.serve(kind), self.draft, segment=1)
        for message in ("one", "", "\u2713" * 100):
            client.send(message)
        client.close()
        self.assertEqual(
            [call[0] for call in kind.made[0].calls],
            ["connect", "open", "message", "message", "message", "close"],
        )
        self.assertOver(client, kind.made[0])

    def test_producer(self: Any) -> None:
        """
        A producer is paused while the transport takes nothing, and let go of when it is done.
        """
        kind = recorder()
        client = self.opened(kind)
        handler, producer = kind.made[0], Produced()
        handler.registerProducer(producer, True)
        for _ in range(2):
            client.transport.producer.pauseProducing()
            client.transport.producer.resumeProducing()
            self.assertEqual(producer.calls, ["pause", "resume"])
            handler.unregisterProducer()

    def test_slowClient(self: Any) -> None:
        """
        What the transport doesn't take waits, in order, up to a bound; the next message closes.
        """
        kind = recorder()
        client = self.opened(kind, maxSendQueue=1000)
        handler, transport = kind.made[0], client.transport
        transport.producer.pauseProducing()
        before = len(transport.writes)
        for _ in range(9):
            handler.sendMessage(b"x" * 100)
        self.assertEqual(len(transport.writes), before)
        drained = handler.drained()
        self.assertNoResult(drained)
        transport.producer.resumeProducing()
        client.settle()
        self.successResultOf(drained)
        self.assertEqual(client.messages, ["x" * 100] * 9)
        transport.producer.pauseProducing()
        for _ in range(10):
            handler.sendMessage(b"x" * 100)
        self.assertRaises(NotOpen, handler.sendMessage, b"y")
        # What waited is not sent any more: who doesn't read is told the reason first.
        client.messages.clear()
        transport.producer.resumeProducing()
        client.settle()
        self.assertEqual(client.messages, [])
        self.assertFalse(client.isOpen)
        if handler.draft.closeCodes:
            self.assertEqual(client.closing[0], 1013)
        self.assertOver(client, handler)
        self.assertEqual(handler.calls[-1][:3], ("close", False, 1006))

    def test_oneMessageAlwaysHasRoom(self: Any) -> None:
        """
        However long, where none waits before it.
        """
        kind = recorder()
        client = self.opened(kind, maxSendQueue=0)
        kind.made[0].sendMessage(b"x" * 1000)
        client.transport.producer.pauseProducing()
        kind.made[0].sendMessage(b"y" * 1000)
        client.transport.producer.resumeProducing()
        client.settle()
        self.assertEqual(client.messages, ["x" * 1000, "y" * 1000])

    def test_slowClientInALoop(self: Any) -> None:
        """
        A handler that goes on sending has made no mistake: nothing of that is in the log.
        """

        def pour(handler: Recorder) -> None:
            handler.channel.transport.producer.pauseProducing()
            for _ in range(9):
                handler.sendMessage(b"x" * 90)

        kind = recorder(message=pour)
        client = self.opened(kind, maxSendQueue=100)
        client.send("go")
        client.transport.producer.resumeProducing()
        client.settle()
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_parts(self: Any) -> None:
        """
        Messages that belong together have room together, and their end is the end of that.
        """
        kind = recorder()
        client = self.opened(kind, maxSendQueue=100)
        handler, transport = kind.made[0], client.transport
        transport.producer.pauseProducing()
        handler.channel.sendTogether([b"x" * 90] * 3)
        transport.producer.resumeProducing()
        client.settle()
        self.assertEqual(client.messages, ["x" * 90] * 3)
        transport.producer.pauseProducing()
        handler.channel.sendTogether([b"x" * 90] * 3)
        self.assertTrue(client.transport.connected)
        handler.sendMessage(b"x" * 90)
        self.assertRaises(NotOpen, handler.sendMessage, b"x")

    def test_fullQueue(self: Any) -> None:
        """
        Instead of closing the message can be dropped, or the caller told.
        """
        for choice in ("drop", "raise"):
            kind = recorder()
            client = self.opened(kind, maxSendQueue=250, fullQueue=choice)
            handler = kind.made[0]
            client.transport.producer.pauseProducing()
            for text in (b"a", b"b"):
                handler.sendMessage(text * 100)
            if choice == "drop":
                handler.sendMessage(b"c" * 100)
            else:
                self.assertRaises(SendQueueFull, handler.sendMessage, b"c" * 100)
            client.transport.producer.resumeProducing()
            handler.sendMessage(b"d")
            client.settle()
            self.assertEqual(client.messages, ["a" * 100, "b" * 100, "d"])

    def test_fullQueueUncaught(self: Any) -> None:
        """
        A handler that doesn't expect it fails, and each slow reader is no traceback in the log.
        """
        kind = recorder(message=lambda handler: handler.sendMessage(b"x" * 100))
        client = self.opened(kind, maxSendQueue=250, fullQueue="raise")
        client.transport.producer.pauseProducing()
        for _ in range(3):
            client.send("more")
        client.transport.producer.resumeProducing()
        client.settle()
        client.finish()
        client.settle()
        name, wasClean, code, reason = kind.made[0].calls[-1]
        self.assertEqual((name, wasClean, code), ("close", False, 1006))
        self.assertEqual(reason, "the handler failed: more than 250 bytes wait to be sent")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_closeOfASlowClient(self: Any) -> None:
        """
        A close waits for what is before it, as long as the client takes something; and what is
        behind TCP's end is nobody's.
        """
        kind = recorder()
        client = self.opened(kind, idleTimeout=10, closeTimeout=2, maxSendQueue=1 << 20)
        handler, transport = kind.made[0], client.transport
        transport.producer.pauseProducing()
        for _ in range(4):
            handler.sendMessage(b"x" * 65536)
        handler.sendClose()
        write = transport.write

        def full(data: bytes) -> None:
            write(data)
            transport.producer.pauseProducing()

        transport.write = full
        for _ in range(4):
            client.advance(9)
            self.assertTrue(transport.connected)
            self.assertFalse(transport.finished)
            transport.producer.resumeProducing()
        transport.write = write
        transport.producer.resumeProducing()
        client.settle()
        self.assertEqual(client.messages, ["x" * 65536] * 4)
        self.assertOver(client, handler)
        self.assertTrue(handler.calls[-1][1], handler.calls[-1])

    def test_clientThatReadsNothing(self: Any) -> None:
        """
        Is given up after a while, whoever closes.
        """
        for close in (True, False):
            kind = recorder()
            client = self.opened(kind, idleTimeout=10, closeTimeout=2)
            handler = kind.made[0]
            client.transport.producer.pauseProducing()
            handler.sendMessage(b"x")
            handler.sendMessage(b"x")
            if close:
                handler.sendClose()
            else:
                client.transport.leave(ConnectionDone())
            client.advance(9.9)
            self.assertFalse(client.transport.aborted)
            client.advance(0.1)
            self.assertTrue(client.transport.aborted)
            self.assertEqual(handler.calls[-1][:3], ("close", False, 1006))

    def test_halfOpen(self: Any) -> None:
        """
        With the default numbers, a client that is gone without a word is noticed after so many
        seconds; after more on hixie, whose close waits, if it hasn't taken what it was sent.
        """
        noticed = {"hixie-75": (60 + 2, 60 + 60), "hixie-76": (60 + 2 + 2, 60 + 60)}
        for isFull, seconds in enumerate(noticed.get(self.draft, (20 + 20, 20 + 20))):
            kind = recorder()
            client = self.opened(kind)
            client.answersPings = client.answersClose = False
            handler = kind.made[0]
            if isFull:
                client.transport.producer.pauseProducing()
                handler.sendMessage(b"x")
            for _ in range(seconds - 1):
                client.advance(1)
            self.assertFalse(client.transport.aborted)
            client.advance(1)
            self.assertTrue(client.transport.aborted)
            self.assertEqual(handler.calls[-1][:3], ("close", False, 1006))

    def test_neitherReads(self: Any) -> None:
        """
        A client that we don't read, and that doesn't read us, is not kept for ever; one that
        takes something is.
        """
        for takes in (True, False):
            kind = recorder()
            client = self.opened(kind, idleTimeout=10, pingInterval=10)
            handler, transport = kind.made[0], client.transport
            handler.pauseReading()
            transport.producer.pauseProducing()
            for _ in range(5):
                client.advance(10)
                if takes:
                    transport.producer.resumeProducing()
                    transport.producer.pauseProducing()
            self.assertEqual(transport.aborted, not takes)

    def test_producerAfterTheEnd(self: Any) -> None:
        """
        One that comes too late is stopped, and holds nothing back.
        """
        stopped = []

        class Producer:
            def stopProducing(self) -> None:
                stopped.append(1)

        kind = recorder()
        client = self.opened(kind)
        handler = kind.made[0]
        client.close()
        handler.registerProducer(Producer(), False)
        self.assertEqual(stopped, [1])
        self.assertOver(client, handler)

    def test_pauseReading(self: Any) -> None:
        """
        Nothing more is handed over, be it in the same segment, until resumeReading; the order
        stays, and silence is no reason to close.
        """
        kind = recorder(message=lambda handler: handler.channel.pauseReading())
        client = self.opened(kind, idleTimeout=10, pingInterval=10, pingTimeout=10)
        client.answersPings = False
        handler = kind.made[0]
        client.deliver(b"".join(map(client.message, "abc")))
        client.send("d")
        for count in range(1, 5):
            self.assertEqual(
                [call[1] for call in handler.calls[2:]], [b"a", b"b", b"c", b"d"][:count]
            )
            self.assertTrue(client.transport.paused)
            client.advance(100)
            self.assertTrue(client.isOpen)
            handler.channel.resumeReading()
            client.settle()
        handler.channel.resumeReading()
        client.close()
        self.assertOver(client, handler)

    def test_resumeReadingWithinAMessage(self: Any) -> None:
        """
        Pausing and resuming while a message is handed over changes nothing.
        """

        def both(handler: Recorder) -> None:
            handler.channel.pauseReading()
            handler.channel.resumeReading()

        kind = recorder(message=both)
        client = self.opened(kind)
        client.deliver(b"".join(map(client.message, "abc")))
        self.assertEqual([call[1] for call in kind.made[0].calls[2:]], [b"a", b"b", b"c"])

    def test_producerAtTheEnd(self: Any) -> None:
        """
        One that is not unregistered doesn't keep the connection open.
        """
        kind = recorder()
        client = self.opened(kind)
        kind.made[0].registerProducer(Produced(), True)
        client.close()
        if self.draft != "hixie-75":  # whose close is the end of TCP already
            self.assertIsNone(client.transport.producer)
        self.assertOver(client, kind.made[0])

    def test_closeTimeout(self: Any) -> None:
        """
        A client that never answers a close can't keep the connection: TCP is ended for it.
        """
        kind = recorder()
        client = self.opened(kind, closeTimeout=2)
        client.answersClose = False
        kind.made[0].sendClose()
        client.advance(2)
        self.assertTrue(client.disconnected)
        client.advance(2)
        self.assertEqual(kind.made[0].calls[-1][:3], ("close", False, 1006))
        self.assertTrue(kind.made[0].calls[-1][3].startswith("the client didn't"))
        self.assertOver(client, kind.made[0])

    def test_secondSilence(self: Any) -> None:
        """
        A client that never reads can't keep a connection either whose close is its own.
        """
        kind = recorder()
        client = self.opened(kind, closeTimeout=2)
        client.answersClose = False
        client.deliver(client.closeFrame() or b"\0\xff")
        kind.made[0].channel.sendClose()
        client.advance(2)
        client.advance(2)
        self.assertOver(client, kind.made[0])

    def test_frames(self: Any) -> None:
        """
        With frames handed over one by one, a handler that takes none gets messages.
        """
        kind = recorder()
        client = self.opened(kind, frames=True)
        client.send("one")
        self.assertEqual(kind.made[0].calls[-1], ("message", b"one", False))

    def test_frameHandler(self: Any) -> None:
        """
        And one that takes them gets each frame of a message.
        """
        frames = []

        @implementer(IFrameHandler)
        class Frames(MessageHandler):
            def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> None:
                frames.append((payload, isBinary, isFinal))

        client = self.opened(Frames, frames=True)
        client.send("one")
        self.assertEqual(frames, [(b"one", False, True)])

    # What differs.

    def assertClosedWith(self: Any, client: Client, code: int) -> None:
        """
        The server closed in the way of the draft.
        """
        raise NotImplementedError

    def invalidText(self, client: Any) -> bytes:
        """
        A text message that is not UTF-8.
        """
        raise NotImplementedError


class HixieContract(_Contract):
    """
    The drafts without close codes.
    """

    def assertClosedWith(self: Any, client: Client, code: int) -> None:
        client.settle()
        self.assertTrue(client.disconnected)
        self.assertEqual(client.serverClosed, self.draft == "hixie-76")

    def invalidText(self, client: Any) -> bytes:
        return b"\x00a\xc3\x28\xff"


class HybiContract(_Contract):
    """
    The drafts that have them.
    """

    def assertClosedWith(self: Any, client: Client, code: int) -> None:
        client.settle()
        self.assertIsNotNone(client.closing)
        self.assertEqual(client.closing[0], code)
        self.assertTrue(client.disconnected)

    def invalidText(self, client: Any) -> bytes:
        frame: bytes = client.frame(1, b"a\xc3\x28")
        return frame


class TestCase(SynchronousTestCase):
    """
    Where to mix it in.
    """
