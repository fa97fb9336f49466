"""
An ``onConnect`` that waits for a decision: deny, or pick a subprotocol and set a cookie.
"""

from secrets import token_hex

from autobahn.websocket.types import ConnectionDeny
from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory, MessageHandler

KNOWN = {"letmein": "ada"}


async def userOf(token):
    """
    Stands for a question to a data base.
    """
    return KNOWN.get(token)


class Doorman(MessageHandler):
    async def onConnect(self, request):
        token = request.params.get("token", [""])[0]
        self.user = await userOf(token)
        if self.user is None:
            raise ConnectionDeny(403, "Nobody knows this token")
        protocol = "shout" if "shout" in request.protocols else None
        return protocol, {"Set-Cookie": f"session={token_hex(16)}; HttpOnly"}

    def onMessage(self, payload, isBinary):
        self.sendMessage(self.user.encode() + b": " + payload.upper())


async def main(reactor):
    factory = FallbackServerFactory(Doorman, reactor=reactor)
    await endpoints.serverFromString(reactor, "tcp:8080").listen(factory)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
