"""What follows from what risk or an operator says of an attempt, before any provider is called?"""

from collections.abc import Sequence
from typing import assert_never

from schemas.envelope import Envelope
from schemas.outcomes import Outcome
from schemas.payment_commands import ReviewPayment
from schemas.payments import AggregateEvent, PaymentBlocked, PaymentHeldForReview, PaymentReviewed
from schemas.risk import RiskDecided
from streams.core import Refused
from streams.payments.policy import PaymentPolicy
from streams.payments.requests import Opening
from streams.payments.state import Assessment, Payment, authorized_minor


def on_verdict(
    state: Payment | None, verdict: RiskDecided, envelope: Envelope, policy: PaymentPolicy
) -> Sequence[AggregateEvent]:
    """Go on to the provider, hold for an operator, or end the attempt.

    A verdict nobody waits for says nothing: the attempt has ended, or is another. An attempt never goes on
    once an earlier one turned out to have succeeded: that would charge twice.
    """
    assessment = None if state is None else state.assessment
    if state is None or assessment is None or assessment.status != "requested":
        return ()
    if assessment.assessment_id != verdict.assessment_id:
        return ()
    now_ms = envelope.occurred_at_ms
    if authorized_minor(state) and verdict.verdict != "block":
        return (_overtaken(assessment),)
    match verdict.verdict:
        case "allow" if now_ms >= assessment.not_after_ms:
            return (not_assessed(assessment),)
        case "allow":
            opening = Opening(state, policy, cause=envelope.message_id, now_ms=now_ms)
            return (
                opening.authorization(
                    assessment, not_after_ms=assessment.not_after_ms, command_id=assessment.command_id
                ),
            )
        case "review":
            return (_held(assessment, verdict.reason_code, now_ms + policy.review_window_ms),)
        case "block":
            return (blocked(assessment, verdict.reason_code),)
        case _:
            assert_never(verdict.verdict)


def review(
    state: Payment, command: ReviewPayment, envelope: Envelope, policy: PaymentPolicy
) -> Sequence[AggregateEvent] | Refused:
    """An operator's word on an attempt that is held: to the provider with it, or the end of it.

    Nothing is approved once an earlier attempt turned out to have succeeded; such a hold can be declined.
    """
    assessment = state.assessment
    if assessment is None or assessment.status != "review":
        return Refused(Outcome.UNEXPECTED_STATE)
    if command.decision == "approve" and authorized_minor(state):
        return Refused(Outcome.UNEXPECTED_STATE)
    reviewed = PaymentReviewed(
        assessment_id=assessment.assessment_id, attempt=assessment.attempt, decision=command.decision
    )
    if command.decision == "decline":
        return (reviewed, blocked(assessment, "review_declined"))
    now_ms = envelope.occurred_at_ms
    opening = Opening(state, policy, cause=envelope.message_id, now_ms=now_ms)
    # Its confirm was answered when the attempt was held; what comes now is told by events alone.
    not_after_ms = now_ms + policy.confirm_window_ms
    return (reviewed, opening.authorization(assessment, not_after_ms=not_after_ms, command_id=None))


def blocked(assessment: Assessment, reason_code: str) -> PaymentBlocked:
    """Risk, or an operator in its place, ends the attempt."""
    return _ended(assessment, Outcome.BLOCKED_BY_RISK, reason_code)


def not_assessed(assessment: Assessment) -> PaymentBlocked:
    """No verdict came while the customer waited: nothing moved, and a new confirm may try again."""
    return _ended(assessment, Outcome.NOT_EXECUTED, "no_verdict")


def _overtaken(assessment: Assessment) -> PaymentBlocked:
    """An earlier attempt succeeded after all, so this one is never made."""
    return _ended(assessment, Outcome.NOT_EXECUTED, "authorized_meanwhile")


def _ended(assessment: Assessment, outcome: Outcome, reason_code: str) -> PaymentBlocked:
    return PaymentBlocked(
        assessment_id=assessment.assessment_id,
        attempt=assessment.attempt,
        code=outcome.code,
        reason_code=reason_code,
    )


def _held(assessment: Assessment, reason_code: str, due_at_ms: int) -> PaymentHeldForReview:
    return PaymentHeldForReview(
        assessment_id=assessment.assessment_id,
        attempt=assessment.attempt,
        reason_code=reason_code,
        due_at_ms=due_at_ms,
    )
