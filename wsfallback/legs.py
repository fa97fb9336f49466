"""
The legs of a connection through the gateway: what comes on one is sent on the other.
"""

import binascii
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

from autobahn.websocket.types import ConnectionResponse
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from wsfallback.errors import ChannelError
from wsfallback.handlers import MessageHandler

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: Close codes that are not for the wire, as the other side is told them.
_TOLD = {1005: None, 1006: 1001}


@implementer(IPushProducer)
class _Pausing:
    """
    Has the reading of one leg pause while the other's send buffer is full.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def pauseProducing(self) -> None:
        self._channel.pauseReading()

    def resumeProducing(self) -> None:
        self._channel.resumeReading()

    def stopProducing(self) -> None:
        """
        The other leg is gone; its handler closes this one in order.
        """


class Leg(MessageHandler):
    """
    What both legs do alike.

    :ivar other: the other leg, as soon as there is one.
    :ivar inBase64: binary messages are base64 in text on this leg.
    """

    channel: Any
    other: "Leg | None" = None
    inBase64 = False
    isOpen = False
    isOver = False

    def onOpen(self) -> None:
        """
        From now on this leg takes what the other one has.
        """
        self.isOpen = True
        # The other leg is not read while this one is full; a message is never left out.
        self.channel.fullQueue = "close"

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        To the other leg.
        """
        if self.inBase64 and not isBinary:
            try:
                payload, isBinary = b64decode(payload, validate=True), True
            except binascii.Error:
                self._refuse("a message is not base64")
                return
        if self.other is not None:
            self.other.take(payload, isBinary)

    def take(self, payload: bytes, isBinary: bool) -> None:
        """
        Send what the other leg got.
        """
        if isBinary and self.inBase64:
            payload, isBinary = b64encode(payload), False
        if isBinary and not self.draft.binary:
            self._refuse(f"a binary message for {self.draft.name}, which has none")
            return
        # Where it is closing its end is told by onClose.
        with suppress(ChannelError):
            self.sendMessage(payload, isBinary)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        Close the other leg, after all that was sent on this one.
        """
        self.isOver = True
        other, self.other = self.other, None
        if other is not None:
            other.end(_TOLD.get(code, code), reason if code not in _TOLD else None)

    def end(self, code: int | None, reason: str | None) -> None:
        """
        The other leg is over.
        """
        self.other = None
        if self.isOpen and not self.isOver:
            self.sendClose(code, reason)

    def restrain(self, other: "Leg") -> None:
        """
        Have the other leg not read while this one's send buffer is full.
        """
        self.registerProducer(_Pausing(other.channel), True)

    def _refuse(self, trouble: str) -> None:
        """
        Close both legs: 1003, RFC 6455 §7.4.1.
        """
        _log.info("{peer}: {trouble}", peer=self.peer, trouble=trouble)
        other, self.other = self.other, None
        for leg in (self, other):
            if leg is not None:
                leg.end(1003, trouble)


class BackendLeg(Leg):
    """
    The backend's end of it.
    """

    _ended: Deferred[None] | None = None

    def __init__(self, client: Leg) -> None:
        self.other = client

    def onConnect(self, response: ConnectionResponse) -> None:  # type: ignore[override]
        """
        The backend has accepted.
        """

    def onOpen(self) -> None:
        """
        Read no more until the client's leg is open too.
        """
        super().onOpen()
        self.channel.pauseReading()

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        And who waits for it.
        """
        super().onClose(wasClean, code, reason)
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(None)

    def ended(self) -> Deferred[None]:
        """
        Wait for the backend's end of it; once.

        :returns: fires when this leg is over. To cancel it is to end it at once.
        """
        if self.isOver:
            return succeed(None)
        self._ended = Deferred(self._cut)
        return self._ended

    def _cut(self, ended: Deferred[None]) -> None:
        self._ended = None
        self.channel.transport.abortConnection()
