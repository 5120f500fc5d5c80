"""Which legs does each kind of transaction have? There is no other way to make legs.

An amount of a leg is the sum of some named amounts, so that a template can be proved to balance for
all of them: per phase, each name occurs as often on the debit as on the credit side.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from schemas.ledger import Leg, Phase, Side
from streams.ledger.chart import (
    FEE_PROCESSING,
    MERCHANT_AVAILABLE,
    MERCHANT_PENDING,
    MERCHANT_RECEIVABLE,
    PSP_RECEIVABLE,
    REFUND_CLEARING,
    Names,
    account_id,
    described,
)

MAX_AMOUNT_MINOR: Final = 10**14 - 1
"""The largest amount of one transaction: ten digits of major units in a currency of four decimals."""
MAX_COUNTER_MINOR: Final = 2**63 - 1
"""The largest counter of an account: what a signed integer of 64 bits holds."""

Amount = Literal["amount", "fee", "from_hold", "pending", "available", "owed"]
"""amount: of the transaction. fee: of a capture. from_hold: the part of a capture that was held.
pending, available, owed: where the amount of a refund comes from."""

FORMULAS: Final[Mapping[str, tuple[Amount, ...]]] = {
    "amount": ("amount",),
    "fee": ("fee",),
    "from_hold": ("from_hold",),
    "pending": ("pending",),
    "available": ("available",),
    "owed": ("owed",),
    "refunded": ("pending", "available", "owed"),
}
"""The amounts a leg of that formula adds up."""


class TemplateLeg(NamedTuple):
    """One leg of every transaction of a template; left out where its formula comes to nothing."""

    side: Side
    phase: Phase
    code: int
    formula: str


class Template(NamedTuple):
    """One kind of transaction."""

    name: str
    legs: tuple[TemplateLeg, ...]


_SOURCES_DEBITED: Final = (
    TemplateLeg("debit", "posted", MERCHANT_PENDING, "pending"),
    TemplateLeg("debit", "posted", MERCHANT_AVAILABLE, "available"),
    TemplateLeg("debit", "posted", MERCHANT_RECEIVABLE, "owed"),
)
_SOURCES_CREDITED: Final = tuple(leg._replace(side="credit") for leg in _SOURCES_DEBITED)
_TO_CLEARING: Final = (*_SOURCES_DEBITED, TemplateLeg("credit", "posted", REFUND_CLEARING, "refunded"))

HOLD: Final = Template(
    "hold",
    (
        TemplateLeg("debit", "pending", PSP_RECEIVABLE, "amount"),
        TemplateLeg("credit", "pending", MERCHANT_PENDING, "amount"),
    ),
)
RELEASE: Final = Template(
    "release",
    (
        TemplateLeg("debit", "released", PSP_RECEIVABLE, "amount"),
        TemplateLeg("credit", "released", MERCHANT_PENDING, "amount"),
    ),
)
CAPTURE: Final = Template(
    "capture",
    (
        TemplateLeg("debit", "released", PSP_RECEIVABLE, "from_hold"),
        TemplateLeg("credit", "released", MERCHANT_PENDING, "from_hold"),
        TemplateLeg("debit", "posted", PSP_RECEIVABLE, "amount"),
        TemplateLeg("credit", "posted", MERCHANT_PENDING, "amount"),
        TemplateLeg("debit", "posted", MERCHANT_PENDING, "fee"),
        TemplateLeg("credit", "posted", FEE_PROCESSING, "fee"),
    ),
)
AVAILABLE: Final = Template(
    "available",
    (
        TemplateLeg("debit", "posted", MERCHANT_PENDING, "amount"),
        TemplateLeg("credit", "posted", MERCHANT_AVAILABLE, "amount"),
    ),
)
REFUND_RESERVED: Final = Template("refund_reserved", _TO_CLEARING)
"""A merchant's refund, within the limits; it is answered."""
REFUND_REQUESTED: Final = Template("refund_requested", _TO_CLEARING)
"""The platform's own refund, without limits."""
REFUND_SUCCEEDED: Final = Template(
    "refund_succeeded",
    (
        TemplateLeg("debit", "posted", REFUND_CLEARING, "amount"),
        TemplateLeg("credit", "posted", PSP_RECEIVABLE, "amount"),
    ),
)
REFUND_FAILED: Final = Template(
    "refund_failed", (TemplateLeg("debit", "posted", REFUND_CLEARING, "refunded"), *_SOURCES_CREDITED)
)
REFUND_REVERSED: Final = Template(
    "refund_reversed", (TemplateLeg("debit", "posted", PSP_RECEIVABLE, "refunded"), *_SOURCES_CREDITED)
)

TEMPLATES: Final[Mapping[str, Template]] = {
    template.name: template
    for template in (
        HOLD,
        RELEASE,
        CAPTURE,
        AVAILABLE,
        REFUND_RESERVED,
        REFUND_REQUESTED,
        REFUND_SUCCEEDED,
        REFUND_FAILED,
        REFUND_REVERSED,
    )
}
"""Every template by name."""

_USED: Final = frozenset(
    (template.name, leg.code, leg.side, leg.phase) for template in TEMPLATES.values() for leg in template.legs
)


def post(template: Template, names: Names, **amounts: int) -> tuple[Leg, ...]:
    """The legs of one transaction of a template, without those that come to nothing.

    amounts: what the template's formulas add up, each 0..MAX_AMOUNT_MINOR.
    """
    legs = []
    for side, phase, code, formula in template.legs:
        amount_minor = sum([amounts[name] for name in FORMULAS[formula]])
        if amount_minor == 0:
            continue
        assert 0 < amount_minor <= MAX_AMOUNT_MINOR, f"{template.name}: {formula} is {amount_minor}"
        legs.append(
            Leg(account_id=account_id(code, names), side=side, phase=phase, amount_minor=amount_minor)
        )
    assert len(legs) >= 2, f"{template.name}: nothing moves"
    return tuple(legs)


def check_use(template: str, leg: Leg) -> None:
    """A leg that its template has no place for would be a posting nobody proved to balance."""
    code = described(leg.account_id).kind.code
    assert (template, code, leg.side, leg.phase) in _USED, (
        f"{template} never makes a {leg.phase} {leg.side} of {code}"
    )
