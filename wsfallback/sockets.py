"""
What the socket of every connection is told, where there is one.
"""

from twisted.internet.interfaces import ITCPTransport, ITransport


def setSocketOptions(transport: ITransport, nagle: bool) -> None:
    """
    Have TCP notice a peer that has vanished, and send small writes at once.

    :param nagle: let it collect them instead.
    """
    if ITCPTransport.providedBy(transport):
        try:
            transport.setTcpKeepAlive(True)
            transport.setTcpNoDelay(not nagle)
        except OSError:
            # Twisted's UNIX sockets provide ITCPTransport too, and have no Nagle.
            pass
