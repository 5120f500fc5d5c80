"""Whom does a payment's event make us ask: risk about an attempt, a provider to act or to tell?"""

from collections.abc import Iterator, Sequence

from schemas import ids, topics
from schemas.envelope import Message
from schemas.payments import (
    AggregateEvent,
    AuthorizationRequested,
    CaptureRequested,
    OperationQueried,
    OperationRetried,
    RefundRequested,
    RefundReserved,
    RiskAssessmentRequested,
    VoidRequested,
)
from schemas.psp import ExecuteOperation, QueryOperation
from schemas.risk import AssessPayment, LookUpEntity
from streams.core import Send
from streams.payments.state import Operation, Payment, indexed


def asked(state: Payment, event: Message[AggregateEvent]) -> Sequence[Send]:
    """The questions; most events ask nobody anything. A refund is asked of the provider once it is reserved."""
    body = event.body
    match body:
        case RiskAssessmentRequested():
            return tuple(_assessment(state, body))
        case RefundRequested(cause="requested"):
            return ()
        case (
            AuthorizationRequested()
            | CaptureRequested()
            | VoidRequested()
            | RefundRequested()
            | RefundReserved()
            | OperationRetried()
        ):
            return (_call(state, state.operations[indexed(state, body.operation_id)]),)
        case OperationQueried():
            return (_query(state, state.operations[indexed(state, body.operation_id)]),)
        case _:
            return ()


def _assessment(state: Payment, body: RiskAssessmentRequested) -> Iterator[Send]:
    """One look-up per entity, each where its windows are, and the request that gathers them."""
    card = next(entity for entity in body.entities if entity.kind == "card")
    for entity in body.entities:
        looked_up = LookUpEntity(
            assessment_id=body.assessment_id,
            payment_key=state.payment_key,
            entity=entity,
            card_key=card.key,
            amount_minor=state.amount_minor,
            currency=state.currency,
        )
        yield Send(topics.RISK_LOOKUPS, looked_up, key=entity.key)
    request = AssessPayment(
        assessment_id=body.assessment_id,
        payment_id=f"pay_{state.payment_key}",
        attempt=body.attempt,
        amount_minor=state.amount_minor,
        currency=state.currency,
        entities=body.entities,
        due_at_ms=body.decide_by_ms,
    )
    yield Send(topics.RISK_REQUESTS, request)


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
