"""
Foreign client: Python's "websockets" for rfc6455, with permessage-deflate offered (its default).

Usage: ``websockets_client.py URL``
"""

import asyncio
import json
import os
import sys

from websockets.asyncio.client import ClientConnection, connect

# The last is 100,000 bytes of UTF-8. A server of streams has no empty messages.
MESSAGES = ["h\u00e9llo \u2713 \U0001d11e", "", "a\u00e9\u2713\U0001d11e" * 10_000]
if os.environ.get("NO_EMPTY"):
    MESSAGES.remove("")
OVERALL = 20  # seconds
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


async def run(url):
    """
    Three echoes and a close.
    """
    async with connect(
        url, create_connection=Watched, open_timeout=5, close_timeout=CLOSING, proxy=None
    ) as socket:
        for message in MESSAGES:
            await socket.send(message)
            echo = await socket.recv()
            if echo != message:
                raise ValueError(f"echo of {len(message)} characters differs: {len(echo)}")
        await socket.close()
    received = socket.protocol.close_rcvd
    return {
        "ok": True,
        "draft": "rfc6455",
        "closed": socket.serverClosed,
        "close_frame": received is not None,
        # 1005 stands for "no code": it is never on the wire.
        "close_code": None if received is None or received.code == 1005 else int(received.code),
        "extensions": ", ".join(extension.name for extension in socket.protocol.extensions),
    }


async def main():
    """
    The same, bounded.
    """
    return await asyncio.wait_for(run(sys.argv[1]), OVERALL)


if __name__ == "__main__":
    try:
        result = asyncio.run(main())
    except Exception as error:
        result = {"ok": False, "error": repr(error)}
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)
