"""
The finger of Twisted's tutorial, by WebSocket.
"""

from twisted.internet import defer, endpoints, protocol, task
from twisted.protocols import basic

from wsfallback import FallbackServerFactory


class Finger(basic.LineReceiver):
    def lineReceived(self, user):
        self.transport.write(self.factory.users.get(user, b"No such user") + b"\r\n")
        self.transport.loseConnection()


class FingerFactory(protocol.Factory):
    protocol = Finger
    users = {b"moshez": b"Happy and well"}  # noqa: RUF012


async def main(reactor):
    factory = FallbackServerFactory.forStream(FingerFactory(), reactor=reactor)
    await endpoints.serverFromString(reactor, "tcp:8080").listen(factory)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
