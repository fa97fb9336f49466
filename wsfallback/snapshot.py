"""
`Snapshot`: what has been counted of a server's connections, as plain data that JSON can carry.

Several processes that serve one port each have theirs; `merge` adds them up.
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from wsfallback.drafts.table import DRAFTS

#: The rows of connections that are of no draft: plain HTTP, and those that never said what.
UNKNOWN = "unknown"
NAMES = tuple(draft.name for draft in DRAFTS)

#: How many user agents, and origins, are known of each draft: those that were seen last.
MAX_SEEN = 50

#: How many ways to be refused are told apart on each draft: an application may have any number.
MAX_REASONS = 50
#: All others.
OTHER_REASONS = "other reasons"


class Histogram(TypedDict):
    """
    How many were up to each bound; the last of the counts is of those beyond.
    """

    bounds: list[float]
    counts: list[int]
    sum: float


class Seen(TypedDict):
    """
    A user agent, or an origin, and when a connection with it was open last; empty: none given.
    """

    text: str
    count: int
    last: float


class Refusal(TypedDict):
    """
    How often a handshake was refused in these words.
    """

    status: int
    reason: str
    count: int


class Row(TypedDict):
    """
    The connections of one draft, or of none. Messages, bytes and drops are those of open
    connections, too; durations, queues and closes of those that are over.

    ``left`` are those that ended with neither an opening nor a refusal, ``queueHigh`` is the most
    that ever waited to be sent to one client, and ``lastSeen`` when one was open last, in seconds
    since 1970.
    """

    open: int
    opened: int
    left: int
    messagesIn: int
    bytesIn: int
    messagesOut: int
    bytesOut: int
    dropped: int
    queueHigh: int
    lastSeen: float | None
    durations: Histogram
    queueHighs: Histogram
    closes: dict[str, int]
    refusals: list[Refusal]
    agents: list[Seen]
    origins: list[Seen]


class History(TypedDict):
    """
    The most that were open at once, in intervals of ``step`` seconds; the present one, the last of
    each draft's, ends at ``end``.
    """

    step: int
    end: int
    open: dict[str, list[int]]


class Snapshot(TypedDict):
    """
    ``time`` is when it was taken. What was counted was so since ``start``, and clients have been
    remembered since ``since``, which may be earlier.
    """

    time: float
    start: float
    since: float
    drafts: dict[str, Row]
    history: History


_SUMS = ("open", "opened", "left", "messagesIn", "bytesIn", "messagesOut", "bytesOut", "dropped")


def merge(snapshots: Sequence[Snapshot]) -> Snapshot:
    """
    Several servers as if they were one.

    The peaks of the history are added up, too, though they need not have been at once.

    :param snapshots: at least one.
    """
    names = list(dict.fromkeys(name for each in snapshots for name in each["drafts"]))
    return {
        "time": max(each["time"] for each in snapshots),
        "start": min(each["start"] for each in snapshots),
        "since": min(each["since"] for each in snapshots),
        "drafts": {
            name: _row([each["drafts"][name] for each in snapshots if name in each["drafts"]])
            for name in names
        },
        "history": _history([each["history"] for each in snapshots]),
    }


def latest(seen: Iterable[Seen]) -> list[Seen]:
    """
    Those that were seen last, each once, the latest first.
    """
    merged: dict[str, Seen] = {}
    for each in seen:
        text = each["text"]
        known = merged.get(text, {"text": text, "count": 0, "last": each["last"]})
        merged[text] = {
            "text": text,
            "count": known["count"] + each["count"],
            "last": max(known["last"], each["last"]),
        }
    return sorted(merged.values(), key=lambda each: each["last"], reverse=True)[:MAX_SEEN]


def nothing(time: float, since: float) -> Snapshot:
    """
    A snapshot without a connection; its rows are `noRow`.

    :param since: when clients began to be remembered.
    """
    return {
        "time": time,
        "start": time,
        "since": since,
        "drafts": {},
        "history": {"step": 0, "end": 0, "open": {}},
    }


def noRow() -> Row:
    """
    A row without a connection.
    """
    return {
        "open": 0,
        "opened": 0,
        "left": 0,
        "messagesIn": 0,
        "bytesIn": 0,
        "messagesOut": 0,
        "bytesOut": 0,
        "dropped": 0,
        "queueHigh": 0,
        "lastSeen": None,
        "durations": {"bounds": [], "counts": [], "sum": 0.0},
        "queueHighs": {"bounds": [], "counts": [], "sum": 0.0},
        "closes": {},
        "refusals": [],
        "agents": [],
        "origins": [],
    }


def _row(rows: Sequence[Row]) -> Row:
    row: Row = {**rows[0]}
    for name in _SUMS:
        row[name] = sum(each[name] for each in rows)  # type: ignore[literal-required]
    row["queueHigh"] = max(each["queueHigh"] for each in rows)
    row["lastSeen"] = max(
        (each["lastSeen"] for each in rows if each["lastSeen"] is not None), default=None
    )
    row["durations"] = _histogram([each["durations"] for each in rows])
    row["queueHighs"] = _histogram([each["queueHighs"] for each in rows])
    row["closes"] = {}
    refusals: dict[tuple[int, str], int] = {}
    for each in rows:
        for code, count in each["closes"].items():
            row["closes"][code] = row["closes"].get(code, 0) + count
        for refusal in each["refusals"]:
            key = refusal["status"], refusal["reason"]
            if key not in refusals and len(refusals) >= MAX_REASONS:
                # Of those that have ended in the course of time there may be any number.
                key = refusal["status"], OTHER_REASONS
            refusals[key] = refusals.get(key, 0) + refusal["count"]
    row["refusals"] = [
        {"status": status, "reason": reason, "count": count}
        for (status, reason), count in refusals.items()
    ]
    row["agents"] = latest(seen for each in rows for seen in each["agents"])
    row["origins"] = latest(seen for each in rows for seen in each["origins"])
    return row


def _histogram(histograms: Sequence[Histogram]) -> Histogram:
    known = [each for each in histograms if each["counts"]] or histograms[:1]
    return {
        "bounds": known[0]["bounds"],
        "counts": [sum(counts) for counts in zip(*(each["counts"] for each in known), strict=True)],
        "sum": sum(each["sum"] for each in known),
    }


def _history(histories: Sequence[History]) -> History:
    """
    Interval by interval; who has not begun the last one yet has as many in it as before.
    """
    known = [each for each in histories if each["open"]]
    if not known:
        return histories[0]
    step, end = known[0]["step"], max(each["end"] for each in known)
    summed: dict[str, list[int]] = {}
    for each in known:
        late = (end - each["end"]) // step
        for name, values in each["open"].items():
            moved = [*values, *([values[-1]] * late)][-len(values) :]
            sofar = summed.get(name, [0] * len(moved))
            summed[name] = [one + other for one, other in zip(sofar, moved, strict=True)]
    return {"step": step, "end": end, "open": summed}
