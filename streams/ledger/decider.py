"""What follows from a command, a merchant's terms or a day gone by: transactions, or a refusal on record."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from schemas import ids
from schemas.envelope import Message
from schemas.ledger import (
    AccountClosed,
    AccountReopened,
    AggregateEvent,
    ApproveAdjustment,
    BookOpened,
    CloseAccount,
    LedgerCommand,
    PostEntry,
    PostingRefused,
    ProposeAdjustment,
    RecordCapture,
    RecordHold,
    RecordRefundFailed,
    RecordRefundRequested,
    RecordRefundSucceeded,
    RecordRelease,
    RejectAdjustment,
    ReopenAccount,
    ReserveRefund,
    TermsChanged,
)
from schemas.merchants import MerchantTermsSet
from schemas.money import EXPONENTS
from schemas.outcomes import Outcome
from streams.core import Again, Decision, Deferred, Elapsed
from streams.ledger import captures, refunds
from streams.ledger.adjustments import adjust
from streams.ledger.book import Book, opening
from streams.ledger.chart import CHART
from streams.ledger.elapsed import elapse
from streams.ledger.entering import enter
from streams.ledger.entries import ENTRIES
from streams.ledger.payment import Payment
from streams.ledger.posting import Case, Posted, fingerprint, is_named, met, overflows
from streams.ledger.reactions import answer, is_answered, sent_back
from streams.ledger.rows import Known

_POSTINGS: Final[Mapping[type[LedgerCommand], Callable[[Case], Posted]]] = {
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
        case LedgerCommand() | PostEntry():
            return _command(book, body, message)
        case Elapsed():
            return elapse(book, body.now_ms)
        case MerchantTermsSet():
            return _terms(book, message)
        case CloseAccount() | ReopenAccount():
            return _account(book, message)
        case ProposeAdjustment() | ApproveAdjustment() | RejectAdjustment():
            return adjust(book, body, message.envelope)
        case _:
            # Merchants and operators come into being, and endpoints come and go, without any money.
            return ()


def _terms(book: Book, message: Message[MerchantTermsSet]) -> Sequence[AggregateEvent]:
    body = message.body
    if book.version and not book.is_of(message.envelope):
        return ()
    if body.number <= max(one.number for one in book.head.terms):
        return ()
    if not book.version:
        return (BookOpened(terms=body.terms, terms_version=body.number),)
    return (TermsChanged(terms=body.terms, terms_version=body.number),)


def _account(book: Book, message: Message[CloseAccount | ReopenAccount]) -> Decision[AggregateEvent]:
    """Facts an operator states; what is so already, or of no account of the book, changes nothing."""
    body = message.body
    kind = CHART.get(body.code)
    if kind is None or not kind.is_limited or body.currency not in EXPONENTS:
        return ()
    if not book.version:
        return Deferred()
    if not book.is_of(message.envelope):
        return ()
    is_closed = (body.code, body.currency) in book.head.closed
    if isinstance(body, CloseAccount) == is_closed:
        return ()
    record = AccountReopened if is_closed else AccountClosed
    return (record(code=body.code, currency=body.currency),)


def _command(
    book: Book, command: LedgerCommand | PostEntry, message: Message[Any]
) -> Decision[AggregateEvent]:
    if not book.version and ids.is_merchant(message.envelope.merchant_id):
        # Its terms come on another topic, and nothing is priced before they are read.
        return Deferred()
    known = book.rows.known(command.transaction_id)
    if known is not None:
        return _repeated(book, known, command)
    if book.version and not book.is_of(message.envelope):
        refused = _refused(command, Outcome.ACCOUNT_UNKNOWN, fingerprint(command))
        # The way back is in the mode of the sender, which a record of this book would not say.
        back = sent_back(message.envelope.merchant_id, refused)
        return Again(back) if back else (refused,)
    opened = opening(book)
    case = met(book, command, message.envelope)
    said = enter(case) if isinstance(command, PostEntry) else _about_payment(case, command)
    if isinstance(said, Outcome):
        return (*opened, _refused(command, said, case.fingerprint))
    return (*opened, *said)


def _about_payment(case: Case, command: LedgerCommand) -> Posted:
    if not ids.is_merchant(case.names.book):
        return Outcome.ACCOUNT_UNKNOWN
    if command.amount_minor <= 0:
        return Outcome.AMOUNT_NOT_POSITIVE
    if not is_named(command) or ids.key_of(command.payment_id) is None:
        return Outcome.PARAMETER_INVALID
    if _is_of_another_currency(case.payment, command):
        return Outcome.CURRENCY_DIFFERS
    said = _POSTINGS[type(command)](case)
    if isinstance(said, Outcome):
        return said
    is_too_much = any(overflows(case.rows, transaction.legs) for transaction in said)
    return Outcome.AMOUNT_OVERFLOW if is_too_much else said


def _is_of_another_currency(payment: Payment, command: LedgerCommand) -> bool:
    """Whether it is neither that of the payment nor, about holds, what the customer pays in."""
    if isinstance(command, RecordHold | RecordRelease) and payment.held_currency == command.currency:
        return False
    return payment.currency != command.currency


def _repeated(book: Book, known: Known, command: LedgerCommand | PostEntry) -> Decision[AggregateEvent]:
    """A transaction id that was decided: for the same command once and for all, for others never."""
    told = fingerprint(command)
    outcome = Outcome.numbered(known.outcome)
    if told != known.fingerprint:
        if told not in known.refused and len(known.refused) < MAX_REUSES:
            return (_refused(command, Outcome.POSTING_ID_REUSED, told),)
        outcome = Outcome.POSTING_ID_REUSED
    return Again((answer(book, command, outcome),)) if is_answered(command) else ()


def _refused(command: LedgerCommand | PostEntry, outcome: Outcome, told: bytes) -> PostingRefused:
    entry = command if isinstance(command, PostEntry) else None
    return PostingRefused(
        transaction_id=command.transaction_id,
        command=type(command).__name__,
        outcome=outcome.code,
        operation_id=command.operation_id,
        payment_id=command.payment_id,
        amount_minor=_amount_minor(command),
        currency=command.currency,
        template=None if entry is None else entry.template,
        other_book=None if entry is None else entry.other_book,
        fingerprint=told,
    )


def _amount_minor(command: LedgerCommand | PostEntry) -> int:
    """What it is about; of an entry the amount of the whole, where it states that."""
    if isinstance(command, PostEntry):
        entry = ENTRIES.get(command.template)
        return 0 if entry is None else command.amounts.get(entry.given[0], 0)
    return command.amount_minor
