"""What does a book know of a payment after one of its transactions?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from schemas.ledger import Leg, TransactionPosted
from streams.ledger.book import Head, agreed
from streams.ledger.chart import (
    FEE_PROCESSING,
    LOSS_MERCHANT_CREDIT,
    MERCHANT_AVAILABLE,
    MERCHANT_PENDING,
    MERCHANT_RECEIVABLE,
    MERCHANT_RESERVE,
    TAX_PAYABLE,
    described,
)
from streams.ledger.entries import SALES
from streams.ledger.legs import moved_minor
from streams.ledger.payment import (
    Hold,
    Lot,
    Payment,
    Refund,
    Sources,
    released,
    returned,
    taken,
    with_lot,
    with_pending,
    with_refund,
)
from streams.ledger.templates.merchants import (
    DISPUTE_OPENED,
    DISPUTE_WON,
    DISPUTE_WON_LATE,
    INQUIRY_ESCALATED,
    RESERVE_APPLIED,
)
from streams.ledger.templates.payments import (
    AVAILABLE,
    FEE_CHARGED_AGAIN,
    FEE_RETURNED,
    HOLD,
    HOLD_EXPIRED,
    REFUND_BOUNCED,
    REFUND_FAILED,
    REFUND_REQUESTED,
    REFUND_RESERVED,
    REFUND_REVERSED,
    REFUND_SUCCEEDED,
    REFUND_TRANSFERRED,
    RELEASE,
    RESERVE_RELEASED,
)
from streams.ledger.templates.transfers import (
    TRANSFER_IDENTIFIED,
    TRANSFER_RECEIVED,
    WALLET_REFUND_RETURNED,
    WALLET_REFUNDED,
)
from streams.ledger.templates.treasury import FX_CAPTURED, FX_REFUND_FAILED, FX_REFUNDED

_BY_BANK: Final = frozenset({TRANSFER_RECEIVED.name, TRANSFER_IDENTIFIED.name})


def after_transaction(payment: Payment, body: TransactionPosted, at_ms: int, head: Head) -> Payment:
    """The payment after a transaction; the same where it says nothing of one. head: of the book after it."""
    if body.template == FX_CAPTURED.name:
        payment = _in_currency(payment, body.currency)
    if body.template in SALES:
        return _sold(payment, body, head)
    fold = _FOLDS.get(body.template)
    return payment if fold is None else fold(payment, body, at_ms, head.version)


def _held(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    hold = Hold(
        operation_id=body.operation_id,
        provider=body.provider or "",
        amount_minor=body.amount_minor,
        number=number,
        expires_at_ms=body.expires_at_ms,
        currency=body.currency,
    )
    held_currency = payment.held_currency or body.currency
    return replace(payment, holds=(*payment.holds, hold), held_currency=held_currency)


def _released(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    return released(payment, body.provider or "", body.operation_id, body.amount_minor, body.currency)


def _expired(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    """The hold of the authorization that ends first has run out."""
    ends = [
        (hold.expires_at_ms, hold.number)
        for hold in payment.holds_of(body.operation_id)
        if hold.amount_minor and hold.expires_at_ms is not None
    ]
    _, number = min(ends)
    holds = [
        replace(one, amount_minor=0, is_expired=True) if one.number == number else one
        for one in payment.holds
    ]
    return replace(payment, holds=tuple(holds))


def _sold(payment: Payment, body: TransactionPosted, head: Head) -> Payment:
    assert body.available_at_ms is not None, "a sale says when it becomes available"
    for leg in body.legs:
        if leg.phase == "released" and leg.side == "debit":
            currency = described(leg.account_id).currency
            payment = released(payment, body.provider or "", body.operation_id, leg.amount_minor, currency)
    # A sale credits each account once.
    credits = {
        described(leg.account_id).kind.code: leg.amount_minor
        for leg in body.legs
        if leg.side == "credit" and leg.phase == "posted"
    }
    fee_minor, tax_minor = credits.get(FEE_PROCESSING, 0), credits.get(TAX_PAYABLE, 0)
    recovered_minor, reserve_minor = credits.get(MERCHANT_RECEIVABLE, 0), credits.get(MERCHANT_RESERVE, 0)
    gross_minor = credits[MERCHANT_PENDING]
    lot = Lot(
        lot_id=body.operation_id,
        provider=body.provider or "",
        number=head.version,
        gross_minor=gross_minor,
        fee_minor=fee_minor,
        tax_minor=tax_minor,
        recovered_minor=recovered_minor,
        set_aside_minor=reserve_minor,
        reserve_minor=reserve_minor,
        pending_minor=gross_minor - fee_minor - tax_minor - reserve_minor - recovered_minor,
        available_at_ms=body.available_at_ms,
        reserve_at_ms=body.reserve_at_ms,
        is_fee_returned=agreed(head.terms, body.terms_version).fee_refund_policy == "proportional",
        is_by_bank=body.template in _BY_BANK,
    )
    return replace(payment, lots=(*payment.lots, lot))


def _made_available(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    return with_lot(payment, body.operation_id, pending_minor=0, is_available=True)


def _reserve_released(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    lot = payment.lot(body.operation_id)
    assert lot is not None, f"{body.operation_id} was never sold"
    set_aside_minor = lot.set_aside_minor - lot.reserve_minor
    return with_lot(payment, body.operation_id, reserve_minor=0, set_aside_minor=set_aside_minor)


def _reserve_applied(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    """The debt is taken from the payment's sales, oldest first."""
    left_minor, lots = body.amount_minor, []
    for lot in payment.lots:
        part_minor = min(left_minor, lot.reserve_minor)
        left_minor -= part_minor
        lots.append(
            replace(
                lot,
                reserve_minor=lot.reserve_minor - part_minor,
                set_aside_minor=lot.set_aside_minor - part_minor,
            )
        )
    assert left_minor == 0, "more is applied than is in reserve"
    return replace(payment, lots=tuple(lots))


def _in_currency(payment: Payment, currency: str) -> Payment:
    """The payment in the currency it is sold in; what is held stays in the one it is held in."""
    holds = tuple([replace(hold, currency=hold.currency or payment.currency) for hold in payment.holds])
    return replace(payment, currency=currency, holds=holds)


def _refund_set_aside(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    sources = Sources(
        taken(payment.lots, moved_minor(body.legs, MERCHANT_PENDING, "debit")),
        moved_minor(body.legs, MERCHANT_AVAILABLE, "debit"),
        moved_minor(body.legs, MERCHANT_RECEIVABLE, "debit"),
    )
    before = payment.refund(body.operation_id)
    is_by_bank = payment.is_by_bank if payment.lots else None
    refund = Refund(
        refund_id=body.operation_id,
        amount_minor=body.amount_minor,
        status="reserved",
        sources=sources,
        is_by_bank=is_by_bank if before is None else before.is_by_bank,
    )
    return with_refund(with_pending(payment, sources.pending, -1), refund)


def _refund_entered(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    """Set aside and given back at once, with its part of the fee."""
    after = _refund_set_aside(payment, body, at_ms, number)
    given = replace(_refund(after, body), status="succeeded", is_entered=True)
    return _charges_returned(with_refund(after, given), body, at_ms, number)


def _entered_undone(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    return _charges_returned(_refund_undone(payment, body, at_ms, number), body, at_ms, number)


def _refund_succeeded(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    is_by_bank = body.template == REFUND_TRANSFERRED.name
    return with_refund(payment, replace(_refund(payment, body), status="succeeded", is_by_bank=is_by_bank))


def _refund_undone(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    refund = _refund(payment, body)
    sources = returned(payment, refund, at_ms)
    restored = with_pending(payment, sources.pending, 1)
    return with_refund(restored, replace(refund, status="failed"))


def _charges_returned(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    """Fee and tax went back to the merchant, or were charged again."""
    fee_minor, tax_minor = (
        moved_minor(body.legs, code, "debit") - moved_minor(body.legs, code, "credit")
        for code in (FEE_PROCESSING, TAX_PAYABLE)
    )
    refund = _refund(payment, body)
    charged = replace(
        refund,
        fee_returned_minor=refund.fee_returned_minor + fee_minor,
        tax_returned_minor=refund.tax_returned_minor + tax_minor,
        made_up_minor=refund.made_up_minor + made_up_minor(body.legs),
    )
    return replace(
        with_refund(payment, charged),
        fee_returned_minor=payment.fee_returned_minor + fee_minor,
        tax_returned_minor=payment.tax_returned_minor + tax_minor,
    )


def _taken_back(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    return replace(payment, taken_back_minor=payment.taken_back_minor + body.amount_minor)


def _kept_after_all(payment: Payment, body: TransactionPosted, at_ms: int, number: int) -> Payment:
    return replace(payment, taken_back_minor=payment.taken_back_minor - body.amount_minor)


def made_up_minor(legs: Sequence[Leg]) -> int:
    """What of a debt the legs repay, and of a loss they make up for."""
    codes = (MERCHANT_RECEIVABLE, LOSS_MERCHANT_CREDIT)
    return sum([moved_minor(legs, code, "credit") for code in codes])


def _refund(payment: Payment, body: TransactionPosted) -> Refund:
    refund = payment.refund(body.operation_id)
    assert refund is not None, f"{body.operation_id} was never requested"
    return refund


_FOLDS: Final[Mapping[str, Callable[[Payment, TransactionPosted, int, int], Payment]]] = {
    HOLD.name: _held,
    RELEASE.name: _released,
    HOLD_EXPIRED.name: _expired,
    AVAILABLE.name: _made_available,
    RESERVE_RELEASED.name: _reserve_released,
    RESERVE_APPLIED.name: _reserve_applied,
    REFUND_RESERVED.name: _refund_set_aside,
    REFUND_REQUESTED.name: _refund_set_aside,
    REFUND_SUCCEEDED.name: _refund_succeeded,
    REFUND_FAILED.name: _refund_undone,
    REFUND_REVERSED.name: _refund_undone,
    REFUND_TRANSFERRED.name: _refund_succeeded,
    REFUND_BOUNCED.name: _refund_undone,
    FEE_RETURNED.name: _charges_returned,
    FEE_CHARGED_AGAIN.name: _charges_returned,
    DISPUTE_OPENED.name: _taken_back,
    INQUIRY_ESCALATED.name: _taken_back,
    DISPUTE_WON.name: _kept_after_all,
    DISPUTE_WON_LATE.name: _kept_after_all,
    FX_REFUNDED.name: _refund_entered,
    FX_REFUND_FAILED.name: _entered_undone,
    WALLET_REFUNDED.name: _refund_entered,
    WALLET_REFUND_RETURNED.name: _entered_undone,
}
