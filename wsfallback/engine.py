"""
What Autobahn's engine is told: its options, and the one request that it gets of each client, or
the one answer of each server.

Never the client's own bytes: its reader is laxer than ours, and stricter where old clients need
it not to be (version 7, keys of 15 bytes, origins without a scheme).
"""

from collections.abc import Iterator
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketServerFactory
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)
from twisted.internet.interfaces import IReactorTime

from wsfallback.drafts.asking import Answer
from wsfallback.drafts.rfc6455 import accept
from wsfallback.drafts.table import HYBI_10, RFC_6455
from wsfallback.errors import AnswerError
from wsfallback.handshake import extensions
from wsfallback.policy import Limits
from wsfallback.request import Request

#: What Autobahn has of a key, at either end: nothing is proved by it.
ENGINE_KEY = b"A" * 22 + b"=="

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
            allowNullOrigin=True,
            perMessageCompressionAccept=_acceptDeflate,
            **_options(limits),
        )


class ClientEngineFactory(WebSocketClientFactory):
    """
    The same at the client's end.
    """

    log = Silent()

    def __init__(self, limits: Limits, clock: IReactorTime) -> None:
        super().__init__(reactor=clock)  # type: ignore[no-untyped-call]
        self.setProtocolOptions(  # type: ignore[no-untyped-call]
            perMessageCompressionAccept=PerMessageDeflateResponseAccept,
            serverConnectionDropTimeout=0,
            **_options(limits),
        )


def _options(limits: Limits) -> dict[str, Any]:
    return {
        # Bounds are ours: its own counts a deflated message as it is on the wire.
        "maxMessagePayloadSize": 0,
        "maxFramePayloadSize": 0,
        "failByDrop": False,
        "echoCloseCodeReason": True,  # RFC 6455 §5.5.1; browsers report the code that comes back
        "tcpNoDelay": not limits.nagle,
        # Deadlines are ours, on the clock that we were given.
        "openHandshakeTimeout": 0,
        "closeHandshakeTimeout": 0,
        "autoPingInterval": 0,
    }


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
        f"Sec-WebSocket-Key: {ENGINE_KEY.decode('ascii')}",
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
            yield _deflateMember(parameters)


def _deflateMember(parameters: dict[str, list[Any]]) -> str:
    """
    A member of ``Sec-WebSocket-Extensions``: the parameters as Autobahn's parsers have let them by.
    """
    pairs = [key if value is True else f"{key}={value}" for key, (value,) in parameters.items()]
    return "; ".join([_DEFLATE, *pairs])


def engineAnswer(answer: Answer, limits: Limits) -> bytes:
    """
    The answer that Autobahn gets as a client.

    :raises AnswerError: the server chose an extension that wasn't offered, or can't be.
    """
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept(ENGINE_KEY),
    ]
    chosen = extensions(answer.response)
    if chosen:
        # RFC 6455 §4.1, the client's checks, item 5; RFC 7692 §7.1.
        name, parameters = chosen[0]
        try:
            if len(chosen) > 1 or name != _DEFLATE or not limits.compress:
                raise ValueError("it wasn't offered")
            PerMessageDeflateResponseAccept(PerMessageDeflateResponse.parse(parameters))
        except Exception as error:  # Autobahn's parser raises just that
            raise AnswerError(
                f"The server chose an impossible extension ({error})",
                answer.extensions,
                answer.response,
            ) from None
        lines.append(f"Sec-WebSocket-Extensions: {_deflateMember(parameters)}".encode("latin-1"))
    return b"\r\n".join(lines) + b"\r\n\r\n"
