"""
What an application may send, whatever the draft.
"""

from wsfallback.errors import NotText


def checkedMessage(payload: bytes, isBinary: bool) -> bytes:
    """
    A message.

    :raises TypeError: it is not bytes.
    :raises NotText: it is text, and not UTF-8.
    """
    if not isinstance(payload, bytes):
        raise TypeError(f"a message is bytes, not {type(payload).__name__}")
    if not (isBinary or payload.isascii()):
        try:
            payload.decode()
        except UnicodeDecodeError as error:
            raise NotText(f"a text message must be UTF-8: {error}") from None
    return payload


def checkClose(code: int | None, reason: str | None) -> None:
    """
    A close.

    RFC 6455 §7.4.

    :raises TypeError: they are no `int` and no `str`.
    :raises ValueError: a code that is not to be sent, or a reason without one.
    """
    if not (code is None or type(code) is int) or not (reason is None or type(reason) is str):
        raise TypeError(f"a close has an int and a str, not {code!r} and {reason!r}")
    if code is None and reason is not None:
        raise ValueError("a close reason needs a code")
    if code is not None and not (
        code in (1000, 1001, 1002, 1003) or 1007 <= code <= 1014 or 3000 <= code <= 4999
    ):
        raise ValueError(f"{code} is no close code to send; 1000 and 3000-4999 are")
