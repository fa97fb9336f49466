from twisted.internet import defer, task

from wsfallback import MessageHandler, connect


class Greeter(MessageHandler):
    def onConnect(self, response):
        self.over = defer.Deferred()

    def onOpen(self):
        print("connected with", self.draft.name)
        self.sendMessage("héllo".encode())

    def onMessage(self, payload, isBinary):
        print("heard", payload.decode())
        self.sendClose()

    def onClose(self, wasClean, code, reason):
        self.over.callback(None)


async def main(reactor, url="ws://127.0.0.1:8080/"):
    greeter = Greeter()
    await connect(url, lambda: greeter, reactor=reactor)
    await greeter.over


if __name__ == "__main__":
    task.react(main)
