"""
`ClientForwarding`: what a client's end owes its handler besides: to be told what the server said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autobahn.twisted.util import peer2str
from autobahn.websocket.types import ConnectionRequest, ConnectionResponse
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from wsfallback.deadline import Deadline
from wsfallback.drafts.asking import Answer
from wsfallback.drafts.table import Draft
from wsfallback.errors import HandshakeError
from wsfallback.forwarding import Forwarding
from wsfallback.handshake import connectionResponse
from wsfallback.policy import Limits
from wsfallback.record import Traffic

# At module level, as in `wsfallback.forwarding`.
_log = Logger()


@dataclass(frozen=True, slots=True)
class Commission:
    """
    What a client has settled before a protocol gets the connection.

    :ivar request: what was asked, as the server's handler sees it; given the peer's address.
    :ivar handler: makes the connection's handler.
    :ivar deadline: runs since the attempt began.
    :ivar opened: to be called with the channel, when the handler has been told.
    :ivar failed: to be called with what the handler's `onConnect` failed with.
    """

    draft: Draft
    request: Callable[[str], ConnectionRequest]
    handler: Callable[[], Any]
    limits: Limits
    deadline: Deadline
    opened: Callable[[Any], None]
    failed: Callable[[Failure], None]


class ClientForwarding(Forwarding):
    """
    `Forwarding` at the client's end: the server has decided, and the handler hears of it.

    :ivar response: what the server answered.
    :ivar protocolInUse: the subprotocol that it chose, or `None`.
    :ivar cookies: the values of its ``Set-Cookie`` fields, which can't be joined to one.
    """

    _other = "server"
    _loss = "the server left during the handshake"

    response: ConnectionResponse
    protocolInUse: str | None = None
    cookies: tuple[str, ...] = ()

    def commissioned(self, commission: Commission) -> None:
        """
        Take what the client has settled.
        """
        self._commission = commission
        self._began(commission.draft, commission.limits, commission.deadline, Traffic())

    def opened(self, answer: Answer) -> None:
        """
        Begin: the transport is ours, and the server has accepted.
        """
        self.peer = peer2str(self.transport)
        self.request = self._commission.request(self.peer)
        self.response = connectionResponse(answer, self.draft, self.peer)
        self.protocolInUse = answer.protocol
        self.cookies = tuple(
            value.decode("latin-1") for value in answer.response.all(b"set-cookie")
        )
        for oddity in answer.oddities:
            _log.warn(
                "{peer} ({draft}): {oddity}", peer=self.peer, draft=self.draft.name, oddity=oddity
            )
        self._held += answer.rest
        self.onConnect(self.response).addCallbacks(self._told, self._untold)
        if not (self._wasOpened or self._abandoned):
            self.transport.pauseProducing()
            self._paused = True

    def onConnect(self, response: Any) -> Deferred[Any]:
        """
        Tell the handler, and wait until it has heard.

        :param response: a `ConnectionResponse`, where the interface, for servers, has a request.
        """
        self._deciding = maybeDeferred(self._ask, response)
        return self._deciding

    def onOpen(self) -> None:
        """
        Tell the handler, and then who has called `wsfallback.client.connect`.
        """
        super().onOpen()
        self._commission.opened(self)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """
        Tell the handler. What makes it may know it, as in the gateway, and would make a cycle.
        """
        super().onClose(wasClean, code, reason)
        del self._commission

    def _ask(self, response: ConnectionResponse) -> Any:
        return self._makeHandler(self._commission.handler).onConnect(response)

    def _told(self, _: object) -> None:
        self._decided()
        if not self._abandoned:
            self._begin()

    def _untold(self, failure: Failure) -> None:
        """
        The handler failed. Nothing is open yet, so there is no close but TCP's.
        """
        self._decided()
        if not self._abandoned:
            self._abandon()
            self.trouble = "the handler failed"
            self._commission.failed(failure)

    def _refuse(self, error: HandshakeError) -> None:
        """
        Give up: the server sends more than is kept while the handler is told.
        """
        self._abandon()
        self._failed("the server sent too much before it was heard")
        self.transport.abortConnection()

    def _begin(self) -> None:
        """
        Open the connection, and read what is held.
        """
        raise NotImplementedError
