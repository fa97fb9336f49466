"""
Flash's question for a policy, which comes before any connection that a Flash program makes.

web-socket-js brings WebSocket to browsers without it by such a program. Flash asks port 843, and
where nobody answers the port itself, by a connection of its own; a whole exchange::

    <policy-file-request/> NUL        <cross-domain-policy><allow-access-from ... /> NUL

Source: "Setting up a socket policy file server", Adobe 2008, and "Cross Domain Policy File
Specification", §3.
"""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import quoteattr

from wsfallback.policy import OriginPattern

#: All that Flash sends.
REQUEST = b"<policy-file-request/>\0"

_ANY = OriginPattern("*")


def domains(patterns: Iterable[Sequence[OriginPattern]]) -> list[str]:
    """
    From which domains programs may connect.

    A program may claim any origin, so it is none that isn't among the origins: a pattern that the
    policy has no words for is left out.

    :param patterns: those of each path; any origin where there are none.
    """
    hosts = [each.host for those in patterns for each in those or (_ANY,)]
    # A star is all of a domain, or all that is left of a dot.
    said = [host for host in hosts if host and (host == "*" or "*" not in host.removeprefix("*."))]
    return ["*"] if "*" in said else list(dict.fromkeys(said))


def policy(names: Iterable[str], port: int | None) -> bytes:
    """
    The answer.

    :param port: to which they may connect; any port of this host where it has no number.
    """
    ports = "*" if port is None else str(port)
    lines = [f'<allow-access-from domain={quoteattr(name)} to-ports="{ports}"/>' for name in names]
    whole = ['<?xml version="1.0"?>', "<cross-domain-policy>", *lines, "</cross-domain-policy>"]
    return "\n".join(whole).encode("ascii") + b"\0"
