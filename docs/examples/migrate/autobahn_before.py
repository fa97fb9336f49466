from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import defer, task


class Echo(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


def main(reactor, port=8080):
    factory = WebSocketServerFactory("ws://localhost:%d" % port)
    factory.protocol = Echo
    factory.setProtocolOptions(allowHixie76=True)
    reactor.listenTCP(port, factory)
    return defer.Deferred()


if __name__ == "__main__":
    task.react(main)
