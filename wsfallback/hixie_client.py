"""
`HixieClientProtocol`: the client's end of a hixie connection.
"""

from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer

from wsfallback.commission import ClientForwarding
from wsfallback.hixie_connection import HixieConnection, Stage
from wsfallback.interfaces import IClientChannel, IMessageHandler


@implementer(IHalfCloseableProtocol, IMessageHandler, IClientChannel)
class HixieClientProtocol(ClientForwarding, HixieConnection):
    """
    The client's end of one connection with a hixie server. Its frames are the server's own.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        A segment of the server's.
        """
        if self._stage in (Stage.OPEN, Stage.CLOSING):
            self._read(data)
        elif self._stage is not Stage.LEAVING:
            self._hold(data)

    def _begin(self) -> None:
        self._framing = self._makeFraming()
        self._opens(self._release())
