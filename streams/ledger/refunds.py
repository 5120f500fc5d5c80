"""Where does the money of a refund come from, may it, and where does it go back to when it fails?"""

from collections.abc import Mapping

from schemas.ledger import TransactionPosted
from schemas.outcomes import Outcome
from streams.ledger.chart import MERCHANT_AVAILABLE, MERCHANT_RECEIVABLE
from streams.ledger.payment import Refund, returned
from streams.ledger.posting import Case, Charge, Parts, Posted, called, freed, own_id, posted, sources, up_to
from streams.ledger.pricing import returned_fee_minor
from streams.ledger.templates.form import Template
from streams.ledger.templates.payments import (
    FEE_CHARGED_AGAIN,
    FEE_RETURNED,
    REFUND_BOUNCED,
    REFUND_FAILED,
    REFUND_REQUESTED,
    REFUND_RESERVED,
    REFUND_REVERSED,
    REFUND_SUCCEEDED,
    REFUND_TRANSFERRED,
)


def reserve(case: Case) -> Posted:
    """Set the amount aside for a merchant's refund, if the book has it or may owe it."""
    if _open(case) is not None:
        return Outcome.UNEXPECTED_STATE
    codes = {leg.code for leg in REFUND_RESERVED.legs}
    if case.closes_any(codes - {MERCHANT_RECEIVABLE}):
        return Outcome.ACCOUNT_CLOSED
    if case.amount_minor > case.payment.refundable_minor:
        return Outcome.AMOUNT_EXCEEDS_REFUNDABLE
    drawn = sources(case, case.amount_minor)
    if drawn.owed_minor and case.closes_any([MERCHANT_RECEIVABLE]):
        return Outcome.ACCOUNT_CLOSED
    if drawn.owed_minor and not _may_owe(case, drawn.owed_minor):
        return Outcome.BALANCE_INSUFFICIENT
    return (_moved(case, REFUND_RESERVED, drawn.amounts),)


def request(case: Case) -> Posted:
    """Set the amount aside for a refund the platform gives; what is missing is owed."""
    if _open(case) is not None:
        return Outcome.UNEXPECTED_STATE
    return (_moved(case, REFUND_REQUESTED, sources(case, case.amount_minor).amounts),)


def succeed(case: Case) -> Posted:
    """The provider gave back what was set aside; what was not set aside is so first."""
    refund, amount_minor = _open(case), case.amount_minor
    template = REFUND_TRANSFERRED if _is_by_bank(case) else REFUND_SUCCEEDED
    succeeded = posted(case, template, {"amount": amount_minor}, amount_minor)
    if refund is None:
        drawn = sources(case, amount_minor)
        requested = _moved(case, REFUND_REQUESTED, drawn.amounts, _own_id(case, REFUND_REQUESTED))
        debt_minor = case.debt_minor + drawn.owed_minor
        charges = _returned_charges(case, amount_minor, debt_minor, drawn.owed_minor)
        return (requested, succeeded, *_beside(case, FEE_RETURNED, *charges))
    if refund.status != "reserved" or refund.amount_minor != amount_minor:
        return Outcome.UNEXPECTED_STATE
    charges = _returned_charges(case, amount_minor, case.debt_minor, refund.sources.owed_minor)
    return (succeeded, *_beside(case, FEE_RETURNED, *charges))


def fail(case: Case) -> Posted:
    """The provider did not give it back, or took it back: everything returns to where it came from."""
    refund = _open(case)
    if refund is None or refund.is_entered or refund.amount_minor != case.amount_minor:
        return Outcome.UNEXPECTED_STATE
    amounts = _restored(case, refund)
    if refund.status == "reserved":
        return (_moved(case, REFUND_FAILED, amounts),)
    back = _moved(case, REFUND_BOUNCED if refund.is_by_bank else REFUND_REVERSED, amounts)
    charges = _charges_again(case, refund, amounts["freed"])
    return (back, *_beside(case, FEE_CHARGED_AGAIN, *charges))


def entered(case: Case, amount_minor: int) -> Mapping[str, int] | Outcome:
    """Amounts of a refund that is set aside and given back at once, and of its part of fee and tax."""
    if _open(case) is not None:
        return Outcome.UNEXPECTED_STATE
    drawn = sources(case, amount_minor)
    fee, tax = _returned_charges(case, amount_minor, case.debt_minor + drawn.owed_minor, drawn.owed_minor)
    return {**drawn.amounts, **called("fee", fee), **called("tax", tax)}


def undone(case: Case, amount_minor: int) -> Mapping[str, int] | Outcome:
    """Amounts of such a refund that came back, and of its part of fee and tax, which are charged again."""
    refund = _open(case)
    if refund is None or not refund.is_entered or refund.amount_minor != amount_minor:
        return Outcome.UNEXPECTED_STATE
    amounts = _restored(case, refund)
    fee, tax = _charges_again(case, refund, amounts["freed"])
    return {**amounts, **called("fee", fee), **called("tax", tax)}


def _is_by_bank(case: Case) -> bool:
    """Whether the refund goes by bank transfer: as when it was asked for first, else as its payment came."""
    known = case.payment.refund(case.command.operation_id)
    is_by_bank = None if known is None else known.is_by_bank
    return case.payment.is_by_bank if is_by_bank is None else is_by_bank


def _open(case: Case) -> Refund | None:
    """The refund the command is about, while anything is set aside or given back for it."""
    refund = case.payment.refund(case.command.operation_id)
    return None if refund is None or refund.status == "failed" else refund


def _restored(case: Case, refund: Refund) -> dict[str, int]:
    """Back to what is pending still; the rest repays a debt first, then what of it was lent and written off."""
    back = returned(case.payment, refund, case.at_ms)
    lent_minor = max(back.owed_minor - refund.made_up_minor, 0)
    lost_minor = min(lent_minor, case.written_off_minor)
    parts = freed(case.debt_minor, lost_minor, back.available_minor + back.owed_minor)
    return {"pending": back.pending_minor, **parts._asdict()}


def _may_owe(case: Case, owed_minor: int) -> bool:
    """Whether the debt, with what was written off, stays within what the platform kept of refunded payments,
    this one included."""
    if case.terms.refund_policy == "refuse":
        return False
    kept_minor = case.payment.kept_minor - case.payment.allowance_minor
    allowed_minor = case.book.head.allowances.get(case.names.currency, 0) + kept_minor
    return case.debt_minor + case.written_off_minor + owed_minor <= allowed_minor


def _moved(
    case: Case, template: Template, amounts: Mapping[str, int], begun_as: str = ""
) -> TransactionPosted:
    return posted(case, template, amounts, case.amount_minor, begun_as=begun_as)


def _charges_minor(case: Case, refunded_minor: int) -> tuple[int, int]:
    """What of the fees, and of the tax on them, is the merchant's again when so much was refunded."""
    payment = case.payment
    fee_minor, tax_minor = (
        returned_fee_minor(whole_minor, refunded_minor=refunded_minor, captured_minor=payment.captured_minor)
        for whole_minor in (payment.returnable_fee_minor, payment.returnable_tax_minor)
    )
    return fee_minor, tax_minor


def _beside(
    case: Case, template: Template, fee: Parts | Charge, tax: Parts | Charge
) -> tuple[TransactionPosted, ...]:
    """What a refund changes of fee and tax, as a transaction of its own."""
    amount_minor = sum(fee) + sum(tax)
    if not amount_minor:
        return ()
    amounts = {**fee._asdict(), **called("tax", tax)}
    return (posted(case, template, amounts, amount_minor, begun_as=_own_id(case, template)),)


def _returned_charges(case: Case, amount_minor: int, debt_minor: int, lent_minor: int) -> tuple[Parts, Parts]:
    """What of fee and tax goes back with a refund of this amount, and what it repays.

    debt_minor: owed once the refund is set aside; lent_minor: what of the refund was.
    """
    payment = case.payment
    fee_minor, tax_minor = _charges_minor(case, payment.refunded_minor + amount_minor)
    lost_minor = min(lent_minor, case.written_off_minor)
    fee = freed(debt_minor, lost_minor, max(fee_minor - payment.fee_returned_minor, 0))
    left_minor = max(tax_minor - payment.tax_returned_minor, 0)
    return fee, freed(debt_minor - fee.repaid, lost_minor - fee.loss_recovered, left_minor)


def _charges_again(case: Case, refund: Refund, freed_minor: int) -> tuple[Charge, Charge]:
    """What went back of fee and tax with a refund. freed_minor: what is available since it was undone."""
    free_minor = case.free_minor(MERCHANT_AVAILABLE) + freed_minor
    fee = Charge(*up_to(free_minor, refund.fee_returned_minor))
    return fee, Charge(*up_to(free_minor - fee.available, refund.tax_returned_minor))


def _own_id(case: Case, template: Template) -> str:
    """Id of a transaction the ledger puts beside the command's own."""
    return own_id(case.rows, case.names.book, case.command.transaction_id, template)
