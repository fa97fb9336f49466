"""
RFC 6455 and the drafts before it whose frames are Autobahn's: the server's half of the opening.

A whole opening handshake::

    GET /chat HTTP/1.1                           HTTP/1.1 101 Switching Protocols
    Host: server.example.com                     Upgrade: websocket
    Upgrade: websocket                           Connection: Upgrade
    Connection: Upgrade                          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==  Sec-WebSocket-Protocol: chat
    Origin: http://example.com
    Sec-WebSocket-Protocol: chat, superchat
    Sec-WebSocket-Version: 13

Source: "The WebSocket Protocol", RFC 6455, §1.3 and §4.2.2,
https://datatracker.ietf.org/doc/html/rfc6455; the same in draft-ietf-hybi-thewebsocketprotocol-07
to -17, but for the version and the name of the origin's field. Who speaks which is in the table.
"""

from base64 import b64encode
from hashlib import sha1

#: §1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def head(
    key: bytes,
    protocol: str | None,
    extensions: bytes | None,
    fields: tuple[tuple[str, str], ...],
) -> bytes:
    """
    The answer.

    §4.2.2 step 5. ``Upgrade`` in lower case: some clients of hybi-08 compare it.

    :param key: ``Sec-WebSocket-Key`` as sent; the answer proves that it was read, no more.
    :param protocol: one of those offered, or `None`.
    :param extensions: what was agreed on, as a field value, or `None`.
    :param fields: the application's own, ``(name, value)``.
    """
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept(key),
    ]
    if protocol is not None:
        lines.append(b"Sec-WebSocket-Protocol: " + protocol.encode("latin-1"))
    if extensions is not None:
        lines.append(b"Sec-WebSocket-Extensions: " + extensions)
    lines.extend(f"{name}: {value}".encode("latin-1") for name, value in fields)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def accept(key: bytes) -> bytes:
    """
    What proves that a key was read, §4.2.2 step 5.4.
    """
    return b64encode(sha1(key + GUID, usedforsecurity=False).digest())
