"""
`Rules`: who may come in, for a path and all below it; `Gates`: which of them hold for a request.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from wsfallback.addresses import Network, isWithin, networks
from wsfallback.drafts.table import DRAFTS, Draft
from wsfallback.errors import HandshakeError
from wsfallback.policy import OriginPattern, draftsNamed
from wsfallback.request import Request

#: The fields in which any draft has the page's origin.
_ORIGIN_FIELDS = frozenset(draft.originField for draft in DRAFTS)


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
    """

    drafts: tuple[Draft, ...] = DRAFTS
    origins: tuple[OriginPattern, ...] = ()
    legacyFrom: tuple[Network, ...] = ()

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
        if not self.legacyFrom or isWithin(peer, self.legacyFrom):
            return self.drafts
        return tuple(draft for draft in self.drafts if draft.masks)

    def checkOrigin(self, request: Request, draft: Draft) -> None:
        """
        :raises HandshakeError: 403, by the field that this draft has for it.
        """
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
    another spelling of a path doesn't get around its rules.
    """

    def __init__(self, everywhere: Rules, byPath: Mapping[str, Rules]) -> None:
        """
        :raises TypeError: a string where a list belongs.
        :raises ValueError: a path or a rule that can't be.
        """
        root = Gate().under(everywhere)
        self._gates: dict[tuple[bytes, ...], Gate] = {(): root}
        # From the root downwards: each one takes what it has not from the one above.
        for path in sorted(byPath, key=lambda path: len(_segments(path.encode()))):
            if not path.startswith("/") or set(path) & set("?#"):
                raise ValueError(f"a path begins with a slash and has no query, not {path!r}")
            segments = _segments(path.encode())
            if segments in self._gates and segments:
                raise ValueError(f"there are rules for the path {path!r} twice")
            self._gates[segments] = self._above(segments).under(byPath[path])
        self._longest = max(map(len, self._gates))

    @property
    def all(self) -> tuple[Gate, ...]:
        """
        Each of them, that of all other paths first.
        """
        return tuple(self._gates.values())

    def forPath(self, path: bytes) -> Gate:
        """
        The gate that a request has to pass.

        :param path: as sent.
        """
        return self._above(_segments(path)[: self._longest])

    def _above(self, segments: tuple[bytes, ...]) -> Gate:
        while segments not in self._gates:
            segments = segments[:-1]
        return self._gates[segments]


def _segments(path: bytes) -> tuple[bytes, ...]:
    """
    What a path names, whatever its spelling.

    RFC 3986 §5.2.4 and §6.2.2, and several slashes are one, as most servers have it.
    """
    segments: list[bytes] = []
    for segment in unquote_to_bytes(path).split(b"/"):
        if segment == b"..":
            del segments[-1:]
        elif segment not in (b"", b"."):
            segments.append(segment)
    return tuple(segments)
