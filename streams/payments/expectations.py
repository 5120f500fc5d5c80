"""What should a provider's settlement files say because of a payment's event?"""

from schemas import ids, topics
from schemas.envelope import Message
from schemas.payments import AggregateEvent, PaymentCaptured, RefundSucceeded
from schemas.reconciliation import ExpectMovement
from streams.core import Send
from streams.payments.state import Payment, indexed


def expected(state: Payment, event: Message[AggregateEvent]) -> Send | None:
    """The movement a line will settle; None for events by which the provider moved no money."""
    body = event.body
    if not isinstance(body, PaymentCaptured | RefundSucceeded):
        return None
    operation = state.operations[indexed(state, body.operation_id)]
    movement = ExpectMovement(
        provider=operation.provider,
        provider_ref=body.provider_ref,
        payment_id=f"pay_{state.payment_key}",
        operation_id=operation.operation_id,
        kind="capture" if isinstance(body, PaymentCaptured) else "refund",
        amount_minor=body.amount_minor,
        currency=state.currency,
    )
    key = ids.match_key(operation.provider, body.provider_ref)
    return Send(topics.RECON_EXPECTED_PAYMENTS, movement, key=key)
