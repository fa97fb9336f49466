"""
Tells ``twistd`` that there is a ``wsfallback`` command.

There is no ``__init__.py`` beside this file: ``twisted.plugins`` is Twisted's package.
"""

from twisted.application.service import ServiceMaker

wsfallback = ServiceMaker(
    "wsfallback",
    "wsfallback.tap",
    "One port for every WebSocket client ever shipped, and plain HTTP beside it.",
    "wsfallback",
)
