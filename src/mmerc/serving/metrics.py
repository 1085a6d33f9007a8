"""What the service counts, in Prometheus' form."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """One registry an application, so that two of them in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mmerc_requests_total", "Requests by path and status", ["path", "status"], registry=self.registry
        )
        self.answers = Histogram(
            "mmerc_answer_seconds", "From an utterance to its answer", ["way"], buckets=SECONDS, registry=self.registry
        )
        self.waiting = Gauge("mmerc_waiting", "Utterances being answered or waiting", registry=self.registry)
        self.connections = Gauge("mmerc_connections", "Live streams", registry=self.registry)
        self.jobs = Gauge("mmerc_jobs", "Recordings being read or waiting", registry=self.registry)

    def text(self) -> bytes:
        return generate_latest(self.registry)
