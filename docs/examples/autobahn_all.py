"""
The same application, for clients of all drafts.
"""

from autobahn_app import makeFactory
from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory


async def main(reactor):
    factory = FallbackServerFactory.forAutobahn(makeFactory(reactor), reactor=reactor)
    await endpoints.serverFromString(reactor, "tcp:8080").listen(factory)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
