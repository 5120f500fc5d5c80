"""What do the events tell about how the platform does: from records the sink has written to metrics.

An event is counted once its batch is written, so a batch that is tried again counts once. Records
older than MAX_AGE_MS are loaded but not counted: a table that is rebuilt is no traffic. What is
written and then lost by a crash before it is counted stays uncounted; Postgres has the exact numbers.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from connectors.postgres.events import Event
from schemas import metrics
from schemas.envelope import Recorded
from schemas.ledger import PostingRefused, TransactionPosted
from schemas.metrics import Metric
from schemas.outcomes import DECLINE_CODES
from schemas.payment_views import PaymentSnapshot
from schemas.payments import (
    AuthorizationRequested,
    CaptureFailed,
    CaptureRequested,
    OperationUnknown,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRequiresAction,
    RefundFailed,
    RefundRequested,
    RefundSucceeded,
)
from schemas.reconciliation import (
    AmountMismatched,
    ExternalMissing,
    InternalMissing,
    LineDuplicated,
    LineMatched,
)
from schemas.risk import RiskDecided
from schemas.webhooks import DeliveryAttempted

MAX_AGE_MS: Final = 60 * 60 * 1000
MAX_OPEN: Final = 100_000
"""Operations whose request is remembered; beyond it the oldest lose their duration."""

_COUNTERS: Final = (
    metrics.AUTH,
    metrics.OPERATIONS_UNKNOWN,
    metrics.RISK_DECISIONS,
    metrics.LEDGER_REFUSALS,
    metrics.WEBHOOK_ATTEMPTS,
    metrics.RECON_RESULTS,
)
_HISTOGRAMS: Final = (
    metrics.PSP_AUTH_DURATION,
    metrics.CAPTURE_DURATION,
    metrics.REFUND_DURATION,
    metrics.LEDGER_POSTING_LAG,
    metrics.WEBHOOK_DELIVERY_DURATION,
)
_AUTHORIZATIONS: Final = "auth"
_OPERATIONS: Final = {"auth": "authorization", "cap": "capture", "void": "void", "ref": "refund"}
_RECON_STATUS: Final[dict[type, str]] = {
    LineMatched: "matched",
    AmountMismatched: "amount_mismatch",
    InternalMissing: "missing_internal",
    ExternalMissing: "missing_external",
    LineDuplicated: "duplicate",
}


class Observation(NamedTuple):
    """One observation. value: of a histogram, seconds; of a counter, how much it goes up."""

    metric: Metric
    labels: tuple[str, ...]
    value: float = 1.0


class Opened(NamedTuple):
    """An operation that was asked for. kind: authorize, sale, capture or refund."""

    kind: str
    at_ms: int


class Measures:
    """The metrics of one sink.

    How long an operation took is known only to the process that saw it begin: operations that were
    open when this process began have no duration, and neither has what is beyond MAX_OPEN.
    now_ms: Unix milliseconds.
    """

    def __init__(self, registry: CollectorRegistry, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._opened: dict[str, Opened] = {}
        self._counters: dict[Metric, Counter] = {one: one.counter(registry) for one in _COUNTERS}
        self._histograms: dict[Metric, Histogram] = {one: one.histogram(registry) for one in _HISTOGRAMS}

    def note(self, events: Iterable[Event]) -> None:
        """Count events that were written."""
        oldest_ms = self._now_ms() - MAX_AGE_MS
        for event in events:
            if event.record.timestamp_ms >= oldest_ms:
                for one in observed(event, self._taken_along(event)):
                    self._keep(one)

    def _taken_along(self, event: Event) -> Opened | None:
        """Remember the operation an event begins; or what is known of the one it ends, and forget it."""
        body = event.message.body
        opened = opening(event)
        if opened is not None:
            self._opened[body.operation_id] = opened
            if len(self._opened) > MAX_OPEN:
                del self._opened[next(iter(self._opened))]
            return None
        return self._opened.pop(body.operation_id, None) if _ends(body) else None

    def _keep(self, one: Observation) -> None:
        if one.metric.kind == "counter":
            self._counters[one.metric].labels(*one.labels).inc(one.value)
        else:
            self._histograms[one.metric].labels(*one.labels).observe(one.value)


def opening(event: Event) -> Opened | None:
    """The operation that an event begins, where its duration is measured."""
    at_ms = event.message.envelope.occurred_at_ms
    match event.message.body:
        case AuthorizationRequested(kind=kind):
            return Opened(kind, at_ms)
        case CaptureRequested():
            return Opened("capture", at_ms)
        case RefundRequested():
            return Opened("refund", at_ms)
        case _:
            return None


def observed(event: Event, opened: Opened | None) -> Iterator[Observation]:
    """What one event tells. opened: the operation it ends, where its beginning was seen.

    Times are those of records and of what caused them, on the clocks of different machines; never below 0.
    """
    match event.message.body:
        case PaymentAuthorized() | PaymentCaptured() | PaymentFailed() | CaptureFailed():
            yield from _of_charge(event, opened)
        case RefundSucceeded() if opened is not None:
            yield Observation(metrics.REFUND_DURATION, ("succeeded",), _seconds(event, opened.at_ms))
        case RefundFailed() if opened is not None:
            yield Observation(metrics.REFUND_DURATION, ("failed",), _seconds(event, opened.at_ms))
        case OperationUnknown(operation_id=operation_id):
            yield Observation(metrics.OPERATIONS_UNKNOWN, (_operation(operation_id),))
        case RiskDecided(verdict=verdict):
            yield Observation(metrics.RISK_DECISIONS, (verdict,))
        case TransactionPosted(template=template):
            lag_s = _seconds(event, event.message.envelope.occurred_at_ms)
            yield Observation(metrics.LEDGER_POSTING_LAG, (template,), lag_s)
        case PostingRefused(outcome=outcome):
            yield Observation(metrics.LEDGER_REFUSALS, (outcome,))
        case DeliveryAttempted(outcome=outcome, latency_ms=latency_ms):
            yield Observation(metrics.WEBHOOK_ATTEMPTS, (outcome,))
            yield Observation(metrics.WEBHOOK_DELIVERY_DURATION, (outcome,), latency_ms / 1000)
        case body if type(body) in _RECON_STATUS:
            yield Observation(metrics.RECON_RESULTS, (_RECON_STATUS[type(body)],))


def _of_charge(event: Event, opened: Opened | None) -> Iterator[Observation]:
    """Of the end of an authorization, sale or capture; a success we had given up on is no answer to anyone."""
    body = event.message.body
    if getattr(body, "late", False):
        return
    result = _result(body)
    is_authorization = body.operation_id.partition("_")[0] == _AUTHORIZATIONS
    if is_authorization:
        yield Observation(metrics.AUTH, (_provider(event), result))
    if opened is None:
        return
    seconds = _seconds(event, opened.at_ms)
    if is_authorization:
        yield Observation(metrics.PSP_AUTH_DURATION, (_provider(event), result), seconds)
    if opened.kind in ("capture", "sale"):
        yield Observation(metrics.CAPTURE_DURATION, (opened.kind, result), seconds)


def _ends(body: Any) -> bool:
    """Whether an operation's duration ends here; where the customer has to act, it is no longer ours."""
    return isinstance(
        body,
        PaymentAuthorized
        | PaymentCaptured
        | PaymentFailed
        | CaptureFailed
        | RefundSucceeded
        | RefundFailed
        | PaymentRequiresAction,
    )


def _result(body: Any) -> str:
    if isinstance(body, PaymentFailed | CaptureFailed):
        return "declined" if body.code in DECLINE_CODES else "failed"
    return "succeeded"


def _provider(event: Event) -> str:
    after = event.message.after if isinstance(event.message, Recorded) else None
    return (after.provider or "") if isinstance(after, PaymentSnapshot) else ""


def _operation(operation_id: str) -> str:
    return _OPERATIONS.get(operation_id.partition("_")[0], "other")


def _seconds(event: Event, since_ms: int) -> float:
    return max(0, event.record.timestamp_ms - since_ms) / 1000
