"""What does the ledger post by itself because a day has come or a hold has run out?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.ledger import TransactionPosted
from streams.ledger.book import Book, in_force
from streams.ledger.chart import Names
from streams.ledger.due import Due, DueKind
from streams.ledger.legs import post
from streams.ledger.payment import Payment
from streams.ledger.posting import debt_minor, freed, own_id
from streams.ledger.templates.form import Template
from streams.ledger.templates.payments import AVAILABLE, HOLD_EXPIRED, RESERVE_RELEASED

MAX_DUE: Final = 200
"""What is posted at once; the rest follows, at the latest with the next tick."""


def elapse(book: Book, now_ms: int) -> Sequence[TransactionPosted]:
    """Post what the time has come for, by time and then by creation."""
    owing: dict[str, _Owing] = {}
    return tuple(_posted(book, due, owing) for due in book.rows.due.earliest(MAX_DUE) if due.due_ms <= now_ms)


def deadline_ms(book: Book) -> int | None:
    """When the first of what waits is due."""
    return book.head.next_due_ms


_Waited = tuple[Template, str, int, str]
"""What is posted of what waited: its template, provider, amount and currency."""


class _Owing(NamedTuple):
    """What the merchant owes, and what of its debts was written off, once the transactions before are posted."""

    debt_minor: int
    lost_minor: int


def _posted(book: Book, due: Due, owing: dict[str, _Owing]) -> TransactionPosted:
    payment = book.rows.payment(due.payment_id)
    assert payment is not None, f"{due.payment_id} waits and does not exist"
    template, provider, amount_minor, currency = _WAITED[due.kind](payment, due)
    head = book.head
    names = Names(head.mode, head.merchant_id, provider, currency, book.partition)
    amounts = {"amount": amount_minor}
    if template is not HOLD_EXPIRED:
        debt, lost = owing.get(names.currency) or _owed(book, names)
        # The reserve is kept for whatever the merchant owed; its own sales pay for no loss.
        parts = freed(debt, lost if template is RESERVE_RELEASED else 0, amount_minor)
        owing[names.currency] = _Owing(debt - parts.repaid, lost - parts.loss_recovered)
        amounts = parts._asdict()
    return TransactionPosted(
        transaction_id=own_id(
            book.rows, head.merchant_id, f"{due.operation_id}/{due.number}/{due.due_ms}", template
        ),
        template=template.name,
        operation_id=due.operation_id,
        payment_id=due.payment_id,
        provider=provider,
        amount_minor=amount_minor,
        currency=currency,
        legs=post(template, names, amounts),
        terms_version=in_force(head.terms, due.due_ms).number,
    )


def _owed(book: Book, names: Names) -> _Owing:
    return _Owing(debt_minor(book, names), book.head.written_off.get(names.currency, 0))


def _lot(payment: Payment, due: Due) -> _Waited:
    lot = payment.lot(due.operation_id)
    assert lot is not None, f"{due.operation_id} waits and does not exist"
    return AVAILABLE, lot.provider, lot.pending_minor, payment.currency


def _reserve(payment: Payment, due: Due) -> _Waited:
    lot = payment.lot(due.operation_id)
    assert lot is not None, f"{due.operation_id} waits and does not exist"
    return RESERVE_RELEASED, lot.provider, lot.reserve_minor, payment.currency


def _hold(payment: Payment, due: Due) -> _Waited:
    hold = next(one for one in payment.holds if one.number == due.number)
    return HOLD_EXPIRED, hold.provider, hold.amount_minor, hold.currency or payment.currency


_WAITED: Final[Mapping[DueKind, Callable[[Payment, Due], _Waited]]] = {
    "lot": _lot,
    "reserve": _reserve,
    "hold": _hold,
}
