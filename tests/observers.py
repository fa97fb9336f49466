"""
An observer that remembers.
"""

from zope.interface import implementer

from wsfallback.errors import HandshakeError
from wsfallback.record import IObserver, Record


@implementer(IObserver)
class Seen:
    """
    What it was told, in order.
    """

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.records: list[Record] = []

    def opened(self, record: Record) -> None:
        self._saw(f"opened {record.draft}", record)

    def refused(self, record: Record, error: HandshakeError) -> None:
        self._saw(f"refused {error.status}", record)

    def ended(self, record: Record) -> None:
        self._saw("ended", record)

    def _saw(self, stage: str, record: Record) -> None:
        self.stages.append(stage)
        self.records.append(record)
