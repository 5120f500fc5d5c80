"""Which rows follow from the events of payments?"""

from datetime import datetime
from typing import Final

import structlog
from msgspec import Struct

from connectors.postgres import operations
from connectors.postgres.events import Event, after_of, content, place_of, told
from connectors.postgres.operations import OPERATIONS, OperationRow
from connectors.postgres.personal import json_text
from connectors.postgres.projection import Needed, Projection
from connectors.postgres.tables import Document, EventRow, Table, at
from schemas.envelope import Recorded
from schemas.payment_views import PaymentSnapshot
from schemas.payments import OperationRequested, PaymentIntentCreated, RefundRequested

_log = structlog.get_logger(__name__)


class PaymentEventRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.payment_events; `body` and `after` are JSON texts."""

    payment_id: str
    merchant_id: str
    version: int
    type: str
    schema: str
    body: Document
    after: Document | None


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


class PaymentNotesRow(Struct, frozen=True, kw_only=True):
    """A row of personal.payment_notes; `metadata` is a JSON text."""

    payment_id: str
    merchant_id: str
    description: str | None
    metadata: Document


class RefundReasonRow(Struct, frozen=True, kw_only=True):
    """A row of personal.refund_reasons."""

    refund_id: str
    payment_id: str
    merchant_id: str
    reason: str


PAYMENT_EVENTS: Final = Table("raw.payment_events", PaymentEventRow, "event_id", "payment_id")
PAYMENTS: Final = Table("mart.payments", PaymentRow, "payment_id")
PAYMENT_NOTES: Final = Table("personal.payment_notes", PaymentNotesRow, "payment_id")
REFUND_REASONS: Final = Table("personal.refund_reasons", RefundReasonRow, "refund_id")


def need(event: Event, needed: Needed) -> None:
    """An event about an operation changes it; only the one that requests it needs no row."""
    body = event.message.body
    operation_id = operations.operation_named(body)
    if isinstance(body, OperationRequested):
        needed.make(OPERATIONS, body.operation_id)
    elif operation_id is not None:
        needed.require(OPERATIONS, operation_id)


def project(projection: Projection, event: Event) -> None:
    """The event in its log, the operation, the payment, and apart from them what was typed."""
    row = PaymentEventRow(
        **told(event.message),
        payment_id=f"pay_{event.key}",
        merchant_id=event.message.envelope.merchant_id,
        **content(event.message),
    )
    projection.log(PAYMENT_EVENTS, event, row)
    _change_operation(projection, event)
    _keep_notes(projection, event)
    if event.message.envelope.version > 0:
        projection.show(PAYMENTS, event.key, event, _payment)


def _change_operation(projection: Projection, event: Event) -> None:
    message = event.message
    operation_id = operations.operation_named(message.body)
    if operation_id is None:
        return
    before = projection.current(OPERATIONS, OperationRow, operation_id)
    if before is not None and message.envelope.version <= before.version:
        # An event told again changes nothing.
        return
    if isinstance(message.body, OperationRequested):
        assert isinstance(message, Recorded), "an event topic's messages show their aggregate"
        projection.put(OPERATIONS, event, operations.requested(message))
    elif before is not None:
        projection.put(OPERATIONS, event, operations.evolved(before, message))
    else:
        # The event that started it is missing; the versions tell so, and an anomaly is written.
        _log.error("event about an unknown operation", operation_id=operation_id, **place_of(event))


def _keep_notes(projection: Projection, event: Event) -> None:
    merchant_id = event.message.envelope.merchant_id
    match event.message.body:
        case PaymentIntentCreated() as created if created.notes.description or created.notes.metadata:
            notes = PaymentNotesRow(
                payment_id=f"pay_{event.key}",
                merchant_id=merchant_id,
                description=created.notes.description,
                metadata=json_text(created.notes.metadata),
            )
            projection.put(PAYMENT_NOTES, event, notes)
        case RefundRequested() as refund if refund.reason:
            reason = RefundReasonRow(
                refund_id=refund.operation_id,
                payment_id=f"pay_{event.key}",
                merchant_id=merchant_id,
                reason=refund.reason,
            )
            projection.put(REFUND_REASONS, event, reason)


def _payment(event: Event) -> PaymentRow:
    after = after_of(event, PaymentSnapshot)
    method = after.payment_method
    return PaymentRow(
        payment_id=after.payment_id,
        payment_intent_id=after.payment_intent_id,
        merchant_id=after.merchant_id,
        customer_id=after.customer_id,
        amount_minor=after.amount,
        amount_authorized_minor=after.amount_authorized,
        amount_captured_minor=after.amount_captured,
        amount_refunded_minor=after.amount_refunded,
        currency=after.currency,
        status=after.status.value,
        capture_method=after.capture_method,
        payment_method_type=method.type if method else None,
        payment_method_token=method.token if method else None,
        authorization_id=after.authorization_id,
        next_action_url=after.next_action_url,
        failure_code=after.failure_code,
        provider=after.provider,
        provider_ref=after.provider_ref,
        version=after.version,
        mode=event.message.envelope.mode,
        created_at=at(after.created_at_ms),
        updated_at=at(after.updated_at_ms),
    )
