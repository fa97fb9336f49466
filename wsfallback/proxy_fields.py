"""
Which fields of an HTTP request or response go through a reverse proxy.

RFC 9110 §7.6.
"""

import re
from collections.abc import Iterable, Iterator

from wsfallback.head import MAX_FIELDS

Fields = Iterable[tuple[bytes, bytes]]

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

#: Of one connection, and not of what it carries: RFC 9110 §7.6.1 and, for older peers, RFC 2616
#: §13.5.1. What frames the body is among them: it is decided anew on each side.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"content-length",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

#: What is ours to say; the last is CGI's ``HTTP_PROXY``, which libraries take for a setting.
_OF_PROXIES = re.compile(rb"host|x-forwarded-.*|forwarded|x-real-ip|proxy")


def passed(fields: Fields) -> Iterator[tuple[bytes, bytes]]:
    """
    The fields that go through, either way.
    """
    fields = list(fields)
    listed = {
        name.strip().lower()
        for field, value in fields
        if field.lower() == b"connection"
        for name in value.split(b",")
    }
    for name, value in fields:
        if name.lower() not in _HOP_BY_HOP | listed:
            yield name, value


def asked(fields: Fields) -> Iterator[tuple[bytes, bytes]]:
    """
    The fields of a client's request that go through: none that could be taken for a proxy's.

    With an underscore in its name a field becomes another one where names become variables, as in
    CGI and WSGI: ``X_Forwarded_For``.

    :param fields: their names in lower case.
    """
    for name, value in passed(fields):
        if not (b"_" in name or _OF_PROXIES.fullmatch(name)):
            yield name.title(), value.strip(b" \t")


def trouble(reason: bytes, fields: Fields, maxHead: int) -> str | None:
    """
    What is wrong with the head of an answer that h11 has let through; `None` if nothing is.

    :param reason: the phrase behind the status.
    :param fields: their names in lower case.
    :param maxHead: bound of all of it in bytes.
    """
    fields = list(fields)
    names = [name for name, _ in fields]
    if any(_CONTROL.search(value) for value in (reason, *(value for _, value in fields))):
        return "a control character in the head"
    if len(fields) > MAX_FIELDS or sum(len(name) + len(value) for name, value in fields) > maxHead:
        return "a head that is too large"
    # RFC 9112 §6.3, 3: it ought to be handled as an error.
    if b"content-length" in names and b"transfer-encoding" in names:
        return "Content-Length and Transfer-Encoding"
    return None


def framing(fields: Fields) -> list[tuple[bytes, bytes]]:
    """
    The one field that says how long the body is, of those that were received; or none.

    :param fields: their names in lower case.
    """
    found = {name: value.strip(b" \t") for name, value in fields}
    if b"transfer-encoding" in found:
        return [(b"Transfer-Encoding", b"chunked")]
    length = found.get(b"content-length")
    # Written anew: with zeros before it, it might be taken for octal.
    return [] if length is None else [(b"Content-Length", b"%d" % int(length))]
