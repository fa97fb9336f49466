"""
What the command serves over plain HTTP: the files of a directory, and to whom.
"""

import re
from collections.abc import Iterable
from typing import Any, cast

from autobahn.twisted.util import peer2str
from twisted.internet.interfaces import IDelayedCall, ITransport
from twisted.python.failure import Failure
from twisted.web.pages import errorPage, notFound
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from twisted.web.static import File

from wsfallback.addresses import Network, networks
from wsfallback.bodies import ShortBodies
from wsfallback.errors import HandshakeError, phrase
from wsfallback.forwarded import clientOf
from wsfallback.hosts import Hosts
from wsfallback.quota import Quota
from wsfallback.request import Request as Head

#: RFC 9110 §14.1.2, ASCII digits, and no more ranges than a client has a use for.
_RANGE = rb"[ \t]*([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})[ \t]*"
_RANGES = re.compile(rb"bytes=" + _RANGE + rb"(," + _RANGE + rb"){0,15}")


class Files(File):
    """
    Twisted's `File`, less two requests that it answers with a traceback or not at all.
    """

    def getChild(self, path: bytes, request: Request) -> Any:
        """
        No file has a NUL in its name.
        """
        if b"\0" in path:
            return notFound()
        return super().getChild(path, request)  # type: ignore[no-untyped-call]

    def render_GET(self, request: Request) -> Any:
        """
        A Range that can't be read is as none: RFC 9110 §14.2.
        """
        wanted = request.requestHeaders.getRawHeaders(b"range")
        if wanted and not (len(wanted) == 1 and _RANGES.fullmatch(wanted[0])):
            request.requestHeaders.removeHeader(b"range")
        return super().render_GET(request)  # type: ignore[no-untyped-call]

    render_HEAD = render_GET


class HostsSite(Site):
    """
    A site that is there for the server's own names alone, request by request; and for requests
    without much of a body.

    The first request of a connection has been looked at before a site gets it. On one that is kept
    a browser asks for one host only, but a proxy for those of all its clients.
    """

    noisy = False

    def __init__(
        self,
        root: IResource,
        hosts: Iterable[str],
        trusted: Iterable[str | Network] = (),
        **options: Any,
    ) -> None:
        """
        :param hosts: as of `wsfallback.FallbackServerFactory`, and so is ``trusted``.
        :param options: as of `twisted.web.server.Site`.
        """
        super().__init__(root, **options)  # type: ignore[no-untyped-call]
        self._hosts = Hosts(hosts, trusted)
        self.protocol = ShortBodies  # type: ignore[assignment,method-assign]

    def getResourceFor(self, request: Request) -> Any:
        """
        What answers: the root's, or 421.
        """
        try:
            self._hosts.asked(_head(request), _peer(request), request.isSecure())
        except HandshakeError as error:
            return errorPage(error.status, phrase(error.status), error.sentence)
        return super().getResourceFor(request)  # type: ignore[no-untyped-call]


class PublicSite(HostsSite):
    """
    The command's own, which only shows something, to anybody.

    Whoever asks for much at once costs the others little of the server's time, and its
    log no more than a WebSocket client may.
    """

    displayTracebacks = False

    def __init__(
        self,
        root: IResource,
        hosts: Iterable[str],
        trusted: Iterable[str | Network],
        quota: Quota,
        **options: Any,
    ) -> None:
        """
        Parameters as of `HostsSite`.

        :param quota: of the lines that requests cause in the log.
        """
        super().__init__(root, hosts, trusted, **options)
        self.protocol = _InTurns  # type: ignore[assignment,method-assign]
        self._proxies = networks(trusted)
        self._quota = quota

    def log(self, request: Any) -> None:
        """
        A line for each request, while there are not too many.
        """
        client = clientOf(_head(request), _peer(request), self._proxies)
        if self._quota.hasRoom(client, "asked by HTTP"):
            super().log(request)

    def stopFactory(self) -> None:
        """
        There are no more requests.
        """
        super().stopFactory()
        self._quota.sumUp()


class _InTurns(ShortBodies):
    """
    A connection that has one request answered in a turn of the reactor, however many have come: no
    browser sends the next one before it has its answer, but a segment has room for a thousand.
    """

    site: Site

    _next: IDelayedCall | None = None

    def requestDone(self, request: Any) -> None:
        """
        Go on to the next one, later.
        """
        self._next = self.site.reactor.callLater(0, self._goOn, request)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        There is none.
        """
        following, self._next = self._next, None
        if following is not None:
            following.cancel()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _goOn(self, request: Any) -> None:
        self._next = None
        super().requestDone(request)  # type: ignore[no-untyped-call]


def _head(request: Any) -> Head:
    named = request.requestHeaders.getAllRawHeaders()
    fields = tuple((name.lower(), value) for name, values in named for value in values)
    return Head(request.method, request.uri, request.clientproto, fields)


def _peer(request: Any) -> str:
    return peer2str(cast(ITransport, request.transport))
