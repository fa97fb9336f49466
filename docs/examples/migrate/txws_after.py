from twisted.internet import defer, protocol, task

from wsfallback import FallbackServerFactory


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


def main(reactor, port=8080):
    factory = protocol.Factory.forProtocol(Echo)
    reactor.listenTCP(port, FallbackServerFactory.forStream(factory, reactor=reactor))
    return defer.Deferred()


if __name__ == "__main__":
    task.react(main)
