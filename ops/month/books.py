"""What do the provider and the bank say? Their own books, kept from what they did and not from any journal."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class ProviderBook:
    """What a provider owes the platform, by currency in minor units.

    owed: captured and not yet in a settlement file. on_its_way: in a file, not yet paid to the bank account.
    withheld: kept as its own reserve.
    """

    owed: Counter[str] = field(default_factory=Counter)
    on_its_way: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)

    def take(self, currency: str, amount_minor: int) -> None:
        """A customer paid, or a network gave back; below zero where one of them was paid."""
        self.owed[currency] += amount_minor

    def settle(self, currency: str, *, gross_minor: int, fee_minor: int, withheld_minor: int) -> None:
        """A line of a settlement file; gross is below zero where the line deducts."""
        self.owed[currency] -= gross_minor
        self.withheld[currency] += withheld_minor
        self.on_its_way[currency] += gross_minor - fee_minor - withheld_minor

    def pay(self, currency: str) -> int:
        """Pay all that is on its way; below zero what is taken from the account instead."""
        return self.on_its_way.pop(currency, 0)


@dataclass(slots=True)
class BankBook:
    """What lies on the platform's bank accounts, by currency in minor units: clients' money and its own."""

    clients: Counter[str] = field(default_factory=Counter)
    operating: Counter[str] = field(default_factory=Counter)
