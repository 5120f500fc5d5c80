"""What is a payment after an event: the fold; it never decides and never fails on a recorded event."""

from typing import Any, assert_never

from msgspec.structs import replace

from schemas.envelope import Envelope, Message
from schemas.payments import (
    AggregateEvent,
    AuthorizationReleased,
    AuthorizationRequested,
    CaptureFailed,
    CaptureRequested,
    OperationHeldForReview,
    OperationPostponed,
    OperationQueried,
    OperationRetried,
    OperationReviewed,
    OperationUnknown,
    PaymentAuthorized,
    PaymentBlocked,
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    PaymentHeldForReview,
    PaymentIntentCanceled,
    PaymentIntentCreated,
    PaymentRequiresAction,
    PaymentReviewed,
    PaymentVoided,
    RefundFailed,
    RefundRequested,
    RefundReservationRepeated,
    RefundReserved,
    RefundSucceeded,
    RiskAssessmentRequested,
    VoidFailed,
    VoidRequested,
)
from streams.payments.state import Assessment, Operation, Payment, indexed


def evolve(state: Payment | None, event: Message[AggregateEvent]) -> Payment:
    """The payment after `event`. Asserts that the event is the next of its aggregate."""
    envelope = event.envelope
    if isinstance(event.body, PaymentIntentCreated):
        assert state is None and envelope.version == 1, "a payment is created once"
        return _created(event.body, envelope)
    assert state is not None, "the first event of a payment creates it"
    assert envelope.version == state.version + 1, f"event {envelope.version} follows {state.version}"
    changed = _changed(state, event.body, envelope)
    return replace(changed, version=envelope.version, updated_at_ms=envelope.occurred_at_ms)


def _created(body: PaymentIntentCreated, envelope: Envelope) -> Payment:
    return Payment(
        payment_key=envelope.aggregate_key,
        merchant_id=envelope.merchant_id,
        mode=envelope.mode,
        clock_id=envelope.clock_id,
        version=1,
        amount_minor=body.amount_minor,
        currency=body.currency,
        capture_method=body.capture_method,
        fingerprint=body.fingerprint,
        created_at_ms=envelope.occurred_at_ms,
        updated_at_ms=envelope.occurred_at_ms,
        customer_id=body.customer_id,
        payment_method=body.payment_method,
        notes=body.notes,
    )


def _changed(state: Payment, body: AggregateEvent, envelope: Envelope) -> Payment:
    now_ms = envelope.occurred_at_ms
    match body:
        case PaymentIntentCreated():
            raise AssertionError("handled by evolve")
        case PaymentIntentCanceled():
            return replace(state, is_canceled=True)
        case RiskAssessmentRequested() | PaymentHeldForReview() | PaymentReviewed() | PaymentBlocked():
            return replace(state, assessment=_assessed(state.assessment, body))
        case AuthorizationRequested() | CaptureRequested() | VoidRequested() | RefundRequested():
            return _with_operation(state, body, now_ms)
        case RefundReserved() | RefundReservationRepeated():
            return _reserving(state, body)
        case PaymentAuthorized():
            return _authorized(state, body, now_ms)
        case PaymentCaptured() | PaymentVoided() | AuthorizationReleased() | RefundSucceeded():
            return _succeed(state, body, now_ms)
        case PaymentExpired():
            return _expired(state, body, now_ms)
        case PaymentFailed() | CaptureFailed() | VoidFailed() | RefundFailed():
            ended = {"status": "failed", "code": body.code, "due_at_ms": None, "ended_at_ms": now_ms}
            return _with(state, body.operation_id, **ended)
        case PaymentRequiresAction() | OperationUnknown() | OperationQueried() | OperationPostponed():
            return _waiting(state, body)
        case OperationRetried():
            return _called_again(state, body)
        case OperationHeldForReview():
            return _held_for_review(state, body)
        case OperationReviewed():
            return _with(state, body.operation_id, contradiction=None)
        case _:
            assert_never(body)


def _assessed(
    before: Assessment | None,
    body: RiskAssessmentRequested | PaymentHeldForReview | PaymentReviewed | PaymentBlocked,
) -> Assessment:
    if isinstance(body, RiskAssessmentRequested):
        return Assessment(
            assessment_id=body.assessment_id,
            attempt=body.attempt,
            payment_method=body.payment_method,
            not_after_ms=body.not_after_ms,
            due_at_ms=body.not_after_ms,
            command_id=body.command_id,
        )
    assert before is not None, "an assessment is requested before anything is said of it"
    match body:
        case PaymentHeldForReview():
            return replace(before, status="review", due_at_ms=body.due_at_ms, is_answered=True)
        case PaymentReviewed():
            return before
        case PaymentBlocked():
            return replace(before, status="blocked", code=body.code)
        case _:
            assert_never(body)


def _with_operation(
    state: Payment,
    body: AuthorizationRequested | CaptureRequested | VoidRequested | RefundRequested,
    now_ms: int,
) -> Payment:
    begun = replace(state, operations=(*state.operations, _begun(body, now_ms)))
    if isinstance(body, AuthorizationRequested):
        assert state.assessment is not None, "no attempt reaches a provider unassessed"
        return replace(begun, assessment=replace(state.assessment, status="allowed"))
    return begun


def _reserving(state: Payment, body: RefundReserved | RefundReservationRepeated) -> Payment:
    match body:
        case RefundReserved():
            return _with(
                state,
                body.operation_id,
                status="requested",
                queries=0,
                not_after_ms=body.not_after_ms,
                due_at_ms=body.due_at_ms,
            )
        case RefundReservationRepeated():
            return _with(state, body.operation_id, queries=body.repeat, due_at_ms=body.due_at_ms)
        case _:
            assert_never(body)


def _begun(
    body: AuthorizationRequested | CaptureRequested | VoidRequested | RefundRequested, now_ms: int
) -> Operation:
    operation = Operation(
        operation_id=body.operation_id,
        kind="capture",
        amount_minor=body.amount_minor,
        provider=body.provider,
        requested_at_ms=now_ms,
        not_after_ms=body.not_after_ms,
        due_at_ms=body.due_at_ms,
        command_id=body.command_id,
        original_ref=body.original_ref,
    )
    match body:
        case AuthorizationRequested():
            return replace(operation, kind=body.kind, payment_method=body.payment_method)
        case CaptureRequested():
            return operation
        case VoidRequested():
            return replace(operation, kind="void", void_reason=body.reason)
        case RefundRequested():
            status = "reserving" if body.cause == "requested" else "requested"
            asked = replace(operation, kind="refund", status=status)
            return replace(asked, refund_cause=body.cause, refund_reason=body.reason)
        case _:
            assert_never(body)


def _authorized(state: Payment, body: PaymentAuthorized, now_ms: int) -> Payment:
    held = _succeed(state, body, now_ms)
    if body.late and state.expires_at_ms is not None:
        return held
    return replace(held, expires_at_ms=body.expires_at_ms, window_closes_at_ms=body.window_closes_at_ms)


def _succeed(
    state: Payment,
    body: PaymentAuthorized | PaymentCaptured | PaymentVoided | AuthorizationReleased | RefundSucceeded,
    now_ms: int,
) -> Payment:
    return _with(
        state,
        body.operation_id,
        status="succeeded",
        provider_ref=body.provider_ref,
        is_late=body.late,
        due_at_ms=None,
        ended_at_ms=now_ms,
    )


def _expired(state: Payment, body: PaymentExpired, now_ms: int) -> Payment:
    expired = replace(state, is_expired=True)
    if body.operation_id is None:
        return expired
    ended = {
        "status": "succeeded",
        "provider_ref": body.provider_ref,
        "due_at_ms": None,
        "ended_at_ms": now_ms,
    }
    return _with(expired, body.operation_id, **ended)


def _waiting(
    state: Payment, body: PaymentRequiresAction | OperationUnknown | OperationQueried | OperationPostponed
) -> Payment:
    match body:
        case PaymentRequiresAction():
            return _with(
                state,
                body.operation_id,
                status="requires_action",
                provider_ref=body.provider_ref,
                next_action_url=body.next_action_url,
                due_at_ms=body.due_at_ms,
                is_answered=True,
            )
        case OperationUnknown():
            return _with(
                state, body.operation_id, status="unknown", queries=body.query, due_at_ms=body.due_at_ms
            )
        case OperationQueried():
            return _with(state, body.operation_id, queries=body.query, due_at_ms=body.due_at_ms)
        case OperationPostponed():
            return _with(state, body.operation_id, status="postponed", due_at_ms=body.due_at_ms)
        case _:
            assert_never(body)


def _called_again(state: Payment, body: OperationRetried) -> Payment:
    return _with(
        state,
        body.operation_id,
        status="requested",
        call_attempt=body.call_attempt,
        queries=0,
        not_after_ms=body.not_after_ms,
        due_at_ms=body.due_at_ms,
    )


def _held_for_review(state: Payment, body: OperationHeldForReview) -> Payment:
    index = indexed(state, body.operation_id)
    if state.operations[index].is_open:
        return _with(state, body.operation_id, status="review", due_at_ms=None, is_answered=True)
    return _with(state, body.operation_id, contradiction=body.conflict)


def _with(state: Payment, operation_id: str, **changes: Any) -> Payment:
    index = indexed(state, operation_id)
    changed = replace(state.operations[index], **changes)
    return replace(state, operations=(*state.operations[:index], changed, *state.operations[index + 1 :]))
