"""
A handler for each path, and 404 for all others.
"""

from embed import Echo
from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory, MessageHandler


class Clock(MessageHandler):
    """
    Tells the time once, and closes.
    """

    def __init__(self, reactor):
        self._reactor = reactor

    def onOpen(self):
        self.sendMessage(b"%d" % self._reactor.seconds())
        self.sendClose(1000)


def makeFactory(reactor):
    return FallbackServerFactory(
        routes={
            "/echo": Echo,  # a class
            "/clock": lambda: Clock(reactor),  # or anything else to call
        },
        reactor=reactor,
    )


async def main(reactor):
    await endpoints.serverFromString(reactor, "tcp:8080").listen(makeFactory(reactor))
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
