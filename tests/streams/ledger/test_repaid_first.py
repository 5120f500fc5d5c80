"""Whatever would become available to a merchant who owes repays the debt first."""

from typing import Any

import pytest

from schemas.ledger import PostEntry, RecordCapture
from schemas.testing import OTHER_MERCHANT
from streams.ledger.templates import REVERSAL
from streams.ledger.testing import DAY, Desk, command, entry

LOSS, DEBT, AVAILABLE, RESERVE = 5030, 1300, 2020, 2030


def _of(template: str, operation_id: str, *, turn: int = 1, **amounts: int) -> PostEntry:
    return entry(
        template,
        operation_id,
        turn=turn,
        amounts=amounts,
        other_book=OTHER_MERCHANT if template.startswith("split") else None,
    )


def _owing(amount_minor: int, desk: Desk | None = None) -> Desk:
    """A merchant from whom a network pulled what it does not have."""
    return (desk or Desk().open()).enter(_of("dispute_opened", "dsp_9", amount=amount_minor))


def _sums(desk: Desk) -> tuple[int, int, int]:
    """What was lost, what is owed, and what may be paid out."""
    sums = desk.by_code()
    return sums.get(LOSS, 0), sums.get(DEBT, 0), -sums.get(AVAILABLE, 0)


@pytest.mark.parametrize("owed_minor", [400, 1_000, 3_000])
@pytest.mark.parametrize(
    ("begun", "comes"),
    [
        ((), _of("fee_credited", "fee_1", amount=1_000)),
        ((), _of("split_received", "spl_1", amount=1_000)),
        ((), _of("split_returned", "spl_1", amount=1_000)),
        ((("payout_reserved", 990, 10),), _of("payout_failed", "po_1", amount=990)),
        (
            (("payout_reserved", 1_000, 0), ("payout_paid", 1_000, None)),
            _of("payout_returned", "po_1", amount=1_000, charge=5),
        ),
    ],
)
def test_what_comes_repays_the_debt_and_the_rest_is_available(
    begun: tuple[tuple[str, int, int | None], ...], comes: PostEntry, owed_minor: int
) -> None:
    """Whether it is a fee that goes back, a part of a sale, or a payout that was not made."""
    desk = Desk().open()
    if begun:
        desk.enter(_of("fee_credited", "fee_9", amount=1_000))
    for template, amount_minor, fee_minor in begun:
        fee = {} if fee_minor is None else {"fee": fee_minor}
        desk.enter(_of(template, "po_1", amount=amount_minor, **fee))
    assert (0, owed_minor, 0) == _sums(_owing(owed_minor, desk))
    assert [comes.template] == desk.enter(comes).said
    left_minor = max(owed_minor - 1_000, 0)
    assert (0, left_minor, left_minor + 1_000 - owed_minor) == _sums(desk)


def test_sales_of_before_repay_a_debt_when_their_day_comes() -> None:
    """Three of them at one tick, and what is owed is taken once."""
    desk = Desk().open(fee_bps=0, fee_fixed_minor=0)
    for payment in "pqr":
        desk.capture(1_000, payment=payment)
    _owing(1_500, desk).wait(2 * DAY)
    assert ["available"] * 3 == desk.said
    assert (0, 0, 1_500) == _sums(desk)


@pytest.mark.parametrize(
    ("given_up_minor", "after"), [(0, (0, 0, 700)), (200, (0, 0, 700)), (300, (0, 0, 700))]
)
def test_a_rolling_reserve_repays_a_debt_and_what_was_written_off(
    given_up_minor: int, after: tuple[int, int, int]
) -> None:
    """It is kept for just that: of two reserves that end together, what is owed or lost is taken once."""
    desk = Desk().open(fee_bps=0, fee_fixed_minor=0, settlement_days=0, reserve_bps=10_000, reserve_days=5)
    desk.capture(500).capture(500, payment="q")
    _owing(300, desk)
    if given_up_minor:
        desk.enter(_of("written_off", "wof_1", amount=given_up_minor))
    desk.wait(5 * DAY)
    assert ["reserve_released"] * 2 == desk.said
    assert after == _sums(desk)


def test_a_reserve_that_was_lent_on_is_not_paid_out() -> None:
    """A refund lends what is in the reserve; the day the reserve ends the debt ends with it."""
    desk = Desk().open(settlement_days=0, reserve_bps=1_000, reserve_days=5).capture().wait(1).reserve()
    assert (["refund_reserved"], 1_320) == (desk.said, desk.by_code()[DEBT])
    desk.succeed().wait(5 * DAY)
    assert (0, 320, 0) == _sums(desk)
    assert ["balance_insufficient"] == desk.enter(_of("payout_reserved", "po_1", amount=1)).said


@pytest.mark.parametrize("given_up_minor", [0, 120, 320])
def test_a_fee_that_goes_back_repays_what_the_refund_had_lent(given_up_minor: int) -> None:
    """And what of that was written off; when the refund fails everything is as it was."""
    desk = Desk().open(settlement_days=0, fee_refund_policy="proportional").capture().wait(1).reserve()
    if given_up_minor:
        desk.enter(_of("written_off", "wof_1", amount=given_up_minor))
    assert ["refund_succeeded", "fee_returned"] == desk.succeed().said
    assert (0, 0, 0) == _sums(desk)
    assert ["refund_reversed", "fee_charged_again"] == desk.fail().said
    assert (0, 0, 9_680) == _sums(desk)


def test_a_refund_nobody_asked_for_lends_and_gives_its_fee_back_at_once() -> None:
    """What it lends is not on the books yet when the fee is worked out."""
    desk = Desk().open(settlement_days=0, fee_refund_policy="proportional").capture().wait(1).succeed()
    assert ["refund_requested", "refund_succeeded", "fee_returned"] == desk.said
    assert (0, 0, 0) == _sums(desk)


@pytest.mark.parametrize("given_up_minor", [0, 100, 1_377])
def test_the_tax_goes_back_with_the_fee_and_repays_after_it(given_up_minor: int) -> None:
    """Fee 3.20 and tax 0.57 of 100.00, of which 10.00 are in the reserve."""
    desk = Desk().open(
        settlement_days=0, fee_refund_policy="proportional", tax_bps=1_800, reserve_bps=1_000, reserve_days=9
    )
    desk.capture().wait(1).reserve()
    if given_up_minor:
        desk.enter(_of("written_off", "wof_1", amount=given_up_minor))
    desk.succeed()
    assert (given_up_minor, 1_377 - given_up_minor) != _sums(desk)[:2]
    assert 1_000 == sum(_sums(desk)[:2])
    assert (0, 0, 0) == _sums(desk.wait(9 * DAY))
    assert {2300, 4010}.isdisjoint(desk.by_code())


def test_a_refund_that_fails_repays_another_debt_first() -> None:
    """What it took from the available balance would be paid out to a debtor."""
    desk = Desk().open(settlement_days=0).capture().wait(1).reserve(4_000)
    _owing(7_000, desk)
    assert (0, 1_320, 0) == _sums(desk)
    assert (0, 0, 2_680) == _sums(desk.fail(4_000))


def _reversal(of: PostEntry, turn: int = 1) -> Any:
    return entry(REVERSAL, "op_1", turn=turn, reverses=of.transaction_id)


@pytest.mark.parametrize("template", ["fee_debited", "plan_charged"])
def test_a_charge_whose_debt_was_written_off_is_not_reversed(template: str) -> None:
    """Another debt would be forgiven and the loss stay; once the write-off is reversed, it may be."""
    charged, given_up = _of(template, "sub_1", amount=500), _of("written_off", "wof_1", amount=500)
    desk = _owing(700).enter(charged).enter(given_up)
    assert (500, 700, 0) == _sums(desk)
    assert ["not_reversible"] == desk.enter(_reversal(charged)).said
    desk.enter(_reversal(given_up, turn=2)).enter(_reversal(charged, turn=3))
    assert ([REVERSAL], (0, 700, 0)) == (desk.said, _sums(desk))


def test_a_payout_that_came_back_makes_up_for_what_was_lent_for_it() -> None:
    """It was made after all, paid by nobody and written off."""
    desk = Desk().open().enter(_of("fee_credited", "fee_1", amount=1_000))
    desk.enter(_of("payout_reserved", "po_1", amount=1_000)).enter(_of("payout_failed", "po_1", amount=1_000))
    desk.enter(_of("plan_charged", "sub_1", amount=1_000))
    desk.enter(_of("payout_paid_late", "po_1", amount=1_000))
    desk.enter(_of("written_off", "wof_1", amount=1_000))
    assert (1_000, 0, 0) == _sums(desk)
    assert (0, 0, 0) == _sums(desk.enter(_of("payout_returned", "po_1", amount=1_000)))


@pytest.mark.parametrize("parts", [(4_000,), (2_500, 1_500), (1, 3_999), (1_000, 1_000, 2_000)])
def test_what_was_lent_is_made_up_for_once_however_often_a_network_gives_back(parts: tuple[int, ...]) -> None:
    """Half of each dispute was lent and all of that written off; the rest of the one that is won is the merchant's."""
    desk = Desk().open().enter(_of("fee_credited", "fee_1", amount=2_000))
    desk.enter(_of("dispute_opened", "dsp_1", amount=4_000)).enter(
        _of("dispute_opened", "dsp_2", amount=2_000)
    )
    desk.enter(_of("written_off", "wof_1", amount=4_000)).enter(_of("dispute_lost", "dsp_1", amount=4_000))
    for turn, amount_minor in enumerate(parts, 1):
        desk.enter(_of("dispute_won_late", "dsp_1", turn=turn, amount=amount_minor))
    assert (2_000, 0, 2_000) == _sums(desk)


def test_a_fee_that_repaid_what_a_refund_lent_is_not_made_up_for_again() -> None:
    """What was written off meanwhile was lent for something else."""
    desk = (
        Desk().open(settlement_days=0, fee_refund_policy="proportional").capture().wait(1).reserve().succeed()
    )
    assert (0, 0, 0) == _sums(desk)
    desk.enter(_of("plan_charged", "sub_1", amount=1_000)).enter(_of("written_off", "wof_1", amount=1_000))
    assert (1_000, 0, 9_680) == _sums(desk.fail())


@pytest.mark.parametrize("template", ["written_off", "debt_recovered", "fee_credited"])
def test_what_ends_a_debt_is_taken_though_no_more_may_be_owed(template: str) -> None:
    """And a refund that is covered whole needs no debt."""
    desk = _owing(100).close(1300)
    said = desk.enter(_of(template, "end_1", amount=100)).said
    assert [template if template != "debt_recovered" else "balance_insufficient"] == said
    sold = Desk().open(settlement_days=0).capture().wait(1).close(1300)
    assert ["account_closed"] == sold.reserve(10_000).said
    assert ["refund_reserved"] == sold.reserve(9_680, turn=2).said


def test_a_sale_repays_though_no_more_may_be_owed() -> None:
    """A transfer that is found to be the merchant's, as any."""
    payment_id = command(RecordCapture, 1).payment_id
    found = entry("transfer_identified", "trf_1", payment_id=payment_id, amounts={"amount": 1_000})
    assert ["transfer_identified"] == _owing(100).close(1300).enter(found).said
