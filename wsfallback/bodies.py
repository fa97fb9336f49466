"""
`ShortBodies`: a connection of twisted.web's, for sites that have no use for what requests carry.
"""

from twisted.web.http import HTTPChannel

#: Bytes of a request's body: more than any form has that was sent to the wrong server.
MAX_BODY = 65536


class ShortBodies(HTTPChannel):
    """
    Refuses a request whose body is longer than `MAX_BODY`, with what stands between its chunks.

    Twisted's own keeps as much as a client sends, in the directory of temporary files.
    """

    _came = 0

    def allHeadersReceived(self) -> None:
        """
        Count anew.
        """
        self._came = 0
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:
        """
        Some of a body. Under TLS more may come when we have left.
        """
        wasWithin = self._came <= MAX_BODY
        self._came += len(data)
        if self._came <= MAX_BODY:
            super().rawDataReceived(data)
        elif wasWithin:
            assert self.transport is not None
            self.transport.write(
                b"HTTP/1.1 413 Request Entity Too Large\r\n"
                b"Connection: close\r\nContent-Length: 0\r\n\r\n"
            )
            self.loseConnection()  # type: ignore[no-untyped-call]
