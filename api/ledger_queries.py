"""Which stored rows tell of the ledger: balance transactions, accounts, entries, transactions, the trial balance?"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import sql

from api.connections import Connections
from schemas.accounts import normal_side
from schemas.ledger import Adjustment
from schemas.topics import LEDGER_JOURNAL

_BALANCE_TRANSACTIONS: Final = """
    SELECT b.balance_transaction_id, b.type, b.source, b.payment_id, b.currency, b.amount_minor, b.fee_minor,
           b.net_minor, b.available_on, b.payout_id, b.created_at
    FROM mart.balance_transactions b WHERE b.merchant_id = %(merchant_id)s AND b.mode = %(mode)s"""
_CONDITIONS: Final = {
    "id": " AND b.balance_transaction_id = %(id)s",
    "type": " AND b.type = %(type)s",
    "currency": " AND b.currency = %(currency)s",
    "payment_id": " AND b.payment_id = %(payment_id)s",
    "created_after": " AND b.created_at > %(created_after)s",
    "created_before": " AND b.created_at < %(created_before)s",
    "starting_after": """ AND (b.created_at, b.balance_transaction_id) < (
        SELECT created_at, balance_transaction_id FROM mart.balance_transactions
        WHERE balance_transaction_id = %(starting_after)s AND merchant_id = %(merchant_id)s)""",
}
_NEWEST: Final = " ORDER BY b.created_at DESC, b.balance_transaction_id DESC LIMIT %(rows)s"
_ACCOUNT: Final = """
    SELECT account_id, code, kind, currency, mode, merchant_id, debits_posted_minor, credits_posted_minor,
           debits_pending_minor, credits_pending_minor, balance_minor, seq
    FROM mart.balances WHERE account_id = %(account_id)s"""
_UNTIL: Final = """
    FROM mart.ledger_entries e JOIN mart.ledger_transactions t USING (transaction_id)
    WHERE e.account_id = %(account_id)s
      AND (%(until)s::timestamptz IS NULL OR e.created_at <= %(until)s)
      AND (%(until_seq)s::bigint IS NULL OR t.seq <= %(until_seq)s)"""
_TOTALS: Final = f"""
    SELECT coalesce(sum(e.amount_minor) FILTER (WHERE e.phase = 'posted' AND e.direction = 'debit'), 0),
           coalesce(sum(e.amount_minor) FILTER (WHERE e.phase = 'posted' AND e.direction = 'credit'), 0),
           coalesce(sum(CASE e.phase WHEN 'pending' THEN e.amount_minor WHEN 'released' THEN -e.amount_minor END)
                    FILTER (WHERE e.direction = 'debit'), 0),
           coalesce(sum(CASE e.phase WHEN 'pending' THEN e.amount_minor WHEN 'released' THEN -e.amount_minor END)
                    FILTER (WHERE e.direction = 'credit'), 0)
    {_UNTIL}"""
_ENTRY: Final = """
    SELECT e.entry_id, e.transaction_id, t.type, t.reference_id, t.seq, e.direction, e.phase, e.amount_minor, e.created_at"""
_NUMBER: Final = "split_part(e.entry_id, ':', 2)::int"
_LATEST: Final = f"""
    {_ENTRY}, sum(CASE WHEN e.phase <> 'posted' THEN 0 WHEN e.direction = %(normal_side)s THEN e.amount_minor
                       ELSE -e.amount_minor END) OVER (ORDER BY t.seq, {_NUMBER})
    {_UNTIL} ORDER BY t.seq DESC, {_NUMBER} DESC LIMIT %(rows)s"""
_SPAN: Final = f"""
    {_ENTRY}, 0 {_UNTIL} AND e.created_at >= %(since)s ORDER BY e.created_at, t.seq, {_NUMBER}"""
_MOMENT: Final = timedelta(microseconds=1)
_OPENING: Final = """
    SELECT coalesce(sum(CASE WHEN direction = %(normal_side)s THEN amount_minor ELSE -amount_minor END), 0)
    FROM mart.ledger_entries
    WHERE account_id = %(account_id)s AND phase = 'posted' AND created_at < %(since)s"""
_TRANSACTION: Final = """
    SELECT t.transaction_id, t.type, t.reference_id, t.payment_id, t.merchant_id, t.mode, t.amount_minor, t.currency,
           t.terms_version, t.created_at, t.seq, t._partition, t._offset, t.reverses, t.other_book, j.prev_hash,
           (SELECT r.transaction_id FROM mart.ledger_transactions r WHERE r.reverses = t.transaction_id)
    FROM mart.ledger_transactions t JOIN raw.ledger_journal j ON j.transaction_id = t.transaction_id AND j.seq = t.seq
        AND j._partition = t._partition
    WHERE t.transaction_id = %(transaction_id)s"""
_LEGS: Final = """
    SELECT account_id, direction, phase, amount_minor, currency FROM mart.ledger_entries
    WHERE transaction_id = %(transaction_id)s ORDER BY split_part(entry_id, ':', 2)::int"""
_TRIAL_BALANCE: Final = """
    SELECT currency, split_part(account_id, '.', 2)::int AS code,
           sum(amount_minor) FILTER (WHERE direction = 'debit'), sum(amount_minor) FILTER (WHERE direction = 'credit')
    FROM mart.ledger_entries
    WHERE phase = 'posted' AND mode = %(mode)s AND (%(as_of)s::timestamptz IS NULL OR created_at <= %(as_of)s)
    GROUP BY 1, 2 ORDER BY 1, 2"""
_ADJUSTMENTS: Final = "SELECT a.document FROM mart.ledger_adjustments a WHERE a.mode = %(mode)s"
_ADJUSTMENT_CONDITIONS: Final = {
    "id": " AND a.adjustment_id = %(id)s",
    "status": " AND a.status = %(status)s",
    "book": " AND a.merchant_id = %(book)s",
    "starting_after": """ AND (a.proposed_at, a.adjustment_id) < (
        SELECT proposed_at, adjustment_id FROM mart.ledger_adjustments WHERE adjustment_id = %(starting_after)s)""",
}
_LAST_PROPOSED: Final = " ORDER BY a.proposed_at DESC, a.adjustment_id DESC LIMIT %(rows)s"
_LOADED: Final = """
    SELECT CASE WHEN bool_and(coalesce(caught_up_at, newest_record_at) IS NOT NULL)
        THEN min(greatest(caught_up_at, newest_record_at)) END
    FROM meta.sink_offset WHERE topic = %(topic)s"""


class BalanceTransaction(NamedTuple):
    """One change of what a merchant owns. Amounts in minor units; below zero where it paid."""

    id: str
    type: str
    source: str
    payment_id: str | None
    currency: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    available_on: datetime
    payout_id: str | None
    created_at: datetime


class StoredAccount(NamedTuple):
    """One account as it stands. balance_minor: on its normal side."""

    account_id: str
    code: int
    kind: str
    currency: str
    mode: str
    merchant_id: str | None
    debits_posted_minor: int
    credits_posted_minor: int
    debits_pending_minor: int
    credits_pending_minor: int
    balance_minor: int
    seq: int

    @property
    def normal_side(self) -> str:
        """The side that makes its balance grow."""
        return normal_side(self.code)


class StoredEntry(NamedTuple):
    """One entry of an account, and its balance after it."""

    entry_id: str
    transaction_id: str
    type: str
    source: str
    seq: int
    side: str
    phase: str
    amount_minor: int
    created_at: datetime
    balance_after_minor: int


class StoredTransaction(NamedTuple):
    """One transaction and its place in the journal."""

    transaction_id: str
    type: str
    source: str
    payment_id: str | None
    merchant_id: str
    mode: str
    amount_minor: int
    currency: str
    terms_version: int
    created_at: datetime
    seq: int
    partition: int
    offset: int
    reverses: str | None
    other_book: str | None
    prev_hash: str
    reversed_by: str | None


class LedgerQueries:
    """Reads of the ledger; who may see what is for the caller to check."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def balance_transactions(
        self, merchant_id: str, mode: str, filters: Mapping[str, object], rows: int
    ) -> list[BalanceTransaction]:
        """A merchant's, newest first; filters by id, type, currency, payment_id, times and starting_after."""
        query = _composed(_BALANCE_TRANSACTIONS, *(_CONDITIONS[name] for name in filters), _NEWEST)
        given = {**filters, "merchant_id": merchant_id, "mode": mode, "rows": rows}
        return [BalanceTransaction(*row) for row in await self._connections.rows(query, given)]

    async def account(self, account_id: str) -> StoredAccount | None:
        """An account as it stands."""
        rows = await self._connections.rows(_ACCOUNT, {"account_id": account_id})
        return StoredAccount(*rows[0]) if rows else None

    async def account_as_of(
        self, account: StoredAccount, *, until: datetime | None, until_seq: int | None
    ) -> StoredAccount:
        """The account as it stood at a time or a number of the journal."""
        given = self._span(account, until=until, until_seq=until_seq)
        [totals] = await self._connections.rows(_TOTALS, given)
        debits, credits, debits_pending, credits_pending = map(int, totals)
        balance_minor = debits - credits if account.normal_side == "debit" else credits - debits
        return account._replace(
            debits_posted_minor=debits,
            credits_posted_minor=credits,
            debits_pending_minor=debits_pending,
            credits_pending_minor=credits_pending,
            balance_minor=balance_minor,
        )

    async def entries(
        self, account: StoredAccount, *, until: datetime | None, until_seq: int | None, rows: int
    ) -> list[StoredEntry]:
        """The last entries up to a time or a number of the journal, newest first."""
        given = self._span(account, until=until, until_seq=until_seq, since=None)
        found = await self._connections.rows(_composed(_LATEST), {**given, "rows": rows})
        return [_entry(row) for row in found]

    async def statement(
        self, account: StoredAccount, since: datetime, until: datetime
    ) -> tuple[int, list[StoredEntry]]:
        """The balance before a time, and all entries from then and before another, by when they occurred.

        Facts are told late: what is posted later may have occurred before, so the balance runs in this order.
        """
        given = self._span(account, until=until - _MOMENT, until_seq=None, since=since)
        [(opening,)] = await self._connections.rows(_OPENING, given)
        found = [_entry(row) for row in await self._connections.rows(_composed(_SPAN), given)]
        return int(opening), _running(found, int(opening), account.normal_side)

    async def transaction(self, transaction_id: str) -> StoredTransaction | None:
        """A transaction."""
        rows = await self._connections.rows(_TRANSACTION, {"transaction_id": transaction_id})
        return StoredTransaction(*rows[0]) if rows else None

    async def legs(self, transaction_id: str) -> list[tuple[str, str, str, int, str]]:
        """Account, side, phase, amount and currency of its legs, in order."""
        return [
            (account, side, phase, amount, currency)
            for account, side, phase, amount, currency in await self._connections.rows(
                _LEGS, {"transaction_id": transaction_id}
            )
        ]

    async def trial_balance(self, mode: str, as_of: datetime | None) -> list[tuple[str, int, int, int]]:
        """Currency, code, debits and credits posted up to a time."""
        rows = await self._connections.rows(_TRIAL_BALANCE, {"mode": mode, "as_of": as_of})
        return [
            (currency, code, int(debits or 0), int(credits or 0)) for currency, code, debits, credits in rows
        ]

    async def adjustments(self, mode: str, filters: Mapping[str, object], rows: int) -> list[Adjustment]:
        """Entries by hand, the newest proposal first; filters by id, status, book and starting_after."""
        conditions = [_ADJUSTMENT_CONDITIONS[name] for name in filters]
        query = _composed(_ADJUSTMENTS, *conditions, _LAST_PROPOSED)
        found = await self._connections.rows(query, {**filters, "mode": mode, "rows": rows})
        return [msgspec.convert(document, Adjustment) for (document,) in found]

    async def loaded_until(self) -> datetime | None:
        """Up to when every partition of the journal is loaded; None while one was never read."""
        [(until,)] = await self._connections.rows(_LOADED, {"topic": LEDGER_JOURNAL.name})
        found: datetime | None = until
        return found

    @staticmethod
    def _span(account: StoredAccount, **bounds: object) -> dict[str, object]:
        return {"account_id": account.account_id, "normal_side": account.normal_side, **bounds}


def _entry(row: Any) -> StoredEntry:
    found = StoredEntry(*row)
    return found._replace(balance_after_minor=int(found.balance_after_minor))


def _running(entries: Iterable[StoredEntry], balance_minor: int, normal_side: str) -> list[StoredEntry]:
    """The entries with the balance after each, in this order. balance_minor: before the first."""
    shown = []
    for entry in entries:
        if entry.phase == "posted":
            balance_minor += entry.amount_minor if entry.side == normal_side else -entry.amount_minor
        shown.append(entry._replace(balance_after_minor=balance_minor))
    return shown


def _composed(*parts: str) -> sql.Composed:
    """A query of constant parts; what a caller sent is only ever a parameter."""
    return sql.Composed([sql.SQL(part) for part in parts])
