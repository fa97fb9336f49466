"""
Handlers and factories by name, as the command line gives them.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.python import usage

from wsfallback.applications import IApplication
from wsfallback.bridge import AutobahnApplication
from wsfallback.demo import Broadcast, Echo
from wsfallback.handlers import HandlerFactory, checkedHandler
from wsfallback.interfaces import IMessageHandler
from wsfallback.stream import StreamApplication

BUILT_IN: dict[str, Callable[[], HandlerFactory]] = {"echo": lambda: Echo, "broadcast": Broadcast}


def handlerNamed(name: str) -> HandlerFactory:
    """
    :raises usage.UsageError: it can't be imported, or makes no handlers.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    where = f"--handler {name}"
    if "." not in name:
        raise usage.UsageError(
            f"{where}: give {', '.join(BUILT_IN)}, or package.module.Name of your own"
        )
    found = _imported(name, where)
    try:
        factory = checkedHandler(found)
        made = factory
        if not isinstance(factory, type):
            made = factory()
            if not IMessageHandler.providedBy(made):
                raise TypeError(f"it makes {made!r}, which does not provide IMessageHandler")
    except (Exception, SystemExit) as error:  # a factory is called once here, to see a mistake now
        raise usage.UsageError(f"{where}: {error}") from None
    return factory


def factoryNamed(name: str) -> IApplication:
    """
    :raises usage.UsageError: it can't be imported, or is no factory.
    """
    where = f"--factory {name}"
    if "." not in name:
        raise usage.UsageError(f"{where}: give package.module.name of a factory of your own")
    found = _imported(name, where)
    try:
        if callable(found) and not hasattr(type(found), "buildProtocol"):
            found = found()
        if isinstance(found, WebSocketServerFactory):
            return AutobahnApplication(found)
        return StreamApplication(found, binary=False)
    except (Exception, SystemExit) as error:  # a callable of somebody's can raise anything
        raise usage.UsageError(
            f"{where}: {type(error).__name__}: {error}; give a Twisted factory, Autobahn's or"
            " another, or a callable without arguments that returns one"
        ) from None


def _imported(name: str, where: str) -> Any:
    """
    What has this name.

    :param where: the option, for the sentence.
    :raises usage.UsageError: it can't be imported.
    """
    module, _, attribute = name.rpartition(".")
    # As "python -m" does; the twistd script leaves the working directory out.
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        return getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # importing runs any code there is
        raise usage.UsageError(
            f"{where}: it can't be imported: {type(error).__name__}: {error}"
        ) from None
