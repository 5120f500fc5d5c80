"""What does this process count and time?"""

from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from schemas.metrics import API_ANSWER_DURATION, API_ANSWERS, API_COMMANDS_IN_FLIGHT, IDEMPOTENCY
from schemas.outcomes import Outcome

_BY_CODE: Final = {
    Outcome.IDEMPOTENCY_KEY_IN_USE.code: "conflict",
    Outcome.IDEMPOTENCY_MISMATCH.code: "mismatch",
}
_UNSAID: Final = frozenset({Outcome.OVERLOADED.code, Outcome.UNAVAILABLE.code})


class Metrics:
    """Metrics of one API process in the Prometheus text format."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.commands_in_flight = API_COMMANDS_IN_FLIGHT.gauge(self._registry)
        # Looking a labelled child up costs more than counting on it.
        self._answers = cache(API_ANSWERS.counter(self._registry).labels)
        self._durations = cache(API_ANSWER_DURATION.histogram(self._registry).labels)
        self._idempotency = cache(IDEMPOTENCY.counter(self._registry).labels)

    def count(self, route: str, status: int, duration_s: float) -> None:
        """Note one answer; `route` is a route's template, never a path as sent."""
        self._answers(route, status).inc()
        self._durations(route).observe(duration_s)

    def count_idempotency(self, result: str) -> None:
        """Note what an idempotency key met."""
        self._idempotency(result).inc()

    def text(self) -> bytes:
        """All metrics as scraped."""
        return generate_latest(self._registry)


def idempotency_result(code: str, status: int, *, is_replayed: bool) -> str | None:
    """What the key of an answered request met; None where nobody got so far as to look.

    code: of the answer's outcome. A refusal is the first use of its key as much as a success is.
    """
    if is_replayed:
        return "hit"
    if code in _UNSAID or status >= 500:
        return None
    return _BY_CODE.get(code, "miss")
