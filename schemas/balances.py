"""What the ledger tells of its accounts: how each stands, shard by shard, and platform accounts in all."""

from msgspec import Struct

from schemas.envelope import Body, Code, Identifier, Mode


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


class BalanceTransaction(Struct, frozen=True, kw_only=True):
    """One transaction that changed what a merchant owns, in minor units; below zero where the merchant paid.

    net_minor: the change of the merchant's liability accounts less what it owes. fee_minor: what the
    platform took with it, tax on it included. amount_minor: gross, both together. type: the entry
    template. source: what it is about. available_at_ms: when the net counts as available. seq,
    created_at_ms: of the transaction's journal record.
    """

    transaction_id: Identifier
    seq: int
    merchant_id: Identifier
    mode: Mode
    type: Code
    source: Identifier
    currency: Code
    amount_minor: int
    fee_minor: int
    net_minor: int
    available_at_ms: int
    created_at_ms: int
    payment_id: Identifier | None = None
    payout_id: Identifier | None = None


class BalanceTransactionsPosted(Body, frozen=True, kw_only=True):
    """What changed the balances of merchants in a partition, in the order of its journal."""

    transactions: tuple[BalanceTransaction, ...]


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
