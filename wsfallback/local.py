"""
Whether a request of HTTP comes from a person or a program on this machine, and not through it.
"""

import re
from collections.abc import Iterable

from wsfallback.addresses import Network, isWithin, networks

_LOOPBACK = networks(("127.0.0.0/8", "::1"))

#: Against names that somebody else's DNS gives to this machine, for its browsers to ask.
_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)

#: By these a proxy on this machine tells that it is one; and all that begins with the last.
_PROXIED = re.compile(
    r"via|forwarded|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-.*|x-forwarded-.*",
    re.IGNORECASE,
)


def isLocal(
    peer: str,
    version: bytes,
    host: str,
    names: Iterable[str],
    proxies: Iterable[Network] = (),
) -> bool:
    """
    Whether nobody else is asking.

    A proxy on this machine that says nothing of itself, asks for ``localhost``, and speaks
    HTTP/1.1, can't be told.

    :param peer: as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
    :param version: ``HTTP/1.1``. Nobody speaks 1.0 any more but proxies by default, as nginx.
    :param host: the ``Host`` that is asked for.
    :param names: of the request's fields.
    :param proxies: the networks of known ones.
    """
    return (
        isWithin(peer, _LOOPBACK)
        and not isWithin(peer, proxies)
        and version != b"HTTP/1.0"
        and _HOST.fullmatch(host) is not None
        and not any(_PROXIED.fullmatch(name) for name in names)
    )
