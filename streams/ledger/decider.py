"""What follows from a command, a merchant's terms or a day gone by: transactions, or a refusal on record."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from schemas.envelope import Message
from schemas.ledger import (
    AggregateEvent,
    BookOpened,
    LedgerCommand,
    PostingRefused,
    RecordCapture,
    RecordHold,
    RecordRefundFailed,
    RecordRefundRequested,
    RecordRefundSucceeded,
    RecordRelease,
    ReserveRefund,
    TermsChanged,
    TransactionPosted,
)
from schemas.merchants import MerchantTermsSet
from schemas.outcomes import Outcome
from streams.core import Again, Decision, Elapsed
from streams.ledger import captures, refunds
from streams.ledger.availability import make_available
from streams.ledger.book import Book
from streams.ledger.posting import Met, fingerprint, met
from streams.ledger.reactions import answer
from streams.ledger.rows import Known
from streams.ledger.templates import MAX_AMOUNT_MINOR

Posting = Callable[[Met], Sequence[TransactionPosted] | Outcome]
_POSTINGS: Final[Mapping[type[LedgerCommand], Posting]] = {
    RecordHold: captures.hold,
    RecordRelease: captures.release,
    RecordCapture: captures.capture,
    ReserveRefund: refunds.reserve,
    RecordRefundRequested: refunds.request,
    RecordRefundSucceeded: refunds.succeed,
    RecordRefundFailed: refunds.fail,
}
MAX_REUSES: Final = 8
"""Other commands under one transaction id that are put on record; more are only answered."""


def decide(book: Book | None, message: Message[Any]) -> Decision[AggregateEvent]:
    """What the ledger puts on record; the same message again leads to nothing new."""
    assert book is not None, "a book is loaded before anything happens to it"
    body = message.body
    match body:
        case Elapsed():
            return make_available(book, body.now_ms)
        case MerchantTermsSet():
            return _terms(book, body)
        case LedgerCommand():
            return _command(book, body, message)
        case _:
            # Merchants and operators come into being, and endpoints come and go, without any money.
            return ()


def _terms(book: Book, body: MerchantTermsSet) -> Sequence[AggregateEvent]:
    if body.number <= book.head.terms_version:
        return ()
    if not book.version:
        return (BookOpened(terms=body.terms, terms_version=body.number),)
    return (TermsChanged(terms=body.terms, terms_version=body.number),)


def _command(book: Book, command: LedgerCommand, message: Message[Any]) -> Decision[AggregateEvent]:
    is_own = not book.version or book.merchant_id == message.envelope.merchant_id
    assert is_own, f"{command.transaction_id} is not about the merchant of the book"
    known = book.rows.known(command.transaction_id)
    if known is not None:
        return _repeated(known, command)
    # Terms come on another topic and may be read later; a fact cannot wait for them.
    opened = () if book.version else (BookOpened(terms=book.head.terms, terms_version=0),)
    case = met(book, command, message.envelope)
    said = _invalid(case) or _POSTINGS[type(command)](case)
    if isinstance(said, Outcome):
        return (*opened, _refused(command, said, case.fingerprint))
    return (*opened, *said)


def _invalid(case: Met) -> Outcome | None:
    if not 0 < case.command.amount_minor <= MAX_AMOUNT_MINOR:
        return Outcome.PARAMETER_INVALID
    if case.payment.currency != case.command.currency:
        return Outcome.CURRENCY_DIFFERS
    return None


def _repeated(known: Known, command: LedgerCommand) -> Decision[AggregateEvent]:
    """A transaction id that was decided: for the same command once and for all, for others never."""
    told = fingerprint(command)
    outcome = Outcome.numbered(known.outcome)
    if told != known.fingerprint:
        if told not in known.refused and len(known.refused) < MAX_REUSES:
            return (_refused(command, Outcome.POSTING_ID_REUSED, told),)
        outcome = Outcome.POSTING_ID_REUSED
    return Again((answer(command, outcome),)) if isinstance(command, ReserveRefund) else ()


def _refused(command: LedgerCommand, outcome: Outcome, told: bytes) -> PostingRefused:
    return PostingRefused(
        transaction_id=command.transaction_id,
        command=type(command).__name__,
        outcome=outcome.code,
        operation_id=command.operation_id,
        payment_id=command.payment_id,
        amount_minor=command.amount_minor,
        currency=command.currency,
        fingerprint=told,
    )
