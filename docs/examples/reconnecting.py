from twisted.application.internet import ClientService
from twisted.application.service import Application

from wsfallback import MessageFactory, MessageHandler, WebSocketEndpoint


class Listener(MessageHandler):
    def onMessage(self, payload, isBinary):
        print("heard", payload)


def makeService(where="ws://127.0.0.1:8080/", **options):
    return ClientService(WebSocketEndpoint(where, **options), MessageFactory(Listener))


# twistd -ny reconnecting.py
if __name__ == "builtins":
    application = Application("listener")
    makeService().setServiceParent(application)
