"""Which topics exist: name, key domain, writer, readers, encoding and retention of each.

Nothing else in the repository names a topic. Partition counts are fixed for life.
"""

from collections.abc import Mapping
from types import UnionType
from typing import Final, Literal, NamedTuple

from schemas import (
    api,
    audit,
    balances,
    bank,
    ledger,
    merchants,
    payment_commands,
    payments,
    platform,
    psp,
    reconciliation,
    risk,
    webhooks,
)
from schemas.payment_views import PaymentSnapshot

Encoding = Literal["avro", "json"]
KeyDomain = Literal[
    "payment",
    "book",
    "entity",
    "account",
    "endpoint",
    "match",
    "file",
    "seal",
    "request",
    "api_instance",
    "broadcast",
]

_DAY_MS: Final = 24 * 60 * 60 * 1000
FOREVER: Final = -1
DEAD_LETTER_SUFFIX: Final = ".dlq"
DEAD_LETTER_RETENTION_MS: Final = 30 * _DAY_MS


class Topic(NamedTuple):
    """One topic. Contracts (read outside the pipeline) are Avro, plumbing is JSON of the same structs.

    body: the union of message bodies. after: of an event topic, what the aggregate is shown as.
    retention_ms: FOREVER or milliseconds.
    is_skippable: a reader whose position has been deleted may go on at the low end (clock ticks).
    """

    name: str
    key_domain: KeyDomain
    writer: str
    readers: tuple[str, ...]
    encoding: Encoding
    body: type | UnionType
    retention_ms: int
    after: type | None = None
    is_skippable: bool = False

    @property
    def is_broadcast(self) -> bool:
        """True when every partition gets a copy of every record."""
        return self.key_domain == "broadcast"

    @property
    def is_answered(self) -> bool:
        """True where callers of the API ask for something and wait; nobody else is answered."""
        return self.writer == "api" and ".commands." in self.name

    @property
    def dead_letters(self) -> str:
        """Where records of this topic go whose bytes cannot be decoded."""
        return self.name + DEAD_LETTER_SUFFIX


MERCHANTS_COMMANDS: Final = Topic(
    "merchants.commands.v1", "book", "api", ("merchants",), "json", merchants.Command, 14 * _DAY_MS
)
MERCHANTS_EVENTS: Final = Topic(
    "merchants.events.v1",
    "book",
    "merchants",
    ("api", "ledger", "webhooks", "postgres"),
    "avro",
    merchants.Event,
    FOREVER,
    merchants.AccountSnapshot,
)
PAYMENTS_COMMANDS_API: Final = Topic(
    "payments.commands.api.v1",
    "payment",
    "api",
    ("payments",),
    "json",
    payment_commands.Command,
    14 * _DAY_MS,
)
PAYMENTS_EVENTS: Final = Topic(
    "payments.events.v1",
    "payment",
    "payments",
    ("postgres",),
    "avro",
    payments.Event,
    FOREVER,
    PaymentSnapshot,
)
PSP_REQUESTS: Final = Topic(
    "psp.requests.v1", "payment", "payments", ("connectors.psp",), "json", psp.Request, 30 * _DAY_MS
)
PSP_RESULTS: Final = Topic(
    "psp.results.v1", "payment", "connectors.psp", ("payments",), "json", psp.OperationResult, 30 * _DAY_MS
)
PSP_NOTIFICATIONS: Final = Topic(
    "psp.notifications.v1", "payment", "api", ("payments",), "json", psp.OperationResult, 30 * _DAY_MS
)
RISK_LOOKUPS: Final = Topic(
    "risk.lookups.v1", "entity", "payments", ("windows",), "json", risk.LookUpEntity, 30 * _DAY_MS
)
RISK_OBSERVATIONS: Final = Topic(
    "risk.observations.v1", "entity", "windows", ("verify",), "json", risk.EntityObserved, FOREVER
)
RISK_FEATURES: Final = Topic(
    "risk.features.v1", "payment", "windows", ("risk",), "json", risk.EntityFeatures, 30 * _DAY_MS
)
RISK_REQUESTS: Final = Topic(
    "risk.requests.v1", "payment", "payments", ("risk",), "json", risk.AssessPayment, 30 * _DAY_MS
)
RISK_ASSESSMENTS: Final = Topic(
    "risk.assessments.v1", "payment", "risk", ("verify",), "json", risk.AssessmentEvent, FOREVER
)
RISK_DECISIONS: Final = Topic(
    "risk.decisions.v1", "payment", "risk", ("payments", "postgres"), "avro", risk.RiskDecided, FOREVER
)
RISK_RULES: Final = Topic("risk.rules.v1", "broadcast", "ops", ("risk",), "json", risk.RulesDeployed, FOREVER)
LEDGER_COMMANDS_PAYMENTS: Final = Topic(
    "ledger.commands.payments.v1",
    "book",
    "payments",
    ("ledger",),
    "json",
    ledger.PaymentsCommand,
    14 * _DAY_MS,
)
LEDGER_COMMANDS_OPS: Final = Topic(
    "ledger.commands.ops.v1", "book", "ops", ("ledger",), "json", ledger.OpsCommand, 14 * _DAY_MS
)
LEDGER_COMMANDS_API: Final = Topic(
    "ledger.commands.api.v1", "book", "api", ("ledger",), "json", ledger.AdjustmentCommand, 14 * _DAY_MS
)
LEDGER_COMMANDS_INTERBOOK: Final = Topic(
    "ledger.commands.interbook.v1", "book", "ledger", ("ledger",), "json", ledger.PostEntry, 14 * _DAY_MS
)
LEDGER_RESULTS_OPS: Final = Topic(
    "ledger.results.ops.v1", "book", "ledger", ("ops",), "json", ledger.PostingResult, 30 * _DAY_MS
)
LEDGER_JOURNAL: Final = Topic(
    "ledger.journal.v1", "book", "ledger", ("postgres",), "avro", ledger.Event, FOREVER
)
LEDGER_BALANCES: Final = Topic(
    "ledger.balances.v1", "book", "ledger", ("postgres",), "avro", balances.BalancesChanged, FOREVER
)
LEDGER_STATEMENTS: Final = Topic(
    "ledger.statements.v1",
    "book",
    "ledger",
    ("postgres",),
    "avro",
    balances.BalanceTransactionsPosted,
    FOREVER,
)
LEDGER_RESULTS_PAYMENTS: Final = Topic(
    "ledger.results.payments.v1",
    "payment",
    "ledger",
    ("payments",),
    "json",
    ledger.PostingResult,
    30 * _DAY_MS,
)
LEDGER_SEALS: Final = Topic(
    "ledger.seals.v1", "seal", "connectors.audit", ("auditors",), "avro", audit.JournalSealed, FOREVER
)
LEDGER_SHARDS: Final = Topic(
    "ledger.shards.v1", "account", "ledger", ("totals",), "json", balances.ShardReported, 30 * _DAY_MS
)
LEDGER_TOTALS: Final = Topic(
    "ledger.totals.v1", "account", "totals", ("postgres",), "avro", balances.TotalChanged, FOREVER
)
WEBHOOKS_EVENTS_PAYMENTS: Final = Topic(
    "webhooks.events.payments.v1",
    "book",
    "payments",
    ("webhooks",),
    "json",
    webhooks.AnnounceEvent,
    30 * _DAY_MS,
)
WEBHOOKS_COMMANDS: Final = Topic(
    "webhooks.commands.v1", "book", "api", ("webhooks",), "json", webhooks.ResendEvent, 14 * _DAY_MS
)
WEBHOOKS_MESSAGES: Final = Topic(
    "webhooks.messages.v1", "book", "webhooks", ("postgres",), "avro", webhooks.Event, FOREVER
)
WEBHOOKS_DELIVERIES: Final = Topic(
    "webhooks.deliveries.v1",
    "endpoint",
    "webhooks",
    ("connectors.webhooks",),
    "json",
    webhooks.DeliverMessage,
    30 * _DAY_MS,
)


def _delayed(delay: str) -> Topic:
    return Topic(
        f"webhooks.delayed.{delay}.v1",
        "endpoint",
        "connectors.webhooks",
        ("connectors.webhooks",),
        "json",
        webhooks.DeliverMessage,
        30 * _DAY_MS,
    )


WEBHOOKS_DELAYED: Final[Mapping[int, Topic]] = {
    5_000: _delayed("5s"),
    300_000: _delayed("5m"),
    1_800_000: _delayed("30m"),
    7_200_000: _delayed("2h"),
}
"""Delay topics by their delay in milliseconds; every record of one waits that long and no longer."""
WEBHOOKS_ATTEMPTS: Final = Topic(
    "webhooks.attempts.v1",
    "endpoint",
    "connectors.webhooks",
    ("postgres",),
    "avro",
    webhooks.DeliveryAttempted,
    FOREVER,
)
RECON_EXPECTED_PAYMENTS: Final = Topic(
    "recon.expected.payments.v1",
    "match",
    "payments",
    ("reconciliation",),
    "json",
    reconciliation.ExpectMovement,
    FOREVER,
)
RECON_LINES: Final = Topic(
    "recon.lines.v1",
    "match",
    "connectors.bank",
    ("reconciliation",),
    "json",
    reconciliation.SettlementLine,
    30 * _DAY_MS,
)
RECON_RESULTS: Final = Topic(
    "recon.results.v1",
    "match",
    "reconciliation",
    ("postgres",),
    "avro",
    reconciliation.AggregateEvent,
    FOREVER,
    reconciliation.MatchSnapshot,
)
BANK_FILES: Final = Topic(
    "bank.files.v1", "file", "connectors.bank", ("postgres",), "avro", bank.FileEvent, FOREVER
)
API_REPLIES: Final = Topic(
    "api.replies.v1", "api_instance", "every stage", ("api",), "json", api.Reply, 10 * 60 * 1000
)
API_REQUESTS: Final = Topic(
    "api.requests.v1", "request", "api", ("postgres",), "avro", api.AnsweredRequest, FOREVER
)
CLOCK_TICKS: Final = Topic(
    "clock.ticks.v1",
    "broadcast",
    "connectors.clock",
    ("every stage",),
    "json",
    platform.Tick,
    _DAY_MS,
    is_skippable=True,
)
QUARANTINE: Final = Topic(
    "quarantine.v1",
    "broadcast",
    "ops",
    ("every stage",),
    "json",
    platform.RecordQuarantined,
    FOREVER,
)

ALL: Final[tuple[Topic, ...]] = (
    MERCHANTS_COMMANDS,
    MERCHANTS_EVENTS,
    PAYMENTS_COMMANDS_API,
    PAYMENTS_EVENTS,
    PSP_REQUESTS,
    PSP_RESULTS,
    PSP_NOTIFICATIONS,
    RISK_LOOKUPS,
    RISK_OBSERVATIONS,
    RISK_FEATURES,
    RISK_REQUESTS,
    RISK_ASSESSMENTS,
    RISK_DECISIONS,
    RISK_RULES,
    LEDGER_COMMANDS_PAYMENTS,
    LEDGER_COMMANDS_API,
    LEDGER_COMMANDS_OPS,
    LEDGER_COMMANDS_INTERBOOK,
    LEDGER_JOURNAL,
    LEDGER_BALANCES,
    LEDGER_STATEMENTS,
    LEDGER_RESULTS_PAYMENTS,
    LEDGER_RESULTS_OPS,
    LEDGER_SEALS,
    LEDGER_SHARDS,
    LEDGER_TOTALS,
    WEBHOOKS_EVENTS_PAYMENTS,
    WEBHOOKS_COMMANDS,
    WEBHOOKS_MESSAGES,
    WEBHOOKS_DELIVERIES,
    *WEBHOOKS_DELAYED.values(),
    WEBHOOKS_ATTEMPTS,
    RECON_EXPECTED_PAYMENTS,
    RECON_LINES,
    RECON_RESULTS,
    BANK_FILES,
    API_REPLIES,
    API_REQUESTS,
    CLOCK_TICKS,
    QUARANTINE,
)
BY_NAME: Final[Mapping[str, Topic]] = {topic.name: topic for topic in ALL}

STAGES: Final[Mapping[str, int]] = {
    "merchants": 1,
    "payments": 1,
    "windows": 1,
    "risk": 1,
    "ledger": 1,
    "totals": 1,
    "webhooks": 1,
    "reconciliation": 1,
}
"""Every stage and the version of its group, changelog and transactional ids."""


def changelog(stage: str, version: int) -> str:
    """Name of the compacted topic that holds a stage's table."""
    return f"{stage}.state.v{version}.changelog"


def provisioned(topic: Topic) -> dict[str, str]:
    """Broker settings a topic is created with."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "compression.type": "producer",
        "message.timestamp.type": "CreateTime",
    }


CHANGELOG_SETTINGS: Final[Mapping[str, str]] = {
    "cleanup.policy": "compact",
    # A local copy of a table is discarded after 12 h, so that no deletion it missed is compacted away,
    # and recent transactions can be counted again record by record at every restore.
    "min.compaction.lag.ms": str(_DAY_MS),
    "delete.retention.ms": str(_DAY_MS),
    "segment.ms": str(_DAY_MS),
    "segment.bytes": str(64 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.2",
    "compression.type": "producer",
}
