from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory, MessageHandler


class Echo(MessageHandler):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


async def main(reactor):
    await endpoints.serverFromString(reactor, "tcp:8080").listen(FallbackServerFactory(Echo))
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
