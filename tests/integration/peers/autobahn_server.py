"""
Foreign server: bare Autobahn for version 8 and rfc6455.

What it prints, and which messages it doesn't echo, says ``tests/integration/scenarios.py``.
Usage: ``autobahn_server.py [PORT]``
"""

import hashlib
import json
import os
import signal
import sys

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import defer, endpoints, task


def tell(**what):
    """
    Print a line of JSON.
    """
    print(json.dumps(what), flush=True)


class Echo(WebSocketServerProtocol):
    """
    Serve a connection.
    """

    def onConnect(self, request):
        self.path = request.path
        self.collected = None

    def onMessage(self, payload, isBinary):
        word, *given = payload.decode().split(" ", 2) if len(payload) < 100 else [""]
        if word == "close":
            self.sendClose(*map(int, given[:1]), *given[1:])
        elif word == "wait":
            tell(path=self.path, waits=os.getpid())
        elif word == "collect":
            self.collected, self.messages = hashlib.sha1(), 0
            tell(path=self.path, stops=os.getpid())
            os.kill(os.getpid(), signal.SIGSTOP)
        elif word == "sum":
            seen = {"messages": self.messages, "sha1": self.collected.hexdigest()}
            self.sendMessage(json.dumps(seen).encode())
        elif word == "pour":
            for number in range(int(given[0])):
                self.sendMessage(b"%07d " % number * 8192)
        elif self.collected is not None:
            self.messages += 1
            self.collected.update(payload)
        else:
            self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        tell(path=getattr(self, "path", None), closed=[code, reason or ""])


async def main(reactor, port="0"):
    """
    Serve until ended.
    """
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    endpoint = endpoints.serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    listening = await endpoint.listen(factory)
    tell(port=listening.getHost().port)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
