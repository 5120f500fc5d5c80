"""Which rows show how the accounts of the ledger stand?"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from connectors.postgres.events import Event
from connectors.postgres.projection import Projection
from connectors.postgres.tables import Table, at
from schemas import ids
from schemas.accounts import normal_side
from schemas.balances import (
    AccountBalance,
    BalancesChanged,
    BalanceTransaction,
    BalanceTransactionsPosted,
    TotalChanged,
)


class BalanceRow(Struct, frozen=True, kw_only=True):
    """A row of mart.balances."""

    account_id: str
    code: int
    kind: str
    owner: str | None
    merchant_id: str | None
    shard: int | None
    currency: str
    mode: str
    debits_pending_minor: int
    debits_posted_minor: int
    credits_pending_minor: int
    credits_posted_minor: int
    balance_minor: int
    seq: int
    updated_at: datetime


class BalanceTransactionRow(Struct, frozen=True, kw_only=True):
    """A row of mart.balance_transactions."""

    balance_transaction_id: str
    merchant_id: str
    mode: str
    type: str
    source: str
    payment_id: str | None
    currency: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    available_on: datetime
    payout_id: str | None
    seq: int
    created_at: datetime


class PlatformTotalRow(Struct, frozen=True, kw_only=True):
    """A row of mart.platform_totals."""

    account_id: str
    code: int
    kind: str
    currency: str
    mode: str
    debits_posted_minor: int
    credits_posted_minor: int
    balance_minor: int
    watermark_at: datetime
    version: int
    updated_at: datetime


BALANCES: Final = Table("mart.balances", BalanceRow, "account_id")
BALANCE_TRANSACTIONS: Final = Table(
    "mart.balance_transactions", BalanceTransactionRow, "balance_transaction_id"
)
PLATFORM_TOTALS: Final = Table("mart.platform_totals", PlatformTotalRow, "account_id")


def balance_minor(code: int, *, debits_minor: int, credits_minor: int) -> int:
    """Balance on the account's normal side: what assets and expenses hold is debits less credits."""
    return debits_minor - credits_minor if normal_side(code) == "debit" else credits_minor - debits_minor


def project_balances(projection: Projection, event: Event) -> None:
    """Every account that changed; seq counts on in the one partition an account lives in."""
    body = event.message.body
    assert isinstance(body, BalancesChanged), f"{type(body).__name__} changes no balances"
    for balance in body.balances:
        before = projection.current(BALANCES, BalanceRow, balance.account_id)
        if before is None or before.seq < balance.seq:
            projection.put(BALANCES, event, _balance(balance), version=balance.seq)


def project_balance_transactions(projection: Projection, event: Event) -> None:
    """Everything that changed what merchants own, written once."""
    body = event.message.body
    assert isinstance(body, BalanceTransactionsPosted), f"{type(body).__name__} tells no balance transactions"
    for one in body.transactions:
        projection.log(BALANCE_TRANSACTIONS, event, _balance_transaction(one))


def project_total(projection: Projection, event: Event) -> None:
    """The account over all partitions."""
    projection.show(PLATFORM_TOTALS, event.key, event, _total)


def _balance(balance: AccountBalance) -> BalanceRow:
    owner = balance.owner
    return BalanceRow(
        account_id=balance.account_id,
        code=balance.code,
        kind=balance.kind,
        owner=owner,
        merchant_id=owner if owner is not None and ids.is_merchant(owner) else None,
        shard=balance.shard,
        currency=balance.currency,
        mode=balance.account_id.partition(".")[0],
        debits_pending_minor=balance.debits_pending_minor,
        debits_posted_minor=balance.debits_posted_minor,
        credits_pending_minor=balance.credits_pending_minor,
        credits_posted_minor=balance.credits_posted_minor,
        balance_minor=balance_minor(
            balance.code,
            debits_minor=balance.debits_posted_minor,
            credits_minor=balance.credits_posted_minor,
        ),
        seq=balance.seq,
        updated_at=at(balance.changed_at_ms),
    )


def _balance_transaction(one: BalanceTransaction) -> BalanceTransactionRow:
    return BalanceTransactionRow(
        balance_transaction_id=one.transaction_id,
        merchant_id=one.merchant_id,
        mode=one.mode,
        type=one.type,
        source=one.source,
        payment_id=one.payment_id,
        currency=one.currency,
        amount_minor=one.amount_minor,
        fee_minor=one.fee_minor,
        net_minor=one.net_minor,
        available_on=at(one.available_at_ms),
        payout_id=one.payout_id,
        seq=one.seq,
        created_at=at(one.created_at_ms),
    )


def _total(event: Event) -> PlatformTotalRow:
    envelope, body = event.message.envelope, event.message.body
    assert isinstance(body, TotalChanged), f"{type(body).__name__} changes no total"
    return PlatformTotalRow(
        account_id=body.report.account_id,
        code=body.report.code,
        kind=body.report.kind,
        currency=body.report.currency,
        mode=envelope.mode,
        debits_posted_minor=body.debits_posted_minor,
        credits_posted_minor=body.credits_posted_minor,
        balance_minor=balance_minor(
            body.report.code,
            debits_minor=body.debits_posted_minor,
            credits_minor=body.credits_posted_minor,
        ),
        watermark_at=at(body.watermark_ms),
        version=envelope.version,
        updated_at=at(envelope.occurred_at_ms),
    )
