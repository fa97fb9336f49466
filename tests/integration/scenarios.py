"""
What foreign clients are told to do, and what foreign servers do when they are told.

A client gets a script: a file with a list of scenarios in JSON, each of them one connection::

    {"name": "unicode", "path": "/perl/unicode", "steps": [...], "digest": false}

with the steps

- ``["send", text, count]``: send one message, which is the text so many times;
- ``["hear", total]``: go on when so many messages have come in all, or the connection is over;
- ``["close", code, reason]`` or ``["close"]``: begin to close, where the draft has codes with one;
- ``["stop"]``: stop the own process, until the test continues it.

Then it waits for the end of the connection. Of each scenario it reports, by its name

- ``heard``: all messages that came; with ``digest`` their number as ``messages`` and their SHA-1;
- ``frame``: whether a close frame came; ``code`` and ``reason`` in it, ``null`` where there were
  none or the draft has none;
- ``tcp``: whether the server ended TCP, ``null`` where the client can't see it.

A server prints a line of JSON, ``{"port": N}``, and echoes, with the exception of these messages:

- ``close CODE REASON`` or ``close``: it closes, where the draft has codes with this one;
- ``wait``: it prints ``{"path": ..., "waits": PID}``, of the process to be killed;
- ``collect``: it prints ``{"path": ..., "stops": PID}``, stops its own process, and from then on
  takes all messages without an echo;
- ``sum``: it sends what it has collected: ``{"messages": N, "sha1": ...}``;
- ``pour COUNT``: it sends so many messages, as `numbered` makes them.

When a connection is over it prints ``{"path": ..., "closed": [code, reason]}``, as its library
says it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: What `numbered` repeats is 8 bytes: so a message has 64 KiB.
TIMES = 8192

UNICODE = "h\xe9llo \u2713 \U0001d11e"
#: Ten bytes, of one to four a character.
_TEN = "a\xe9\u2713\U0001d11e"
LONG = _TEN * 10_000
MEGABYTE = _TEN * 100_000


@dataclass(frozen=True)
class Scenario:
    """
    One connection of a client's.

    :ivar path: where it connects; `None`: where client and scenario have their names.
    :ivar isDigested: only the number and the SHA-1 of what it hears is of interest.
    """

    name: str
    steps: Sequence[Sequence[Any]]
    path: str | None = None
    isDigested: bool = False


def script(scenarios: Iterable[Scenario], client: str = "client") -> list[dict[str, Any]]:
    """
    What a client reads.

    :param client: its name, for paths.
    """
    return [
        {
            "name": each.name,
            "path": f"/{client}/{each.name}" if each.path is None else each.path,
            "steps": each.steps,
            "digest": each.isDigested,
        }
        for each in scenarios
    ]


def inTurn(*messages: str) -> list[Sequence[Any]]:
    """
    Steps: send each message when the one before has come back, and close.
    """
    steps: list[Sequence[Any]] = []
    for count, message in enumerate(messages, 1):
        steps += [("send", message, 1), ("hear", count)]
    return [*steps, ("close",)]


def atOnce(*messages: str) -> list[Sequence[Any]]:
    """
    Steps: send all of them, hear as many, and close.
    """
    return [*(("send", each, 1) for each in messages), ("hear", len(messages)), ("close",)]


def numbered(count: int) -> list[tuple[str, str, int]]:
    """
    Steps: send so many messages of 64 KiB, each of which is its number throughout.
    """
    return [("send", f"{number:07d} ", TIMES) for number in range(count)]


def digested(count: int) -> dict[str, object]:
    """
    What is to be reported of these.
    """
    digest = hashlib.sha1()
    for _, text, times in numbered(count):
        digest.update(text.encode() * times)
    return {"messages": count, "sha1": digest.hexdigest()}


#: What the own command's page asks, any client can ask: which draft it is served with.
DRAFT = Scenario("draft", [("hear", 1), ("close",)], "/-/draft")

#: What every server is asked: Unicode, the empty message, 100 kB.
ECHOES = (UNICODE, "", LONG)
EVERYWHERE = (DRAFT, Scenario("echoes", inTurn(*ECHOES)))
