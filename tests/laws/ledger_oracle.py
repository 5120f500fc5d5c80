"""What should the ledger come to? A model without accounts, legs, templates, rows or chains."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

DAYS_MS = 86_400_000


class Told(NamedTuple):
    """One command, in the words of the test."""

    word: str
    payment: str
    name: str
    turn: int
    amount: int
    currency: str


@dataclass
class Lot:
    pending: int
    kept: int
    due: int
    is_moved: bool = False


@dataclass
class Refund:
    amount: int
    state: str
    lots: list[tuple[Lot, int]]
    available: int
    owed: int


@dataclass
class Payment:
    currency: str
    held: int = 0
    captured: int = 0
    lots: dict[str, Lot] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        return sum(lot.kept for lot in self.lots.values())

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds.values() if refund.state != "failed")


class Oracle:
    """One merchant. policy, bps, fixed and days are its terms; `said` is what the last command came to."""

    def __init__(self, policy: str, bps: int, fixed: int, days: int) -> None:
        self.policy, self.bps, self.fixed, self.days = policy, bps, fixed, days
        self.now = 0
        self.seen: dict[tuple[str, str, str, int], Told] = {}
        self.reused: set[Told] = set()
        self.payments: dict[str, Payment] = {}
        self.available, self.debt = Counter[str](), Counter[str]()

    def tell(self, told: Told) -> str:
        """What it comes to: an outcome, or "posted"; a repeat says nothing."""
        first = self.seen.setdefault((told.word, told.payment, told.name, told.turn), told)
        if (first == told and first is not told) or told in self.reused:
            return ""
        if first != told:
            self.reused.add(told)
            return "posting_id_reused"
        payment = self.payments.get(told.payment) or Payment(told.currency)
        if told.amount <= 0:
            return "amount_not_positive"
        if payment.currency != told.currency:
            return "currency_differs"
        outcome: str = getattr(self, told.word)(payment, told)
        if outcome == "posted":
            self.payments[told.payment] = payment
        return outcome

    def wait(self, ms: int) -> None:
        self.now += ms
        for payment in self.payments.values():
            for lot in payment.lots.values():
                if lot.due <= self.now and lot.pending:
                    self.available[payment.currency] += lot.pending
                    lot.pending, lot.is_moved = 0, True

    def hold(self, payment: Payment, told: Told) -> str:
        payment.held += told.amount
        return "posted"

    def release(self, payment: Payment, told: Told) -> str:
        amount = min(payment.held, told.amount)
        payment.held -= amount
        return "posted" if amount else "unexpected_state"

    def capture(self, payment: Payment, told: Told) -> str:
        if told.name in payment.lots:
            return "unexpected_state"
        fee = min(told.amount, told.amount * self.bps // 10_000 + self.fixed)
        payment.held -= min(payment.held, told.amount)
        payment.captured += told.amount
        repaid = min(told.amount - fee, self.debt[payment.currency])
        self.debt[payment.currency] -= repaid
        due = self.now + self.days * DAYS_MS
        payment.lots[told.name] = Lot(told.amount - fee - repaid, fee + repaid, due)
        return "posted"

    def reserve(self, payment: Payment, told: Told) -> str:
        same = [one for one in self.payments.values() if one.currency == payment.currency]
        kept = sum(one.kept for one in same if one.refunded or one is payment)
        lacking = told.amount - sum(lot.pending for lot in payment.lots.values())
        owed = max(0, lacking - self.available[payment.currency])
        if self._is_open(payment, told):
            return "unexpected_state"
        if payment.refunded + told.amount > payment.captured:
            return "amount_exceeds_refundable"
        if owed and (self.policy == "refuse" or self.debt[payment.currency] + owed > kept):
            return "balance_insufficient"
        return self.request(payment, told)

    def request(self, payment: Payment, told: Told) -> str:
        if self._is_open(payment, told):
            return "unexpected_state"
        left, lots = told.amount, []
        for lot in payment.lots.values():
            lots.append((lot, min(left, lot.pending)))
            lot.pending, left = lot.pending - lots[-1][1], left - lots[-1][1]
        available = min(left, self.available[payment.currency])
        self.available[payment.currency] -= available
        self.debt[payment.currency] += left - available
        payment.refunds[told.name] = Refund(told.amount, "reserved", lots, available, left - available)
        return "posted"

    def succeed(self, payment: Payment, told: Told) -> str:
        if not self._is_open(payment, told):
            self.request(payment, told)
        refund = payment.refunds[told.name]
        if refund.state != "reserved" or refund.amount != told.amount:
            return "unexpected_state"
        refund.state = "succeeded"
        return "posted"

    def fail(self, payment: Payment, told: Told) -> str:
        if not self._is_open(payment, told) or payment.refunds[told.name].amount != told.amount:
            return "unexpected_state"
        refund = payment.refunds[told.name]
        refund.state = "failed"
        for lot, part in refund.lots:
            if lot.is_moved or lot.due <= self.now:
                self.available[payment.currency] += part
            else:
                lot.pending += part
        still_owed = min(refund.owed, self.debt[payment.currency])
        self.available[payment.currency] += refund.available + refund.owed - still_owed
        self.debt[payment.currency] -= still_owed
        return "posted"

    def _is_open(self, payment: Payment, told: Told) -> bool:
        refund = payment.refunds.get(told.name)
        return refund is not None and refund.state != "failed"
