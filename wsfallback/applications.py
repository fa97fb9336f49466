"""
What serves a path: your handlers, or an application that was written for something else.
"""

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IAddress, IProtocolFactory, IReactorTime
from zope.interface import Interface, implementer

from wsfallback.crowd import Place
from wsfallback.deadline import Deadline
from wsfallback.drafts.table import Draft
from wsfallback.handlers import HandlerFactory, checkedHandler
from wsfallback.policy import Limits
from wsfallback.record import Record
from wsfallback.request import Request


class IApplication(Interface):
    """
    What serves the connections of a path.
    """

    def wholeFor(request: Request, draft: Draft) -> IProtocolFactory | None:
        """
        Who takes a connection as it is, with every byte of it from the first.

        :returns: a factory; or `None`, and the connection is ours, with a handler.
        """

    def handlerFor(admission: "Admission") -> Any:
        """
        An `IMessageHandler` for a connection that is ours.
        """

    def doStart() -> None:
        """
        As `twisted.internet.interfaces.IProtocolFactory.doStart`.
        """

    def doStop() -> None:
        """
        As `twisted.internet.interfaces.IProtocolFactory.doStop`.
        """


@dataclass(frozen=True, slots=True)
class Admission:
    """
    What the server has decided on a request before a protocol gets it.

    :ivar application: makes the connection's handler.
    :ivar address: of who is at the other end of TCP.
    :ivar peer: the client, as Autobahn writes it: ``tcp4:192.0.2.7:52914``; behind a proxy that is
        trusted as that says it.
    :ivar isSecure: it came by TLS, here or at a proxy that is trusted.
    :ivar prefix: what a proxy has taken from the beginning of the client's path.
    :ivar deadline: runs since the connection was made.
    :ivar record: where to note what becomes of it.
    :ivar place: its own among all connections.
    """

    draft: Draft
    request: Request
    application: IApplication
    address: IAddress
    peer: str
    isSecure: bool
    limits: Limits
    clock: IReactorTime
    deadline: Deadline
    record: Record
    place: Place
    prefix: bytes = b""


@implementer(IApplication)
class Handlers:
    """
    An application of ours: a handler for each connection.
    """

    def __init__(self, make: HandlerFactory) -> None:
        self._make = make

    def wholeFor(self, request: Request, draft: Draft) -> IProtocolFactory | None:
        """
        No connection is anyone else's.
        """
        return None

    def handlerFor(self, admission: Admission) -> Any:
        """
        A new handler.
        """
        return self._make()

    def doStart(self) -> None:
        """
        Nothing to do.
        """

    def doStop(self) -> None:
        """
        Nothing to do.
        """


class FactoryApplication:
    """
    What applications have alike that are a Twisted factory: it is started and stopped with ours.
    """

    factory: Any

    def doStart(self) -> None:
        """
        The factory is served with us.
        """
        self.factory.doStart()

    def doStop(self) -> None:
        """
        And stops with us.
        """
        self.factory.doStop()


def applicationOf(handler: Any) -> IApplication:
    """
    What serves a path, of what was given for it: handlers, or an application as it is.

    :raises TypeError: it is neither.
    """
    if IApplication.providedBy(handler):
        return handler
    return Handlers(checkedHandler(handler))
