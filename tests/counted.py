"""
Connections that are counted, without a server.
"""

from twisted.internet.task import Clock

from wsfallback.errors import HandshakeError
from wsfallback.record import Record
from wsfallback.request import Request
from wsfallback.stats import Statistics

#: When the tests begin: 2026-11-23, at the beginning of an interval.
BEGIN = 1795392000

#: What some clients say, in the hope that it is shown as it is.
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</style></title><svg onload=alert(1)>",
    "$cards ${plot} %s {0}",
    "\x00\x1b[2J\r\nX: y\x7f\x85\u2028\u202e",
    '\\"\n# HELP x y\nx{a="b"} 1',
    "\xff\xfe\x80",
    "A" * 10000,
)


class Counted:
    """
    Statistics, and whom they are about.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(BEGIN)
        self.statistics = Statistics(self.clock)
        self._number = 0

    def begin(self, draft: str = "", agent: str | None = None, origin: str | None = None) -> Record:
        """
        A connection that asks for this.
        """
        self._number += 1
        record = Record(self._number, self.clock.seconds, self.statistics)
        given = ((b"user-agent", _bytes(agent)),) if agent is not None else ()
        record.asks(Request(b"GET", b"/", b"HTTP/1.1", given), "tcp4:192.0.2.7:52914")
        record.speaks(draft, None if origin is None else _bytes(origin))
        return record

    def open(
        self, draft: str = "rfc6455", agent: str | None = None, origin: str | None = None
    ) -> Record:
        """
        A connection that gets it.
        """
        record = self.begin(draft, agent, origin)
        record.opens()
        return record

    def refuse(self, status: int, sentence: str = "No", draft: str = "") -> None:
        """
        A connection that doesn't.
        """
        record = self.begin(draft)
        record.refuses(HandshakeError(status, sentence))
        record.ends()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
