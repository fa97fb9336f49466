"""
What the command serves over plain HTTP: the files of a directory, and to whom.
"""

import re
from collections.abc import Iterable
from typing import Any, cast

from autobahn.twisted.util import peer2str
from twisted.internet.interfaces import ITransport
from twisted.web.pages import errorPage, notFound
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from twisted.web.static import File

from wsfallback.addresses import Network
from wsfallback.bodies import ShortBodies
from wsfallback.errors import HandshakeError, phrase
from wsfallback.hosts import Hosts
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
        named = request.requestHeaders.getAllRawHeaders()
        fields = tuple((name.lower(), value) for name, values in named for value in values)
        head = Head(request.method, request.uri, request.clientproto, fields)
        peer = peer2str(cast(ITransport, request.transport))
        try:
            self._hosts.asked(head, peer, request.isSecure())
        except HandshakeError as error:
            return errorPage(error.status, phrase(error.status), error.sentence)
        return super().getResourceFor(request)  # type: ignore[no-untyped-call]
