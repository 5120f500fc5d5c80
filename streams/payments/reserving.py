"""What follows from what the ledger says of a refund that waits for its reservation?"""

from collections.abc import Sequence

from schemas.envelope import Envelope
from schemas.ledger import PostingResult
from schemas.outcomes import Outcome
from schemas.payments import AggregateEvent, RefundFailed
from streams.payments.policy import PaymentPolicy
from streams.payments.requests import Opening
from streams.payments.state import Payment, operation_index


def on_posting(
    state: Payment | None, result: PostingResult, envelope: Envelope, policy: PaymentPolicy
) -> Sequence[AggregateEvent]:
    """Ask the provider once the amount is set aside; without cover the refund ends here.

    An answer to a reservation that was asked for twice says nothing the second time.
    """
    index = None if state is None else operation_index(state, result.operation_id)
    if state is None or index is None or state.operations[index].status != "reserving":
        return ()
    refund = state.operations[index]
    if result.outcome == "posted":
        opening = Opening(state, policy, cause=envelope.message_id, now_ms=envelope.occurred_at_ms)
        return (opening.reserved(refund),)
    failed = RefundFailed(
        operation_id=refund.operation_id,
        code=result.code or Outcome.BALANCE_INSUFFICIENT.code,
        proof="refused_by_ledger",
        amount_minor=refund.amount_minor,
    )
    return (failed,)
