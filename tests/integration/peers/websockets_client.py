"""
Foreign client: Python's "websockets" for rfc6455, with permessage-deflate offered (its default).

Usage: ``websockets_client.py ws://HOST:PORT SCRIPT``. What a script is, and what is reported of
it, says ``tests/integration/scenarios.py``.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

OVERALL = 120  # seconds
CLOSING = 5


class Watched(ClientConnection):
    """
    Notices that the server ends the TCP connection.
    """

    serverClosed = False

    def eof_received(self):
        """
        The server has sent a FIN.
        """
        self.serverClosed = True
        return super().eof_received()


async def converse(base, scenario):
    """
    One connection.
    """
    heard = []
    async with connect(
        base + scenario["path"],
        create_connection=Watched,
        open_timeout=5,
        close_timeout=CLOSING,
        max_size=None,
        proxy=None,
    ) as socket:
        try:
            for what, *given in scenario["steps"]:
                if what == "send":
                    await socket.send(given[0] * given[1])
                elif what == "hear":
                    while len(heard) < given[0]:
                        heard.append(await socket.recv())
                elif what == "stop":
                    os.kill(os.getpid(), signal.SIGSTOP)
                else:
                    await socket.close(*given)
            while True:
                heard.append(await socket.recv())
        except ConnectionClosed:
            await socket.wait_closed()
    received = socket.protocol.close_rcvd
    # 1005 stands for "no code": it is never on the wire.
    hasCode = received is not None and received.code != 1005
    if scenario.get("digest"):
        digest = hashlib.sha1("".join(heard).encode()).hexdigest()
        heard = {"messages": len(heard), "sha1": digest}
    return {
        "heard": heard,
        "tcp": socket.serverClosed,
        "frame": received is not None,
        "code": int(received.code) if hasCode else None,
        "reason": received.reason if hasCode else None,
        "extensions": ", ".join(extension.name for extension in socket.protocol.extensions),
    }


async def main(base, file):
    """
    One after the other.
    """
    seen = {}
    for scenario in json.loads(Path(file).read_text()):
        try:
            seen[scenario["name"]] = await converse(base, scenario)
        except Exception as error:
            seen[scenario["name"]] = {"error": repr(error)}
    return {"ok": True, "seen": seen}


if __name__ == "__main__":
    try:
        result = asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), OVERALL))
    except Exception as error:
        result = {"ok": False, "error": repr(error)}
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)
