"""
`UnreadRequest`: a request whose body nobody reads.
"""

from twisted.web.server import Request


class UnreadRequest(Request):
    """
    One for sites that only show something. Twisted's own keeps a body of any length, in a file from
    100,000 bytes on, before it asks the site.
    """

    def gotLength(self, length: int | None) -> None:
        """
        However much comes, there is room for none of it.
        """
        super().gotLength(0)  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:
        """
        Leave it.
        """
