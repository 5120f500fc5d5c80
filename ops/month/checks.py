"""Is everything as it must be when a month is over: by the journal, the provider's book and the bank's?"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from ops.month.month import Month
from ops.verify.ledger_model import LedgerModel
from streams.ledger.chart import CHART, Names, account_id, described


class Check(Struct, frozen=True):
    """One finding. evidence: what it was found by, or what is wrong."""

    name: str
    passed: bool
    evidence: str


_ENDED: Final = (1110, 1120, 1300, 1400, 1500, 1600, 1700, 2010, 2030, 2040, 2050, 2060, 2600, 9030, 9031)
"""Accounts of what is under way: when all is over, nothing is."""
_CLIENT_ASSETS: Final = frozenset({1020, 1100, 1110, 1120, 1300, 1400})
_CLIENT_CLAIMS: Final = frozenset({2010, 2020, 2030, 2040, 2050, 2060, 2100})


class Followed:
    """A month as its journal tells it: what was posted and how the accounts stand."""

    def __init__(self, mode: str = "test") -> None:
        self.model = LedgerModel()
        self._mode = mode
        self._before: Mapping[int, Counter[str]] = {}

    def begin(self) -> None:
        """What was there before the month belongs to others; it stands still while the month is played."""
        self._before = self.sums()

    def is_posted(self, transaction_id: str) -> bool:
        """Whether the journal has this transaction."""
        return self.model.is_posted(transaction_id)

    def balance_minor(self, book: str, code: int, currency: str) -> int:
        """The balance of one of a book's own accounts, on its normal side."""
        counters = self.model.balances.get(account_id(code, Names(self._mode, book, "", currency, 0)))
        if counters is None:
            return 0
        debit_minor = counters.debits_posted_minor - counters.credits_posted_minor
        return debit_minor if CHART[code].normal_side == "debit" else -debit_minor

    def sums(self) -> Mapping[int, Counter[str]]:
        """Debits less credits since the month began, over all accounts of a code, by currency, without zeros."""
        found: dict[int, Counter[str]] = {}
        for account, counters in self.model.balances.items():
            kind, _, currency, _ = described(account)
            net_minor = counters.debits_posted_minor - counters.credits_posted_minor
            found.setdefault(kind.code, Counter())[currency] += net_minor
        for code, before in self._before.items():
            found[code].subtract(before)
        return {code: Counter({one: net for one, net in sums.items() if net}) for code, sums in found.items()}


def at_rest(followed: Followed, month: Month) -> Iterator[Check]:
    """What holds whenever the ledger has posted all it was told."""
    for verdict in followed.model.verdicts():
        yield Check(f"{verdict.id} {verdict.name}", verdict.passed, "; ".join(verdict.evidence))
    sums = followed.sums()
    trial = Counter[str]()
    for by_currency in sums.values():
        trial.update(by_currency)
    yield _zero("trial balance", {code: net for code, net in trial.items() if net})
    yield _equal("L27 PSP receivable and the provider's book", sums.get(1100, Counter()), month.provider.owed)
    yield _equal(
        "PSP in transit and the provider's book", sums.get(1110, Counter()), month.provider.on_its_way
    )
    yield _equal("PSP reserve and the provider's book", sums.get(1120, Counter()), month.provider.withheld)
    yield _equal("L28 clients' account and the bank's book", sums.get(1020, Counter()), month.bank.clients)
    yield _equal("operating account and the bank's book", sums.get(1010, Counter()), month.bank.operating)
    yield _zero("L29 interbook clearing", sums.get(1700, Counter()))
    yield _covered(sums)


def at_the_end(followed: Followed) -> Iterator[Check]:
    """What holds when in addition everything that was begun is over."""
    sums = followed.sums()
    for code in _ENDED:
        yield _zero(f"{code} {CHART[code].kind}", sums.get(code, Counter()))
    yield _zero("L26 PSP receivable of settled batches", sums.get(1100, Counter()))


def _covered(sums: Mapping[int, Counter[str]]) -> Check:
    """L30: what clients are owed lies at banks and providers, or is owed by other merchants."""
    cover = Counter[str]()
    for code in _CLIENT_ASSETS | _CLIENT_CLAIMS:
        for currency, net_minor in sums.get(code, Counter()).items():
            cover[currency] += net_minor
    short = {currency: net_minor for currency, net_minor in cover.items() if net_minor < 0}
    said = f"more than is owed: {_said(cover)}" if not short else f"missing: {_said(short)}"
    return Check("L30 clients' money is covered", not short, said)


def _zero(name: str, found: Mapping[str, int]) -> Check:
    return Check(name, not found, "zero in every currency" if not found else f"not zero: {_said(found)}")


def _equal(name: str, found: Mapping[str, int], expected: Mapping[str, int]) -> Check:
    wanted = {currency: amount for currency, amount in expected.items() if amount}
    if dict(found) == wanted:
        return Check(name, True, f"both {_said(found) or 'zero'}")
    return Check(
        name, False, f"the ledger has {_said(found) or 'zero'}, the other book {_said(wanted) or 'zero'}"
    )


def _said(amounts: Mapping[str, int]) -> str:
    return ", ".join(f"{amount_minor:,} {currency}" for currency, amount_minor in sorted(amounts.items()))
