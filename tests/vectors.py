"""
The vectors of ``wire/vectors.json``: handshakes and frames that foreign implementations agree on.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: The vectors' draft to the row of our table that serves it.
ROWS = {
    "hixie-75": "hixie-75",
    "hixie-76": "hixie-76",
    "hybi-07": "hybi-07",
    "hybi-08": "hybi-10",
    "rfc6455": "rfc6455",
}

_FILE = Path(__file__).parent / "wire" / "vectors.json"


@dataclass(frozen=True, slots=True)
class Handshake:
    """
    An opening handshake and its canonical answer.

    :ivar isSecure: the client came by TLS.
    :ivar protocols: what the server picks: one subprotocol, or none.
    :ivar request: all that the client sends, hixie-76's key3 included.
    :ivar response: all that the server answers, hixie-76's digest included.
    :ivar digest: those 16 bytes, empty on other drafts.
    """

    id: str
    draft: str
    isSecure: bool
    protocols: tuple[str, ...]
    request: bytes
    response: bytes
    digest: bytes

    def value(self, name: bytes) -> bytes:
        """
        A field of the request, less one space after the colon.

        :param name: as the request spells it.
        """
        return self.request.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0]


@dataclass(frozen=True, slots=True)
class Frames:
    """
    One or more frames, and what they say.

    :ivar direction: ``c2s``, ``s2c`` or ``any``.
    :ivar events: as in the file: ``type`` and what belongs to it.
    """

    id: str
    draft: str
    direction: str
    wire: bytes
    events: tuple[dict[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """
    What a server must refuse, or is easily wrong about.

    :ivar kind: ``handshake`` or ``frame``.
    :ivar expect: what a server does with it, in words.
    """

    id: str
    draft: str
    kind: str
    wire: bytes
    expect: str


class Vector(Protocol):
    """
    Any of them.
    """

    @property
    def id(self) -> str:
        """
        Its name in the file.
        """

    @property
    def draft(self) -> str:
        """
        The draft it belongs to, as the file says it.
        """


def _handshake(entry: dict[str, Any]) -> Handshake:
    key3 = bytes.fromhex(entry["key3_hex"] or "")
    digest = bytes.fromhex(entry["response_body_hex"] or "")
    request = bytes.fromhex(entry["request_hex"])
    response = bytes.fromhex(entry["response_hex"])
    assert request.endswith(b"\r\n\r\n" + key3), entry["id"]
    assert response.endswith(b"\r\n\r\n" + digest), entry["id"]
    return Handshake(
        entry["id"],
        entry["draft"],
        entry["secure"],
        tuple(entry["server_protocols"]),
        request,
        response,
        digest,
    )


def _frames(entry: dict[str, Any]) -> Frames:
    events = tuple(entry["events"])
    if entry["hex"] is not None:
        wire = bytes.fromhex(entry["hex"])
    else:
        # Long ones: their head is given, and a rule for the payload: "65536 x 00".
        count, _, byte = entry["payload_rule"].partition(" x ")
        payload = bytes.fromhex(byte) * int(count)
        size = entry["total_len"] - len(payload)
        wire = bytes.fromhex(entry["hex_head"])[:size] + payload
        events = tuple({**event, "hex": payload.hex()} for event in events)
    return Frames(entry["id"], entry["draft"], entry["direction"], wire, events)


_DATA = json.loads(_FILE.read_text("utf-8"))

HANDSHAKES = tuple(_handshake(entry) for entry in _DATA["handshakes"])
FRAMES = tuple(_frames(entry) for entry in _DATA["frames"])
NEGATIVES = tuple(
    Negative(
        entry["id"], entry["draft"], entry["kind"], bytes.fromhex(entry["hex"]), entry["expect"]
    )
    for entry in _DATA["negative"]
)


def forEach(vectors: Iterable[Vector]) -> Callable[[type], type]:
    """
    A class decorator: each test of the class takes a vector, and becomes one test for each.
    """
    chosen = tuple(vectors)
    assert chosen, "no vector to test with"

    def multiplied(tests: type) -> type:
        for name in [name for name in vars(tests) if name.startswith("test_")]:
            method = getattr(tests, name)
            delattr(tests, name)
            for vector in chosen:
                each = _bound(method, vector)
                each.__name__ = f"{name}_{vector.id.replace('-', '_')}"
                each.__qualname__ = f"{tests.__qualname__}.{each.__name__}"
                each.__doc__ = method.__doc__
                setattr(tests, each.__name__, each)
        return tests

    return multiplied


def _bound(method: Callable[..., None], vector: Vector) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        method(self, vector)

    return test
