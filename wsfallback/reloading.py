"""
What is read again on SIGHUP, while the server goes on.
"""

import os
import signal
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger
from zope.interface import Interface

from wsfallback.signals import onHangup

_log = Logger()


class IReloadable(Interface):
    """
    Has read files that may change.
    """

    def reload() -> None:
        """
        Read them again; where they can't be used log why, and go on as before.
        """


class ReloadingService(Service):
    """
    Reads again what there is when the process gets SIGHUP.

    Where there is nothing the log says so: supervisors send this signal to reload, whatever is
    configured, and nobody who is connected should pay for it. The end of a terminal is that signal
    as well, and ends a process that has nothing to read. A handler of somebody else's, and the
    signal of who ignores it, stay as they are then.

    It goes on to take the signal when it was stopped, for to the process alone it is fatal: a
    certificate that is renewed while the server drains must not cut who is still connected.
    """

    def __init__(self, reactor: Any, reloadables: Sequence[IReloadable]) -> None:
        """
        :param reloadables: what there is to read.
        """
        self._reactor = reactor
        self._reloadables = reloadables

    def startService(self) -> None:
        """
        Take the signal.
        """
        super().startService()  # type: ignore[no-untyped-call]
        isFatal = signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        if self._reloadables or (isFatal and not os.isatty(0)):
            onHangup(self._reactor, self.reload)

    def reload(self) -> None:
        """
        What SIGHUP does; call it as well where the signal is somebody else's.
        """
        if not self._reloadables:
            _log.info("There is nothing to read again")
        for each in self._reloadables:
            try:
                each.reload()
            except Exception:
                _log.failure("not read again: {what}", what=each)
