"""
The opening handshake between an old client's and Autobahn's: asked in version 13, answered back.
"""

from collections.abc import Collection

from autobahn.websocket.types import ConnectionDeny

from wsfallback.drafts.table import Draft
from wsfallback.handshake import isReserved
from wsfallback.request import Request

#: Bytes of the head of Autobahn's answer, the application's fields in it.
MAX_ANSWER = 1 << 16

#: RFC 6455 §4.1 item 7 has 16 bytes in it, §4.2.2 has them proven read. Both ends are ours.
_KEY = b"A" * 22 + b"=="
#: Autobahn takes it for the end of a line, so no field may hold it.
_NEXT_LINE = b"\x85"


def isServed(request: Request, draft: Draft, versions: Collection[int]) -> bool:
    """
    Whether Autobahn serves a client by itself.

    :param versions: those that the factory takes.
    """
    return (
        draft.version in versions
        and len(request.get(b"sec-websocket-key") or b"") == len(_KEY)
        and not _lacksScheme(request.get(draft.originField) or b"null")
        and not any(_NEXT_LINE in value for _, value in request.fields)
    )


def handshake(request: Request, draft: Draft, protocols: list[str], isSecure: bool) -> bytes:
    """
    The client's opening handshake in version 13: its own target and fields, but for those that
    are the handshake's.

    :param protocols: those that it offers. A list of them is no member of one.
    :param isSecure: whether it came by TLS.
    """
    lines = [
        b"GET " + request.resource + b" HTTP/1.1",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: " + _KEY,
    ]
    origin = request.get(draft.originField)
    if origin:
        if _lacksScheme(origin):
            # Old Python clients leave it out, and Autobahn refuses them.
            origin = (b"https://" if isSecure else b"http://") + origin
        lines.append(b"Origin: " + origin)
    offered = ", ".join(each for each in protocols if "," not in each)
    if offered:
        lines.append(b"Sec-WebSocket-Protocol: " + offered.encode("ascii"))
    for name, value in request.fields:
        isOurs = name == b"origin" or isReserved(name.decode("ascii"))
        if not isOurs and _NEXT_LINE not in value:
            lines.append(name + b": " + value.strip(b" \t"))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def acceptance(head: bytes) -> tuple[str | None, dict[str, list[str]]]:
    """
    Autobahn's answer as that of a handler: the subprotocol, and the application's own fields.

    That it proves our key read is not looked at: both ends are in memory.

    :param head: without its blank line.
    :raises ConnectionDeny: it is no 101; with its status, or 500 where that refuses nothing.
    """
    line, *lines = head.decode("latin-1").split("\r\n")
    status, _, phrase = line.partition(" ")[2].partition(" ")
    if status != "101":
        isRefusal = status.isdecimal() and 300 <= int(status) <= 599
        reason = phrase.encode("latin-1").decode("utf-8", "replace")
        raise ConnectionDeny(int(status) if isRefusal else 500, reason)
    protocol: str | None = None
    fields: dict[str, list[str]] = {}
    for each in lines:
        name, _, value = each.partition(":")
        if name.lower() == "sec-websocket-protocol":
            protocol = value.strip()
        elif not isReserved(name):
            fields.setdefault(name, []).append(value.strip())
    return protocol, fields


def _lacksScheme(origin: bytes) -> bool:
    """
    Whether an origin is ``host:port`` or the like; ``null`` has no scheme to lack.
    """
    return b"://" not in origin and origin.lower() != b"null"
