"""Who is told what when something is posted, refused or adjusted?"""

from collections.abc import Sequence
from typing import Final, get_args

from msgspec import Struct

from schemas import ids, topics
from schemas.api import View
from schemas.envelope import Message
from schemas.ledger import (
    AdjustmentProposed,
    AdjustmentRecord,
    AdjustmentStatus,
    AdjustmentView,
    AggregateEvent,
    LedgerCommand,
    PostEntry,
    PostingRefused,
    PostingResult,
    ReserveRefund,
    TransactionPosted,
)
from schemas.outcomes import Outcome
from streams.core import NO_SUBJECT, Effect, Moment, Resolve, Send
from streams.ledger.book import Book
from streams.ledger.entries import ENTRIES
from streams.ledger.templates.payments import REFUND_RESERVED

_METHODS: Final = {"wallet_received": "wallet"}
"""By which method a merchant is paid from another book; its price may depend on it."""
_STATUSES: Final = get_args(AdjustmentStatus)
_Decided = LedgerCommand | PostEntry | TransactionPosted | PostingRefused


def react(book: Book, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """The result of a reservation or of an operator's command, and what another book has to post now."""
    match event.body:
        case TransactionPosted() as posted:
            result = (answer(book, posted, Outcome.SUCCEEDED),) if is_answered(posted) else ()
            return (*result, *_sent(book, posted))
        case PostingRefused() as refused:
            outcome = Outcome[refused.outcome.upper()]
            result = (answer(book, refused, outcome),) if is_answered(refused) else ()
            return (*result, *sent_back(book.merchant_id, refused))
        case AdjustmentRecord(adjustment=adjustment) as said:
            outcome = Outcome.CREATED if isinstance(said, AdjustmentProposed) else Outcome.SUCCEEDED
            return (Resolve(event.envelope.causation_id, outcome, adjustment.version),)
        case _:
            return ()


def is_answered(about: _Decided) -> bool:
    """Whether its sender waits for the decision: of a refund's reservation, and of entries that are decided."""
    if _is_of_refund(about):
        return ids.key_of(about.payment_id or "") is not None
    match about:
        case TransactionPosted(template=name) | PostEntry(template=name) | PostingRefused(template=name):
            entry = ENTRIES.get(name or "")
            return entry is not None and entry.is_answered
        case _:
            return False


def answer(book: Book, about: _Decided, outcome: Outcome) -> Send:
    """The result of a reservation: of a refund to the payment that asked, of an entry to the book's operators."""
    is_posted = outcome is Outcome.SUCCEEDED
    result = PostingResult(
        transaction_id=about.transaction_id,
        operation_id=about.operation_id,
        outcome="posted" if is_posted else "refused",
        code=None if is_posted else outcome.code,
    )
    if _is_of_refund(about):
        key = ids.key_of(about.payment_id or "")
        assert key is not None, f"{about.payment_id} is no payment"
        return Send(topics.LEDGER_RESULTS_PAYMENTS, result, key=key)
    return Send(topics.LEDGER_RESULTS_OPS, result)


def moment(book: Book, subject: int) -> Moment:
    """Of an adjustment, the version that proposed it and how it stands; nothing else is ever answered."""
    if subject == NO_SUBJECT:
        return ()
    return subject, _STATUSES.index(book.rows.proposed(subject).status)


def view(book: Book, at: Moment) -> View:
    """The adjustment, as it stood then."""
    version, status = at
    found = book.rows.proposed(version)
    shown = {name: getattr(found, name) for name in found.__struct_fields__}
    if _STATUSES[status] == "proposed":
        shown.update(status="proposed", decided_by=None, decided_at_ms=None)
    return AdjustmentView(**shown)


def after(book: Book) -> Struct:
    """The head of the book; the journal leaves it out, since its records are all there is to know."""
    return book.head


def _is_of_refund(about: _Decided) -> bool:
    match about:
        case ReserveRefund() | TransactionPosted(template=REFUND_RESERVED.name):
            return True
        case PostingRefused(command=ReserveRefund.__name__):
            return True
        case _:
            return False


def _sent(book: Book, posted: TransactionPosted) -> Sequence[Send]:
    """The other half of a movement between books: credited there what was debited here."""
    entry = ENTRIES.get(posted.template)
    if entry is None or entry.sends is None:
        return ()
    return (_to_other_book(book.merchant_id, posted, entry.sends, "credit"),)


def sent_back(own_id: str, refused: PostingRefused) -> Sequence[Send]:
    """The mirror of a movement this book did not take; a reused id moved nothing. own_id: whose book this is."""
    entry = ENTRIES.get(refused.template or "")
    is_from_a_book = ids.key_of(refused.other_book or "") is not None
    if (
        entry is None
        or entry.comes_back is None
        or not is_from_a_book
        or refused.outcome == Outcome.POSTING_ID_REUSED.code
    ):
        return ()
    return (_to_other_book(own_id, refused, entry.comes_back, "return"),)


def _to_other_book(own_id: str, about: TransactionPosted | PostingRefused, template: str, way: str) -> Send:
    """An entry for the other book, under an id that follows from the one here."""
    other_book = about.other_book
    key = ids.key_of(other_book or "")
    assert other_book is not None and key is not None, f"{other_book} is no book"
    entry = PostEntry(
        transaction_id=ids.transaction_id(other_book, about.transaction_id, way),
        template=template,
        operation_id=about.operation_id,
        currency=about.currency,
        amounts={"amount": about.amount_minor},
        payment_id=about.payment_id,
        method=_METHODS.get(template),
        other_book=own_id,
    )
    return Send(topics.LEDGER_COMMANDS_INTERBOOK, entry, key=key, merchant_id=other_book)
