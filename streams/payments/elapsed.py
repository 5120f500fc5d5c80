"""What follows from time alone: queries of unknown operations, repeated calls, expiry."""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas.envelope import Envelope
from schemas.payments import (
    AggregateEvent,
    OperationHeldForReview,
    OperationQueried,
    OperationRetried,
    OperationUnknown,
    PaymentExpired,
    PaymentFailed,
    RefundReservationRepeated,
)
from streams.payments.assessing import blocked, not_assessed
from streams.payments.policy import PaymentPolicy
from streams.payments.requests import Opening
from streams.payments.state import (
    AUTHORIZING,
    HOLDING,
    Operation,
    Payment,
    authorization,
    captured_minor,
    held_minor,
    open_operations,
)

_NEVER: Final[int] = 2**62


def deadline_ms(payment: Payment) -> int | None:
    """When time alone has to decide about the payment again; None: never."""
    due = [operation.due_at_ms for operation in payment.operations if operation.due_at_ms is not None]
    if payment.assessment is not None and payment.assessment.is_open:
        due.append(payment.assessment.due_at_ms)
    earliest = min((*due, _expiry_ms(payment) or _NEVER), default=_NEVER)
    return None if earliest == _NEVER else earliest


def on_elapsed(
    state: Payment, envelope: Envelope, now_ms: int, policy: PaymentPolicy
) -> Sequence[AggregateEvent]:
    """Everything that is due at `now_ms`: operations in their order, then the assessment, expiry last."""
    events = [
        _due(operation, now_ms, policy)
        for operation in state.operations
        if operation.due_at_ms is not None and operation.due_at_ms <= now_ms
    ]
    assessment = state.assessment
    if assessment is not None and assessment.is_open and assessment.due_at_ms <= now_ms:
        is_held = assessment.status == "review"
        events.append(blocked(assessment, "review_expired") if is_held else not_assessed(assessment))
    expiry_ms = _expiry_ms(state)
    if expiry_ms is not None and expiry_ms <= now_ms:
        # One tick moves many payments, so the aggregate is part of what makes the void this void.
        opening = Opening(state, policy, cause=f"{envelope.message_id}/{state.version}", now_ms=now_ms)
        events.extend(_expire(state, opening))
    return events


def unknown_from(operation: Operation, now_ms: int, policy: PaymentPolicy) -> OperationUnknown:
    """The operation's outcome is unknown from now on; the first query comes after the first delay."""
    due_at_ms = now_ms + policy.query_delay_ms(0)
    return OperationUnknown(operation_id=operation.operation_id, query=0, due_at_ms=due_at_ms)


def _due(operation: Operation, now_ms: int, policy: PaymentPolicy) -> AggregateEvent:
    match operation.status:
        case "reserving":
            repeat = operation.queries + 1
            due_at_ms = now_ms + policy.reserve_delay_ms(repeat)
            return RefundReservationRepeated(
                operation_id=operation.operation_id, repeat=repeat, due_at_ms=due_at_ms
            )
        case "requested":
            return unknown_from(operation, now_ms, policy)
        case "postponed":
            return _call_again(operation, now_ms, policy)
        case _:
            return _ask(operation, now_ms, policy)


def _ask(operation: Operation, now_ms: int, policy: PaymentPolicy) -> AggregateEvent:
    if now_ms >= operation.requested_at_ms + policy.scheme_window_ms:
        return OperationHeldForReview(operation_id=operation.operation_id, conflict="never_answered")
    query = operation.queries + 1
    due_at_ms = now_ms + policy.query_delay_ms(query)
    return OperationQueried(operation_id=operation.operation_id, query=query, due_at_ms=due_at_ms)


def _call_again(operation: Operation, now_ms: int, policy: PaymentPolicy) -> AggregateEvent:
    not_after_ms = now_ms + policy.operation_window_ms
    if operation.kind in AUTHORIZING:
        # A confirm may reach the provider only while its customer waits.
        not_after_ms = operation.requested_at_ms + policy.confirm_window_ms
        if now_ms >= not_after_ms:
            return PaymentFailed(
                operation_id=operation.operation_id, code="not_executed", proof="not_executed"
            )
    return OperationRetried(
        operation_id=operation.operation_id,
        call_attempt=operation.call_attempt + 1,
        not_after_ms=not_after_ms,
        due_at_ms=not_after_ms + policy.answer_grace_ms,
    )


def _expiry_ms(payment: Payment) -> int | None:
    """When the hold expires; None while nothing is held, taken in part, or an operation may change it."""
    is_waiting = not held_minor(payment) or captured_minor(payment) or open_operations(payment, HOLDING)
    if is_waiting or payment.expires_at_ms is None:
        return None
    return payment.window_closes_at_ms if _void_failed(payment) else payment.expires_at_ms


def _expire(payment: Payment, opening: Opening) -> Iterator[AggregateEvent]:
    held = authorization(payment)
    assert held is not None, "what is held has an authorization"
    if _void_failed(payment):
        yield PaymentExpired(amount_minor=held_minor(payment))
    else:
        yield opening.void(held, held_minor(payment), "expired")


def _void_failed(payment: Payment) -> bool:
    """True once the provider did not release an expired hold; then the scheme's window ends it."""
    return any(
        operation.void_reason == "expired" and operation.status == "failed"
        for operation in payment.operations
    )
