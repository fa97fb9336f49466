"""
How a protocol is told to go, be it somebody else's: Autobahn's, twisted.web's, or any.
"""

from typing import Any, cast
from weakref import ref

from twisted.internet.interfaces import IConsumer, ITransport

from wsfallback.deadline import Deadline
from wsfallback.errors import HandshakeError
from wsfallback.leaving import STOPPING, IGoing, leave
from wsfallback.policy import Limits


class Requests:
    """
    Makes the requests of one of twisted.web's connections, and knows the last one.
    """

    __slots__ = ("_last", "_make")

    def __init__(self, make: Any) -> None:
        self._make = make
        self._last: Any = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """
        Make one.
        """
        request = self._make(*arguments, **named)
        # Weak: it is not to be kept until the next one comes.
        self._last = ref(request)
        return request

    @property
    def unfinished(self) -> Any:
        """
        The one that has no whole answer yet, if there is one.
        """
        last = self._last and self._last()
        return None if last is None or last.finished else last


def prepare(protocol: Any) -> None:
    """
    Have somebody else's protocol tell what will have to be known of it.

    :param protocol: has no connection yet.
    """
    make = getattr(protocol, "requestFactory", None)
    if make is not None:
        protocol.requestFactory = Requests(make)


def sayFarewell(protocol: Any, transport: ITransport, deadline: Deadline, limits: Limits) -> None:
    """
    Tell a protocol to end its connection in order.

    :param deadline: the connection's, for who has none of its own.
    """
    if IGoing.providedBy(protocol):
        protocol.goAway()
        return
    requests = getattr(protocol, "requestFactory", None)

    def end(seconds: float) -> None:
        if isinstance(requests, Requests):
            # It is a producer for ever, and TLS waits for the end of those.
            cast(IConsumer, transport).unregisterProducer()
        leave(transport, deadline, seconds)

    request = requests.unfinished if isinstance(requests, Requests) else None
    if request is not None:
        # When it has its answer, whose end may still wait to be sent; if it is lost before, there
        # is nothing to do any more.
        request.notifyFinish().addCallbacks(lambda _: end(limits.idleTimeout), lambda _: None)
    elif not hasattr(protocol, "sendCloseFrame"):
        end(limits.closeTimeout)
    elif protocol.state == protocol.STATE_CONNECTING:
        # Autobahn's own `failHandshake` is undone by a decision that comes later.
        transport.write(HandshakeError(503, STOPPING).answer())
        end(limits.closeTimeout)
    else:
        # Its `sendClose` leaves 1001 to servers. The wait has a deadline of Autobahn's; where it
        # closes already nothing is sent.
        protocol.sendCloseFrame(1001, STOPPING.encode(), False)
