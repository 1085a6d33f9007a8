"""Counters of the service in the text format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one application. Each has its own registry, so that two in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mmerc_requests_total", "Requests by path and status", ["path", "status"], registry=self.registry
        )
        self.predictions = Histogram(
            "mmerc_prediction_seconds",
            "Time from an utterance to its prediction",
            ["transport"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.waiting_utterances = Gauge(
            "mmerc_waiting_utterances", "Utterances that are computed or wait for it", registry=self.registry
        )
        self.streams = Gauge("mmerc_streams", "Live streams", registry=self.registry)
        self.jobs = Gauge("mmerc_jobs", "Recordings that are processed or wait for it", registry=self.registry)

    def to_text(self) -> bytes:
        """All counters, as Prometheus reads them."""
        return generate_latest(self.registry)
