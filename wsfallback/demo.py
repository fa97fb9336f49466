"""
What the command serves when it is told nothing else: two handlers, and a page to try them.
"""

from importlib.resources import files

from autobahn.websocket.types import ConnectionRequest
from twisted.web.resource import Resource
from twisted.web.server import Request

from wsfallback.errors import ChannelError
from wsfallback.handlers import MessageHandler

#: Where the page asks which draft it was served with.
DRAFT_PATH = "/-/draft"


class AnySubprotocol(MessageHandler):
    """
    Accepts the subprotocol that the client likes best, whatever it is.
    """

    def onConnect(self, request: ConnectionRequest) -> str | None:
        """
        The first one offered: a hixie client that asked for one hangs up without it.
        """
        return next(iter(request.protocols), None)


class Echo(AnySubprotocol):
    """
    Sends every message back to its client.
    """

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Back.
        """
        self.sendMessage(payload, isBinary)


class DraftName(AnySubprotocol):
    """
    Tells its client which draft it was served with, and closes.
    """

    def onOpen(self) -> None:
        """
        Tell.
        """
        self.sendMessage(self.draft.name.encode("ascii"))

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        The client has it.
        """
        self.sendClose(1000)


class Broadcast:
    """
    A handler factory whose handlers send every message to every other client, across drafts.

    A binary message doesn't reach the clients whose draft has only text.
    """

    def __init__(self) -> None:
        self.open: set[BroadcastHandler] = set()

    def __call__(self) -> "BroadcastHandler":
        """
        A handler for one more client.
        """
        return BroadcastHandler(self)


class BroadcastHandler(AnySubprotocol):
    """
    One client among others.
    """

    def __init__(self, group: Broadcast) -> None:
        self._group = group

    def onOpen(self) -> None:
        """
        Join.
        """
        self._group.open.add(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        To all others that can have it.
        """
        for other in list(self._group.open):
            if other is self or (isBinary and not other.draft.binary):
                continue
            try:
                other.sendMessage(payload, isBinary)
            except ChannelError:
                # It is closing; its end is not the sender's trouble.
                self._group.open.discard(other)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        Leave.
        """
        self._group.open.discard(self)


class DemoPage(Resource):
    """
    A page that lets any browser since 2009 talk to the server.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._page = files("wsfallback").joinpath("demo.html").read_bytes()

    def render_GET(self, request: Request) -> bytes:
        """
        The page at ``/``, nothing elsewhere.
        """
        if request.path != b"/":
            request.setResponseCode(404)
            request.setHeader(b"content-type", b"text/plain; charset=utf-8")
            return b"There is only / here.\n"
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        return self._page
