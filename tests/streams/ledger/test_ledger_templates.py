"""Every template balances for all amounts, and the chart holds no account that cannot keep its limit."""

from collections import Counter
from dataclasses import replace

import pytest

from schemas.ledger import Leg
from streams.ledger.chart import CHART, Names, account_id, checked, described
from streams.ledger.entries import ENTRIES
from streams.ledger.legs import MAX_AMOUNT_MINOR, check_use, is_side_used, mirrored, post
from streams.ledger.templates import REVERSAL, TEMPLATES
from streams.ledger.templates.form import Template
from streams.ledger.templates.payments import CAPTURE, HOLD

NAMES = Names("test", "mer_1", "simulator", "USD", 7)
EVERY = pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
BOOKS = {"mer": {1300, 2010, 2020, 2030, 2040, 2050, 2060}, "wal": {2100}, "trs": set[int]()}
"""Accounts with a limit, by the kind of book they are in."""


@EVERY
def test_every_template_balances_for_all_amounts(template: Template) -> None:
    """Symbolically: per currency and phase each named amount occurs as often on the debit as on the credit side."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for leg in template.legs:
        for name in leg.names:
            sums[leg.currency, leg.phase, name] += 1 if leg.side == "debit" else -1
    assert {0} == set(sums.values())


@EVERY
def test_every_template_uses_accounts_of_its_book(template: Template) -> None:
    """A transaction's accounts with limits lie in one book, so their limits can be decided there."""
    assert template.legs
    for leg in template.legs:
        assert CHART[leg.code].is_sharded or leg.code in BOOKS[template.book]


@EVERY
def test_every_template_says_when_it_is_posted(template: Template) -> None:
    """The chart of entries is read by accountants."""
    assert template.meaning[0].isupper()
    assert not template.meaning.endswith(".")
    assert len({(leg.code, leg.side, leg.phase, leg.formula, leg.currency) for leg in template.legs}) == len(
        template.legs
    )


def test_every_account_is_used_and_has_its_reason() -> None:
    """What no template posts to would be a line of the chart nobody needs."""
    used = {leg.code for template in TEMPLATES.values() for leg in template.legs}
    assert set(CHART) == used
    assert all(kind.why for kind in CHART.values())


def test_every_entry_states_amounts_of_its_template_or_has_a_rule() -> None:
    """An amount that is stated and moves nothing would be lost without a word."""
    for name, entry in ENTRIES.items():
        assert name == entry.template.name
        if entry.rule is None:
            assert set(entry.given) <= set(entry.template.names), name
        for other in (entry.sends, entry.comes_back):
            assert other is None or ENTRIES[other].given == ("amount",)
        assert all(before in ENTRIES for before in entry.follows)


def test_legs_that_come_to_nothing_are_left_out() -> None:
    """Amounts of legs are above zero."""
    legs = post(CAPTURE, NAMES, {"amount": 100, "fee": 0})
    assert [("debit", 100), ("credit", 100)] == [(leg.side, leg.amount_minor) for leg in legs]


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT_MINOR + 1])
def test_amounts_out_of_range_are_bugs(amount: int) -> None:
    """Whoever posts has checked them; nothing is ever cut to fit."""
    with pytest.raises(AssertionError):
        post(HOLD, NAMES, {"amount": amount})


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
        check_use(template, leg, None)


def test_every_combination_no_template_has_is_refused() -> None:
    """The negative space: each account, side and phase that a template does not have."""
    for template in TEMPLATES.values():
        has = {(leg.code, leg.side, leg.phase) for leg in template.legs}
        for code in CHART:
            for side in ("debit", "credit"):
                for phase in ("posted", "pending", "released"):
                    leg = Leg(
                        account_id=account_id(code, NAMES),
                        side=side,  # type: ignore[arg-type]  # of the loop
                        phase=phase,  # type: ignore[arg-type]
                        amount_minor=1,
                    )
                    if (code, side, phase) in has:
                        check_use(template.name, leg, None)
                    else:
                        with pytest.raises(AssertionError):
                            check_use(template.name, leg, None)


def test_a_reversal_has_the_legs_of_the_other_on_the_other_side() -> None:
    """What undoes a transaction is as proved as the transaction."""
    legs = post(CAPTURE, NAMES, {"amount": 100, "fee": 3})
    assert legs == mirrored(mirrored(legs))
    for leg in mirrored(legs):
        check_use(REVERSAL, leg, CAPTURE.name)
    with pytest.raises(AssertionError):
        check_use(REVERSAL, legs[0], CAPTURE.name)


def test_sides_no_template_uses_are_known() -> None:
    """A debit of income that is never given back would be a mistake in any template."""
    assert is_side_used(4010, "debit")
    assert not is_side_used(4060, "debit")
    assert not is_side_used(5020, "credit")


def test_an_account_is_never_both_limited_and_sharded() -> None:
    """A limit that holds on every shard says nothing of their sum."""
    assert not [kind for kind in CHART.values() if kind.is_limited and kind.is_sharded]
    with pytest.raises(ValueError, match=r"2020 merchant.available is both limited and sharded"):
        checked([replace(CHART[2020], is_sharded=True)])
    with pytest.raises(ValueError, match="in the chart twice"):
        checked([CHART[2020], CHART[2020]])


IDS = {
    1020: "test.1020.bank.client_funds.USD#7",
    1100: "test.1100.psp.receivable.simulator.USD#7",
    1300: "test.1300.merchant.receivable.mer_1.USD",
    2010: "test.2010.merchant.pending.mer_1.USD",
    4010: "test.4010.fee.processing.USD#7",
    9030: "test.9030.memo.invoice_open.USD#7",
}
NORMAL_SIDES = {1020: "debit", 1100: "debit", 1300: "debit", 2010: "credit", 4010: "credit", 9030: "debit"}


def test_accounts_are_named_as_they_are_read() -> None:
    """An account's id says all there is to know of it."""
    assert IDS == {code: account_id(code, NAMES) for code in IDS}
    assert NORMAL_SIDES == {code: CHART[code].normal_side for code in IDS}
    for code, kind in CHART.items():
        assert kind.normal_side == (
            "debit" if kind.account_class in ("asset", "expense", "memo") else "credit"
        )
        found, owner, currency, shard = described(account_id(code, NAMES))
        assert (kind, "USD", 7 if kind.is_sharded else None) == (found, currency, shard)
        assert {"provider": "simulator", "book": "mer_1", "platform": None}[kind.owner] == owner
