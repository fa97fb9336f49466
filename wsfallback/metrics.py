"""
A snapshot as Prometheus wants to have it. Needs ``prometheus_client``.

Every label has few values, none of them a peer's.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from wsfallback.snapshot import Histogram, Row, Snapshot

#: Name, what it is, more labels than the draft's; and the values of a row by these.
_COUNTERS: tuple[
    tuple[str, str, tuple[str, ...], Callable[[Row], dict[tuple[str, ...], int]]], ...
] = (
    (
        "handshakes",
        "Connections that were opened.",
        (),
        lambda row: {(): row["opened"]},
    ),
    (
        "refusals",
        "Handshakes and requests that were refused, by HTTP status.",
        ("status",),
        lambda row: _byStatus(row),
    ),
    (
        "left",
        "Connections that ended with neither an opening nor a refusal.",
        (),
        lambda row: {(): row["left"]},
    ),
    (
        "messages",
        "Messages, or frames where these are handed over.",
        ("direction",),
        lambda row: {("in",): row["messagesIn"], ("out",): row["messagesOut"]},
    ),
    (
        "bytes",
        "Bytes of their payloads.",
        ("direction",),
        lambda row: {("in",): row["bytesIn"], ("out",): row["bytesOut"]},
    ),
    (
        "dropped_messages",
        "Messages that had no room in a send queue.",
        (),
        lambda row: {(): row["dropped"]},
    ),
    (
        "closes",
        "Connections that are over, by close code.",
        ("code",),
        lambda row: {(code,): count for code, count in row["closes"].items()},
    ),
)


def exposition(snapshot: Snapshot, isReady: bool, accept: str) -> tuple[str, bytes]:
    """
    The metrics of a server.

    :param accept: the ``Accept`` of who asks.
    :returns: their content type, and they.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(snapshot, isReady))
    try:
        encode, contentType = choose_encoder(accept)
    except (TypeError, ValueError):
        # It fails on a version that is none.
        encode, contentType = choose_encoder("")
    return contentType, encode(registry)


class _Snapshot(Collector):
    def __init__(self, snapshot: Snapshot, isReady: bool) -> None:
        self._snapshot = snapshot
        self._isReady = isReady

    def collect(self) -> Iterator[Metric]:
        """
        The metrics, one after the other.
        """
        snapshot = self._snapshot
        rows = snapshot["drafts"]
        yield GaugeMetricFamily(
            "wsfallback_ready", "Whether there may be new connections.", float(self._isReady)
        )
        yield GaugeMetricFamily(
            "wsfallback_start_time_seconds", "Since when is counted.", snapshot["start"]
        )
        gauge = GaugeMetricFamily(
            "wsfallback_connections_open", "Connections that are open.", labels=["draft"]
        )
        for draft, row in rows.items():
            gauge.add_metric([draft], row["open"])
        yield gauge
        gauge = GaugeMetricFamily(
            "wsfallback_last_seen_timestamp_seconds",
            "When a connection was open last.",
            labels=["draft"],
        )
        for draft, row in rows.items():
            if row["lastSeen"] is not None:
                gauge.add_metric([draft], row["lastSeen"])
        yield gauge
        for name, text, labels, values in _COUNTERS:
            counter = CounterMetricFamily(f"wsfallback_{name}", text, labels=["draft", *labels])
            for draft, row in rows.items():
                for more, count in values(row).items():
                    counter.add_metric([draft, *more], count)
            yield counter
        yield _histograms(
            "wsfallback_connection_duration_seconds",
            "How long connections that are over were open.",
            {draft: row["durations"] for draft, row in rows.items()},
        )
        yield _histograms(
            "wsfallback_send_queue_high_bytes",
            "The most that waited to be sent on each connection that is over.",
            {draft: row["queueHighs"] for draft, row in rows.items()},
        )


def _histograms(name: str, text: str, byDraft: dict[str, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=["draft"])
    for draft, histogram in byDraft.items():
        upTo = 0
        buckets = []
        bounds = [*map(str, histogram["bounds"]), "+Inf"]
        for bound, count in zip(bounds, histogram["counts"], strict=True):
            upTo += count
            buckets.append((bound, float(upTo)))
        family.add_metric([draft], buckets, histogram["sum"])
    return family


def _byStatus(row: Row) -> dict[tuple[str, ...], int]:
    counts: dict[tuple[str, ...], int] = {}
    for refusal in row["refusals"]:
        key = (str(refusal["status"]),)
        counts[key] = counts.get(key, 0) + refusal["count"]
    return counts
