"""What is the rest of the platform asked or told because of a payment's event?"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from schemas import ids, topics
from schemas.envelope import Message
from schemas.outcomes import DECLINE_CODES, Outcome
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
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    PaymentIntentCanceled,
    PaymentIntentCreated,
    PaymentRequiresAction,
    PaymentVoided,
    RefundFailed,
    RefundRequested,
    RefundSucceeded,
    VoidFailed,
    VoidRequested,
)
from schemas.psp import ExecuteOperation, QueryOperation
from streams.core import Delay, Effect, Resolve, Send
from streams.payments.state import Operation, Payment, operation_index


def react(state: Payment, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """Calls and queries of the provider, and results of commands. `state` is the payment after the event."""
    effects = list(_consequences(state, event))
    if event.envelope.actor.role == "operator":
        effects.append(Resolve(event.envelope.causation_id, Outcome.SUCCEEDED))
    return effects


def _consequences(state: Payment, event: Message[AggregateEvent]) -> Iterator[Effect]:
    body = event.body
    match body:
        case PaymentIntentCreated():
            yield Resolve(event.envelope.causation_id, Outcome.CREATED)
        case PaymentIntentCanceled():
            yield Resolve(event.envelope.causation_id, Outcome.SUCCEEDED)
        case (
            AuthorizationRequested()
            | CaptureRequested()
            | VoidRequested()
            | RefundRequested()
            | OperationRetried()
        ):
            yield _call(state, _operation(state, body.operation_id))
        case OperationQueried():
            yield _query(state, _operation(state, body.operation_id))
        case (
            PaymentAuthorized()
            | PaymentCaptured()
            | PaymentVoided()
            | AuthorizationReleased()
            | RefundSucceeded()
        ):
            yield from _resolve(state, body.operation_id, Outcome.SUCCEEDED)
        case PaymentExpired():
            pass
        case PaymentFailed() | CaptureFailed() | VoidFailed() | RefundFailed():
            yield from _resolve(state, body.operation_id, _outcome_of_failure(body))
        case PaymentRequiresAction():
            yield from _resolve(state, body.operation_id, Outcome.REQUIRES_ACTION, is_first=True)
        case OperationHeldForReview():
            yield from _resolve(state, body.operation_id, Outcome.HELD_FOR_REVIEW, is_first=True)
        case OperationUnknown():
            yield from _delay(state, body.operation_id)
        case OperationPostponed() | OperationReviewed():
            pass
        case _:
            assert_never(body)


def _call(state: Payment, operation: Operation) -> Send:
    body = ExecuteOperation(
        operation_id=operation.operation_id,
        payment_id=f"pay_{state.payment_key}",
        kind=operation.kind,
        amount_minor=operation.amount_minor,
        currency=state.currency,
        psp_key=ids.psp_key(operation.operation_id, operation.call_attempt),
        call_attempt=operation.call_attempt,
        provider=operation.provider,
        payment_method=operation.payment_method,
        original_ref=operation.original_ref,
    )
    return Send(topics.PSP_REQUESTS, body, not_after_ms=operation.not_after_ms)


def _query(state: Payment, operation: Operation) -> Send:
    body = QueryOperation(
        operation_id=operation.operation_id,
        payment_id=f"pay_{state.payment_key}",
        kind=operation.kind,
        psp_key=ids.psp_key(operation.operation_id, operation.call_attempt),
        call_attempt=operation.call_attempt,
        provider=operation.provider,
        called_not_after_ms=operation.not_after_ms,
    )
    return Send(topics.PSP_REQUESTS, body)


def _resolve(
    state: Payment, operation_id: str, outcome: Outcome, *, is_first: bool = False
) -> Iterator[Resolve]:
    """The result of the operation's command, told once: what comes after it is in events only."""
    index = _index(state, operation_id)
    operation = state.operations[index]
    if operation.command_id is None or (operation.is_answered and not is_first) or operation.is_late:
        return
    yield Resolve(operation.command_id, outcome, index)


def _delay(state: Payment, operation_id: str) -> Iterator[Delay]:
    index = _index(state, operation_id)
    command_id = state.operations[index].command_id
    if command_id is not None:
        yield Delay(command_id, index)


def _outcome_of_failure(body: PaymentFailed | CaptureFailed | VoidFailed | RefundFailed) -> Outcome:
    if body.proof != "answered":
        return Outcome.NOT_EXECUTED
    return Outcome.DECLINED if body.code in DECLINE_CODES else Outcome.REFUSED_BY_PROVIDER


def _operation(state: Payment, operation_id: str) -> Operation:
    return state.operations[_index(state, operation_id)]


def _index(state: Payment, operation_id: str) -> int:
    index = operation_index(state, operation_id)
    assert index is not None, f"no operation {operation_id}"
    return index
