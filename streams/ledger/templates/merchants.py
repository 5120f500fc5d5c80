"""What is posted of a merchant's disputes, payouts, debts and subscriptions?"""

from typing import Final

from streams.ledger.chart import (
    BANK_CLIENT_FUNDS,
    COST_BANK,
    COST_DISPUTE,
    DEFERRED_REVENUE,
    DISPUTE_HOLD,
    DISPUTE_RECEIVABLE,
    FEE_DISPUTE,
    FEE_PAYOUT,
    FEE_PROCESSING,
    INVOICE_CONTRA,
    INVOICE_OPEN,
    LOSS_MERCHANT_CREDIT,
    MERCHANT_AVAILABLE,
    MERCHANT_RECEIVABLE,
    MERCHANT_RESERVE,
    PAYOUT_CLEARING,
    PSP_RECEIVABLE,
    SUBSCRIPTION_REVENUE,
)
from streams.ledger.templates.form import (
    ALL_FEE_MADE_UP,
    ALL_FREED,
    ALL_MADE_UP,
    CHARGED,
    FEE_CHARGED,
    FEE_FREED,
    FEE_MADE_UP,
    FREED,
    MADE_UP,
    Template,
    credit,
    debit,
)

# --- Disputes ---------------------------------------------------------------------------------------

_CHARGED_FOR_IT: Final = (
    *FEE_CHARGED,
    credit(FEE_DISPUTE, "fee_available + fee_owed"),
    debit(COST_DISPUTE, "cost"),
    credit(PSP_RECEIVABLE, "cost"),
)
_FEE_BACK: Final = (debit(FEE_DISPUTE, ALL_FEE_MADE_UP), *FEE_MADE_UP)
DISPUTE_OPENED: Final = Template(
    "dispute_opened",
    "The network pulled the amount: it is frozen, and the fee charged",
    (
        *CHARGED,
        credit(DISPUTE_HOLD, "available + owed"),
        debit(DISPUTE_RECEIVABLE, "available + owed"),
        credit(PSP_RECEIVABLE, "available + owed"),
        *_CHARGED_FOR_IT,
    ),
)
DISPUTE_WON: Final = Template(
    "dispute_won",
    "The network gave the amount back, or a part and keeps the rest: a debt is repaid first, then what was written "
    "off, and what is left is available",
    (
        debit(DISPUTE_HOLD, f"{ALL_MADE_UP} + lost"),
        *MADE_UP,
        debit(PSP_RECEIVABLE, ALL_MADE_UP),
        credit(DISPUTE_RECEIVABLE, f"{ALL_MADE_UP} + lost"),
        *_FEE_BACK,
    ),
)
DISPUTE_LOST: Final = Template(
    "dispute_lost",
    "The network keeps the amount: the loss is the merchant's, income is untouched",
    (debit(DISPUTE_HOLD), credit(DISPUTE_RECEIVABLE)),
)
DISPUTE_WON_LATE: Final = Template(
    "dispute_won_late",
    "The network gave back after all what it had said it would keep, or a part: as when it is won",
    (debit(PSP_RECEIVABLE, ALL_MADE_UP), *MADE_UP, *_FEE_BACK),
)
INQUIRY_OPENED: Final = Template(
    "inquiry_opened",
    "The network asks about a payment and pulls nothing: the amount is frozen",
    (*CHARGED, credit(DISPUTE_HOLD, "available + owed")),
)
INQUIRY_ESCALATED: Final = Template(
    "inquiry_escalated",
    "The network pulled the amount it had asked about, which is frozen already: it is a dispute, and the fee charged",
    (debit(DISPUTE_RECEIVABLE), credit(PSP_RECEIVABLE), *_CHARGED_FOR_IT),
)
INQUIRY_CLOSED: Final = Template(
    "inquiry_closed",
    "An inquiry came to nothing: a debt is repaid first, then what was written off, the rest is available",
    (debit(DISPUTE_HOLD, ALL_MADE_UP), *MADE_UP),
)


# --- Payouts and debts ------------------------------------------------------------------------------

PAYOUT_RESERVED: Final = Template(
    "payout_reserved",
    "A payout is set aside and its fee charged, within the limits; it is answered",
    (
        debit(MERCHANT_AVAILABLE),
        credit(PAYOUT_CLEARING),
        debit(MERCHANT_AVAILABLE, "fee"),
        credit(FEE_PAYOUT, "fee"),
    ),
)
PAYOUT_PAID: Final = Template(
    "payout_paid", "The bank paid it out", (debit(PAYOUT_CLEARING), credit(BANK_CLIENT_FUNDS))
)
PAYOUT_FAILED: Final = Template(
    "payout_failed",
    "The bank did not pay it out: amount and fee return, and repay a debt first",
    (
        debit(PAYOUT_CLEARING, ALL_FREED),
        *FREED,
        debit(FEE_PAYOUT, "fee_repaid + fee_freed"),
        *FEE_FREED,
    ),
)
PAYOUT_PAID_LATE: Final = Template(
    "payout_paid_late",
    "The bank did pay what it had said it would not: amount and fee are taken again, and what is missing is owed",
    (
        *CHARGED,
        credit(BANK_CLIENT_FUNDS, "available + owed"),
        *FEE_CHARGED,
        credit(FEE_PAYOUT, "fee_available + fee_owed"),
    ),
)
PAYOUT_RETURNED: Final = Template(
    "payout_returned",
    "The receiving bank sent a paid payout back, and ours charged for it: a debt is repaid first",
    (
        debit(BANK_CLIENT_FUNDS, ALL_MADE_UP),
        *MADE_UP,
        debit(COST_BANK, "charge"),
        credit(BANK_CLIENT_FUNDS, "charge"),
    ),
)
RESERVE_APPLIED: Final = Template(
    "reserve_applied",
    "A debt is taken from the rolling reserve",
    (debit(MERCHANT_RESERVE), credit(MERCHANT_RECEIVABLE)),
)
DEBT_RECOVERED: Final = Template(
    "debt_recovered",
    "A debt is taken from what is available",
    (debit(MERCHANT_AVAILABLE), credit(MERCHANT_RECEIVABLE)),
)
WRITTEN_OFF: Final = Template(
    "written_off",
    "A debt will not be paid: the loss is the platform's",
    (debit(LOSS_MERCHANT_CREDIT), credit(MERCHANT_RECEIVABLE)),
)
FEE_CREDITED: Final = Template(
    "fee_credited",
    "A fee that should not have been charged goes back to the merchant: a debt is repaid first",
    (debit(FEE_PROCESSING, ALL_FREED), *FREED),
)
FEE_DEBITED: Final = Template(
    "fee_debited",
    "A fee that should have been charged is charged",
    (*CHARGED, credit(FEE_PROCESSING, "available + owed")),
)


# --- Subscriptions ----------------------------------------------------------------------------------

INVOICE_ISSUED: Final = Template(
    "invoice_issued",
    "A merchant's invoice is open: a memorandum, it is not our money",
    (debit(INVOICE_OPEN), credit(INVOICE_CONTRA)),
)
INVOICE_CLOSED: Final = Template(
    "invoice_closed",
    "A merchant's invoice was paid or canceled",
    (debit(INVOICE_CONTRA), credit(INVOICE_OPEN)),
)
PLAN_CHARGED: Final = Template(
    "plan_charged",
    "The platform's own plan for a period that is over",
    (*CHARGED, credit(SUBSCRIPTION_REVENUE, "available + owed")),
)
PLAN_PREPAID: Final = Template(
    "plan_prepaid",
    "The platform's own plan for periods to come",
    (*CHARGED, credit(DEFERRED_REVENUE, "available + owed")),
)
PLAN_EARNED: Final = Template(
    "plan_earned", "A prepaid period is over", (debit(DEFERRED_REVENUE), credit(SUBSCRIPTION_REVENUE))
)
