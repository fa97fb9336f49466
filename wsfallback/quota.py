"""
`Quota`: how many lines of the log one address may cause.
"""

from collections import Counter

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from wsfallback.addresses import source

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: Seconds for which the lines of one address are counted together.
WINDOW = 60.0
#: How many addresses are told apart in that time; the lines of all others are counted as one's.
MAX_ADDRESSES = 10000
_OTHERS = "others"


class Quota:
    """
    So many lines for one address in a window; what is beyond is summed up.
    """

    def __init__(self, clock: IReactorTime, maxLines: int) -> None:
        """
        :param maxLines: in a window of 60 s; what one address, or an IPv6 /64, causes beyond is
            summed up in one line when that is over.
        """
        self._clock = clock
        self._maxLines = maxLines
        # Of each address how many it has caused since the window began; and of those that have no
        # more, what was left out.
        self._counts: Counter[str] = Counter()
        self._left: dict[str, Counter[str]] = {}
        self._began = -WINDOW
        self._call: IDelayedCall | None = None

    def hasRoom(self, peer: str, what: str) -> bool:
        """
        Whether there may be one more line of this peer's; if not, count it.

        :param peer: as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
        :param what: of few texts, for the sum.
        """
        now = self._clock.seconds()
        # The wall clock may have been set back: by hours, in which nobody would have a line.
        if not 0 <= now - self._began < WINDOW:
            self.sumUp()
            self._began = now
        address = source(peer)
        if address not in self._counts and len(self._counts) >= MAX_ADDRESSES:
            address = _OTHERS
        self._counts[address] += 1
        if self._counts[address] <= self._maxLines:
            return True
        self._left.setdefault(address, Counter())[what] += 1
        if self._call is None:
            # And not before: with nothing to say there is nothing to wait for.
            self._call = self._clock.callLater(self._began + WINDOW - now, self.sumUp)
        return False

    def sumUp(self) -> None:
        """
        Log what was left out, and count anew.
        """
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        left, self._left = self._left, {}
        self._counts.clear()
        for address, counts in left.items():
            _log.info(
                "{address}: {count} more in {seconds:.0f} s: {what}",
                address=address,
                count=counts.total(),
                seconds=WINDOW,
                what=", ".join(f"{count} {what}" for what, count in counts.items()),
            )
