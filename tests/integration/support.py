"""
What all tests of this directory share: waiting, and what they talk about.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import deferLater

DRAFTS = ("hixie-75", "hixie-76", "hybi-07", "hybi-10", "rfc6455")

#: Where a server is to listen: on this machine alone, on a free port.
ANYWHERE = "tcp:0:interface=127.0.0.1"

#: Seconds until a wait has been in vain. A bound and no measurement: a busy machine is slow.
PATIENCE = 20.0


async def until(
    holds: Callable[[], Any], what: str, where: object = "", seconds: float = PATIENCE
) -> Any:
    """
    Wait until something holds.

    :param what: what is waited for.
    :param where: what to show if it doesn't come.
    :returns: what ``holds`` returned.
    :raises AssertionError: after so many seconds.
    """
    # Here and not above: trial imports these modules before it has chosen one.
    from twisted.internet import reactor

    end = reactor.seconds() + seconds
    while not (found := holds()):
        if reactor.seconds() > end:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}; {where}")
        await deferLater(reactor, 0.01)
    return found
