"""How do the accounts stand? Said once for each that a unit of work changed, after its last transaction."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.ledger import AccountBalance, BalancesChanged, TransactionPosted
from streams.ledger.accounts import Standing
from streams.ledger.chart import described
from streams.ports import Output


def told(changed: Sequence[Standing]) -> Sequence[Output]:
    """One message for each transaction that was the last on any of these accounts, in their order.

    Telling every account after every transaction would cost more than posting them.
    """
    by_cause: defaultdict[int, list[Standing]] = defaultdict(list)
    for standing in changed:
        by_cause[standing.cause.body.seq].append(standing)
    return [_message(by_cause[seq][0].cause, by_cause[seq]) for seq in sorted(by_cause)]


def _message(cause: Message[TransactionPosted], changed: Sequence[Standing]) -> Output:
    before, posted = cause.envelope, cause.body
    envelope = replace(
        before,
        message_id=ids.digest(before.message_id, topics.LEDGER_BALANCES.name),
        causation_id=before.message_id,
        aggregate_key="",
        version=0,
    )
    body = BalancesChanged(
        transaction_id=posted.transaction_id,
        seq=posted.seq,
        balances=tuple([_balance(standing) for standing in changed]),
    )
    value = codec_of(topics.LEDGER_BALANCES).encode(Message(envelope=envelope, body=body))
    return Output(topics.LEDGER_BALANCES.name, before.aggregate_key.encode(), value)


def _balance(standing: Standing) -> AccountBalance:
    kind, owner, currency, shard = described(standing.account_id)
    counters = standing.counters
    return AccountBalance(
        account_id=standing.account_id,
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
