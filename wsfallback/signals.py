"""
The signals that end a program, while it ends already.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

#: What Twisted's reactor stops for.
STOPS = (signal.SIGINT, signal.SIGTERM)


def replaceStops(reactor: Any, do: Callable[[], object]) -> Callable[[], None]:
    """
    Have the signals that stop the reactor do something else: it can't be stopped twice.

    Those that nobody handles are left as they are, and all of them where they can't be had: in a
    thread.

    :param do: called by the reactor, for each.
    :returns: puts back what was there.
    """
    before: dict[int, Any] = {}

    def received(number: int, frame: FrameType | None) -> None:
        reactor.callFromThread(do)

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    if threading.current_thread() is threading.main_thread():
        for number in STOPS:
            handler = signal.getsignal(number)
            if callable(handler) and handler is not signal.default_int_handler:
                before[number] = signal.signal(number, received)
    return restore


def replaceHangup(reactor: Any, do: Callable[[], object]) -> Callable[[], None]:
    """
    Have SIGHUP do something, where signals can be had.

    :param do: called by the reactor, for each.
    :returns: puts back what was there.
    """

    def received(number: int, frame: FrameType | None) -> None:
        reactor.callFromThread(do)

    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = signal.signal(signal.SIGHUP, received)

    def restore() -> None:
        signal.signal(signal.SIGHUP, before)

    return restore
