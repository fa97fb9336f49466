"""
Where endpoints listen, and who has their connections.
"""

import os
import socket
from typing import Any
from unittest import mock

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.acceptor import Acceptor, Room
from wsfallback.ports import Listening, ListeningReactor, accepting


class Reactor(Clock):
    """
    Listens on one socket, whatever it is asked for.
    """

    def __init__(self, listening: socket.socket) -> None:
        super().__init__()
        self.asked: list[Any] = []
        self.port = mock.Mock(fileno=listening.fileno)
        self.addReader = mock.Mock()
        self.removeReader = mock.Mock()

    def listenTCP(self, port: int, factory: Any, *more: Any) -> Any:
        self.asked.append(("tcp", port, *more))
        self.factory = factory
        return self.port

    def listenUNIX(self, path: str, factory: Any, *more: Any) -> Any:
        self.asked.append(("unix", path, *more))
        return self.port


class PortsCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.socket.close)
        self.reactor = Reactor(self.socket)
        self.served: list[tuple[Listening, Any]] = []

    def serve(self, listening: Listening, factory: Any) -> str:
        self.served.append((listening, factory))
        self.addCleanup(listening.socket.close)
        return "a port"

    def listen(self, description: str, descriptor: int | None = None) -> tuple[Listening, Any]:
        """
        What an endpoint has opened, and for whom.
        """
        ours = ListeningReactor(self.reactor, self.serve, descriptor)
        listening = serverFromString(ours, description).listen(Factory())
        self.assertEqual(self.successResultOf(listening), "a port")
        return self.served.pop()


class EndpointTests(PortsCase):
    """
    Of each kind.
    """

    def test_tcp(self) -> None:
        """
        Twisted opens it as it would, and accepts nothing.
        """
        listening, factory = self.listen("tcp:80:interface=127.0.0.1:backlog=7")
        self.assertEqual(self.reactor.asked, [("tcp", 80, 7, "127.0.0.1")])
        self.assertIs(type(factory), Factory)
        self.reactor.port.stopReading.assert_called_once_with()
        self.assertIsNone(self.reactor.factory.buildProtocol(None))
        self.assertEqual(self.reactor.factory.logPrefix(), "wsfallback")
        self.assertEqual(listening.socket.getsockname(), self.socket.getsockname())
        self.assertIsInstance(listening.address(), IPv4Address)

    def test_closing(self) -> None:
        """
        Ends Twisted's port, too.
        """
        closing: Deferred[None] = Deferred()
        self.reactor.port.stopListening.return_value = closing
        listening, _ = self.listen("tcp:80")
        self.assertIs(listening.close(), closing)
        self.assertEqual(listening.socket.fileno(), -1)

    def test_unix(self) -> None:
        """
        With its mode.
        """
        self.listen("unix:/tmp/x:mode=600")
        self.assertEqual(self.reactor.asked, [("unix", "/tmp/x", 50, 0o600, True)])

    def test_ssl(self) -> None:
        """
        TCP, with TLS above it.
        """
        ours = ListeningReactor(self.reactor, self.serve)
        ours.listenSSL(443, Factory(), CertificateOptions(), 7, "127.0.0.1")
        _, factory = self.served.pop()
        self.assertEqual(self.reactor.asked, [("tcp", 443, 7, "127.0.0.1")])
        self.assertEqual(type(factory).__name__, "TLSMemoryBIOFactory")
        self.assertIs(type(factory.wrappedFactory), Factory)

    def test_wrapped(self) -> None:
        """
        What is around an endpoint stays there.
        """
        _, factory = self.listen("haproxy:tcp:80")
        self.assertEqual(self.reactor.asked, [("tcp", 80, 50, "")])
        self.assertEqual(type(factory).__name__, "HAProxyWrappingFactory")

    def test_systemd(self) -> None:
        """
        A descriptor is taken as it is; the endpoint closes its own.
        """
        descriptor = os.dup(self.socket.fileno())
        ours = ListeningReactor(self.reactor, self.serve)
        endpoint = AdoptedStreamServerEndpoint(ours, descriptor, socket.AF_INET)
        self.successResultOf(endpoint.listen(Factory()))
        self.assertRaises(OSError, os.fstat, descriptor)
        listening, _ = self.served.pop()
        self.assertEqual(listening.socket.getsockname(), self.socket.getsockname())
        self.assertFalse(listening.socket.getblocking())

    def test_inherited(self) -> None:
        """
        Whatever the endpoint, nothing is opened where there is a descriptor; it stays open.
        """
        for description in ("tcp:80", "unix:/tmp/x"):
            listening, _ = self.listen(description, self.socket.fileno())
            self.assertEqual(listening.socket.getsockname(), self.socket.getsockname())
            self.assertIsNone(listening.close())
        ours = ListeningReactor(self.reactor, self.serve, self.socket.fileno())
        ours.adoptStreamPort(-1, socket.AF_INET, Factory())
        self.assertEqual(self.reactor.asked, [])
        os.fstat(self.socket.fileno())

    def test_everythingElse(self) -> None:
        """
        Is the reactor's.
        """
        ours = ListeningReactor(self.reactor, self.serve)
        self.assertEqual(ours.seconds(), 0)
        self.assertTrue(IReactorTime.providedBy(ours))

    def test_accepting(self) -> None:
        """
        An acceptor has the connections.
        """
        ours = accepting(self.reactor, Room(self.reactor))
        port = ours.listenTCP(80, mock.Mock())
        self.assertIsInstance(port, Acceptor)
        self.reactor.addReader.assert_called_once_with(port)
        port.stopListening()
        self.reactor.removeReader.assert_called_with(port)
