"""
The options of how much there may be of everything, as the command line gives them.
"""

from typing import Any

from twisted.python import usage

from wsfallback.policy import RANGES, Limits

_LIMITS = Limits()


def _option(name: str, text: str) -> list[object]:
    """
    The row of a number's option: the limit of the same name gives the default.
    """
    return [name, None, getattr(_LIMITS, _limitName(name)), text]


def _limitName(option: str) -> str:
    first, *others = option.split("-")
    return first + "".join(other.capitalize() for other in others)


def _number(name: str, text: str) -> float:
    """
    A limit as it was given.

    :raises ValueError: it is no number of its kind.
    """
    isSeconds = isinstance(RANGES[name][0], float)
    if not isSeconds and not (text.isascii() and text.isdigit()):
        raise ValueError("give a whole number")
    try:
        return float(text) if isSeconds else int(text)
    except ValueError:
        raise ValueError("give a number of seconds") from None


class LimitOptions(usage.Options):
    """
    Mixed into the options of the command.
    """

    optFlags = [  # noqa: RUF012  # Twisted's way to declare them
        ["frames", None, "Hand over frames as they come instead of whole messages."],
        ["nagle", None, "Let TCP collect small writes (Nagle's algorithm)."],
        ["no-compress", None, "Don't accept permessage-deflate."],
    ]
    optParameters: list[list[Any]] = [  # noqa: RUF012
        _option("handshake-timeout", "Seconds for all of the handshake: TLS, head, challenge."),
        _option("max-head", "Bytes of a request's line and fields."),
        _option("max-message", "Bytes of a received message, inflated and in one piece."),
        _option("max-frame", "Bytes of a received frame, inflated."),
        _option("max-skipped", "Bytes of discarded frames in one hixie connection."),
        _option("idle-timeout", "Seconds without a byte, on drafts without ping."),
        _option("ping-interval", "Seconds without a byte until a ping, on drafts with it."),
        _option("ping-timeout", "Seconds without a byte after a ping."),
        _option("close-timeout", "Seconds for the client's half of a close."),
        _option("max-connections", "How many open connections at once; the next one gets 503."),
        _option(
            "max-handshakes",
            "How many connections that aren't open yet; beyond, who waits longest is dropped.",
        ),
        _option("max-per-address", "How many connections of one address; the next one gets 429."),
        _option(
            "max-new-per-address",
            "How many new connections of one address a second; more get 429.",
        ),
        _option("max-message-rate", "Messages a second from one client; more close with 1008."),
        _option("max-byte-rate", "Bytes a second from one client; more close with 1008."),
        _option("max-log-lines", "Lines of the log for one address a minute; more are summed up."),
        _option("max-send-queue", "Bytes that wait to be sent to a client that reads slowly."),
        [
            "full-queue",
            None,
            _LIMITS.fullQueue,
            "What to do with a message that has no room in --max-send-queue: close (1013), drop,"
            " or raise.",
        ],
        [
            "fragment",
            None,
            None,
            "Bytes: send longer messages in frames of this size; off by default.",
        ],
        [
            "invalid-text",
            None,
            _LIMITS.invalidText,
            "On hixie drafts, what to do with text that is not UTF-8: close or replace.",
        ],
    ]

    def checkLimits(self) -> None:
        """
        Check each, and keep all under ``limits``, by their names in `Limits`.

        :raises usage.UsageError: with what to do.
        """
        limits: dict[str, Any] = {
            "frames": bool(self["frames"]),
            "nagle": bool(self["nagle"]),
            "compress": not self["no-compress"],
        }
        for option in self.defaults:
            name = _limitName(option)
            if name in Limits.__dataclass_fields__ and name not in limits:
                value = self[option]
                try:
                    if name in RANGES and isinstance(value, str):
                        value = _number(name, value)
                    Limits(**{name: value})
                except ValueError as error:
                    wrong = str(error).removeprefix(f"{name} ")
                    raise usage.UsageError(f"--{option} {self[option]}: {wrong}") from None
                limits[name] = value
        self["limits"] = limits
