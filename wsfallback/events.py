"""
What a framing yields, in the order in which the peer sent it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """
    A whole text message.

    :ivar payload: UTF-8.
    """

    payload: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """
    A frame that the draft has the server read and discard.

    :ivar type: the frame's first byte.
    :ivar length: how many bytes of payload were discarded.
    """

    type: int
    length: int


@dataclass(frozen=True, slots=True)
class Closing:
    """
    The peer's half of the closing handshake; the framing yields nothing after it.
    """


Event = Text | Skipped | Closing
