"""
Every draft that is served, a row each, and which one a request announces.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from wsfallback.drafts import hixie75, hixie76
from wsfallback.drafts.asking import ClientOpening
from wsfallback.drafts.hixie75_client import Hixie75ClientOpening
from wsfallback.drafts.hixie76_client import Hixie76ClientOpening
from wsfallback.drafts.rfc6455_client import (
    Hybi07ClientOpening,
    Hybi10ClientOpening,
    RFC6455ClientOpening,
)
from wsfallback.errors import HandshakeError
from wsfallback.head import HOST
from wsfallback.request import Request
from wsfallback.response import Response


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A draft, and what it can carry.

    :ivar name: as the command line and the documentation say it.
    :ivar version: ``Sec-WebSocket-Version``; 0 for drafts without that field.
    :ivar describes: the drafts' numbers that share this wire.
    :ivar clients: who speaks it.
    :ivar originField: the request field that has the page's origin.
    :ivar binary: whether it carries binary messages.
    :ivar ping: whether it has ping and pong.
    :ivar closeCodes: whether a close has a code and a reason.
    :ivar fragments: whether a message may be sent in several frames.
    :ivar masks: whether its clients mask what they send, so that no page can choose those bytes.
        A draft whose clients don't is a legacy draft.
    :ivar asking: the client's half of its opening handshake.
    :ivar opening: our opening handshake, or `None` where Autobahn has it.
    :ivar framing: our framing, or `None` where Autobahn has it.
    """

    name: str
    version: int
    describes: str
    clients: str
    asking: type[ClientOpening]
    originField: bytes = b"origin"
    binary: bool = True
    ping: bool = True
    closeCodes: bool = True
    fragments: bool = True
    masks: bool = True
    opening: type[hixie75.Opening] | None = None
    framing: type[hixie75.Framing] | None = None


HIXIE_75 = Draft(
    name="hixie-75",
    version=0,
    describes="hixie-75 and earlier",
    clients="Chrome 4-5, Safari 5.0.0, web-socket-js before June 2010",
    asking=Hixie75ClientOpening,
    binary=False,
    ping=False,
    closeCodes=False,
    fragments=False,
    masks=False,
    opening=hixie75.Opening,
    framing=hixie75.Framing,
)
HIXIE_76 = Draft(
    name="hixie-76",
    version=0,
    describes="hixie-76 and hybi-00",
    clients="Chrome 6-13, Safari 5, iOS 4.2-5.1, BlackBerry 6-7, QtWebKit 2, PhantomJS 1,"
    " Firefox 4-5 and Opera 11 where enabled",
    asking=Hixie76ClientOpening,
    binary=False,
    ping=False,
    closeCodes=False,
    fragments=False,
    masks=False,
    opening=hixie76.Opening,
    framing=hixie76.Framing,
)
HYBI_07 = Draft(
    name="hybi-07",
    version=7,
    describes="hybi-07",
    clients="Firefox 6",
    asking=Hybi07ClientOpening,
    originField=b"sec-websocket-origin",
)
HYBI_10 = Draft(
    name="hybi-10",
    version=8,
    describes="hybi-08 to hybi-12",
    clients="Chrome 14-15, Firefox 7-10, Internet Explorer 10 previews",
    asking=Hybi10ClientOpening,
    originField=b"sec-websocket-origin",
)
RFC_6455 = Draft(
    name="rfc6455",
    version=13,
    describes="hybi-13 to hybi-17 and RFC 6455",
    clients="Chrome 16+, Firefox 11+, Safari 6+, iOS 6+, Opera 12.10+, Internet Explorer 10+,"
    " everything current",
    asking=RFC6455ClientOpening,
)

#: Oldest first.
DRAFTS = (HIXIE_75, HIXIE_76, HYBI_07, HYBI_10, RFC_6455)

_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
#: A version-8 client in use sends 15 bytes (npm ws 0.4): base64 of whatever length, within reason.
_LAX_KEY = re.compile(rb"(?=.{4,88}$)([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==|[A-Za-z0-9+/]=))?")
_ORIGIN = re.compile(rb"[\x21-\x7e]*")
_PROTOCOL = re.compile(rb"[\x20-\x7e]*")
_PROTOCOL_LIST = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z, \t]*")

#: Fields that say who the client is or what it speaks: two of them are two opinions.
_ONCE = (
    b"origin",
    b"sec-websocket-draft",
    b"sec-websocket-key",
    b"sec-websocket-key1",
    b"sec-websocket-key2",
    b"sec-websocket-origin",
    b"sec-websocket-version",
)


def choose(request: Request, drafts: Collection[Draft] = DRAFTS) -> Draft | None:
    """
    Which draft a request announces.

    :param drafts: those that are served.
    :returns: a row, or `None` for a request that is no upgrade to WebSocket.
    :raises HandshakeError: 400 malformed, 405 not GET, 426 a draft that is not served, with the
        versions that are.
    """
    # An upgrade is HTTP/1.1's: RFC 9110 §7.8 has a server ignore it in HTTP/1.0.
    if request.version != b"HTTP/1.1" or not request.has(b"upgrade", b"websocket"):
        return None
    if not request.has(b"connection", b"upgrade"):
        return None
    if request.method != b"GET":
        raise HandshakeError(405, "WebSocket opens with GET", request.method, (("Allow", "GET"),))
    _check(request)
    draft = _announced(request, drafts)
    if draft not in drafts:
        raise _unserved(drafts, None, draft.name)
    # Absolute form is for later drafts only: hixie's answer repeats the target behind the host.
    path = request.resource if draft.opening is None else request.target
    if not path.startswith(b"/"):
        raise HandshakeError(400, "The request target must be a path", request.target)
    hasBody = draft.opening is not None and draft.opening.bodySize > 0
    if not hasBody and (request.get(b"content-length") or b"0") != b"0":
        # hixie-76's key3 is announced as a body by some clients; to all others it would be
        # one that a proxy in between may have read as such.
        raise HandshakeError(400, "An opening handshake has no body")
    return draft


def _check(request: Request) -> None:
    """
    What is refused alike on every draft.
    """
    for name in _ONCE:
        if len(request.all(name)) > 1:
            raise HandshakeError(400, f"There is more than one {name.decode('ascii')} field")
    if request.get(b"transfer-encoding") is not None:
        raise HandshakeError(400, "An opening handshake has no body")
    # hixie's answer repeats these four, so nothing in them may end a line or a URL early.
    for host in (request.get(b"host") or b"", request.host):
        if not HOST.fullmatch(host):
            raise HandshakeError(400, "The host is malformed", host)
    for name in (b"origin", b"sec-websocket-origin"):
        origin = request.get(name)
        if origin is not None and not _ORIGIN.fullmatch(origin):
            raise HandshakeError(400, "The origin is malformed", origin)
    for name in (b"websocket-protocol", b"sec-websocket-protocol"):
        for protocol in request.all(name):
            if not _PROTOCOL.fullmatch(protocol):
                raise HandshakeError(400, "The subprotocol is malformed", protocol)
    if b"#" in request.target:
        raise HandshakeError(400, "The request target has a fragment", request.target)


def _announced(request: Request, drafts: Collection[Draft]) -> Draft:
    """
    Which draft a checked upgrade announces, whether served or not.
    """
    version = request.get(b"sec-websocket-version")
    key = request.get(b"sec-websocket-key")
    keys = (request.get(b"sec-websocket-key1"), request.get(b"sec-websocket-key2"))
    pair = [each is not None for each in keys]
    if version is not None:
        if any(pair):
            raise HandshakeError(400, "The request mixes hixie-76 with a later draft")
        return _hybi(request, version, key, drafts)
    # A current client behind a proxy that stripped the version; never to be taken for hixie-75.
    if key is not None:
        raise HandshakeError(400, "There is a Sec-WebSocket-Key without Sec-WebSocket-Version")
    announced = request.get(b"sec-websocket-draft")
    if any(pair):
        if not all(pair):
            raise HandshakeError(400, "One of Sec-WebSocket-Key1 and -Key2 is missing")
        if announced in (b"1", b"2", b"3"):
            raise _unserved(drafts, announced)
        if announced not in (None, b"0"):
            raise HandshakeError(400, "The Sec-WebSocket-Draft is unknown", announced)
        return HIXIE_76
    # hixie-75 has no field of this name, so one of them is what a proxy has left of a later draft.
    if any(name.startswith(b"sec-websocket-") for name, _ in request.fields):
        raise HandshakeError(400, "The request announces a draft and lacks its keys")
    if request.get(b"origin") is None:
        raise HandshakeError(400, "The request announces no WebSocket version, and has no origin")
    return HIXIE_75


def _hybi(request: Request, version: bytes, key: bytes | None, drafts: Collection[Draft]) -> Draft:
    for draft in (HYBI_07, HYBI_10, RFC_6455):
        if version == b"%d" % draft.version:
            break
    else:
        raise _unserved(drafts, version)
    wanted = _KEY if draft is RFC_6455 else _LAX_KEY
    if key is None or not wanted.fullmatch(key):
        raise HandshakeError(400, "The Sec-WebSocket-Key is missing or malformed", key)
    for protocols in request.all(b"sec-websocket-protocol"):
        if not _PROTOCOL_LIST.fullmatch(protocols):
            raise HandshakeError(400, "The subprotocols are no list of tokens", protocols)
    return draft


def _unserved(drafts: Collection[Draft], seen: bytes | None, draft: str = "") -> HandshakeError:
    """
    426 with the versions to use instead, RFC 6455 §4.4.

    :param draft: its name, if it is known.
    """
    sentence = "This WebSocket version is not served"
    return HandshakeError(426, sentence, seen, upgradeFields(drafts), draft)


def upgradeFields(drafts: Collection[Draft]) -> tuple[tuple[str, str], ...]:
    """
    The fields of a 426 answer: what to upgrade to, newest version first.

    RFC 9110 §15.5.22, RFC 6455 §4.4.
    """
    versions = sorted({draft.version for draft in drafts if draft.version}, reverse=True)
    listed = (("Sec-WebSocket-Version", ", ".join(map(str, versions))),) if versions else ()
    return (("Upgrade", "websocket"), *listed)


def answered(response: Response) -> Draft | None:
    """
    Which draft a 101 belongs to, by its fields: a server that knows one draft only gives the
    answer of that draft to all.

    :returns: a hixie row, or `None` where nothing tells.
    """
    if response.status != 101 or response.get(b"sec-websocket-accept") is not None:
        return None
    for prefix, draft in ((b"sec-websocket-", HIXIE_76), (b"websocket-", HIXIE_75)):
        if any(response.get(prefix + name) is not None for name in (b"origin", b"location")):
            return draft
    return None
