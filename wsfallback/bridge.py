"""
An Autobahn factory as it is, for old clients: plays it a client of version 13, in memory.

Theory of operation. A client that Autobahn serves by itself never comes here: its connection is
given to the protocol that the factory builds, with every byte. For any other a `Bridge` is the
handler of one of our protocols. It has the factory build a protocol too, and connects that to a
transport in memory, on which it sends a handshake with the client's own path and fields. The
client's handshake is answered when this one is. From then on messages become frames and frames
messages; pings are answered here, for drafts have none that need it.
"""

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, ISSLTransport
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback import opening13
from wsfallback.applications import Admission, FactoryApplication, IApplication
from wsfallback.bridge_transport import BridgeTransport
from wsfallback.drafts.table import Draft
from wsfallback.errors import FrameError, NotOpen, NotText, UnsupportedByDraft
from wsfallback.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    FrameReader,
    closeOf,
    closePayload,
    frame,
)
from wsfallback.handlers import MessageHandler
from wsfallback.leaving import loss
from wsfallback.request import Request
from wsfallback.utf8 import clipped

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: How much may wait for an application that is paused when it sends another ping.
_MAX_PONGS = 16


@implementer(IApplication)
class AutobahnApplication(FactoryApplication):
    """
    An Autobahn factory, its protocol untouched, for all drafts.
    """

    def __init__(self, factory: WebSocketServerFactory) -> None:
        """
        :raises TypeError: it is none of Autobahn's server factories for Twisted.
        """
        if not isinstance(factory, WebSocketServerFactory):
            raise TypeError(f"{factory!r} is no autobahn.twisted WebSocketServerFactory")
        self.factory = factory

    def wholeFor(self, request: Request, draft: Draft) -> IProtocolFactory | None:
        """
        The factory, for a client that it would serve by itself.
        """
        whole: IProtocolFactory = self.factory
        return whole if opening13.isServed(request, draft, self.factory.versions) else None

    def handlerFor(self, admission: Admission) -> "Bridge":
        """
        A bridge to it, for any other client.
        """
        return Bridge(self.factory, admission)


class Bridge(MessageHandler):
    """
    One connection of an old client with a protocol of Autobahn's.
    """

    def __init__(self, factory: WebSocketServerFactory, admission: Admission) -> None:
        self._factory = factory
        self._admission = admission
        self._protocol: Any = None
        self._inner: BridgeTransport | None = None
        self._answer: Deferred[Any] = Deferred()
        self._answered = self._isOpen = self._over = False
        self._head = bytearray()
        maxKept = self._maxKept = admission.limits.maxMessage
        self._reader = FrameReader(maxKept)
        self._early: list[Frame] = []
        self._pieces: list[bytes] = []
        self._size = 0  # of what is kept: early frames, or pieces of one message
        self._isBinary = False
        self._isInMessage = False  # of the client's, whose frames come one by one

    # What the client does.

    def onConnect(self, request: ConnectionRequest) -> Deferred[Any]:
        """
        Ask the application, by a handshake of version 13.
        """
        admission = self._admission
        protocol: Any = self._factory.buildProtocol(admission.address)
        if protocol is None:
            raise ConnectionDeny(503, "Nobody is here now")
        kind = _kindFor(self.channel.transport)
        self._inner = kind(self.channel, protocol, admission.clock, self)
        protocol.makeConnection(self._inner)
        self._protocol = protocol
        protocol.dataReceived(
            opening13.handshake(
                admission.request, admission.draft, request.protocols, admission.isSecure
            )
        )
        return self._answer

    def onOpen(self) -> None:
        """
        The client has its answer, and gets what the application has sent since.
        """
        assert self._inner is not None, "open only after onConnect"
        self._isOpen = True
        # It knows nothing of messages that may be left out.
        self.channel.fullQueue = "close"
        early, self._early, self._size = self._early, [], 0
        self._takeAll(iter(early))
        self._inner.opened()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        A message for the application.
        """
        assert self._inner is not None, "messages come only after onConnect"
        self._inner.arrive(frame(BINARY if isBinary else TEXT, payload))

    def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> None:
        """
        A frame for the application, whose Autobahn puts messages together.
        """
        assert self._inner is not None, "frames come only after onConnect"
        opcode = CONTINUATION if self._isInMessage else BINARY if isBinary else TEXT
        self._isInMessage = not isFinal
        self._inner.arrive(frame(opcode, payload, isFinal))

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        The application's connection ends as the client's did.
        """
        self._over = True
        # The application may keep its transport, and that keeps us.
        self._early, self._pieces = [], []
        self._reader = FrameReader(self._maxKept)
        inner, self._inner = self._inner, None
        if inner is None or self._protocol is None:
            return
        if wasClean:
            inner.arrive(_closeFrame(None if code == 1005 else code, reason))
        inner.end(loss(wasClean, reason))

    # What the application does.

    def written(self, data: bytes) -> None:
        """
        Something that it wrote: the answer to the handshake, then frames.
        """
        if self._over:
            return
        if not self._answered:
            self._head += data
            head, end, rest = bytes(self._head).partition(b"\r\n\r\n")
            if not end and len(head) <= opening13.MAX_ANSWER:
                return
            self._answered = True
            self._head.clear()
            self._decide(head)
            data = rest
            if self._inner is not None and not self._over:
                # What the client sent with its head waits until Autobahn is open, which it is when
                # this call is over. Its `is_open` would tell, but protocols that don't call its
                # constructor, as one of its own examples, have none.
                self._inner.handSoon()
        if not self._over:
            self._takeAll(self._reader.feed(data))

    def left(self, aborted: bool) -> None:
        """
        It has ended its connection: the client's ends too, by a close where there is time.

        After a close of its own Autobahn aborts, even when all went well; and where it has waited
        a second for a client that never answers, as WebKits of 2010. The real connection has its
        own deadline for that, and loses nothing.
        """
        if not self._answered:
            self._answered = True
            self._over = True
            self._answer.errback(ConnectionDeny(500, "The application closed the connection"))
        elif self._over:
            return
        elif aborted:
            self._over = True
            self.channel.transport.abortConnection()
        else:
            self._takeAll(iter([Frame(CLOSE)]))

    def _decide(self, head: bytes) -> None:
        """
        Autobahn's answer becomes ours.
        """
        try:
            self._answer.callback(opening13.acceptance(head))
        except ConnectionDeny as refusal:
            self._over = True
            self._answer.errback(refusal)

    def _takeAll(self, frames: Any) -> None:
        try:
            for each in frames:
                if self._over:
                    return
                if self._isOpen or each.opcode == PING:
                    self._take(each)
                else:
                    self._keep(len(each.payload))
                    self._early.append(each)
        except FrameError as error:
            self._fail(error.code, str(error))
        except UnsupportedByDraft as error:
            self._fail(1003, str(error))
        except NotText as error:
            self._fail(1007, str(error))
        except NotOpen:
            # The client has begun to close; the application hears of it when that is done.
            pass

    def _take(self, taken: Frame) -> None:
        if taken.opcode == PING:
            # In a turn of its own: Autobahn starts the clock for a pong after the ping.
            # RFC 6455 §5.5.3 has no pong for each; an application that pauses gets a few.
            if self._inner is not None and self._inner.waiting < _MAX_PONGS:
                self._inner.arriveSoon(frame(PONG, taken.payload))
        elif taken.opcode == CLOSE:
            self._over = True
            code, reason = closeOf(taken.payload)
            self._close(code, reason)
        elif taken.opcode in (TEXT, BINARY, CONTINUATION):
            self._piece(taken)

    def _piece(self, taken: Frame) -> None:
        """
        A frame of a message: old drafts have a message in one.
        """
        if taken.opcode != CONTINUATION:
            self._isBinary = taken.opcode == BINARY
        if not taken.isFinal:
            self._keep(len(taken.payload))
            self._pieces.append(taken.payload)
            return
        payload = b"".join([*self._pieces, taken.payload]) if self._pieces else taken.payload
        self._pieces, self._size = [], 0
        self.sendMessage(payload, self._isBinary)

    def _keep(self, size: int) -> None:
        """
        :raises FrameError: there is too much to be kept.
        """
        # A frame without payload takes memory, too.
        self._size += size + 64
        if self._size > self._maxKept:
            raise FrameError(1009, f"more than {self._maxKept} bytes wait to be sent")

    def _fail(self, code: int, reason: str) -> None:
        """
        Close towards both: the application is told why, the client where its draft can.
        """
        if self._over:
            return
        self._over = True
        _log.info("{peer}: {code}: {reason}", peer=self.peer, code=code, reason=reason)
        if self._inner is not None:
            self._inner.arriveSoon(_closeFrame(code, reason))
        self._close(code, reason)

    def _close(self, code: int | None, reason: str | None) -> None:
        try:
            self.sendClose(code, reason)
        except ValueError:
            # A code that none may send: the application means a close all the same.
            self.sendClose()
        except NotOpen:
            # Its 101 was read, the client's not yet sent. There is nothing to say goodbye to.
            self.channel.transport.abortConnection()


def _closeFrame(code: int | None, reason: str | None) -> bytes:
    return frame(CLOSE, closePayload(code, clipped(reason or "", 123)))


def _kindFor(real: Any) -> type[BridgeTransport]:
    """
    What plays the transport of an application, for a client that has this one.
    """
    if ISSLTransport.providedBy(real) and hasattr(real, "getHandle"):
        # Here and not above: it needs pyOpenSSL, which plain TCP doesn't.
        from wsfallback.bridge_tls import SecuredTransport, isSecured

        if isSecured(real):
            return SecuredTransport
    return BridgeTransport
