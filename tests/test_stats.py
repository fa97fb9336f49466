"""
What is counted.
"""

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.counted import BEGIN, HOSTILE, Counted
from wsfallback import FallbackServerFactory
from wsfallback.demo import Echo
from wsfallback.record import HTTP, MAX_TEXT, IObserver
from wsfallback.snapshot import MAX_REASONS, MAX_SEEN, NAMES, OTHER_REASONS, UNKNOWN, Row
from wsfallback.stats import (
    DURATIONS,
    QUEUES,
    STEP,
    STEPS,
    Statistics,
)
from wsfallback.testing import VERSIONS, attach, connect, request


class CountedCase(SynchronousTestCase):
    """
    Has somebody to count.
    """

    def setUp(self) -> None:
        self.counted = Counted()
        self.clock = self.counted.clock

    def row(self, draft: str = "rfc6455") -> Row:
        """
        What is counted of a draft now.
        """
        return self.counted.statistics.snapshot()["drafts"][draft]


class ServedTests(SynchronousTestCase):
    """
    Behind a server, with clients of all drafts.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(BEGIN)
        self.statistics = Statistics(self.clock)
        self.factory = FallbackServerFactory(
            Echo,
            reactor=self.clock,
            observers=[self.statistics],
            origins=["http://example.com"],
        )

    def row(self, draft: str) -> Row:
        """
        What is counted of a draft now.
        """
        return self.statistics.snapshot()["drafts"][draft]

    def test_interface(self) -> None:
        """
        It is an observer.
        """
        verifyObject(IObserver, self.statistics)

    def test_nothing(self) -> None:
        """
        Every draft has its row from the start, and so have those of none.
        """
        snapshot = self.statistics.snapshot()
        self.assertEqual(list(snapshot["drafts"]), [*NAMES, HTTP, UNKNOWN])
        self.assertEqual(list(snapshot["history"]["open"]), [*NAMES, HTTP, UNKNOWN])
        for row in snapshot["drafts"].values():
            self.assertEqual((row["open"], row["opened"], row["lastSeen"]), (0, 0, None))

    def test_everyDraft(self) -> None:
        """
        Messages of a connection are counted while it is open, and once when it is over.
        """
        for draft in VERSIONS:
            client = connect(self.factory, draft, headers={"User-Agent": f"agent of {draft}"})
            client.send("hello")
            client.receive()
            for isOpen in (True, False):
                row = self.row(draft)
                self.assertEqual((row["open"], row["opened"]), (int(isOpen), 1))
                self.assertEqual((row["messagesIn"], row["bytesIn"]), (1, 5))
                self.assertEqual((row["messagesOut"], row["bytesOut"]), (1, 5))
                self.assertEqual([each["text"] for each in row["agents"]], [f"agent of {draft}"])
                self.assertEqual([each["text"] for each in row["origins"]], ["http://example.com"])
                if isOpen:
                    client.close(1000)
                    client.drop()
                    self.clock.advance(1)
            self.assertEqual(sum(row["closes"].values()), 1)
            self.assertEqual(sum(row["durations"]["counts"]), 1)

    def test_refused(self) -> None:
        """
        By status and sentence, on the draft if that is known; and those that leave are none.
        """
        for draft in VERSIONS:
            connect(self.factory, draft, origin="http://other.example")
            self.assertEqual(
                self.row(draft)["refusals"],
                [{"status": 403, "reason": "This origin may not connect", "count": 1}],
            )
        attach(self.factory).deliver(b"\x16\x03\x01")
        attach(self.factory).drop()
        self.clock.advance(10)
        row = self.row(UNKNOWN)
        self.assertEqual(
            row["refusals"], [{"status": 400, "reason": "This port speaks HTTP", "count": 1}]
        )
        self.assertEqual((row["opened"], row["left"]), (0, 1))

    def test_switchedOff(self) -> None:
        """
        A draft that is not served is known by its name; a version that nobody knows is not.
        """
        factory = FallbackServerFactory(
            Echo, reactor=self.clock, observers=[self.statistics], drafts=["rfc6455"]
        )
        for draft in VERSIONS:
            connect(factory, draft).drop()
        attach(factory).deliver(request("rfc6455").replace(b"Version: 13", b"Version: 99"))
        self.clock.advance(10)
        for draft in (*VERSIONS, UNKNOWN):
            row = self.row(draft)
            counts = {each["status"]: each["count"] for each in row["refusals"]}
            self.assertEqual(counts, {} if draft == "rfc6455" else {426: 1}, draft)
            self.assertEqual(row["left"], 0)

    def test_leavingInTheMiddle(self) -> None:
        """
        Who leaves before the handshake has an end is neither opened nor refused.
        """
        client = attach(self.factory, "hixie-76")
        client.deliver(request("hixie-76")[:-8])
        client.drop()
        self.clock.advance(1)
        row = self.row("hixie-76")
        self.assertEqual((row["opened"], row["left"], row["refusals"]), (0, 1, []))

    def test_waitsForNothing(self) -> None:
        """
        There is nothing to stop.
        """
        connect(self.factory).drop()
        self.clock.advance(1)
        self.statistics.snapshot()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class EndsTests(CountedCase):
    """
    What is known of connections when they are over.
    """

    def test_closeCodes(self) -> None:
        """
        The registered ones are told apart, of others their kind: there are few, whatever comes.
        """
        for code in (1000, 1001, 1001, 1015, 1016, 999, 3000, 3999, 4999, 5000, 70000, None):
            record = self.counted.open()
            record.closes(True, code, None)
            record.ends()
        self.assertEqual(
            self.row()["closes"],
            {"1000": 1, "1001": 2, "1015": 1, "3xxx": 2, "4xxx": 1, "other": 4},
        )

    def test_durations(self) -> None:
        """
        Bounds belong to what is below; an end before the beginning, by a clock that was set back,
        took no time.
        """
        for seconds in (0.0625, 5.0, 60.0, 100000.0):
            record = self.counted.open()
            self.clock.advance(seconds)
            record.ends()
        record = self.counted.open()
        self.clock.rightNow -= 1000
        record.ends()
        durations = self.row()["durations"]
        self.assertEqual(durations["bounds"], list(DURATIONS))
        self.assertEqual(durations["counts"], [2, 0, 1, 1, 0, 0, 0, 1])
        self.assertEqual(durations["sum"], 100065.0625)

    def test_queues(self) -> None:
        """
        The most that waited, of each and of all.
        """
        for high in (0, 1024, 1025, 2_000_000):
            record = self.counted.open()
            record.traffic.queueHigh = high
            self.assertEqual(self.row()["queueHigh"], high)
            record.ends()
        highs = self.row()["queueHighs"]
        self.assertEqual(highs["bounds"], list(QUEUES))
        self.assertEqual(highs["counts"], [1, 1, 1, 0, 0, 0, 1])
        self.assertEqual(self.row()["queueHigh"], 2_000_000)

    def test_dropped(self) -> None:
        """
        With those of connections that are open.
        """
        one, two = self.counted.open(), self.counted.open()
        one.traffic.dropped, two.traffic.dropped = 3, 4
        one.ends()
        self.assertEqual(self.row()["dropped"], 7)

    def test_somebodyElsesProtocol(self) -> None:
        """
        Plain HTTP has a row, and no user agents: that is the site's to log.
        """
        record = self.counted.open(HTTP, "curl", "http://a")
        self.assertEqual((self.row(HTTP)["open"], self.row(HTTP)["agents"]), (1, []))
        record.ends()
        row = self.row(HTTP)
        self.assertEqual((row["open"], row["agents"], row["closes"]), (0, [], {}))


class ReasonTests(CountedCase):
    """
    Refusals by reason.
    """

    def test_bounded(self) -> None:
        """
        An application may have a sentence for each client: of most only the status is known.
        """
        for number in range(MAX_REASONS + 10):
            self.counted.refuse(403, f"Not you, number {number}", "rfc6455")
        self.counted.refuse(503, "Number 60", "rfc6455")
        refusals = {
            (each["status"], each["reason"]): each["count"] for each in self.row()["refusals"]
        }
        self.assertEqual(len(refusals), MAX_REASONS + 2)
        self.assertEqual(refusals[403, OTHER_REASONS], 10)
        self.assertEqual(refusals[503, OTHER_REASONS], 1)
        self.assertEqual(refusals[403, "Not you, number 0"], 1)

    def test_oneLine(self) -> None:
        """
        Sentences fit into a line.
        """
        for text in HOSTILE:
            self.counted.refuse(400, text)
        for each in self.row(UNKNOWN)["refusals"]:
            self.assertTrue(each["reason"].isprintable())
            self.assertLessEqual(len(each["reason"]), MAX_TEXT)


class SeenTests(CountedCase):
    """
    Who was seen last, and when.
    """

    def test_lastSeen(self) -> None:
        """
        A draft is seen as long as a connection is open.
        """
        self.assertIsNone(self.row()["lastSeen"])
        record = self.counted.open()
        self.clock.advance(1000)
        self.assertEqual(self.row()["lastSeen"], BEGIN + 1000)
        record.ends()
        self.clock.advance(1000)
        self.assertEqual(self.row()["lastSeen"], BEGIN + 1000)

    def test_refusedIsNotSeen(self) -> None:
        """
        Who is refused would not be missed.
        """
        self.counted.refuse(403, draft="rfc6455")
        self.assertIsNone(self.row()["lastSeen"])

    def test_agents(self) -> None:
        """
        The latest first, those that are still there before all.
        """
        here = self.counted.open(agent="here")
        self.clock.advance(10)
        self.counted.open(agent="gone", origin="http://gone").ends()
        self.counted.open(agent="gone", origin="http://gone").ends()
        self.clock.advance(10)
        self.assertEqual(
            self.row()["agents"],
            [
                {"text": "here", "count": 1, "last": BEGIN + 20},
                {"text": "gone", "count": 2, "last": BEGIN + 10},
            ],
        )
        self.assertEqual(
            self.row()["origins"],
            [
                {"text": "", "count": 1, "last": BEGIN + 20},
                {"text": "http://gone", "count": 2, "last": BEGIN + 10},
            ],
        )
        here.ends()
        self.clock.advance(10)
        self.assertEqual(self.row()["agents"][0]["last"], BEGIN + 20)

    def test_bounded(self) -> None:
        """
        Those that were seen longest ago are forgotten, but for those that are there.
        """
        first = [self.counted.open(agent="first") for _ in range(2)]
        for number in range(MAX_SEEN + 10):
            self.clock.advance(1)
            self.counted.open(agent=f"agent {number}").ends()
        self.clock.advance(1)
        agents = self.row()["agents"]
        self.assertEqual(len(agents), MAX_SEEN)
        self.assertEqual(agents[0], {"text": "first", "count": 2, "last": self.clock.seconds()})
        self.assertEqual(agents[1]["text"], f"agent {MAX_SEEN + 9}")
        for record in first:
            record.ends()
        self.assertEqual(self.row()["agents"][0]["text"], "first")
        self.assertGreater(self.row()["agents"][0]["count"], 0)

    def test_hostile(self) -> None:
        """
        Whatever a client says of itself, the snapshot is JSON, and small.
        """
        for text in HOSTILE:
            self.counted.open("hixie-76", text, text)
        row = json.loads(json.dumps(self.row("hixie-76")))
        self.assertEqual(row, self.row("hixie-76"))
        self.assertEqual(len(row["agents"]), len(HOSTILE))
        for each in (*row["agents"], *row["origins"]):
            self.assertTrue(each["text"].isprintable())
            self.assertLessEqual(len(each["text"]), MAX_TEXT)


class HistoryTests(CountedCase):
    """
    The last hour.
    """

    def history(self) -> list[int]:
        """
        That of RFC 6455.
        """
        history = self.counted.statistics.snapshot()["history"]
        self.assertEqual(history["step"], STEP)
        self.assertEqual(history["end"] % STEP, 0)
        self.assertTrue(0 < history["end"] - self.clock.seconds() <= STEP)
        found = history["open"]["rfc6455"]
        self.assertEqual(len(found), STEPS)
        return found

    def test_peaks(self) -> None:
        """
        An interval has the most that were open in it at once, however short.
        """
        one, two = self.counted.open(), self.counted.open()
        one.ends()
        self.clock.advance(1)
        self.assertEqual(self.history()[-2:], [0, 2])
        self.clock.advance(STEP)
        self.assertEqual(self.history()[-3:], [0, 2, 1])
        two.ends()
        self.assertEqual(self.history()[-3:], [0, 2, 1])
        self.clock.advance(STEP)
        self.assertEqual(self.history()[-4:], [0, 2, 1, 0])

    def test_betweenEvents(self) -> None:
        """
        When nothing happens nothing changes; what is older than an hour is forgotten.
        """
        record = self.counted.open()
        self.clock.advance(3 * STEP)
        self.assertEqual(self.history()[-5:], [0, 1, 1, 1, 1])
        record.ends()
        self.clock.advance(STEP * (STEPS - 2))
        self.assertEqual(self.history()[:3], [1, 1, 0])
        self.clock.advance(STEP * STEPS * 1000)
        self.assertEqual(self.history(), [0] * STEPS)

    def test_clockThatIsSetBack(self) -> None:
        """
        The history goes on from there.
        """
        self.counted.open()
        self.clock.advance(2 * STEP)
        self.history()
        self.clock.rightNow -= 100 * STEP
        self.counted.open()
        self.assertEqual(self.history()[-4:], [0, 1, 1, 2])
        self.clock.advance(STEP)
        self.assertEqual(self.history()[-4:], [1, 1, 2, 2])
