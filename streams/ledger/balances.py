"""How do the accounts stand? Said once for each that a unit of work changed, after its last transaction."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from schemas import ids, topics
from schemas.balances import AccountBalance, BalancesChanged
from schemas.codec import codec_of
from schemas.envelope import Body, Envelope, Message
from schemas.topics import Topic
from streams.ledger.accounts import Standing
from streams.ledger.chart import described
from streams.ports import Output

T = TypeVar("T")

_MOST: Final = 1_000
"""What one message tells of at most, so that none grows beyond what a broker takes."""


def told(changed: Sequence[Standing], cause: Envelope, partition: int) -> Sequence[Output]:
    """The accounts a unit of work changed, in as few messages as can be, on the partition of their journal.

    cause: of the last event of the unit. Telling every account after every transaction would cost more
    than posting them.
    """
    return [
        together(
            topics.LEDGER_BALANCES,
            BalancesChanged(balances=tuple([_balance(standing) for standing in some])),
            cause,
            some[0].account_id,
            partition,
        )
        for some in batches(changed)
    ]


def batches(found: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts of what is told together."""
    return (found[low : low + _MOST] for low in range(0, len(found), _MOST))


def together(topic: Topic, body: Body, cause: Envelope, first: str, partition: int) -> Output:
    """One message about much of a unit of work. cause: of its last event; first: id of what it tells first."""
    envelope = replace(
        cause,
        message_id=ids.digest(cause.message_id, topic.name, first),
        causation_id=cause.message_id,
        aggregate_key="",
        version=0,
    )
    value = codec_of(topic).encode(Message(envelope=envelope, body=body))
    return Output(topic.name, cause.aggregate_key.encode(), value, partition)


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
