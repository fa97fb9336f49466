"""
Any Twisted factory as WebSocket: each message's payload is received, each write is a message.

What carries the bytes, of what the client asks for, is in `wsfallback.carriers`.
"""

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory
from zope.interface import implementer

from wsfallback.applications import Admission, FactoryApplication, IApplication
from wsfallback.drafts.table import Draft
from wsfallback.request import Request
from wsfallback.stream_connection import StreamConnection


@implementer(IApplication)
class StreamApplication(FactoryApplication):
    """
    Any Twisted factory, for all drafts.
    """

    def __init__(self, factory: Factory, binary: bool) -> None:
        """
        :raises TypeError: it builds no protocols.
        """
        if not (IProtocolFactory.providedBy(factory) or hasattr(factory, "buildProtocol")):
            raise TypeError(f"{factory!r} is no factory of protocols")
        self.factory = factory
        self.isBinary = binary

    def wholeFor(self, request: Request, draft: Draft) -> IProtocolFactory | None:
        """
        No connection is the factory's: it knows nothing of WebSocket.
        """
        return None

    def handlerFor(self, admission: Admission) -> "Stream":
        """
        What stands between.
        """
        return Stream(self.factory, admission, self.isBinary)


class Stream(StreamConnection):
    """
    The server's end of one connection.
    """

    def __init__(self, factory: Factory, admission: Admission, isBinary: bool) -> None:
        super().__init__(admission.clock, admission.limits, isBinary)
        self._factory = factory
        self._address = admission.address

    def onConnect(self, request: ConnectionRequest) -> str | None:
        """
        Have a protocol built, and decide what carries its bytes.

        :returns: the subprotocol that says so, if one was asked for.
        """
        self.protocol = self._factory.buildProtocol(self._address)
        if self.protocol is None:
            raise ConnectionDeny(503, "Nobody is here now")
        return self.settle(request.protocols)
