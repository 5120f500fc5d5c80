"""What happens in a month of a marketplace? Drawn from a seed; what has to wait for the ledger's word waits.

A day has four parts, and the ledger has posted a part before the next is drawn: settlement of the day
before, sales and what customers do, what follows from decisions, payouts of what is available.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Final, Protocol

from ops.month.books import BankBook, ProviderBook
from ops.month.orders import Order, about, entry
from ops.month.trade import DISPUTE_FEE, Dispute, Seller, Trade
from schemas import ids
from schemas.ledger import RecordRefundFailed, RecordRefundSucceeded, ReserveRefund, Terms

DAYS: Final = 30


class LedgerView(Protocol):
    """What a marketplace can know of the ledger: its answers and balances."""

    def is_posted(self, transaction_id: str) -> bool: ...
    def balance_minor(self, book: str, code: int, currency: str) -> int: ...


SELLERS: Final[Sequence[tuple[str, Terms]]] = (
    ("USD", Terms(settlement_days=0)),
    ("EUR", Terms(settlement_days=0, tax_bps=1_900, fee_refund_policy="proportional")),
    ("INR", Terms(settlement_days=0, fee_bps=200, fee_fixed_minor=0, tax_bps=1_800)),
    ("JPY", Terms(settlement_days=0, fee_bps=340, fee_fixed_minor=10, reserve_bps=1_000)),
    ("KWD", Terms(settlement_days=0, fee_bps=250, fee_fixed_minor=100, refund_policy="refuse")),
    ("USD", Terms(settlement_days=0, fee_bps=500, fee_fixed_minor=50)),
)
"""Currency and terms of each seller. The last one gets into debt."""


class Month:
    """The course of a month. provider, bank: their own books. is_over: after the last day everything is settled."""

    def __init__(self, seed: int, sellers: Sequence[Seller], treasury: str, *, sales_a_day: int) -> None:
        self._random = Random(seed)  # noqa: S311  # a seed repeats it
        self._sellers, self._treasury = sellers, treasury
        self._is_withholding = True
        self._payouts: list[tuple[Seller, str, int]] = []
        self.provider, self.bank = ProviderBook(), BankBook()
        self._trade = Trade(self._random, sellers, treasury, sales_a_day, self.provider, self.bank)

    def parts(self, ledger: LedgerView) -> Iterator[list[Order]]:
        """Every part of every day, each drawn once the ledger has posted the one before."""
        yield self._funded()
        for day in range(DAYS):
            yield self._settlement()
            yield self._trade.sales(day)
            yield self._answers(ledger)
            yield self._payday(day, ledger)
        self._is_withholding = False
        for _ in range(2):
            yield self._settlement()
            yield self._answers(ledger)
        yield self._closing(ledger)
        yield self._settlement()
        yield self._settlement()

    def _funded(self) -> list[Order]:
        """The platform puts money of its own on the clients' accounts, against losses on the way."""
        orders = []
        for currency in sorted({seller.currency for seller in self._sellers}):
            orders.append(
                entry(self._treasury, "bank_funded", self._trade.id("fnd"), currency, {"amount": 10_000_000})
            )
            self.bank.clients[currency] += 10_000_000
            self.bank.operating[currency] -= 10_000_000
        return orders

    def _settlement(self) -> list[Order]:
        """Yesterday's movements, line by line, and the batch of the day before on the bank account."""
        orders = []
        for currency in sorted(self.provider.on_its_way):
            paid_minor = self.provider.pay(currency)
            self.bank.clients[currency] += paid_minor
            if paid_minor:
                template = "bank_credited" if paid_minor > 0 else "bank_debited"
                amount = {"amount": abs(paid_minor)}
                orders.append(entry(self._treasury, template, self._trade.id("stm"), currency, amount))
        for merchant, currency, gross_minor in self._trade.unsettled:
            orders.append(self._line(merchant, currency, gross_minor))
        self._trade.unsettled.clear()
        return orders

    def _line(self, merchant: str, currency: str, gross_minor: int) -> Order:
        line_id = self._trade.id("lin")
        if gross_minor < 0:
            self.provider.settle(currency, gross_minor=gross_minor, fee_minor=5, withheld_minor=0)
            return entry(merchant, "settlement_out", line_id, currency, {"gross": -gross_minor, "fee": 5})
        fee_minor = gross_minor * 140 // 10_000
        withheld_minor = gross_minor // 100 if self._is_withholding else 0
        self.provider.settle(
            currency, gross_minor=gross_minor, fee_minor=fee_minor, withheld_minor=withheld_minor
        )
        amounts = {
            "net": gross_minor - fee_minor - withheld_minor,
            "fee": fee_minor,
            "withheld": withheld_minor,
        }
        return entry(merchant, "settlement_in", line_id, currency, amounts)

    def _answers(self, ledger: LedgerView) -> list[Order]:
        """What provider, network and bank say of what was decided."""
        orders = [*self._refunded(ledger), *self._resolved(), *self._paid_out(ledger)]
        for seller, transfer_id, amount_minor in self._trade.unknown:
            orders.append(
                entry(
                    seller.merchant,
                    "transfer_identified",
                    transfer_id,
                    seller.currency,
                    {"amount": amount_minor},
                    payment_id=f"pay_{self._trade.id('x')[2:]}",
                )
            )
        self._trade.unknown.clear()
        return orders

    def _refunded(self, ledger: LedgerView) -> Iterator[Order]:
        for sale, refund_id, amount_minor, is_by_bank in self._trade.refunds:
            reserved = ids.transaction_id(sale.merchant, refund_id, ReserveRefund.__name__)
            if not ledger.is_posted(reserved):
                continue
            if self._random.random() < 0.1:
                yield about(sale, RecordRefundFailed, refund_id, amount_minor)
                continue
            yield about(sale, RecordRefundSucceeded, refund_id, amount_minor)
            if is_by_bank:
                self.bank.clients[sale.currency] -= amount_minor
            else:
                self._trade.settled_with(sale, -amount_minor)
        self._trade.refunds.clear()

    def _resolved(self) -> Iterator[Order]:
        waiting = []
        for dispute in self._trade.disputes:
            chance = self._random.random()
            if chance < 0.7:
                waiting.append(dispute)
            elif dispute.is_inquiry and chance < 0.85:
                yield dispute.said("inquiry_closed")
            elif dispute.is_inquiry:
                yield self._trade.pulled(dispute, "inquiry_escalated")
                waiting.append(dispute._replace(is_inquiry=False))
            elif chance < 0.85:
                yield self._won(dispute, "dispute_won")
            else:
                yield dispute.said("dispute_lost")
                if chance > 0.95:
                    # The arbiter thinks otherwise.
                    yield self._won(dispute, "dispute_won_late")
        self._trade.disputes = waiting

    def _won(self, dispute: Dispute, template: str) -> Order:
        """All of it, or a part."""
        part_minor = dispute.amount_minor
        if self._random.random() < 0.3:
            part_minor = self._random.randint(1, part_minor)
        self._trade.settled_with(dispute.sale, part_minor)
        return dispute.said(template, amount_minor=part_minor, fee=self._random.choice([0, DISPUTE_FEE]))

    def _paid_out(self, ledger: LedgerView) -> Iterator[Order]:
        for number, (seller, payout_id, amount_minor) in enumerate(self._payouts):
            if not ledger.is_posted(ids.transaction_id(seller.merchant, payout_id, "payout_reserved")):
                continue
            amount, chance = {"amount": amount_minor}, self._random.random()
            if chance < 0.05:
                yield entry(seller.merchant, "payout_failed", payout_id, seller.currency, amount)
                if chance < 0.02:
                    # The bank was wrong about it.
                    yield entry(seller.merchant, "payout_paid_late", payout_id, seller.currency, amount)
                    self.bank.clients[seller.currency] -= amount_minor
                continue
            yield entry(seller.merchant, "payout_paid", payout_id, seller.currency, amount)
            self.bank.clients[seller.currency] -= amount_minor
            if chance < 0.1 or number == 0:
                back = {**amount, "charge": 250}
                self.bank.clients[seller.currency] += amount_minor - 250
                yield entry(seller.merchant, "payout_returned", payout_id, seller.currency, back)
        self._payouts.clear()

    def _payday(self, day: int, ledger: LedgerView) -> list[Order]:
        """Half of what is available is paid out every other day; plans are earned; a part is passed on."""
        orders: list[Order] = []
        if day % 10 == 9:
            amount = {"amount": 1_000}
            orders += [
                entry(seller.merchant, "plan_earned", plan_id, seller.currency, amount, turn=day)
                for seller, plan_id in self._trade.prepaid
            ]
        debtor = self._sellers[-1]
        if day in (10, 29):
            # More than there is: on the tenth day the next sales repay it, on the last nobody does.
            free_minor = ledger.balance_minor(debtor.merchant, 2020, debtor.currency)
            amount = {"amount": free_minor + 3_000}
            plan_id = self._trade.id("sub")
            return [*orders, entry(debtor.merchant, "plan_charged", plan_id, debtor.currency, amount)]
        for seller in self._sellers:
            available_minor = ledger.balance_minor(seller.merchant, 2020, seller.currency)
            if day % 2 and available_minor > 10_000:
                payout_id, amount_minor = self._trade.id("po"), available_minor // 2
                self._payouts.append((seller, payout_id, amount_minor))
                amounts = {"amount": amount_minor, "fee": 25}
                orders.append(entry(seller.merchant, "payout_reserved", payout_id, seller.currency, amounts))
            if self._random.random() < 0.2 and available_minor > 50_000:
                orders += self._passed_on(seller)
        return orders

    def _passed_on(self, seller: Seller) -> list[Order]:
        others = [one for one in self._sellers if one.merchant != seller.merchant]
        other = self._random.choice(others)
        amount = {"amount": self._random.randint(1, 5_000)}
        return [
            entry(
                seller.merchant,
                "split_sent",
                self._trade.id("spl"),
                seller.currency,
                amount,
                other_book=other.merchant,
            )
        ]

    def _closing(self, ledger: LedgerView) -> list[Order]:
        """Disputes end, debts are written off, positions closed out, reserves returned and income swept."""
        orders: list[Order] = []
        for dispute in self._trade.disputes:
            orders.append(dispute.said("inquiry_closed" if dispute.is_inquiry else "dispute_lost"))
        self._trade.disputes.clear()
        for seller in self._sellers:
            owed_minor = ledger.balance_minor(seller.merchant, 1300, seller.currency)
            if owed_minor:
                amount = {"amount": owed_minor}
                orders.append(
                    entry(seller.merchant, "written_off", self._trade.id("wof"), seller.currency, amount)
                )
        orders += self._closed_out()
        for currency, withheld_minor in sorted(self.provider.withheld.items()):
            if withheld_minor:
                merchant = self._sellers[0].merchant
                amount = {"amount": withheld_minor}
                orders.append(
                    entry(merchant, "provider_reserve_returned", self._trade.id("lin"), currency, amount)
                )
                self.provider.on_its_way[currency] += withheld_minor
        self.provider.withheld.clear()
        for currency in sorted({seller.currency for seller in self._sellers}):
            self.bank.clients[currency] -= 1_000
            self.bank.operating[currency] += 1_000
            orders.append(
                entry(self._treasury, "fee_swept", self._trade.id("swp"), currency, {"amount": 1_000})
            )
        return orders

    def _closed_out(self) -> Iterator[Order]:
        """Sell what customers presented for what merchants were promised, a little better or worse than the middle."""
        for (sold, bought), sold_minor in sorted(self._trade.presented.items()):
            yield self._exchange(sold, bought, sold_minor, self._trade.promised[sold, bought])
        self._trade.presented.clear()

    def _exchange(self, sold: str, bought: str, sold_minor: int, promised_minor: int) -> Order:
        difference_minor = self._random.randint(-promised_minor // 50, promised_minor // 50)
        got_minor = promised_minor + difference_minor
        amounts = {
            "amount": min(got_minor, promised_minor),
            "sold": sold_minor,
            "gain": max(difference_minor, 0),
            "loss": max(-difference_minor, 0),
        }
        self.bank.clients[sold] -= sold_minor
        self.bank.clients[bought] += got_minor
        return entry(
            self._treasury, "fx_closed_out", self._trade.id("fx"), bought, amounts, other_currency=sold
        )


def provider_sums(month: Month) -> Mapping[str, Counter[str]]:
    """The provider's book by the code of the account that must equal it."""
    return {
        "1100": month.provider.owed,
        "1110": month.provider.on_its_way,
        "1120": month.provider.withheld,
    }
