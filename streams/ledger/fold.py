"""What is a book after a journal record? The only way its rows ever change; nothing is decided here."""

from typing import Any, Final, assert_never

from msgspec.structs import replace

from schemas.envelope import Message
from schemas.ledger import (
    AccountClosed,
    AccountReopened,
    AdjustmentApproved,
    AdjustmentProposed,
    AdjustmentRejected,
    AggregateEvent,
    BookOpened,
    PostingRefused,
    Terms,
    TermsChanged,
    TransactionPosted,
)
from schemas.outcomes import Outcome
from streams.ledger.accounts import Counters
from streams.ledger.book import Book, Head, numbered, remembered
from streams.ledger.chart import LOSS_MERCHANT_CREDIT, MERCHANT_RECEIVABLE, described
from streams.ledger.entries import ENTRIES
from streams.ledger.legs import MAX_AMOUNT_MINOR, check_use, moved_minor
from streams.ledger.payment import Payment
from streams.ledger.payment_fold import after_transaction, made_up_minor
from streams.ledger.rows import POSTED, Entry, Item, Known, Rows

_OF_DEBTS: Final = frozenset({MERCHANT_RECEIVABLE, LOSS_MERCHANT_CREDIT})


def evolve(book: Book | None, event: Message[AggregateEvent]) -> Book:
    """The book after one more event: its rows are written through its view, its head is returned."""
    assert book is not None, "a book is folded into rows, so it is loaded first"
    head, body, envelope = book.head, event.body, event.envelope
    assert envelope.version == head.version + 1, f"version {envelope.version} follows {head.version}"
    match body:
        case TransactionPosted():
            codes = _post(book.rows, body, event)
            head = _follow(book, body, envelope.occurred_at_ms)
            if not codes.isdisjoint(_OF_DEBTS):
                head = _owing(head, body, codes)
        case PostingRefused():
            _remember(book.rows, body)
            head = replace(head, version=envelope.version)
        case BookOpened():
            head = Head(
                merchant_id=envelope.merchant_id,
                mode=envelope.mode,
                version=1,
                clock_id=envelope.clock_id,
                terms=(numbered(body.terms_version, body.terms),),
            )
        case TermsChanged():
            new = numbered(body.terms_version, _begun(body.terms, envelope.occurred_at_ms))
            terms = remembered(head.terms, new, envelope.occurred_at_ms)
            head = replace(head, version=envelope.version, terms=terms)
        case AccountClosed():
            closed = (*head.closed, (body.code, body.currency))
            head = replace(head, version=envelope.version, closed=closed)
        case AccountReopened():
            left = tuple(one for one in head.closed if one != (body.code, body.currency))
            head = replace(head, version=envelope.version, closed=left)
        case AdjustmentProposed() | AdjustmentApproved() | AdjustmentRejected():
            book.rows.put_adjustment(body.adjustment)
            head = replace(head, version=envelope.version)
        case _:
            assert_never(body)
    return Book(head, book.rows, book.partition)


def _begun(terms: Terms, at_ms: int) -> Terms:
    """Terms without a date of their own hold from when they were set, not for what was sold before."""
    return terms if terms.effective_from_ms else replace(terms, effective_from_ms=at_ms)


def _owing(head: Head, body: TransactionPosted, codes: set[int]) -> Head:
    """The head once a debt was made, repaid, given up or got back after all."""
    if MERCHANT_RECEIVABLE in codes and body.currency not in head.indebted:
        head = replace(head, indebted=(*head.indebted, body.currency))
    if LOSS_MERCHANT_CREDIT in codes:
        given_up_minor = moved_minor(body.legs, LOSS_MERCHANT_CREDIT, "debit")
        recovered_minor = moved_minor(body.legs, LOSS_MERCHANT_CREDIT, "credit")
        left_minor = head.written_off.get(body.currency, 0) + given_up_minor - recovered_minor
        assert left_minor >= 0, f"{body.transaction_id} recovers more than was written off"
        head = replace(head, written_off={**head.written_off, body.currency: left_minor})
    return head


def _post(rows: Rows, body: TransactionPosted, event: Message[Any]) -> set[int]:
    """Add every leg to its account's counters and hold each account against its limit; the codes of all."""
    assert rows.known(body.transaction_id) is None, f"{body.transaction_id} is posted twice"
    reversed_entry = None if body.reverses is None else rows.entry(body.reverses)
    for leg in body.legs:
        check_use(body.template, leg, None if reversed_entry is None else reversed_entry.template)
    codes = set()
    for account_id, after in rows.after(body.legs).items():
        codes.add(_check_limits(account_id, after))
        rows.put_counters(account_id, after, event)
    rows.put_known(body.transaction_id, Known(body.fingerprint, POSTED))
    if reversed_entry is not None and body.reverses is not None:
        rows.put_entry(body.reverses, replace(reversed_entry, reversed_by=body.transaction_id))
    return codes


def _check_limits(account_id: str, after: Counters) -> int:
    """The code of an account that stands as it may."""
    assert 0 <= min(after) and max(after) <= MAX_AMOUNT_MINOR, f"{account_id} comes to {after}"
    kind = described(account_id).kind
    assert not kind.is_limited or after.free(kind.normal_side) >= 0, (
        f"{account_id} has the wrong sign with {after}"
    )
    return kind.code


def _remember(rows: Rows, body: PostingRefused) -> None:
    known = rows.known(body.transaction_id)
    if known is None:
        outcome = Outcome[body.outcome.upper()].value.number
        rows.put_known(body.transaction_id, Known(body.fingerprint, outcome))
    else:
        others = Known(known.fingerprint, known.outcome, (*known.refused, body.fingerprint))
        rows.put_known(body.transaction_id, others)


def _follow(book: Book, body: TransactionPosted, at_ms: int) -> Head:
    """Fold the transaction into its payment and item; the head with what that changes of the book."""
    head = replace(book.head, version=book.head.version + 1)
    _fold_entry(book.rows, body)
    if body.payment_id is None:
        return head
    before = book.rows.payment(body.payment_id) or Payment(currency=body.currency)
    after = after_transaction(before, body, at_ms, head)
    if after is before:
        return head
    book.rows.put_payment(body.payment_id, after)
    change_minor = after.allowance_minor - before.allowance_minor
    allowances = head.allowances
    if change_minor:
        allowances = {**allowances, body.currency: allowances.get(body.currency, 0) + change_minor}
    next_due_ms = _next_due_ms(book.rows, head.next_due_ms, body.payment_id, before, after)
    return replace(head, next_due_ms=next_due_ms, allowances=allowances)


def _fold_entry(rows: Rows, body: TransactionPosted) -> None:
    """How far its dispute, payout, ... has come, and what a reversal of it would undo."""
    entry = ENTRIES.get(body.template)
    if entry is None:
        return
    if entry.begins:
        begun = Item(
            status=body.template,
            amount_minor=body.amount_minor,
            left_minor=body.amount_minor,
            currency=body.currency,
            amounts=body.amounts,
            provider=body.provider,
            payment_id=body.payment_id,
        )
        rows.put_item(body.operation_id, begun)
    elif entry.follows:
        item = rows.item(body.operation_id)
        assert item is not None, f"{body.operation_id} was never begun"
        left_minor = item.left_minor - (0 if entry.ends_nothing else body.amount_minor)
        amounts = {**item.amounts, **body.amounts}
        ended = replace(
            item,
            status=body.template,
            left_minor=left_minor,
            amounts=amounts,
            made_up_minor=item.made_up_minor + made_up_minor(body.legs),
        )
        rows.put_item(body.operation_id, ended)
    if entry.is_reversible:
        stored = Entry(
            template=body.template,
            amount_minor=body.amount_minor,
            currency=body.currency,
            legs=body.legs,
            payment_id=body.payment_id,
            provider=body.provider,
        )
        rows.put_entry(body.transaction_id, stored)


def _next_due_ms(
    rows: Rows, next_due_ms: int | None, payment_id: str, before: Payment, after: Payment
) -> int | None:
    """Have a due row exactly for what waits of the payment; when the first of the book is due."""
    if before.lots is after.lots and before.holds is after.holds:
        return next_due_ms
    waited, waits = before.waits(payment_id), after.waits(payment_id)
    if waited == waits:
        return next_due_ms
    for due in sorted(waits - waited):
        rows.due.add(due)
        next_due_ms = due.due_ms if next_due_ms is None else min(next_due_ms, due.due_ms)
    for due in sorted(waited - waits):
        rows.due.remove(due)
    if any(due.due_ms == next_due_ms for due in waited - waits):
        first = rows.due.earliest(1)
        return first[0].due_ms if first else None
    return next_due_ms
