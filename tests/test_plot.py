"""
Plots.
"""

import re
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.plot import HEIGHT, WIDTH, spark, stacked


def marks(svg: str) -> list[str]:
    """
    What is written in it.
    """
    return [each.text or "" for each in ElementTree.fromstring(svg).iter("text")]


def areas(svg: str) -> dict[str, list[tuple[float, float]]]:
    """
    The corners of each area.
    """
    found = {}
    for path in ElementTree.fromstring(svg).iter("path"):
        points = re.findall(r"[ML]([\d.]+) ([\d.]+)", path.attrib["d"])
        found[path.attrib["class"].split()[1]] = [(float(x), float(y)) for x, y in points]
    return found


class StackedTests(SynchronousTestCase):
    """
    All drafts.
    """

    def test_areas(self) -> None:
        """
        Each stands on the one before, in steps, within the plot.
        """
        found = areas(stacked({"a": [0, 2, 2, 1], "b": [0, 0, 0, 0], "c": [1, 1, 3, 3]}, 30))
        self.assertEqual(list(found), ["a", "c"])
        for points in found.values():
            for x, y in points:
                self.assertTrue(0 <= x <= WIDTH and 0 <= y <= HEIGHT)
        a, c = found["a"], found["c"]
        ground, step = max(y for _, y in a), (a[1][0] - a[0][0]) / 2
        unit = (ground - a[0][1]) / 2
        left = a[0][0] - step
        self.assertEqual(
            [(round((x - left) / step), round((ground - y) / unit)) for x, y in a],
            [(1, 2), (3, 2), (3, 1), (4, 1), (4, 0), (1, 0)],
        )
        self.assertEqual(
            [(round((x - left) / step), round((ground - y) / unit)) for x, y in c],
            [
                *((0, 1), (1, 1), (1, 3), (2, 3), (2, 5), (3, 5), (3, 4), (4, 4)),
                *((4, 1), (3, 1), (3, 2), (1, 2), (1, 0), (0, 0)),
            ],
        )

    def test_gaps(self) -> None:
        """
        Where a draft has nothing it draws nothing, not even a line.
        """
        found = areas(stacked({"a": [1, 1, 1, 1], "b": [1, 0, 0, 2]}, 30))
        self.assertEqual(len(found["b"]), 8)
        xs = sorted({x for x, _ in found["b"]})
        self.assertEqual(len(xs), 4)
        self.assertGreater(xs[2] - xs[1], xs[1] - xs[0])

    def test_marks(self) -> None:
        """
        Round numbers up to the highest sum, and minutes of the hour.
        """
        for highest, written in (
            (0, ["0", "1"]),
            (3, ["0", "1", "2", "3"]),
            (5, ["0", "1", "2", "3", "4", "5"]),
            (6, ["0", "2", "4", "6"]),
            (23, ["0", "5", "10", "15", "20", "25"]),
            (4000, ["0", "1,000", "2,000", "3,000", "4,000"]),
        ):
            found = marks(stacked({"a": [highest] * 120, "b": [0] * 120}, 30))
            self.assertEqual(found[: len(written)], written)
            self.assertEqual(found[len(written)], "now")
            self.assertEqual(found[-1], "\N{MINUS SIGN}60 min")
            self.assertEqual(len(found), len(written) + 7)

    def test_nothing(self) -> None:
        """
        Without a history there is an empty plot.
        """
        self.assertEqual(areas(stacked({}, 30)), {})
        self.assertEqual(marks(stacked({}, 0)), ["0", "1", "now"])


class SparkTests(SynchronousTestCase):
    """
    One draft.
    """

    def test_asHighAsItsHighest(self) -> None:
        """
        Whatever that is.
        """
        self.assertEqual(areas(spark("a", [0, 1])), areas(spark("a", [0, 1000])))
        self.assertIn("at most 1,000 in", spark("a", [0, 1000]))

    def test_nothing(self) -> None:
        """
        Is drawn where there is nothing.
        """
        self.assertEqual(areas(spark("a", [0, 0])), {"a": []})
        self.assertEqual(areas(spark("a", [])), {"a": []})
