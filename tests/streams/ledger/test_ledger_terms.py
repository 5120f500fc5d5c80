"""What a merchant agreed to decides what is deducted of its sales, and when the rest is its own."""

from typing import Any

import pytest

from schemas.envelope import Message
from schemas.ledger import Terms
from schemas.testing import START_MS
from streams.deferred import DEFERRED, waiting
from streams.ledger.pricing import deductions
from streams.ledger.testing import DAY, Desk, entry

RESERVE = Terms(tax_bps=1_800, reserve_bps=1_000, reserve_days=90, fee_refund_policy="proportional")
KEPT = {1100: 10_000, 2010: -8_623, 2030: -1_000, 2300: -57, 4010: -320}


def _is(event: Message[Any], template: str) -> bool:
    return getattr(event.body, "template", "") == template


@pytest.mark.parametrize(
    ("amount_minor", "fee"),
    [(1, 1), (30, 30), (31, 30), (100, 32), (10_000, 320), (10_034, 320), (10_035, 321)],
)
def test_the_fee_is_rounded_down_and_never_more_than_the_capture(amount_minor: int, fee: int) -> None:
    """A merchant is never charged for a capture more than it brought."""
    assert (fee, 0, 0) == deductions(amount_minor, Terms(), method=None, currency="USD")


def test_nothing_is_priced_before_the_terms_are_read() -> None:
    """Topics are read in any order; a sale must not be charged what nobody agreed to."""
    late = Desk().capture().wait(1_000).terms(RESERVE)
    desk = Desk().terms(RESERVE).capture()
    assert (desk.by_code(), desk.said) == (late.by_code(), late.said[1:])
    assert not [name for name in late.store.items() if name.startswith(DEFERRED)]
    assert (1, 0) == (waiting(Desk().capture().store.get), waiting(late.store.get))
    at_ms = {event.body.available_at_ms for event in (late.journal[-1], desk.journal[-1])}
    assert 1 == len(at_ms), "a sale is available by the day it was made, not by the day it was read"


def test_terms_hold_for_what_follows() -> None:
    """A fee that changes for what was captured before would rewrite history."""
    desk = Desk().open(fee_bps=100).capture().terms(Terms(fee_bps=0, fee_fixed_minor=0), 2)
    desk.capture(payment="q")
    versions = [event.body.terms_version for event in desk.journal]
    assert ([1, 1, 2, 2], {1100: 20_000, 2010: -19_870, 4010: -130}) == (versions, desk.by_code())


def test_terms_take_effect_at_their_time() -> None:
    """What was sold before goes by the terms that were in force then, and the journal says which."""
    desk = Desk().open()
    later_ms = desk.now_ms + DAY
    desk.terms(Terms(fee_bps=0, fee_fixed_minor=7, effective_from_ms=later_ms), 2)
    desk.capture().wait(DAY)
    desk.capture(payment="q")
    sold = [event.body for event in desk.journal if _is(event, "capture")]
    assert [1, 2] == [body.terms_version for body in sold]
    assert {4010: -327} == {code: amount for code, amount in desk.by_code().items() if code == 4010}


def test_terms_to_come_never_displace_those_in_force() -> None:
    """However many are scheduled."""
    desk = Desk().open(fee_bps=100, fee_fixed_minor=0)
    for number in range(2, 13):
        later = Terms(fee_bps=5_000, fee_fixed_minor=0, effective_from_ms=START_MS + number * DAY)
        desk.terms(later, number)
    desk.capture()
    assert -100 == desk.by_code()[4010]


def test_terms_to_come_hold_from_their_day_whatever_was_set_since() -> None:
    """A price for next month is not taken back by one for now; another one for the same day takes its place."""
    desk = Desk().open(fee_bps=100, fee_fixed_minor=0)
    day_ms = START_MS + 2 * DAY
    desk.terms(Terms(fee_bps=500, fee_fixed_minor=0, effective_from_ms=day_ms), 2)
    desk.terms(Terms(fee_bps=200, fee_fixed_minor=0), 3).capture()
    assert -200 == desk.by_code()[4010]
    desk.wait(2 * DAY)
    assert -200 - 500 == desk.capture(payment="q").by_code()[4010]
    desk.terms(Terms(fee_bps=0, fee_fixed_minor=0, effective_from_ms=day_ms), 4)
    assert -700 == desk.capture(payment="r").by_code()[4010]
    assert [] == desk.terms(Terms(), 3).said, "a number that was read before"


def test_terms_of_a_day_gone_by_hold_since_then() -> None:
    """In place of all that were set before; told again they change nothing, however many there have been."""
    desk = Desk().open(fee_fixed_minor=0).wait(DAY).terms(Terms(fee_bps=500, fee_fixed_minor=0), 2).wait(DAY)
    since = Terms(fee_bps=100, fee_fixed_minor=0, effective_from_ms=desk.now_ms - DAY // 2)
    assert -100 == desk.terms(since, 3).capture().by_code()[4010]
    assert -200 == desk.back(DAY // 4).capture(payment="q").by_code()[4010]
    assert -700 == desk.back(DAY // 2).capture(payment="r").by_code()[4010]
    for number in range(4, 14):
        desk.wait(DAY).terms(Terms(), number)
    long_ago = Terms(fee_bps=0, effective_from_ms=1)
    assert ["TermsChanged"] == desk.terms(long_ago, 14).said
    assert [] == desk.terms(long_ago, 14).said


def test_what_occurred_before_all_terms_is_under_the_earliest() -> None:
    """By the day they hold from, not by when they were set."""
    desk = Desk().open(fee_bps=500, fee_fixed_minor=0, effective_from_ms=START_MS + 5 * DAY).wait(6 * DAY)
    desk.terms(Terms(fee_bps=100, fee_fixed_minor=0, effective_from_ms=START_MS + 3 * DAY), 2)
    assert -100 == desk.back(5 * DAY).capture().by_code()[4010]


def test_terms_without_a_date_hold_from_when_they_were_set() -> None:
    """A sale of before that is told later was made under the old ones."""
    desk = (
        Desk()
        .open(fee_bps=100, fee_fixed_minor=0)
        .wait(DAY)
        .terms(Terms(fee_bps=5_000, fee_fixed_minor=0), 2)
    )
    desk.back(DAY // 2).capture()
    assert -100 == desk.by_code()[4010]


def test_tax_and_rolling_reserve_are_deducted_and_the_reserve_is_released_at_its_day() -> None:
    """Fee 3.20, tax on it 0.57, 10 % kept back for 90 days."""
    desk = Desk().terms(RESERVE).capture()
    assert KEPT == desk.by_code()
    assert ["available"] == desk.wait(2 * DAY).said
    assert [] == desk.wait(87 * DAY).said
    assert ["reserve_released"] == desk.wait(DAY).said
    assert {1100: 10_000, 2020: -9_623, 2300: -57, 4010: -320} == desk.by_code()


def test_a_rolling_reserve_pays_a_debt_and_the_rest_is_released() -> None:
    """Of the sales of one payment, the oldest first."""
    desk = Desk().terms(RESERVE).capture()
    payment_id = desk.journal[-1].body.payment_id
    desk.enter(entry("plan_charged", "sub_1", amounts={"amount": 400}))
    desk.enter(entry("reserve_applied", "debt_1", payment_id=payment_id, amounts={"amount": 400}))
    assert ["reserve_applied"] == desk.said
    desk.wait(90 * DAY)
    released = [event.body.amount_minor for event in desk.journal if _is(event, "reserve_released")]
    assert [600] == released
    assert 0 == desk.by_code().get(1300, 0)


def test_refunds_return_their_part_of_the_fee_and_of_the_tax_on_it() -> None:
    """Each a floor of the whole, so the last one returns what is left of it; undone, it is charged again."""
    desk = Desk().terms(RESERVE).capture(9_999).wait(2 * DAY)
    assert (-319, -57) == (desk.by_code()[4010], desk.by_code()[2300])
    for name in ("1", "2", "3"):
        desk.reserve(3_333, name=name).succeed(3_333, name=name)
        assert "fee_returned" == desk.said[-1]
    returned = [event.body.amount_minor for event in desk.journal if _is(event, "fee_returned")]
    assert [106 + 19, 106 + 19, 107 + 19] == returned
    assert {4010, 2300}.isdisjoint(desk.by_code())
    desk.fail(3_333, name="2")
    assert ["refund_reversed", "fee_charged_again"] == desk.said
    assert (-106, -19) == (desk.by_code()[4010], desk.by_code()[2300]), "what went back with it, and no more"
    desk.reserve(3_333, name="4").succeed(3_333, name="4")
    assert {4010, 2300}.isdisjoint(desk.by_code()), (
        "a full refund returns all of both, whatever was undone before"
    )


@pytest.mark.parametrize(("more_minor", "said"), [(0, "refund_reserved"), (1, "balance_insufficient")])
def test_what_was_kept_of_a_sale_may_be_owed_and_no_more(more_minor: int, said: str) -> None:
    """Of 100.00: fee 3.20, tax 0.57 and 10.00 in the reserve; the merchant has paid out all the rest."""
    desk = Desk().terms(RESERVE).capture().wait(2 * DAY)
    desk.enter(entry("payout_reserved", "po_1", amounts={"amount": 8_623}))
    desk.capture(10**6, payment="other")
    assert [said] == desk.reserve(1_377 + more_minor).said
