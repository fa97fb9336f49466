"""
``python -m wsfallback.worker NUMBER REACTOR [options]``: one of ``twistd wsfallback --workers N``.

Started by `wsfallback.workers`, with descriptors that nobody else has; of no use by hand.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from twisted.application.reactors import installReactor
from twisted.internet.error import ReactorNotRunning
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger, globalLogBeginner
from twisted.python import usage

from wsfallback.gathering import COMMAND
from wsfallback.services import DrainingService
from wsfallback.serving import serving
from wsfallback.shown import Shown
from wsfallback.signals import replaceStops
from wsfallback.stats import Statistics
from wsfallback.tap import Options
from wsfallback.worker_link import (
    ANSWER_TIMEOUT,
    FIRST_SOCKET,
    FROM_PARENT,
    TO_PARENT,
    WorkerLink,
)
from wsfallback.worker_log import WorkerObserver
from wsfallback.worker_options import inheritable

_log = Logger()


class WorkerOptions(Options):
    """
    The options of the command, as a worker takes them: its sockets are open.
    """

    def checkListen(self) -> None:
        """
        The parent has checked what they were.
        """
        self["listen"] = [inheritable(each) for each in self["listen"]]
        super().checkListen()

    def checkStatus(self) -> None:
        """
        An endpoint for the status is the parent's alone, who has checked it, and so is a file.
        """


class Ending:
    """
    How a worker ends: when its parent says so, or has gone, or when it gets a signal.
    """

    def __init__(self, reactor: Any, service: DrainingService) -> None:
        self._reactor = reactor
        self._service = service

    def told(self, word: str) -> None:
        """
        The parent says so.
        """
        if word == "hurry":
            self._service.hurry()
        else:
            self.stop()

    def gone(self) -> None:
        """
        The parent has gone; after a stop it's our own end of the link that has.
        """
        if self._service.running:
            _log.error("the parent has gone: ending")
            self.stop()

    def stop(self) -> None:
        """
        In order, whoever says so and how often.
        """
        # A signal may have come first.
        with suppress(ReactorNotRunning):
            self._reactor.stop()


def closeOnExec() -> None:
    """
    Keep what the parent has given us to ourselves: what a handler starts, be it when it is
    imported, is to outlive nobody by that.
    """
    # Not by the number of endpoints: handlers are imported while the options are parsed.
    with suppress(OSError):
        for each in count(FROM_PARENT):
            os.set_inheritable(each, False)


def main(arguments: Sequence[str]) -> None:
    """
    Serve until the parent has enough of it.

    :param arguments: number, reactor and options.
    :raises SystemExit: it can't be.
    """
    if len(arguments) < 2:
        raise SystemExit("This is a part of twistd wsfallback --workers N: start that.")
    # The number is for who looks at the list of processes.
    _, name, *given = arguments
    for number in (signal.SIGHUP, signal.SIGUSR1):
        # Until somebody wants to hear of it: a hangup of the terminal, and that a log file is to
        # be rotated, are the parent's to hear, whoever else is told.
        signal.signal(number, signal.SIG_IGN)
    closeOnExec()
    globalLogBeginner.beginLoggingTo([WorkerObserver(sys.stdout)])
    installReactor(name)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    options = WorkerOptions()
    try:
        options.parseOptions(given)
    except usage.UsageError as error:
        raise SystemExit(f"wsfallback: {error}") from None
    descriptors = range(FIRST_SOCKET, FIRST_SOCKET + len(options["listen"]))
    statistics = Statistics(reactor)
    #: What the parent may ask, and who answers: without arguments, with what JSON can carry.
    answers: dict[str, Callable[[], Any]] = {
        "pid": os.getpid,
        COMMAND: lambda: {"pid": os.getpid(), "snapshot": statistics.snapshot()},
    }
    link = WorkerLink(
        reactor,
        lambda command: answers[command](),
        lambda word: ending.told(word),
        lambda: ending.gone(),
    )
    # The parent asks all of us for it.
    shown = Shown(options, reactor, lambda: link.ask(COMMAND, 2 * ANSWER_TIMEOUT), isWorker=True)
    service, factory = serving(options, reactor, statistics, shown, descriptors)
    shown.around(service, lambda: not factory.isDraining)
    ending = Ending(reactor, service)
    StandardIO(link, FROM_PARENT, TO_PARENT, reactor)  # type: ignore[call-arg]
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)

    def running() -> None:
        # One more is no mistake: the parent says what the terminal or systemd says, too.
        replaceStops(reactor, ending.stop)
        link.ready()

    reactor.callWhenRunning(running)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
