"""How does a provider operation stand after an event: the fold behind mart.payment_operations."""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from connectors.postgres.tables import Table, at
from schemas.envelope import Body, Message, Recorded
from schemas.payment_views import PaymentSnapshot
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    OperationFailed,
    OperationHeldForReview,
    OperationPostponed,
    OperationQueried,
    OperationRequested,
    OperationResolved,
    OperationRetried,
    OperationReviewed,
    OperationUnknown,
    PaymentExpired,
    PaymentRequiresAction,
    RefundFailed,
    RefundRequested,
    RefundReservationRepeated,
    RefundReserved,
    VoidRequested,
)

ENDED: Final = frozenset({"succeeded", "failed"})


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


OPERATIONS: Final = Table("mart.payment_operations", OperationRow, "operation_id")


def operation_named(body: Body) -> str | None:
    """Id of the operation an event is about; None for events about none."""
    operation_id: str | None = getattr(body, "operation_id", None)
    return operation_id


def requested(event: Recorded[OperationRequested, PaymentSnapshot]) -> OperationRow:
    """The operation that an event starts."""
    body, envelope = event.body, event.envelope
    assert event.after is not None, f"{envelope.message_id}: an event of a payment shows it"
    return OperationRow(
        operation_id=body.operation_id,
        payment_id=event.after.payment_id,
        merchant_id=event.after.merchant_id,
        mode=envelope.mode,
        kind=_kind(body),
        cause=_cause(body),
        status="reserving" if _waits_for_ledger(body) else "requested",
        amount_minor=body.amount_minor,
        currency=event.after.currency,
        provider=body.provider,
        attempt=body.attempt if isinstance(body, AuthorizationRequested) else None,
        command_id=body.command_id,
        due_at=at(body.due_at_ms),
        requested_at=at(envelope.occurred_at_ms),
        updated_at=at(envelope.occurred_at_ms),
        version=envelope.version,
    )


def evolved(operation: OperationRow, event: Message[Any]) -> OperationRow:
    """The operation after an event about it."""
    envelope = event.envelope
    touched = replace(operation, updated_at=at(envelope.occurred_at_ms), version=envelope.version)
    return _changed(touched, event.body)


def _changed(operation: OperationRow, body: Body) -> OperationRow:
    match body:
        case OperationResolved():
            return _succeeded(operation, body.amount_minor, body.provider_ref, is_late=body.late)
        case PaymentExpired():
            return _succeeded(operation, body.amount_minor, body.provider_ref, is_late=False)
        case OperationFailed():
            return _failed(operation, body)
        case RefundReserved():
            return replace(operation, status="requested", queries=0, due_at=at(body.due_at_ms))
        case RefundReservationRepeated():
            return replace(operation, queries=body.repeat, due_at=at(body.due_at_ms))
        case PaymentRequiresAction():
            return replace(
                operation,
                status="requires_action",
                provider_ref=body.provider_ref,
                due_at=at(body.due_at_ms),
            )
        case OperationUnknown():
            return replace(operation, status="unknown", queries=body.query, due_at=at(body.due_at_ms))
        case OperationQueried():
            return replace(operation, queries=body.query, due_at=at(body.due_at_ms))
        case OperationPostponed():
            return replace(operation, status="postponed", due_at=at(body.due_at_ms))
        case OperationRetried():
            return replace(
                operation,
                status="requested",
                call_attempt=body.call_attempt,
                queries=0,
                due_at=at(body.due_at_ms),
            )
        case OperationHeldForReview():
            return _held_for_review(operation, body)
        case OperationReviewed():
            return replace(operation, conflict=None)
        case _:
            raise AssertionError(f"{type(body).__name__} names an operation but says nothing about it")


def _succeeded(
    operation: OperationRow, amount_minor: int, provider_ref: str | None, *, is_late: bool
) -> OperationRow:
    return replace(
        operation,
        status="succeeded",
        amount_moved_minor=amount_minor,
        provider_ref=provider_ref or operation.provider_ref,
        failure_code=None,
        failure_proof=None,
        conflict=None,
        is_late=is_late,
        due_at=None,
        resolved_at=operation.updated_at,
    )


def _failed(operation: OperationRow, body: OperationFailed) -> OperationRow:
    return replace(
        operation,
        status="failed",
        amount_moved_minor=None,
        failure_code=body.code,
        failure_proof=body.proof,
        conflict=None,
        is_reversed=isinstance(body, RefundFailed) and body.reversed,
        due_at=None,
        resolved_at=operation.updated_at,
    )


def _held_for_review(operation: OperationRow, body: OperationHeldForReview) -> OperationRow:
    """What is open waits for an operator; what has ended stays as it was booked."""
    if operation.status in ENDED:
        return replace(operation, conflict=body.conflict)
    return replace(operation, status="in_review", conflict=body.conflict, due_at=None)


def _waits_for_ledger(body: OperationRequested) -> bool:
    """What a merchant gives back is set aside first; what the platform owes is asked of the provider at once."""
    return isinstance(body, RefundRequested) and body.cause == "requested"


def _kind(body: OperationRequested) -> str:
    match body:
        case AuthorizationRequested():
            return body.kind
        case CaptureRequested():
            return "capture"
        case VoidRequested():
            return "void"
        case RefundRequested():
            return "refund"
        case _:
            raise AssertionError(f"{type(body).__name__} starts an operation of no kind")


def _cause(body: OperationRequested) -> str | None:
    match body:
        case VoidRequested():
            return body.reason
        case RefundRequested():
            return body.cause
        case _:
            return None
