from twisted.internet import defer, protocol, task
from txws import WebSocketFactory


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


def main(reactor, port=8080):
    factory = protocol.Factory.forProtocol(Echo)
    reactor.listenTCP(port, WebSocketFactory(factory))
    return defer.Deferred()


if __name__ == "__main__":
    task.react(main)
