"""What is posted of settlement files, bank statements and exchange?"""

from typing import Final

from streams.ledger.chart import (
    BANK_CLIENT_FUNDS,
    BANK_OPERATING,
    COST_BANK,
    COST_PSP,
    FX_GAIN_LOSS,
    FX_MARGIN,
    FX_POSITION,
    MERCHANT_PENDING,
    PSP_IN_TRANSIT,
    PSP_RECEIVABLE,
    PSP_RESERVE,
    SUSPENSE,
)
from streams.ledger.templates.form import (
    DEDUCTED,
    FEE_AGAIN,
    FEE_BACK,
    GIVEN_BACK,
    REFUNDED,
    RESTORED,
    Template,
    TemplateLeg,
    credit,
    debit,
)

# --- Settlement and the bank ------------------------------------------------------------------------

SETTLEMENT_IN: Final = Template(
    "settlement_in",
    "A line of a settlement file pays a capture: net on its way, fee booked, the rest withheld",
    (
        debit(PSP_IN_TRANSIT, "net"),
        debit(COST_PSP, "fee"),
        debit(PSP_RESERVE, "withheld"),
        credit(PSP_RECEIVABLE, "net + fee + withheld"),
    ),
)
SETTLEMENT_OUT: Final = Template(
    "settlement_out",
    "A line of a settlement file deducts a refund or dispute",
    (
        debit(PSP_RECEIVABLE, "gross"),
        debit(COST_PSP, "fee"),
        credit(PSP_IN_TRANSIT, "gross + fee"),
    ),
)
PROVIDER_RESERVE_RETURNED: Final = Template(
    "provider_reserve_returned",
    "The acquirer pays out what it withheld",
    (debit(PSP_IN_TRANSIT), credit(PSP_RESERVE)),
)
SETTLEMENT_UNKNOWN_IN: Final = Template(
    "settlement_unknown_in",
    "A line pays something nobody knows",
    (debit(PSP_IN_TRANSIT), credit(SUSPENSE)),
    "trs",
)
SETTLEMENT_UNKNOWN_OUT: Final = Template(
    "settlement_unknown_out",
    "A line deducts something nobody knows",
    (debit(SUSPENSE), credit(PSP_IN_TRANSIT)),
    "trs",
)
SUSPENSE_MATCHED_IN: Final = Template(
    "suspense_matched_in",
    "A line that paid something unknown is found to be a capture's",
    (debit(SUSPENSE), credit(PSP_RECEIVABLE)),
)
SUSPENSE_MATCHED_OUT: Final = Template(
    "suspense_matched_out",
    "A line that deducted something unknown is found to be a refund's or dispute's",
    (debit(PSP_RECEIVABLE), credit(SUSPENSE)),
)
BANK_CREDITED: Final = Template(
    "bank_credited",
    "A settlement batch arrived on the bank account",
    (debit(BANK_CLIENT_FUNDS), credit(PSP_IN_TRANSIT)),
    "trs",
)
BANK_DEBITED: Final = Template(
    "bank_debited",
    "A settlement batch below zero was taken from the bank account",
    (debit(PSP_IN_TRANSIT), credit(BANK_CLIENT_FUNDS)),
    "trs",
)
BANK_CHARGED: Final = Template(
    "bank_charged", "The bank charged for something", (debit(COST_BANK), credit(BANK_CLIENT_FUNDS)), "trs"
)
FEE_SWEPT: Final = Template(
    "fee_swept",
    "Earned income leaves the clients' money for the platform's own account",
    (debit(BANK_OPERATING), credit(BANK_CLIENT_FUNDS)),
    "trs",
)
BANK_FUNDED: Final = Template(
    "bank_funded",
    "The platform covers a loss of the clients' account from its own",
    (debit(BANK_CLIENT_FUNDS), credit(BANK_OPERATING)),
    "trs",
)


# --- Exchange ---------------------------------------------------------------------------------------

FX_CAPTURED: Final = Template(
    "fx_captured",
    "A customer paid in another currency than the merchant settles in: each balances alone",
    (
        TemplateLeg("debit", "released", PSP_RECEIVABLE, "from_hold", "other"),
        TemplateLeg("credit", "released", MERCHANT_PENDING, "from_hold", "other"),
        debit(PSP_RECEIVABLE, "presented", "other"),
        credit(FX_POSITION, "presented", "other"),
        debit(FX_POSITION, "amount + margin"),
        credit(MERCHANT_PENDING),
        credit(FX_MARGIN, "margin"),
        *DEDUCTED,
    ),
)
FX_REFUNDED: Final = Template(
    "fx_refunded",
    "The provider gave an amount back in another currency than the merchant settles in",
    (
        *REFUNDED,
        credit(FX_POSITION, "pending + available + owed"),
        debit(FX_POSITION, "presented", "other"),
        credit(PSP_RECEIVABLE, "presented", "other"),
        *FEE_BACK,
    ),
)
FX_REFUND_FAILED: Final = Template(
    "fx_refund_failed",
    "A refund in another currency came back: it returns to where it came from, debts first, and its fee is charged again",
    (
        debit(FX_POSITION, GIVEN_BACK),
        *RESTORED,
        debit(PSP_RECEIVABLE, "presented", "other"),
        credit(FX_POSITION, "presented", "other"),
        *FEE_AGAIN,
    ),
)
FX_CLOSED_OUT: Final = Template(
    "fx_closed_out",
    "A position was exchanged at the bank; the difference is gain or loss",
    (
        debit(FX_POSITION, "sold", "other"),
        credit(BANK_CLIENT_FUNDS, "sold", "other"),
        debit(BANK_CLIENT_FUNDS, "amount + gain"),
        credit(FX_POSITION, "amount + loss"),
        debit(FX_GAIN_LOSS, "loss"),
        credit(FX_GAIN_LOSS, "gain"),
    ),
    "trs",
)
