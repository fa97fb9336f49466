"""
What the heads of requests and answers have in common.
"""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.segments import cut, single
from wsfallback.errors import WSFallbackError
from wsfallback.head import MAX_FIELDS, MAX_LINE, Fields, Head, HeadReader

MAX_HEAD = 16384


@dataclass(frozen=True)
class Given(Head):
    """
    A head of these fields.
    """

    fields: Fields


class Wrong(WSFallbackError):
    """
    Which of its hooks a reader called, with what.
    """


class Reader(HeadReader):
    """
    Reads heads with any first line, but for one that begins with a question mark.
    """

    first: bytes | None = None

    def feed(self, data: bytes) -> tuple[bytes | None, Fields] | None:
        """
        The first line and the fields, or `None` while there is no end.
        """
        return (self.first, tuple(self._fields)) if self._read(data) else None

    def _begins(self) -> None:
        if self.received.startswith(b"?"):
            raise Wrong("begins")

    def _first(self, line: bytes) -> None:
        if line == b"no":
            raise Wrong("first")
        self.first = line

    def _malformed(self, sentence: str, seen: bytes) -> WSFallbackError:
        return Wrong("malformed", seen)

    def _tooLarge(self) -> WSFallbackError:
        return Wrong("too large")

    def _tooMany(self) -> WSFallbackError:
        return Wrong("too many")


def outcome(pieces: list[bytes], maxHead: int = MAX_HEAD) -> object:
    """
    First line, fields, and what is behind the head; or what is wrong; or `None`: more is wanted.
    """
    reader = Reader(maxHead)
    for index, piece in enumerate(pieces):
        try:
            head = reader.feed(piece)
        except Wrong as error:
            return error.args
        if head is not None:
            return *head, reader.rest + b"".join(pieces[index + 1 :])
    return None


class HeadTests(SynchronousTestCase):
    """
    RFC 9110 §5: the fields of a head.
    """

    def test_all(self) -> None:
        """
        Every value of a field in order, without the white space around it.
        """
        head = Given(((b"a", b" 1\t"), (b"b", b"2"), (b"a", b"\t 3  4 ")))
        self.assertEqual(head.all(b"a"), [b"1", b"3  4"])
        self.assertEqual(head.all(b"c"), [])

    def test_get(self) -> None:
        """
        The first one; an empty field is not a missing one.
        """
        head = Given(((b"a", b" "), (b"a", b"2")))
        self.assertEqual(head.get(b"a"), b"")
        self.assertIs(head.get(b"c"), None)

    def test_exact(self) -> None:
        """
        Of the spaces only one after the colon goes.
        """
        head = Given(((b"b", b"x"), (b"a", b"  1 2  "), (b"a", b"x"), (b"t", b"\t1")))
        self.assertEqual(head.exact(b"a"), b" 1 2  ")
        self.assertEqual(head.exact(b"t"), b"\t1")
        self.assertEqual(head.exact(b"b"), b"x")
        self.assertIs(head.exact(b"c"), None)

    def test_members(self) -> None:
        """
        §5.6.1: a list over several lines, empty members left out.
        """
        head = Given(((b"a", b" x,, y\t"), (b"a", b","), (b"a", b"Z;q=1 ,")))
        self.assertEqual(head.members(b"a"), [b"x", b"y", b"Z;q=1"])
        self.assertEqual(head.members(b"c"), [])

    def test_has(self) -> None:
        """
        A member in any case, whole.
        """
        head = Given(((b"connection", b"keep-alive, Upgrade"),))
        self.assertTrue(head.has(b"connection", b"upgrade"))
        self.assertFalse(head.has(b"connection", b"up"))
        self.assertFalse(head.has(b"upgrade", b"upgrade"))


class ReaderTests(SynchronousTestCase):
    """
    RFC 9112 §2.2 and §5, strictly.
    """

    def assertRead(self, data: bytes, *wanted: object, maxHead: int = MAX_HEAD) -> None:
        """
        It is this head, whole and byte by byte.
        """
        self.assertEqual(outcome([data], maxHead), wanted)
        self.assertEqual(outcome(single(data), maxHead), wanted)

    def test_aHead(self) -> None:
        """
        The first line without its end; names in lower case, values as they came, in order; and
        what is behind the blank line.
        """
        fields = ((b"host", b"a"), (b"x-b", b"  1 "), (b"x-b", b""), (b"c", b" \xe4\t\x7f"))
        self.assertRead(
            b"Any line\r\nHOST:a\r\nX-b:  1 \r\nx-B:\r\nC: \xe4\t\x7f\r\n\r\n\r\nkey3\0",
            b"Any line",
            fields,
            b"\r\nkey3\0",
        )
        self.assertRead(b"x\r\n\r\n", b"x", (), b"")

    def test_received(self) -> None:
        """
        Every byte is kept, those behind the head included.
        """
        reader = Reader(MAX_HEAD)
        self.assertIsNone(reader.feed(b"x\r\nA: b\r"))
        self.assertEqual((bytes(reader.received), reader.rest), (b"x\r\nA: b\r", b""))
        self.assertIsNotNone(reader.feed(b"\n\r\nrest"))
        self.assertEqual(bytes(reader.received), b"x\r\nA: b\r\n\r\nrest")

    def test_incomplete(self) -> None:
        """
        Without its last byte there is no head.
        """
        for data in (b"", b"x", b"x\r\n", b"x\r\nA: b\r\n\r"):
            self.assertIsNone(outcome([data]), data)
            self.assertIsNone(outcome(single(data)), data)

    def test_beginning(self) -> None:
        """
        A subclass looks at the first bytes before there is a line of them.
        """
        self.assertRead(b"?", "begins")

    def test_firstLine(self) -> None:
        """
        Is the subclass's to judge, as soon as it is complete.
        """
        self.assertRead(b"no\r\n", "first")

    def test_lineEnds(self) -> None:
        """
        A line ends with CR LF, and has no CR, LF or NUL besides; it is shown with its end.
        """
        for line in (
            b"a\n",
            b"a: b\n",
            b"a: \rb\r\n",
            b"a: b\r\r\n",
            b"a: \0\r\n",
            b"\n",
            b"\r\r\n",
        ):
            self.assertRead(line, "malformed", line)
            self.assertRead(b"x\r\n" + line, "malformed", line)

    def test_fields(self) -> None:
        """
        A name is a token with nothing around it, a line is not folded, and a value has no control
        characters but the tab.
        """
        for line in (b"A : b", b" b", b"\tb: c", b": b", b"ab", b"a b: c", b"\xe4: b", b"a: \x1f"):
            self.assertRead(b"x\r\n" + line + b"\r\n", "malformed", line)

    def test_longestLine(self) -> None:
        """
        The first line and fields may have so many bytes, without their ends, and no more; one
        without an end is not waited for.
        """
        line = b"a:" + b"b" * (MAX_LINE - 2)
        self.assertRead(line + b"\r\n\r\n", line, (), b"")
        self.assertRead(b"x\r\n" + line + b"\r\n\r\n", b"x", ((b"a", line[2:]),), b"")
        for before in (b"", b"x\r\n"):
            self.assertRead(before + line + b"b\r\n", "too large")
            self.assertIsNone(outcome([before + line + b"\r"]))
            self.assertRead(before + line + b"bb", "too large")

    def test_longestHead(self) -> None:
        """
        The blank line counts, what is behind it doesn't.
        """
        for filler in (b"", b"abc", b"a" * 1000):
            data = b"x\r\nA:" + filler + b"\r\n\r\n"
            fields = ((b"a", filler),)
            self.assertRead(data, b"x", fields, b"", maxHead=len(data))
            self.assertEqual(outcome([data + b"more"], len(data)), (b"x", fields, b"more"))
            self.assertRead(data, "too large", maxHead=len(data) - 1)

    def test_mostFields(self) -> None:
        """
        One more is too many; a malformed one is malformed first.
        """
        data = b"x\r\n" + b"A: b\r\n" * MAX_FIELDS
        self.assertRead(data + b"\r\n", b"x", ((b"a", b" b"),) * MAX_FIELDS, b"")
        self.assertRead(data + b"A: b\r\n", "too many")
        self.assertRead(data + b"A b\r\n", "malformed", b"A b")

    @settings(deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [
                    b"x",
                    b"no",
                    b"?",
                    b"A: b",
                    b":",
                    b" ",
                    b"\t",
                    b"\r\n",
                    b"\n",
                    b"\r",
                    b"\0",
                    b"\xe9",
                ]
            ),
            max_size=20,
        ),
        st.lists(st.integers(0, 60)),
        st.integers(1, 40),
    )
    def test_segmentsDoNotMatter(self, parts: list[bytes], at: list[int], maxHead: int) -> None:
        """
        However the bytes are cut, the outcome is the same, at any bound.
        """
        data = b"".join(parts)
        self.assertEqual(outcome(cut(data, at), maxHead), outcome([data], maxHead))


class BaseTests(SynchronousTestCase):
    """
    What a subclass knows.
    """

    def test_nothingByItself(self) -> None:
        """
        The class that requests and answers share reads neither.
        """
        reader = HeadReader(100)
        self.assertRaises(NotImplementedError, reader._begins)
        self.assertRaises(NotImplementedError, reader._first, b"")
        self.assertRaises(NotImplementedError, reader._malformed, "", b"")
        self.assertRaises(NotImplementedError, reader._tooLarge)
        self.assertRaises(NotImplementedError, reader._tooMany)
