"""
``certificates:/etc/letsencrypt/live:tcp:443``: any other server endpoint, by TLS.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString, wrapServerTLS
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.certificates import LOWEST, Certificates
from wsfallback.descriptions import DescriptionError, unparsed
from wsfallback.reloading import IReloadable

_log = Logger()

_EXAMPLE = "certificates:/etc/letsencrypt/live:tcp:443"


@implementer(IStreamServerEndpoint, IReloadable)
class CertificatesEndpoint:
    """
    Listens where another endpoint does, and speaks TLS with the certificates of a directory.
    """

    def __init__(
        self, clock: IReactorTime, inner: IStreamServerEndpoint, certificates: Certificates
    ) -> None:
        """
        :param inner: listens.
        """
        self._clock = clock
        self._inner = inner
        self._certificates = certificates

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """
        Serve a factory by TLS.
        """
        _log.info("TLS with {certificates}", certificates=str(self._certificates))
        endpoint = wrapServerTLS(self._certificates, self._inner, self._clock)
        return endpoint.listen(protocolFactory)

    def reload(self) -> None:
        """
        `IReloadable.reload`.
        """
        self._certificates.reload()


def parse(reactor: Any, *arguments: str, **options: str) -> CertificatesEndpoint:
    """
    The endpoint of a server string.

    :param arguments: the directory, and those of the other endpoint, its type first.
    :param options: those of the other endpoint; ``default`` and ``lowest`` are ours, and those of
        `Certificates`.
    :raises ValueError: there is no directory or no other endpoint, or the certificates can't be
        used.
    """
    default, lowest = options.pop("default", None), options.pop("lowest", LOWEST)
    if len(arguments) < 2:
        raise DescriptionError(
            f"certificates: takes a directory and another endpoint, as in {_EXAMPLE}"
        )
    inner = serverFromString(reactor, unparsed(arguments[1:], options))
    try:
        certificates = Certificates(arguments[0], default=default, lowest=lowest)
    except ValueError as error:
        raise DescriptionError(str(error)) from None
    return CertificatesEndpoint(reactor, inner, certificates)
