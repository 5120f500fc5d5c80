"""Which rows follow from the journal of the ledger?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from connectors.postgres.events import Event, named, told
from connectors.postgres.personal import json_text
from connectors.postgres.projection import Projection
from connectors.postgres.tables import Document, EventRow, Table, at
from schemas.accounts import currency_of
from schemas.ledger import Adjustment, AdjustmentRecord, JournalRecord, PostingRefused, TransactionPosted

_HASHES: Final = ("prev_hash", "fingerprint")


class JournalRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.ledger_journal; `body` is a JSON text, `prev_hash` hexadecimal."""

    book: str
    merchant_id: str
    version: int
    type: str
    schema: str
    seq: int
    prev_hash: str
    transaction_id: str | None
    body: Document


class TransactionRow(Struct, frozen=True, kw_only=True):
    """A row of mart.ledger_transactions."""

    transaction_id: str
    type: str
    reference_id: str
    payment_id: str | None
    merchant_id: str
    mode: str
    status: str
    seq: int
    provider: str | None
    amount_minor: int
    currency: str
    terms_version: int
    available_at: datetime | None
    reserve_at: datetime | None
    expires_at: datetime | None
    reverses: str | None
    other_book: str | None
    created_at: datetime


class EntryRow(Struct, frozen=True, kw_only=True):
    """A row of mart.ledger_entries."""

    entry_id: str
    transaction_id: str
    account_id: str
    direction: str
    phase: str
    amount_minor: int
    currency: str
    merchant_id: str
    mode: str
    created_at: datetime


class LedgerRefusalRow(Struct, frozen=True, kw_only=True):
    """A row of mart.ledger_refusals."""

    transaction_id: str
    command: str
    outcome: str
    reference_id: str
    payment_id: str | None
    merchant_id: str
    mode: str
    seq: int
    amount_minor: int
    currency: str
    template: str | None
    other_book: str | None
    refused_at: datetime


class AdjustmentRow(Struct, frozen=True, kw_only=True):
    """A row of mart.ledger_adjustments; `document` is all of it as a JSON text."""

    adjustment_id: str
    merchant_id: str
    mode: str
    status: str
    template: str
    currency: str
    reason: str
    reference: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    transaction_id: str | None
    document: Document


JOURNAL: Final = Table("raw.ledger_journal", JournalRow, "event_id", "book")
TRANSACTIONS: Final = Table("mart.ledger_transactions", TransactionRow, "transaction_id")
ENTRIES: Final = Table("mart.ledger_entries", EntryRow, "entry_id")
LEDGER_REFUSALS: Final = Table("mart.ledger_refusals", LedgerRefusalRow, "transaction_id")
ADJUSTMENTS: Final = Table("mart.ledger_adjustments", AdjustmentRow, "adjustment_id")


def project(projection: Projection, event: Event) -> None:
    """The record in its log; of a transaction, itself and its legs, written once; how an adjustment stands."""
    body = event.message.body
    projection.log(JOURNAL, event, _journal(event, body))
    match body:
        case TransactionPosted():
            projection.log(TRANSACTIONS, event, _transaction(event, body))
            for entry in _entries(event, body):
                projection.log(ENTRIES, event, entry)
        case PostingRefused():
            projection.log(LEDGER_REFUSALS, event, _refusal(event, body))
        case AdjustmentRecord():
            projection.put(ADJUSTMENTS, event, _adjustment(body.adjustment))


def _journal(event: Event, body: JournalRecord) -> JournalRow:
    return JournalRow(
        **told(event.message),
        **named(event.message),
        book=event.key,
        merchant_id=event.message.envelope.merchant_id,
        seq=body.seq,
        prev_hash=body.prev_hash.hex(),
        transaction_id=getattr(body, "transaction_id", None),
        body=_json(body),
    )


def _json(body: JournalRecord) -> Document:
    plain: dict[str, Any] = msgspec.to_builtins(body, builtin_types=(bytes,))
    for name in _HASHES:
        if name in plain:
            plain[name] = plain[name].hex()
    return json_text(plain)


def _transaction(event: Event, body: TransactionPosted) -> TransactionRow:
    envelope = event.message.envelope
    return TransactionRow(
        transaction_id=body.transaction_id,
        type=body.template,
        reference_id=body.operation_id,
        payment_id=body.payment_id,
        merchant_id=envelope.merchant_id,
        mode=envelope.mode,
        status="posted",
        seq=body.seq,
        provider=body.provider,
        amount_minor=body.amount_minor,
        currency=body.currency,
        terms_version=body.terms_version,
        available_at=_at(body.available_at_ms),
        reserve_at=_at(body.reserve_at_ms),
        expires_at=_at(body.expires_at_ms),
        reverses=body.reverses,
        other_book=body.other_book,
        created_at=at(envelope.occurred_at_ms),
    )


def _entries(event: Event, body: TransactionPosted) -> Iterator[EntryRow]:
    envelope = event.message.envelope
    for number, leg in enumerate(body.legs, 1):
        yield EntryRow(
            entry_id=f"{body.transaction_id}:{number}",
            transaction_id=body.transaction_id,
            account_id=leg.account_id,
            direction=leg.side,
            phase=leg.phase,
            amount_minor=leg.amount_minor,
            currency=currency_of(leg.account_id),
            merchant_id=envelope.merchant_id,
            mode=envelope.mode,
            created_at=at(envelope.occurred_at_ms),
        )


def _refusal(event: Event, body: PostingRefused) -> LedgerRefusalRow:
    envelope = event.message.envelope
    return LedgerRefusalRow(
        transaction_id=body.transaction_id,
        command=body.command,
        outcome=body.outcome,
        reference_id=body.operation_id,
        payment_id=body.payment_id,
        merchant_id=envelope.merchant_id,
        mode=envelope.mode,
        seq=body.seq,
        amount_minor=body.amount_minor,
        currency=body.currency,
        template=body.template,
        other_book=body.other_book,
        refused_at=at(envelope.occurred_at_ms),
    )


def _adjustment(adjustment: Adjustment) -> AdjustmentRow:
    entry = adjustment.entry
    return AdjustmentRow(
        adjustment_id=adjustment.adjustment_id,
        merchant_id=adjustment.merchant_id,
        mode=adjustment.mode,
        status=adjustment.status,
        template=entry.template,
        currency=entry.currency,
        reason=adjustment.reason,
        reference=adjustment.reference,
        proposed_by=adjustment.proposed_by,
        proposed_at=at(adjustment.proposed_at_ms),
        decided_by=adjustment.decided_by,
        decided_at=_at(adjustment.decided_at_ms),
        transaction_id=entry.transaction_id if adjustment.status == "posted" else None,
        document=json_text(adjustment),
    )


def _at(time_ms: int | None) -> datetime | None:
    return None if time_ms is None else at(time_ms)
