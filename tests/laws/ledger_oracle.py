"""What should the ledger come to? A model without accounts, legs, templates, rows or chains."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Told(NamedTuple):
    word: str
    payment: str
    name: str
    turn: int
    amount: int
    currency: str


@dataclass
class Lot:
    pending: int
    due: int


@dataclass
class Refund:
    amount: int
    state: str
    lots: list[tuple[Lot, int]]
    owed: int


@dataclass
class Payment:
    currency: str
    held: int = 0
    captured: int = 0
    kept: int = 0
    lots: dict[str, Lot] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds.values() if refund.state != "failed")


class Oracle:
    """One merchant. policy, bps, fixed and days are its terms."""

    def __init__(self, policy: str, bps: int, fixed: int, days: int) -> None:
        self.policy, self.bps, self.fixed, self.wait_ms = policy, bps, fixed, days * 86_400_000
        self.now = 0
        self.heard: dict[tuple[str, str, str, int], list[Told]] = {}
        self.payments: dict[str, Payment] = {}
        self.available, self.debt = Counter[str](), Counter[str]()

    def tell(self, told: Told) -> str:
        """What it comes to: an outcome, or "posted"; a repeat says nothing."""
        heard = self.heard.setdefault((told.word, told.payment, told.name, told.turn), [])
        if told in heard:
            return ""
        heard.append(told)
        if heard[0] != told:
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
            due = [lot for lot in payment.lots.values() if lot.due <= self.now]
            self.available[payment.currency] += sum(lot.pending for lot in due)
            for lot in due:
                lot.pending = 0

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
        repaid = min(told.amount - fee, self.debt[payment.currency])
        self.debt[payment.currency] -= repaid
        payment.captured, payment.kept = payment.captured + told.amount, payment.kept + fee
        payment.lots[told.name] = Lot(told.amount - fee - repaid, self.now + self.wait_ms)
        return "posted"

    def reserve(self, payment: Payment, told: Told) -> str:
        same = [one for one in self.payments.values() if one.currency == payment.currency]
        kept = sum(one.kept for one in same if one.refunded or one is payment)
        pending = sum(lot.pending for lot in payment.lots.values())
        owed = max(0, told.amount - pending - self.available[payment.currency])
        if self._open(payment, told):
            return "unexpected_state"
        if payment.refunded + told.amount > payment.captured:
            return "amount_exceeds_refundable"
        if owed and (self.policy == "refuse" or self.debt[payment.currency] + owed > kept):
            return "balance_insufficient"
        return self.request(payment, told)

    def request(self, payment: Payment, told: Told) -> str:
        if self._open(payment, told):
            return "unexpected_state"
        left, lots = told.amount, []
        for lot in payment.lots.values():
            lots.append((lot, min(left, lot.pending)))
            lot.pending, left = lot.pending - lots[-1][1], left - lots[-1][1]
        available = min(left, self.available[payment.currency])
        self.available[payment.currency] -= available
        self.debt[payment.currency] += left - available
        payment.refunds[told.name] = Refund(told.amount, "reserved", lots, left - available)
        return "posted"

    def succeed(self, payment: Payment, told: Told) -> str:
        if not self._open(payment, told):
            self.request(payment, told)
        refund = payment.refunds[told.name]
        is_due = refund.state == "reserved" and refund.amount == told.amount
        refund.state = "succeeded" if is_due else refund.state
        return "posted" if is_due else "unexpected_state"

    def fail(self, payment: Payment, told: Told) -> str:
        refund = self._open(payment, told)
        if refund is None or refund.amount != told.amount:
            return "unexpected_state"
        refund.state = "failed"
        still_owed = min(refund.owed, self.debt[payment.currency])
        self.debt[payment.currency] -= still_owed
        back = [(lot, part) for lot, part in refund.lots if lot.due > self.now]
        self.available[payment.currency] += refund.amount - still_owed - sum(part for _, part in back)
        for lot, part in back:
            lot.pending += part
        return "posted"

    def _open(self, payment: Payment, told: Told) -> Refund | None:
        refund = payment.refunds.get(told.name)
        return None if refund is None or refund.state == "failed" else refund
