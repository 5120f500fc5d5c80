"""What does docs/reference/ledger-entries.md say: the chart of accounts, and every entry posted once as an example.

The examples are posted by the ledger itself, chapter by chapter in one book after the other, so that they
show what it does and not what someone thought it does.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ops.markdown import table
from schemas import ids
from schemas.ledger import Leg, PostEntry, Price, PriceTier, RecordCapture, Terms, TransactionPosted
from schemas.money import Currency, format_amount
from schemas.testing import MERCHANT, OTHER_MERCHANT, PAYMENT_KEY
from streams.ledger.adjustments import BY_HAND
from streams.ledger.chart import CHART, MERCHANT_RECEIVABLE, described
from streams.ledger.entries import ENTRIES, Entry
from streams.ledger.templates import REVERSAL, TEMPLATES
from streams.ledger.templates.form import TemplateLeg
from streams.ledger.testing import DAY, TREASURY, WALLET, Desk, command, entry

_PAYMENT: Final = f"pay_{PAYMENT_KEY}"
_TERMS: Final = Terms(
    prices=(Price(tiers=(PriceTier(fee_bps=290, fee_fixed_minor=30),)),),
    tax_bps=1_800,
    reserve_bps=500,
    reserve_days=90,
    fee_refund_policy="proportional",
)


class Posting(NamedTuple):
    """One transaction of a chapter: its template, its legs, and the balance of each leg's account after it."""

    template: str
    legs: Sequence[Leg]
    balances: Sequence[int]


def chapters() -> dict[str, list[Posting]]:
    """Every example by the title of its chapter, in the order posted."""
    return {title: list(_postings(tell(Desk()))) for title, tell in CHAPTERS.items()}


def page_parts() -> Iterator[str]:
    """The parts of the page after its lead."""
    yield "## Chart of accounts\n\n" + table(
        ("code", "account", "class", "normal side", "limit or sharded", "why it is an account of its own"),
        [
            (
                str(kind.code),
                f"`{kind.kind}`",
                kind.account_class,
                kind.normal_side,
                "limit" if kind.is_limited else "sharded",
                kind.why,
            )
            for kind in CHART.values()
        ],
    )
    yield "## Entries\n\n" + table(
        ("entry", "posted when", "book", "sender states", "after", "by hand"),
        [_described(name) for name in TEMPLATES],
    )
    yield "## Formulas\n\n" + table(
        ("entry", "debit", "credit"),
        [
            (f"`{name}`", _side(template.legs, "debit"), _side(template.legs, "credit"))
            for name, template in TEMPLATES.items()
        ],
    )
    for title, postings in chapters().items():
        yield f"## Example: {title}\n\n" + "\n\n".join(_example(posting) for posting in postings)


def _postings(desk: Desk) -> Iterator[Posting]:
    balances: defaultdict[str, int] = defaultdict(int)
    for event in desk.journal:
        body = event.body
        if not isinstance(body, TransactionPosted):
            continue
        after = []
        for leg in body.legs:
            is_normal = leg.side == described(leg.account_id).kind.normal_side
            if leg.phase == "posted":
                balances[leg.account_id] += leg.amount_minor if is_normal else -leg.amount_minor
            after.append(balances[leg.account_id])
        yield Posting(body.template, body.legs, after)


def _example(posting: Posting) -> str:
    rows = []
    for leg, balance_minor in zip(posting.legs, posting.balances, strict=True):
        kind, owner, currency, _ = described(leg.account_id)
        amount = format_amount(leg.amount_minor, Currency(currency))
        named = f"`{kind.code} {kind.kind}`" + (f" of {_OWNERS.get(owner, owner)}" if owner else "")
        note = "" if leg.phase == "posted" else f" ({leg.phase})"
        rows.append(
            (
                named,
                amount + note if leg.side == "debit" else "",
                amount + note if leg.side == "credit" else "",
                format_amount(balance_minor, Currency(currency)),
            )
        )
    return f"**{posting.template}**\n\n" + table(("account", "debit", "credit", "balance after"), rows)


def _described(name: str) -> tuple[str, ...]:
    template, use = TEMPLATES[name], ENTRIES.get(name)
    stated = "a payment's command, or time" if use is None else ", ".join(use.given)
    return (
        f"`{name}`",
        template.meaning,
        _BOOKS[template.book],
        stated,
        _preceding(use),
        "yes" if name in BY_HAND else "",
    )


def _preceding(use: Entry | None) -> str:
    if use is None or not use.follows:
        return ""
    return ("nothing, " if use.begins else "") + ", ".join(f"`{name}`" for name in use.follows)


def _side(legs: Sequence[TemplateLeg], side: str) -> str:
    return "<br>".join(
        f"{leg.code} {leg.formula}"
        + ("" if leg.phase == "posted" else f" ({leg.phase})")
        + ("" if leg.currency == "own" else " (other currency)")
        for leg in legs
        if leg.side == side
    )


_BOOKS: Final = {"mer": "merchant", "wal": "wallet", "trs": "treasury"}
_OWNERS: Final = {MERCHANT: "the merchant", OTHER_MERCHANT: "the seller", WALLET: "the customer"}


def _treasury(template: str, operation_id: str, amount: int) -> Callable[[Desk], Desk]:
    stated = entry(template, operation_id, book=TREASURY, amounts={"amount": amount})
    return lambda desk: desk.enter(stated, book=TREASURY)


def _posted(*entries: PostEntry | Callable[[Desk], Desk]) -> Callable[[Desk], Desk]:
    """Sold and available, and then these entries of the merchant's book."""

    def tell(desk: Desk) -> Desk:
        desk.terms(_TERMS).capture(100_000).wait(2 * DAY)
        for one in entries:
            if isinstance(one, PostEntry):
                desk.enter(one)
            else:
                one(desk)
        return desk

    return tell


def _of(template: str, operation_id: str, /, turn: int = 1, **amounts: int) -> PostEntry:
    return entry(template, operation_id, turn=turn, amounts=amounts)


def _sale(desk: Desk) -> Desk:
    desk.terms(_TERMS).hold().capture(6_000).release(4_000)
    desk.hold(2_500, name="2", payment="q", expires_at_ms=desk.now_ms + DAY)
    desk.enter(_of("psp_cost", "cap_1", amount=90))
    return desk.wait(2 * DAY).wait(88 * DAY)


def _refunds(desk: Desk) -> Desk:
    desk.terms(_TERMS).capture().reserve(4_000).succeed(4_000)
    desk.reserve(1_000, name="2").fail(1_000, name="2")
    desk.request(500, name="3").succeed(500, name="3").fail(500, name="3")
    return desk


def _exchange(desk: Desk) -> Desk:
    desk.terms(_TERMS)
    amounts = {"amount": 10_000, "presented": 9_300, "margin": 150}
    desk.enter(entry("fx_captured", "cap_2", payment_id=_PAYMENT, other_currency="EUR", amounts=amounts))
    desk.wait(2 * DAY)
    back = {"amount": 1_000, "presented": 930}
    desk.enter(entry("fx_refunded", "ref_2", payment_id=_PAYMENT, other_currency="EUR", amounts=back))
    for operation_id, template in (("ref_3", "fx_refunded"), ("ref_3", "fx_refund_failed")):
        desk.enter(entry(template, operation_id, payment_id=_PAYMENT, other_currency="EUR", amounts=back))
    closed = {"amount": 9_100, "sold": 8_370, "gain": 20}
    return desk.enter(
        entry("fx_closed_out", "fx_1", book=TREASURY, other_currency="EUR", amounts=closed), book=TREASURY
    )


def _wallets(desk: Desk) -> Desk:
    desk.terms(_TERMS).terms(_TERMS, merchant=OTHER_MERCHANT)
    desk.enter(entry("wallet_topped_up", "top_1", book=WALLET, amounts={"amount": 8_000}), book=WALLET)
    desk.enter(_spent("op_1", 5_000), book=WALLET).deliver().wait(2 * DAY)
    for operation_id, wallet in (("ref_1", WALLET), ("ref_2", f"wal_{OTHER_MERCHANT[4:]}")):
        back = entry(
            "wallet_refunded",
            operation_id,
            other_book=wallet,
            payment_id=_PAYMENT,
            amounts={"amount": 1_000},
        )
        desk.enter(back).deliver()
    # A merchant who takes nothing any more.
    return desk.close(2010).enter(_spent("op_2", 500), book=WALLET).deliver()


def _spent(operation_id: str, amount_minor: int) -> PostEntry:
    return entry(
        "wallet_spent",
        operation_id,
        book=WALLET,
        other_book=MERCHANT,
        payment_id=_PAYMENT,
        amounts={"amount": amount_minor},
    )


def _splits(desk: Desk) -> Desk:
    desk.terms(Terms(), merchant=OTHER_MERCHANT).terms(_TERMS).capture(100_000).wait(2 * DAY)
    passed_on = entry("split_sent", "spl_1", other_book=OTHER_MERCHANT, amounts={"amount": 30_000})
    desk.enter(passed_on).deliver()
    refused = entry("split_sent", "spl_2", other_book=OTHER_MERCHANT, amounts={"amount": 500})
    return desk.close(2020, book=OTHER_MERCHANT).enter(refused).deliver()


def _transfers(desk: Desk) -> Desk:
    desk.terms(_TERMS)
    paid = command(RecordCapture, 20_000)
    desk.enter(entry("transfer_received", "trf_1", payment_id=paid.payment_id, amounts={"amount": 20_000}))
    desk.reserve(4_000).succeed(4_000)
    desk.reserve(1_000, name="2").succeed(1_000, name="2").fail(1_000, name="2")
    _treasury("transfer_unknown", "trf_2", 7_000)(desk)
    other = f"pay_{ids.payment_key(mode='test', merchant=MERCHANT, source='api', idempotency_key='x')}"
    return desk.enter(
        entry("transfer_identified", "trf_2", payment_id=other, amounts={"amount": 7_000}, provider="bank")
    )


_SETTLED: Final = _of("settlement_in", "line_1", net=97_000, fee=1_000, withheld=2_000)


def _debts(desk: Desk) -> Desk:
    desk.terms(_TERMS).capture(10_000)
    payment_id = desk.journal[-1].body.payment_id
    desk.enter(_of("plan_charged", "sub_1", amount=900))
    desk.enter(entry("reserve_applied", "debt_1", payment_id=payment_id, amounts={"amount": 300}))
    desk.capture(200, payment="q").wait(2 * DAY)
    desk.enter(_of("plan_charged", "sub_2", amount=30_000))
    desk.enter(entry("split_received", "spl_9", other_book=OTHER_MERCHANT, amounts={"amount": 1_000}))
    given_up = _of("written_off", "debt_2", amount=desk.by_code()[MERCHANT_RECEIVABLE])
    desk.enter(given_up)
    desk.enter(entry("split_received", "spl_10", other_book=OTHER_MERCHANT, amounts={"amount": 2_000}))
    desk.enter(entry(REVERSAL, "debt_3", reverses=given_up.transaction_id))
    return desk.enter(_of("debt_recovered", "debt_4", amount=2_000))


def _by_hand(desk: Desk) -> Desk:
    desk.terms(_TERMS).capture(10_000).wait(2 * DAY)
    desk.enter(_of("fee_credited", "fee_1", amount=320))
    return desk.enter(_of("fee_debited", "fee_2", amount=9_500))


CHAPTERS: Final[dict[str, Callable[[Desk], Desk]]] = {
    "a sale from hold to payout balance": _sale,
    "refunds": _refunds,
    "disputes": _posted(
        _of("dispute_opened", "dsp_1", amount=8_000, fee=1_500, cost=300),
        _of("dispute_won", "dsp_1", amount=8_000, fee=1_500),
        _of("dispute_opened", "dsp_2", amount=3_000, fee=1_500),
        _of("dispute_lost", "dsp_2", amount=3_000),
        _of("inquiry_opened", "dsp_3", amount=2_000),
        _of("inquiry_closed", "dsp_3", amount=2_000),
        _of("inquiry_opened", "dsp_4", amount=4_000),
        _of("inquiry_escalated", "dsp_4", amount=4_000, fee=1_500, cost=300),
        _of("dispute_won", "dsp_4", amount=1_000),
        _of("dispute_won_late", "dsp_2", amount=3_000, fee=1_500),
    ),
    "payouts": _posted(
        _of("payout_reserved", "po_1", amount=50_000, fee=25),
        _of("payout_paid", "po_1", amount=50_000),
        _of("payout_returned", "po_1", amount=50_000, charge=500),
        _of("payout_reserved", "po_2", amount=10_000, fee=25),
        _of("payout_failed", "po_2", amount=10_000),
        _of("payout_paid_late", "po_2", amount=10_000),
    ),
    "debts": _debts,
    "fees corrected by hand": _by_hand,
    "settlement files and bank statements": _posted(
        _SETTLED,
        _of("settlement_out", "line_2", gross=4_000, fee=25),
        _of("provider_reserve_returned", "line_3", amount=2_000),
        _treasury("settlement_unknown_in", "line_4", 700),
        _of("suspense_matched_in", "line_4", amount=700),
        _treasury("settlement_unknown_out", "line_5", 300),
        _of("suspense_matched_out", "line_5", amount=300),
        _treasury("bank_credited", "stmt_1", 90_000),
        _treasury("bank_debited", "stmt_2", 100),
        _treasury("bank_charged", "stmt_3", 40),
        _treasury("fee_swept", "swp_1", 2_500),
        _treasury("bank_funded", "swp_2", 40),
    ),
    "exchange": _exchange,
    "invoices and plans": _posted(
        _of("invoice_issued", "in_1", amount=12_000),
        _of("invoice_closed", "in_1", amount=12_000),
        _of("plan_charged", "sub_1", amount=2_900),
        _of("plan_prepaid", "sub_2", amount=12_000),
        _of("plan_earned", "sub_2", amount=1_000),
    ),
    "wallets": _wallets,
    "split payments": _splits,
    "bank transfers": _transfers,
    "a reversal": _posted(_SETTLED, entry(REVERSAL, "op_1", reverses=_SETTLED.transaction_id)),
}
