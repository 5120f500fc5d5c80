"""What follows from a message about a payment: events, or a refusal with its outcome.

Refusals come in the order of `Outcome`: what is not there, what its status forbids, what another
operation blocks, what is exhausted, what is missing, what exceeds an amount.
"""

from typing import Any, assert_never

from schemas.envelope import Message
from schemas.ledger import PostingResult
from schemas.outcomes import Outcome
from schemas.payment_commands import (
    CancelPaymentIntent,
    CapturePayment,
    Command,
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    RefundPayment,
    ResolveOperation,
    ReviewPayment,
    VoidPayment,
)
from schemas.payments import AggregateEvent, PaymentIntentCanceled, PaymentIntentCreated, PaymentStatus
from schemas.psp import OperationResult
from schemas.risk import RiskDecided
from streams.core import Decision, Elapsed, Refused, Repeated
from streams.payments.assessing import on_verdict, review
from streams.payments.elapsed import on_elapsed
from streams.payments.judgement import judge, resolve
from streams.payments.policy import MAX_ATTEMPTS, MAX_OPERATIONS, PaymentPolicy
from streams.payments.requests import Opening, attempts_made
from streams.payments.reserving import on_posting
from streams.payments.state import (
    AUTHORIZING,
    HOLDING,
    Operation,
    Payment,
    authorization,
    authorized_minor,
    captured_minor,
    held_minor,
    open_operations,
    payment_status,
    refundable_minor,
)

PaymentDecision = Decision[AggregateEvent]


def decide(state: Payment | None, message: Message[Any], *, policy: PaymentPolicy) -> PaymentDecision:
    """Decide a command, a verdict, a reservation's or provider's result, or the coming of a deadline."""
    match message.body:
        case OperationResult() as result:
            return judge(state, result, message.envelope, policy)
        case RiskDecided() as verdict:
            return on_verdict(state, verdict, message.envelope, policy)
        case PostingResult() as result:
            return on_posting(state, result, message.envelope, policy)
        case Elapsed(now_ms):
            return () if state is None else on_elapsed(state, message.envelope, now_ms, policy)
        case _:
            return _decide_command(state, message, policy)


def _decide_command(
    state: Payment | None, message: Message[Command], policy: PaymentPolicy
) -> PaymentDecision:
    command = message.body
    if isinstance(command, CreatePaymentIntent):
        return _create(state, command, message)
    if state is None:
        return Refused(Outcome.NOT_FOUND)
    if len(state.operations) >= MAX_OPERATIONS and not isinstance(command, ResolveOperation):
        return Refused(Outcome.OPERATIONS_EXHAUSTED)
    opening = Opening(
        state, policy, cause=message.envelope.message_id, now_ms=message.envelope.occurred_at_ms
    )
    command_id = message.envelope.message_id
    match command:
        case ConfirmPaymentIntent():
            return _confirm(state, command, opening, command_id)
        case CancelPaymentIntent():
            return _cancel(state)
        case CapturePayment():
            return _capture(state, command, opening, command_id)
        case VoidPayment():
            return _void(state, opening, command_id)
        case RefundPayment():
            return _refund(state, command, opening, command_id)
        case ReviewPayment():
            return review(state, command, message.envelope, policy)
        case ResolveOperation():
            return resolve(state, command, message.envelope, policy)
        case _:
            assert_never(command)


def _create(
    state: Payment | None, command: CreatePaymentIntent, message: Message[Command]
) -> PaymentDecision:
    request = message.envelope.request
    assert request is not None, "a creation is a command"
    if state is not None:
        is_same = state.fingerprint == request.fingerprint
        return Repeated(Outcome.CREATED) if is_same else Refused(Outcome.IDEMPOTENCY_MISMATCH)
    created = PaymentIntentCreated(
        amount_minor=command.amount_minor,
        currency=command.currency,
        capture_method=command.capture_method,
        fingerprint=request.fingerprint,
        customer_id=command.customer_id,
        payment_method=command.payment_method,
        notes=command.notes,
    )
    return (created,)


def _confirm(
    state: Payment, command: ConfirmPaymentIntent, opening: Opening, command_id: str
) -> PaymentDecision:
    if state.is_canceled or authorized_minor(state):
        return Refused(Outcome.UNEXPECTED_STATE)
    if _is_attempting(state):
        return Refused(Outcome.OPERATION_IN_PROGRESS)
    if attempts_made(state) >= MAX_ATTEMPTS:
        return Refused(Outcome.ATTEMPTS_EXHAUSTED)
    method = command.payment_method or state.payment_method
    if method is None:
        return Refused(Outcome.PAYMENT_METHOD_MISSING)
    return (opening.assessment(method, command.context, command_id),)


def _cancel(state: Payment) -> PaymentDecision:
    if state.is_canceled or authorized_minor(state):
        return Refused(Outcome.UNEXPECTED_STATE)
    if _is_attempting(state):
        return Refused(Outcome.OPERATION_IN_PROGRESS)
    return (PaymentIntentCanceled(),)


def _capture(state: Payment, command: CapturePayment, opening: Opening, command_id: str) -> PaymentDecision:
    held = _held(state)
    if held is None:
        return Refused(Outcome.UNEXPECTED_STATE)
    if open_operations(state, HOLDING):
        return Refused(Outcome.OPERATION_IN_PROGRESS)
    capturable_minor = _held_minor(state, held)
    amount_minor = capturable_minor if command.amount_minor is None else command.amount_minor
    if amount_minor > capturable_minor:
        return Refused(Outcome.AMOUNT_EXCEEDS_AUTHORIZED)
    return (opening.capture(held, amount_minor, command_id),)


def _void(state: Payment, opening: Opening, command_id: str) -> PaymentDecision:
    held = _held(state)
    if held is None:
        return Refused(Outcome.UNEXPECTED_STATE)
    if open_operations(state, HOLDING):
        return Refused(Outcome.OPERATION_IN_PROGRESS)
    return (opening.void(held, _held_minor(state, held), "requested", command_id),)


def _refund(state: Payment, command: RefundPayment, opening: Opening, command_id: str) -> PaymentDecision:
    charged = authorization(state)
    if charged is None or not captured_minor(state):
        return Refused(Outcome.UNEXPECTED_STATE)
    if payment_status(state) is PaymentStatus.IN_REVIEW:
        return Refused(Outcome.OPERATION_IN_PROGRESS)
    refundable = refundable_minor(state)
    amount_minor = refundable if command.amount_minor is None else command.amount_minor
    if amount_minor > refundable or refundable <= 0:
        return Refused(Outcome.AMOUNT_EXCEEDS_REFUNDABLE)
    return (opening.refund(charged, amount_minor, reason=command.reason, command_id=command_id),)


def _is_attempting(state: Payment) -> bool:
    """An attempt is being assessed, or a provider may be holding or taking money for it."""
    is_assessed = state.assessment is not None and state.assessment.is_open
    return is_assessed or bool(open_operations(state, AUTHORIZING))


def _held_minor(state: Payment, held: Operation) -> int:
    """What is held under this authorization; there is another only while a late success is undone."""
    return min(held_minor(state), held.amount_minor)


def _held(state: Payment) -> Operation | None:
    """The authorization that can be captured or voided: held, and nothing of it taken yet."""
    return authorization(state) if held_minor(state) and not captured_minor(state) else None
