"""What is posted of a payment: what is held, taken and given back?"""

from typing import Final

from schemas.ledger import Phase
from streams.ledger.chart import (
    BANK_CLIENT_FUNDS,
    COST_PSP,
    FEE_PROCESSING,
    MERCHANT_PENDING,
    MERCHANT_RESERVE,
    PSP_RECEIVABLE,
    REFUND_CLEARING,
)
from streams.ledger.templates.form import (
    ALL_FREED,
    ALL_MADE_UP,
    CHARGED,
    DEDUCTED,
    FREED,
    GIVEN_BACK,
    MADE_UP,
    REFUNDED,
    RESTORED,
    TAX_AGAIN,
    TAX_BACK,
    Template,
    TemplateLeg,
    credit,
    debit,
)


def _announced(phase: Phase, formula: str = "amount") -> tuple[TemplateLeg, ...]:
    """An amount held at the issuer: on the accounts its capture will be posted to."""
    return (
        TemplateLeg("debit", phase, PSP_RECEIVABLE, formula),
        TemplateLeg("credit", phase, MERCHANT_PENDING, formula),
    )


_AMOUNT: Final = "pending + available + owed"
_SET_ASIDE: Final = (*REFUNDED, credit(REFUND_CLEARING, _AMOUNT))

HOLD: Final = Template("hold", "The issuer holds the amount; nothing has moved", _announced("pending"))
RELEASE: Final = Template("release", "A hold was voided or left over by a capture", _announced("released"))
HOLD_EXPIRED: Final = Template(
    "hold_expired", "The time of a hold has run out; the ledger itself takes it back", _announced("released")
)
CAPTURE: Final = Template(
    "capture",
    "The amount was taken from the customer: gross, then fee, tax, rolling reserve and debt",
    (*_announced("released", "from_hold"), debit(PSP_RECEIVABLE), credit(MERCHANT_PENDING), *DEDUCTED),
)
PSP_COST: Final = Template(
    "psp_cost", "The provider's charge is known at the capture", (debit(COST_PSP), credit(PSP_RECEIVABLE))
)
AVAILABLE: Final = Template(
    "available",
    "The day of a capture has come: what is left of its net repays a debt, and the rest may be paid out",
    (debit(MERCHANT_PENDING, ALL_FREED), *FREED),
)
REFUND_RESERVED: Final = Template(
    "refund_reserved", "A merchant's refund is set aside, within the limits; it is answered", _SET_ASIDE
)
REFUND_REQUESTED: Final = Template(
    "refund_requested", "The platform's own refund is set aside, without limits", _SET_ASIDE
)
REFUND_SUCCEEDED: Final = Template(
    "refund_succeeded",
    "The provider gave the amount back",
    (debit(REFUND_CLEARING), credit(PSP_RECEIVABLE)),
)
REFUND_FAILED: Final = Template(
    "refund_failed",
    "The provider did not give it back: it returns to where it came from, debts and what was written off first",
    (debit(REFUND_CLEARING, GIVEN_BACK), *RESTORED),
)
REFUND_REVERSED: Final = Template(
    "refund_reversed",
    "The provider took a refund back after it had succeeded",
    (debit(PSP_RECEIVABLE, GIVEN_BACK), *RESTORED),
)
REFUND_TRANSFERRED: Final = Template(
    "refund_transferred",
    "The bank gave back what had come by a bank transfer",
    (debit(REFUND_CLEARING), credit(BANK_CLIENT_FUNDS)),
)
REFUND_BOUNCED: Final = Template(
    "refund_bounced",
    "A refund by bank transfer came back after it had succeeded",
    (debit(BANK_CLIENT_FUNDS, GIVEN_BACK), *RESTORED),
)
FEE_RETURNED: Final = Template(
    "fee_returned",
    "A refund gives its part of the fee and of the tax on it back, where the terms say so",
    (debit(FEE_PROCESSING, ALL_MADE_UP), *MADE_UP, *TAX_BACK),
)
FEE_CHARGED_AGAIN: Final = Template(
    "fee_charged_again",
    "A refund that was reversed takes its part of the fee and of the tax again",
    (*CHARGED, credit(FEE_PROCESSING, "available + owed"), *TAX_AGAIN),
)
RESERVE_RELEASED: Final = Template(
    "reserve_released",
    "The day of a rolling reserve has come: a debt is repaid first, then what was written off",
    (debit(MERCHANT_RESERVE, ALL_MADE_UP), *MADE_UP),
)
