"""
An application for Autobahn, as it is: it knows nothing of old clients.
"""

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol


class Greeter(WebSocketServerProtocol):
    def onConnect(self, request):
        self.name = request.params.get("name", ["stranger"])[0]

    def onOpen(self):
        self.sendMessage(f"hello, {self.name}".encode())

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


def makeFactory(reactor):
    factory = WebSocketServerFactory(reactor=reactor)
    factory.protocol = Greeter
    return factory
