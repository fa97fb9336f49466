"""
`Quota`: how many lines of the log one address may cause.
"""

from collections import Counter
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class _Lines:
    """
    What one address has caused since its window began.
    """

    count: int = 0
    left: Counter[str] = field(default_factory=Counter)


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
        self._lines: dict[str, _Lines] = {}
        self._ends = 0.0
        self._call: IDelayedCall | None = None

    def hasRoom(self, peer: str, what: str) -> bool:
        """
        Whether there may be one more line of this peer's; if not, count it.

        :param peer: as Autobahn writes it: ``tcp4:192.0.2.7:52914``.
        :param what: of few texts, for the sum.
        """
        now = self._clock.seconds()
        if now >= self._ends:
            self.sumUp()
            self._ends = now + WINDOW
        address = source(peer)
        lines = self._lines.get(address)
        if lines is None and len(self._lines) >= MAX_ADDRESSES:
            address = _OTHERS
            lines = self._lines.get(address)
        if lines is None:
            lines = self._lines[address] = _Lines()
        lines.count += 1
        if lines.count <= self._maxLines:
            return True
        lines.left[what] += 1
        if self._call is None:
            # And not before: with nothing to say there is nothing to wait for.
            self._call = self._clock.callLater(self._ends - now, self.sumUp)
        return False

    def sumUp(self) -> None:
        """
        Log what was left out, and count anew.
        """
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        all_, self._lines = self._lines, {}
        for address, lines in all_.items():
            if lines.left:
                _log.info(
                    "{address}: {count} more in {seconds:.0f} s: {what}",
                    address=address,
                    count=lines.left.total(),
                    seconds=WINDOW,
                    what=", ".join(f"{count} {what}" for what, count in lines.left.items()),
                )
