"""
`Bounds`: how much may still come of a message of hybi-07 or later, and of its present frame.
"""

from wsfallback.policy import FRAGMENT_OVERHEAD, FREE_FRAGMENTS, Limits


class Bounds:
    """
    What is left of the limits while a message comes. It knows nothing of the connection, for the
    extensions that inflate know it.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._frameRoom = limits.maxFrame
        self.messageBegan()

    def messageBegan(self) -> None:
        """
        A message begins.
        """
        self._messageRoom = self._limits.maxMessage
        self._fragments = 0

    def frameBegan(self) -> None:
        """
        One more frame of it. Beyond the first ones each costs, be it empty.
        """
        if self._limits.frames:
            # Nothing is assembled, so the bounds of a message hold for each frame.
            self.messageBegan()
        self._frameRoom = self._limits.maxFrame
        self._fragments += 1
        if self._fragments > FREE_FRAGMENTS:
            self._messageRoom -= FRAGMENT_OVERHEAD

    def came(self, size: int) -> None:
        """
        So many bytes of it, inflated.
        """
        self._frameRoom -= size
        self._messageRoom -= size

    def room(self) -> int:
        """
        How many bytes may still come in the present frame; less than none where it is too much
        already.
        """
        return min(self._frameRoom, self._messageRoom)

    def trouble(self) -> str:
        """
        Which bound it is that is reached first.
        """
        if self._frameRoom < self._messageRoom:
            return f"a frame is longer than {self._limits.maxFrame} bytes"
        return f"a message is longer than {self._limits.maxMessage} bytes"
