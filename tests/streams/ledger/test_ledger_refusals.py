"""What is refused: each reason has its own outcome, and no account changes by a byte."""

from typing import Any

import pytest

from schemas.ledger import Leg, PostEntry, RecordCapture, Side, Terms
from schemas.testing import MERCHANT, OTHER_MERCHANT, PAYMENT_KEY
from streams.ledger.legs import MAX_AMOUNT_MINOR
from streams.ledger.templates import REVERSAL
from streams.ledger.testing import DAY, Desk, command, entry
from tests.streams.ledger.sold import IN_TRANSIT, OPENED, PAID_OUT, SOLD, sold

PAYMENT = f"pay_{PAYMENT_KEY}"


def _expecting(side: Side, amount_minor: int) -> PostEntry:
    account_id = "test.4060.subscription.revenue.USD#3"
    leg = Leg(account_id=account_id, side=side, phase="posted", amount_minor=amount_minor)
    return entry("plan_charged", "op_1", expected_legs=(leg,))


BAD: dict[str, tuple[Any, str, str]] = {
    "unknown template": (entry("no_such", "op_1"), MERCHANT, "template_unknown"),
    "a payment's own template": (entry("capture", "op_1"), MERCHANT, "template_unknown"),
    "an account another kind of book has": (
        entry("wallet_topped_up", "op_1"),
        MERCHANT,
        "account_unknown",
    ),
    "unknown account": (
        entry(
            "plan_charged",
            "op_1",
            expected_legs=(
                Leg(account_id="test.7777.none.USD", side="debit", phase="posted", amount_minor=1),
            ),
        ),
        MERCHANT,
        "account_unknown",
    ),
    "wrong side": (_expecting("debit", 10_000), MERCHANT, "side_unused"),
    "other legs than expected": (_expecting("credit", 9_999), MERCHANT, "legs_differ"),
    "currency that is none": (entry("plan_charged", "op_1", currency="XXX"), MERCHANT, "parameter_invalid"),
    "currency mismatch": (
        entry(
            "fx_captured",
            "op_1",
            payment_id=command(RecordCapture, 1).payment_id,
            currency="EUR",
            other_currency="USD",
            amounts={"amount": 1, "presented": 1},
        ),
        MERCHANT,
        "currency_differs",
    ),
    "overflow": (
        entry("psp_cost", "op_1", amounts={"amount": MAX_AMOUNT_MINOR}),
        MERCHANT,
        "amount_overflow",
    ),
    "negative": (entry("psp_cost", "op_1", amounts={"amount": -1}), MERCHANT, "amount_not_positive"),
    "zero": (entry("psp_cost", "op_1", amounts={"amount": 0}), MERCHANT, "amount_not_positive"),
    "negative beside it": (
        entry("payout_reserved", "op_1", amounts={"amount": 1, "fee": -1}),
        MERCHANT,
        "amount_not_positive",
    ),
    "no amount": (entry("psp_cost", "op_1", amounts={}), MERCHANT, "parameter_missing"),
    "no provider": (entry("psp_cost", "op_1", provider=None), MERCHANT, "parameter_missing"),
    "no other currency": (
        entry("fx_refunded", "op_1", amounts={"amount": 1, "presented": 1}),
        MERCHANT,
        "parameter_missing",
    ),
    "no other book": (entry("split_sent", "op_1"), MERCHANT, "parameter_missing"),
    "an amount the template has not": (
        entry("psp_cost", "op_1", amounts={"amount": 1, "tip": 1}),
        MERCHANT,
        "parameter_unknown",
    ),
    "a reversal of nothing named": (entry("reversal", "op_1"), MERCHANT, "parameter_missing"),
    "a reversal of what never was": (
        entry("reversal", "op_1", reverses="txn_none"),
        MERCHANT,
        "transaction_unknown",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_has_its_own_outcome_and_changes_no_balance(case: str) -> None:
    """Refused on record with a reason; every row of an account is what it was, byte for byte."""
    body, book, outcome = BAD[case]
    desk = sold(Desk()).enter(entry("psp_cost", "op_0", amounts={"amount": 100}))
    before = desk.account_rows()
    assert [outcome] == desk.enter(body, book=book).said
    assert before == desk.account_rows()


def test_a_closed_account_refuses_until_it_is_reopened() -> None:
    """What may be refused is; facts of payments are booked all the same."""
    desk = sold(Desk()).close(2020)
    before = desk.account_rows()
    assert ["account_closed"] == desk.enter(PAID_OUT).said
    assert before == desk.account_rows()
    assert ["capture"] == desk.capture(payment="q").said
    assert ["psp_cost"] == desk.enter(entry("psp_cost", "cap_1", amounts={"amount": 1})).said
    assert ["AccountReopened"] == desk.reopen(2020).said
    again = entry("payout_reserved", "po_1", turn=2, amounts={"amount": 9_000, "fee": 25})
    assert ["payout_reserved"] == desk.enter(again).said


def test_a_closed_account_refuses_refunds_and_reversals_too() -> None:
    """Both are decided, so both may be refused."""
    credited = entry("fee_credited", "fee_1", amounts={"amount": 100})
    desk = sold(Desk()).enter(credited).close(2020)
    before = desk.account_rows()
    assert ["account_closed"] == desk.reserve(1_000).said
    undo = entry("reversal", "fee_2", amounts={}, reverses=credited.transaction_id)
    assert ["account_closed"] == desk.enter(undo).said
    assert before == desk.account_rows()


def test_a_closed_account_takes_what_happened() -> None:
    """The bank paid out, the network pulled: whether an account is closed does not change that."""
    desk = sold(Desk()).enter(PAID_OUT).close(2050).close(2020)
    assert ["payout_paid"] == desk.enter(entry("payout_paid", "po_1", amounts={"amount": 9_000})).said
    assert ["dispute_opened"] == desk.enter(OPENED).said


def test_a_dispute_ends_at_the_provider_it_was_opened_at() -> None:
    """Else one provider's account would stay open, and another's be below nothing."""
    desk = sold(Desk()).enter(OPENED)
    elsewhere = entry("dispute_lost", "dsp_1", amounts={"amount": 8_000}, provider="other")
    assert ["unexpected_state"] == desk.enter(elsewhere).said
    assert ["dispute_lost"] == desk.enter(
        entry("dispute_lost", "dsp_1", turn=2, amounts={"amount": 8_000})
    ).said


def test_corrections_of_fees_name_no_payment() -> None:
    """What a payment's refunds return of its fee is counted by the payment, and this is not among it."""
    stated = entry("fee_credited", "fee_1", payment_id=PAYMENT, amounts={"amount": 100})
    assert ["parameter_unknown"] == sold(Desk()).enter(stated).said


def test_an_account_of_many_overflows_whatever_the_others_hold() -> None:
    """The second merchant has sold nothing yet; what the provider owes is over the limit all the same."""
    desk = Desk().open().terms(Terms(), merchant=OTHER_MERCHANT).capture(MAX_AMOUNT_MINOR // 2 + 1)
    before = desk.account_rows()
    other = command(RecordCapture, MAX_AMOUNT_MINOR // 2 + 1, merchant=OTHER_MERCHANT)
    assert ["amount_overflow"] == desk.tell(other, merchant=OTHER_MERCHANT).said
    assert before == desk.account_rows()


REVERSED = entry("reversal", "op_1", reverses=IN_TRANSIT.transaction_id)


def test_a_reversal_negates_once() -> None:
    """And is itself not reversible, nor is what has consequences of its own."""
    desk = sold(Desk()).enter(IN_TRANSIT)
    in_euros = entry("reversal", "op_0", reverses=IN_TRANSIT.transaction_id, currency="EUR")
    assert ["currency_differs"] == desk.enter(in_euros).said
    assert ["reversal"] == desk.enter(REVERSED).said
    assert SOLD == desk.by_code()
    before = desk.account_rows()
    again = entry("reversal", "op_2", reverses=IN_TRANSIT.transaction_id)
    of_it = entry("reversal", "op_3", reverses=REVERSED.transaction_id)
    assert ["already_reversed"] == desk.enter(again).said
    assert ["not_reversible"] == desk.enter(of_it).said
    desk.enter(PAID_OUT)
    before_payout = desk.account_rows()
    of_payout = entry("reversal", "op_4", reverses=PAID_OUT.transaction_id)
    assert ["not_reversible"] == desk.enter(of_payout).said
    assert before != before_payout == desk.account_rows()


def test_another_entry_under_a_used_id_moves_nothing() -> None:
    """An id says one thing for ever; a rejected one stays rejected."""
    desk = sold(Desk()).enter(IN_TRANSIT)
    before = desk.account_rows()
    changed = entry("settlement_in", "line-1", amounts={"net": 9_701, "fee": 100, "withheld": 200})
    assert ["posting_id_reused"] == desk.enter(changed).said
    assert [] == desk.enter(IN_TRANSIT).said
    refused = entry("payout_reserved", "po_9", amounts={"amount": 99_999})
    assert ["balance_insufficient"] == desk.enter(refused).said
    desk.capture(99_999_99, payment="q").wait(2 * DAY)
    assert [] == desk.enter(refused).said
    assert "refused" == desk.results[-1].outcome
    assert before != desk.account_rows()


def test_a_reversal_is_about_what_it_reverses() -> None:
    """Whatever else it says: amounts are refused, and payment and provider are those of the other."""
    charged = entry("plan_charged", "sub_1", amounts={"amount": 500}, provider=None)
    desk = sold(Desk()).enter(charged)
    stated = entry(REVERSAL, "op_1", reverses=charged.transaction_id, amounts={"amount": 7})
    assert ["parameter_unknown"] == desk.enter(stated).said
    about = entry(
        REVERSAL, "op_1", turn=2, reverses=charged.transaction_id, payment_id=desk.journal[1].body.payment_id
    )
    assert [REVERSAL] == desk.enter(about).said
    assert (None, None) == (desk.journal[-1].body.payment_id, desk.journal[-1].body.provider)


@pytest.mark.parametrize("template", ["transfer_received", "transfer_identified"])
def test_a_sale_is_of_a_payment(template: str) -> None:
    """Else nothing could be refunded of it."""
    assert ["parameter_invalid"] == sold(Desk()).enter(entry(template, "trf_1", payment_id="foo")).said
