"""Which rows follow from what merchants are told, and from every attempt to tell them?"""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from connectors.postgres import deliveries
from connectors.postgres.deliveries import DELIVERIES, DeliveryRow, Told
from connectors.postgres.events import Event, named, told
from connectors.postgres.personal import json_text, public_plain
from connectors.postgres.projection import Needed, Projection
from connectors.postgres.tables import Document, EventRow, Table, at
from schemas import ids
from schemas.webhooks import DeliveryAttempted, EventPublished, EventResent


class WebhookMessageRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.webhook_messages; `body` is a JSON text."""

    book: str
    merchant_id: str
    version: int
    type: str
    schema: str
    body: Document


class WebhookEventRow(Struct, frozen=True, kw_only=True):
    """A row of mart.webhook_events; `endpoint_ids` is a JSON text."""

    event_id: str
    merchant_id: str
    mode: str
    type: str
    payment_id: str
    payload: bytes
    endpoint_ids: Document
    created_at: datetime


class WebhookAttemptRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.webhook_attempts."""

    message_id: str
    webhook_event_id: str
    endpoint_id: str
    merchant_id: str
    type: str
    payment_id: str
    attempt: int
    outcome: str
    http_status: int | None
    error: str | None
    latency_ms: int
    next_attempt_at: datetime | None


WEBHOOK_MESSAGES: Final = Table("raw.webhook_messages", WebhookMessageRow, "event_id", "book")
WEBHOOK_EVENTS: Final = Table("mart.webhook_events", WebhookEventRow, "event_id")
WEBHOOK_ATTEMPTS: Final = Table("raw.webhook_attempts", WebhookAttemptRow, "event_id")


def need(event: Event, needed: Needed) -> None:
    """A delivery may have begun in either topic, so whoever tells of it has to know how it stands."""
    match event.message.body:
        case EventPublished() | EventResent() as body:
            for endpoint_id in body.endpoint_ids:
                needed.require(DELIVERIES, ids.webhook_message_id(body.event_id, endpoint_id))
        case DeliveryAttempted() as body:
            needed.require(DELIVERIES, body.message_id)


def project_message(projection: Projection, event: Event) -> None:
    """The record in its log; of an event that goes out, itself and a delivery to each endpoint."""
    body = event.message.body
    projection.log(WEBHOOK_MESSAGES, event, _message(event))
    match body:
        case EventPublished() | EventResent():
            projection.log(WEBHOOK_EVENTS, event, _event(event, body))
            for endpoint_id in body.endpoint_ids:
                message_id = ids.webhook_message_id(body.event_id, endpoint_id)
                fact = Told(message_id, endpoint_id, event.message.envelope)
                before = projection.current(DELIVERIES, DeliveryRow, message_id)
                _put(projection, event, deliveries.published(before, fact, body))


def project_attempt(projection: Projection, event: Event) -> None:
    """The attempt in its log, and the delivery after it."""
    body = event.message.body
    assert isinstance(body, DeliveryAttempted), f"{type(body).__name__} is no attempt"
    projection.log(WEBHOOK_ATTEMPTS, event, _attempt(event, body))
    before = projection.current(DELIVERIES, DeliveryRow, body.message_id)
    fact = Told(body.message_id, body.endpoint_id, event.message.envelope)
    _put(projection, event, deliveries.attempted(before, fact, body, event.record.offset))


def _put(projection: Projection, event: Event, row: DeliveryRow | None) -> None:
    if row is not None:
        projection.put(DELIVERIES, event, row, version=row.facts)


def _message(event: Event) -> WebhookMessageRow:
    plain: dict[str, Any] = public_plain(event.message.body)
    # It stands in mart.webhook_events, byte for byte.
    plain.pop("payload", None)
    return WebhookMessageRow(
        **told(event.message),
        **named(event.message),
        book=event.key,
        merchant_id=event.message.envelope.merchant_id,
        body=json_text(plain),
    )


def _event(event: Event, body: EventPublished | EventResent) -> WebhookEventRow:
    envelope = event.message.envelope
    return WebhookEventRow(
        event_id=body.event_id,
        merchant_id=envelope.merchant_id,
        mode=envelope.mode,
        type=body.type,
        payment_id=body.payment_id,
        payload=body.payload,
        endpoint_ids=json_text(body.endpoint_ids),
        created_at=at(envelope.occurred_at_ms),
    )


def _attempt(event: Event, body: DeliveryAttempted) -> WebhookAttemptRow:
    next_attempt_ms = body.next_attempt_at_ms
    return WebhookAttemptRow(
        **told(event.message),
        message_id=body.message_id,
        webhook_event_id=body.event_id,
        endpoint_id=body.endpoint_id,
        merchant_id=event.message.envelope.merchant_id,
        type=body.type,
        payment_id=body.payment_id,
        attempt=body.attempt,
        outcome=body.outcome,
        http_status=body.http_status,
        error=body.error,
        latency_ms=body.latency_ms,
        next_attempt_at=None if next_attempt_ms is None else at(next_attempt_ms),
    )
