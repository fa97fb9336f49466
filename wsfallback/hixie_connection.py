"""
`HixieConnection`: what is done with a hixie connection once it is open, at either end.
"""

from collections.abc import Iterator
from enum import Enum

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from wsfallback.drafts.hixie75 import Framing
from wsfallback.errors import FrameError, NotOpen, UnsupportedByDraft
from wsfallback.events import Closing, Event, Text
from wsfallback.flow import OVERRUN
from wsfallback.forwarding import Forwarding
from wsfallback.outgoing import checkedMessage


class Stage(Enum):
    """
    How far a connection has come.
    """

    DECIDING = "the handler has not decided yet"
    ANSWERING = "the client's part of the challenge is awaited"
    OPEN = "open"
    CLOSING = "our half of the close is sent, the peer's awaited"
    LEAVING = "nothing is sent or read any more; TCP ends"


@implementer(IHalfCloseableProtocol)
class HixieConnection(Forwarding, Protocol):
    """
    One end of a connection: frames, and how it ends.
    """

    _stage = Stage.DECIDING
    _peerClosed = _weClosed = False
    _isGoing = False
    _events: Iterator[Event] = iter(())
    _framing: Framing

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The connection is over, and the handler hears how.

        To end TCP is the only close that hixie-75 has, and all that WebKits before 2011 do on
        hixie-76: between two frames, or after our close, that is a clean one.
        """
        self._finishReading(reason)
        clean = self._peerClosed or (
            self._wasOpened
            and reason.check(ConnectionDone) is not None
            and (self._weClosed or self._framing.atBoundary)
        )
        self._stage = Stage.LEAVING
        self._gone(reason)
        if clean:
            self.onClose(True, None, None)
        else:
            self.onClose(False, 1006, self._loss)

    def sendMessage(self, payload: bytes, isBinary: bool = False) -> None:
        """
        Send a text message as one frame, in one write.
        """
        if self._stage is not Stage.OPEN:
            raise NotOpen("the connection is not open")
        if isBinary:
            raise UnsupportedByDraft(f"{self.draft.name} has no binary messages")
        checkedMessage(payload, False)
        if self._admits(len(payload)):
            self._write(self._framing.text(payload))

    # Open.

    def _opens(self, rest: bytes) -> None:
        """
        From now on there are frames.

        :param rest: the first of them, so far as they have come.
        """
        self._stage = Stage.OPEN
        self._deadline.set(self._limits.idleTimeout, self._silent)
        self.onOpen()
        self._read(rest)

    def _makeFraming(self) -> Framing:
        limits, framing = self._limits, self.draft.framing
        assert framing is not None, "the row is Autobahn's"
        return framing(
            min(limits.maxMessage, limits.maxFrame),
            limits.maxSkipped,
            limits.invalidText == "replace",
        )

    def _read(self, data: bytes) -> None:
        if self._hasLeft():
            return
        if self._stage is Stage.OPEN:
            self._deadline.restart()
        try:
            if self._meter is not None:
                self._meter.came(len(data))
            if self._isOverrun(len(self._held) + len(data)):
                raise FrameError(1009, OVERRUN)
        except FrameError as error:
            self._fail(error)
            return
        self._held += data
        self._goOn()

    def _goOn(self) -> None:
        if self._isGoing:
            return
        self._isGoing = True
        self._turnBegins()
        try:
            # What is behind an end of ours is not read, be it in the same segment.
            while not (self._hasLeft() or self._holdsBack()) and self._step():
                pass
        except FrameError as error:
            self._fail(error)
        finally:
            self._isGoing = False

    def _step(self) -> bool:
        """
        Take one event.

        :returns: whether there may be another.
        """
        event = next(self._events, None)
        if event is not None:
            self._take(event)
        elif self._held:
            self._events = self._framing.feed(self._release())
        else:
            return False
        return True

    def _take(self, event: Event) -> None:
        if self._meter is not None and not isinstance(event, Closing):
            self._meter.begun()
        if isinstance(event, Text):
            # A message is one frame in these drafts.
            if self._limits.frames:
                self.onFrame(event.payload, False, True)
            else:
                self.onMessage(event.payload, False)
        elif isinstance(event, Closing):
            self._peerClosed = True
            self._deaf = True
            self._bye()
            self._leave()

    # Closing.

    def _close(self, code: int | None, reason: str | None) -> None:
        if self._stage is not Stage.OPEN:
            return
        self._weClosed = True
        self._bye()
        if self._framing.close():
            self._wait(self._limits.closeTimeout, self._unanswered)
            self._readOn()
        else:
            self._leave()

    def _fail(self, error: FrameError) -> None:
        self._failed(str(error))
        self._bye()
        self._leave()

    def _bye(self) -> None:
        """
        Our half of the close, once.
        """
        if self._stage is Stage.OPEN:
            self._stage = Stage.CLOSING
            self._write(self._framing.close())

    def _silent(self) -> None:
        if self._isHeldBack:
            self._waitOn(self._limits.idleTimeout)
            return
        self._failed(f"nothing was heard for {self._limits.idleTimeout:g} s")
        self._close(None, None)

    def _unanswered(self) -> None:
        self._failed(f"the {self._other} didn't answer the close")
        self._leave()

    def _hasLeft(self) -> bool:
        return self._stage is Stage.LEAVING

    def _leave(self) -> None:
        if not self._hasLeft():
            self._stage = Stage.LEAVING
            self._dropProducer()
            if self._lastBytes is None:
                self._end(self._abort)

    def _abort(self) -> None:
        if not self._peerClosed:
            self._failed(f"the {self._other} didn't let the connection end")
        self._giveUp()
