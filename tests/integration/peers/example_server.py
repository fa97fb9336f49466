"""
An example of the documentation as a server, by the Python that runs this: 2.7, too.

It prints ``{"port": N}`` and serves until ended. Usage: example_server.py FILE [LIBRARIES...] PORT
"""

import importlib
import json
import os
import socket
import sys

directory, name = os.path.split(sys.argv[1])
# Before the packages that this Python has by itself.
sys.path[:1] = sys.argv[2:-1]
sys.path.append(directory)

from twisted.internet import task  # noqa: E402
from twisted.python import log  # noqa: E402


class Reactor:
    """
    The reactor, but it listens on a port of this machine.
    """

    def __init__(self, reactor):
        self._reactor = reactor
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", int(sys.argv[-1])))
        self._socket.listen(50)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def __getattr__(self, name):
        return getattr(self._reactor, name)

    def listenTCP(self, port, factory):
        """
        Serve.
        """
        assert port == self.port
        self._reactor.adoptStreamPort(self._socket.fileno(), self._socket.family, factory)
        print(json.dumps({"port": port}))
        sys.stdout.flush()


def main(reactor):
    """
    Serve until ended.
    """
    there = Reactor(reactor)
    return importlib.import_module(os.path.splitext(name)[0]).main(there, there.port)


log.startLogging(sys.stderr, setStdout=False)
task.react(main)
