"""
A server of Autobahn's examples, not a byte of it changed: bare, or for clients of all drafts.

It prints ``{"port": N, "ports": [N, ...]}``, in the order in which the example listens, and serves
until ended. What the example prints goes to the log.

Usage: autobahn_example.py FILE bare|all
"""

import json
import os
import sys

file, how = sys.argv[1:]
output, sys.stdout = sys.stdout, sys.stderr

import runpy  # noqa: E402

from autobahn.twisted import resource  # noqa: E402
from autobahn.twisted.websocket import WebSocketServerFactory  # noqa: E402
from twisted.internet import reactor  # noqa: E402
from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: E402
from twisted.python import log  # noqa: E402
from twisted.web.server import Site  # noqa: E402

from wsfallback import FallbackServerFactory  # noqa: E402
from wsfallback.bridge import AutobahnApplication  # noqa: E402

ports = []


class Kept(resource.WebSocketResource):
    """
    The resource, from which its factory can be had.
    """

    def __init__(self, factory):
        super().__init__(factory)
        self.factory = factory


def served(factory):
    """
    What its author changes: what is listened for.
    """
    if how == "bare":
        return factory
    if isinstance(factory, WebSocketServerFactory):
        return FallbackServerFactory.forAutobahn(factory)
    assert isinstance(factory, Site), factory
    root = factory.resource
    resources = {name: each for name, each in root.children.items() if isinstance(each, Kept)}
    if not resources:
        return factory
    routes = {}
    for name, each in resources.items():
        root.delEntity(name)
        routes[f"/{name.decode()}"] = AutobahnApplication(each.factory)
    return FallbackServerFactory(routes=routes, site=factory)


def listen(factory):
    """
    On a port of this machine that is free.
    """
    listener = listenAnywhere(0, factory, interface="127.0.0.1")
    ports.append(listener.getHost().port)
    return listener


def listenTCP(port, factory, backlog=50, interface=""):
    """
    As the reactor's.
    """
    return listen(served(factory))


def listenSSL(port, factory, contextFactory, backlog=50, interface=""):
    """
    As the reactor's.
    """
    return listen(TLSMemoryBIOFactory(contextFactory, False, served(factory)))


def report():
    """
    All are listening.
    """
    print(json.dumps({"port": ports[0], "ports": ports}), file=output, flush=True)


log.startLogging(sys.stderr, setStdout=False)
resource.WebSocketResource = Kept
# Wherever an example has the reactor from, it has this one.
listenAnywhere = reactor.listenTCP
reactor.listenTCP, reactor.listenSSL = listenTCP, listenSSL
reactor.callWhenRunning(report)
sys.path[0] = os.path.dirname(file)
sys.argv = [file]
runpy.run_path(file, run_name="__main__")
