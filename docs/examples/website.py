"""
A web site and WebSocket on one port.
"""

from embed import Echo
from twisted.internet import defer, endpoints, task
from twisted.web.resource import Resource
from twisted.web.server import Site

from wsfallback import FallbackServerFactory


class Hello(Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"hello by HTTP\n"


def makeFactory(reactor):
    return FallbackServerFactory(Echo, site=Site(Hello()), reactor=reactor)


async def main(reactor):
    await endpoints.serverFromString(reactor, "tcp:8080").listen(makeFactory(reactor))
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
