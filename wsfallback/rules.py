"""
`Rules`: who may come in, for a path and all below it; `Gates`: which of them hold for a request.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from wsfallback.addresses import Network, isWithin, networks
from wsfallback.drafts.table import DRAFTS, Draft
from wsfallback.errors import HandshakeError
from wsfallback.policy import OriginPattern, draftsNamed
from wsfallback.request import Request

#: The fields in which any draft has the page's origin.
_ORIGIN_FIELDS = frozenset(draft.originField for draft in DRAFTS)

#: What servers read in different ways in a path: something encoded, dot segments, empty ones.
_AMBIGUOUS = re.compile(rb"%|/\.|//")

_Segments = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Who may come in. What is `None` is as for the path above, and at last as for the whole server.

    :ivar drafts: names of the drafts to serve.
    :ivar origins: patterns of the origins that may come in, as `wsfallback.policy.OriginPattern`;
        none of them: any may, and requests without one.
    :ivar legacyFrom: networks, ``10.0.0.0/8``: from elsewhere nobody may come in with a legacy
        draft, one whose clients don't mask; none of them: from anywhere. Who has no address, as
        on a UNIX socket, is in no network.
    """

    drafts: Iterable[str] | None = None
    origins: Iterable[str] | None = None
    legacyFrom: Iterable[str | Network] | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """
    What is in force for a path: rules, read and complete.

    :ivar others: the gates of what else the path may name, to be passed as well.
    """

    drafts: tuple[Draft, ...] = DRAFTS
    origins: tuple[OriginPattern, ...] = ()
    legacyFrom: tuple[Network, ...] = ()
    others: tuple["Gate", ...] = ()

    def under(self, rules: Rules) -> "Gate":
        """
        The gate of a path below, with rules of its own.

        :raises TypeError: a string where a list belongs.
        :raises ValueError: a draft, an origin or a network that can't be.
        """
        gate = self
        if not isinstance(rules, Rules):
            raise TypeError(f"rules are wsfallback.Rules for each path, not {rules!r}")
        for name in Rules.__dataclass_fields__:
            if isinstance(getattr(rules, name), str):
                raise TypeError(f"{name} is a list of strings")
        if rules.drafts is not None:
            gate = replace(gate, drafts=draftsNamed(rules.drafts))
        if rules.origins is not None:
            gate = replace(gate, origins=tuple(map(OriginPattern, rules.origins)))
        if rules.legacyFrom is not None:
            gate = replace(gate, legacyFrom=networks(rules.legacyFrom))
        return gate

    def draftsFor(self, peer: str) -> tuple[Draft, ...]:
        """
        The drafts that are served to a client.

        :param peer: as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
        """
        drafts = self.drafts
        if self.legacyFrom and not isWithin(peer, self.legacyFrom):
            drafts = tuple(draft for draft in drafts if draft.masks)
        for other in self.others:
            common = other.draftsFor(peer)
            drafts = tuple(draft for draft in drafts if draft in common)
        return drafts

    def checkOrigin(self, request: Request, draft: Draft) -> None:
        """
        :raises HandshakeError: 403, by the field that this draft has for it.
        """
        for other in self.others:
            other.checkOrigin(request, draft)
        if not self.origins:
            return
        seen = request.get(draft.originField)
        # The field of another draft grants nothing, and who has sent it has sent an origin.
        hasOther = not seen and any(request.get(field) for field in _ORIGIN_FIELDS)
        origin = (seen or b"").decode("ascii")
        if hasOther or not any(pattern.matches(origin) for pattern in self.origins):
            raise HandshakeError(403, "This origin may not connect", seen)


class Gates:
    """
    The gates of all paths.

    A path is compared by its segments, after percent-decoding and without dot segments, so that
    another spelling of a path doesn't get around its rules. Nor does it borrow those of another
    path: what serves it may read it in another way, so where the ways differ it has to pass the
    gate of each.
    """

    def __init__(self, everywhere: Rules, byPath: Mapping[str, Rules]) -> None:
        """
        :raises TypeError: a string where a list belongs.
        :raises ValueError: a path or a rule that can't be.
        """
        self._named: dict[_Segments, Gate] = {(): Gate().under(everywhere)}
        # From the root downwards: each one takes what it has not from the one above.
        for path in sorted(byPath, key=lambda path: len(_segments(path.encode()))):
            if not path.startswith("/") or set(path) & set("?#"):
                raise ValueError(f"a path begins with a slash and has no query, not {path!r}")
            segments = _segments(path.encode())
            if segments in self._named and segments:
                raise ValueError(f"there are rules for the path {path!r} twice")
            self._named[segments] = _above(self._named, segments).under(byPath[path])
        # For who doesn't decode: a path that can't be written otherwise is in the rule so, too.
        self._spelled: dict[_Segments, Gate] = {(): self._named[()]}
        for path in byPath:
            segments = _resolved(_full(path.encode().split(b"/")))
            self._spelled[segments] = self._named[_segments(path.encode())]
        self._longest = max(map(len, (*self._named, *self._spelled)))

    @property
    def all(self) -> tuple[Gate, ...]:
        """
        Each of them, that of all other paths first.
        """
        return tuple(self._named.values())

    def forPath(self, path: bytes) -> Gate:
        """
        The gate that a request has to pass.

        :param path: as sent.
        """
        gate = _above(self._named, _segments(path)[: self._longest])
        others: list[Gate] = []
        for gates, segments in self._readings(path) if _AMBIGUOUS.search(path) else ():
            other = _above(gates, segments[: self._longest])
            if not any(other is each for each in (gate, *others)):
                others.append(other)
        return replace(gate, others=tuple(others)) if others else gate

    def _readings(self, path: bytes) -> Iterator[tuple[dict[_Segments, Gate], _Segments]]:
        """
        All ways to read a path: with its percents or without them, from before it was cut or from
        after; with its empty segments or without them; with dot segments that count, or as names.
        """
        cut = path.split(b"/")[1:]
        for gates, segments in (
            (self._named, unquote_to_bytes(path).split(b"/")[1:]),
            (self._named, [unquote_to_bytes(segment) for segment in cut]),
            (self._spelled, cut),
        ):
            for some in (_full(segments), segments):
                yield gates, _resolved(some)
                yield gates, tuple(some)


def _above(gates: Mapping[_Segments, Gate], segments: _Segments) -> Gate:
    while segments not in gates:
        segments = segments[:-1]
    return gates[segments]


def _segments(path: bytes) -> _Segments:
    """
    What a path names, whatever its spelling.

    RFC 3986 §5.2.4 and §6.2.2, and several slashes are one, as most servers have it.
    """
    return _resolved(_full(unquote_to_bytes(path).split(b"/")))


def _full(segments: Iterable[bytes]) -> list[bytes]:
    return [segment for segment in segments if segment]


def _resolved(segments: Iterable[bytes]) -> _Segments:
    found: list[bytes] = []
    for segment in segments:
        if segment == b"..":
            del found[-1:]
        elif segment != b".":
            found.append(segment)
    return tuple(found)
