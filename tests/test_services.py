"""
The service of an endpoint.
"""

import signal
from typing import Any
from unittest import mock

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from tests.test_server import serve
from wsfallback.services import (
    DrainingService,
    ListeningService,
    OrderlyService,
    checkEndpoint,
)
from wsfallback.signals import STOPS
from wsfallback.testing import connect


class Endpoint:
    """
    Listens as it is told.
    """

    def __init__(self, result: Deferred[Any]) -> None:
        self.result = result

    def listen(self, factory: object) -> Deferred[Any]:
        """
        As told.
        """
        return self.result


class ListeningServiceTests(SynchronousTestCase):
    """
    One endpoint.
    """

    def service(self, result: Deferred[Any], description: str = "tcp:0") -> ListeningService:
        """
        A service whose endpoint does this.
        """
        service = ListeningService(None, description, mock.Mock())
        service.endpoint = Endpoint(result)
        return service

    def port(self, address: object) -> Any:
        """
        A port at this address.
        """
        port = mock.Mock()
        port.getHost.return_value = address
        return port

    def test_saysWhere(self) -> None:
        """
        As a URL, as far as there is one.
        """
        for address, description, said in (
            (IPv4Address("TCP", "127.0.0.1", 8080), "tcp:8080", "http://127.0.0.1:8080/"),
            (IPv6Address("TCP", "::1", 443), "ssl:443", "https://[::1]:443/"),
            (IPv6Address("TCP", "::1", 443), "certificates:/x:tcp:443", "https://[::1]:443/"),
            (UNIXAddress("/tmp/x"), "unix:/tmp/x", "unix:/tmp/x"),
        ):
            with mock.patch("wsfallback.services._log") as log:
                service = self.service(succeed(self.port(address)), "tcp:0")
                service._description = description
                service.startService()
            self.assertEqual(log.info.call_args.kwargs, {"where": said})

    def test_worker(self) -> None:
        """
        Doesn't say where: its parent has.
        """
        service = ListeningService(None, "tcp:0", mock.Mock(), said=None)
        service.endpoint = Endpoint(succeed(self.port(UNIXAddress("/x"))))  # type: ignore[assignment]
        with mock.patch("wsfallback.services._log") as log:
            service.startService()
        log.info.assert_not_called()

    def test_portThatIsTaken(self) -> None:
        """
        Ends the command with one line.
        """
        service = self.service(fail(CannotListenError("127.0.0.1", 80, OSError(98, "in use"))))
        error = self.assertRaises(SystemExit, service.startService)
        self.assertIn("--listen tcp:0: Couldn't listen on 127.0.0.1:80", str(error))

    def test_portThatFailsLater(self) -> None:
        """
        Is logged: the others are served.
        """
        waiting: Deferred[Any] = Deferred()
        service = self.service(waiting)
        service.startService()
        waiting.errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_once(self) -> None:
        """
        What was done as root isn't done again.
        """
        service = self.service(succeed(self.port(UNIXAddress("/x"))))
        service.privilegedStartService()
        service.endpoint = None
        service.startService()
        self.assertTrue(service.running)

    def test_stop(self) -> None:
        """
        The port is told to stop.
        """
        port = self.port(UNIXAddress("/x"))
        service = self.service(succeed(port))
        service.startService()
        self.successResultOf(service.stopService())
        port.stopListening.assert_called_once_with()

    def test_stopBeforeItListens(self) -> None:
        """
        The attempt is cancelled.
        """
        waiting: Deferred[Any] = Deferred()
        service = self.service(waiting)
        service.startService()
        self.assertNoResult(waiting)
        self.assertIsNone(self.successResultOf(service.stopService()))
        self.assertTrue(waiting.called)

    def test_asItIsTold(self) -> None:
        """
        Of which option it is, and what it is for.
        """
        port = self.port(IPv4Address("TCP", "127.0.0.1", 9000))
        service = ListeningService(None, "tcp:0", mock.Mock(), "admin", "shows on {where}")
        service.endpoint = Endpoint(succeed(port))  # type: ignore[assignment]
        with mock.patch("wsfallback.services._log") as log:
            service.startService()
        log.info.assert_called_once_with("shows on {where}", where="http://127.0.0.1:9000/")
        service = ListeningService(None, "tcp:0", mock.Mock(), "admin", "shows on {where}")
        service.endpoint = Endpoint(  # type: ignore[assignment]
            fail(CannotListenError("127.0.0.1", 80, OSError(98, "in use")))
        )
        self.assertIn("--admin tcp:0: ", str(self.assertRaises(SystemExit, service.startService)))
        error = self.assertRaises(UsageError, checkEndpoint, "nonsense", "admin")
        self.assertTrue(str(error).startswith("--admin nonsense: "))


class OrderlyServiceTests(SynchronousTestCase):
    """
    What is there until others have stopped.
    """

    def setUp(self) -> None:
        for number in STOPS:
            # As the reactor's: in a test nobody may handle them.
            self.addCleanup(signal.signal, number, signal.signal(number, self.handle))
        self.services = OrderlyService(mock.Mock(callFromThread=lambda do: do()))
        self.waits: list[Deferred[object]] = [Deferred(), Deferred()]
        self.seen: list[str] = []
        case = self

        class Waiting(Service):
            def __init__(self, number: int) -> None:
                self.number = number

            def stopService(self) -> Deferred[object]:
                case.seen.append(f"{self.number} stops")
                return case.waits[self.number]

        class Hurrying(Waiting):
            def hurry(self) -> None:
                case.seen.append(f"{self.number} hurries")

        Hurrying(0).setServiceParent(self.services)  # type: ignore[no-untyped-call]
        Waiting(1).setServiceParent(self.services)  # type: ignore[no-untyped-call]
        self.services.startService()  # type: ignore[no-untyped-call]

    def handle(self, number: int, frame: object) -> None:
        """
        What is there before and after.
        """

    def test_order(self) -> None:
        """
        The last one stops first; the others wait for it, and stop even if it fails.
        """
        stopping = self.services.stopService()
        self.assertFalse(self.services.running)
        self.assertEqual(self.seen, ["1 stops"])
        self.waits[1].errback(ZeroDivisionError())
        self.assertEqual(self.seen, ["1 stops", "0 stops"])
        self.assertNoResult(stopping)
        self.waits[0].callback(None)
        self.successResultOf(stopping)
        self.assertEqual([signal.getsignal(number) for number in STOPS], [self.handle] * 2)

    def test_secondSignal(self) -> None:
        """
        Ends the wait for the one that stops, and is no secret to the others.
        """
        stopping = self.services.stopService()
        signal.raise_signal(signal.SIGTERM)
        self.assertTrue(self.waits[1].called)
        self.assertEqual(self.seen, ["1 stops", "0 stops", "0 hurries"])
        self.assertNoResult(stopping)
        self.waits[0].callback(None)
        self.successResultOf(stopping)
        self.assertEqual([signal.getsignal(number) for number in STOPS], [self.handle] * 2)


class DrainingServiceTests(SynchronousTestCase):
    """
    All of them, and who is connected.
    """

    def setUp(self) -> None:
        for number in STOPS:
            # As the reactor's: in a test nobody may handle them.
            self.addCleanup(signal.signal, number, signal.signal(number, self.handle))
        self.site = mock.Mock()
        self.factory = serve(site=self.site)
        self.clock: Any = self.factory.reactor
        self.reactor = mock.Mock(callFromThread=lambda do: do())
        self.port = mock.Mock()
        self.closing = self.port.stopListening.return_value = Deferred()

    def handle(self, number: int, frame: object) -> None:
        """
        What is there before and after.
        """

    def service(self, seconds: float = 5.0, isSignalled: bool = True) -> DrainingService:
        """
        A service with one endpoint.
        """
        services = DrainingService(self.reactor, self.factory, seconds, isSignalled)
        service = ListeningService(None, "tcp:0", self.factory)
        service.endpoint = Endpoint(succeed(self.port))  # type: ignore[assignment]
        service.setServiceParent(services)  # type: ignore[no-untyped-call]
        services.startService()
        return services

    def test_order(self) -> None:
        """
        First nobody is let in any more; then who is there goes; then what is served stops.
        """
        services = self.service()
        client = connect(self.factory)
        client.answersClose = False
        stopping = services.stopService()
        self.port.stopListening.assert_called_once_with()
        client.settle()
        self.assertTrue(client.isOpen)
        self.closing.callback(None)
        client.settle()
        self.assertEqual(client.closing[0], 1001)
        self.assertNoResult(stopping)
        self.site.doStop.assert_not_called()
        client.answersClose = True
        client.close(1001)
        self.successResultOf(stopping)
        self.site.doStop.assert_called_once_with()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_secondSignal(self) -> None:
        """
        Whenever it comes, it ends at once; afterwards signals are again whose they were.
        """
        for isEarly in (True, False):
            self.setUp()
            services = self.service()
            client = connect(self.factory)
            client.answersClose = False
            stopping = services.stopService()
            if isEarly:
                signal.raise_signal(signal.SIGTERM)
            self.closing.callback(None)
            if not isEarly:
                self.assertFalse(client.transport.aborted)
                signal.raise_signal(signal.SIGTERM)
            self.assertTrue(client.transport.aborted)
            self.clock.advance(0)
            self.successResultOf(stopping)
            self.assertEqual([signal.getsignal(number) for number in STOPS], [self.handle] * 2)

    def test_atOnce(self) -> None:
        """
        Without time for it all are cut.
        """
        services = self.service(0)
        client = connect(self.factory)
        stopping = services.stopService()
        self.closing.callback(None)
        self.assertTrue(client.transport.aborted)
        self.clock.advance(0)
        self.successResultOf(stopping)

    def test_worker(self) -> None:
        """
        Signals are the same one for it, however many; its parent tells it to hurry.
        """
        services = self.service(isSignalled=False)
        client = connect(self.factory)
        client.answersClose = False
        stopping = services.stopService()
        self.closing.callback(None)
        for number in STOPS:
            signal.raise_signal(number)
        self.assertFalse(client.transport.aborted)
        services.hurry()
        self.assertTrue(client.transport.aborted)
        self.clock.advance(0)
        self.successResultOf(stopping)
