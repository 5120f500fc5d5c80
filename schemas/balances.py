"""What the ledger tells of its accounts: how each stands, shard by shard, and platform accounts in all."""

from msgspec import Struct

from schemas.envelope import Body, Code, Identifier


class AccountBalance(Struct, frozen=True, kw_only=True):
    """The four counters of one account after a transaction, in minor units.

    seq, changed_at_ms: of the transaction's journal record. kind: of the chart, such as merchant.available.
    owner: merchant, wallet or provider; None for the platform. shard: partition of a platform account
    that is kept per partition; None where there is one account.
    """

    account_id: Identifier
    seq: int
    changed_at_ms: int
    code: int
    kind: Code
    currency: Code
    debits_pending_minor: int
    debits_posted_minor: int
    credits_pending_minor: int
    credits_posted_minor: int
    owner: Identifier | None = None
    shard: int | None = None


class BalancesChanged(Body, frozen=True, kw_only=True):
    """How accounts of a partition stand, each after its last transaction; states in between are not told."""

    balances: tuple[AccountBalance, ...]


class ShardReported(Body, frozen=True, kw_only=True):
    """How one partition's shard of a platform account stands. The record's key is the account without shard.

    as_of_ms: everything the partition posted up to this time is counted.
    """

    account_id: Identifier
    shard: int
    code: int
    kind: Code
    currency: Code
    debits_posted_minor: int
    credits_posted_minor: int
    as_of_ms: int


class TotalChanged(Body, frozen=True, kw_only=True):
    """A platform account over all its shards. watermark_ms: every shard is counted up to this time."""

    report: ShardReported
    debits_posted_minor: int
    credits_posted_minor: int
    watermark_ms: int
