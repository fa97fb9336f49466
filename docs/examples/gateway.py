"""
WebSocket and plain HTTP in front of a backend that has both.
"""

from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory
from wsfallback.gateway import Gateway
from wsfallback.proxy import ReverseProxy


def makeFactory(reactor):
    return FallbackServerFactory(
        Gateway(["ws://127.0.0.1:9000"], reactor=reactor),
        site=ReverseProxy(["http://127.0.0.1:9000"], reactor=reactor),
        reactor=reactor,
    )


async def main(reactor):
    await endpoints.serverFromString(reactor, "tcp:8080").listen(makeFactory(reactor))
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
