"""
Who may come in, and how much of everything: every limit, deadline and rule in one value.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from wsfallback.drafts.table import DRAFTS, Draft

#: What each further fragment of a message costs beside its payload, in bytes of memory.
FRAGMENT_OVERHEAD = 64
#: So many fragments of a message are free of it.
FREE_FRAGMENTS = 1024

_MEBIBYTE = 1 << 20
#: RFC 6455 §5.2: lengths are 63 bits.
_ANY_SIZE = (1 << 63) - 1
_YEAR = 366 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """
    One set of limits for all drafts; the command's options of the same names set them.

    :ivar handshakeTimeout: seconds for all of the opening handshake: TLS, the request's head,
        hixie-76's key3, and the handler's `onConnect`.
    :ivar maxHead: bytes of the request's head.
    :ivar maxMessage: bytes of a received message, inflated and with all its fragments; tiny
        fragments cost `FRAGMENT_OVERHEAD` each beyond the first `FREE_FRAGMENTS`. What
        ``invalidText="replace"`` puts in is not counted.
    :ivar maxFrame: bytes of a received frame, inflated.
    :ivar maxSkipped: bytes of discarded frames in one connection, on hixie drafts.
    :ivar idleTimeout: seconds without a byte from the client, on drafts without ping.
    :ivar pingInterval: seconds without a byte from the client before it is pinged.
    :ivar pingTimeout: seconds without a byte from the client after that.
    :ivar closeTimeout: seconds for the client's half of the close, then again for the end of TCP.
    :ivar maxConnections: how many open connections at once, HTTP included.
    :ivar maxHandshakes: how many others: opening handshakes, and what was refused and has not
        ended yet. Beyond, who has kept us waiting longest is dropped for the newcomer.
    :ivar maxPerAddress: how many of both kinds for one IPv4 address or IPv6 /64; `None`: any.
    :ivar maxNewPerAddress: how many new ones a second for these, and at once; `None`: any.
    :ivar maxMessageRate: messages a second of one client, and at once, control frames and
        discarded frames included; `None`: any.
    :ivar maxByteRate: bytes a second of one client, as they are on the wire within TLS; as many
        at once, or a message of `maxMessage` where that is more; `None`: any.
    :ivar maxLogLines: lines of the log that one address, or IPv6 /64, causes in a minute; what is
        beyond is summed up.
    :ivar maxSendQueue: bytes that wait to be sent to one peer, beside the 64 KiB or one message
        that its transport holds. One message always has room where nothing waits.
    :ivar fullQueue: ``close`` (1013, or a plain close), ``drop`` or ``raise``: what is done with a
        message that has no room there.
    :ivar fragment: bytes: longer outgoing messages are sent in frames of this size, where the
        draft can; `None`: never.
    :ivar frames: hand over frames as they come instead of whole messages.
    :ivar nagle: let TCP collect small writes.
    :ivar compress: accept permessage-deflate.
    :ivar invalidText: ``close`` or ``replace``: what is done on hixie drafts with text that is
        not UTF-8.
    :raises ValueError: a number out of its range.
    """

    handshakeTimeout: float = 5.0
    maxHead: int = 16384
    maxMessage: int = _MEBIBYTE
    maxFrame: int = _MEBIBYTE
    maxSkipped: int = _MEBIBYTE
    idleTimeout: float = 60.0
    pingInterval: float = 20.0
    pingTimeout: float = 20.0
    closeTimeout: float = 2.0
    maxConnections: int = 10000
    maxHandshakes: int = 1000
    maxPerAddress: int | None = None
    maxNewPerAddress: int | None = None
    maxMessageRate: int | None = None
    maxByteRate: int | None = None
    maxLogLines: int = 300
    maxSendQueue: int = _MEBIBYTE
    fullQueue: str = "close"
    fragment: int | None = None
    frames: bool = False
    nagle: bool = False
    compress: bool = True
    invalidText: str = "close"

    def __post_init__(self) -> None:
        for name, (lowest, highest) in RANGES.items():
            value = getattr(self, name)
            if value is None and name in OPTIONAL:
                continue
            isWhole = isinstance(value, int) and not isinstance(value, bool)
            isNumber = isWhole or (isinstance(value, float) and isinstance(lowest, float))
            if not (isNumber and lowest <= value <= highest):
                raise ValueError(f"{name} must be from {lowest} to {highest}, not {value!r}")
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"{name} must be {' or '.join(choices)}, not {value!r}")


#: The range of each number, both ends included; those that may have a fraction are seconds.
RANGES: dict[str, tuple[float, float]] = {
    "handshakeTimeout": (0.1, _YEAR),
    "maxHead": (64, _MEBIBYTE),
    "maxMessage": (1, _ANY_SIZE),
    "maxFrame": (1, _ANY_SIZE),
    "maxSkipped": (0, _ANY_SIZE),
    "idleTimeout": (0.1, _YEAR),
    "pingInterval": (0.1, _YEAR),
    "pingTimeout": (0.1, _YEAR),
    "closeTimeout": (0.1, _YEAR),
    "maxConnections": (1, 10_000_000),
    "maxHandshakes": (1, 10_000_000),
    "maxPerAddress": (1, 10_000_000),
    "maxNewPerAddress": (1, 10_000_000),
    "maxMessageRate": (1, 10_000_000),
    "maxByteRate": (1, _ANY_SIZE),
    "maxLogLines": (0, 10_000_000),
    "maxSendQueue": (0, _ANY_SIZE),
    "fragment": (1, _ANY_SIZE),
}
#: Those that may be `None`, which is none.
OPTIONAL = ("fragment", "maxPerAddress", "maxNewPerAddress", "maxMessageRate", "maxByteRate")
#: What those that are no numbers may be.
CHOICES = {"fullQueue": ("close", "drop", "raise"), "invalidText": ("close", "replace")}
LIMIT_NAMES = tuple(field.name for field in fields(Limits))


def checkSeconds(name: str, seconds: float) -> float:
    """
    A time that is no limit of a connection's, held to the range of those.

    :raises ValueError: with the name in it.
    """
    lowest, highest = RANGES["idleTimeout"]
    # False for what is not a number, too.
    if not lowest <= seconds <= highest:
        raise ValueError(f"{name} must be from {lowest} to {highest} seconds, not {seconds!r}")
    return seconds


def draftsNamed(names: Iterable[str]) -> tuple[Draft, ...]:
    """
    The rows of the table with these names.

    :raises ValueError: there is no such draft, or no name at all.
    """
    known = {draft.name: draft for draft in DRAFTS}
    rows = []
    for name in names:
        if name not in known:
            raise ValueError(f"there is no draft {name!r}; there are {', '.join(known)}")
        rows.append(known[name])
    if not rows:
        raise ValueError(f"name at least one draft of {', '.join(known)}")
    return tuple(rows)


_SERIALIZED = re.compile(
    r"(?P<scheme>[a-z*][a-z0-9+.*-]*)://(?P<host>\[[0-9a-f:.*]+\]|[^][/?#@:]*)(:(?P<port>[0-9]+|\*))?"
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
#: The pattern of a request that has no origin.
NO_ORIGIN = "none"


class OriginPattern:
    """
    An origin that may come in: exact, or with ``*`` for any part of scheme, host or port.

    ``https://*.example.com``, ``http://localhost:*``, ``*://kiosk``. Case does not matter, a
    default port may be there or not, and a star never reaches over a separator. RFC 6454 §4-6.

    ``*`` is any origin but three, which come in only where they are named, each by itself:
    ``null``, as sandboxed pages send it, and those from disk; ``file://``, as pages from disk of
    other browsers do; and ``none``, no origin at all, as of programs that are no browsers.

    :ivar host: in lower case and with its stars; `None` where the pattern has none.
    """

    def __init__(self, pattern: str) -> None:
        """
        :raises ValueError: it can match no origin.
        """
        self._exact = pattern.lower()
        if not re.fullmatch(r"[\x21-\x7e]+", pattern):
            raise ValueError(f"an origin is scheme://host:port without spaces, not {pattern!r}")
        self._match = _SERIALIZED.fullmatch(self._exact)
        if self._match is None and ("/" in pattern or ("*" in pattern and pattern != "*")):
            raise ValueError(f"an origin is scheme://host:port and no more, not {pattern!r}")
        self.host = "*" if self._exact == "*" else self._match and self._match["host"]

    def matches(self, origin: str) -> bool:
        """
        Whether a client's origin, as sent, is one of these; the empty one is none at all.
        """
        if not origin:
            return self._exact == NO_ORIGIN
        origin = origin.lower()
        # No browser has a star in an origin; who sends one has read the pattern. Nor has one the
        # name of none.
        if self._exact == NO_ORIGIN or ("*" in origin and self._exact != "*"):
            return False
        if origin == self._exact:
            return True
        match, pattern = _SERIALIZED.fullmatch(origin), self._match
        isFile = origin.startswith("file:")
        if self._exact == "*":
            return not (isFile or origin == "null")
        if match is None or pattern is None or (isFile and pattern["scheme"] != "file"):
            return False
        default = _DEFAULT_PORTS.get(match["scheme"], "")
        return (
            isLike(pattern["scheme"], match["scheme"])
            and isLike(pattern["host"], match["host"])
            and isLike(pattern["port"] or default, match["port"] or default)
        )


def isLike(pattern: str, part: str) -> bool:
    """
    Whether a part of an origin, or a host, is what the pattern has there; a star is any of it.
    """
    first, *others = pattern.split("*")
    if not others:
        return part == first
    *middle, last = others
    if not (part.startswith(first) and part.endswith(last)):
        return False
    # By hand: an expression with several stars tries all ways to share a long part among them.
    at, end = len(first), len(part) - len(last)
    for piece in middle:
        at = part.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return at <= end
