"""How does a webhook delivery stand: the fold of what published it and of every attempt, in either order?

Its facts come from two topics, of which either may be loaded first. Each topic has its own order, so a
row remembers how far it has counted each: a fact counted before changes nothing.

- delivered: once any attempt was; a resend that fails later does not take that back.
- failed, exhausted: as the last attempt left it; failed is tried again.
- pending: no attempt is loaded yet.
- A resend is counted, and the row stays as the last attempt left it until the next one. One that fails
  changes nothing of what the schedule still holds.
"""

from datetime import datetime
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from connectors.postgres.tables import Table, at
from schemas.envelope import Envelope
from schemas.webhooks import DeliveryAttempted, EventPublished, EventResent

NOT_PUBLISHED: Final = 0
NOT_ATTEMPTED: Final = -1


class DeliveryRow(Struct, frozen=True, kw_only=True):
    """A row of mart.webhook_deliveries.

    published_version, attempted_offset: how far each topic is counted.
    """

    message_id: str
    event_id: str
    endpoint_id: str
    merchant_id: str
    mode: str
    type: str
    payment_id: str
    status: str
    attempts: int
    resends: int
    last_http_status: int | None
    last_error: str | None
    last_latency_ms: int | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime
    updated_at: datetime
    published_version: int
    attempted_offset: int

    @property
    def facts(self) -> int:
        """How many facts it adds up; grows with each, whichever comes first."""
        return self.attempts + self.resends + (self.published_version > NOT_PUBLISHED)


DELIVERIES: Final = Table("mart.webhook_deliveries", DeliveryRow, "message_id")


class Told(NamedTuple):
    """A fact about a message: its id, the endpoint, and the envelope of its record."""

    message_id: str
    endpoint_id: str
    envelope: Envelope


def published(
    before: DeliveryRow | None, told: Told, body: EventPublished | EventResent
) -> DeliveryRow | None:
    """The delivery after the event went, or went again, on its way; None when that was counted before."""
    version = told.envelope.version
    row = _begun(told, body) if before is None else before
    if version <= row.published_version:
        return None
    is_again = isinstance(body, EventResent) and row.published_version > NOT_PUBLISHED
    is_first = row.published_version == NOT_PUBLISHED
    occurred_at = at(told.envelope.occurred_at_ms)
    return replace(
        row,
        resends=row.resends + is_again,
        created_at=occurred_at if is_first else row.created_at,
        updated_at=max(row.updated_at, occurred_at),
        published_version=version,
    )


def attempted(
    before: DeliveryRow | None, told: Told, body: DeliveryAttempted, offset: int
) -> DeliveryRow | None:
    """The delivery after an attempt at this offset of its partition; None when that was counted before."""
    row = _begun(told, body) if before is None else before
    if offset <= row.attempted_offset:
        return None
    occurred_at = at(told.envelope.occurred_at_ms)
    is_delivered = body.outcome == "delivered" or row.delivered_at is not None
    is_scheduled = body.is_resend and not is_delivered and row.status == "failed"
    next_attempt_at = None if body.next_attempt_at_ms is None else at(body.next_attempt_at_ms)
    return replace(
        row,
        status="delivered" if is_delivered else "failed" if is_scheduled else body.outcome,
        attempts=row.attempts + 1,
        last_http_status=body.http_status,
        last_error=body.error,
        last_latency_ms=body.latency_ms,
        next_attempt_at=row.next_attempt_at if is_scheduled else next_attempt_at,
        delivered_at=row.delivered_at or (occurred_at if is_delivered else None),
        updated_at=max(row.updated_at, occurred_at),
        attempted_offset=offset,
    )


def _begun(told: Told, body: EventPublished | EventResent | DeliveryAttempted) -> DeliveryRow:
    occurred_at = at(told.envelope.occurred_at_ms)
    return DeliveryRow(
        message_id=told.message_id,
        event_id=body.event_id,
        endpoint_id=told.endpoint_id,
        merchant_id=told.envelope.merchant_id,
        mode=told.envelope.mode,
        type=body.type,
        payment_id=body.payment_id,
        status="pending",
        attempts=0,
        resends=0,
        last_http_status=None,
        last_error=None,
        last_latency_ms=None,
        next_attempt_at=None,
        delivered_at=None,
        created_at=occurred_at,
        updated_at=occurred_at,
        published_version=NOT_PUBLISHED,
        attempted_offset=NOT_ATTEMPTED,
    )
