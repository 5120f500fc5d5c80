"""What does this process count and time?"""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Metrics of one API process in the Prometheus text format."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        answers = Counter(
            "api_answers", "Answers by route and status", ["route", "status"], registry=self._registry
        )
        durations = Histogram(
            "api_answer_duration_seconds",
            "Time from accepting a request to its answer",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.commands_in_flight = Gauge(
            "api_commands_in_flight", "Commands that wait for their result", registry=self._registry
        )
        # Looking a labelled child up costs more than counting on it.
        self._answers = cache(answers.labels)
        self._durations = cache(durations.labels)

    def count(self, route: str, status: int, duration_s: float) -> None:
        """Note one answer; `route` is a route's template, never a path as sent."""
        self._answers(route, status).inc()
        self._durations(route).observe(duration_s)

    def text(self) -> bytes:
        """All metrics as scraped."""
        return generate_latest(self._registry)
