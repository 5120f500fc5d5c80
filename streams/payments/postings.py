"""What does a payment's event mean to the ledger: which fact to record, or what to reserve?"""

from typing import Any

from schemas import ids, topics
from schemas.envelope import Message
from schemas.ledger import (
    LedgerCommand,
    RecordCapture,
    RecordHold,
    RecordRefundFailed,
    RecordRefundRequested,
    RecordRefundSucceeded,
    RecordRelease,
    ReserveRefund,
)
from schemas.payments import (
    AggregateEvent,
    AuthorizationReleased,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentExpired,
    PaymentVoided,
    RefundFailed,
    RefundRequested,
    RefundReservationRepeated,
    RefundSucceeded,
)
from streams.core import Send
from streams.payments.state import Payment, authorization, indexed


def posted(state: Payment, event: Message[AggregateEvent]) -> Send | None:
    """The command to the merchant's book; None where no money is held, moved or set aside."""
    command = _command_of(event.body)
    if command is None:
        return None
    operation = state.operations[indexed(state, _operation_named(state, event.body))]
    # A reservation is asked for until it is answered, always under the same transaction.
    is_reserve = command is ReserveRefund
    cause = operation.operation_id if is_reserve else event.envelope.message_id
    amount_minor = getattr(event.body, "amount_minor", operation.amount_minor)
    about: dict[str, Any] = {}
    if command is RecordCapture:
        paid_by = operation.payment_method or state.payment_method
        about["method"] = None if paid_by is None else paid_by.type
    body = command(
        transaction_id=ids.transaction_id(state.merchant_id, cause, command.__name__),
        operation_id=operation.operation_id,
        payment_id=f"pay_{state.payment_key}",
        provider=operation.provider,
        amount_minor=amount_minor,
        currency=state.currency,
        **about,
    )
    return Send(topics.LEDGER_COMMANDS_PAYMENTS, body, key=ids.key_of(state.merchant_id))


def _command_of(body: AggregateEvent) -> type[LedgerCommand] | None:
    match body:
        case PaymentAuthorized():
            return RecordHold
        case PaymentCaptured():
            return RecordCapture
        case PaymentVoided() | AuthorizationReleased() | PaymentExpired():
            return RecordRelease
        case RefundRequested(cause="requested") | RefundReservationRepeated():
            return ReserveRefund
        case RefundRequested():
            return RecordRefundRequested
        case RefundSucceeded():
            return RecordRefundSucceeded
        case RefundFailed(proof="refused_by_ledger"):
            return None
        case RefundFailed():
            return RecordRefundFailed
        case _:
            return None


def _operation_named(state: Payment, body: AggregateEvent) -> str:
    """The operation the event is about; of a hold that ended by the scheme's rules, the authorization."""
    operation_id: str | None = getattr(body, "operation_id", None)
    if operation_id is not None:
        return operation_id
    held = authorization(state)
    assert held is not None, "what expires was authorized"
    return held.operation_id
