"""
What the server of the soak serves: an echo that can say what its process has in memory.
"""

import gc
import json
from collections import Counter

from wsfallback import MessageHandler


class Echo(MessageHandler):
    """
    Sends every message back, and answers ``objects`` with what the garbage collector knows of.
    """

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Back.
        """
        if payload == b"objects":
            payload = json.dumps(present()).encode()
        self.sendMessage(payload, isBinary)


def present() -> dict[str, object]:
    """
    How many objects there are, and of which types of wsfallback's, when no garbage is left.
    """
    gc.collect()
    types = [type(each) for each in gc.get_objects()]
    ours = Counter(
        each.__name__ for each in types if str(each.__module__).startswith("wsfallback.")
    )
    return {"objects": len(types), "ours": ours}
