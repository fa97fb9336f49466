from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import defer, task

from wsfallback import FallbackServerFactory


class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


def main(reactor, port=8080):
    factory = WebSocketServerFactory(f"ws://localhost:{port}", reactor=reactor)
    factory.protocol = Echo
    reactor.listenTCP(port, FallbackServerFactory.forAutobahn(factory, reactor=reactor))
    return defer.Deferred()


if __name__ == "__main__":
    task.react(main)
