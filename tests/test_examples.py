"""
The documentation's examples, run.
"""

import importlib
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent
from types import ModuleType
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import ensureDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import issue
from tests.pipe import Network
from tests.test_certificates import Client as TLSClient
from wsfallback import DRAFTS, FallbackServerFactory, MessageHandler
from wsfallback import client as clientModule
from wsfallback.logs import jsonLine
from wsfallback.testing import CLIENT_ADDRESS, attach, connect
from wsfallback.testing import request as websocket

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
MIGRATED = ("migrate/txws_after", "migrate/autobahn_after")
SERVERS = (
    "embed",
    "website",
    "routes",
    "rules",
    "onconnect",
    "observer",
    "status",
    "autobahn_all",
    "finger",
    "gateway",
    *MIGRATED,
)


def imported(name: str) -> ModuleType:
    """
    An example, as its own directory sees it.
    """
    path = EXAMPLES / name
    sys.path.insert(0, str(path.parent))
    try:
        return importlib.import_module(path.name)
    finally:
        sys.path.remove(str(path.parent))


def child(*arguments: str) -> str:
    """
    The output of a Python of its own, started among the examples.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=EXAMPLES,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = ran.stdout + ran.stderr
    assert ran.returncode == 0, output
    return output


class ExampleTests(SynchronousTestCase):
    """
    What an example shows is what it does, on every draft.
    """

    def connectEach(self, handler: Any, **asked: Any) -> list[Any]:
        """
        A client of each draft, oldest first, each with a server of its own.
        """
        return [
            connect(FallbackServerFactory(handler, reactor=Clock()), draft.name, **asked)
            for draft in DRAFTS
        ]

    def serve(self, name: str) -> Any:
        """
        What the ``main`` of an example serves on port 8080.
        """
        reactor = MemoryReactorClock()
        running = ensureDeferred(imported(name).main(reactor))
        self.assertNoResult(running)
        (factory,) = (factory for port, factory, *_ in reactor.tcpServers if port == 8080)
        return factory

    def test_everyExampleIsTestedHere(self) -> None:
        """
        No example is in the directory that these tests don't know.
        """
        tests = {"test_chat", "test_with_trial", "test_with_pytest"}
        known = {*SERVERS, *tests, "chat", "client", "old_client", "reconnecting", "certificates"}
        # Those of before are run with their libraries, in tests/integration/test_migrate.py.
        before = {"migrate/txws_before", "migrate/autobahn_before"}
        there = {path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*.py")}
        known |= before | {"autobahn_app", "finger_client", "refused"}
        self.assertEqual({path.with_suffix("").as_posix() for path in there}, known)

    def test_embed(self) -> None:
        """
        It echoes.
        """
        for client in self.connectEach(imported("embed").Echo):
            client.send("héllo")
            self.assertEqual(client.receive(), "héllo")

    def test_certificates(self) -> None:
        """
        It listens with those of a directory, and reads them again on SIGHUP.
        """
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        made = TemporaryDirectory()
        self.addCleanup(made.cleanup)
        issue("a.example").file(Path(made.name) / "a.pem")
        reactor: Any = MemoryReactorClock()
        reactor.callFromThread = lambda do: do()
        self.assertNoResult(ensureDeferred(imported("certificates").main(reactor, made.name)))
        ((port, factory, *_),) = reactor.tcpServers
        self.assertEqual(port, 8443)
        renewed = issue("a.example")
        renewed.file(Path(made.name) / "a.pem")
        signal.raise_signal(signal.SIGHUP)
        client = TLSClient(factory, reactor)
        self.assertEqual(client.serial, renewed.serial)
        client.transport.lose(ConnectionDone())

    def test_refused(self) -> None:
        """
        It counts those of a log as the command writes it, and nothing else in it.
        """
        clock = Clock()
        with capturedLogs() as events:
            factory = FallbackServerFactory(MessageHandler, drafts=["rfc6455"], reactor=clock)
            for draft in ("hixie-75", "rfc6455", "hixie-75"):
                client = attach(factory)
                client.deliver(websocket(draft, origin="http://a.test"))
                client.drop()
        lines = [jsonLine(event) for event in events]
        self.assertGreater(len(lines), 2)
        asked = ("hixie-75", 426, CLIENT_ADDRESS.host, "http://a.test")
        self.assertEqual(imported("refused").counted(lines), {asked: 2})

    def test_autobahn(self) -> None:
        """
        The application is the same on every draft.
        """
        for draft in DRAFTS:
            clock = Clock()
            application = imported("autobahn_app").makeFactory(clock)
            factory = FallbackServerFactory.forAutobahn(application, reactor=clock)
            client = connect(factory, draft.name, path="/?name=ada")
            client.send("x")
            self.assertEqual(client.messages, ["hello, ada", "x"])
            client.drop()

    def test_autobahnHasNoOptionForHixie(self) -> None:
        """
        What the page on migrating says of Autobahn before 0.11.
        """
        application = imported("autobahn_app").makeFactory(Clock())
        self.assertRaises(TypeError, application.setProtocolOptions, allowHixie76=True)

    def test_migrated(self) -> None:
        """
        What people migrate to echoes on every draft.
        """
        for name in MIGRATED:
            for draft in DRAFTS:
                client = connect(self.serve(name), draft.name, host="localhost:8080")
                client.send("h\xe9llo")
                self.assertEqual(client.receive(), "h\xe9llo")

    def test_finger(self) -> None:
        """
        Answers, and closes.
        """
        for draft in DRAFTS:
            application = imported("finger").FingerFactory()
            factory = FallbackServerFactory.forStream(application, reactor=Clock())
            client = connect(factory, draft.name)
            client.send("moshez\r\n")
            self.assertEqual(client.messages, ["Happy and well\r\n"])
            self.assertFalse(client.isOpen)

    def test_fingerClient(self) -> None:
        """
        Prints what the other example answers.
        """
        for draft in DRAFTS:
            reactor = MemoryReactorClock()
            application = imported("finger").FingerFactory()
            server = FallbackServerFactory.forStream(
                application, drafts=[draft.name], reactor=reactor
            )
            net = Network(reactor, server)
            output = StringIO()
            with redirect_stdout(output):
                where = f"wsfallback:tcp:127.0.0.1:8080:drafts={draft.name}"
                running = ensureDeferred(imported("finger_client").main(reactor, where))
                ((*_, factory, _, _),) = reactor.tcpClients
                net.connect(factory)
                net.settle()
            self.successResultOf(running)
            self.assertEqual(output.getvalue(), "Happy and well\n")

    def test_mainListens(self) -> None:
        """
        Each ``main`` listens on port 8080, and goes on.
        """
        for name in SERVERS:
            self.assertIsInstance(self.serve(name), FallbackServerFactory)

    def test_client(self) -> None:
        """
        It greets an echo, and goes.
        """
        clock, module = Clock(), imported("client")
        for draft in DRAFTS:
            server = FallbackServerFactory(
                imported("embed").Echo, drafts=[draft.name], reactor=clock
            )
            net = Network(clock, server)
            self.patch(clientModule, "endpointTo", lambda *_, net=net: net)
            output = StringIO()
            with redirect_stdout(output):
                running = ensureDeferred(module.main(clock))
                clock.pump([0.0] * 30 + [2.0] * 10)
                net.settle()
            self.successResultOf(running)
            self.assertEqual(output.getvalue(), f"connected with {draft.name}\nheard héllo\n")

    def test_reconnecting(self) -> None:
        """
        It listens, and leaves when the service stops.
        """
        clock = Clock()

        class Welcome(MessageHandler):
            def onOpen(self) -> None:
                self.sendMessage(b"welcome")

        net = Network(clock, FallbackServerFactory(Welcome, reactor=clock))
        service = imported("reconnecting").makeService(net, url="ws://a/", reactor=clock)
        output = StringIO()
        with redirect_stdout(output):
            service.startService()
            net.settle()
        self.assertEqual(output.getvalue(), "heard b'welcome'\n")
        stopping = service.stopService()
        net.settle()
        self.successResultOf(stopping)

    def test_gateway(self) -> None:
        """
        Both go to the backend.
        """
        for request in (websocket("hixie-76"), b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"):
            reactor = MemoryReactorClock()
            protocol = imported("gateway").makeFactory(reactor).buildProtocol(CLIENT_ADDRESS)
            transport = StringTransport()
            protocol.makeConnection(transport)
            protocol.dataReceived(request)
            ((host, port, *_),) = reactor.tcpClients
            self.assertEqual((host, port), ("127.0.0.1", 9000))
            protocol.connectionLost(Failure(ConnectionDone()))

    def test_site(self) -> None:
        """
        A GET is answered by the site, an upgrade by the handler.
        """
        factory = imported("website").makeFactory(Clock())
        factory.doStart()
        self.addCleanup(factory.doStop)
        browser, transport = factory.buildProtocol(CLIENT_ADDRESS), StringTransport()
        browser.makeConnection(transport)
        browser.dataReceived(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        browser.connectionLost(Failure(ConnectionDone()))
        head, _, body = transport.value().partition(b"\r\n\r\n")
        self.assertIn(b"HTTP/1.1 200 ", head)
        self.assertEqual(body, b"hello by HTTP\n")
        client = connect(factory, "hixie-76")
        client.send("hello")
        self.assertEqual(client.receive(), "hello")

    def test_routes(self) -> None:
        """
        Each path has its handler, all others are not found.
        """
        for draft in DRAFTS:
            clock = Clock()
            clock.advance(1262304000)
            factory = imported("routes").makeFactory(clock)
            self.assertEqual(connect(factory, draft.name, path="/clock").receive(), "1262304000")
            echo = connect(factory, draft.name, path="/echo?x")
            echo.send("x")
            self.assertEqual(echo.receive(), "x")
            self.assertEqual(connect(factory, draft.name, path="/").status, 404)

    def test_rules(self) -> None:
        """
        Who comes in is who the page says.
        """
        factory = imported("rules").makeFactory(Clock())
        inside = IPv4Address("TCP", "10.1.2.3", 52914)
        site, disk = "https://www.example.com", "file://"
        for path, draft, origin, peer, status in (
            ("/", "rfc6455", site, CLIENT_ADDRESS, 101),
            ("/", "rfc6455", None, CLIENT_ADDRESS, 403),
            ("/", "hixie-76", site, inside, 426),
            ("/kiosk/3", "hixie-76", disk, inside, 101),
            ("/kiosk/3", "hixie-76", "null", inside, 101),
            ("/kiosk/3", "hixie-76", site, inside, 403),
            ("/kiosk/3", "hixie-76", disk, CLIENT_ADDRESS, 426),
            ("/kiosk/3", "rfc6455", disk, CLIENT_ADDRESS, 101),
            ("/feed", "rfc6455", None, CLIENT_ADDRESS, 101),
            ("/feed", "rfc6455", site, CLIENT_ADDRESS, 403),
        ):
            asked = {"path": path, "origin": origin, "peer": peer}
            client = connect(factory, draft, host="www.example.com", **asked)  # type: ignore[arg-type]
            self.assertEqual(client.status, status, (path, draft, origin, peer))
        self.assertEqual(connect(factory, host="evil.test", origin=site).status, 421)

    def test_observer(self) -> None:
        """
        Tells of the old clients, and not of the others.
        """
        factory = FallbackServerFactory(
            MessageHandler, observers=[imported("observer").OldClients()], reactor=Clock()
        )
        with redirect_stdout(StringIO()) as printed:
            for draft in DRAFTS:
                connect(factory, draft.name, headers={"User-Agent": "Old"}).drop()
        self.assertEqual(
            printed.getvalue(),
            "".join(
                f"tcp4:192.0.2.7:52914 speaks {name}: Old\n"
                "tcp4:192.0.2.7:52914 has received 0 bytes\n"
                for name in ("hixie-75", "hixie-76")
            ),
        )

    def test_onConnect(self) -> None:
        """
        A token that is known comes in, with a subprotocol and a cookie.
        """
        doorman = imported("onconnect").Doorman
        for client in self.connectEach(doorman, path="/?token=letmein", protocols=["shout"]):
            self.assertEqual((client.status, client.protocol), (101, "shout"))
            self.assertRegex(client.fields["set-cookie"], r"\Asession=[0-9a-f]{32}; HttpOnly\Z")
            client.send("hi")
            self.assertEqual(client.receive(), "ada: HI")
        for client in self.connectEach(doorman, path="/?token=letmein"):
            self.assertEqual((client.status, client.protocol), (101, None))

    def test_onConnectDenies(self) -> None:
        """
        Any other is told 403.
        """
        for client in self.connectEach(imported("onconnect").Doorman, path="/?token=x"):
            self.assertEqual((client.status, client.body), (403, b"Nobody knows this token\n"))

    def test_chatTakesTextOnly(self) -> None:
        """
        Who sends binary is closed, and the others go on without.
        """
        factory = FallbackServerFactory(imported("chat").Room(), reactor=Clock())
        other = connect(factory, "hixie-75", path="/?name=a")
        client = connect(factory, "rfc6455", path="/?name=b")
        client.send(b"\x00")
        self.assertEqual(client.closing, (1003, "text only"))
        other.settle()
        self.assertEqual(other.messages[-1], "b left")

    def test_chatOutlivesWhoIsClosing(self) -> None:
        """
        A member that does not answer its close stops no message to the others.
        """
        factory = FallbackServerFactory(imported("chat").Room(), reactor=Clock())
        other = connect(factory, "hixie-76", path="/?name=a")
        client = connect(factory, "rfc6455", path="/?name=b")
        client.answersClose = False
        client.send(b"\x00")
        other.send("still here")
        self.assertEqual(other.messages[-1], "a: still here")

    def test_oldClient(self) -> None:
        """
        The client of 2010 prints what the tutorial says.
        """
        oldClient = imported("old_client")
        factory = FallbackServerFactory(imported("chat").Room(), reactor=Clock())
        connection = MemoryConnection(factory)
        self.patch(oldClient.socket, "create_connection", lambda *_, **__: connection)
        printed = StringIO()
        with redirect_stdout(printed):
            oldClient.main(8080)
        tutorial = (ROOT / "docs" / "tutorial.rst").read_text("utf-8")
        self.assertIn(indent(printed.getvalue(), "    "), tutorial)


class MemoryConnection:
    """
    As much of a client's socket as the old client needs, with a server at its other end.
    """

    def __init__(self, factory: FallbackServerFactory) -> None:
        self._client = attach(factory, "hixie-76")
        self._read = 0

    def __enter__(self) -> "MemoryConnection":
        """
        Itself.
        """
        return self

    def __exit__(self, *raised: object) -> None:
        """
        End TCP.
        """
        self._client.finish()

    def makefile(self, mode: str) -> "MemoryConnection":
        """
        Itself again: it reads, too.
        """
        return self

    def sendall(self, data: bytes) -> None:
        """
        To the server.
        """
        self._client.deliver(data)

    def read(self, size: int | None = None) -> bytes:
        """
        From the server.
        """
        wire = self._client.wire[self._read :]
        got: bytes = wire if size is None else wire[:size]
        self._read += len(got)
        return got

    def readline(self) -> bytes:
        """
        A line of it.
        """
        return self.read(self._client.wire.index(b"\n", self._read) + 1 - self._read)


class ChildTests(SynchronousTestCase):
    """
    The examples that are tests pass, each under its own runner.
    """

    def test_trial(self) -> None:
        """
        One test by trial.
        """
        self.assertIn("PASSED (successes=1)", self.trial("test_with_trial"))

    def test_chat(self) -> None:
        """
        The tutorial's two tests.
        """
        self.assertIn("PASSED (successes=2)", self.trial("test_chat"))

    def trial(self, module: str) -> str:
        """
        What trial says.
        """
        with TemporaryDirectory() as directory:
            return child("twisted.trial", "--temp-directory", f"{directory}/trial", module)

    def test_pytest(self) -> None:
        """
        Two tests by pytest, for each draft.
        """
        output = child("pytest", "-p", "no:cacheprovider", "test_with_pytest.py")
        self.assertIn(f"{2 * len(DRAFTS)} passed", output)
