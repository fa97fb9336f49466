"""
What Autobahn's engine is told: its options, and the one request that it gets of each client.

Never the client's own bytes: its reader is laxer than ours, and stricter where old clients need
it not to be (version 7, keys of 15 bytes, origins without a scheme).
"""

from collections.abc import Iterator
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from twisted.internet.interfaces import IReactorTime

from wsfallback.drafts.table import HYBI_10, RFC_6455
from wsfallback.handshake import extensions
from wsfallback.policy import Limits
from wsfallback.request import Request

_DEFLATE = "permessage-deflate"


class Silent:
    """
    Takes the place of Autobahn's logger: a connection that fails has its one line from us.
    """

    def _nothing(self, *arguments: object, **fields: object) -> None:
        pass

    trace = debug = info = warn = error = failure = critical = _nothing


class EngineFactory(WebSocketServerFactory):
    """
    What Autobahn wants to be told, once for all connections.
    """

    log = Silent()

    def __init__(self, limits: Limits, clock: IReactorTime) -> None:
        super().__init__(server="", reactor=clock)  # type: ignore[no-untyped-call]
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            webStatus=False,
            # Bounds are ours: its own counts a deflated message as it is on the wire.
            maxMessagePayloadSize=0,
            maxFramePayloadSize=0,
            failByDrop=False,
            echoCloseCodeReason=True,  # RFC 6455 §5.5.1; browsers report the code that comes back
            tcpNoDelay=not limits.nagle,
            allowNullOrigin=True,
            perMessageCompressionAccept=_acceptDeflate,
            # Deadlines are ours, on the clock that we were given.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=0,
            autoPingInterval=0,
        )


def _acceptDeflate(offers: list[Any]) -> Any:
    """
    Accept the first offer; none other than permessage-deflate is passed on to Autobahn.
    """
    return PerMessageDeflateOfferAccept(offers[0])


def offeredProtocols(request: Request) -> list[str]:
    """
    The subprotocols that a client offers, in its order, each once.
    """
    members = request.members(b"sec-websocket-protocol")
    return list(dict.fromkeys(member.decode("ascii") for member in members))


def engineRequest(request: Request, limits: Limits) -> bytes:
    """
    The opening handshake that Autobahn gets.
    """
    version = RFC_6455.version
    if request.get(b"sec-websocket-version") != b"%d" % version:
        version = HYBI_10.version  # hybi-07 has hybi-10's wire
    lines = [
        "GET / HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Version: {version}",
        f"Sec-WebSocket-Key: {'A' * 22}==",
    ]
    protocols = offeredProtocols(request)
    if protocols:
        lines.append(f"Sec-WebSocket-Protocol: {', '.join(protocols)}")
    offers = list(_deflateOffers(request)) if limits.compress else []
    if offers:
        lines.append(f"Sec-WebSocket-Extensions: {', '.join(offers)}")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n"


def _deflateOffers(request: Request) -> Iterator[str]:
    """
    The client's offers of permessage-deflate that can be accepted.

    RFC 7692 §7.1 has a server decline an offer that it doesn't understand; Autobahn refuses the
    whole handshake for it.
    """
    for name, parameters in extensions(request):
        if name == _DEFLATE:
            try:
                offer = PerMessageDeflateOffer.parse(parameters)
                PerMessageDeflateOfferAccept(offer)
            except Exception:  # Autobahn's parser raises just that
                continue
            pairs = [
                key if value is True else f"{key}={value}" for key, (value,) in parameters.items()
            ]
            yield "; ".join([_DEFLATE, *pairs])
