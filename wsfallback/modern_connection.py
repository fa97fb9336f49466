"""
`ModernConnection`: what is done with a connection of hybi-07 or later once it is open, at either
end, by Autobahn's engine.

Bounds, deadlines and closing are ours, so that they are the same as on the other drafts.
"""

from collections.abc import Callable
from typing import Any

from autobahn.twisted.websocket import WebSocketAdapterProtocol
from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.bounds import Bounds
from wsfallback.deadline import Deadline
from wsfallback.drafts.table import Draft
from wsfallback.engine import Silent
from wsfallback.errors import FrameError, NotOpen
from wsfallback.flow import OVERRUN
from wsfallback.forwarding import Forwarding
from wsfallback.inflate import Inflater
from wsfallback.outgoing import checkedMessage
from wsfallback.policy import Limits
from wsfallback.rates import Meter
from wsfallback.record import Traffic
from wsfallback.utf8 import clipped, unfinished

_TEXT, _BINARY, _CONTINUATION, _CONTROL = 1, 2, 0, 8
_CLOSE = 8
_MAX_CONTROL = 125
#: What Autobahn calls on an extension that inflates.
_INFLATING = ("start_decompress_message", "decompress_message_data", "end_decompress_message")
_COMPRESSED = 4  # RSV1 among the three RSV bits, as Autobahn counts them


@implementer(IHalfCloseableProtocol)
class ModernConnection(  # type: ignore[misc]
    Forwarding, WebSocketAdapterProtocol, WebSocketProtocol
):
    """
    One end of a connection: frames, keepalive, and how it ends.
    """

    log = Silent()
    websocket_extensions_in_use: list[Any] = []  # noqa: RUF012  # Autobahn sets it when it opens

    _pinged = False
    _isGoing = False

    def _began(self, draft: Draft, limits: Limits, deadline: Deadline, traffic: Traffic) -> None:
        super()._began(draft, limits, deadline, traffic)
        self._bounds = Bounds(limits)

    def onOpen(self) -> None:
        """
        The deadline of the handshake is over, keepalive begins.
        """
        self._deadline.set(self._limits.pingInterval, self._silent)
        super().onOpen()

    # Receiving.

    def _receive(self, data: bytes) -> None:
        """
        A segment of an open connection's.
        """
        # Autobahn would go on to collect what comes after the end.
        if self.state == self.STATE_CLOSED:
            return
        if self.state == self.STATE_OPEN:
            if self._pinged:
                self._pinged = False
                self._deadline.set(self._limits.pingInterval, self._silent)
            else:
                self._deadline.restart()
        if self._isOverrun(len(self.data) + len(data)):
            self._fail(1009, OVERRUN)
        if self._meter is None or self._isWithin(lambda meter: meter.came(len(data))):
            super().dataReceived(data)

    def consumeData(self) -> None:
        """
        Read what has come, for a turn.
        """
        self._turnBegins()
        super().consumeData()

    def processData(self) -> bool:
        """
        Read a step of what has come, if we read at all: a few deflated bytes may hold many
        messages, so to pause the transport is not enough.
        """
        # A frame that has begun is gone on with: without payload it ends in a step of its own.
        isBetween = self.current_frame is None and self.data
        if self._readsNot or (isBetween and self._holdsBack()):
            return False
        self._isGoing = True
        try:
            return super().processData()
        finally:
            self._isGoing = False

    def _goOn(self) -> None:
        if self.data and not self._isGoing:
            self.consumeData()

    def onFrameBegin(self) -> None:
        """
        Count what begins. Drop a peer whose control frame is too long: Autobahn has failed it
        with 1002 by now, and would collect the payload all the same.
        """
        super().onFrameBegin()
        if self._meter is not None and self._isCounted(self.current_frame.opcode):
            self._isWithin(Meter.begun)
        if self.current_frame.opcode >= _CONTROL and self.current_frame.length > _MAX_CONTROL:
            self.dropConnection()

    def onFrameData(self, payload: bytes) -> bool | None:
        """
        Drop a peer whose frame doesn't inflate, or has no end when it does: Autobahn has failed
        it by now, and would read nothing behind that frame, its close neither.
        """
        going = super().onFrameData(payload)
        if going is False:
            self.dropConnection()
        return going

    def onMessageBegin(self, isBinary: bool) -> None:
        """
        Count anew.
        """
        super().onMessageBegin(isBinary)
        self._bounds.messageBegan()
        self._isDeflated = self.current_frame.rsv == _COMPRESSED
        self._unfinished = b""

    def onMessageFrameBegin(self, length: int) -> None:
        """
        Check a frame before its payload is taken.
        """
        self._bounds.frameBegan()
        # What a deflated frame holds is known when it is inflated.
        announced = 0 if self._isDeflated else length
        if announced > self._bounds.room() and not self.failedByMe:
            self._fail(1009, self._bounds.trouble())
        super().onMessageFrameBegin(length)

    def onMessageFrameData(self, payload: bytes) -> None:
        """
        Count what a frame really has.
        """
        self._bounds.came(len(payload))
        super().onMessageFrameData(payload)

    def _boundInflating(self, sender: str) -> None:
        """
        Have our own bound hold while a message is inflated.

        :param sender: whose messages those are: ``client`` or ``server``.
        """
        for extension in self.websocket_extensions_in_use:
            inflater = Inflater(
                getattr(extension, f"{sender}_max_window_bits"),
                not getattr(extension, f"{sender}_no_context_takeover"),
                self._bounds.room,
            )
            for name in _INFLATING:
                setattr(extension, name, getattr(inflater, name))

    def onMessageFrame(self, payload: Any) -> None:
        """
        A whole frame.

        :param payload: its pieces.
        """
        if not self._limits.frames:
            super().onMessageFrame(payload)
            return
        data, isFinal = self._unfinished + b"".join(payload), self.current_frame.fin
        self._unfinished = b""
        if not self.message_is_binary:
            cut = len(data) - unfinished(data)
            data, self._unfinished = data[:cut], data[cut:]
        # A text that ends within a character is Autobahn's to refuse, right after this.
        if not (isFinal and self._unfinished):
            self.onFrame(data, self.message_is_binary, isFinal)

    def onMessageEnd(self) -> None:
        """
        The last frame of a message.
        """
        if not self._limits.frames:
            super().onMessageEnd()

    # Sending.

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """
        Send bytes of the engine's: once it is open they may have to wait.
        """
        if self._queue is None:
            super().sendData(data, sync, chopsize)
        else:
            self._queue.write(data)

    def onPing(self, payload: bytes) -> None:
        """
        Answer, unless the peer doesn't read its answers: RFC 6455 §5.5.3 asks for the last only.
        """
        if self._queue is None or not self._queue.isFull:
            super().onPing(payload)

    def sendMessage(  # type: ignore[override]  # the channel's signature: Autobahn's has three more
        self, payload: bytes, isBinary: bool = False
    ) -> None:
        """
        Send a message.

        By hand on top of Autobahn's frames: its own holds outgoing messages to the bound of
        incoming ones, and ends a message of whole fragments with an empty one.
        """
        if self.state != self.STATE_OPEN:
            raise NotOpen("the connection is not open")
        checkedMessage(payload, isBinary)
        # Before it is deflated: what is deflated must be sent, or the next can't be inflated.
        if not self._admits(len(payload)):
            return
        rsv = 0
        for extension in self.websocket_extensions_in_use:
            extension.start_compress_message()
            payload = extension.compress_message_data(payload) + extension.end_compress_message()
            rsv = _COMPRESSED
        size = self._limits.fragment or len(payload) or 1
        opcode = _BINARY if isBinary else _TEXT
        for start in range(0, len(payload) or 1, size):
            end = start + size
            self.sendFrame(
                opcode=opcode, payload=payload[start:end], fin=end >= len(payload), rsv=rsv
            )
            opcode, rsv = _CONTINUATION, 0

    # Closing.

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """
        Send our half of the close, and wait for the peer's on our own clock.
        """
        if self.failedByMe and self.trouble is None:
            if code == 1009:
                # Found while inflating; Autobahn names its own bound, which is off.
                reasonUtf8 = self._bounds.trouble().encode()
            self._failed(f"{code}: {(reasonUtf8 or b'').decode()}")
        wasOpen = self.state == self.STATE_OPEN
        super().sendCloseFrame(code, reasonUtf8, isReply)
        if wasOpen:
            self._deaf = True
            self._wait(self._limits.closeTimeout, self.onCloseHandshakeTimeout)
            self._readOn()

    def onCloseHandshakeTimeout(self) -> None:
        """
        The peer's half didn't come.
        """
        self._failed(f"the {self._other} didn't answer the close")
        self.dropConnection(abort=False)

    def dropConnection(self, abort: bool = False) -> None:
        """
        End TCP.

        In place of Autobahn's, which ends a finished closing handshake with a RST, and waits
        without end for a peer that takes no more bytes.
        """
        if self.state == self.STATE_CLOSED:
            return
        if self.failedByMe:
            self._failed(f"the {self._other} broke the framing while it should close")
        self.state = self.STATE_CLOSED
        self.droppedByMe = True
        self._dropProducer()
        if abort and not self.wasClean:
            self._deadline.cancel()
            self.transport.abortConnection()
        elif self._lastBytes is None:
            self._end(self._giveUp)
        self.is_closed.callback(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is over, and the handler hears how.
        """
        self._finishReading(reason)
        self._gone(reason)
        super().connectionLost(reason)
        # It was fired with the protocol: a cycle, which would keep what is not sent yet until
        # Python's collector runs.
        self.is_closed.addCallback(lambda _: None)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """
        Tell the handler; of a loss in the same words as on the other drafts.
        """
        super().onClose(wasClean, code, reason if wasClean else self._loss)

    def _leave(self) -> None:
        self.dropConnection()

    def _close(self, code: int | None, reason: str | None) -> None:
        if self.state == self.STATE_OPEN:
            reasonUtf8 = None if reason is None else clipped(reason, 123)
            self.sendCloseFrame(code, reasonUtf8)

    def _fail(self, code: int, trouble: str) -> None:
        """
        Fail the connection as Autobahn does, RFC 6455 §7.1.7.
        """
        self._failed(f"{code}: {trouble}")
        self.failedByMe = True
        self.sendCloseFrame(code, trouble.encode())

    def _isCounted(self, opcode: int) -> bool:
        """
        Whether something begins with this frame that may come only so often: what continues a
        message has bounds of its own, and after a close there is nothing.
        """
        return opcode != _CLOSE and (opcode != _CONTINUATION or self._limits.frames)

    def _isWithin(self, count: Callable[[Meter], None]) -> bool:
        """
        Count, and drop a peer that brings too much: who floods us is not read until it answers.
        """
        assert self._meter is not None, "asked before"
        try:
            count(self._meter)
        except FrameError as error:
            self._fail(error.code, str(error))
            self.dropConnection()
            return False
        return True

    # Keepalive.

    def _silent(self) -> None:
        if self._isHeldBack:
            self._pinged = False
            self._waitOn(self._limits.pingInterval)
            return
        if self._pinged:
            self._failed(f"the {self._other} didn't answer a ping")
            self.dropConnection(abort=True)
            return
        self._pinged = True
        self.sendPing()
        self._deadline.set(self._limits.pingTimeout, self._silent)
