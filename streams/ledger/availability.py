"""Which captured money becomes available when its day comes?"""

from collections.abc import Sequence
from typing import Final

from schemas import ids
from schemas.ledger import TransactionPosted
from streams.ledger.book import Book
from streams.ledger.chart import Names
from streams.ledger.due_lots import DueLot
from streams.ledger.templates import AVAILABLE, post

MAX_LOTS: Final = 200
"""Lots moved at once; the others follow with the next tick."""


def make_available(book: Book, now_ms: int) -> Sequence[TransactionPosted]:
    """Move what is left of every lot whose time has come, the earliest first."""
    return tuple(_moved(book, lot) for lot in book.rows.due_lots.earliest(MAX_LOTS) if lot.due_ms <= now_ms)


def deadline_ms(book: Book) -> int | None:
    """When the first lot becomes available."""
    return book.head.next_due_ms


def _moved(book: Book, due: DueLot) -> TransactionPosted:
    payment = book.rows.payment(due.payment_id)
    assert payment is not None, f"{due.payment_id} has a lot due and does not exist"
    lot = payment.lot(due.lot_id)
    assert lot is not None, f"{due.lot_id} is due and does not exist"
    head = book.head
    return TransactionPosted(
        transaction_id=ids.transaction_id(head.merchant_id, f"{due.lot_id}/{due.due_ms}", AVAILABLE.name),
        template=AVAILABLE.name,
        operation_id=due.lot_id,
        payment_id=due.payment_id,
        provider=lot.provider,
        amount_minor=lot.pending_minor,
        currency=payment.currency,
        legs=post(
            AVAILABLE,
            Names(head.mode, head.merchant_id, lot.provider, payment.currency),
            amount=lot.pending_minor,
        ),
        terms_version=head.terms_version,
    )
