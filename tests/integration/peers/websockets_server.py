"""
Foreign server: Python's "websockets" for rfc6455, with permessage-deflate.

It prints ``{"port": N}`` and echoes; the message ``close`` makes it close.
"""

import asyncio
import json

from websockets.asyncio.server import serve


async def echo(connection):
    """
    Serve a connection.
    """
    async for message in connection:
        if message == "close":
            await connection.close(4001, "as asked")
        else:
            await connection.send(message)


async def main():
    """
    Serve until ended.
    """
    async with serve(echo, "127.0.0.1", 0) as server:
        print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
