"""
The service of an endpoint.
"""

from typing import Any
from unittest import mock

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SynchronousTestCase

from wsfallback.services import ListeningService


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
        service._endpoint = Endpoint(result)
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
            (UNIXAddress("/tmp/x"), "unix:/tmp/x", "unix:/tmp/x"),
        ):
            with mock.patch("wsfallback.services._log") as log:
                service = self.service(succeed(self.port(address)), "tcp:0")
                service._description = description
                service.startService()
            self.assertEqual(log.info.call_args.kwargs, {"where": said})

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
        service._endpoint = None
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
