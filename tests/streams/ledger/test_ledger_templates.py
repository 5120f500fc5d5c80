"""Every template balances for all amounts, and the chart holds no account that cannot keep its limit."""

from collections import Counter
from dataclasses import replace

import pytest

from schemas.ledger import Leg
from streams.ledger.chart import CHART, Names, account_id, checked, described, sharded, unsharded
from streams.ledger.templates import (
    CAPTURE,
    FORMULAS,
    HOLD,
    MAX_AMOUNT_MINOR,
    TEMPLATES,
    Template,
    check_use,
    post,
)

NAMES = Names("test", "mer_1", "simulator", "USD")


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_every_template_balances_for_all_amounts(template: Template) -> None:
    """Symbolically: per phase each named amount occurs as often on the debit as on the credit side."""
    sums: Counter[tuple[str, str]] = Counter()
    for leg in template.legs:
        for name in FORMULAS[leg.formula]:
            sums[leg.phase, name] += 1 if leg.side == "debit" else -1
    assert {0} == set(sums.values())


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_every_template_uses_accounts_of_the_chart(template: Template) -> None:
    """A transaction's accounts of limits lie in one book: those of the merchant."""
    assert template.legs
    for leg in template.legs:
        kind = CHART[leg.code]
        assert kind.is_sharded or kind.owner == "merchant"


def test_legs_that_come_to_nothing_are_left_out() -> None:
    """Amounts of legs are above zero."""
    legs = post(CAPTURE, NAMES, amount=100, fee=0, from_hold=0)
    assert [("debit", 100), ("credit", 100)] == [(leg.side, leg.amount_minor) for leg in legs]


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT_MINOR + 1])
def test_amounts_out_of_range_are_bugs(amount: int) -> None:
    """Whoever posts has checked them; nothing is ever cut to fit."""
    with pytest.raises(AssertionError):
        post(HOLD, NAMES, amount=amount)


@pytest.mark.parametrize(
    ("template", "code", "side", "phase"),
    [
        ("hold", 1100, "credit", "pending"),
        ("hold", 1100, "debit", "posted"),
        ("hold", 2020, "credit", "pending"),
        ("capture", 4010, "debit", "posted"),
        ("available", 2020, "debit", "posted"),
        ("refund_succeeded", 2020, "debit", "posted"),
        ("no_such_template", 1100, "debit", "posted"),
    ],
)
def test_what_no_template_does_is_refused(template: str, code: int, side: str, phase: str) -> None:
    """A posting nobody proved to balance is a bug, whoever made it."""
    leg = Leg(account_id=account_id(code, NAMES), side=side, phase=phase, amount_minor=1)  # type: ignore[arg-type]  # of the table
    with pytest.raises(AssertionError):
        check_use(template, leg)


def test_an_account_is_never_both_limited_and_sharded() -> None:
    """A limit that holds on every shard says nothing of their sum."""
    assert not [kind for kind in CHART.values() if kind.is_limited and kind.is_sharded]
    with pytest.raises(ValueError, match=r"2020 merchant.available is both limited and sharded"):
        checked([replace(CHART[2020], is_sharded=True)])
    with pytest.raises(ValueError, match="in the chart twice"):
        checked([CHART[2020], CHART[2020]])


IDS = {
    1100: "test.1100.psp.receivable.simulator.USD#7",
    1300: "test.1300.merchant.receivable.mer_1.USD",
    2010: "test.2010.merchant.pending.mer_1.USD",
    2020: "test.2020.merchant.available.mer_1.USD",
    2060: "test.2060.merchant.refund_clearing.mer_1.USD",
    4010: "test.4010.fee.processing.USD#7",
}
NORMAL_SIDES = {1100: "debit", 1300: "debit", 2010: "credit", 2020: "credit", 2060: "credit", 4010: "credit"}


def test_accounts_are_named_as_they_are_read() -> None:
    """An account's id says all there is to know of it."""
    assert IDS == {code: sharded(account_id(code, NAMES), 7) for code in CHART}
    assert NORMAL_SIDES == {code: kind.normal_side for code, kind in CHART.items()}
    for code, name in IDS.items():
        kind, owner, currency, shard = described(name)
        assert (CHART[code], "USD", 7 if kind.is_sharded else None) == (kind, currency, shard)
        assert {"provider": "simulator", "merchant": "mer_1", "platform": None}[kind.owner] == owner
        assert account_id(code, NAMES) == unsharded(name)
