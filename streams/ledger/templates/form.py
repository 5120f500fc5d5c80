"""What is an entry template: the legs of one kind of transaction, as roles and formulas.

An amount of a leg is the sum of some named amounts, so that a template can be proved to balance for
all of them: per currency and phase, each name occurs as often on the debit as on the credit side.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from schemas.ledger import Phase, Side
from streams.ledger.chart import (
    FEE_PROCESSING,
    LOSS_MERCHANT_CREDIT,
    MERCHANT_AVAILABLE,
    MERCHANT_PENDING,
    MERCHANT_RECEIVABLE,
    MERCHANT_RESERVE,
    TAX_PAYABLE,
)

BookKind = Literal["mer", "wal", "trs"]
"""Whose book: a merchant's, a wallet's or the treasury's; the prefix of the owner's id."""
InCurrency = Literal["own", "other"]


class TemplateLeg(NamedTuple):
    """One leg of every transaction of a template; left out where its formula comes to nothing.

    formula: the names it adds up, with ` + ` between them. currency: the transaction's own, or the
    other one of an exchange.
    """

    side: Side
    phase: Phase
    code: int
    formula: str
    currency: InCurrency = "own"

    @property
    def names(self) -> tuple[str, ...]:
        """The named amounts of which the leg is the sum."""
        return tuple(self.formula.split(" + "))


class Template(NamedTuple):
    """One kind of transaction.

    meaning: when it is posted. book: whose book it is posted in.
    """

    name: str
    meaning: str
    legs: tuple[TemplateLeg, ...]
    book: BookKind = "mer"

    @property
    def names(self) -> tuple[str, ...]:
        """The named amounts its legs add up, in the order they first occur."""
        return tuple(dict.fromkeys(name for leg in self.legs for name in leg.names))


def debit(code: int, formula: str = "amount", currency: InCurrency = "own") -> TemplateLeg:
    """A posted debit."""
    return TemplateLeg("debit", "posted", code, formula, currency)


def credit(code: int, formula: str = "amount", currency: InCurrency = "own") -> TemplateLeg:
    """A posted credit."""
    return TemplateLeg("credit", "posted", code, formula, currency)


def _called(prefix: str, legs: Iterable[TemplateLeg]) -> tuple[TemplateLeg, ...]:
    """The same legs for another amount."""
    return tuple(leg._replace(formula=f"{prefix}_{leg.formula}") for leg in legs)


DEDUCTED: Final = (
    debit(MERCHANT_PENDING, "fee"),
    credit(FEE_PROCESSING, "fee"),
    debit(MERCHANT_PENDING, "tax"),
    credit(TAX_PAYABLE, "tax"),
    debit(MERCHANT_PENDING, "reserve"),
    credit(MERCHANT_RESERVE, "reserve"),
    debit(MERCHANT_PENDING, "recovered"),
    credit(MERCHANT_RECEIVABLE, "recovered"),
)
"""What a sale leaves behind on its way to the merchant: a debt is repaid before anything else."""
CHARGED: Final = (debit(MERCHANT_AVAILABLE, "available"), debit(MERCHANT_RECEIVABLE, "owed"))
"""What a merchant has to pay at once: from what is available, and the rest is owed."""
REFUNDED: Final = (debit(MERCHANT_PENDING, "pending"), *CHARGED)
"""Where the money of a refund comes from: the payment's own first."""
FREED: Final = (credit(MERCHANT_RECEIVABLE, "repaid"), credit(MERCHANT_AVAILABLE, "freed"))
"""Whatever would become available: a debt is repaid before anything is the merchant's."""
MADE_UP: Final = (*FREED, credit(LOSS_MERCHANT_CREDIT, "loss_recovered"))
"""What was lent, or kept as a security, comes back: a debt is repaid first, then what was written off."""
ALL_FREED: Final = "repaid + freed"
ALL_MADE_UP: Final = "repaid + freed + loss_recovered"
FEE_CHARGED: Final = _called("fee", CHARGED)
"""The fee that is charged with it, after the amount."""
FEE_FREED: Final = _called("fee", FREED)
"""The fee that goes back with it, after the amount."""
ALL_FEE_MADE_UP: Final = "fee_repaid + fee_freed + fee_loss_recovered"
FEE_MADE_UP: Final = _called("fee", MADE_UP)
GIVEN_BACK: Final = f"pending + {ALL_MADE_UP}"
RESTORED: Final = (credit(MERCHANT_PENDING, "pending"), *MADE_UP)
"""Where the money of a refund that failed returns to: to what of the payment is pending still, and as above."""
TAX_BACK: Final = (
    debit(TAX_PAYABLE, "tax_repaid + tax_freed + tax_loss_recovered"),
    *_called("tax", MADE_UP),
)
FEE_BACK: Final = (debit(FEE_PROCESSING, ALL_FEE_MADE_UP), *FEE_MADE_UP, *TAX_BACK)
"""A refund gives its part of the fee back, and the tax on it, where the terms say so."""
TAX_AGAIN: Final = (*_called("tax", CHARGED), credit(TAX_PAYABLE, "tax_available + tax_owed"))
FEE_AGAIN: Final = (*FEE_CHARGED, credit(FEE_PROCESSING, "fee_available + fee_owed"), *TAX_AGAIN)
"""One that failed takes both again."""
