"""
What Prometheus gets, read by its own parsers.
"""

from prometheus_client import CONTENT_TYPE_LATEST, openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openFamilies
from prometheus_client.parser import text_string_to_metric_families as families
from twisted.trial.unittest import SynchronousTestCase

from tests.counted import BEGIN, HOSTILE, Counted
from wsfallback.metrics import exposition


class MetricsTests(SynchronousTestCase):
    """
    Names, labels and values.
    """

    def setUp(self) -> None:
        self.counted = Counted()

    def samples(self, accept: str = "") -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """
        Each value by its name and labels.
        """
        contentType, text = exposition(self.counted.statistics.snapshot(), True, accept)
        read = openFamilies if "openmetrics" in contentType else families
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in read(text.decode())
            for sample in family.samples
        }

    def test_values(self) -> None:
        """
        In both formats, all that is counted.
        """
        record = self.counted.open("hixie-76")
        record.traffic.messagesIn, record.traffic.bytesIn = 3, 30
        record.traffic.messagesOut, record.traffic.bytesOut = 4, 40
        record.traffic.dropped, record.traffic.queueHigh = 5, 2000
        self.counted.clock.advance(5)
        record.closes(False, 1006, None)
        record.ends()
        self.counted.open("hixie-76")
        self.counted.refuse(403, "One reason", "hixie-76")
        self.counted.refuse(403, "Another reason", "hixie-76")
        self.counted.begin().ends()
        for accept in ("", "application/openmetrics-text; version=1.0.0"):
            found = self.samples(accept)
            draft = ("draft", "hixie-76")
            for name, labels, value in (
                ("wsfallback_connections_open", (), 1),
                ("wsfallback_handshakes_total", (), 2),
                ("wsfallback_refusals_total", (("status", "403"),), 2),
                ("wsfallback_messages_total", (("direction", "in"),), 3),
                ("wsfallback_messages_total", (("direction", "out"),), 4),
                ("wsfallback_bytes_total", (("direction", "in"),), 30),
                ("wsfallback_bytes_total", (("direction", "out"),), 40),
                ("wsfallback_dropped_messages_total", (), 5),
                ("wsfallback_closes_total", (("code", "1006"),), 1),
                ("wsfallback_last_seen_timestamp_seconds", (), BEGIN + 5),
                ("wsfallback_connection_duration_seconds_count", (), 1),
                ("wsfallback_connection_duration_seconds_sum", (), 5),
                ("wsfallback_connection_duration_seconds_bucket", (("le", "1.0"),), 0),
                ("wsfallback_connection_duration_seconds_bucket", (("le", "10.0"),), 1),
                ("wsfallback_connection_duration_seconds_bucket", (("le", "+Inf"),), 1),
                ("wsfallback_send_queue_high_bytes_bucket", (("le", "1024.0"),), 0),
                ("wsfallback_send_queue_high_bytes_bucket", (("le", "16384.0"),), 1),
            ):
                key = name, tuple(sorted((draft, *labels)))
                self.assertEqual(found[key], value, key)
            self.assertEqual(found["wsfallback_left_total", (("draft", "unknown"),)], 1)
            self.assertEqual(found["wsfallback_ready", ()], 1)
            self.assertEqual(found["wsfallback_start_time_seconds", ()], BEGIN)
            # Who was never seen has no time at which it was.
            self.assertNotIn(
                ("wsfallback_last_seen_timestamp_seconds", (("draft", "hixie-75"),)), found
            )

    def test_contentTypes(self) -> None:
        """
        As is asked for.
        """
        snapshot = self.counted.statistics.snapshot()
        for accept, wanted in (
            ("", "text/plain; version=0.0.4; charset=utf-8"),
            ("text/plain;version=1.0.0", CONTENT_TYPE_LATEST),
            ("application/openmetrics-text", openmetrics.exposition.CONTENT_TYPE_LATEST),
            ("application/openmetrics-text;version=x", "text/plain; version=0.0.4"),
            (";;=,version=\xff", "text/plain; version=0.0.4"),
        ):
            self.assertTrue(exposition(snapshot, True, accept)[0].startswith(wanted))
        self.assertIn(b"wsfallback_ready 0.0", exposition(snapshot, False, "")[1])

    def test_hostile(self) -> None:
        """
        Nothing that a client says becomes a label.
        """
        before = set(self.samples())
        for text in HOSTILE:
            self.counted.open("rfc6455", text, text).closes(False, 4999, text)
            self.counted.refuse(403, text, "rfc6455")
        added = {
            *("wsfallback_refusals_total", "wsfallback_last_seen_timestamp_seconds"),
        }
        self.assertEqual({name for name, _ in set(self.samples()) - before}, added)
