"""What is posted when money goes from book to book, or arrives by itself?"""

from typing import Final

from streams.ledger.chart import (
    BANK_CLIENT_FUNDS,
    CUSTOMER_WALLET,
    INTERBOOK_CLEARING,
    MERCHANT_AVAILABLE,
    MERCHANT_PENDING,
    PSP_RECEIVABLE,
    SUSPENSE,
)
from streams.ledger.templates.form import (
    ALL_FREED,
    DEDUCTED,
    FEE_AGAIN,
    FEE_BACK,
    FREED,
    GIVEN_BACK,
    RESTORED,
    Template,
    credit,
    debit,
)

WALLET_TOPPED_UP: Final = Template(
    "wallet_topped_up",
    "A customer stored value through a provider",
    (debit(PSP_RECEIVABLE), credit(CUSTOMER_WALLET)),
    "wal",
)
WALLET_SPENT: Final = Template(
    "wallet_spent",
    "A customer pays a merchant from the wallet, within the limits; it is answered",
    (debit(CUSTOMER_WALLET), credit(INTERBOOK_CLEARING)),
    "wal",
)
WALLET_RECEIVED: Final = Template(
    "wallet_received",
    "A payment from a wallet arrives in the merchant's book",
    (debit(INTERBOOK_CLEARING), credit(MERCHANT_PENDING), *DEDUCTED),
)
WALLET_RETURNED: Final = Template(
    "wallet_returned",
    "A payment from a wallet comes back, refused by the merchant's book",
    (debit(INTERBOOK_CLEARING), credit(CUSTOMER_WALLET)),
    "wal",
)
WALLET_REFUNDED: Final = Template(
    "wallet_refunded",
    "A merchant gives a payment back to the wallet it came from, within the limits; it is answered",
    (
        debit(MERCHANT_PENDING, "pending"),
        debit(MERCHANT_AVAILABLE, "available"),
        credit(INTERBOOK_CLEARING, "pending + available"),
        *FEE_BACK,
    ),
)
WALLET_CREDITED: Final = Template(
    "wallet_credited",
    "What a merchant gave back arrives in the wallet",
    (debit(INTERBOOK_CLEARING), credit(CUSTOMER_WALLET)),
    "wal",
)
WALLET_REFUND_RETURNED: Final = Template(
    "wallet_refund_returned",
    "What a merchant gave back to a wallet comes back, refused by the wallet's book: as a refund that failed",
    (debit(INTERBOOK_CLEARING, GIVEN_BACK), *RESTORED, *FEE_AGAIN),
)
SPLIT_SENT: Final = Template(
    "split_sent",
    "A marketplace passes a part of a payment on to a seller, within the limits; it is answered",
    (debit(MERCHANT_AVAILABLE), credit(INTERBOOK_CLEARING)),
)
SPLIT_RECEIVED: Final = Template(
    "split_received",
    "A seller's part of a payment arrives: a debt is repaid first",
    (debit(INTERBOOK_CLEARING, ALL_FREED), *FREED),
)
SPLIT_RETURNED: Final = Template(
    "split_returned",
    "A part of a payment comes back to the marketplace, refused by the seller's book: a debt is repaid first",
    (debit(INTERBOOK_CLEARING, ALL_FREED), *FREED),
)
TRANSFER_RECEIVED: Final = Template(
    "transfer_received",
    "A bank transfer to a merchant arrived on the bank account",
    (debit(BANK_CLIENT_FUNDS), credit(MERCHANT_PENDING), *DEDUCTED),
)
TRANSFER_UNKNOWN: Final = Template(
    "transfer_unknown",
    "A bank transfer arrived and names nobody we know",
    (debit(BANK_CLIENT_FUNDS), credit(SUSPENSE)),
    "trs",
)
TRANSFER_IDENTIFIED: Final = Template(
    "transfer_identified",
    "A bank transfer that named nobody is found to be a merchant's",
    (debit(SUSPENSE), credit(MERCHANT_PENDING), *DEDUCTED),
)
