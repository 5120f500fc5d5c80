"""What do the customers of a marketplace do, and what is open because of it?"""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

from ops.month.books import BankBook, ProviderBook
from ops.month.orders import Order, Sale, about, entry, of_sale
from schemas import ids
from schemas.ledger import RecordCapture, RecordHold, RecordRelease, ReserveRefund, Terms

DISPUTE_FEE: Final = 1_500
DISPUTE_COST: Final = 500


class Seller(NamedTuple):
    """A merchant of the marketplace, in which currency it sells and under which terms."""

    merchant: str
    currency: str
    terms: Terms


class Refund(NamedTuple):
    """A refund that was asked for. is_by_bank: the bank gives it, since the sale came by a transfer."""

    sale: Sale
    refund_id: str
    amount_minor: int
    is_by_bank: bool = False


class Dispute(NamedTuple):
    """A dispute that is open. is_inquiry: the network only asks so far."""

    sale: Sale
    dispute_id: str
    amount_minor: int
    is_inquiry: bool

    def said(self, template: str, *, amount_minor: int | None = None, **more: int) -> Order:
        """What the network says of it, of the whole where no amount is given."""
        amounts = {"amount": self.amount_minor if amount_minor is None else amount_minor, **more}
        return of_sale(self.sale, template, self.dispute_id, amounts)


class Trade:
    """Draws what happens in the shops, and keeps what has consequences.

    unsettled: book, currency and amount of what the next settlement file tells, below zero where it
    deducts. presented, promised: by currency paid and currency owed,
    what customers abroad paid and what the platform owes for it. unknown: transfers that name nobody.
    prepaid: seller and plan.
    """

    def __init__(
        self,
        random: Random,
        sellers: Sequence[Seller],
        treasury: str,
        sales_a_day: int,
        provider: ProviderBook,
        bank: BankBook,
    ) -> None:
        self._random, self._sellers, self._treasury = random, sellers, treasury
        self._sales_a_day = sales_a_day
        self._number = 0
        self.provider, self.bank = provider, bank
        self.unsettled: list[tuple[str, str, int]] = []
        self.refunds: list[Refund] = []
        self.disputes: list[Dispute] = []
        self.presented: Counter[tuple[str, str]] = Counter()
        self.promised: Counter[tuple[str, str]] = Counter()
        self.unknown: list[tuple[Seller, str, int]] = []
        self.prepaid: list[tuple[Seller, str]] = []

    def id(self, prefix: str) -> str:
        """A new id, of this month of these sellers alone."""
        self._number += 1
        return f"{prefix}_00{ids.digest(prefix, self._sellers[0].merchant, str(self._number))}"

    def sales(self, day: int) -> list[Order]:
        orders: list[Order] = []
        for _ in range(self._sales_a_day):
            orders += self._sale(self._random.choice(self._sellers))
        for seller in self._sellers:
            orders += self._sundries(seller, day)
        return orders

    def _sale(self, seller: Seller) -> list[Order]:
        key = self.id("x")[2:]
        sale = Sale(seller.merchant, key, self._random.randint(500, 50_000), seller.currency)
        chance = self._random.random()
        if chance < 0.04:
            return self._abroad(seller, sale)
        orders = []
        if chance < 0.5:
            orders.append(about(sale, RecordHold, f"auth_{key}01", sale.amount_minor))
            if chance < 0.08:
                return [*orders, about(sale, RecordRelease, f"auth_{key}01", sale.amount_minor)]
        taken_minor = sale.amount_minor - (self._random.randint(1, 400) if 0.08 <= chance < 0.14 else 0)
        orders.append(about(sale, RecordCapture, sale.capture_id, taken_minor))
        if taken_minor < sale.amount_minor and chance < 0.5:
            orders.append(about(sale, RecordRelease, f"auth_{key}01", sale.amount_minor - taken_minor))
        self.provider.take(sale.currency, taken_minor)
        self.unsettled.append((seller.merchant, sale.currency, taken_minor))
        if chance > 0.9:
            orders.append(self._refund(sale, taken_minor))
        elif chance > 0.885:
            orders.append(self._dispute(sale, taken_minor))
        return orders

    def _refund(self, sale: Sale, taken_minor: int, *, is_by_bank: bool = False) -> Order:
        refund_id = f"ref_{sale.key}00000001"
        part_minor = taken_minor if self._random.random() < 0.5 else self._random.randint(1, taken_minor)
        self.refunds.append(Refund(sale, refund_id, part_minor, is_by_bank))
        return about(sale, ReserveRefund, refund_id, part_minor)

    def _dispute(self, sale: Sale, taken_minor: int) -> Order:
        dispute = Dispute(sale, self.id("dsp"), taken_minor, is_inquiry=self._random.random() < 0.3)
        self.disputes.append(dispute)
        return (
            dispute.said("inquiry_opened") if dispute.is_inquiry else self.pulled(dispute, "dispute_opened")
        )

    def pulled(self, dispute: Dispute, template: str) -> Order:
        """The network takes the amount, and charges for it."""
        self.settled_with(dispute.sale, -dispute.amount_minor - DISPUTE_COST)
        return dispute.said(template, fee=DISPUTE_FEE, cost=DISPUTE_COST)

    def settled_with(self, sale: Sale, amount_minor: int) -> None:
        """The provider owes so much more, below zero less, and its next file tells it."""
        self.provider.take(sale.currency, amount_minor)
        self.unsettled.append((sale.merchant, sale.currency, amount_minor))

    def _abroad(self, seller: Seller, sale: Sale) -> list[Order]:
        """The customer pays in another currency; the platform's margin is one part in a hundred."""
        other = self._random.choice(
            [one.currency for one in self._sellers if one.currency != seller.currency]
        )
        presented_minor = self._random.randint(500, 50_000)
        margin_minor = sale.amount_minor // 100
        self.provider.take(other, presented_minor)
        self.unsettled.append((seller.merchant, other, presented_minor))
        self.presented[other, seller.currency] += presented_minor
        self.promised[other, seller.currency] += sale.amount_minor + margin_minor
        amounts = {"amount": sale.amount_minor, "presented": presented_minor, "margin": margin_minor}
        paid = sale._replace(currency=other)
        orders = []
        if self._random.random() < 0.5:
            orders.append(about(paid, RecordHold, f"auth_{sale.key}01", presented_minor))
        orders.append(of_sale(sale, "fx_captured", sale.capture_id, amounts, other_currency=other))
        if self._random.random() < 0.3:
            orders += self._given_back_abroad(sale, paid, presented_minor)
        return orders

    def _given_back_abroad(self, sale: Sale, paid: Sale, presented_minor: int) -> list[Order]:
        """A part of an exchange; of some the provider says at once that it did not work."""
        part_minor = self._random.randint(1, sale.amount_minor)
        amounts = {
            "amount": part_minor,
            "presented": max(presented_minor * part_minor // sale.amount_minor, 1),
        }
        refund_id = f"ref_{sale.key}00000001"
        orders = [of_sale(sale, "fx_refunded", refund_id, amounts, other_currency=paid.currency)]
        if self._random.random() < 0.3:
            return [
                *orders,
                of_sale(sale, "fx_refund_failed", refund_id, amounts, other_currency=paid.currency),
            ]
        self.settled_with(paid, -amounts["presented"])
        self.presented[paid.currency, sale.currency] -= amounts["presented"]
        self.promised[paid.currency, sale.currency] -= part_minor
        return orders

    def _sundries(self, seller: Seller, day: int) -> list[Order]:
        """Wallets, transfers, invoices, plans and unknown lines: a few of each a week."""
        orders: list[Order] = []
        currency, draw = seller.currency, self._random.random
        if draw() < 0.6:
            orders += self._wallet(seller)
        if draw() < 0.3:
            sale = Sale(seller.merchant, self.id("x")[2:], self._random.randint(1_000, 80_000), currency)
            self.bank.clients[currency] += sale.amount_minor
            orders.append(of_sale(sale, "transfer_received", self.id("trf"), {"amount": sale.amount_minor}))
            if draw() < 0.5:
                orders.append(self._refund(sale, sale.amount_minor, is_by_bank=True))
        if draw() < 0.1:
            transfer_id, amount_minor = self.id("trf"), self._random.randint(1_000, 9_000)
            self.bank.clients[currency] += amount_minor
            self.unknown.append((seller, transfer_id, amount_minor))
            orders.append(
                entry(self._treasury, "transfer_unknown", transfer_id, currency, {"amount": amount_minor})
            )
        if draw() < 0.2:
            invoice_id, amount = self.id("in"), {"amount": self._random.randint(1_000, 9_000)}
            orders.append(entry(seller.merchant, "invoice_issued", invoice_id, currency, amount))
            orders.append(entry(seller.merchant, "invoice_closed", invoice_id, currency, amount))
        if day % 10 == 0:
            orders.append(entry(seller.merchant, "plan_charged", self.id("sub"), currency, {"amount": 2_900}))
        if day == 1:
            plan_id = self.id("sub")
            self.prepaid.append((seller, plan_id))
            orders.append(entry(seller.merchant, "plan_prepaid", plan_id, currency, {"amount": 3_000}))
        return orders

    def _wallet(self, seller: Seller) -> list[Order]:
        wallet = ids.wallet_id(seller.merchant, f"customer-{self._random.randint(1, 5)}")
        amount_minor = self._random.randint(1_000, 20_000)
        self.provider.take(seller.currency, amount_minor)
        self.unsettled.append((seller.merchant, seller.currency, amount_minor))
        topped_up = entry(
            wallet, "wallet_topped_up", self.id("top"), seller.currency, {"amount": amount_minor}
        )
        spend_id, spent_minor = self.id("wsp"), self._random.randint(1, 25_000)
        spent = entry(
            wallet,
            "wallet_spent",
            spend_id,
            seller.currency,
            {"amount": spent_minor},
            other_book=seller.merchant,
            payment_id=f"pay_{self.id('x')[2:]}",
        )
        return [topped_up, spent]
