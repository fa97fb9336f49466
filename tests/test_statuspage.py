"""
The page.
"""

from html.parser import HTMLParser

from twisted.trial.unittest import SynchronousTestCase

from tests.counted import HOSTILE, Counted
from wsfallback.drafts.table import DRAFTS
from wsfallback.record import HTTP
from wsfallback.snapshot import Snapshot, merge, noRow, nothing
from wsfallback.statuspage import STYLE, amount, lasting, page, verdict

#: HTML's elements without an end.
_VOID = ("meta", "line")


class Read(HTMLParser):
    """
    A page that is well-formed.

    :ivar tags: that it has.
    :ivar attributes: all of them.
    :ivar text: what can be seen.
    :ivar cells: of the tables, row by row.
    """

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.cells: list[list[str]] = []
        self._open: list[str] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data
        if {"td", "th"} & set(self._open):
            self.cells[-1][-1] += data

    def row(self, first: str) -> list[str]:
        """
        The first row of a table that begins so.
        """
        return next(cells for cells in self.cells if cells[0] == first)


class PageTests(SynchronousTestCase):
    """
    What is on it.
    """

    def setUp(self) -> None:
        self.counted = Counted()

    def page(self, isReady: bool = True) -> Read:
        """
        As it is now.
        """
        return Read(page(self.counted.statistics.snapshot(), isReady))

    def test_nothing(self) -> None:
        """
        Before anybody has come every draft is there, and nothing is said of clients.
        """
        seen = self.page()
        for draft in DRAFTS:
            self.assertIn(f"No {draft.name} client in 0 seconds of records.", seen.text)
            self.assertEqual(seen.row(draft.name)[-1], "never")
        for sentence in ("nobody was.", "nobody has.", "none has.", "none has ended."):
            self.assertIn(f"So far {sentence}", seen.text)
        self.assertEqual(seen.tags.count("svg"), 1 + len(DRAFTS))
        self.assertIn(("class", "state ready"), seen.attributes)
        self.assertIn("draining", self.page(isReady=False).text)

    def test_connections(self) -> None:
        """
        A row for each draft, as it is now.
        """
        record = self.counted.open("hixie-76", "An old browser", "http://kiosk.example")
        record.traffic.messagesIn, record.traffic.bytesIn = 1234, 1 << 20
        record.traffic.queueHigh = 1500
        self.counted.open("hixie-75").ends()
        self.counted.clock.advance(41 * 86400)
        seen = self.page()
        self.assertEqual(
            seen.row("hixie-76"),
            ["hixie-76", "1", "1", "0", "0", "1,234", "0", "1.0 MiB", "0 B", "0", "1.5 KiB", "now"],
        )
        self.assertEqual(seen.row("hixie-75")[-1], "41 days ago")
        self.assertIn("No hixie-75 client for 41 days.", seen.text)
        self.assertIn("In use now.", seen.text)
        self.assertEqual(seen.row("An old browser"), ["An old browser", "1", "now"])
        self.assertEqual(seen.row("http://kiosk.example"), ["http://kiosk.example", "1", "now"])
        self.assertEqual(seen.row("(none given)"), ["(none given)", "1", "41 days ago"])
        self.assertIn("1 open", seen.text)

    def test_modernClientsAreNotListed(self) -> None:
        """
        Nobody waits for these to vanish.
        """
        self.counted.open("rfc6455", "A browser of today")
        self.assertNotIn("A browser of today", self.page().text)

    def test_ends(self) -> None:
        """
        Refusals, the most frequent first; closes, and durations.
        """
        self.counted.refuse(403, "One <b>reason</b>", "rfc6455")
        for _ in range(2):
            self.counted.refuse(400, "Another")
        record = self.counted.open()
        self.counted.clock.advance(30)
        record.closes(True, 1001, None)
        record.ends()
        self.counted.open(HTTP).ends()
        seen = self.page()
        at = seen.cells.index(["", "status", "why", "times"])
        self.assertEqual(seen.cells[at + 1], ["unknown", "400", "Another", "2"])
        self.assertEqual(seen.cells[at + 2], ["rfc6455", "403", "One <b>reason</b>", "1"])
        at = seen.cells.index(["", "1001"])
        self.assertEqual(seen.cells[at + 1], ["rfc6455", "1"])
        at = next(at for at, cells in enumerate(seen.cells) if "up to 1 minute" in cells)
        self.assertEqual(
            seen.cells[at],
            [
                *("", "up to 0.1 s", "up to 1 second", "up to 10 seconds", "up to 1 minute"),
                *("up to 10 minutes", "up to 1 hour", "up to 1 day", "longer"),
            ],
        )
        self.assertEqual(seen.cells[at + 1], ["rfc6455", "0", "0", "0", "1", "0", "0", "0", "0"])
        self.assertEqual(seen.cells[at + 2][:2], ["http", "1"])

    def test_hostile(self) -> None:
        """
        Whatever a client says is text, and changes nothing else.
        """
        for agent in ("x", *HOSTILE):
            self.counted.open("hixie-76", agent, agent)
        tags = set(self.page().tags)
        before = set(self.page().attributes)
        for text in HOSTILE:
            self.counted.refuse(400, text, "hixie-76")
        seen = self.page()
        self.assertEqual(set(seen.tags), tags)
        self.assertFalse({"script", "img"} & set(seen.tags))
        self.assertFalse([name for name, _ in seen.attributes if name.startswith("on")])
        self.assertTrue({name for name, _ in seen.attributes} <= {name for name, _ in before})
        for agent in HOSTILE[:4]:
            self.assertEqual(seen.row(agent), [agent, "1", "now"])
        self.assertLess(len(page(self.counted.statistics.snapshot(), True)), 60000)

    def test_fewRows(self) -> None:
        """
        A snapshot without some drafts is a page, too.
        """
        snapshot: Snapshot = merge([nothing(2000, 1000)])
        snapshot["drafts"]["hixie-75"] = noRow()
        seen = Read(page(snapshot, True))
        self.assertIn("No hixie-75 client in 16 minutes of records.", seen.text)
        self.assertNotIn("hybi-07", seen.text)

    def test_asItIs(self) -> None:
        """
        Nothing comes from elsewhere, and there is no script.
        """
        text = page(self.counted.statistics.snapshot(), True).decode()
        for word in ("http:", "https:", "//", "<script", "url(", "@import", " style="):
            self.assertNotIn(word, text)
        self.assertIn(f"<style>{STYLE}</style>", text)


class WordsTests(SynchronousTestCase):
    """
    Times and sizes for people.
    """

    def test_lasting(self) -> None:
        """
        In one unit, not rounded up; never less than nothing.
        """
        for seconds, text in (
            (-5.0, "0 seconds"),
            (0.9, "0 seconds"),
            (1.0, "1 second"),
            (59.9, "59 seconds"),
            (60.0, "1 minute"),
            (7199.0, "1 hour"),
            (86400.0, "1 day"),
            (41.9 * 86400, "41 days"),
        ):
            self.assertEqual(lasting(seconds), text)

    def test_amount(self) -> None:
        """
        In three digits.
        """
        for size, text in (
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 KiB"),
            (10240, "10 KiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 50, "5120 TiB"),
        ):
            self.assertEqual(amount(size), text)

    def test_verdict(self) -> None:
        """
        Of what was known before, too.
        """
        past = nothing(1000, 1000)
        past["drafts"]["hixie-75"] = {**noRow(), "lastSeen": 1000.0}
        past["drafts"]["hixie-76"] = noRow()
        past["time"] = 1000 + 3 * 86400
        self.assertEqual(verdict("hixie-75", past), "No hixie-75 client for 3 days.")
        self.assertEqual(verdict("hixie-76", past), "No hixie-76 client in 3 days of records.")
        past["time"] = 1000
        self.assertEqual(verdict("hixie-75", past), "No hixie-75 client for 1 second.")
