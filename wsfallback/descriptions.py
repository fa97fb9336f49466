"""
Endpoint strings that have another one in them, ``wsfallback:tcp:...``, and what options say.
"""

import re

#: A path, or none: RFC 3986 §3.3.
_PATH = re.compile(r"(/([\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?", re.ASCII)

#: What separates in such a string, and a backslash, which takes that from it.
_SPECIAL = "\\:="


class DescriptionError(ValueError):
    """
    A description that is understood, of something that can't be; the message says what to do.
    """


def unparsed(arguments: tuple[str, ...], options: dict[str, str]) -> str:
    """
    A string of its parts, as Twisted's ``haproxy:`` makes one.

    Unlike Twisted's ``quoteStringArgument`` it leaves an equals sign in a value what it is.
    """
    return ":".join(
        [
            *map(_quoted, arguments),
            *(f"{_quoted(name)}={_quoted(value)}" for name, value in options.items()),
        ]
    )


def isYes(name: str, value: str) -> bool:
    """
    What an option says.

    :raises ValueError: neither yes nor no.
    """
    if value not in ("yes", "no"):
        raise ValueError(f"{name} is yes or no, not {value!r}")
    return value == "yes"


def listed(value: str) -> list[str]:
    """
    The names in an option, with commas between.
    """
    return [name.strip() for name in value.split(",") if name.strip()]


def byPath(given: str) -> tuple[str, str]:
    """
    The path and the value of an option ``[PATH=]VALUE``; without a path the empty one.

    :raises ValueError: clients send no such path.
    """
    path, equals, value = given.partition("=")
    if not (equals and path.startswith("/")):
        return "", given
    if not _PATH.fullmatch(path):
        raise ValueError("give the path as clients send it: percent-encoded, without a query")
    return path, value


def _quoted(part: str) -> str:
    return "".join(f"\\{each}" if each in _SPECIAL else each for each in part)
