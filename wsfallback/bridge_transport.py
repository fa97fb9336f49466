"""
`BridgeTransport`: that on which an Autobahn protocol believes to talk to a client of version 13.
"""

from typing import Any

from twisted.internet.interfaces import IReactorTime

from wsfallback.inner import InnerTransport
from wsfallback.interfaces import IMessageChannel


class BridgeTransport(InnerTransport):
    """
    In memory, as far as it goes: addresses and flow are the real transport's.
    """

    def __init__(
        self, channel: IMessageChannel, protocol: Any, clock: IReactorTime, bridge: Any
    ) -> None:
        """
        :param bridge: gets what the application writes, and hears when it leaves.
        """
        super().__init__(channel, protocol, clock)
        self._bridge = bridge

    def isReady(self) -> bool:
        """
        While Autobahn decides it takes whatever comes for another handshake.
        """
        protocol: Any = self._protocol
        return bool(protocol.state != protocol.STATE_CONNECTING)

    def write(self, data: bytes) -> None:
        """
        Something of the application's.
        """
        self._bridge.written(data)

    def loseConnection(self) -> None:
        """
        The application is done.
        """
        self._leave(False)

    def abortConnection(self) -> None:
        """
        The application is done, and at once.
        """
        self._leave(True)

    def _leave(self, aborted: bool) -> None:
        if not self.disconnecting:
            self.disconnecting = True
            self._bridge.left(aborted)
