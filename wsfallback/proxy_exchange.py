"""
One request of a client's and its answer, between the client and a backend.

What comes from one side goes to the other as it comes, and the transports say who has to wait: so
a few buffers are all that it costs, however much goes through.
"""

from typing import Any, Protocol

import h11
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.backends import Backend
from wsfallback.errors import HandshakeError
from wsfallback.head import HOST
from wsfallback.proxy_backend import BackendProtocol
from wsfallback.proxy_fields import framing, passed
from wsfallback.request import Request

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: Requests that may be sent twice: RFC 9110 §9.2.2, and no more of them than have no body.
_REPEATABLE = (b"GET", b"HEAD", b"OPTIONS")

#: Statuses whose answers never have a body. What a backend says of its length all the same,
#: RFC 9112 §6.1 and RFC 9110 §8.6, a client may wait for.
_BODILESS = (204, 304)


class Client(Protocol):
    """
    Whose request it is.
    """

    def reach(self, isFresh: bool) -> Deferred[tuple[Backend, BackendProtocol]]:
        """
        Have a connection to a backend, a new one if that matters; cancellable.
        """

    def asking(self, request: Request, backend: Backend) -> h11.Request:
        """
        What the backend is asked.
        """

    def write(self, data: bytes) -> None:
        """
        A part of the answer.
        """

    def moved(self) -> None:
        """
        Bytes have come from the backend.
        """

    def regulate(self) -> None:
        """
        It may be another matter now whether the client is read.
        """

    def done(self, rest: bytes | None) -> None:
        """
        The answer is complete.

        :param rest: what came behind the request; `None`: the connection can't go on.
        """

    def refuse(self, error: HandshakeError) -> None:
        """
        There is no answer but ours.
        """

    def drop(self, trouble: str) -> None:
        """
        The answer ends in the middle.
        """


@implementer(IPushProducer)
class Exchange:
    """
    A request and its answer.

    :ivar wasRead: the request has been, to its end.
    :ivar hasAnswer: the answer has begun.
    :ivar isLast: no other request will be answered on the client's connection.
    """

    isLast = False

    def __init__(self, client: Client, request: Request, received: bytes, maxHead: int) -> None:
        """
        :param received: the head of the request, and what came behind it.
        :param maxHead: bound in bytes of what else there is in lines: a chunk's head, trailers.
        :raises HandshakeError: 400 or 405: it is none for a backend.
        """
        self.wasRead = self.hasAnswer = False
        self._client = client
        self._request = request
        self._isPaused = self._isBackFull = False
        self._reaching: Deferred[Any] | None = None
        self._back: BackendProtocol | None = None
        self._backend: Backend | None = None
        if request.method in (b"CONNECT", b"TRACE"):
            raise HandshakeError(405, "The method is not allowed here", request.method)
        isAsterisk = request.method == b"OPTIONS" and request.resource == b"*"
        if not (isAsterisk or request.resource.startswith(b"/")):
            raise HandshakeError(400, "The request target has no path", request.target)
        if request.host and not HOST.fullmatch(request.host):
            raise HandshakeError(400, "The Host is malformed", request.host)
        # One for each request: it sees no head that our own reader, the stricter one, has not
        # approved.
        self._http = h11.Connection(h11.SERVER, maxHead)
        self._http.receive_data(received)
        self._http.next_event()

    def begin(self) -> None:
        """
        Find a backend, and send it the request.
        """
        length = self._request.get(b"content-length") or b"0"
        hasBody = self._request.get(b"transfer-encoding") is not None or int(length) > 0
        if not hasBody:
            # Now, so that the client is read meanwhile, and its end noticed.
            self._http.next_event()
            self.wasRead = True
        self._ask(isFresh=hasBody or self._request.method not in _REPEATABLE)

    def receive(self, data: bytes) -> None:
        """
        Pass on what has come of the request's body.
        """
        self._http.receive_data(data)
        self._read()

    def end(self) -> None:
        """
        The client is gone, or will be.
        """
        reaching, self._reaching = self._reaching, None
        if reaching is not None:
            reaching.cancel()
        if self._back is not None:
            self._back.drop()
        self._release()

    @property
    def wantsMore(self) -> bool:
        """
        Whether the backend would take more of the request.
        """
        return self._back is not None and not self._isBackFull

    @property
    def ahead(self) -> int:
        """
        How many bytes have come behind the request.
        """
        return len(self._http.trailing_data[0])

    # What the client's transport tells.

    def pauseAnswer(self) -> None:
        """
        The client takes no more now.
        """
        self._isPaused = True
        if self._back is not None:
            self._back.transport.pauseProducing()

    def resumeAnswer(self) -> None:
        """
        It does.
        """
        self._isPaused = False
        if self._back is not None:
            self._back.transport.resumeProducing()

    # IPushProducer: what the backend's transport tells.

    def pauseProducing(self) -> None:
        """
        The backend takes no more of the request now.
        """
        self._isBackFull = True
        self._client.regulate()

    def resumeProducing(self) -> None:
        """
        It does.
        """
        self._isBackFull = False
        self._client.regulate()

    def stopProducing(self) -> None:
        """
        It never will; `failed` follows.
        """

    # What the backend says.

    def answered(self, event: Any) -> None:
        """
        Pass on a part of the answer.
        """
        self._client.moved()
        kind = type(event)
        if kind is h11.InformationalResponse and self._http.their_http_version == b"1.0":
            return
        if kind in (h11.InformationalResponse, h11.Response):
            self.hasAnswer = kind is h11.Response
            fields = list(passed(event.headers.raw_items()))
            if self.hasAnswer:
                if event.status_code not in _BODILESS:
                    fields += framing(event.headers)
                if self.isLast or not self.wasRead:
                    fields.append((b"Connection", b"close"))
            event = kind(status_code=event.status_code, reason=event.reason, headers=fields)
        elif kind is h11.EndOfMessage:
            # Trailers may be left out: RFC 9110 §6.5.1.
            event = h11.EndOfMessage()
        self._client.write(self._http.send(event) or b"")
        if kind is h11.EndOfMessage:
            self._finish()

    def failed(self, trouble: str) -> None:
        """
        The backend is gone, or talks nonsense.
        """
        back = self._back
        self._release()
        if self.hasAnswer:
            self._client.drop(f"the backend's answer ended early: {trouble}")
        elif back is not None and back.wasUsed:
            # It had been kept, and the backend has closed it meanwhile.
            self._ask(isFresh=True)
        else:
            self._client.refuse(HandshakeError(502, "The backend gave no answer", trouble.encode()))

    # Within.

    def _ask(self, isFresh: bool) -> None:
        self._reaching = reaching = self._client.reach(isFresh)
        reaching.addCallback(self._reached).addErrback(self._unreachable)

    def _reached(self, found: tuple[Backend, BackendProtocol]) -> None:
        self._reaching = None
        self._backend, self._back = found
        self._back.begin(self, self._client.asking(self._request, self._backend))
        if self._isPaused:
            self._back.transport.pauseProducing()
        if self.wasRead:
            self._back.send(h11.EndOfMessage())
        else:
            self._read()
        self._client.regulate()

    def _unreachable(self, failure: Failure) -> None:
        self._reaching = None
        if isinstance(failure.value, HandshakeError):
            self._client.refuse(failure.value)
        elif not failure.check(CancelledError):
            _log.failure("the proxy failed", failure)
            self._client.refuse(HandshakeError(500, "The server failed"))

    def _read(self) -> None:
        """
        Pass on the request's body, if there is somebody to pass it on to.
        """
        try:
            while self._back is not None and not self.wasRead:
                event: Any = self._http.next_event()
                if event is h11.NEED_DATA:
                    break
                self.wasRead = type(event) is h11.EndOfMessage
                # Trailers may be left out: RFC 9110 §6.5.1.
                self._back.send(h11.EndOfMessage() if self.wasRead else event)
        except h11.RemoteProtocolError:
            self._client.refuse(HandshakeError(400, "The request's body is malformed"))

    def _finish(self) -> None:
        self._release()
        isComplete = self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
        self._client.done(self._http.trailing_data[0] if isComplete else None)

    def _release(self) -> None:
        self._back = None
        if self._backend is not None:
            self._backend.open -= 1
            self._backend = None
