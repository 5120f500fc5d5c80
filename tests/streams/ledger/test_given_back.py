"""What of a payment may still go back: neither refunded nor disputed, and with the fee that was agreed?"""

from typing import Any

import pytest

from schemas.ledger import RecordCapture, Terms
from streams.ledger.chart import MERCHANT_AVAILABLE, Names, account_id
from streams.ledger.legs import MAX_AMOUNT_MINOR
from streams.ledger.testing import DAY, MERCHANT, WALLET, Desk, command, entry

PAYMENT = command(RecordCapture, 1).payment_id
PROPORTIONAL = Terms(fee_refund_policy="proportional")


def _about(template: str, operation_id: str, amount_minor: int, **changes: Any) -> Any:
    return entry(template, operation_id, payment_id=PAYMENT, amounts={"amount": amount_minor}, **changes)


def _lost_dispute(dispute_id: str, amount_minor: int) -> Any:
    return entry("dispute_opened", dispute_id, amounts={"amount": amount_minor})


def _exchange(template: str, operation_id: str, **changes: Any) -> Any:
    amounts = {"amount": 10_000, "presented": 9_000}
    return entry(template, operation_id, payment_id=PAYMENT, other_currency="EUR", amounts=amounts, **changes)


def _disputed() -> Desk:
    """60.00 of a sale of 100.00 are, and the merchant has sold as much besides."""
    desk = Desk().open().capture().capture(payment="q").wait(2 * DAY)
    return desk.enter(_about("dispute_opened", "dsp_1", 6_000))


@pytest.mark.parametrize(
    ("amount_minor", "said"), [(4_000, "refund_reserved"), (4_001, "amount_exceeds_refundable")]
)
def test_what_is_disputed_is_not_refunded_too(amount_minor: int, said: str) -> None:
    """The network has it, or may take it; merchants would pay the customer twice."""
    assert [said] == _disputed().reserve(amount_minor).said


@pytest.mark.parametrize(
    ("end", "said"), [("dispute_won", "refund_reserved"), ("dispute_lost", "amount_exceeds_refundable")]
)
def test_only_a_dispute_that_was_won_may_be_refunded(end: str, said: str) -> None:
    """What was lost is the customer's already."""
    desk = _disputed()
    assert [end] == desk.enter(_about(end, "dsp_1", 6_000)).said
    assert [said] == desk.reserve().said


@pytest.mark.parametrize("named", ["q", None])
def test_a_dispute_ends_for_the_payment_it_was_opened_for(named: str | None) -> None:
    """Won for another one, it would let more of that go back than was sold."""
    desk = _disputed()
    payment = None if named is None else command(RecordCapture, 1, payment=named).payment_id
    won = entry("dispute_won", "dsp_1", payment_id=payment, amounts={"amount": 6_000})
    assert ["unexpected_state"] == desk.enter(won).said
    assert ["amount_exceeds_refundable"] == desk.reserve().said


def test_a_refund_that_failed_leaves_its_amount_to_others() -> None:
    """And one that is still asked for does not."""
    desk = Desk().open().capture().reserve(6_000)
    assert ["amount_exceeds_refundable"] == desk.reserve(4_001, name="2").said
    assert ["refund_reserved"] == desk.fail(6_000).reserve(name="3").said


def test_facts_are_refunds_whatever_was_sold() -> None:
    """The provider gave it back; what of it was never sold is owed."""
    desk = Desk().open().capture().succeed(10_001)
    assert (["refund_requested", "refund_succeeded"], 321) == (desk.said, desk.by_code()[1300])
    assert ["amount_exceeds_refundable"] == desk.reserve(1, name="2").said


def test_what_repaid_a_debt_backs_no_other() -> None:
    """Else each sale that repays one would let the merchant owe as much again."""
    desk = Desk().open(settlement_days=0).enter(_lost_dispute("dsp_1", 9_680))
    assert 1300 not in desk.capture().wait(1).by_code()
    assert ["balance_insufficient"] == desk.reserve().said


def test_a_reserve_that_repaid_a_debt_backs_no_other() -> None:
    """The debt is smaller by it, and so is what the platform has."""
    desk = Desk().open(settlement_days=0, reserve_bps=1_000, reserve_days=90).capture().wait(1)
    desk.enter(_lost_dispute("dsp_1", 9_680)).enter(_about("reserve_applied", "adj_1", 1_000))
    assert ["reserve_applied"] == desk.said
    assert 1300 not in desk.by_code()
    assert ["balance_insufficient"] == desk.reserve(321).said
    assert ["refund_reserved"] == desk.reserve(320, turn=2).said


def test_a_fee_that_was_returned_backs_no_debt() -> None:
    """Sold and refunded again and again it would lend without end; so it repays what the refund had lent."""
    desk = Desk().open("owe", fee_refund_policy="proportional", settlement_days=0)
    for payment in "pqr":
        desk.capture(payment=payment).wait(1).reserve(payment=payment)
        assert (320, 0) == (desk.by_code()[1300], desk.by_code().get(2020, 0))
        assert ["refund_succeeded", "fee_returned"] == desk.succeed(payment=payment).said
        assert {1300, 2020, 4010}.isdisjoint(desk.by_code())


@pytest.mark.parametrize("turn", [2, 3])
def test_an_exchange_is_given_back_once(turn: int) -> None:
    """Told again under another id it is the same refund."""
    desk = Desk().open()
    desk.enter(_exchange("fx_captured", "cap_1")).enter(_exchange("fx_refunded", "ref_1"))
    assert (["fx_refunded"], ["unexpected_state"]) == (
        desk.said,
        desk.enter(_exchange("fx_refunded", "ref_1", turn=turn)).said,
    )


def test_a_wallet_is_given_back_at_most_what_it_paid() -> None:
    """In as many parts as the merchant likes."""
    desk = Desk().open(settlement_days=0).enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)
    desk.enter(
        _about("wallet_spent", "op_1", 10_000, book=WALLET, other_book=MERCHANT), book=WALLET
    ).deliver().wait(0)
    parts = [
        desk.enter(_about("wallet_refunded", f"ref_{part}", part, other_book=WALLET)).said
        for part in (6_000, 4_001, 3_680)
    ]
    assert [["wallet_refunded"], ["amount_exceeds_refundable"], ["wallet_refunded"]] == parts


def test_a_fee_goes_back_as_was_agreed_when_it_was_charged() -> None:
    """A merchant that agrees to something else later gains and loses nothing on earlier sales."""
    kept = Desk().open().capture().capture(payment="q").wait(2 * DAY).reserve(5_000).succeed(5_000)
    kept.terms(PROPORTIONAL, 2).reserve(5_000, name="2").succeed(5_000, name="2")
    assert (["refund_succeeded"], -640) == (kept.said, kept.by_code()[4010])
    back = (
        Desk().terms(PROPORTIONAL).capture().capture(payment="q").wait(2 * DAY).reserve(5_000).succeed(5_000)
    )
    back.terms(Terms(), 2).reserve(5_000, name="2").succeed(5_000, name="2")
    assert (["refund_succeeded", "fee_returned"], -320) == (back.said, back.by_code()[4010])
    back.fail(5_000)
    assert (["refund_reversed", "fee_charged_again"], -480) == (back.said, back.by_code()[4010])


def test_a_reserve_that_was_released_may_not_be_owed() -> None:
    """It is the merchant's, so the platform has nothing of it any more: fee 3.20 and no more."""
    terms = Terms(reserve_bps=1_000, reserve_days=90)
    for more_minor, said in ((0, "refund_reserved"), (1, "balance_insufficient")):
        desk = Desk().terms(terms).capture().wait(90 * DAY)
        desk.enter(entry("payout_reserved", "po_1", amounts={"amount": 9_680}))
        assert ["payout_reserved"] == desk.said
        assert [said] == desk.reserve(320 + more_minor).said


def test_time_never_overflows_an_account() -> None:
    """What is pending becomes available by itself, where nobody can be refused any more."""
    half_minor = MAX_AMOUNT_MINOR // 2
    desk = Desk().open(fee_bps=0, fee_fixed_minor=0).capture(half_minor)
    assert ["amount_overflow"] == desk.capture(1, payment="q").said
    desk.wait(2 * DAY)
    available = account_id(MERCHANT_AVAILABLE, Names("test", MERCHANT, "", "USD", desk.partition))
    assert (["available"], half_minor) == (desk.said, desk.counters()[available][3])
