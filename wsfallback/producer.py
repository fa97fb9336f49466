"""
`Producer`: an application's producer, as a real transport has it.
"""

from typing import Any


class Producer:
    """
    Stands before the application's own, and stops it at most once.
    """

    def __init__(self, producer: Any, streaming: bool) -> None:
        self.isStreaming = streaming
        self._producer = producer

    def resumeProducing(self) -> None:
        """
        There is room.
        """
        if self._producer is not None:
            self._producer.resumeProducing()

    def pauseProducing(self) -> None:
        """
        There is none.
        """
        if self._producer is not None:
            self._producer.pauseProducing()

    def stopProducing(self) -> None:
        """
        There is nobody.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
