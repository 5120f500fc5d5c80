"""What is the rest of the platform asked or told because of a payment's event?"""

from collections.abc import Iterator, Sequence
from typing import Final

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
from streams.core import Delay, Effect, Resolve
from streams.payments.announcements import announced
from streams.payments.asking import asked
from streams.payments.expectations import expected
from streams.payments.postings import posted
from streams.payments.state import Payment, indexed

_OF_THE_LEDGER: Final = {
    outcome.code: outcome for outcome in (Outcome.AMOUNT_EXCEEDS_REFUNDABLE, Outcome.ACCOUNT_CLOSED)
}
"""What the ledger may have against a refund besides its balance."""

Result = Resolve | Delay


def react(state: Payment, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """Questions to risk and provider, results of commands, what the ledger records, what merchants and
    reconciliation are told. `state` is the payment after the event."""
    effects: list[Effect] = [*asked(state, event), *_results(state, event)]
    for tell in (posted, announced, expected):
        told = tell(state, event)
        if told is not None:
            effects.append(told)
    # A review is answered by what follows from it, so that a repeat is told the same.
    if event.envelope.actor.role == "operator" and not isinstance(event.body, PaymentReviewed):
        effects.append(Resolve(event.envelope.causation_id, Outcome.SUCCEEDED))
    return effects


def _results(state: Payment, event: Message[AggregateEvent]) -> Iterator[Result]:
    body = event.body
    match body:
        case PaymentIntentCreated():
            yield Resolve(event.envelope.causation_id, Outcome.CREATED)
        case PaymentIntentCanceled():
            yield Resolve(event.envelope.causation_id, Outcome.SUCCEEDED)
        case PaymentHeldForReview():
            yield from _of_attempt(state, Outcome.HELD_FOR_REVIEW, is_first=True)
        case PaymentBlocked():
            yield from _of_attempt(state, Outcome[body.code.upper()])
        case (
            PaymentAuthorized()
            | PaymentCaptured()
            | PaymentVoided()
            | AuthorizationReleased()
            | RefundSucceeded()
        ):
            yield from _of_operation(state, body.operation_id, Outcome.SUCCEEDED)
        case PaymentFailed() | CaptureFailed() | VoidFailed() | RefundFailed():
            yield from _of_operation(state, body.operation_id, _outcome_of_failure(body))
        case PaymentRequiresAction():
            yield from _of_operation(state, body.operation_id, Outcome.REQUIRES_ACTION, is_first=True)
        case OperationHeldForReview():
            yield from _of_operation(state, body.operation_id, Outcome.HELD_FOR_REVIEW, is_first=True)
        case OperationUnknown() | RefundReservationRepeated():
            yield from _delay(state, body.operation_id)
        case _:
            _has_no_result(body)


def _has_no_result(
    body: RiskAssessmentRequested
    | PaymentReviewed
    | AuthorizationRequested
    | CaptureRequested
    | VoidRequested
    | RefundRequested
    | RefundReserved
    | PaymentExpired
    | OperationQueried
    | OperationPostponed
    | OperationRetried
    | OperationReviewed,
) -> None:
    """Events that are nobody's result; a new event has to be put here or there."""


def _of_attempt(state: Payment, outcome: Outcome, *, is_first: bool = False) -> Iterator[Resolve]:
    """The result of the confirm whose attempt reached no provider, told once."""
    assessment = state.assessment
    assert assessment is not None, "an attempt that was held or blocked had been assessed"
    if assessment.command_id is not None and (is_first or not assessment.is_answered):
        yield Resolve(assessment.command_id, outcome)


def _of_operation(
    state: Payment, operation_id: str, outcome: Outcome, *, is_first: bool = False
) -> Iterator[Resolve]:
    """The result of the operation's command, told once: what comes after it is in events only."""
    index = indexed(state, operation_id)
    operation = state.operations[index]
    if operation.command_id is None or (operation.is_answered and not is_first) or operation.is_late:
        return
    yield Resolve(operation.command_id, outcome, index)


def _delay(state: Payment, operation_id: str) -> Iterator[Delay]:
    index = indexed(state, operation_id)
    command_id = state.operations[index].command_id
    if command_id is not None:
        yield Delay(command_id, index)


def _outcome_of_failure(body: PaymentFailed | CaptureFailed | VoidFailed | RefundFailed) -> Outcome:
    if body.proof == "refused_by_ledger":
        return _OF_THE_LEDGER.get(body.code, Outcome.BALANCE_INSUFFICIENT)
    if body.proof != "answered":
        return Outcome.NOT_EXECUTED
    return Outcome.DECLINED if body.code in DECLINE_CODES else Outcome.REFUSED_BY_PROVIDER
