import sys

from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory, MessageHandler
from wsfallback.certificates import Certificates
from wsfallback.signals import onHangup


class Echo(MessageHandler):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


async def main(reactor, directory):
    certificates = Certificates(directory)
    onHangup(reactor, certificates.reload)
    tcp = endpoints.serverFromString(reactor, "tcp:8443")
    await endpoints.wrapServerTLS(certificates, tcp).listen(FallbackServerFactory(Echo))
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
