"""
What is read again on SIGHUP, while the server goes on.
"""

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
        onHangup(self._reactor, self.reload)

    def reload(self) -> None:
        """
        What SIGHUP does; call it as well where the signal is somebody else's.
        """
        for each in self._reloadables:
            try:
                each.reload()
            except Exception:
                _log.failure("not read again: {what}", what=each)
