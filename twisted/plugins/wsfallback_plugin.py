"""
Tells ``twistd`` that there is a ``wsfallback`` command, and ``serverFromString`` and
``clientFromString`` that there are endpoints of that name.

There is no ``__init__.py`` beside this file: ``twisted.plugins`` is Twisted's package.
"""

from twisted.application.service import ServiceMaker
from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from twisted.python.reflect import namedAny
from zope.interface import implementer

wsfallback = ServiceMaker(
    "wsfallback",
    "wsfallback.tap",
    "One port for every WebSocket client ever shipped, and plain HTTP beside it.",
    "wsfallback",
)


@implementer(IPlugin, IStreamServerEndpointStringParser)
class ServerParser:
    """
    ``wsfallback:tcp:8080``. As with the command, nothing is imported before it is wanted.
    """

    prefix = "wsfallback"

    def parseStreamServer(self, reactor, *arguments, **options):
        """
        The endpoint of such a string.
        """
        return namedAny("wsfallback.listening.parse")(reactor, *arguments, **options)


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class ClientParser:
    """
    ``wsfallback:tcp:example.org:8080``, likewise.
    """

    prefix = "wsfallback"

    def parseStreamClient(self, reactor, *arguments, **options):
        """
        The endpoint of such a string.
        """
        return namedAny("wsfallback.connecting.parse")(reactor, *arguments, **options)


@implementer(IPlugin, IStreamServerEndpointStringParser)
class CertificatesParser:
    """
    ``certificates:/etc/letsencrypt/live:tcp:443``, likewise.
    """

    prefix = "certificates"

    def parseStreamServer(self, reactor, *arguments, **options):
        """
        The endpoint of such a string.
        """
        return namedAny("wsfallback.securing.parse")(reactor, *arguments, **options)


wsfallbackServerParser = ServerParser()
wsfallbackCertificatesParser = CertificatesParser()
wsfallbackClientParser = ClientParser()
