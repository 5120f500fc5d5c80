"""What becomes of a debt the platform has given up when the money comes back after all? It is the platform's."""

from typing import Any

import pytest

from schemas.ledger import PostEntry
from streams.ledger.templates import REVERSAL
from streams.ledger.testing import DAY, Desk, entry

LOSS, DEBT, AVAILABLE = 5030, 1300, 2020
OWED_MINOR = 320


def _of(template: str, operation_id: str, turn: int = 1, **amounts: int) -> PostEntry:
    return entry(template, operation_id, turn=turn, amounts=amounts)


def _lent() -> Desk:
    """A sale was given back whole, and of the refund the merchant owes what the platform kept."""
    desk = Desk().open(settlement_days=0).capture().wait(1).reserve()
    assert (["refund_reserved"], OWED_MINOR) == (desk.said, desk.by_code()[DEBT])
    return desk


def _disputed(template: str = "dispute_opened", **amounts: int) -> Desk:
    """Nothing was ever sold: all of it is owed."""
    return Desk().open().enter(_of(template, "dsp_1", amount=1_000, **amounts))


def _sums(desk: Desk) -> tuple[int, int, int]:
    """What was lost, what is owed, and what may be paid out."""
    sums = desk.by_code()
    return sums.get(LOSS, 0), sums.get(DEBT, 0), -sums.get(AVAILABLE, 0)


@pytest.mark.parametrize("is_given_back", [False, True])
@pytest.mark.parametrize("given_up_minor", [0, 120, OWED_MINOR])
def test_a_refund_that_failed_restores_what_was_lent_for_it(given_up_minor: int, is_given_back: bool) -> None:
    """Before or after the provider said it was given: what is owed is owed no more, what was lost is no loss."""
    desk = _lent()
    if given_up_minor:
        desk.enter(_of("written_off", "wof_1", amount=given_up_minor))
    if is_given_back:
        desk.succeed()
    assert [["refund_failed"], ["refund_reversed"]][is_given_back] == desk.fail().said
    assert (0, 0, 9_680) == _sums(desk)


def test_what_was_paid_and_not_given_up_is_the_merchants() -> None:
    """A later sale paid two thirds of the debt, the rest was written off."""
    desk = _lent().enter(_of("written_off", "wof_1", amount=120))
    desk.enter(_of("fee_credited", "fee_1", amount=200)).enter(_of("debt_recovered", "rec_1", amount=200))
    assert (120, 0, 0) == _sums(desk)
    assert (0, 0, 9_680 + 200) == _sums(desk.fail())


@pytest.mark.parametrize(
    ("given_up_minor", "fee_minor", "after"),
    [
        (1_150, 150, (0, 0, 0)),
        (1_150, 0, (150, 0, 0)),
        (1_000, 150, (0, 0, 0)),
        (600, 0, (150, 0, 0)),
        (600, 150, (0, 0, 0)),
    ],
)
def test_a_dispute_that_was_won_repays_the_debt_and_then_the_loss(
    given_up_minor: int, fee_minor: int, after: tuple[int, int, int]
) -> None:
    """The merchant paid neither the amount nor the fee, so nothing of either is its own."""
    desk = _disputed(fee=150).enter(_of("written_off", "wof_1", amount=given_up_minor))
    desk.enter(_of("dispute_won", "dsp_1", amount=1_000, fee=fee_minor))
    assert ["dispute_won"] == desk.said
    assert after == _sums(desk)


def test_an_inquiry_that_came_to_nothing_makes_up_for_the_loss() -> None:
    """As a dispute that was won."""
    desk = _disputed("inquiry_opened").enter(_of("written_off", "wof_1", amount=1_000))
    assert (0, 0, 0) == _sums(desk.enter(_of("inquiry_closed", "dsp_1", amount=1_000)))


def test_a_dispute_the_merchant_paid_makes_up_for_no_other_loss() -> None:
    """What was given up was lent for something else."""
    desk = _disputed().enter(_of("written_off", "wof_1", amount=1_000))
    desk.enter(_of("fee_credited", "fee_1", amount=500)).enter(_of("dispute_opened", "dsp_2", amount=500))
    assert (1_000, 0, 500) == _sums(desk.enter(_of("dispute_won", "dsp_2", amount=500)))


@pytest.mark.parametrize(("paid_out_minor", "said"), [(0, "refund_reserved"), (1, "balance_insufficient")])
def test_what_was_given_up_is_not_lent_again(paid_out_minor: int, said: str) -> None:
    """What the platform kept of the first sale is gone: it lends what it keeps of the second."""
    desk = _lent().succeed().enter(_of("written_off", "wof_1", amount=OWED_MINOR))
    desk.capture(payment="q").wait(1)
    if paid_out_minor:
        desk.enter(_of("payout_reserved", "po_1", amount=paid_out_minor))
    assert [said] == desk.reserve(payment="q").said


def _reversal(written_off: PostEntry) -> Any:
    return entry(REVERSAL, "op_1", reverses=written_off.transaction_id)


def test_a_debt_that_was_given_up_by_mistake_is_owed_again() -> None:
    """And what repays it then makes up for no loss."""
    given_up = _of("written_off", "wof_1", amount=1_000)
    desk = _disputed().enter(given_up).enter(_reversal(given_up))
    assert ([REVERSAL], (0, 1_000, 0)) == (desk.said, _sums(desk))
    assert (0, 0, 0) == _sums(desk.enter(_of("dispute_won", "dsp_1", amount=1_000)))


def test_a_loss_that_was_made_up_for_is_not_owed_again() -> None:
    """The merchant would pay what the network has paid."""
    given_up = _of("written_off", "wof_1", amount=1_000)
    desk = _disputed().enter(given_up).enter(_of("dispute_won", "dsp_1", amount=1_000))
    assert ["not_reversible"] == desk.enter(_reversal(given_up)).said
    assert (0, 0, 0) == _sums(desk)


def _payout_failed(available_minor: int = 10_000) -> Desk:
    desk = Desk().open(settlement_days=0).enter(_of("fee_credited", "fee_1", amount=available_minor))
    desk.enter(_of("payout_reserved", "po_1", amount=9_000, fee=25))
    return desk.enter(_of("payout_failed", "po_1", amount=9_000))


@pytest.mark.parametrize(("spent_minor", "owed_minor"), [(0, 0), (990, 15), (10_000, 9_025)])
def test_a_payout_the_bank_made_after_all_is_paid_for(spent_minor: int, owed_minor: int) -> None:
    """It had said that it would not, and amount and fee went back: what is not there any more is owed."""
    desk = _payout_failed()
    if spent_minor:
        desk.enter(_of("plan_charged", "sub_1", amount=spent_minor))
    desk.enter(_of("payout_paid_late", "po_1", amount=9_000))
    assert ["payout_paid_late"] == desk.said
    sums = desk.by_code()
    assert (-9_000, -25, owed_minor) == (sums[1020], sums[4030], sums.get(DEBT, 0))
    assert -(10_000 - spent_minor - 9_025 + owed_minor) == sums.get(AVAILABLE, 0)


def test_a_payout_made_after_all_may_come_back_and_is_paid_once() -> None:
    """The receiving bank may return it as any other."""
    desk = _payout_failed().enter(_of("payout_paid_late", "po_1", amount=9_000))
    assert ["unexpected_state"] == desk.enter(_of("payout_paid_late", "po_1", turn=2, amount=9_000)).said
    assert ["payout_returned"] == desk.enter(_of("payout_returned", "po_1", amount=9_000, charge=5)).said


@pytest.mark.parametrize("amount_minor", [8_999, 9_001])
def test_a_payout_is_made_after_all_in_the_amount_it_had(amount_minor: int) -> None:
    """Another amount is another payout."""
    desk = _payout_failed().enter(_of("payout_paid_late", "po_1", amount=amount_minor))
    assert ["unexpected_state"] == desk.said


def test_a_payout_that_is_under_way_is_not_late() -> None:
    """It was not said to have failed."""
    desk = Desk().open().enter(_of("fee_credited", "fee_1", amount=10_000))
    desk.enter(_of("payout_reserved", "po_1", amount=9_000))
    assert ["unexpected_state"] == desk.enter(_of("payout_paid_late", "po_1", amount=9_000)).said


def test_an_exchange_is_given_back_from_its_own_money_first() -> None:
    """As any refund: what is not available yet, then what is, then what is owed."""
    desk = Desk().open(fee_bps=0, fee_fixed_minor=0).capture()
    payment_id = desk.journal[-1].body.payment_id

    def back(operation_id: str, **amounts: int) -> PostEntry:
        return entry(
            "fx_refunded", operation_id, payment_id=payment_id, other_currency="EUR", amounts=amounts
        )

    assert ["fx_refunded"] == desk.enter(back("ref_1", amount=4_000, presented=3_600)).said
    assert -6_000 == desk.by_code()[2010]
    assert -6_000 == desk.wait(2 * DAY).by_code()[AVAILABLE]
    sums = desk.enter(back("ref_2", amount=7_000, presented=6_300)).by_code()
    assert (1_000, 0) == (sums[DEBT], sums.get(AVAILABLE, 0))
