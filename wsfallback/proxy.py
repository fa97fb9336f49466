"""
`ReverseProxy`: plain HTTP goes to a backend, too.
"""

from collections.abc import Callable, Iterable
from typing import Any

import h11
from twisted.internet.interfaces import IAddress, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import ServerFactory

from wsfallback.addresses import Network, networks
from wsfallback.backends import Backend, Backends
from wsfallback.client import endpointTo
from wsfallback.destination import Destination, destination
from wsfallback.forwarded import described
from wsfallback.hosts import Hosts
from wsfallback.policy import Limits, checkSeconds
from wsfallback.proxy_backend import BackendProtocol
from wsfallback.proxy_client import ProxyProtocol
from wsfallback.proxy_fields import asked, framing
from wsfallback.proxy_pool import Pool
from wsfallback.request import Request


class ReverseProxy(ServerFactory):
    """
    Passes HTTP requests on to backends: what `FallbackServerFactory` takes as its ``site``.

    Bodies are streamed both ways and pause who sends them; connections are kept on both sides.

    :ivar backends: where they go.
    :ivar clock: of all deadlines.
    :ivar limits: ``maxHead`` and ``handshakeTimeout`` hold for each request's head, and
        ``maxHead`` for an answer's.
    """

    noisy = False

    def __init__(
        self,
        urls: Iterable[str],
        *,
        reactor: Any,
        connectTimeout: float = 4.0,
        timeout: float = 60.0,
        keepHost: bool = False,
        trusted: Iterable[str | Network] = (),
        hosts: Iterable[str] = (),
        endpoint: Callable[[str], IStreamClientEndpoint] | None = None,
        **limits: Any,
    ) -> None:
        """
        :param urls: of the backends: ``http://host[:port]``, or ``https`` with its certificate
            verified.
        :param connectTimeout: seconds in which a backend must be reached, all of them together.
        :param timeout: seconds without progress of a request or its answer, or without a request.
        :param keepHost: ask the backend for the client's ``Host``, and not for its own.
        :param trusted: networks of proxies whose ``X-Forwarded-`` fields are believed.
        :param hosts: as of `wsfallback.FallbackServerFactory`, for each request.
        :param endpoint: by which the backend of a URL is reached; by default over TCP.
        :param limits: `wsfallback.policy.Limits`, by name.
        :raises ValueError: something that can't be.
        """
        self._destinations = {url: httpDestination(url) for url in urls}
        self.backends = Backends(self._destinations, reactor)
        self.clock: IReactorTime = reactor
        self.limits = Limits(**limits)
        self.timeout = checkSeconds("timeout", timeout)
        self._connectTimeout = checkSeconds("connectTimeout", connectTimeout)
        self._keepsHost = keepHost
        self._trusted = networks(trusted)
        self._hosts = Hosts(hosts, self._trusted)
        self._pool = Pool(
            reactor,
            endpoint or (lambda url: endpointTo(reactor, self._destinations[url])),
            self.limits.maxHead,
        )

    def buildProtocol(self, addr: IAddress | None) -> ProxyProtocol:
        """
        One for a client's connection.
        """
        return ProxyProtocol(self)

    def startFactory(self) -> None:
        """
        Keep connections to backends.
        """
        self._pool.open()

    def stopFactory(self) -> None:
        """
        Keep no connection.
        """
        self._pool.close()

    def check(self, request: Request, peer: str, isSecure: bool) -> None:
        """
        :raises HandshakeError: 421: it is for another host.
        """
        self._hosts.asked(request, peer, isSecure)

    async def reach(self, isFresh: bool) -> tuple[Backend, BackendProtocol]:
        """
        Have a connection to a backend.

        :param isFresh: a new one: nobody knows of one that was kept whether the backend is about
            to close it, and whether it has then seen the request.
        :raises HandshakeError: 502 or 504, as `Backends.reach`.
        """

        async def attempt(backend: Backend, seconds: float) -> BackendProtocol:
            kept = None if isFresh else self._pool.take(backend)
            if kept is not None:
                return kept
            return await self._pool.connect(backend).addTimeout(seconds, self.clock)

        return await self.backends.reach(attempt, self._connectTimeout)

    def asking(self, request: Request, backend: Backend, peer: str, isSecure: bool) -> h11.Request:
        """
        What a backend is asked.

        :param peer: the client, as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
        :param isSecure: whether it came by TLS.
        """
        ours = self._destinations[backend.url].host.encode()
        headers: dict[str, str] = {}
        for name, value in request.fields:
            known, text = name.decode("latin-1"), value.decode("latin-1").strip(" \t")
            headers[known] = f"{headers[known]}, {text}" if known in headers else text
        headers["host"] = request.host.decode("ascii")
        return h11.Request(
            method=request.method,
            target=request.resource,
            headers=[
                (b"Host", request.host if request.host and self._keepsHost else ours),
                *asked(request.fields),
                *(
                    (name.encode(), value.encode("latin-1"))
                    for name, value in described(headers, peer, isSecure, self._trusted)
                ),
                *framing(request.fields),
            ],
        )


def httpDestination(url: str) -> Destination:
    """
    Where a backend is.

    :param url: ``http://host[:port]`` or ``https``.
    :raises ValueError: it can't be.
    """
    scheme, colon, rest = url.partition(":")
    if scheme not in ("http", "https") or not colon:
        raise ValueError(f"a URL begins with http://host or https://host, not {url!r}")
    # HTTP's URLs are those of WebSocket but for their first letters: RFC 6455 §3.
    where = destination(f"ws{scheme.removeprefix('http')}:{rest}")
    if where.resource != "/":
        raise ValueError(
            f"the backend is asked for the client's path: give none, not {where.resource!r}"
        )
    return where
