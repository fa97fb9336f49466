"""
The log of a server's connections.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from wsfallback.errors import HandshakeError
from wsfallback.journal import Journal
from wsfallback.quota import MAX_NAMED, WINDOW
from wsfallback.record import HTTP, IObserver, Record
from wsfallback.request import RequestReader


class JournalCase(SynchronousTestCase):
    """
    A journal that takes three lines of an address.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock, 3)
        # By chance two addresses may share a count; not by this one.
        self.journal._quota._salt = 0

    def record(self, peer: str = "tcp4:192.0.2.7:5", draft: str = "hixie-76") -> Record:
        record = Record(7, self.clock.seconds, self.journal)
        request = RequestReader(1000).feed(
            b"GET /chat?a HTTP/1.1\r\nHost: h\r\nOrigin: http://a.test\r\nUser-Agent: Old 1\r\n\r\n"
        )
        assert request is not None
        record.asks(request, peer)
        record.speaks(draft, request.get(b"origin"))
        return record

    def logged(self, do: Any, *arguments: Any) -> list[LogEvent]:
        with capturedLogs() as events:
            do(*arguments)
        return events


class LineTests(JournalCase):
    """
    A line for each stage.
    """

    def test_interface(self) -> None:
        verifyObject(IObserver, self.journal)

    def test_opened(self) -> None:
        """
        Who, what, and by which page and browser.
        """
        (event,) = self.logged(self.record().opens)
        self.assertEqual(
            formatEvent(event),
            "#7 tcp4:192.0.2.7:5 hixie-76 /chat: opened, origin http://a.test, agent Old 1",
        )
        names = ("connection", "draft", "peer", "path", "origin", "agent")
        self.assertEqual(
            [event[name] for name in names],
            [7, "hixie-76", "tcp4:192.0.2.7:5", "/chat", "http://a.test", "Old 1"],
        )

    def test_refused(self) -> None:
        """
        The log may quote the client, as the answer doesn't.
        """
        error = HandshakeError(403, "This origin may not connect", b"http://\x1b[31m")
        (event,) = self.logged(self.record().refuses, error)
        self.assertEqual(
            formatEvent(event),
            "#7 tcp4:192.0.2.7:5 hixie-76 /chat: refused with 403:"
            " This origin may not connect: 'http://\\x1b[31m'",
        )
        self.assertEqual((event["status"], event["draft"]), (403, "hixie-76"))

    def test_refusedDraft(self) -> None:
        """
        Who still asks for a draft that is switched off, and from which page.
        """
        record = self.record(draft="")
        error = HandshakeError(426, "Not served", draft="hixie-75")
        (event,) = self.logged(record.refuses, error)
        self.assertEqual(
            formatEvent(event),
            "#7 tcp4:192.0.2.7:5 hixie-75 /chat: refused with 426: Not served",
        )
        self.assertEqual((event["draft"], event["origin"]), ("hixie-75", "http://a.test"))

    def test_nothingKnown(self) -> None:
        """
        Before there was a request.
        """
        record = Record(7, self.clock.seconds, self.journal)
        (event,) = self.logged(record.refuses, HandshakeError(408, "Too slow"))
        self.assertEqual(formatEvent(event), "#7 unknown: refused with 408: Too slow")

    def test_nothingSaid(self) -> None:
        """
        What a client doesn't say of itself is not in the line.
        """
        record = self.record()
        record.origin = record.agent = None
        (event,) = self.logged(record.opens)
        self.assertEqual(formatEvent(event), "#7 tcp4:192.0.2.7:5 hixie-76 /chat: opened")
        record.closes(True, 1005, None)
        (event,) = self.logged(record.ends)
        self.assertEqual(
            formatEvent(event),
            "#7 tcp4:192.0.2.7:5 hixie-76 /chat: ended after 0.0 s, 1005;"
            " in 0 (0 bytes), out 0 (0 bytes)",
        )

    def test_ended(self) -> None:
        """
        How long it was open, why it ended, and what was said.
        """
        record = self.record()
        self.logged(record.opens)
        self.clock.advance(2.25)
        record.traffic.messagesIn, record.traffic.bytesIn = 3, 40
        record.closes(False, 1006, "a\r\nb\x00")
        (event,) = self.logged(record.ends)
        self.assertEqual(
            formatEvent(event),
            "#7 tcp4:192.0.2.7:5 hixie-76 /chat: ended after 2.2 s, 1006 a b?;"
            " in 3 (40 bytes), out 0 (0 bytes)",
        )
        self.assertEqual((event["seconds"], event["wasClean"]), (2.25, False))

    def test_endedElsewhere(self) -> None:
        """
        Of what somebody else's protocol did nothing is told, not even nothing; and no time is
        negative, though the clock may be set back.
        """
        record = self.record()
        self.logged(record.opens)
        self.clock.rightNow -= 5
        (event,) = self.logged(record.ends)
        self.assertEqual(
            formatEvent(event), "#7 tcp4:192.0.2.7:5 hixie-76 /chat: ended after 0.0 s"
        )
        self.assertNotIn("messagesIn", event)

    def test_quiet(self) -> None:
        """
        Plain HTTP is the site's to log, and a refusal has its line when it is refused.
        """
        http, refused = self.record(draft=HTTP), self.record()
        self.assertEqual(self.logged(http.opens), [])
        self.assertEqual(self.logged(http.ends), [])
        self.logged(refused.refuses, HandshakeError(400, "no"))
        self.assertEqual(self.logged(refused.ends), [])


class FloodTests(JournalCase):
    """
    So many lines of one address, and no more.
    """

    def flood(self, count: int, peer: str) -> list[LogEvent]:
        """
        What is logged of that many handshakes of a peer's that are refused.
        """
        return [
            event
            for _ in range(count)
            for event in self.logged(self.record(peer).refuses, HandshakeError(400, "no"))
        ]

    def test_summedUp(self) -> None:
        """
        Beyond that they are counted, and told in one line when the minute is over.
        """
        self.assertEqual(len(self.flood(5, "tcp4:192.0.2.7:5")), 3)
        self.assertEqual(self.logged(self.record().opens), [])
        (event,) = self.logged(self.clock.advance, WINDOW)
        self.assertEqual(
            formatEvent(event), "192.0.2.7: 3 more in 60 s: 2 refused with 400, 1 opened"
        )
        self.assertEqual(len(self.flood(5, "tcp4:192.0.2.7:5")), 3)

    def test_ends(self) -> None:
        """
        Are lines, too.
        """
        records = [self.record() for _ in range(3)]
        for record in records:
            self.logged(record.opens)
        for record in records:
            self.assertEqual(self.logged(record.ends), [])
        (event,) = self.logged(self.clock.advance, WINDOW)
        self.assertEqual(formatEvent(event), "192.0.2.7: 3 more in 60 s: 3 ended")

    def test_ofOneAlone(self) -> None:
        """
        The lines of others are theirs; those of an IPv6 site are one's.
        """
        self.flood(5, "tcp4:192.0.2.7:5")
        self.assertEqual(len(self.flood(3, "tcp4:192.0.2.8:5")), 3)
        self.assertEqual(len(self.flood(2, "tcp6:2001:db8::1:5")), 2)
        self.assertEqual(len(self.flood(2, "tcp6:2001:db8::2:5")), 1)

    def test_nothingIsWaitedFor(self) -> None:
        """
        While there is no flood: who embeds a server has no stray call in the reactor.
        """
        self.flood(3, "tcp4:192.0.2.7:5")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(WINDOW)
        self.assertEqual(len(self.flood(3, "tcp4:192.0.2.7:5")), 3)

    def test_clockThatIsSetBack(self) -> None:
        """
        Begins another minute: nobody goes without lines until it is what it was.
        """
        self.clock.advance(86400)
        self.flood(5, "tcp4:192.0.2.7:5")
        self.clock.rightNow -= 3600
        lines = self.flood(5, "tcp4:192.0.2.7:5")
        self.assertEqual(len(lines), 4)
        self.assertEqual([event["count"] for event in lines if "count" in event], [2])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_atTheEnd(self) -> None:
        """
        What is left is told when the server stops.
        """
        self.flood(4, "tcp4:192.0.2.7:5")
        (event,) = self.logged(self.journal.sumUp)
        self.assertEqual(event["count"], 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.logged(self.journal.sumUp), [])

    def test_bound(self) -> None:
        """
        Of a million addresses no more than so many are named in the sum.
        """
        self.journal = Journal(self.clock, 0)
        for number in range(MAX_NAMED + 5):
            self.assertEqual(
                self.logged(self.record(f"tcp4:10.0.{number >> 8}.{number & 255}:5").opens), []
            )
        *named, others = self.logged(self.clock.advance, WINDOW)
        self.assertEqual(len(named), MAX_NAMED)
        self.assertEqual((others["address"], others["count"]), ("others", 5))
