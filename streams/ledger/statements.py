"""What changed the balances of merchants: each transaction of a unit of work, gross, fee and net?"""

from collections.abc import Sequence
from typing import Any, Final

from schemas import ids, topics
from schemas.balances import BalanceTransaction, BalanceTransactionsPosted
from schemas.envelope import Message
from schemas.ledger import TransactionPosted
from streams.ledger.balances import batches, together
from streams.ledger.chart import (
    FEE_DISPUTE,
    FEE_PAYOUT,
    FEE_PROCESSING,
    SUBSCRIPTION_REVENUE,
    TAX_PAYABLE,
    described,
)
from streams.ports import Output

_FEES: Final = frozenset({TAX_PAYABLE, FEE_PROCESSING, FEE_DISPUTE, FEE_PAYOUT, SUBSCRIPTION_REVENUE})
_OF_PAYOUTS: Final = "payout_"


def announced(recorded: Sequence[Message[Any]], partition: int) -> Sequence[Output]:
    """The balance transactions among what a unit of work recorded, on the partition of their journal."""
    found = [change for event in recorded if (change := balance_transaction(event)) is not None]
    return [
        together(
            topics.LEDGER_STATEMENTS,
            BalanceTransactionsPosted(transactions=tuple(some)),
            recorded[-1].envelope,
            some[0].transaction_id,
            partition,
        )
        for some in batches(found)
    ]


def balance_transaction(event: Message[Any]) -> BalanceTransaction | None:
    """What an event changed of what its merchant owns, or charged and gave at once; None: nothing, as when money only
    becomes available."""
    body, envelope = event.body, event.envelope
    owner = envelope.merchant_id
    if not isinstance(body, TransactionPosted) or not ids.is_merchant(owner):
        return None
    net_minor = fee_minor = 0
    is_own = False
    for leg in body.legs:
        if leg.phase != "posted":
            continue
        account = described(leg.account_id)
        change_minor = leg.amount_minor if leg.side == "credit" else -leg.amount_minor
        if account.owner == owner:
            net_minor += change_minor
            is_own = True
        elif account.kind.code in _FEES:
            fee_minor += change_minor
    if net_minor == 0 and not (is_own and fee_minor):
        return None
    at_ms = envelope.occurred_at_ms
    return BalanceTransaction(
        transaction_id=body.transaction_id,
        seq=body.seq,
        merchant_id=owner,
        mode=envelope.mode,
        type=body.template,
        source=body.operation_id,
        currency=body.currency,
        amount_minor=net_minor + fee_minor,
        fee_minor=fee_minor,
        net_minor=net_minor,
        available_at_ms=at_ms if body.available_at_ms is None else body.available_at_ms,
        created_at_ms=at_ms,
        payment_id=body.payment_id,
        payout_id=body.operation_id if body.template.startswith(_OF_PAYOUTS) else None,
    )
