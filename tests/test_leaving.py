"""
How a connection ends.
"""

from twisted.internet.interfaces import (
    IProcessTransport,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from wsfallback.deadline import Deadline
from wsfallback.leaving import leave


class Transport:
    """
    Notes what it is asked to do.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def loseConnection(self) -> None:
        """
        Note.
        """
        self.calls.append("loseConnection")


class Abortable(Transport):
    """
    One that can be aborted and closed by half.
    """

    def loseWriteConnection(self) -> None:
        """
        Note.
        """
        self.calls.append("loseWriteConnection")

    def abortConnection(self) -> None:
        """
        Note.
        """
        self.calls.append("abortConnection")


class _TCP(Abortable):
    pass


class _TLS(Abortable):
    pass


class _Other(Abortable):
    pass


class _Process(Transport):
    pass


# Only the names of these interfaces matter here.
implementer(ITCPTransport)(_TCP)
implementer(ITCPTransport, ISSLTransport)(_TLS)
implementer(ITransport)(_Other)
implementer(IProcessTransport)(_Process)


class LeaveTests(SynchronousTestCase):
    """
    A FIN after what is written, and an end in any case.
    """

    def left(self, transport: Transport) -> list[list[str]]:
        """
        Leave, and tell what was done at once, just before the deadline, and at it.
        """
        clock = Clock()
        told = []
        leave(transport, Deadline(clock), 2)  # type: ignore[arg-type]
        told.append(list(transport.calls))
        clock.advance(1.9)
        told.append(list(transport.calls))
        clock.advance(0.1)
        told.append(list(transport.calls))
        self.assertEqual(clock.getDelayedCalls(), [])
        return told

    def test_tcp(self) -> None:
        """
        Our half is closed; the peer's is waited for, then aborted.
        """
        half = ["loseWriteConnection"]
        self.assertEqual(self.left(_TCP()), [half, half, [*half, "abortConnection"]])

    def test_tls(self) -> None:
        """
        TLS has no half: the TCP connection below it is not touched.
        """
        whole = ["loseConnection"]
        self.assertEqual(self.left(_TLS()), [whole, whole, [*whole, "abortConnection"]])

    def test_other(self) -> None:
        """
        What is not TCP is closed whole.
        """
        whole = ["loseConnection"]
        self.assertEqual(self.left(_Other()), [whole, whole, [*whole, "abortConnection"]])

    def test_withoutAbort(self) -> None:
        """
        What can't be aborted is closed once more.
        """
        whole = ["loseConnection"]
        self.assertEqual(self.left(_Process()), [whole, whole, [*whole, *whole]])

    def test_replacesTheDeadline(self) -> None:
        """
        What was waited for before is forgotten.
        """
        clock = Clock()
        deadline = Deadline(clock)
        transport = _TCP()
        deadline.set(1, lambda: transport.calls.append("late"))
        leave(transport, deadline, 2)  # type: ignore[arg-type]
        clock.advance(5)
        self.assertEqual(transport.calls, ["loseWriteConnection", "abortConnection"])
