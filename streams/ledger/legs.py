"""How does a template become the legs of one transaction, and which legs has no template a place for?"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.ledger import Leg, Phase, Side
from streams.ledger.chart import CHART, Names, account_id, described
from streams.ledger.templates import REVERSAL, TEMPLATES
from streams.ledger.templates.form import Template

MAX_AMOUNT_MINOR: Final = 2**63 - 1
"""The largest amount of one leg, and the largest counter of an account: a signed integer of 64 bits."""

_OPPOSITE: Final[Mapping[Side, Side]] = {"debit": "credit", "credit": "debit"}
_USED: Final = frozenset(
    (template.name, leg.code, leg.side, leg.phase) for template in TEMPLATES.values() for leg in template.legs
)
_SIDES: Final = frozenset((code, side) for _, code, side, _ in _USED)


class _Slot(NamedTuple):
    """A leg of a template, its names taken apart: all that is missing is account and amount."""

    code: int
    side: Side
    phase: Phase
    formula: str
    names: tuple[str, ...]
    is_other: bool


_SLOTS: Final[Mapping[str, tuple[_Slot, ...]]] = {
    template.name: tuple(
        _Slot(leg.code, leg.side, leg.phase, leg.formula, leg.names, leg.currency == "other")
        for leg in template.legs
    )
    for template in TEMPLATES.values()
}


def post(
    template: Template, names: Names, amounts: Mapping[str, int], other_currency: str = ""
) -> tuple[Leg, ...]:
    """The legs of one transaction of a template, without those that come to nothing.

    amounts: what the template's formulas add up, each 0..MAX_AMOUNT_MINOR; a name left out is 0.
    other_currency: of an exchange, the one the transaction's own was exchanged for.
    """
    legs = []
    for code, side, phase, formula, added, is_other in _SLOTS[template.name]:
        amount_minor = amounts.get(formula, 0)
        if len(added) > 1:
            amount_minor = sum([amounts.get(name, 0) for name in added])
        if amount_minor == 0:
            continue
        assert 0 < amount_minor <= MAX_AMOUNT_MINOR, f"{template.name}: {formula} is {amount_minor}"
        account = account_id(code, names._replace(currency=other_currency) if is_other else names)
        legs.append(Leg(account_id=account, side=side, phase=phase, amount_minor=amount_minor))
    assert len(legs) >= 2, f"{template.name}: nothing moves"
    return tuple(legs)


def moved_minor(legs: Iterable[Leg], code: int, side: Side, phase: Phase = "posted") -> int:
    """What the legs move on this side of the account of this code."""
    return sum(
        [
            leg.amount_minor
            for leg in legs
            if leg.side == side and leg.phase == phase and described(leg.account_id).kind.code == code
        ]
    )


def mirrored(legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """The legs that undo these, in the same order."""
    return tuple(
        Leg(
            account_id=leg.account_id,
            side=_OPPOSITE[leg.side],
            phase=leg.phase,
            amount_minor=leg.amount_minor,
        )
        for leg in legs
    )


def check_use(template: str, leg: Leg, reverses: str | None) -> None:
    """A leg that its template has no place for would be a posting nobody proved to balance.

    reverses: the template of the transaction a reversal mirrors.
    """
    side = leg.side
    if template == REVERSAL:
        assert reverses is not None, "a reversal reverses something"
        template, side = reverses, _OPPOSITE[side]
    code = described(leg.account_id).kind.code
    assert (template, code, side, leg.phase) in _USED, (
        f"{template} never makes a {leg.phase} {side} of {code}"
    )


def is_known(code: int) -> bool:
    """Whether the chart has an account of this code."""
    return code in CHART


def is_side_used(code: int, side: Side) -> bool:
    """Whether any template debits, or credits, accounts of this code."""
    return (code, side) in _SIDES
