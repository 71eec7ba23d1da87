"""What the server counts, in Prometheus's text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LATENCIES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class ServeMetrics:
    """Metrics of one server; each has its own registry, so that tests can run several in a process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "imagemill_requests",
            "Requests answered, by route and status.",
            ("route", "status"),
            registry=self._registry,
        )
        self.in_progress = Gauge(
            "imagemill_requests_in_progress",
            "Requests that were read and are not answered yet.",
            registry=self._registry,
        )
        self.latency = Histogram(
            "imagemill_request_seconds",
            "Time from the request's arrival to its answer.",
            ("route",),
            buckets=_LATENCIES,
            registry=self._registry,
        )
        self.images = Counter(
            "imagemill_images",
            "Images by outcome: `answered`, or the reason why not.",
            ("outcome",),
            registry=self._registry,
        )
        self.batch = Histogram(
            "imagemill_batch_images",
            "Images per call of the model.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=self._registry,
        )
        self.waiting = Gauge(
            "imagemill_images_waiting", "Images that wait.", registry=self._registry
        )
        self.version = Gauge("imagemill_model_version", "Version in use.", registry=self._registry)
        self.reloads = Counter(
            "imagemill_reloads",
            "Changes of the version, by outcome.",
            ("outcome",),
            registry=self._registry,
        )

    def text(self) -> bytes:
        """The current values."""
        return generate_latest(self._registry)
