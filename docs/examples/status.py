"""
Count, and show it at http://127.0.0.1:9000/-/status.
"""

from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.stats import Statistics
from wsfallback.status import StatusResource, StatusSite


class Echo(MessageHandler):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


async def main(reactor):
    statistics = Statistics(reactor)
    factory = FallbackServerFactory(Echo, observers=[statistics], reactor=reactor)
    await endpoints.serverFromString(reactor, "tcp:8080").listen(factory)
    status = StatusResource(statistics.snapshot, lambda: not factory.isDraining)
    admin = endpoints.serverFromString(reactor, "tcp:9000:interface=127.0.0.1")
    await admin.listen(StatusSite(status))
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
