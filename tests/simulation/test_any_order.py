"""Whatever anybody tells the ledger, in any order and amount: it is posted or refused, and the books are right.

The month plays what parties would really say; here nobody makes sense. Ids belong to one book each, as those
that are derived do.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any, Final

import pytest

from ops.verify.ledger_model import LedgerModel
from schemas import ids
from schemas.accounts import currency_of
from schemas.ledger import (
    AdjustmentCommand,
    ApproveAdjustment,
    Price,
    PriceTier,
    ProposeAdjustment,
    RecordCapture,
    RecordHold,
    RecordRefundFailed,
    RecordRefundRequested,
    RecordRefundSucceeded,
    RecordRelease,
    RejectAdjustment,
    ReserveRefund,
    Terms,
    TransactionPosted,
)
from schemas.testing import MERCHANT, OTHER_MERCHANT
from streams.ledger.entries import ENTRIES, SALES
from streams.ledger.legs import MAX_AMOUNT_MINOR
from streams.ledger.templates import REVERSAL, TEMPLATES
from streams.ledger.testing import DAY, TREASURY, WALLET, Desk, command, entry

MERCHANTS: Final = (MERCHANT, MERCHANT, OTHER_MERCHANT)
BOOKS: Final = {"mer": MERCHANTS, "wal": (WALLET,), "trs": (TREASURY,)}
KINDS: Final = (
    *(RecordHold, RecordRelease, RecordCapture, RecordCapture, RecordCapture, ReserveRefund, ReserveRefund),
    *(RecordRefundRequested, RecordRefundSucceeded, RecordRefundSucceeded, RecordRefundFailed),
)
OTHER_BOOKS: Final = {
    "split_sent": (MERCHANT, OTHER_MERCHANT),
    "wallet_spent": (MERCHANT, OTHER_MERCHANT),
    "split_received": (OTHER_MERCHANT,),
    "split_returned": (OTHER_MERCHANT,),
    "wallet_received": (WALLET,),
    "wallet_refunded": (WALLET, f"wal_{OTHER_MERCHANT[4:]}"),
    "wallet_returned": (MERCHANT,),
    "wallet_credited": (MERCHANT,),
    "wallet_refund_returned": (WALLET,),
}
BY_HAND: Final = (
    *("fee_credited", "fee_debited", "written_off", "debt_recovered", "psp_cost"),
    *("reserve_applied", "reserve_applied"),
)
SMALL: Final = (1, 1, 2, 30, 31, 99, 100, 320, 1_000, 5_000, 9_680, 10_000, 10_000, 10_000, 0, -1)
LARGE: Final = (MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR // 2, MAX_AMOUNT_MINOR // 2 + 1, 2**62, 10**18)
SEEDS: Final = 60


class Anybody:
    """Says one thing after another to one task, and judges every record of its journal."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._amounts = SMALL if seed % 4 else SMALL + LARGE
        self.desk, self.model = Desk(), LedgerModel()
        self.posted: list[tuple[TransactionPosted, str]] = []
        self._number = 0
        self._seen = 0

    def speak(self, times: int) -> None:
        """Say so many things."""
        sayings: list[Callable[[], object]] = [
            *[self._payment] * 9,
            *[self._entry] * 7,
            *[self._continuation] * 4,
            *[self._outcome] * 2,
            *(
                self._terms,
                self._wallet_refund,
                self._reversal,
                self._time,
                self._time,
                self._closing,
                self._adjustment,
                self._delivery,
            ),
        ]
        for self._number in range(times):
            self._one_of(sayings)()
            self._follow()

    def _follow(self) -> None:
        while self._seen < len(self.desk.journal):
            message = self.desk.journal[self._seen]
            self.model.record(self.desk.partition, self.desk.values[self._seen], message)
            if isinstance(message.body, TransactionPosted):
                self.posted.append((message.body, message.envelope.merchant_id))
            self._seen += 1

    def _one_of(self, choices: Any) -> Any:
        return self._random.choice(choices)

    def _payment_of(self, book: str) -> str:
        return command(RecordCapture, 1, payment=self._one_of("abc"), merchant=book).payment_id

    def _payment(self) -> None:
        kind, merchant = self._one_of(KINDS), self._one_of(MERCHANTS)
        now_ms = self.desk.now_ms
        more: dict[str, Any] = {}
        if kind is RecordHold:
            more["expires_at_ms"] = self._one_of([None, 0, now_ms, now_ms + 1, now_ms + DAY, 2**53])
        if kind is RecordCapture:
            more["method"] = self._one_of([None, "card", "wallet"])
        self.desk.tell(
            command(
                kind,
                self._one_of(self._amounts),
                payment=self._one_of("abc"),
                name=self._one_of("1234"),
                turn=self._one_of([1, 1, 1, 2, 3]),
                merchant=merchant,
                currency=self._one_of(["USD"] * 8 + ["EUR", "JPY", "XXX"]),
                provider=self._one_of(["simulator"] * 5 + ["other", ""]),
                **more,
            ),
            merchant=merchant,
        )

    def _outcome(self) -> None:
        """What a provider says of a refund, whatever it said before."""
        refunds = [one for one in self.posted if one[0].operation_id.startswith("ref_")]
        if not refunds:
            return
        refund, merchant = self._one_of(refunds)
        kind = self._one_of([RecordRefundSucceeded, RecordRefundFailed])
        said = kind(
            transaction_id=ids.transaction_id(merchant, refund.operation_id, kind.__name__, self._number),
            operation_id=refund.operation_id,
            payment_id=refund.payment_id,
            provider=refund.provider,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
        )
        self.desk.tell(said, merchant=merchant)

    def _entry(self) -> None:
        template = self._one_of(sorted(ENTRIES))
        known = ENTRIES[template]
        book = self._one_of(BOOKS[known.template.book])
        is_named = known.is_sale or (not known.is_of_no_payment and self._one_of([True, False]))
        said = entry(
            template,
            f"{template.partition('_')[0]}{book[:3]}{book[-3:]}{self._one_of('1234')}",
            book=book,
            turn=self._one_of([1, 1, 2]),
            amounts={
                name: self._one_of(self._amounts if name == known.given[0] else (0, 1, 30))
                for name in known.given
            },
            currency=self._one_of(["USD"] * 9 + ["JPY"]),
            provider=self._one_of(["simulator"] * 6 + ["other", None]),
            payment_id=self._payment_of(book if book in MERCHANTS else MERCHANT) if is_named else None,
            other_book=self._one_of(OTHER_BOOKS.get(template, (None,))),
            other_currency="EUR" if template.startswith("fx_") else None,
        )
        self.desk.enter(said, book=book)

    def _continuation(self) -> None:
        """What follows something that has begun, in its amount."""
        follows = [name for name, known in ENTRIES.items() if known.follows]
        template = self._one_of(sorted(follows))
        begun = [one for one in self.posted if one[0].template in ENTRIES[template].follows]
        if not begun:
            return
        before, book = self._one_of(begun)
        amounts = {
            name: before.amounts.get(name, self._one_of((0, 0, 30))) for name in ENTRIES[template].given
        }
        said = entry(
            template,
            before.operation_id,
            book=book,
            turn=self._one_of([1, 2]),
            amounts={**amounts, ENTRIES[template].given[0]: before.amount_minor},
            currency=before.currency,
            provider=before.provider,
            payment_id=before.payment_id,
            other_currency="EUR" if template.startswith("fx_") else None,
        )
        self.desk.enter(said, book=book)

    def _wallet_refund(self) -> None:
        """A part of a sale, to a wallet or to what is none."""
        sales = [one for one in self.posted if one[0].template in SALES]
        if sales:
            sale, book = self._one_of(sales)
            said = entry(
                "wallet_refunded",
                f"back{book[-3:]}{self._one_of('123456789')}",
                book=book,
                amounts={"amount": self._one_of((1, 100, sale.amount_minor))},
                currency=sale.currency,
                payment_id=sale.payment_id,
                other_book=self._one_of((WALLET, f"wal_{OTHER_MERCHANT[4:]}")),
            )
            self.desk.enter(said, book=book)

    def _reversal(self) -> None:
        if self.posted:
            before, book = self._one_of(self.posted)
            operation_id = f"rev{book[:3]}{book[-3:]}{self._one_of('123456789')}"
            said = entry(
                REVERSAL,
                operation_id,
                book=book,
                amounts={},
                currency=before.currency,
                reverses=before.transaction_id,
            )
            self.desk.enter(said, book=book)

    def _terms(self) -> None:
        tiers = (
            PriceTier(up_to_minor=self._one_of([100, 10_000]), fee_bps=self._one_of([0, 250, 10_000])),
            PriceTier(fee_bps=self._one_of([0, 290]), fee_fixed_minor=self._one_of([7, 10**9])),
        )
        price = Price(
            method=self._one_of([None, "wallet"]),
            tiers=tiers,
            minimum_minor=self._one_of([0, 5, 10**9]),
            maximum_minor=self._one_of([None, 0, 50]),
        )
        terms = Terms(
            fee_bps=self._one_of([0, 290, 10_000]),
            settlement_days=self._one_of([0, 0, 2, 90]),
            refund_policy=self._one_of(["owe", "refuse"]),
            fee_refund_policy=self._one_of(["keep", "proportional"]),
            prices=self._one_of([(), (price,)]),
            tax_bps=self._one_of([0, 1_900, 10_000]),
            reserve_bps=self._one_of([0, 1_000, 1_000, 10_000]),
            reserve_days=self._one_of([0, 5, 730]),
            rest_days=self._one_of([(), (6, 7), (1, 2, 3, 4, 5, 6)]),
            utc_offset_minutes=self._one_of([0, -720, 840]),
            effective_from_ms=self._one_of([0, 0, self.desk.now_ms - DAY, self.desk.now_ms + DAY, 2**53]),
        )
        self.desk.terms(terms, self._number + 1, merchant=self._one_of(MERCHANTS))

    def _time(self) -> None:
        if self._random.random() < 0.2:
            self.desk.back(self._one_of([1, DAY]))
        else:
            # No two ticks at one time, since their ids would be the same.
            self.desk.wait(self._one_of([1_000, DAY, DAY, 2 * DAY, 5 * DAY]) + self._number)

    def _closing(self) -> None:
        change = self._one_of([self.desk.close, self.desk.reopen, self.desk.reopen])
        book = self._one_of([*MERCHANTS, WALLET, TREASURY])
        change(self._one_of([1300, 2010, 2020, 2040, 2050, 2060, 2100]), book=book)

    def _adjustment(self) -> None:
        template = self._one_of(BY_HAND)
        said = entry(
            template,
            f"adj{self._number}",
            amounts={"amount": self._one_of(self._amounts)},
            payment_id=self._payment_of(MERCHANT) if template == "reserve_applied" else None,
        )
        adjustment_id = f"adj_{MERCHANT[4:]}{self._one_of('123')}"
        asked: AdjustmentCommand = self._one_of(
            [
                ProposeAdjustment(adjustment_id=adjustment_id, entry=said, reason="debt", reference="case-1"),
                ApproveAdjustment(adjustment_id=adjustment_id),
                RejectAdjustment(adjustment_id=adjustment_id),
            ]
        )
        self.desk.adjust(asked, operator=self._one_of(["opr_1", "opr_2"]), key=str(self._number))

    def _delivery(self) -> None:
        """In any order, and some of it twice."""
        self.desk.on_their_way += self.desk.on_their_way[: self._one_of([0, 1])]
        self._random.shuffle(self.desk.on_their_way)
        self.desk.deliver()


def _net_minor(desk: Desk, code_of: Callable[[str], bool]) -> Counter[str]:
    """Credits less debits posted, by currency, of the accounts of a kind."""
    sums: Counter[str] = Counter()
    for account_id, (_, debits, _, credits) in desk.counters().items():
        if code_of(account_id):
            sums[currency_of(account_id)] += credits - debits
    return Counter({currency: net for currency, net in sums.items() if net})


@cache
def _spoken(seed: int) -> Anybody:
    anybody = Anybody(seed)
    anybody.speak(200)
    return anybody


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_is_said_the_books_are_right(seed: int) -> None:
    """No message stops a task, every invariant holds, and what merchants are told adds up to what they have."""
    anybody = _spoken(seed)
    failed = [one for one in anybody.model.verdicts() if not one.passed]
    assert not failed, [(one.id, one.evidence) for one in failed]
    assert not _net_minor(anybody.desk, lambda _: True)
    for merchant in set(MERCHANTS):
        told: Counter[str] = Counter()
        for change in (one for batch in anybody.desk.changes for one in batch.transactions):
            if change.merchant_id == merchant:
                told[change.currency] += change.net_minor
        own = _net_minor(
            anybody.desk,
            lambda name, book=merchant: (
                book in name and ".1700." not in name and not name.startswith("test.9")
            ),
        )
        assert own == Counter({currency: net for currency, net in told.items() if net})


def test_nearly_everything_is_posted_some_time() -> None:
    """Talk that is always refused proves nothing. What needs three turns in their order may not come up."""
    posted = {body.template for seed in range(SEEDS) for body, _ in _spoken(seed).posted}
    assert len({*TEMPLATES, REVERSAL} - posted) <= 3
