"""
`StatusResource`: what a server shows of itself over HTTP, under ``/-/``.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, cast

from autobahn.twisted.util import peer2str
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from wsfallback.addresses import Network
from wsfallback.local import isLocal
from wsfallback.snapshot import Snapshot
from wsfallback.statuspage import STYLE, page
from wsfallback.unread import UnreadRequest

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: The path that is ours, beside whatever is served on the same port.
PREFIX = "-"

_TEXT = "text/plain; charset=utf-8"
_STYLE = b64encode(sha256(STYLE.encode()).digest()).decode("ascii")
_FIELDS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class StatusResource(Resource):
    """
    ``status`` for people, ``status.json``, ``metrics`` for Prometheus, ``healthy`` and ``ready``.

    Whoever may ask is shown everything.
    """

    isLeaf = True

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | Deferred[Snapshot]],
        isReady: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        :param snapshot: what to show: `wsfallback.stats.Statistics.snapshot`.
        :param isReady: whether new connections are welcome.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._snapshot = snapshot
        self._isReady = isReady
        self._pages: dict[bytes, Callable[[Request, Snapshot], tuple[str, bytes]]] = {
            b"status": self._status,
            b"status.json": self._json,
            b"metrics": self._metrics,
        }

    def render(self, request: Request) -> Any:
        """
        Answer GET and HEAD.
        """
        for name, value in _FIELDS.items():
            request.setHeader(name, value)
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader("Allow", "GET, HEAD")
            return _say(request, 405, "Only GET is served")
        path = b"/".join(request.postpath or [])
        if path == b"healthy":
            return _say(request, 200, "healthy")
        if path == b"ready":
            return _say(request, *((200, "ready") if self._isReady() else (503, "draining")))
        show = self._pages.get(path)
        if show is None:
            there = ", ".join([*(each.decode() for each in self._pages), "healthy", "ready"])
            return _say(request, 404, f"There is only {there}")
        gone = request.notifyFinish()
        asking: Deferred[Any] = maybeDeferred(self._snapshot)
        asking.addCallback(lambda found: _answer(request, *show(request, found)))
        asking.addErrback(_failed, request)
        # A client that has left gets no answer, and may leave while somebody else is asked.
        gone.addErrback(lambda _: asking.cancel())
        return NOT_DONE_YET

    def _status(self, request: Request, snapshot: Snapshot) -> tuple[str, bytes]:
        return "text/html; charset=utf-8", page(snapshot, self._isReady())

    def _json(self, request: Request, snapshot: Snapshot) -> tuple[str, bytes]:
        shown = {"ready": self._isReady(), **snapshot}
        return "application/json", json.dumps(shown).encode("ascii") + b"\n"

    def _metrics(self, request: Request, snapshot: Snapshot) -> tuple[str, bytes]:
        try:
            # Here and not above: it is an extra.
            from wsfallback.metrics import exposition
        except ImportError:
            request.setResponseCode(501)
            return _TEXT, b"Metrics need pip install 'wsfallback[metrics]'\n"
        return exposition(snapshot, self._isReady(), request.getHeader("accept") or "")


class LocalStatus(Resource):
    """
    Another resource, and for requests from this machine `StatusResource` beside it.
    """

    def __init__(
        self, status: StatusResource, others: Resource, proxies: Iterable[Network] = ()
    ) -> None:
        """
        :param others: has all other requests.
        :param proxies: networks of proxies, which ask for somebody else.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._status = status
        self.others = others
        self._proxies = tuple(proxies)

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        """
        By the first part of the path.
        """
        if path == PREFIX.encode("ascii") and self._isLocal(request):
            return self._status
        # As if we weren't there.
        assert request.postpath is not None
        assert request.prepath is not None
        request.postpath.insert(0, request.prepath.pop())
        return self.others

    def _isLocal(self, request: Request) -> bool:
        return isLocal(
            peer2str(cast(ITransport, request.transport)),
            request.getHeader("host") or "",
            (name.decode("latin-1") for name, _ in request.requestHeaders.getAllRawHeaders()),
            self._proxies,
        )


class StatusSite(Site):
    """
    Has `StatusResource` under ``/-/`` and nothing else; who asks is not logged.
    """

    displayTracebacks = False
    noisy = False

    def __init__(self, status: StatusResource, *, isKept: bool = True, **options: Any) -> None:
        """
        :param isKept: whether a connection may have a second request, which comes here as well.
        :param options: of Twisted's `Site`.
        """
        super().__init__(  # type: ignore[no-untyped-call]
            _Root(status), requestFactory=UnreadRequest, **options
        )
        if not isKept:
            self.protocol = _OneRequest  # type: ignore[assignment,method-assign]

    def log(self, request: Any) -> None:
        """
        Probes ask every few seconds.
        """


class _Root(Resource):
    """
    All paths.
    """

    isLeaf = True

    def __init__(self, status: StatusResource) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._status = status

    def render(self, request: Request) -> Any:
        """
        Ours, or nothing.
        """
        path = request.postpath or []
        if path[:1] != [PREFIX.encode("ascii")]:
            return _say(request, 404, f"There is only /{PREFIX}/status")
        path.pop(0)
        return self._status.render(request)


class _OneRequest(HTTPChannel):
    """
    A connection for one request.
    """

    def checkPersistence(self, request: Any, version: bytes) -> bool:
        """
        Not any more.
        """
        request.responseHeaders.setRawHeaders("connection", ["close"])
        return False


def _say(request: Request, status: int, sentence: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Type", _TEXT)
    return sentence.encode("ascii") + b"\n"


def _answer(request: Request, contentType: str, body: bytes) -> None:
    request.setHeader("Content-Type", contentType)
    request.setHeader("Content-Length", str(len(body)))
    request.write(body)
    request.finish()


def _failed(failure: Failure, request: Request) -> None:
    if failure.check(CancelledError):
        return
    _log.failure("the status can't be told", failure)
    request.setResponseCode(500)
    _answer(request, _TEXT, b"The server failed\n")
