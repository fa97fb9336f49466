"""
Asks the finger of finger.py, by WebSocket.
"""

from twisted.internet import defer, endpoints, task
from twisted.protocols import basic


class Asking(basic.LineReceiver):
    def __init__(self, user):
        self.user = user
        self.answer = defer.Deferred()

    def connectionMade(self):
        self.sendLine(self.user)

    def lineReceived(self, line):
        self.answer.callback(line)


async def main(reactor, where="wsfallback:tcp:127.0.0.1:8080"):
    endpoint = endpoints.clientFromString(reactor, where)
    asking = await endpoints.connectProtocol(endpoint, Asking(b"moshez"))
    print((await asking.answer).decode())


if __name__ == "__main__":
    task.react(main)
