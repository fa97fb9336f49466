"""
What is served on a port, and to whom.
"""

from typing import Any
from unittest import mock

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contract import recorder
from tests.observers import Seen
from wsfallback import DRAFTS, FallbackServerFactory, MessageHandler
from wsfallback.demo import Echo
from wsfallback.peeking import IPeekingFactory
from wsfallback.testing import VERSIONS, attach, connect, request


def serve(handler: Any = Echo, **options: Any) -> FallbackServerFactory:
    """
    A server on a clock.
    """
    return FallbackServerFactory(handler, reactor=Clock(), **options)


class ConstructorTests(SynchronousTestCase):
    """
    Mistakes are seen when the factory is made.
    """

    def test_nothingToServe(self) -> None:
        """
        There must be a handler, or routes.
        """
        self.assertRaises(TypeError, FallbackServerFactory, reactor=Clock())
        self.assertRaises(TypeError, FallbackServerFactory, reactor=Clock(), routes={})

    def test_handlersThatAreNone(self) -> None:
        """
        A class that implements something else, and what can't be called.
        """
        for wrong in (object, "echo", Echo()):
            self.assertRaises(TypeError, serve, wrong)
            self.assertRaises(TypeError, serve, None, routes={"/": wrong})

    def test_observersThatAreNone(self) -> None:
        """
        They are found here, and not when the first client comes.
        """
        for wrong in (object(), Seen):
            error = self.assertRaises(TypeError, serve, observers=[wrong])
            self.assertIn("IObserver", str(error))

    def test_unknownLimit(self) -> None:
        """
        As any unknown argument.
        """
        self.assertRaises(TypeError, serve, maxMesage=1)

    def test_wrongNames(self) -> None:
        """
        Of drafts and origins, and numbers out of range.
        """
        for options in (
            {"drafts": ["hixie-77"]},
            {"drafts": []},
            {"origins": ["http://a/b"]},
            {"maxMessage": 0},
        ):
            self.assertRaises(ValueError, serve, **options)

    def test_stringsForLists(self) -> None:
        """
        A string is a list too, of letters, and not meant as one.
        """
        self.assertRaises(TypeError, serve, drafts="rfc6455")
        self.assertRaises(TypeError, serve, origins="null")
        self.assertRaises(TypeError, serve, trusted="10.0.0.0/8")
        self.assertRaises(ValueError, serve, trusted=["10.0.0.0/99"])

    def test_interface(self) -> None:
        """
        It has all that a peeker asks of it.
        """
        verifyObject(IPeekingFactory, serve())

    def test_negotiation(self) -> None:
        """
        In ALPN, which browsers do for ``wss:`` too, it is HTTP/1.1.
        """
        factory = serve()
        verifyObject(IProtocolNegotiationFactory, factory)
        self.assertEqual(factory.acceptableProtocols(), [b"http/1.1"])

    def test_reactorByDefault(self) -> None:
        """
        Without one it is Twisted's.
        """
        from twisted.internet import reactor

        self.assertIs(FallbackServerFactory(Echo).reactor, reactor)


class RoutingTests(SynchronousTestCase):
    """
    Which handler serves a path.
    """

    def test_routes(self) -> None:
        """
        Each path has its own, whatever the query; an unknown path is 404 on all drafts.
        """
        one, two = recorder(), recorder()
        factory = serve(None, routes={"/one": one, "/two": two})
        for draft in VERSIONS:
            connect(factory, draft, path="/one?x=1")
            connect(factory, draft, path="/two")
            for path in ("/", "/one/", "/three", "/One"):
                client = connect(factory, draft, path=path)
                self.assertEqual(client.status, 404, path)
                self.assertTrue(client.disconnected)
        self.assertEqual((len(one.made), len(two.made)), (5, 5))

    def test_routesBesideAHandler(self) -> None:
        """
        With a handler as well, it has all other paths.
        """
        one, others = recorder(), recorder()
        factory = serve(others, routes={"/one": one})
        connect(factory, path="/one")
        connect(factory, path="/two")
        self.assertEqual((len(one.made), len(others.made)), (1, 1))

    def test_absoluteTarget(self) -> None:
        """
        RFC 9112 §3.2.2: a target in absolute form has a path too, from hybi-07 on.
        """
        for draft in VERSIONS:
            kind = recorder()
            client = connect(serve(None, routes={"/a": kind}), draft, path="http://example.com/a?b")
            if VERSIONS[draft] is None:
                self.assertEqual(client.status, 400)
            else:
                self.assertEqual(client.status, 101)
                self.assertEqual(kind.made[0].request.path, "/a")


class DraftsTests(SynchronousTestCase):
    """
    Which drafts are served.
    """

    def test_oneAtATime(self) -> None:
        """
        Those that aren't are refused with 426 and the versions that are.
        """
        for served in DRAFTS:
            factory = serve(drafts=[served.name])
            for draft in VERSIONS:
                client = connect(factory, draft)
                if draft == served.name:
                    self.assertEqual(client.status, 101)
                    continue
                self.assertEqual(client.status, 426, (served, draft))
                version = str(served.version) if served.version else None
                self.assertEqual(client.fields.get("sec-websocket-version"), version)
                self.assertTrue(client.disconnected)

    def test_unknownVersion(self) -> None:
        """
        426, and all versions, newest first.
        """
        client = attach(serve())
        client.deliver(request("rfc6455").replace(b"Version: 13", b"Version: 99"))
        self.assertEqual(client.status, 426)
        self.assertEqual(client.fields["sec-websocket-version"], "13, 8, 7")


class OriginTests(SynchronousTestCase):
    """
    RFC 6454: who may come in.
    """

    def test_patterns(self) -> None:
        """
        On every draft, by the field of that draft; 403 before anything is accepted.
        """
        kind = recorder()
        factory = serve(kind, origins=["http://example.com", "https://*.example.com:*"])
        for draft in VERSIONS:
            for origin, status in (
                ("http://example.com", 101),
                ("HTTP://Example.COM:80", 101),
                ("https://a.b.example.com:8443", 101),
                ("http://example.com:81", 403),
                ("https://example.com", 403),
                ("http://example.com.evil.test", 403),
                ("null", 403),
                ("127.0.0.1:8080", 403),
                (None, 403),
            ):
                client = connect(factory, draft, origin=origin)
                # Without an origin a request is no hixie-75 at all.
                if (draft, origin) == ("hixie-75", None):
                    status = 400
                self.assertEqual(client.status, status, (draft, origin))
        self.assertEqual(len(kind.made), 15)

    def test_theOtherField(self) -> None:
        """
        The origin field of another draft grants nothing.
        """
        factory = serve(origins=["http://good.test"])
        for draft, other in (("hybi-10", "Origin"), ("rfc6455", "Sec-WebSocket-Origin")):
            client = connect(factory, draft, origin=None, headers={other: "http://good.test"})
            self.assertEqual(client.status, 403)


class TrustedTests(SynchronousTestCase):
    """
    Behind a proxy that does TLS.
    """

    def test_location(self) -> None:
        """
        The answer to a hixie client says where that thinks it is; a handler sees the same.
        """
        said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "www.test"}
        for network, location in (
            ("192.0.2.0/24", "wss://www.test/chat"),
            ("198.51.100.0/24", "ws://inner/chat"),
        ):
            kind = recorder()
            for draft in VERSIONS:
                server = serve(kind, trusted=[network])
                client = connect(server, draft, path="/chat", host="inner", headers=said)
                self.assertEqual(client.status, 101)
                if draft.startswith("hixie"):
                    self.assertIn(f"-Location: {location}\r\n".encode(), client.wire)
            hosts = {handler.request.host for handler in kind.made}
            self.assertEqual(hosts, {"www.test" if "wss" in location else "inner"})


class SiteTests(SynchronousTestCase):
    """
    Who has plain HTTP on the same port.
    """

    def test_startAndStop(self) -> None:
        """
        The site starts and stops with the factory.
        """
        site = mock.Mock()
        factory = serve(site=site)
        factory.doStart()
        site.doStart.assert_called_once_with()
        factory.doStop()
        site.doStop.assert_called_once_with()
        factory = serve()
        factory.doStart()
        factory.doStop()


class LogTests(SynchronousTestCase):
    """
    What reaches the log.
    """

    def test_failedConnections(self) -> None:
        """
        The line of the end says who and why, and has no byte of the client's raw in it.
        """
        evil = "\x1b[31m"
        for draft, data in (
            ("hixie-76", b"\x00\xc3\x28" + evil.encode() + b"\xff"),
            ("rfc6455", b"\x83\x80\0\0\0\0"),
        ):
            with capturedLogs() as events:
                client = connect(serve(), draft)
                client.deliver(data)
                client.drop()
            (_, end) = [event for event in events if event["log_level"] >= LogLevel.info]
            self.assertEqual(end["peer"], "tcp4:192.0.2.7:52914")
            self.assertEqual((end["wasClean"], end["code"]), (False, 1006))
            self.assertTrue(end["reason"].isprintable())

    def test_denials(self) -> None:
        """
        A reason of the application's may quote the client: the log has one line of it, and no
        byte that a terminal would obey.
        """

        def deny(handler: Any) -> None:
            raise ConnectionDeny(403, handler.request.params["x"][0])

        for draft in VERSIONS:
            kind = recorder(connect=deny)
            with capturedLogs() as events:
                client = connect(serve(kind), draft, path="/?x=a%0d%0a%1b[31mb")
            self.assertEqual((client.status, client.body), (403, b"a ?[31mb\n"))
            (event,) = [event for event in events if event["log_level"] >= LogLevel.info]
            self.assertEqual((event["status"], event["error"]), (403, "a ?[31mb"))
            self.assertEqual(kind.made[0].calls[-1][3], "refused with 403: a ?[31mb")

    def test_eventsHoldNoConnection(self) -> None:
        """
        Twisted keeps events until somebody observes them; connections are not kept with them.
        """
        with capturedLogs() as events:
            attach(serve()).deliver(b"\0")
            connect(serve(), "hixie-76").deliver(b"\x00\xc3(\xff")
        self.assertEqual({event["log_source"] for event in events}, {None})

    def test_ordinaryLives(self) -> None:
        """
        A connection that does what it should has two lines: when it opens, and when it ends.
        """
        for draft in VERSIONS:
            with capturedLogs() as events:
                client = connect(serve(), draft)
                client.send("hello")
                client.close()
            texts = [formatEvent(e) for e in events if e["log_level"] >= LogLevel.info]
            began, ended = texts
            who = f"#1 tcp4:192.0.2.7:52914 {draft} /: "
            self.assertTrue(began.startswith(f"{who}opened"), began)
            self.assertTrue(ended.startswith(f"{who}ended after 0.0 s"), ended)


class HandlerTests(SynchronousTestCase):
    """
    What makes handlers.
    """

    def test_anyCallable(self) -> None:
        """
        A class, a function, an object that can be called.
        """
        handler = MessageHandler()
        self.assertEqual(connect(serve(lambda: handler)).status, 101)
        self.assertEqual(handler.peer, "tcp4:192.0.2.7:52914")
