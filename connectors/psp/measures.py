"""What does the gateway count and time: its calls, those it kept back, and its breakers."""

from prometheus_client import CollectorRegistry

from schemas import metrics
from schemas.psp import ExecuteOperation, QueryOperation
from schemas.psp_operations import ProviderStatement


class Measures:
    """The metrics of one gateway. Every method may be called from any thread."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = metrics.PSP_CALLS.counter(registry)
        self._durations = metrics.PSP_CALL_DURATION.histogram(registry)
        self._withheld = metrics.PSP_CALLS_WITHHELD.counter(registry)
        self._open = metrics.PSP_BREAKER_OPEN.gauge(registry)
        self.in_hand = metrics.PSP_REQUESTS_IN_HAND.gauge(registry)

    def called(
        self,
        request: ExecuteOperation | QueryOperation,
        *,
        name: str,
        statement: ProviderStatement,
        seconds: float,
    ) -> None:
        """A call ended; name: the operation, or `query`."""
        self._calls.labels(request.provider, name, statement.outcome).inc()
        self._durations.labels(request.provider, name).observe(seconds)

    def withheld(self, request: ExecuteOperation | QueryOperation, reason: str) -> None:
        """A request ended without a call."""
        self._withheld.labels(request.provider, request.kind, reason).inc()

    def breaker_moved(self, request: ExecuteOperation, *, is_closed: bool) -> None:
        """The breaker of the operation's provider lets calls through, or no longer does."""
        self._open.labels(request.provider, request.kind).set(0 if is_closed else 1)
