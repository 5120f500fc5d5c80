"""How do the accounts stand? Said once for each that a unit of work changed, after its last transaction."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from schemas import ids, topics
from schemas.balances import AccountBalance, BalancesChanged
from schemas.codec import codec_of
from schemas.envelope import Message
from streams.ledger.accounts import Standing
from streams.ledger.chart import described
from streams.ports import Output

_MOST: Final = 1_000
"""Accounts in one message, so that none grows beyond what a broker takes."""


def told(changed: Sequence[Standing], partition: int) -> Sequence[Output]:
    """The accounts a unit of work changed, in as few messages as can be, on the partition of their journal.

    Telling every account after every transaction would cost more than posting them.
    """
    return [_message(changed[low : low + _MOST], partition) for low in range(0, len(changed), _MOST)]


def _message(changed: Sequence[Standing], partition: int) -> Output:
    cause = max(changed, key=lambda standing: standing.cause.body.seq).cause.envelope
    envelope = replace(
        cause,
        message_id=ids.digest(cause.message_id, topics.LEDGER_BALANCES.name, changed[0].account_id),
        causation_id=cause.message_id,
        aggregate_key="",
        version=0,
    )
    body = BalancesChanged(balances=tuple([_balance(standing) for standing in changed]))
    value = codec_of(topics.LEDGER_BALANCES).encode(Message(envelope=envelope, body=body))
    return Output(topics.LEDGER_BALANCES.name, cause.aggregate_key.encode(), value, partition)


def _balance(standing: Standing) -> AccountBalance:
    kind, owner, currency, shard = described(standing.account_id)
    counters = standing.counters
    return AccountBalance(
        account_id=standing.account_id,
        seq=standing.cause.body.seq,
        changed_at_ms=standing.cause.envelope.occurred_at_ms,
        code=kind.code,
        kind=kind.kind,
        currency=currency,
        debits_pending_minor=counters.debits_pending,
        debits_posted_minor=counters.debits_posted,
        credits_pending_minor=counters.credits_pending,
        credits_posted_minor=counters.credits_posted,
        owner=owner,
        shard=shard,
    )
