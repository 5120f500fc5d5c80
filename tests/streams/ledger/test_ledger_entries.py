"""Cases of entries: what is stated leads to these postings or refusals, and the accounts then stand so."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.ledger import Leg, Price, PriceTier, RecordCapture, Terms, TransactionPosted
from schemas.testing import MERCHANT, OTHER_MERCHANT, PAYMENT_KEY
from streams.ledger.legs import MAX_AMOUNT_MINOR
from streams.ledger.testing import DAY, TREASURY, WALLET, Desk, command, entry

Tell = Callable[[Desk], Desk]
PAYMENT = f"pay_{PAYMENT_KEY}"
# A full capture of 100.00 that has become available: fee 2.9 % + 0.30.
SOLD = {1100: 10_000, 2020: -9_680, 4010: -320}


def _sold(desk: Desk) -> Desk:
    return desk.open().capture().wait(2 * DAY)


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
OPENED = entry("dispute_opened", "dsp_1", amounts={"amount": 8_000, "fee": 1_500, "cost": 300})
PAID_OUT = entry("payout_reserved", "po_1", amounts={"amount": 9_000, "fee": 25})
RESERVED = _with(SOLD, _2020=9_025, _2050=-9_000, _4030=-25)
IN_TRANSIT = entry("settlement_in", "line-1", amounts={"net": 9_700, "fee": 100, "withheld": 200})

# Told; what the last message led to; debits less credits by account code.
CASES: dict[str, tuple[Tell, list[str], dict[int, int]]] = {
    "a provider's cost": (
        lambda d: _sold(d).enter(entry("psp_cost", "cap_1", amounts={"amount": 200})),
        ["psp_cost"],
        _with(SOLD, _5010=200, _1100=-200),
    ),
    "a dispute is opened": (lambda d: _sold(d).enter(OPENED), ["dispute_opened"], DISPUTED),
    "a dispute of a merchant who has nothing": (
        lambda d: _poor(d).enter(OPENED),
        ["dispute_opened"],
        {1100: -8_300, 1300: 9_500, 1400: 8_000, 2040: -8_000, 4020: -1_500, 5020: 300},
    ),
    "a dispute is opened twice": (
        lambda d: _sold(d).enter(OPENED).enter(entry("dispute_opened", "dsp_1", turn=2)),
        ["unexpected_state"],
        DISPUTED,
    ),
    "a dispute is won, its fee returned": (
        lambda d: (
            _sold(d).enter(OPENED).enter(entry("dispute_won", "dsp_1", **_amounts(amount=8_000, fee=1_500)))
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
            _sold(d).enter(OPENED).enter(entry("dispute_won", "dsp_1", **_amounts(amount=8_000, fee=1_501)))
        ),
        ["unexpected_state"],
        DISPUTED,
    ),
    "a dispute is lost": (
        lambda d: _sold(d).enter(OPENED).enter(entry("dispute_lost", "dsp_1", **_amounts(amount=8_000))),
        ["dispute_lost"],
        _with(DISPUTED, _2040=8_000, _1400=-8_000),
    ),
    "a dispute is lost for another amount": (
        lambda d: _sold(d).enter(OPENED).enter(entry("dispute_lost", "dsp_1", **_amounts(amount=7_999))),
        ["unexpected_state"],
        DISPUTED,
    ),
    "a dispute is lost in another currency": (
        lambda d: (
            _sold(d)
            .enter(OPENED)
            .enter(entry("dispute_lost", "dsp_1", currency="EUR", **_amounts(amount=8_000)))
        ),
        ["currency_differs"],
        DISPUTED,
    ),
    "a dispute nobody opened is won": (
        lambda d: _sold(d).enter(entry("dispute_won", "dsp_1")),
        ["unexpected_state"],
        SOLD,
    ),
    "a dispute is won after it was lost": (
        lambda d: (
            _sold(d)
            .enter(OPENED)
            .enter(entry("dispute_lost", "dsp_1", **_amounts(amount=8_000)))
            .enter(entry("dispute_won", "dsp_1", **_amounts(amount=8_000)))
        ),
        ["unexpected_state"],
        _with(DISPUTED, _2040=8_000, _1400=-8_000),
    ),
    "an inquiry freezes": (
        lambda d: _sold(d).enter(entry("inquiry_opened", "dsp_1")),
        ["inquiry_opened"],
        _with(SOLD, _2020=9_680, _1300=320, _2040=-10_000),
    ),
    "an inquiry comes to nothing": (
        lambda d: _sold(d).enter(entry("inquiry_opened", "dsp_1")).enter(entry("inquiry_closed", "dsp_1")),
        ["inquiry_closed"],
        SOLD,
    ),
    "a payout is set aside": (lambda d: _sold(d).enter(PAID_OUT), ["payout_reserved"], RESERVED),
    "a payout of more than there is": (
        lambda d: _sold(d).enter(entry("payout_reserved", "po_1", **_amounts(amount=9_680, fee=1))),
        ["balance_insufficient"],
        SOLD,
    ),
    "a payout of all there is": (
        lambda d: _sold(d).enter(entry("payout_reserved", "po_1", **_amounts(amount=9_680))),
        ["payout_reserved"],
        _with(SOLD, _2020=9_680, _2050=-9_680),
    ),
    "a payout is paid": (
        lambda d: _sold(d).enter(PAID_OUT).enter(entry("payout_paid", "po_1", **_amounts(amount=9_000))),
        ["payout_paid"],
        _with(RESERVED, _2050=9_000, _1020=-9_000),
    ),
    "a payout fails": (
        lambda d: _sold(d).enter(PAID_OUT).enter(entry("payout_failed", "po_1", **_amounts(amount=9_000))),
        ["payout_failed"],
        SOLD,
    ),
    "a payout fails after it was paid": (
        lambda d: (
            _sold(d)
            .enter(PAID_OUT)
            .enter(entry("payout_paid", "po_1", **_amounts(amount=9_000)))
            .enter(entry("payout_failed", "po_1", **_amounts(amount=9_000)))
        ),
        ["unexpected_state"],
        _with(RESERVED, _2050=9_000, _1020=-9_000),
    ),
    "a paid payout is returned, for a charge": (
        lambda d: (
            _sold(d)
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
        lambda d: _sold(d).enter(IN_TRANSIT),
        ["settlement_in"],
        _with(SOLD, _1110=9_700, _5010=100, _1120=200, _1100=-10_000),
    ),
    "a settlement line deducts": (
        lambda d: _sold(d).enter(entry("settlement_out", "line-2", **_amounts(gross=500, fee=10))),
        ["settlement_out"],
        _with(SOLD, _1100=500, _5010=10, _1110=-510),
    ),
    "the batch arrives on the bank account": (
        lambda d: (
            _sold(d)
            .enter(IN_TRANSIT)
            .enter(entry("bank_credited", "stmt-1", book=TREASURY, **_amounts(amount=9_700)), book=TREASURY)
        ),
        ["BookOpened", "bank_credited"],
        _with(SOLD, _1020=9_700, _5010=100, _1120=200, _1100=-10_000),
    ),
    "the acquirer pays what it withheld": (
        lambda d: (
            _sold(d)
            .enter(IN_TRANSIT)
            .enter(entry("provider_reserve_returned", "line-3", **_amounts(amount=200)))
        ),
        ["provider_reserve_returned"],
        _with(SOLD, _1110=9_900, _5010=100, _1100=-10_000),
    ),
    "an unknown line, matched later": (
        lambda d: (
            _sold(d)
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
        lambda d: _sold(d).enter(entry("plan_charged", "sub_1")),
        ["plan_charged"],
        _with(SOLD, _2020=9_680, _1300=320, _4060=-10_000),
    ),
    "a prepaid plan is earned month by month": (
        lambda d: (
            _sold(d)
            .enter(entry("plan_prepaid", "sub_1", **_amounts(amount=9_000)))
            .enter(entry("plan_earned", "sub_1", **_amounts(amount=4_000)))
            .enter(entry("plan_earned", "sub_1", turn=2, **_amounts(amount=5_000)))
        ),
        ["plan_earned"],
        _with(SOLD, _2020=9_000, _4060=-9_000),
    ),
    "more of a plan is earned than was prepaid": (
        lambda d: (
            _sold(d)
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


SPENT = entry("wallet_spent", "op_1", book=WALLET, other_book=MERCHANT, payment_id=PAYMENT)


def _wallet(desk: Desk) -> Desk:
    return desk.open().enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)


def test_a_payment_from_a_wallet_crosses_books_by_clearing() -> None:
    """On its way it stands in the clearing account, and at rest nothing does."""
    desk = _wallet(Desk()).enter(SPENT, book=WALLET)
    assert {1100: 10_000, 1700: -10_000} == desk.by_code()
    assert ["wallet_received"] == desk.deliver().said
    assert {1100: 10_000, 2010: -9_680, 4010: -320} == desk.by_code()


def test_a_wallet_never_spends_more_than_it_has() -> None:
    """Decided in the wallet's book, before the merchant's hears of it, and answered."""
    desk = _wallet(Desk()).enter(SPENT, book=WALLET)
    again = entry("wallet_spent", "op_2", book=WALLET, other_book=MERCHANT, payment_id=PAYMENT)
    desk.enter(again, book=WALLET)
    assert ["balance_insufficient"] == desk.said
    assert [("posted", None), ("refused", "balance_insufficient")] == [
        (result.outcome, result.code) for result in desk.results
    ]
    assert 1 == len(desk.on_their_way)


def test_what_the_other_book_refuses_comes_back() -> None:
    """Its account is closed, so the mirror is posted where it came from; clearing is zero again."""
    desk = _wallet(Desk()).close(2010).enter(SPENT, book=WALLET)
    journal = desk.deliver().journal
    assert ["wallet_credited"] == desk.said
    assert "account_closed" in [getattr(event.body, "outcome", "") for event in journal]
    assert {1100: 10_000, 2100: -10_000} == desk.by_code()


def test_a_movement_delivered_twice_is_posted_once() -> None:
    """Its id follows from the transaction it continues."""
    desk = _wallet(Desk()).enter(SPENT, book=WALLET)
    desk.on_their_way *= 3
    assert {1100: 10_000, 2010: -9_680, 4010: -320} == desk.deliver().by_code()


def test_a_split_reaches_the_seller_and_comes_back_when_refused() -> None:
    """A marketplace passes on what it has; a closed account sends it back even to a closed one."""
    sent = entry("split_sent", "spl_1", other_book=OTHER_MERCHANT, amounts={"amount": 4_000})
    desk = _sold(Desk()).enter(sent).deliver()
    assert _with(SOLD, _2020=4_000, _1700=-4_000) == desk.by_code(), "on its way until the seller is known"
    desk.terms(Terms(), merchant=OTHER_MERCHANT)
    assert _with(SOLD, _2020=0) == desk.by_code()
    assert 4_000 == desk.counters()[f"test.2020.merchant.available.{OTHER_MERCHANT}.USD"][3]
    refused = _sold(Desk()).terms(Terms(), merchant=OTHER_MERCHANT).close(2020, book=OTHER_MERCHANT)
    refused.enter(sent).close(2020).deliver()
    assert ["split_returned"] == refused.said
    assert SOLD == refused.by_code()


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
    "wrong side": (
        entry(
            "plan_charged",
            "op_1",
            expected_legs=(
                Leg(
                    account_id="test.4060.subscription.revenue.USD#3",
                    side="debit",
                    phase="posted",
                    amount_minor=10_000,
                ),
            ),
        ),
        MERCHANT,
        "side_unused",
    ),
    "other legs than expected": (
        entry(
            "plan_charged",
            "op_1",
            expected_legs=(
                Leg(
                    account_id="test.4060.subscription.revenue.USD#3",
                    side="credit",
                    phase="posted",
                    amount_minor=9_999,
                ),
            ),
        ),
        MERCHANT,
        "legs_differ",
    ),
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
    desk = _sold(Desk()).enter(entry("psp_cost", "op_0", amounts={"amount": 100}))
    before = _accounts(desk)
    assert [outcome] == desk.enter(body, book=book).said
    assert before == _accounts(desk)


def test_a_closed_account_refuses_until_it_is_reopened() -> None:
    """What may be refused is; facts of payments are booked all the same."""
    desk = _sold(Desk()).close(2020)
    before = _accounts(desk)
    assert ["account_closed"] == desk.enter(PAID_OUT).said
    assert before == _accounts(desk)
    assert ["capture"] == desk.capture(payment="q").said
    assert ["psp_cost"] == desk.enter(entry("psp_cost", "cap_1", amounts={"amount": 1})).said
    assert ["AccountReopened"] == desk.reopen(2020).said
    again = entry("payout_reserved", "po_1", turn=2, amounts={"amount": 9_000, "fee": 25})
    assert ["payout_reserved"] == desk.enter(again).said


def test_a_closed_account_refuses_refunds_and_reversals_too() -> None:
    """Both are decided, so both may be refused."""
    credited = entry("fee_credited", "fee_1", amounts={"amount": 100})
    desk = _sold(Desk()).enter(credited).close(2020)
    before = _accounts(desk)
    assert ["account_closed"] == desk.reserve(1_000).said
    undo = entry("reversal", "fee_2", amounts={}, reverses=credited.transaction_id)
    assert ["account_closed"] == desk.enter(undo).said
    assert before == _accounts(desk)


def test_a_closed_account_takes_what_happened() -> None:
    """The bank paid out, the network pulled: whether an account is closed does not change that."""
    desk = _sold(Desk()).enter(PAID_OUT).close(2050).close(2020)
    assert ["payout_paid"] == desk.enter(entry("payout_paid", "po_1", amounts={"amount": 9_000})).said
    assert ["dispute_opened"] == desk.enter(OPENED).said


def test_a_dispute_ends_at_the_provider_it_was_opened_at() -> None:
    """Else one provider's account would stay open, and another's be below nothing."""
    desk = _sold(Desk()).enter(OPENED)
    elsewhere = entry("dispute_lost", "dsp_1", amounts={"amount": 8_000}, provider="other")
    assert ["unexpected_state"] == desk.enter(elsewhere).said
    assert ["dispute_lost"] == desk.enter(
        entry("dispute_lost", "dsp_1", turn=2, amounts={"amount": 8_000})
    ).said


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
    assert [said] == _sold(Desk()).enter(entry(template, "line-9", amounts=amounts)).said


@pytest.mark.parametrize(
    ("template", "book", "other", "said"),
    [
        ("split_received", MERCHANT, None, "parameter_missing"),
        ("split_received", MERCHANT, "garbage", "parameter_invalid"),
        ("split_sent", MERCHANT, "garbage", "parameter_invalid"),
        ("split_sent", MERCHANT, WALLET, "parameter_invalid"),
        ("wallet_refunded", MERCHANT, OTHER_MERCHANT, "parameter_invalid"),
        ("wallet_spent", WALLET, WALLET, "parameter_invalid"),
    ],
)
def test_a_movement_names_a_book_that_can_take_it(
    template: str, book: str, other: str | None, said: str
) -> None:
    """Else it would leave one book and reach none."""
    desk = _sold(Desk())
    assert [said] == desk.enter(entry(template, "mov_1", book=book, other_book=other), book=book).said[-1:]
    assert [] == desk.on_their_way


def test_what_is_sent_back_is_the_amount_of_the_whole() -> None:
    """Whatever else a refused entry says."""
    stated = {"amount": 100, "bogus": 5_000}
    desk = _sold(Desk()).enter(entry("split_received", "spl_1", other_book=OTHER_MERCHANT, amounts=stated))
    (back,) = desk.on_their_way
    assert {"amount": 100} == codec_of(topics.LEDGER_COMMANDS_INTERBOOK).decode(back.value).body.amounts


def test_corrections_of_fees_name_no_payment() -> None:
    """What a payment's refunds return of its fee is counted by the payment, and this is not among it."""
    stated = entry("fee_credited", "fee_1", payment_id=PAYMENT, amounts={"amount": 100})
    assert ["parameter_unknown"] == _sold(Desk()).enter(stated).said


def test_amounts_in_another_order_are_the_same_entry() -> None:
    """A map has no order, and a client may build it anew."""
    desk = _sold(Desk()).enter(PAID_OUT)
    again = replace(PAID_OUT, amounts=dict(reversed(PAID_OUT.amounts.items())))
    assert [] == desk.enter(again).said
    assert ["posted", "posted"] == [result.outcome for result in desk.results]


def test_a_payment_from_a_wallet_has_the_price_of_wallets() -> None:
    """The other book is told by which method it is paid."""
    free = Price(method="wallet", tiers=(PriceTier(),))
    desk = Desk().open(prices=(free,)).enter(entry("wallet_topped_up", "top_1", book=WALLET), book=WALLET)
    desk.enter(SPENT, book=WALLET).deliver()
    assert 0 == desk.by_code().get(4010, 0)


def test_a_prepaid_plan_is_earned_once() -> None:
    """Part by part, and no more than was prepaid."""
    desk = _sold(Desk()).enter(entry("plan_prepaid", "sub_1", amounts={"amount": 2_000}))
    said = [
        desk.enter(entry("plan_earned", "sub_1", turn=turn, amounts={"amount": amount})).said
        for turn, amount in enumerate((1_200, 1_200, 800, 1), 1)
    ]
    assert [["plan_earned"], ["unexpected_state"], ["plan_earned"], ["unexpected_state"]] == said
    assert (-2_000, 0) == (desk.by_code()[4060], desk.by_code().get(2600, 0))


def test_an_account_of_many_overflows_whatever_the_others_hold() -> None:
    """The second merchant has sold nothing yet; what the provider owes is over the limit all the same."""
    desk = Desk().open().terms(Terms(), merchant=OTHER_MERCHANT).capture(MAX_AMOUNT_MINOR // 2 + 1)
    before = _accounts(desk)
    other = command(RecordCapture, MAX_AMOUNT_MINOR // 2 + 1, merchant=OTHER_MERCHANT)
    assert ["amount_overflow"] == desk.tell(other, merchant=OTHER_MERCHANT).said
    assert before == _accounts(desk)


REVERSED = entry("reversal", "op_1", reverses=IN_TRANSIT.transaction_id)


def test_a_reversal_negates_once() -> None:
    """And is itself not reversible, nor is what has consequences of its own."""
    desk = _sold(Desk()).enter(IN_TRANSIT)
    in_euros = entry("reversal", "op_0", reverses=IN_TRANSIT.transaction_id, currency="EUR")
    assert ["currency_differs"] == desk.enter(in_euros).said
    assert ["reversal"] == desk.enter(REVERSED).said
    assert SOLD == desk.by_code()
    before = _accounts(desk)
    again = entry("reversal", "op_2", reverses=IN_TRANSIT.transaction_id)
    of_it = entry("reversal", "op_3", reverses=REVERSED.transaction_id)
    assert ["already_reversed"] == desk.enter(again).said
    assert ["not_reversible"] == desk.enter(of_it).said
    desk.enter(PAID_OUT)
    before_payout = _accounts(desk)
    of_payout = entry("reversal", "op_4", reverses=PAID_OUT.transaction_id)
    assert ["not_reversible"] == desk.enter(of_payout).said
    assert before != before_payout == _accounts(desk)


def test_another_entry_under_a_used_id_moves_nothing() -> None:
    """An id says one thing for ever; a rejected one stays rejected."""
    desk = _sold(Desk()).enter(IN_TRANSIT)
    before = _accounts(desk)
    changed = entry("settlement_in", "line-1", amounts={"net": 9_701, "fee": 100, "withheld": 200})
    assert ["posting_id_reused"] == desk.enter(changed).said
    assert [] == desk.enter(IN_TRANSIT).said
    refused = entry("payout_reserved", "po_9", amounts={"amount": 99_999})
    assert ["balance_insufficient"] == desk.enter(refused).said
    desk.capture(99_999_99, payment="q").wait(2 * DAY)
    assert [] == desk.enter(refused).said
    assert "refused" == desk.results[-1].outcome
    assert before != _accounts(desk)


def test_legs_two_persons_approved_are_posted_as_approved() -> None:
    """The same legs in any order; were they other legs by now, nothing would be posted."""
    desk = _sold(Desk()).enter(IN_TRANSIT)
    legs = desk.journal[-1].body.legs
    same = entry(
        "settlement_in",
        "line-2",
        amounts={"net": 9_700, "fee": 100, "withheld": 200},
        expected_legs=tuple(reversed(legs)),
    )
    assert ["settlement_in"] == desk.enter(same).said


def test_ids_of_books_name_their_kind() -> None:
    """A book's kind is the prefix of its owner's id, and its key the rest."""
    assert ("mer", "wal", "trs") == (MERCHANT[:3], WALLET[:3], TREASURY[:3])
    assert all(ids.key_of(book) for book in (MERCHANT, WALLET, TREASURY))


def _accounts(desk: Desk) -> dict[bytes, bytes]:
    """Every row that says how an account stands."""
    rows = desk.store.items().items()
    return {name: row for name, row in rows if b"/account/" in name or name.startswith(b"shard/")}


def test_a_reservation_is_answered_to_whoever_asked() -> None:
    """Of a refund to the payment, of an entry to the book; what is recorded is answered to nobody."""
    desk = _sold(Desk()).reserve(1_000).enter(PAID_OUT).enter(OPENED)
    assert [("refund_reserved", "ref"), ("payout_reserved", "po")] == [
        (event.body.template, result.operation_id.partition("_")[0])
        for event, result in zip(
            [one for one in desk.journal if getattr(one.body, "template", "").endswith("_reserved")],
            desk.results,
            strict=True,
        )
    ]
    assert [topics.LEDGER_RESULTS_PAYMENTS.name, topics.LEDGER_RESULTS_OPS.name] == desk.result_topics
