"""
`Quota`: how many lines of the log one address may cause.
"""

from array import array
from collections import Counter
from secrets import randbits
from zlib import crc32

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from wsfallback.addresses import source

# At module level, as in `wsfallback.forwarding`.
_log = Logger()

#: Seconds for which the lines of one address are counted together.
WINDOW = 60.0
#: How many counts there are. Addresses share them by chance, which nobody can foresee: a table by
#: address would be as large as the crowd of those that come, and its small pieces would keep the
#: memory around them from the system.
_COUNTS = 1 << 14
#: How many addresses are named in the sum; all others are one.
MAX_NAMED = 1000
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
        self._salt = randbits(32)
        self._counts = array("I")
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
        if not self._counts:
            self._counts.frombytes(bytes(self._counts.itemsize * _COUNTS))
        slot = crc32(address.encode("utf-8", "replace"), self._salt) % _COUNTS
        self._counts[slot] += 1
        if self._counts[slot] <= self._maxLines:
            return True
        if address not in self._left and len(self._left) >= MAX_NAMED:
            address = _OTHERS
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
        self._counts = array("I")
        for address, counts in left.items():
            _log.info(
                "{address}: {count} more in {seconds:.0f} s: {what}",
                address=address,
                count=counts.total(),
                seconds=WINDOW,
                what=", ".join(f"{count} {what}" for what, count in counts.items()),
            )
