"""
`ListeningService`: one of the endpoints that the command listens on.

`DrainingService`: all of them, and who has come by them.

`OrderlyService`: what is to be there until these have stopped.
"""

from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure

from wsfallback.descriptions import DescriptionError
from wsfallback.server import FallbackServerFactory
from wsfallback.signals import replaceStops

_log = Logger()

#: What the descriptions of endpoints with TLS begin with.
_SECURE = ("ssl:", "haproxy:ssl:", "tls:", "certificates:")

#: What the log says of an endpoint.
SERVES = "wsfallback serves on {where}"

DEFAULT_ENDPOINT = "tcp:8080:interface=127.0.0.1"


def checkEndpoint(endpoint: str, option: str = "listen") -> None:
    """
    :param option: that has named it.
    :raises usage.UsageError: Twisted can't make a listener of it.
    """
    if endpoint.startswith("haproxy:certificates:"):
        # Twisted would take it, with the PROXY header within TLS; and it couldn't be read again.
        raise usage.UsageError(
            f"--{option} {endpoint}: give certificates: first, as in"
            " certificates:/etc/letsencrypt/live:haproxy:tcp:443"
        )
    try:
        serverFromString(None, endpoint)
    except ImportError as error:
        raise usage.UsageError(
            f"--{option} {endpoint}: {error}; TLS needs pip install 'wsfallback[tls]'"
        ) from None
    except DescriptionError as error:
        raise usage.UsageError(f"--{option} {endpoint}: {error}") from None
    except Exception as error:  # each kind of endpoint has its own way to fail
        raise usage.UsageError(
            f"--{option} {endpoint}: {type(error).__name__}: {error}; give a Twisted server string"
            f" such as {DEFAULT_ENDPOINT}"
        ) from None


def tellWhere(description: str, address: IAddress, said: str = SERVES, path: str = "") -> None:
    """
    Log where an endpoint is served: as a URL, as far as there is one.

    :param path: of the page that people should open.
    """
    where = description
    if isinstance(address, (IPv4Address, IPv6Address)):
        # By its options: the port object doesn't tell.
        scheme = "https" if where.startswith(_SECURE) else "http"
        host = f"[{address.host}]" if ":" in address.host else address.host
        where = f"{scheme}://{host}:{address.port}/{path}"
    _log.info(said, where=where)


class ListeningService(Service):
    """
    Listens, says where, and ends the command where it can't.

    :ivar endpoint: what it listens on.
    """

    def __init__(
        self,
        reactor: object,
        description: str,
        factory: IProtocolFactory,
        option: str = "listen",
        said: str | None = SERVES,
        path: str = "",
    ) -> None:
        """
        :param description: a Twisted server string.
        :param option: that has given it.
        :param said: to the log; for workers their parent says it.
        :param path: of the page that people should open.
        """
        self._description = description
        self._option = option
        self._said = said
        self._path = path
        self.endpoint = serverFromString(reactor, description)
        self._factory = factory
        self._port: Deferred[IListeningPort] | None = None
        self._isStarting = True
        self._failure: Failure | None = None

    def privilegedStartService(self) -> None:
        """
        Listen, while we may still be root.
        """
        self._port = self.endpoint.listen(self._factory)
        self._port.addCallback(self._listening)
        self._port.addErrback(self._failed)
        self._isStarting = False
        # A port that is taken fails at once; a server without it is none.
        if self._failure is not None:
            raise SystemExit(
                f"wsfallback: --{self._option} {self._description}:"
                f" {self._failure.getErrorMessage()}"
            )

    def startService(self) -> None:
        """
        Listen, if that was not done as root.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._port is None:
            self.privilegedStartService()

    def stopService(self) -> Deferred[object]:
        """
        Stop listening.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        assert self._port is not None, "stopped before it was started"
        self._port.cancel()
        return self._port.addCallback(_stopped)

    def _failed(self, failure: Failure) -> None:
        if self._isStarting:
            self._failure = failure
        elif not failure.check(CancelledError):
            _log.failure("{where} is not served", failure, where=self._description)

    def _listening(self, port: IListeningPort) -> IListeningPort:
        if self._said is not None:
            tellWhere(self._description, port.getHost(), self._said, self._path)
        return port


def _stopped(port: IListeningPort | None) -> object:
    return port.stopListening() if port is not None else None


class OrderlyService(MultiService):
    """
    Stops its services one after the other, those first that were added last.

    A second signal to stop waits no longer for the one that stops, and is told to those that have
    a ``hurry`` for it.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._isHurried = False

    def stopService(self) -> Deferred[object]:
        """
        Stop them.
        """
        Service.stopService(self)
        self._isHurried = False
        stopping: Deferred[object] = succeed(None)

        def hurry() -> None:
            self._isHurried = True
            stopping.cancel()

        # Those that are told of it themselves put this back when they have stopped.
        restore = replaceStops(self._reactor, hurry)
        for service in reversed(list(self)):
            # Whatever became of the one before.
            stopping.addBoth(self._stop, service)
        return stopping.addBoth(lambda _: restore())

    def _stop(self, result: object, service: Any) -> object:
        stopping = service.stopService()
        if self._isHurried and hasattr(service, "hurry"):
            service.hurry()
        return stopping


class DrainingService(MultiService):
    """
    Stops listening, and then has all connections end in order.

    A second signal to stop ends them at once.
    """

    def __init__(
        self,
        reactor: Any,
        factory: FallbackServerFactory,
        seconds: float,
        isSignalled: bool = True,
    ) -> None:
        """
        :param factory: what the services within serve.
        :param seconds: as of `FallbackServerFactory.drain`.
        :param isSignalled: whether a second signal is meant for this process. A worker gets the
            first one of several: from a terminal or systemd beside what its parent says.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._factory = factory
        self._seconds = seconds
        self._isSignalled = isSignalled

    def startService(self) -> None:
        """
        What is served goes on until the last connection has ended, and not only the last port.
        """
        self._factory.doStart()  # type: ignore[no-untyped-call]
        super().startService()  # type: ignore[no-untyped-call]

    def stopService(self) -> Deferred[object]:
        """
        Stop listening, and wait for the connections.
        """
        again = self.hurry if self._isSignalled else _nothing
        restore = replaceStops(self._reactor, again)
        stopping: Deferred[object] = super().stopService()  # type: ignore[no-untyped-call]
        stopping.addCallback(lambda _: self._factory.drain(self._seconds))
        return stopping.addBoth(self._drained, restore)

    def hurry(self) -> None:
        """
        Wait no longer, while it stops.
        """
        _log.info("Told to stop once more: ending at once")
        self._factory.drain(0)

    def _drained(self, result: object, restore: Any) -> object:
        restore()
        self._factory.doStop()  # type: ignore[no-untyped-call]
        return result


def _nothing() -> None:
    """
    Somebody else tells us.
    """
