"""
A snapshot as a page for people.

Whatever a client sent is escaped in `_cell`, and nowhere else gets onto the page.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template

from wsfallback.drafts.table import DRAFTS, RFC_6455, Draft
from wsfallback.plot import spark, stacked
from wsfallback.snapshot import Row, Seen, Snapshot

_TEMPLATE = Template(files("wsfallback").joinpath("status.html").read_text("utf-8"))

#: What the page's style is, for its policy.
STYLE = _TEMPLATE.template.partition("<style>")[2].partition("</style>")[0]

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))

#: How the table of connections calls its columns, and what a row has there.
_COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("open", lambda row: f"{row['open']:,}"),
    ("opened", lambda row: f"{row['opened']:,}"),
    ("refused", lambda row: f"{sum(each['count'] for each in row['refusals']):,}"),
    ("left early", lambda row: f"{row['left']:,}"),
    ("messages in", lambda row: f"{row['messagesIn']:,}"),
    ("out", lambda row: f"{row['messagesOut']:,}"),
    ("bytes in", lambda row: amount(row["bytesIn"])),
    ("out", lambda row: amount(row["bytesOut"])),
    ("dropped", lambda row: f"{row['dropped']:,}"),
    ("longest queue", lambda row: amount(row["queueHigh"])),
)


def page(snapshot: Snapshot, isReady: bool) -> bytes:
    """
    The page, as HTML in UTF-8.
    """
    now, rows, history = snapshot["time"], snapshot["drafts"], snapshot["history"]
    there = [draft for draft in DRAFTS if draft.name in rows]
    # The newest lowest: what is above it is what somebody waits to see vanish.
    drawn = {
        draft.name: history["open"][draft.name]
        for draft in reversed(there)
        if draft.name in history["open"]
    }
    opened = sum(rows[draft.name]["open"] for draft in there)
    taken = datetime.fromtimestamp(now, UTC)
    return _TEMPLATE.substitute(
        title=f"{opened:,} open \N{EN DASH} wsfallback",
        state="ready" if isReady else "draining",
        taken=f"{taken:%Y-%m-%d %H:%M:%S} UTC",
        counting=f"for {lasting(now - snapshot['start'])}",
        cards="\n".join(_card(draft, snapshot) for draft in there),
        plot=stacked(drawn, history["step"]),
        legend="".join(
            f'<li class="key {draft.name}">{draft.name}</li>' for draft in reversed(there)
        ),
        connections=_connections(snapshot),
        refusals=_refusals(snapshot),
        clients="".join(_clients(draft, snapshot) for draft in there if draft is not RFC_6455)
        or _nothing("nobody has"),
        closes=_closes(snapshot),
        durations=_durations(snapshot),
    ).encode()


def lasting(seconds: float) -> str:
    """
    A time in one unit: ``41 days``.
    """
    whole = max(0, int(seconds))
    name, size = next((unit for unit in _UNITS if whole >= unit[1]), _UNITS[-1])
    count = whole // size
    return f"{count} {name}{'' if count == 1 else 's'}"


def amount(size: int) -> str:
    """
    Bytes, to three digits: ``1.2 MiB``.
    """
    value, units = float(size), ["TiB", "GiB", "MiB", "KiB", "B"]
    unit = units.pop()
    while value >= 1000 and units:
        value /= 1024
        unit = units.pop()
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"


def verdict(draft: str, snapshot: Snapshot) -> str:
    """
    Whether anybody still speaks a draft, in a sentence.
    """
    row, now = snapshot["drafts"][draft], snapshot["time"]
    if row["open"]:
        return "In use now."
    if row["lastSeen"] is not None:
        return f"No {draft} client for {lasting(max(1.0, now - row['lastSeen']))}."
    return f"No {draft} client in {lasting(now - snapshot['since'])} of records."


def _card(draft: Draft, snapshot: Snapshot) -> str:
    row = snapshot["drafts"][draft.name]
    return (
        f'<div class="card {draft.name}"><h2>{draft.name}</h2>'
        f'<p class="open">{row["open"]:,} <small>open</small></p>'
        f'<p class="verdict">{escape(verdict(draft.name, snapshot))}</p>'
        f'<p class="who faint">{escape(draft.clients)}</p>'
        f"{spark(draft.name, snapshot['history']['open'].get(draft.name, []))}</div>"
    )


def _connections(snapshot: Snapshot) -> str:
    return _table(
        ("", *(name for name, _ in _COLUMNS), "last seen"),
        (
            [_key(name), *(_number(text(row)) for _, text in _COLUMNS), _last(row, snapshot)]
            for name, row in snapshot["drafts"].items()
        ),
        len(_COLUMNS) + 1,
    )


def _last(row: Row, snapshot: Snapshot) -> str:
    last = row["lastSeen"]
    if last is None:
        return _number("never")
    return _number("now" if row["open"] else f"{lasting(snapshot['time'] - last)} ago")


def _refusals(snapshot: Snapshot) -> str:
    found = sorted(
        (
            (name, refusal)
            for name, row in snapshot["drafts"].items()
            for refusal in row["refusals"]
        ),
        key=lambda each: -each[1]["count"],
    )
    if not found:
        return _nothing("nobody was")
    return _table(
        ("", "status", "why", "times"),
        (
            [
                _key(name),
                _cell(str(refusal["status"]), "nowrap"),
                _cell(refusal["reason"], "text"),
                _number(f"{refusal['count']:,}"),
            ]
            for name, refusal in found
        ),
        1,
    )


def _clients(draft: Draft, snapshot: Snapshot) -> str:
    row = snapshot["drafts"][draft.name]
    if not row["agents"]:
        return ""
    return f'<h3 class="key {draft.name}">{draft.name}</h3>' + "".join(
        _seen(title, seen, snapshot["time"])
        for title, seen in (("user agent", row["agents"]), ("origin", row["origins"]))
    )


def _seen(title: str, seen: Iterable[Seen], now: float) -> str:
    return _table(
        (title, "connections", "last seen"),
        (
            [
                _cell(each["text"] or "(none given)", "text"),
                _number(f"{each['count']:,}"),
                _number(f"{lasting(now - each['last'])} ago" if now - each["last"] >= 1 else "now"),
            ]
            for each in seen
        ),
        2,
    )


def _closes(snapshot: Snapshot) -> str:
    rows = {name: row["closes"] for name, row in snapshot["drafts"].items() if row["closes"]}
    codes = sorted({code for closes in rows.values() for code in closes})
    if not rows:
        return _nothing("none has")
    return _table(
        ("", *codes),
        (
            [_key(name), *(_number(f"{closes.get(code, 0):,}") for code in codes)]
            for name, closes in rows.items()
        ),
        len(codes),
    )


def _durations(snapshot: Snapshot) -> str:
    rows = {
        name: row["durations"]
        for name, row in snapshot["drafts"].items()
        if any(row["durations"]["counts"])
    }
    if not rows:
        return _nothing("none has ended")
    bounds = next(iter(rows.values()))["bounds"]
    titles = [f"up to {_bound(bound)}" for bound in bounds] + ["longer"]
    return _table(
        ("", *titles),
        (
            [_key(name), *(_number(f"{count:,}") for count in durations["counts"])]
            for name, durations in rows.items()
        ),
        len(titles),
    )


def _bound(seconds: float) -> str:
    return lasting(seconds) if seconds >= 1 else f"{seconds:g} s"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> str:
    """
    :param rows: cells, as HTML.
    :param numbers: how many of the columns have these, from the last one.
    """
    first = len(titles) - numbers
    heads = [
        f"<th{' class=number' if at >= first else ''}>{escape(title)}</th>"
        for at, title in enumerate(titles)
    ]
    return (
        f"<table><thead><tr>{''.join(heads)}</tr></thead>"
        f"<tbody>{''.join(f'<tr>{chr(10).join(row)}</tr>' for row in rows)}</tbody></table>"
    )


def _key(name: str) -> str:
    return f'<td class="nowrap"><span class="key {escape(name)}">{escape(name)}</span></td>'


def _number(text: str) -> str:
    return _cell(text, "number zero" if text in ("0", "0 B", "never") else "number")


def _cell(text: str, kind: str) -> str:
    return f'<td class="{kind}">{escape(text)}</td>'


def _nothing(what: str) -> str:
    return f'<p class="faint">So far {what}.</p>'
