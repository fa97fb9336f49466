"""
`InterimProtocol`: has a connection until another protocol takes its place.

Theory of operation. Who is to have a connection is known when its first bytes have been read, at
the server's end and at the client's. By then the transport has a protocol, the interim one, which
can't be exchanged: to replace ``transport.protocol`` works on plain TCP alone, and under TLS or a
PROXY wrapper fails without a word. So what the transport calls is exchanged instead: the methods
of the chosen protocol become attributes of the interim one, and hide its own. A read reaches the
chosen protocol directly. Only the end of the connection still comes by the interim one, which
undoes all this and passes it on.
"""

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, ILoggingContext
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

#: What is taken over, beside ``dataReceived``, from a protocol that provides the interface.
_OPTIONAL = {
    ILoggingContext: ("logPrefix",),
    IHalfCloseableProtocol: ("readConnectionLost", "writeConnectionLost"),
}


@implementer(IHalfCloseableProtocol)
class InterimProtocol(Protocol):
    """
    Has a connection until it is known who is to have it.
    """

    transport: Any

    _chosen: Any = None
    _taken: tuple[str, ...] = ()

    def readConnectionLost(self) -> None:
        """
        The peer has ended its half of TCP: send what is written, and end ours.

        As much as a protocol needs that knows nothing of halves: plain HTTP.
        """
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """
        Our half has ended, as we wanted.
        """

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Tell the protocol that has taken our place, if there is one.
        """
        # Under TLS the transport keeps us; we are not to keep whom we gave it to.
        chosen, self._chosen = self._chosen, None
        for name in self._taken:
            delattr(self, name)
        self._taken = ()
        if chosen is not None:
            chosen.connectionLost(reason)

    def _giveWay(self, chosen: Any) -> None:
        """
        Have a protocol take our place.

        :param chosen: has been given our transport.
        """
        self._chosen = chosen
        self._taken = ("dataReceived",)
        for interface, names in _OPTIONAL.items():
            if interface.providedBy(chosen):
                self._taken += names
        for name in self._taken:
            # Methods, and replaced all the same: mypy would rightly object to an assignment.
            setattr(self, name, getattr(chosen, name))
