"""Which tables does the sink write, and what is in a row of each. The SQL in schemas/sql has the meanings."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from msgspec import Struct


class Lineage(NamedTuple):
    """Which record a row was last written from; its columns carry these names with a leading `_`."""

    event_id: str
    version: int
    topic: str
    partition: int
    offset: int
    event_at: datetime


class EventRow(Struct, frozen=True, kw_only=True):
    """What every logged event has."""

    event_id: str
    occurred_at: datetime
    mode: str
    cell: str
    clock_id: str
    causation_id: str
    correlation_id: str
    actor_role: str
    actor_principal: str
    actor_key_id: str | None


class PaymentEventRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.payment_events; `body` and `after` are JSON texts."""

    payment_id: str
    merchant_id: str
    version: int
    type: str
    schema: str
    body: str
    after: str | None


class MerchantEventRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.merchant_events; `body` and `after` are JSON texts."""

    account_key: str
    account_id: str | None
    merchant_id: str
    version: int
    type: str
    schema: str
    body: str
    after: str | None


class ApiRequestRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.api_requests."""

    request_id: str
    method: str
    route: str
    status: int
    outcome: str
    merchant_id: str | None
    idempotency_key: str | None
    object_id: str | None
    object_version: int | None
    is_replayed: bool
    duration_us: int


class PaymentRow(Struct, frozen=True, kw_only=True):
    """A row of mart.payments."""

    payment_id: str
    payment_intent_id: str
    merchant_id: str
    customer_id: str | None
    amount_minor: int
    amount_authorized_minor: int
    amount_captured_minor: int
    amount_refunded_minor: int
    currency: str
    status: str
    capture_method: str
    payment_method_type: str | None
    payment_method_token: str | None
    authorization_id: str | None
    next_action_url: str | None
    failure_code: str | None
    provider: str | None
    provider_ref: str | None
    version: int
    mode: str
    created_at: datetime
    updated_at: datetime


class OperationRow(Struct, frozen=True, kw_only=True):
    """A row of mart.payment_operations."""

    operation_id: str
    payment_id: str
    merchant_id: str
    mode: str
    kind: str
    cause: str | None
    status: str
    amount_minor: int
    amount_moved_minor: int | None = None
    currency: str
    provider: str
    provider_ref: str | None = None
    attempt: int | None
    call_attempt: int = 0
    queries: int = 0
    failure_code: str | None = None
    failure_proof: str | None = None
    conflict: str | None = None
    is_late: bool = False
    is_reversed: bool = False
    command_id: str | None
    due_at: datetime | None
    requested_at: datetime
    resolved_at: datetime | None = None
    updated_at: datetime
    version: int


class MerchantRow(Struct, frozen=True, kw_only=True):
    """A row of mart.merchants."""

    merchant_id: str
    key_id: str
    mode: str
    version: int
    created_at: datetime


class OperatorRow(Struct, frozen=True, kw_only=True):
    """A row of mart.operators."""

    operator_id: str
    role: str
    key_id: str
    version: int
    created_at: datetime


class PaymentNotesRow(Struct, frozen=True, kw_only=True):
    """A row of personal.payment_notes; `metadata` is a JSON text."""

    payment_id: str
    merchant_id: str
    description: str | None
    metadata: str


class RefundReasonRow(Struct, frozen=True, kw_only=True):
    """A row of personal.refund_reasons."""

    refund_id: str
    payment_id: str
    merchant_id: str
    reason: str


class AccountProfileRow(Struct, frozen=True, kw_only=True):
    """A row of personal.account_profiles."""

    account_id: str
    display_name: str


class Table(NamedTuple):
    """A table and its rows. `key`: its primary key.

    aggregate: of a log of versioned events, the column that tells which aggregate; None for the rest.
    """

    name: str
    row: type[Struct]
    key: str
    aggregate: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns in the order in which a row's values are written, without the time of loading."""
        return (*self.row.__struct_fields__, *(f"_{field}" for field in Lineage._fields))

    @property
    def staging(self) -> str:
        """Temporary table its new rows are copied into."""
        return "staging_" + self.name.replace(".", "_")


PAYMENT_EVENTS: Final = Table("raw.payment_events", PaymentEventRow, "event_id", "payment_id")
MERCHANT_EVENTS: Final = Table("raw.merchant_events", MerchantEventRow, "event_id", "account_key")
API_REQUESTS: Final = Table("raw.api_requests", ApiRequestRow, "event_id")
PAYMENTS: Final = Table("mart.payments", PaymentRow, "payment_id")
OPERATIONS: Final = Table("mart.payment_operations", OperationRow, "operation_id")
MERCHANTS: Final = Table("mart.merchants", MerchantRow, "merchant_id")
OPERATORS: Final = Table("mart.operators", OperatorRow, "operator_id")
PAYMENT_NOTES: Final = Table("personal.payment_notes", PaymentNotesRow, "payment_id")
REFUND_REASONS: Final = Table("personal.refund_reasons", RefundReasonRow, "refund_id")
ACCOUNT_PROFILES: Final = Table("personal.account_profiles", AccountProfileRow, "account_id")

LOGS: Final = (PAYMENT_EVENTS, MERCHANT_EVENTS, API_REQUESTS)
"""Tables of events: a row is written once and never changed."""
STATES: Final = (
    PAYMENTS,
    OPERATIONS,
    MERCHANTS,
    OPERATORS,
    PAYMENT_NOTES,
    REFUND_REASONS,
    ACCOUNT_PROFILES,
)
"""Tables of things: a row is replaced by one of a higher version."""


def at(time_ms: int) -> datetime:
    """A point in time from Unix milliseconds."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)
