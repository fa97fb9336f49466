"""
Foreign server: Python's "websockets" for rfc6455, with permessage-deflate.

What it prints, and which messages it doesn't echo, says ``tests/integration/scenarios.py``.
Usage: ``websockets_server.py [PORT]``
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from contextlib import suppress

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError


def tell(**what):
    """
    Print a line of JSON.
    """
    print(json.dumps(what), flush=True)


async def converse(connection):
    """
    Serve a connection.
    """
    path = connection.request.path
    with suppress(ConnectionClosedError):  # with another code than 1000 and 1001
        await answer(connection, path)
    tell(path=path, closed=[connection.close_code, connection.close_reason])


async def answer(connection, path):
    """
    Answer messages until the end.
    """
    collected = None
    async for message in connection:
        word, *given = message.split(" ", 2) if len(message) < 100 else [""]
        if word == "close":
            await connection.close(*map(int, given[:1]), *given[1:])
        elif word == "wait":
            tell(path=path, waits=os.getpid())
        elif word == "collect":
            collected, messages = hashlib.sha1(), 0
            tell(path=path, stops=os.getpid())
            os.kill(os.getpid(), signal.SIGSTOP)
        elif word == "sum":
            seen = {"messages": messages, "sha1": collected.hexdigest()}
            await connection.send(json.dumps(seen))
        elif word == "pour":
            for number in range(int(given[0])):
                await connection.send(f"{number:07d} " * 8192)
        elif collected is not None:
            messages += 1
            collected.update(message.encode())
        else:
            await connection.send(message)


async def main(port="0"):
    """
    Serve until ended.
    """
    async with serve(converse, "127.0.0.1", int(port)) as server:
        tell(port=server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
