"""What is a book after a journal record? The only way its rows ever change; nothing is decided here."""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from schemas.envelope import Message
from schemas.ledger import (
    AggregateEvent,
    BookOpened,
    Leg,
    Phase,
    PostingRefused,
    Side,
    TermsChanged,
    TransactionPosted,
)
from schemas.outcomes import Outcome
from streams.ledger.book import Book, Head
from streams.ledger.chart import (
    FEE_PROCESSING,
    MERCHANT_AVAILABLE,
    MERCHANT_PENDING,
    MERCHANT_RECEIVABLE,
    PSP_RECEIVABLE,
    described,
)
from streams.ledger.due_lots import DueLot
from streams.ledger.payment import (
    Lot,
    Payment,
    Refund,
    Sources,
    held,
    returned,
    taken,
    with_pending,
    with_refund,
)
from streams.ledger.rows import POSTED, Counters, Known, Rows
from streams.ledger.templates import (
    AVAILABLE,
    CAPTURE,
    HOLD,
    MAX_COUNTER_MINOR,
    REFUND_FAILED,
    REFUND_REQUESTED,
    REFUND_RESERVED,
    REFUND_REVERSED,
    REFUND_SUCCEEDED,
    RELEASE,
    check_use,
)


def evolve(book: Book | None, event: Message[AggregateEvent]) -> Book:
    """The book after one more event: its rows are written through its view, its head is returned."""
    assert book is not None, "a book is folded into rows, so it is loaded first"
    head, body, envelope = book.head, event.body, event.envelope
    assert envelope.version == head.version + 1, f"version {envelope.version} follows {head.version}"
    match body:
        case BookOpened():
            opened = Head(
                merchant_id=envelope.merchant_id,
                mode=envelope.mode,
                version=1,
                clock_id=envelope.clock_id,
                terms=body.terms,
                terms_version=body.terms_version,
            )
            return Book(opened, book.rows)
        case TermsChanged():
            changed = replace(
                head, version=envelope.version, terms=body.terms, terms_version=body.terms_version
            )
            return Book(changed, book.rows)
        case TransactionPosted():
            touched = _post(book.rows, body)
            return Book(_follow(book, body, envelope.occurred_at_ms), book.rows, touched)
        case PostingRefused():
            _remember(book.rows, body)
            return Book(replace(head, version=envelope.version), book.rows)
        case _:
            assert_never(body)


def moved_minor(legs: Iterable[Leg], code: int, side: Side, phase: Phase = "posted") -> int:
    """What the legs move on this side of the account of this code."""
    return sum(
        [
            leg.amount_minor
            for leg in legs
            if leg.side == side and leg.phase == phase and described(leg.account_id).kind.code == code
        ]
    )


def _post(rows: Rows, body: TransactionPosted) -> dict[str, Counters]:
    """Add every leg to its account's counters and hold each account against its limit; how they stand."""
    assert rows.known(body.transaction_id) is None, f"{body.transaction_id} is posted twice"
    sums: dict[str, list[int]] = {}
    for leg in body.legs:
        counters = sums.get(leg.account_id)
        if counters is None:
            sums[leg.account_id] = counters = list(rows.counters(leg.account_id))
        check_use(body.template, leg)
        at = 0 if leg.side == "debit" else 2
        if leg.phase == "posted":
            counters[at + 1] += leg.amount_minor
        else:
            counters[at] += leg.amount_minor if leg.phase == "pending" else -leg.amount_minor
    touched = {account_id: Counters(*counters) for account_id, counters in sums.items()}
    for account_id, after in touched.items():
        _check_limits(account_id, after)
        rows.put_counters(account_id, after)
    rows.put_known(body.transaction_id, Known(body.fingerprint, POSTED))
    return touched


def _check_limits(account_id: str, after: Counters) -> None:
    assert 0 <= min(after) and max(after) <= MAX_COUNTER_MINOR, f"{account_id} comes to {after}"
    kind = described(account_id).kind
    if not kind.is_limited:
        return
    if kind.normal_side == "credit":
        is_right = after.debits_pending + after.debits_posted <= after.credits_posted
    else:
        is_right = after.credits_pending + after.credits_posted <= after.debits_posted
    assert is_right, f"{account_id} has the wrong sign with {after}"


def _remember(rows: Rows, body: PostingRefused) -> None:
    known = rows.known(body.transaction_id)
    if known is None:
        outcome = Outcome[body.outcome.upper()].value.number
        rows.put_known(body.transaction_id, Known(body.fingerprint, outcome))
    else:
        others = Known(known.fingerprint, known.outcome, (*known.refused, body.fingerprint))
        rows.put_known(body.transaction_id, others)


def _follow(book: Book, body: TransactionPosted, at_ms: int) -> Head:
    """Fold the transaction into its payment; the head with what that changes of the book."""
    rows, head = book.rows, book.head
    before = rows.payment(body.payment_id) or Payment(currency=body.currency)
    after = _payment_after(before, body, at_ms)
    rows.put_payment(body.payment_id, after)
    allowances, change_minor = head.allowances, after.allowance_minor - before.allowance_minor
    if change_minor:
        allowances = {**allowances, body.currency: allowances.get(body.currency, 0) + change_minor}
    return replace(
        head,
        version=head.version + 1,
        next_due_ms=_next_due_ms(rows, head.next_due_ms, body.payment_id, before, after),
        allowances=allowances,
    )


def _payment_after(payment: Payment, body: TransactionPosted, at_ms: int) -> Payment:
    match body.template:
        case HOLD.name:
            return held(payment, body.provider, body.amount_minor)
        case RELEASE.name:
            return held(payment, body.provider, -body.amount_minor)
        case CAPTURE.name:
            return _captured(payment, body)
        case AVAILABLE.name:
            return _made_available(payment, body)
        case REFUND_RESERVED.name | REFUND_REQUESTED.name:
            sources = Sources(
                taken(payment.lots, moved_minor(body.legs, MERCHANT_PENDING, "debit")),
                moved_minor(body.legs, MERCHANT_AVAILABLE, "debit"),
                moved_minor(body.legs, MERCHANT_RECEIVABLE, "debit"),
            )
            refund = Refund(
                refund_id=body.operation_id,
                amount_minor=body.amount_minor,
                status="reserved",
                sources=sources,
            )
            return with_refund(with_pending(payment, sources.pending, -1), refund)
        case REFUND_SUCCEEDED.name:
            return with_refund(payment, replace(_refund(payment, body), status="succeeded"))
        case REFUND_FAILED.name | REFUND_REVERSED.name:
            refund = _refund(payment, body)
            sources = returned(payment, refund, at_ms)
            restored = with_pending(payment, sources.pending, 1)
            return with_refund(restored, replace(refund, status="failed"))
        case _:
            raise AssertionError(f"no template {body.template}")


def _captured(payment: Payment, body: TransactionPosted) -> Payment:
    assert body.available_at_ms is not None, "a capture says when it becomes available"
    from_hold_minor = moved_minor(body.legs, PSP_RECEIVABLE, "debit", "released")
    if from_hold_minor:
        payment = held(payment, body.provider, -from_hold_minor)
    fee_minor = moved_minor(body.legs, FEE_PROCESSING, "credit")
    lot = Lot(
        lot_id=body.operation_id,
        provider=body.provider,
        gross_minor=body.amount_minor,
        fee_minor=fee_minor,
        pending_minor=body.amount_minor - fee_minor,
        available_at_ms=body.available_at_ms,
    )
    return replace(payment, lots=(*payment.lots, lot))


def _made_available(payment: Payment, body: TransactionPosted) -> Payment:
    lots = tuple(
        replace(lot, pending_minor=0, is_available=True) if lot.lot_id == body.operation_id else lot
        for lot in payment.lots
    )
    return replace(payment, lots=lots)


def _refund(payment: Payment, body: TransactionPosted) -> Refund:
    refund = payment.refund(body.operation_id)
    assert refund is not None, f"{body.operation_id} was never requested"
    return refund


def _next_due_ms(
    rows: Rows, next_due_ms: int | None, payment_id: str, before: Payment, after: Payment
) -> int | None:
    """Have a due row exactly for the lots with something pending; when the first of the book is due."""
    if before.lots is after.lots:
        return next_due_ms
    waited = _waiting(payment_id, before)
    waits = _waiting(payment_id, after)
    if waited == waits:
        return next_due_ms
    for lot in sorted(waits - waited):
        rows.due_lots.add(lot)
        next_due_ms = lot.due_ms if next_due_ms is None else min(next_due_ms, lot.due_ms)
    for lot in sorted(waited - waits):
        rows.due_lots.remove(lot)
    if any(lot.due_ms == next_due_ms for lot in waited - waits):
        first = rows.due_lots.earliest(1)
        return first[0].due_ms if first else None
    return next_due_ms


def _waiting(payment_id: str, payment: Payment) -> set[DueLot]:
    return {DueLot(lot.available_at_ms, lot.lot_id, payment_id) for lot in payment.lots if lot.pending_minor}
