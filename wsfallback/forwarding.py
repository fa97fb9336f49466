"""
`Forwarding`: what a connection owes its handler, at either end and on every draft.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsfallback.deadline import Deadline
from wsfallback.drafts.table import Draft
from wsfallback.errors import HandshakeError, NotOpen, SendQueueFull, printable
from wsfallback.flow import MAX_HELD, Flow
from wsfallback.interfaces import IFrameHandler, IMessageHandler
from wsfallback.outgoing import checkClose
from wsfallback.policy import Limits
from wsfallback.rates import Meter
from wsfallback.record import Traffic

# At module level, and not an attribute: as that it would put the connection into each event, and
# Twisted keeps events until somebody observes them.
_log = Logger()


class Forwarding(Flow):
    """
    Stands between a protocol and its handler: the outermost `IMessageHandler`.

    What goes wrong in an application is caught here, alike on all protocols.

    :ivar trouble: why the connection failed, in our words; `None` while it has not.
    :ivar ending: fires when the handler has done what it does in `onClose`; cancellable.
        `None` before that.
    """

    draft: Draft
    request: ConnectionRequest
    peer: str | None

    trouble: str | None = None
    ending: Deferred[Any] | None = None

    #: What became of a connection that was neither failed nor closed.
    _loss = "the client left during the handshake"

    #: Who is at the other end, for the log.
    _other = "client"

    _held: bytearray

    #: Counts what comes, where that is limited.
    _meter: Meter | None = None

    _handler: Any = None
    _deciding: Deferred[Any] | None = None
    _abandoned = False
    _paused = False
    _owesClose = False
    _wasToldToGo = False

    @property
    def channel(self) -> "Forwarding":
        """
        The connection is its own channel.
        """
        return self

    def _began(self, draft: Draft, limits: Limits, deadline: Deadline, traffic: Traffic) -> None:
        """
        Take what has been settled before the connection was ours.
        """
        self.draft = draft
        self._limits = limits
        self.fullQueue = limits.fullQueue
        self._deadline = deadline
        self._held = bytearray()
        self.traffic = traffic

    # What the protocol tells the handler.

    def onOpen(self) -> None:
        """
        Tell the handler.
        """
        self._wasOpened = True
        self._sends()
        if self._readsNot:
            self.transport.pauseProducing()
        self._run(self._handler.onOpen)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Hand the handler a message.
        """
        if not self._hears(payload):
            return
        self._run(self._handler.onMessage, payload, isBinary)

    def onFrame(self, payload: bytes, isBinary: bool, isFinal: bool) -> None:
        """
        Hand the handler a frame, as a message where it takes no frames.
        """
        if not self._hears(payload):
            return
        if IFrameHandler.providedBy(self._handler):
            self._run(self._handler.onFrame, payload, isBinary, isFinal)
        else:
            self._run(self._handler.onMessage, payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """
        Tell the handler, once.

        A connection that we failed was not clean, whatever the peer did afterwards: the same
        is said on drafts where it could do nothing.
        """
        # The handler's reference to us makes a cycle; it ends here.
        handler, self._handler = self._handler, None
        if self.trouble is not None:
            wasClean, code, reason = False, 1006, self.trouble
        code = 1005 if code is None else code
        self._closed(wasClean, code, reason)
        if not self._owesClose:
            return
        self._owesClose = False
        ending = maybeDeferred(handler.onClose, wasClean, code, reason)
        self.ending = ending.addErrback(self._closeFailed)

    # What the handler asks of the channel.

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        """
        `IMessageChannel.sendClose`.
        """
        checkClose(code, reason)
        if not self._wasOpened:
            raise NotOpen("a connection can't be closed before it is open")
        self._deaf = True
        self._close(code, reason)

    # What TCP tells.

    def readConnectionLost(self) -> None:
        """
        The peer has ended its half of TCP: send what it is owed, and end ours.

        Without this Twisted would throw away what was just written.
        """
        self._deaf = self._peerEnded = True
        self._abandon()
        self._leave()
        if self._queue is None:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Our half has ended, as we wanted.
        """
        self._wasSent = True

    # What differs between the protocols.

    def _close(self, code: int | None, reason: str | None) -> None:
        """
        Begin the closing handshake, unless it has begun.
        """
        raise NotImplementedError

    def _refuse(self, error: HandshakeError) -> None:
        """
        Give the opening handshake up, telling the peer why where that can be, and leave.
        """
        raise NotImplementedError

    def _leave(self) -> None:
        """
        End TCP, unless that has begun: send nothing more, read nothing more.
        """
        raise NotImplementedError

    def _closed(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        Note how the connection ended.
        """

    # What they share.

    def _hears(self, payload: bytes) -> bool:
        """
        Count what came, if the handler still hears.
        """
        if self._deaf:
            return False
        self.traffic.messagesIn += 1
        self.traffic.bytesIn += len(payload)
        if self._lastBytes is not None:
            self._spend(payload)
        return True

    def _makeHandler(self, make: Callable[[], Any]) -> Any:
        """
        :raises TypeError: what was made is no handler.
        """
        self._handler = handler = make()
        if not IMessageHandler.providedBy(handler):
            raise TypeError(f"{make!r} made no IMessageHandler: {handler!r}")
        handler.channel = self
        self._owesClose = True
        return handler

    def _decided(self) -> None:
        self._deciding = None
        if self._paused:
            self._paused = False
            if not (self._readsNot and self._wasOpened):
                self.transport.resumeProducing()

    def _abandon(self) -> None:
        """
        Whatever the handler may still decide, it is too late.
        """
        self._abandoned = True
        deciding = self._deciding
        self._decided()
        if deciding is not None:
            deciding.cancel()

    def _hold(self, data: bytes) -> bool:
        """
        Keep bytes until they can be read, or refuse the peer that sends too many.

        :returns: whether they are kept.
        """
        if len(self._held) + len(data) > MAX_HELD:
            self._refuse(HandshakeError(400, "Too much was sent before the answer"))
            return False
        self._held += data
        return True

    def _release(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held

    def _failed(self, trouble: str) -> None:
        """
        Note, once, why the connection fails.
        """
        self._deaf = True
        if self.trouble is None:
            self.trouble = printable(trouble)
            self._logTrouble(self.trouble)

    def _logTrouble(self, trouble: str) -> None:
        """
        Log in one line why the connection fails.
        """
        _log.info(
            "{peer} ({draft}): {trouble}", peer=self.peer, draft=self.draft.name, trouble=trouble
        )

    def _gone(self, reason: Failure) -> None:
        """
        The transport is: wait for nothing, keep nothing.
        """
        if self._wasOpened:
            self._loss = f"the connection was lost: {reason.getErrorMessage()}"
        self._deaf = True
        self._paused = False  # there is nothing to resume
        self._deadline.cancel()
        self._held.clear()
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.stopProducing()
        self._abandon()

    def _overflowed(self) -> None:
        self._failed(f"the {self._other} reads too slowly: more than it may have waits for it")
        assert self._queue is not None, "it is full"
        self._queue.clear()
        self._close(1013, "too much waits to be sent")

    def _stuck(self) -> None:
        self._failed(f"the {self._other} takes nothing of what it is sent")
        self.transport.abortConnection()

    def _waitOn(self, seconds: float) -> None:
        """
        Silence of a peer that we don't read means nothing; that it doesn't read us does.
        """
        if self._isStalled():
            self._stuck()
        else:
            self._deadline.set(seconds, self._silent)

    def _silent(self) -> None:
        """
        Nothing has come from the peer for a while.
        """
        raise NotImplementedError

    def _run(self, method: Callable[..., Any], *arguments: Any) -> None:
        """
        Call the handler; what goes wrong, now or later, costs this connection alone.
        """
        try:
            result = method(*arguments)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # asyncio's CancelledError, GeneratorExit
            self._applicationFailed(Failure())
            return
        if isinstance(result, Deferred | Coroutine):
            ensureDeferred(result).addErrback(self._applicationFailed)

    def _closeFailed(self, failure: Failure) -> None:
        # It is cancelled where there is no more time for it.
        if not failure.check(CancelledError):
            _log.failure("{peer}: onClose failed", failure, peer=self.peer)

    def _applicationFailed(self, failure: Failure) -> None:
        if (self.trouble is not None or self._wasToldToGo) and failure.check(NotOpen):
            # The connection failed under its hands, as when too much waits: that is in the log.
            # Or the server stops.
            return
        if failure.check(SendQueueFull):
            # Every slow reader would be a traceback in the log: it is in the line of its end.
            self._failed(f"the handler failed: {failure.getErrorMessage()}")
        else:
            _log.failure("{peer}: the handler failed", failure, peer=self.peer)
        self._deaf = True
        if self.trouble is None:
            self.trouble = "the handler failed"
        self._close(1011, "the server failed")
