"""
What the server of the soak serves: an echo that can say what its process has in memory.
"""

import ctypes
import gc
import json
from collections import Counter
from collections.abc import Callable

from wsfallback import MessageHandler


class Mallinfo(ctypes.Structure):
    """
    ``struct mallinfo2``, mallinfo(3): glibc 2.33 and later.
    """

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    ]  # fmt: skip


_libc = ctypes.CDLL(None)
_libc.mallinfo2.restype = Mallinfo


def present() -> dict[str, object]:
    """
    What is in use when no garbage is left: objects that the garbage collector knows of, and of
    these wsfallback's by type; bytes, as the C library's allocator has it.
    """
    gc.collect()
    info = _libc.mallinfo2()
    types = [type(each) for each in gc.get_objects()]
    ours = Counter(
        each.__name__ for each in types if str(each.__module__).startswith("wsfallback.")
    )
    return {"objects": len(types), "ours": ours, "bytes": info.uordblks + info.hblkhd}


def trimmed() -> dict[str, object]:
    """
    The same, and have the C library give back to the system what is not in use.
    """
    found = present()
    _libc.malloc_trim(0)
    return found


#: What can be asked.
QUESTIONS: dict[bytes, Callable[[], dict[str, object]]] = {b"present": present, b"trimmed": trimmed}


class Echo(MessageHandler):
    """
    Sends every message back, but answers `QUESTIONS`.
    """

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Back.
        """
        question = QUESTIONS.get(payload)
        self.sendMessage(payload if question is None else json.dumps(question()).encode())
