"""
Foreign server: bare Autobahn for rfc6455.

It prints ``{"port": N}`` and echoes; the message ``close`` makes it close.
"""

import json

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import defer, endpoints, task


class Echo(WebSocketServerProtocol):
    """
    Serve a connection.
    """

    def onMessage(self, payload, isBinary):
        if payload == b"close":
            self.sendClose(4001, "as asked")
        else:
            self.sendMessage(payload, isBinary)


async def main(reactor):
    """
    Serve until ended.
    """
    factory = WebSocketServerFactory()
    factory.protocol = Echo
    endpoint = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    port = await endpoint.listen(factory)
    print(json.dumps({"port": port.getHost().port}), flush=True)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
