"""Which metrics exist: every name with its kind, labels and meaning; no process exposes another.

Labels have few values: never a merchant, an endpoint or anything else there may be a million of.
"""

from typing import Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]
Process = Literal["api", "worker", "clock", "gateway", "sink", "egress", "bank", "audit"]

_CALLS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Bounds in seconds of what a caller waits for."""
_CHAINS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Bounds in seconds of what several processes do one after the other, and an unknown outcome prolongs."""


class Metric(NamedTuple):
    """One metric under the name a query uses; the unit, or `total` of a counter, is its last word.

    process: which one exposes it. bounds: of a histogram's buckets.
    """

    name: str
    kind: Kind
    process: Process
    labels: tuple[str, ...]
    meaning: str
    bounds: tuple[float, ...] = _CALLS

    def counter(self, registry: CollectorRegistry) -> Counter:
        """The counter of a process with this registry."""
        assert self.kind == "counter", f"{self.name} is a {self.kind}"
        return Counter(self.name, self.meaning, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """The gauge of a process with this registry."""
        assert self.kind == "gauge", f"{self.name} is a {self.kind}"
        return Gauge(self.name, self.meaning, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """The histogram of a process with this registry."""
        assert self.kind == "histogram", f"{self.name} is a {self.kind}"
        return Histogram(self.name, self.meaning, self.labels, buckets=self.bounds, registry=registry)


# --- The API ------------------------------------------------------------------------------------

API_ANSWERS: Final = Metric(
    "api_answers_total", "counter", "api", ("route", "status"), "Answers by route and HTTP status"
)
API_ANSWER_DURATION: Final = Metric(
    "api_answer_duration_seconds",
    "histogram",
    "api",
    ("route",),
    "Time from accepting a request to its answer",
)
API_COMMANDS_IN_FLIGHT: Final = Metric(
    "api_commands_in_flight", "gauge", "api", (), "Commands that wait for their result"
)
IDEMPOTENCY: Final = Metric(
    "idempotency_total",
    "counter",
    "api",
    ("result",),
    "Requests by what their idempotency key met: miss (first use), hit (answered as before), "
    "conflict (in use), mismatch (used with other parameters)",
)

# --- Workers ------------------------------------------------------------------------------------

STAGE_HANDLED_RECORDS: Final = Metric(
    "stage_handled_records",
    "gauge",
    "worker",
    ("stage", "partition"),
    "Records a task handled since it got its partition",
)
STAGE_TRANSACTIONS: Final = Metric(
    "stage_transactions",
    "gauge",
    "worker",
    ("stage", "partition"),
    "Transactions a task has committed in its life",
)
STAGE_DEFERRED_RECORDS: Final = Metric(
    "stage_deferred_records",
    "gauge",
    "worker",
    ("stage", "partition"),
    "Records a task keeps until what they are about is there, as sales of a merchant whose terms were not read yet",
)
STAGE_LAG: Final = Metric(
    "stage_lag_records",
    "gauge",
    "worker",
    ("stage", "partition"),
    "Offsets between a task's committed positions and the ends of its inputs, ticks left out",
)

# --- The provider gateway -----------------------------------------------------------------------

PSP_CALLS: Final = Metric(
    "psp_calls_total",
    "counter",
    "gateway",
    ("provider", "operation", "outcome"),
    "Calls to a provider by operation (or query) and what their end proves",
)
PSP_CALL_DURATION: Final = Metric(
    "psp_call_seconds", "histogram", "gateway", ("provider", "operation"), "Time a provider took for a call"
)
PSP_CALLS_WITHHELD: Final = Metric(
    "psp_calls_withheld_total",
    "counter",
    "gateway",
    ("provider", "operation", "reason"),
    "Requests ended without a call: not_sent (breaker open), not_sent_in_time, provider_not_configured",
)
PSP_BREAKER_OPEN: Final = Metric(
    "psp_breaker_open",
    "gauge",
    "gateway",
    ("provider", "operation"),
    "1 while the breaker keeps calls back, 0 while they flow",
)
PSP_REQUESTS_IN_HAND: Final = Metric(
    "psp_requests_in_hand", "gauge", "gateway", (), "Requests read and not yet told the result of"
)

# --- The sink: what the events say ---------------------------------------------------------------

AUTH: Final = Metric(
    "auth_total",
    "counter",
    "sink",
    ("provider", "result"),
    "Authorizations and sales that ended: succeeded, declined (by the issuer) or failed",
)
PSP_AUTH_DURATION: Final = Metric(
    "psp_auth_seconds",
    "histogram",
    "sink",
    ("provider", "result"),
    "Time from the request that led to an authorization or sale to the event that ended it",
    _CHAINS,
)
CAPTURE_DURATION: Final = Metric(
    "capture_seconds",
    "histogram",
    "sink",
    ("operation", "result"),
    "Time from the request that led to a capture (or sale) to the event that ended it",
    _CHAINS,
)
REFUND_DURATION: Final = Metric(
    "refund_seconds",
    "histogram",
    "sink",
    ("result",),
    "Time from the request that led to a refund to the event that ended it",
    _CHAINS,
)
OPERATIONS_UNKNOWN: Final = Metric(
    "operations_unknown_total",
    "counter",
    "sink",
    ("operation",),
    "Provider operations whose outcome became unknown",
)
RISK_DECISIONS: Final = Metric(
    "risk_decisions_total", "counter", "sink", ("verdict",), "Attempts by the verdict of risk"
)
LEDGER_POSTING_LAG: Final = Metric(
    "ledger_posting_lag_seconds",
    "histogram",
    "sink",
    ("template",),
    "Time from what a transaction posts to its record in the journal",
    _CHAINS,
)
LEDGER_REFUSALS: Final = Metric(
    "ledger_refusals_total", "counter", "sink", ("outcome",), "Reservations the ledger refused"
)
WEBHOOK_ATTEMPTS: Final = Metric(
    "webhook_attempts_total",
    "counter",
    "sink",
    ("outcome",),
    "Attempts to deliver a webhook: delivered, failed (tried again) or exhausted",
)
WEBHOOK_DELIVERY_DURATION: Final = Metric(
    "webhook_delivery_seconds",
    "histogram",
    "sink",
    ("outcome",),
    "Time a merchant's endpoint took for an attempt",
)
RECON_RESULTS: Final = Metric(
    "recon_results_total",
    "counter",
    "sink",
    ("status",),
    "Results of reconciliation: matched, amount_mismatch, missing_internal, missing_external, duplicate",
)

# --- The webhook egress -------------------------------------------------------------------------

WEBHOOK_DELIVERIES_IN_FLIGHT: Final = Metric(
    "webhook_deliveries_in_flight", "gauge", "egress", (), "Deliveries being sent now"
)
WEBHOOK_LANES: Final = Metric(
    "webhook_lanes", "gauge", "egress", (), "Endpoints that have deliveries waiting or being sent"
)
WEBHOOK_BACKLOG: Final = Metric(
    "webhook_backlog_messages", "gauge", "egress", (), "Deliveries read and not yet ended"
)

# --- The bank connector -------------------------------------------------------------------------

SETTLEMENT_FILES: Final = Metric(
    "settlement_files_total",
    "counter",
    "bank",
    ("result",),
    "Settlement files: accepted, or the problem for which one was refused",
)
SETTLEMENT_LINES: Final = Metric(
    "settlement_lines_total", "counter", "bank", (), "Settlement lines told to reconciliation"
)

# --- Seals of the journal -----------------------------------------------------------------------

SEALS: Final = Metric("journal_seals_total", "counter", "audit", (), "Seals of the journal")
SEALED_RECORDS: Final = Metric(
    "journal_sealed_records", "gauge", "audit", (), "Records of the journal under the last seal"
)

# --- The clock ----------------------------------------------------------------------------------

CLOCK_TICKS: Final = Metric(
    "clock_ticks_total", "counter", "clock", (), "Ticks the brokers took, over all partitions"
)

ALL: Final = (
    API_ANSWERS,
    API_ANSWER_DURATION,
    API_COMMANDS_IN_FLIGHT,
    IDEMPOTENCY,
    STAGE_HANDLED_RECORDS,
    STAGE_TRANSACTIONS,
    STAGE_DEFERRED_RECORDS,
    STAGE_LAG,
    PSP_CALLS,
    PSP_CALL_DURATION,
    PSP_CALLS_WITHHELD,
    PSP_BREAKER_OPEN,
    PSP_REQUESTS_IN_HAND,
    AUTH,
    PSP_AUTH_DURATION,
    CAPTURE_DURATION,
    REFUND_DURATION,
    OPERATIONS_UNKNOWN,
    RISK_DECISIONS,
    LEDGER_POSTING_LAG,
    LEDGER_REFUSALS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERY_DURATION,
    RECON_RESULTS,
    WEBHOOK_DELIVERIES_IN_FLIGHT,
    WEBHOOK_LANES,
    WEBHOOK_BACKLOG,
    SETTLEMENT_FILES,
    SETTLEMENT_LINES,
    SEALS,
    SEALED_RECORDS,
    CLOCK_TICKS,
)
RESERVED: Final[dict[str, str]] = {
    "dispute_total": "Chargebacks. No process exposes it: the platform handles no disputes, and a zero would be a lie",
}
"""Names that mean one thing and that nothing exposes, with the reason."""
