"""What do the books say: accounts with their entries, transactions, statements, the trial balance?"""

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from api import parsing
from api.answers import Answer, to_json
from api.calls import Call
from api.ledger_queries import StoredAccount, StoredEntry
from api.lists import page_of
from api.problems import Problem
from api.queries import time_answer
from api.services import Services
from schemas.outcomes import Outcome

_CSV: Final = "text/csv; charset=utf-8"


class EntryAnswer(Struct, frozen=True, kw_only=True):
    """One entry of an account. balance_after: on the account's normal side; announcements do not change it."""

    transaction_id: str
    type: str
    source: str
    seq: int
    side: str
    phase: str
    amount: int
    balance_after: int
    created_at: str


class AccountAnswer(Struct, frozen=True, kw_only=True):
    """One account as a T: what was ever posted to each side, what is announced, and its last entries.

    balance: on its normal side. Where as_of or as_of_seq is given, everything is as it was then.
    """

    object: str = "ledger_account"
    account_id: str
    code: int
    kind: str
    currency: str
    normal_side: str
    debits_posted: int
    credits_posted: int
    debits_pending: int
    credits_pending: int
    balance: int
    entries: list[EntryAnswer]


class LegAnswer(Struct, frozen=True, kw_only=True):
    """One leg of a transaction."""

    account_id: str
    side: str
    phase: str
    amount: int
    currency: str


class TransactionAnswer(Struct, frozen=True, kw_only=True):
    """One transaction, and where it lies in the journal: partition, offset, number and the hash before it."""

    object: str = "ledger_transaction"
    transaction_id: str
    type: str
    source: str
    payment_id: str | None
    book: str
    other_book: str | None
    amount: int
    currency: str
    terms_version: int
    legs: list[LegAnswer]
    partition: int
    offset: int
    seq: int
    prev_hash: str
    reverses: str | None
    reversed_by: str | None
    created_at: str


class TotalAnswer(Struct, frozen=True, kw_only=True):
    """All accounts of a code in a currency. balance: debits less credits."""

    currency: str
    code: int
    debits: int
    credits: int
    balance: int


class TrialBalanceAnswer(Struct, frozen=True, kw_only=True):
    """All accounts by currency and code; per currency the balances sum to zero.

    loaded_until: everything the ledger posted until then is counted; None before all was read once.
    """

    object: str = "trial_balance"
    as_of: str | None
    loaded_until: str | None
    is_balanced: bool
    totals: list[TotalAnswer]


async def account(services: Services, call: Call) -> Answer:
    """GET /v1/ledger/accounts/{account_id}: the newest entries first, each with the balance after it."""
    query = call.query("limit", "as_of", "as_of_seq")
    page, found = page_of(query), await _visible(services, call)
    until, until_seq = _as_of(query), _as_of_seq(query)
    if until is not None and until_seq is not None:
        raise Problem(
            Outcome.PARAMETER_INVALID, "as_of names a moment already; leave one out", param="as_of_seq"
        )
    entries = await services.ledger.entries(found, until=until, until_seq=until_seq, rows=page.limit)
    if until is not None or until_seq is not None:
        found = await services.ledger.account_as_of(found, until=until, until_seq=until_seq)
    answer = AccountAnswer(
        account_id=found.account_id,
        code=found.code,
        kind=found.kind,
        currency=found.currency,
        normal_side=found.normal_side,
        debits_posted=found.debits_posted_minor,
        credits_posted=found.credits_posted_minor,
        debits_pending=found.debits_pending_minor,
        credits_pending=found.credits_pending_minor,
        balance=found.balance_minor,
        entries=[_entry(entry) for entry in entries],
    )
    return Answer(outcome=Outcome.SUCCEEDED, body=to_json(answer))


async def statement(services: Services, call: Call) -> Answer:
    """GET /v1/ledger/accounts/{account_id}/statement: opening balance, every entry, closing balance, as CSV."""
    query = call.query("from", "to")
    for name in ("from", "to"):
        if name not in query:
            raise Problem(Outcome.PARAMETER_MISSING, param=name)
    since, until = parsing.time_of(query["from"], "from"), parsing.time_of(query["to"], "to")
    if until < since:
        raise Problem(Outcome.PARAMETER_INVALID, "before `from`", param="to")
    found = await _visible(services, call)
    opening, entries = await services.ledger.statement(found, since, until)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(
        ["created_at", "transaction_id", "type", "source", "side", "phase", "amount", "balance", "currency"]
    )
    rows.writerow([time_answer(since), "", "opening_balance", "", "", "", "", opening, found.currency])
    for entry in entries:
        told = (
            time_answer(entry.created_at),
            entry.transaction_id,
            entry.type,
            entry.source,
            entry.side,
            entry.phase,
        )
        rows.writerow([*told, entry.amount_minor, entry.balance_after_minor, found.currency])
    closing = entries[-1].balance_after_minor if entries else opening
    rows.writerow([time_answer(until), "", "closing_balance", "", "", "", "", closing, found.currency])
    return Answer(outcome=Outcome.SUCCEEDED, body=out.getvalue().encode(), content_type=_CSV)


async def transaction(services: Services, call: Call) -> Answer:
    """GET /v1/ledger/transactions/{transaction_id}; of a merchant's own book, or any for operators."""
    call.query()
    found = await services.ledger.transaction(call.part("transaction_id"))
    if found is None or not _may_see(call, found.merchant_id, found.mode):
        raise Problem(Outcome.NOT_FOUND)
    answer = TransactionAnswer(
        transaction_id=found.transaction_id,
        type=found.type,
        source=found.source,
        payment_id=found.payment_id,
        book=found.merchant_id,
        other_book=found.other_book,
        amount=found.amount_minor,
        currency=found.currency,
        terms_version=found.terms_version,
        legs=[
            LegAnswer(account_id=account_id, side=side, phase=phase, amount=amount, currency=currency)
            for account_id, side, phase, amount, currency in await services.ledger.legs(found.transaction_id)
        ],
        partition=found.partition,
        offset=found.offset,
        seq=found.seq,
        prev_hash=found.prev_hash,
        reverses=found.reverses,
        reversed_by=found.reversed_by,
        created_at=time_answer(found.created_at),
    )
    return Answer(outcome=Outcome.SUCCEEDED, body=to_json(answer), object_id=found.transaction_id)


async def trial_balance(services: Services, call: Call) -> Answer:
    """GET /v1/ledger/trial_balance, as it was at a time or as it is."""
    as_of = _as_of(call.query("as_of"))
    # How far the load is, is asked first: what is read after it is at least as new.
    loaded = await services.ledger.loaded_until()
    rows = await services.ledger.trial_balance(call.mode, as_of)
    sums: dict[str, int] = {}
    for currency, _, debits, credits in rows:
        sums[currency] = sums.get(currency, 0) + debits - credits
    answer = TrialBalanceAnswer(
        as_of=None if as_of is None else time_answer(as_of),
        loaded_until=None if loaded is None else time_answer(loaded),
        is_balanced=not any(sums.values()),
        totals=[
            TotalAnswer(
                currency=currency, code=code, debits=debits, credits=credits, balance=debits - credits
            )
            for currency, code, debits, credits in rows
        ],
    )
    return Answer(outcome=Outcome.SUCCEEDED, body=to_json(answer))


async def _visible(services: Services, call: Call) -> StoredAccount:
    """The account of the path. Raises Problem where there is none, or it is another merchant's."""
    found = await services.ledger.account(call.part("account_id"))
    if found is None or not _may_see(call, found.merchant_id, found.mode):
        raise Problem(Outcome.NOT_FOUND)
    return found


def _may_see(call: Call, owner: str | None, mode: str) -> bool:
    caller = call.authenticated
    return mode == call.mode and (caller.role == "operator" or caller.principal == owner)


def _as_of(query: Mapping[str, str]) -> datetime | None:
    return parsing.time_of(query["as_of"], "as_of") if "as_of" in query else None


def _as_of_seq(query: Mapping[str, str]) -> int | None:
    text = query.get("as_of_seq")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Problem(Outcome.PARAMETER_INVALID, "a number of the journal", param="as_of_seq")
    return int(text)


def _entry(entry: StoredEntry) -> EntryAnswer:
    return EntryAnswer(
        transaction_id=entry.transaction_id,
        type=entry.type,
        source=entry.source,
        seq=entry.seq,
        side=entry.side,
        phase=entry.phase,
        amount=entry.amount_minor,
        balance_after=entry.balance_after_minor,
        created_at=time_answer(entry.created_at),
    )
