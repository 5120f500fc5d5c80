"""What follows from what a provider says: judged by the operation's record, never by a message id.

An open operation takes any outcome. On an ended one an equal outcome says nothing new, a success
after a failure is booked and then undone, and anything else contradicts and is held for review.
"""

from collections.abc import Sequence
from typing import TypeVar, assert_never

from msgspec.structs import replace

from schemas.envelope import Envelope
from schemas.outcomes import GENERIC_DECLINE, Outcome
from schemas.payment_commands import ResolveOperation
from schemas.payments import (
    AggregateEvent,
    AuthorizationReleased,
    CaptureFailed,
    Conflict,
    OperationHeldForReview,
    OperationPostponed,
    OperationReviewed,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    PaymentRequiresAction,
    PaymentVoided,
    Proof,
    RefundFailed,
    RefundSucceeded,
    VoidFailed,
)
from schemas.psp import OperationResult
from streams.core import Refused
from streams.payments.elapsed import unknown_from
from streams.payments.policy import MAX_CALLS, PaymentPolicy
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
    operation_index,
    refunded_minor,
)

Events = Sequence[AggregateEvent]
R = TypeVar("R", PaymentCaptured, PaymentVoided, AuthorizationReleased, RefundSucceeded)


def judge(
    state: Payment | None, result: OperationResult, envelope: Envelope, policy: PaymentPolicy
) -> Events:
    """Events that follow from a provider's result; none when it says nothing new.

    A result for a payment or operation that does not exist is nobody's: nothing follows from it.
    """
    index = None if state is None else operation_index(state, result.operation_id)
    if state is None or index is None:
        return ()
    operation = state.operations[index]
    judgement = _Judgement(state, operation, envelope, policy)
    if operation.status == "review":
        return ()
    if operation.is_open:
        return judgement.of_open(result)
    return judgement.of_succeeded(result) if operation.status == "succeeded" else judgement.of_failed(result)


def resolve(
    state: Payment, command: ResolveOperation, envelope: Envelope, policy: PaymentPolicy
) -> Events | Refused:
    """An operator's word on an operation, taken from the provider's own records."""
    index = operation_index(state, command.operation_id)
    if index is None:
        return Refused(Outcome.NOT_FOUND)
    operation = state.operations[index]
    if command.resolution == "as_booked":
        is_settled = operation.contradiction is None or operation.is_open
        return (
            Refused(Outcome.UNEXPECTED_STATE)
            if is_settled
            else (OperationReviewed(operation_id=operation.operation_id),)
        )
    if operation.status not in ("unknown", "review"):
        return Refused(Outcome.UNEXPECTED_STATE)
    judgement = _Judgement(state, operation, envelope, policy)
    if command.resolution == "not_executed":
        return judgement.failed("not_executed", proof="operator")
    provider_ref = command.provider_ref or operation.provider_ref
    if provider_ref is None:
        return Refused(Outcome.PROVIDER_REFERENCE_MISSING)
    return judgement.succeeded(provider_ref, is_late=False)


class _Judgement:
    """Judges what is said of one operation of one payment at one time."""

    def __init__(
        self, state: Payment, operation: Operation, envelope: Envelope, policy: PaymentPolicy
    ) -> None:
        self._state = state
        self._operation = operation
        self._now_ms = envelope.occurred_at_ms
        self._policy = policy
        self._opening = Opening(state, policy, cause=envelope.message_id, now_ms=self._now_ms)

    def of_open(self, result: OperationResult) -> Events:
        """Any outcome ends or moves an open operation."""
        match result.outcome:
            case "succeeded":
                if self._amount_differs(result) or result.provider_ref is None:
                    return (self._review("amount_differs", result),)
                return self.succeeded(result.provider_ref, is_late=False)
            case "declined" | "refused":
                return self.failed(result.code or GENERIC_DECLINE, proof="answered")
            case "requires_action":
                return self._requires_action(result)
            case "not_executed":
                return self._not_executed(result)
            case "unknown":
                return self._unknown(result)
            case _:
                assert_never(result.outcome)

    def of_succeeded(self, result: OperationResult) -> Events:
        """After a success: the same again, a refund that came back, or a contradiction."""
        if result.outcome in ("unknown", "not_executed", "requires_action"):
            return ()
        if result.outcome == "succeeded":
            is_same = result.provider_ref == self._operation.provider_ref and not self._amount_differs(result)
            return (
                () if is_same or self._operation.contradiction else (self._review("outcome_differs", result),)
            )
        if self._operation.kind == "refund":
            return self.failed(result.code or GENERIC_DECLINE, proof="answered")
        return () if self._operation.contradiction else (self._review("outcome_differs", result),)

    def of_failed(self, result: OperationResult) -> Events:
        """After a failure only a success is news: the money moved after all."""
        if result.outcome != "succeeded" or self._operation.contradiction:
            return ()
        if self._amount_differs(result) or result.provider_ref is None:
            return (self._review("amount_differs", result),)
        return self.succeeded(result.provider_ref, is_late=True)

    def succeeded(self, provider_ref: str, *, is_late: bool) -> Events:
        """Book a success and what has to follow it; a late one is undone."""
        match self._operation.kind:
            case "authorize":
                return self._authorized(provider_ref, is_late=is_late)
            case "sale":
                taken = self._booked(PaymentCaptured, provider_ref, is_late=is_late)
                return (taken, self._give_back(provider_ref)) if is_late else (taken,)
            case "capture":
                return self._captured(provider_ref, is_late=is_late)
            case "void":
                return (self._released(provider_ref, is_late=is_late),)
            case "refund":
                return self._refunded(provider_ref, is_late=is_late)
            case _:
                assert_never(self._operation.kind)

    def failed(self, code: str, *, proof: Proof) -> Events:
        """End the operation without money moved; `code` says why."""
        operation_id = self._operation.operation_id
        match self._operation.kind:
            case "authorize" | "sale":
                return (PaymentFailed(operation_id=operation_id, code=code, proof=proof),)
            case "capture":
                return (CaptureFailed(operation_id=operation_id, code=code, proof=proof),)
            case "void":
                return (VoidFailed(operation_id=operation_id, code=code, proof=proof),)
            case "refund":
                amount_minor, is_reversed = (
                    self._operation.amount_minor,
                    self._operation.status == "succeeded",
                )
                return (
                    RefundFailed(
                        operation_id=operation_id,
                        code=code,
                        proof=proof,
                        amount_minor=amount_minor,
                        reversed=is_reversed,
                    ),
                )
            case _:
                assert_never(self._operation.kind)

    def _authorized(self, provider_ref: str, *, is_late: bool) -> Events:
        held = PaymentAuthorized(
            operation_id=self._operation.operation_id,
            amount_minor=self._operation.amount_minor,
            provider_ref=provider_ref,
            late=is_late,
            expires_at_ms=self._now_ms + self._policy.authorization_window_ms,
            window_closes_at_ms=self._now_ms + self._policy.scheme_window_ms,
        )
        if not is_late:
            return (held,)
        operation = replace(self._operation, provider_ref=provider_ref)
        return (held, self._opening.void(operation, operation.amount_minor, "late_success"))

    def _captured(self, provider_ref: str, *, is_late: bool) -> Events:
        taken = self._booked(PaymentCaptured, provider_ref, is_late=is_late)
        source = authorization(self._state)
        assert source is not None and source.provider_ref is not None, "a capture has an authorization"
        undone = (self._give_back(source.provider_ref),) if is_late else ()
        left_minor = held_minor(self._state) - self._operation.amount_minor
        assert is_late or left_minor >= 0, "a capture never exceeds what is held"
        # Of what is taken in part nothing more can be captured, so the customer's card is freed of the rest.
        if left_minor <= 0 or (is_late and open_operations(self._state, HOLDING)):
            return (taken, *undone)
        return (taken, *undone, self._opening.void(source, left_minor, "remainder"))

    def _released(self, provider_ref: str, *, is_late: bool) -> AggregateEvent:
        operation = self._operation
        if operation.void_reason == "remainder":
            return self._booked(AuthorizationReleased, provider_ref, is_late=is_late)
        if operation.void_reason == "expired":
            return PaymentExpired(
                amount_minor=operation.amount_minor,
                operation_id=operation.operation_id,
                provider_ref=provider_ref,
            )
        return self._booked(PaymentVoided, provider_ref, is_late=is_late)

    def _refunded(self, provider_ref: str, *, is_late: bool) -> Events:
        given = self._booked(RefundSucceeded, provider_ref, is_late=is_late)
        total_minor = refunded_minor(self._state) + self._operation.amount_minor
        if total_minor <= captured_minor(self._state):
            return (given,)
        # The customer got more than they paid: booked as the fact it is, and looked at.
        return (given, self._review("outcome_differs", None))

    def _give_back(self, provider_ref: str) -> AggregateEvent:
        charged = replace(self._operation, provider_ref=provider_ref)
        return self._opening.refund(charged, charged.amount_minor, cause="late_success")

    def _requires_action(self, result: OperationResult) -> Events:
        if self._operation.status == "requires_action":
            return ()
        if result.next_action_url is None or result.provider_ref is None:
            return self._unknown(result)
        due_at_ms = result.action_expires_at_ms or self._now_ms
        required = PaymentRequiresAction(
            operation_id=self._operation.operation_id,
            provider_ref=result.provider_ref,
            next_action_url=result.next_action_url,
            due_at_ms=max(due_at_ms, self._now_ms) + self._policy.query_delay_ms(0),
        )
        return (required,)

    def _not_executed(self, result: OperationResult) -> Events:
        """Proved not done: call again later, unless nobody waits for it any more."""
        operation = self._operation
        if result.call_attempt != operation.call_attempt or operation.status == "postponed":
            return ()
        due_at_ms = self._now_ms + self._policy.call_delay_ms(operation.call_attempt)
        is_too_late = (
            operation.kind in AUTHORIZING
            and due_at_ms >= operation.requested_at_ms + self._policy.confirm_window_ms
        )
        if is_too_late or operation.call_attempt + 1 >= MAX_CALLS:
            # Why the provider was not reached is its result's to tell; to a merchant its words would be ours.
            return self.failed("not_executed", proof="not_executed")
        return (OperationPostponed(operation_id=operation.operation_id, due_at_ms=due_at_ms),)

    def _unknown(self, result: OperationResult) -> Events:
        operation = self._operation
        if result.call_attempt != operation.call_attempt or operation.status != "requested":
            return ()
        return (unknown_from(operation, self._now_ms, self._policy),)

    def _amount_differs(self, result: OperationResult) -> bool:
        return result.amount_minor != self._operation.amount_minor or result.currency != self._state.currency

    def _review(self, conflict: Conflict, result: OperationResult | None) -> OperationHeldForReview:
        return OperationHeldForReview(
            operation_id=self._operation.operation_id,
            conflict=conflict,
            provider_ref=result.provider_ref if result else None,
            provider_amount_minor=result.amount_minor if result else None,
            provider_currency=result.currency if result else None,
        )

    def _booked(self, event: type[R], provider_ref: str, *, is_late: bool) -> R:
        return event(
            operation_id=self._operation.operation_id,
            amount_minor=self._operation.amount_minor,
            provider_ref=provider_ref,
            late=is_late,
        )
