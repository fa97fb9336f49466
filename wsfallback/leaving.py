"""
How a connection ends on our side: what is written is sent, and no peer can keep it open.
"""

from collections.abc import Callable

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport, ITCPTransport, ITransport
from twisted.python.failure import Failure
from zope.interface import Interface

from wsfallback.deadline import Deadline

#: What peers are told when the server stops.
STOPPING = "The server is shutting down"


class IGoing(Interface):
    """
    A protocol that can be told to end its connection in order.
    """

    def goAway() -> None:
        """
        The server stops: finish what has begun, tell the peer, and leave.
        """


def leave(
    transport: ITransport,
    deadline: Deadline,
    seconds: float,
    late: Callable[[], object] | None = None,
) -> None:
    """
    Send what is written and then a FIN, and give the peer a while to do the same.

    Closing a socket with unread bytes in it makes the kernel send a RST, which can destroy at
    the peer what it had not read yet: the answer that says what was wrong. So where TCP can, we
    close our half only and read on; the caller discards what still comes.
    Under TLS half a close does not exist, and the TCP half below it must not be touched.

    :param seconds: after this the connection is aborted.
    :param late: called then instead, to abort it.
    """
    if ITCPTransport.providedBy(transport) and not ISSLTransport.providedBy(transport):
        transport.loseWriteConnection()
    else:
        transport.loseConnection()
    deadline.set(seconds, late or (lambda: abort(transport)))


def abort(transport: ITransport) -> None:
    """
    End a connection at once, without what is not sent yet.
    """
    # IProcessTransport and some doubles lack it; they end with loseConnection alone.
    getattr(transport, "abortConnection", transport.loseConnection)()


def loss(wasClean: bool, reason: str | None) -> Failure:
    """
    The end of a connection by Twisted's names, of what ``onClose`` says.
    """
    return Failure(ConnectionDone() if wasClean else ConnectionLost(reason or ""))
