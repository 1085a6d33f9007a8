"""The counters."""

from mmerc.serving.metrics import Metrics


def test_two_applications_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.requests.labels("/", "200").inc()
    one.streams.set(2)
    assert b'mmerc_requests_total{path="/",status="200"} 1.0' in one.to_text() and b"mmerc_streams 2.0" in one.to_text()
    assert b'path="/"' not in other.to_text()
