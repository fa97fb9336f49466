"""
The opening handshake between Autobahn's types and ours: what a handler is asked, what it answers.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from autobahn.websocket.types import ConnectionRequest, ConnectionResponse

from wsfallback.drafts.asking import Answer
from wsfallback.drafts.table import Draft
from wsfallback.errors import HandshakeError, phrase
from wsfallback.head import TOKEN_TEXT, VALUE_TEXT, Head
from wsfallback.request import Request

#: What a handler decides on a request: the subprotocol, and more fields for the answer.
Acceptance = tuple[str | None, tuple[tuple[str, str], ...]]

#: The handshake's own fields.
_RESERVED = re.compile(
    r"(sec-)?websocket-.*|upgrade|connection|content-length|transfer-encoding", re.IGNORECASE
)


def connectionRequest(
    request: Request, draft: Draft, peer: str, protocols: list[str]
) -> ConnectionRequest:
    """
    The request as the handler sees it, built alike for all drafts in Autobahn's type.
    """
    headers = _headers(request)
    host = headers.get("host", "")
    path, _, query = request.resource.decode("ascii").partition("?")
    return ConnectionRequest(
        peer=peer,
        headers=headers,
        host=re.sub(r":[0-9]*\Z", "", host),
        path=path,
        params=parse_qs(query),
        version=draft.version,
        # Where it is missing Autobahn has the empty string.
        origin=(request.get(draft.originField) or b"").decode("latin-1"),
        protocols=protocols,
        extensions=extensions(request),
    )


def connectionResponse(answer: Answer, draft: Draft, peer: str) -> ConnectionResponse:
    """
    A server's answer as the handler sees it, built alike for all drafts in Autobahn's type.
    """
    return ConnectionResponse(
        peer=peer,
        headers=_headers(answer.response),
        version=draft.version,
        protocol=answer.protocol,
        extensions=[name for name, _ in extensions(answer.response)],
    )


def _headers(head: Head) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, _ in head.fields:
        text = name.decode("ascii")
        if text not in headers:
            # RFC 9113 §8.2.3: the one field whose values are not joined by commas.
            separator = b"; " if text == "cookie" else b", "
            headers[text] = separator.join(head.all(name)).decode("latin-1")
    return headers


def extensions(head: Head) -> list[tuple[str, dict[str, list[Any]]]]:
    """
    The extensions that a client offers or a server chose, in Autobahn's form: name and parameters.

    RFC 6455 §9.1: ``name; parameter; parameter=value``; a parameter without a value is `True`.
    """
    offered = []
    for member in head.members(b"sec-websocket-extensions"):
        name, *pairs = (part.strip() for part in member.decode("latin-1").split(";"))
        parameters: dict[str, list[Any]] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            parameters.setdefault(key.strip().lower(), []).append(
                value.strip().strip('"') if equals else True
            )
        offered.append((name.lower(), parameters))
    return offered


def acceptance(result: Any, request: ConnectionRequest) -> Acceptance:
    """
    What a handler's ``onConnect`` gave, checked.

    :raises ValueError: nothing that could be sent.
    """
    protocol, headers = result if isinstance(result, tuple) else (result, None)
    if protocol is not None and protocol not in request.protocols:
        raise ValueError(f"onConnect chose {protocol!r} of {request.protocols!r}")
    return protocol, tuple(_checkedFields(headers or {}))


def _checkedFields(headers: Mapping[str, str | Iterable[str]]) -> Iterable[tuple[str, str]]:
    """
    :raises ValueError: a field that could change the answer.
    """
    for name, values in headers.items():
        if not isToken(name) or isReserved(name):
            raise ValueError(f"{name!r} is no field that a handler may add to the answer")
        for value in [values] if isinstance(values, str) else values:
            if not VALUE_TEXT.fullmatch(value):
                raise ValueError(f"{value!r} is no value for the field {name}")
            yield name, value


def isToken(text: str) -> bool:
    """
    Whether a text can be the name of a field or of a subprotocol: a token, RFC 9110 §5.6.2.
    """
    return TOKEN_TEXT.fullmatch(text) is not None


def isReserved(name: str) -> bool:
    """
    Whether a field is the handshake's own, and means nothing outside of its connection.
    """
    return _RESERVED.fullmatch(name) is not None


def denial(status: int, reason: str | None) -> HandshakeError:
    """
    A handler's refusal as what the wire says: its reason, or that of the status.
    """
    return HandshakeError(status, reason or phrase(status))
