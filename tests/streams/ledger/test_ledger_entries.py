"""Cases of entries: what is stated leads to these postings or refusals, and the accounts then stand so."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from schemas import topics
from schemas.ledger import TransactionPosted
from schemas.testing import MERCHANT, PAYMENT_KEY
from streams.ledger.testing import DAY, TREASURY, Desk, entry
from tests.streams.ledger.sold import IN_TRANSIT, OPENED, PAID_OUT, SOLD, sold

Tell = Callable[[Desk], Desk]
PAYMENT = f"pay_{PAYMENT_KEY}"


def _poor(desk: Desk) -> Desk:
    """A merchant with nothing available."""
    return desk.open()


def _with(before: dict[int, int], **changes: int) -> dict[int, int]:
    """Balances by code after changes, named _2020 and so on."""
    after = dict(before)
    for name, change in changes.items():
        after[int(name[1:])] = after.get(int(name[1:]), 0) + change
    return {code: amount for code, amount in sorted(after.items()) if amount}


def _amounts(**amounts: int) -> dict[str, Any]:
    return {"amounts": amounts}


DISPUTED = _with(SOLD, _2020=9_500, _2040=-8_000, _1400=8_000, _1100=-8_300, _4020=-1_500, _5020=300)
RESERVED = _with(SOLD, _2020=9_025, _2050=-9_000, _4030=-25)

# Told; what the last message led to; debits less credits by account code.
CASES: dict[str, tuple[Tell, list[str], dict[int, int]]] = {
    "a provider's cost": (
        lambda d: sold(d).enter(entry("psp_cost", "cap_1", amounts={"amount": 200})),
        ["psp_cost"],
        _with(SOLD, _5010=200, _1100=-200),
    ),
    "a dispute is opened": (lambda d: sold(d).enter(OPENED), ["dispute_opened"], DISPUTED),
    "a dispute of a merchant who has nothing": (
        lambda d: _poor(d).enter(OPENED),
        ["dispute_opened"],
        {1100: -8_300, 1300: 9_500, 1400: 8_000, 2040: -8_000, 4020: -1_500, 5020: 300},
    ),
    "a dispute is opened twice": (
        lambda d: sold(d).enter(OPENED).enter(entry("dispute_opened", "dsp_1", turn=2)),
        ["unexpected_state"],
        DISPUTED,
    ),
    "a dispute is won, its fee returned": (
        lambda d: (
            sold(d).enter(OPENED).enter(entry("dispute_won", "dsp_1", **_amounts(amount=8_000, fee=1_500)))
        ),
        ["dispute_won"],
        _with(SOLD, _5020=300, _1100=-300),
    ),
    "a dispute is won, a debt repaid first": (
        lambda d: _poor(d).enter(OPENED).enter(entry("dispute_won", "dsp_1", **_amounts(amount=8_000))),
        ["dispute_won"],
        {1100: -300, 1300: 1_500, 4020: -1_500, 5020: 300},
    ),
    "a dispute is won with more of the fee than there was": (
        lambda d: (
            sold(d).enter(OPENED).enter(entry("dispute_won", "dsp_1", **_amounts(amount=8_000, fee=1_501)))
        ),
        ["unexpected_state"],
        DISPUTED,
    ),
    "a dispute is lost": (
        lambda d: sold(d).enter(OPENED).enter(entry("dispute_lost", "dsp_1", **_amounts(amount=8_000))),
        ["dispute_lost"],
        _with(DISPUTED, _2040=8_000, _1400=-8_000),
    ),
    "a dispute is lost for another amount": (
        lambda d: sold(d).enter(OPENED).enter(entry("dispute_lost", "dsp_1", **_amounts(amount=7_999))),
        ["unexpected_state"],
        DISPUTED,
    ),
    "a dispute is lost in another currency": (
        lambda d: (
            sold(d)
            .enter(OPENED)
            .enter(entry("dispute_lost", "dsp_1", currency="EUR", **_amounts(amount=8_000)))
        ),
        ["currency_differs"],
        DISPUTED,
    ),
    "a dispute nobody opened is won": (
        lambda d: sold(d).enter(entry("dispute_won", "dsp_1")),
        ["unexpected_state"],
        SOLD,
    ),
    "a dispute is won after it was lost": (
        lambda d: (
            sold(d)
            .enter(OPENED)
            .enter(entry("dispute_lost", "dsp_1", **_amounts(amount=8_000)))
            .enter(entry("dispute_won", "dsp_1", **_amounts(amount=8_000)))
        ),
        ["unexpected_state"],
        _with(DISPUTED, _2040=8_000, _1400=-8_000),
    ),
    "an inquiry freezes": (
        lambda d: sold(d).enter(entry("inquiry_opened", "dsp_1")),
        ["inquiry_opened"],
        _with(SOLD, _2020=9_680, _1300=320, _2040=-10_000),
    ),
    "an inquiry comes to nothing": (
        lambda d: sold(d).enter(entry("inquiry_opened", "dsp_1")).enter(entry("inquiry_closed", "dsp_1")),
        ["inquiry_closed"],
        SOLD,
    ),
    "a payout is set aside": (lambda d: sold(d).enter(PAID_OUT), ["payout_reserved"], RESERVED),
    "a payout of more than there is": (
        lambda d: sold(d).enter(entry("payout_reserved", "po_1", **_amounts(amount=9_680, fee=1))),
        ["balance_insufficient"],
        SOLD,
    ),
    "a payout of all there is": (
        lambda d: sold(d).enter(entry("payout_reserved", "po_1", **_amounts(amount=9_680))),
        ["payout_reserved"],
        _with(SOLD, _2020=9_680, _2050=-9_680),
    ),
    "a payout is paid": (
        lambda d: sold(d).enter(PAID_OUT).enter(entry("payout_paid", "po_1", **_amounts(amount=9_000))),
        ["payout_paid"],
        _with(RESERVED, _2050=9_000, _1020=-9_000),
    ),
    "a payout fails": (
        lambda d: sold(d).enter(PAID_OUT).enter(entry("payout_failed", "po_1", **_amounts(amount=9_000))),
        ["payout_failed"],
        SOLD,
    ),
    "a payout fails after it was paid": (
        lambda d: (
            sold(d)
            .enter(PAID_OUT)
            .enter(entry("payout_paid", "po_1", **_amounts(amount=9_000)))
            .enter(entry("payout_failed", "po_1", **_amounts(amount=9_000)))
        ),
        ["unexpected_state"],
        _with(RESERVED, _2050=9_000, _1020=-9_000),
    ),
    "a paid payout is returned, for a charge": (
        lambda d: (
            sold(d)
            .enter(PAID_OUT)
            .enter(entry("payout_paid", "po_1", **_amounts(amount=9_000)))
            .enter(entry("payout_returned", "po_1", **_amounts(amount=9_000, charge=500)))
        ),
        ["payout_returned"],
        _with(SOLD, _2020=25, _4030=-25, _5040=500, _1020=-500),
    ),
    "a debt is recovered": (
        lambda d: (
            _poor(d)
            .enter(OPENED)
            .capture(payment="q", name="2")
            .enter(entry("debt_recovered", "debt-1", **_amounts(amount=1)))
        ),
        ["balance_insufficient"],
        {1100: 1_700, 2010: -180, 1400: 8_000, 2040: -8_000, 4010: -320, 4020: -1_500, 5020: 300},
    ),
    "a debt is written off": (
        lambda d: _poor(d).enter(OPENED).enter(entry("written_off", "debt-1", **_amounts(amount=9_500))),
        ["written_off"],
        {1100: -8_300, 1400: 8_000, 2040: -8_000, 4020: -1_500, 5020: 300, 5030: 9_500},
    ),
    "more is written off than is owed": (
        lambda d: _poor(d).enter(entry("written_off", "debt-1")),
        ["balance_insufficient"],
        {},
    ),
    "a settlement line pays": (
        lambda d: sold(d).enter(IN_TRANSIT),
        ["settlement_in"],
        _with(SOLD, _1110=9_700, _5010=100, _1120=200, _1100=-10_000),
    ),
    "a settlement line deducts": (
        lambda d: sold(d).enter(entry("settlement_out", "line-2", **_amounts(gross=500, fee=10))),
        ["settlement_out"],
        _with(SOLD, _1100=500, _5010=10, _1110=-510),
    ),
    "the batch arrives on the bank account": (
        lambda d: (
            sold(d)
            .enter(IN_TRANSIT)
            .enter(entry("bank_credited", "stmt-1", book=TREASURY, **_amounts(amount=9_700)), book=TREASURY)
        ),
        ["BookOpened", "bank_credited"],
        _with(SOLD, _1020=9_700, _5010=100, _1120=200, _1100=-10_000),
    ),
    "the acquirer pays what it withheld": (
        lambda d: (
            sold(d)
            .enter(IN_TRANSIT)
            .enter(entry("provider_reserve_returned", "line-3", **_amounts(amount=200)))
        ),
        ["provider_reserve_returned"],
        _with(SOLD, _1110=9_900, _5010=100, _1100=-10_000),
    ),
    "an unknown line, matched later": (
        lambda d: (
            sold(d)
            .enter(entry("settlement_unknown_in", "line-9", book=TREASURY), book=TREASURY)
            .enter(entry("suspense_matched_in", "line-9"))
        ),
        ["suspense_matched_in"],
        _with(SOLD, _1110=10_000, _1100=-10_000),
    ),
    "income is swept": (
        lambda d: d.enter(entry("fee_swept", "swp_1", book=TREASURY), book=TREASURY),
        ["BookOpened", "fee_swept"],
        {1010: 10_000, 1020: -10_000},
    ),
    "an invoice is a memorandum": (
        lambda d: _poor(d).enter(entry("invoice_issued", "in_1")),
        ["invoice_issued"],
        {9030: 10_000, 9031: -10_000},
    ),
    "an invoice is closed": (
        lambda d: _poor(d).enter(entry("invoice_issued", "in_1")).enter(entry("invoice_closed", "in_1")),
        ["invoice_closed"],
        {},
    ),
    "a plan is charged": (
        lambda d: sold(d).enter(entry("plan_charged", "sub_1")),
        ["plan_charged"],
        _with(SOLD, _2020=9_680, _1300=320, _4060=-10_000),
    ),
    "a prepaid plan is earned month by month": (
        lambda d: (
            sold(d)
            .enter(entry("plan_prepaid", "sub_1", **_amounts(amount=9_000)))
            .enter(entry("plan_earned", "sub_1", **_amounts(amount=4_000)))
            .enter(entry("plan_earned", "sub_1", turn=2, **_amounts(amount=5_000)))
        ),
        ["plan_earned"],
        _with(SOLD, _2020=9_000, _4060=-9_000),
    ),
    "more of a plan is earned than was prepaid": (
        lambda d: (
            sold(d)
            .enter(entry("plan_prepaid", "sub_1", **_amounts(amount=9_000)))
            .enter(entry("plan_earned", "sub_1", **_amounts(amount=9_001)))
        ),
        ["unexpected_state"],
        _with(SOLD, _2020=9_000, _2600=-9_000),
    ),
    "a position is closed out at a gain": (
        lambda d: d.enter(
            entry(
                "fx_closed_out",
                "fx_1",
                book=TREASURY,
                other_currency="EUR",
                **_amounts(amount=10_000, sold=9_000, gain=50),
            ),
            book=TREASURY,
        ),
        ["BookOpened", "fx_closed_out"],
        {1020: 1_050, 1600: -1_000, 4050: -50},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    """One line of the table."""
    tell, said, balances = CASES[case]
    desk = tell(Desk())
    assert (said, balances) == (desk.said, desk.by_code())


def test_every_entry_balances_in_each_currency_as_posted() -> None:
    """What was proved of the templates is true of the legs in the journal."""
    for tell, _, _ in CASES.values():
        for event in tell(Desk()).journal:
            if not isinstance(event.body, TransactionPosted):
                continue
            sums: dict[tuple[str, str], int] = {}
            for leg in event.body.legs:
                at = (leg.account_id.partition("#")[0].rpartition(".")[2], leg.phase)
                sums[at] = sums.get(at, 0) + (leg.amount_minor if leg.side == "debit" else -leg.amount_minor)
            assert {0} == set(sums.values())


FX = entry(
    "fx_captured",
    "cap_fx",
    other_currency="EUR",
    payment_id=PAYMENT,
    amounts={"amount": 10_000, "presented": 9_300, "margin": 150},
)


def test_an_exchange_balances_in_each_currency_and_becomes_available() -> None:
    """The customer paid euros, the merchant is owed dollars: the margin stands by itself."""
    desk = Desk().open().enter(FX)
    by_account = {name: debits - credits for name, (_, debits, _, credits) in desk.counters().items()}
    assert {
        "test.1100.psp.receivable.simulator.EUR#3": 9_300,
        "test.1600.fx.position.EUR#3": -9_300,
        "test.1600.fx.position.USD#3": 10_150,
        "test.4040.fx.margin.USD#3": -150,
        f"test.2010.merchant.pending.{MERCHANT}.USD": -9_680,
        "test.4010.fee.processing.USD#3": -320,
    } == by_account
    assert ["available"] == desk.wait(2 * DAY).said


@pytest.mark.parametrize(
    ("template", "amounts", "said"),
    [
        ("settlement_in", {"net": 0, "fee": 10}, "settlement_in"),
        ("settlement_out", {"gross": 0, "fee": 10}, "settlement_out"),
        ("settlement_in", {"net": 0, "fee": 0, "withheld": 0}, "amount_not_positive"),
        ("settlement_in", {"net": -1, "fee": 10}, "amount_not_positive"),
    ],
)
def test_a_line_may_be_all_fee(template: str, amounts: dict[str, int], said: str) -> None:
    """A small capture is eaten up by it; a line of nothing is none."""
    assert [said] == sold(Desk()).enter(entry(template, "line-9", amounts=amounts)).said


def test_amounts_in_another_order_are_the_same_entry() -> None:
    """A map has no order, and a client may build it anew."""
    desk = sold(Desk()).enter(PAID_OUT)
    again = replace(PAID_OUT, amounts=dict(reversed(PAID_OUT.amounts.items())))
    assert [] == desk.enter(again).said
    assert ["posted", "posted"] == [result.outcome for result in desk.results]


def test_a_prepaid_plan_is_earned_once() -> None:
    """Part by part, and no more than was prepaid."""
    desk = sold(Desk()).enter(entry("plan_prepaid", "sub_1", amounts={"amount": 2_000}))
    said = [
        desk.enter(entry("plan_earned", "sub_1", turn=turn, amounts={"amount": amount})).said
        for turn, amount in enumerate((1_200, 1_200, 800, 1), 1)
    ]
    assert [["plan_earned"], ["unexpected_state"], ["plan_earned"], ["unexpected_state"]] == said
    assert (-2_000, 0) == (desk.by_code()[4060], desk.by_code().get(2600, 0))


def test_legs_two_persons_approved_are_posted_as_approved() -> None:
    """The same legs in any order; were they other legs by now, nothing would be posted."""
    desk = sold(Desk()).enter(IN_TRANSIT)
    legs = desk.journal[-1].body.legs
    same = entry(
        "settlement_in",
        "line-2",
        amounts={"net": 9_700, "fee": 100, "withheld": 200},
        expected_legs=tuple(reversed(legs)),
    )
    assert ["settlement_in"] == desk.enter(same).said


def test_a_reservation_is_answered_to_whoever_asked() -> None:
    """Of a refund to the payment, of an entry to the book; what is recorded is answered to nobody."""
    desk = sold(Desk()).reserve(1_000).enter(PAID_OUT).enter(OPENED)
    assert [("refund_reserved", "ref"), ("payout_reserved", "po")] == [
        (event.body.template, result.operation_id.partition("_")[0])
        for event, result in zip(
            [one for one in desk.journal if getattr(one.body, "template", "").endswith("_reserved")],
            desk.results,
            strict=True,
        )
    ]
    assert [topics.LEDGER_RESULTS_PAYMENTS.name, topics.LEDGER_RESULTS_OPS.name] == desk.result_topics
