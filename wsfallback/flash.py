"""
Flash's question for a policy, which comes before any connection that a Flash program makes.

web-socket-js brings WebSocket to browsers without it by such a program. Flash asks port 843, and
where nobody answers the port itself, by a connection of its own; a whole exchange::

    <policy-file-request/> NUL        <cross-domain-policy><allow-access-from ... /> NUL

Source: "Setting up a socket policy file server", Adobe 2008, and "Cross Domain Policy File
Specification", §3.
"""

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

from wsfallback.policy import OriginPattern

#: All that Flash sends.
REQUEST = b"<policy-file-request/>\0"


def domains(patterns: Iterable[Iterable[OriginPattern]]) -> list[str]:
    """
    From which domains programs may connect.

    A program may claim any origin, so it is none that isn't among the origins: a pattern that the
    policy has no words for is left out.

    :param patterns: those of each path; any origin where there are none.
    """
    found: dict[str, None] = {}
    for those in patterns:
        hosts = [pattern.host for pattern in those] or ["*"]
        # A star is all of a domain, or all that is left of a dot.
        found.update(
            dict.fromkeys(
                host
                for host in hosts
                if host and (host == "*" or "*" not in host.removeprefix("*."))
            )
        )
    return ["*"] if "*" in found else list(found)


def policy(names: Iterable[str], port: int | None) -> bytes:
    """
    The answer.

    :param port: to which they may connect; any port of this host where it has no number.
    """
    ports = "*" if port is None else str(port)
    lines = [f'<allow-access-from domain={quoteattr(name)} to-ports="{ports}"/>' for name in names]
    whole = ['<?xml version="1.0"?>', "<cross-domain-policy>", *lines, "</cross-domain-policy>"]
    return "\n".join(whole).encode("ascii") + b"\0"
