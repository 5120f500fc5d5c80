"""What does this process count and time?"""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from schemas.metrics import API_ANSWER_DURATION, API_ANSWERS, API_COMMANDS_IN_FLIGHT

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Metrics of one API process in the Prometheus text format."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        answers = Counter(API_ANSWERS.name, API_ANSWERS.meaning, API_ANSWERS.labels, registry=self._registry)
        durations = Histogram(
            API_ANSWER_DURATION.name,
            API_ANSWER_DURATION.meaning,
            API_ANSWER_DURATION.labels,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.commands_in_flight = Gauge(
            API_COMMANDS_IN_FLIGHT.name, API_COMMANDS_IN_FLIGHT.meaning, registry=self._registry
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
