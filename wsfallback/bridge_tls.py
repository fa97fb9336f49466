"""
`SecuredTransport`: a `wsfallback.bridge_transport.BridgeTransport` for a client that came by TLS.
"""

from typing import Any

from OpenSSL.SSL import Connection
from twisted.internet.interfaces import ISSLTransport
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import alsoProvides

from wsfallback.bridge_transport import BridgeTransport


def isSecured(transport: Any) -> bool:
    """
    Whether a transport has of TLS what Autobahn asks for.
    """
    return isinstance(transport.getHandle(), Connection)


class SecuredTransport(BridgeTransport, TLSMemoryBIOProtocol):  # type: ignore[misc]
    """
    Says of TLS what the real transport says.

    Autobahn fills its ``transport_details`` for whatever provides `ISSLTransport`, and then fails
    unless that is an instance of Twisted's `TLSMemoryBIOProtocol`, of which it takes the handle.
    So this is one by name; all that it does is the base's, or the real transport's.
    """

    def __init__(self, *arguments: Any) -> None:
        # And not that of a TLS connection, which this isn't.
        BridgeTransport.__init__(self, *arguments)
        alsoProvides(self, ISSLTransport)

    def getHandle(self) -> Any:
        """
        The connection of OpenSSL, for its channel id.
        """
        return self._outer.getHandle()

    @property
    def negotiatedProtocol(self) -> Any:
        """
        What ALPN has agreed on.
        """
        return self._outer.negotiatedProtocol
