"""
Print who still comes with the oldest drafts.
"""

from twisted.internet import defer, endpoints, task
from zope.interface import implementer

from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.record import IObserver


class Echo(MessageHandler):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


@implementer(IObserver)
class OldClients:
    def opened(self, record):
        if record.draft.startswith("hixie"):
            print(f"{record.peer} speaks {record.draft}: {record.agent}")

    def refused(self, record, error):
        pass

    def ended(self, record):
        if record.draft.startswith("hixie"):
            print(f"{record.peer} has received {record.traffic.bytesOut} bytes")


async def main(reactor):
    factory = FallbackServerFactory(Echo, observers=[OldClients()], reactor=reactor)
    await endpoints.serverFromString(reactor, "tcp:8080").listen(factory)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
