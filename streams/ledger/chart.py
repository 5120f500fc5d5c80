"""Which accounts are there, what may each of them owe, and what is it called in a journal?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from schemas.accounts import normal_side
from schemas.ledger import Side

AccountClass = Literal["asset", "liability", "income", "expense", "memo"]
Owner = Literal["provider", "book", "platform"]

BANK_OPERATING: Final = 1010
BANK_CLIENT_FUNDS: Final = 1020
PSP_RECEIVABLE: Final = 1100
PSP_IN_TRANSIT: Final = 1110
PSP_RESERVE: Final = 1120
MERCHANT_RECEIVABLE: Final = 1300
DISPUTE_RECEIVABLE: Final = 1400
SUSPENSE: Final = 1500
FX_POSITION: Final = 1600
INTERBOOK_CLEARING: Final = 1700
MERCHANT_PENDING: Final = 2010
MERCHANT_AVAILABLE: Final = 2020
MERCHANT_RESERVE: Final = 2030
DISPUTE_HOLD: Final = 2040
PAYOUT_CLEARING: Final = 2050
REFUND_CLEARING: Final = 2060
CUSTOMER_WALLET: Final = 2100
TAX_PAYABLE: Final = 2300
DEFERRED_REVENUE: Final = 2600
FEE_PROCESSING: Final = 4010
FEE_DISPUTE: Final = 4020
FEE_PAYOUT: Final = 4030
FX_MARGIN: Final = 4040
FX_GAIN_LOSS: Final = 4050
SUBSCRIPTION_REVENUE: Final = 4060
COST_PSP: Final = 5010
COST_DISPUTE: Final = 5020
LOSS_MERCHANT_CREDIT: Final = 5030
COST_BANK: Final = 5040
INVOICE_OPEN: Final = 9030
INVOICE_CONTRA: Final = 9031


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKind:
    """One line of the chart; there is an account per mode, owner and currency.

    why: what makes it an account of its own. owner: whose name it bears: the provider's, that of whose
    book it is (a merchant, a wallet), or nobody's.
    is_limited: it never has the wrong sign, so all its postings are decided in one book.
    is_sharded: one account per partition of the journal; only the sum of the shards means anything.
    """

    code: int
    kind: str
    account_class: AccountClass
    owner: Owner
    why: str
    is_limited: bool = False
    is_sharded: bool = False

    @property
    def normal_side(self) -> Side:
        """The side that makes its balance grow."""
        return normal_side(self.code)


class Account(NamedTuple):
    """What the id of an account says. owner: of the book, or a provider; None for the platform's own."""

    kind: AccountKind
    owner: str | None
    currency: str
    shard: int | None


def checked(kinds: Iterable[AccountKind]) -> Mapping[int, AccountKind]:
    """The chart by code. Raises ValueError for a code used twice or an account both limited and sharded.

    A limit that holds on every shard alone says nothing of the sum, so such an account cannot be.
    """
    chart: dict[int, AccountKind] = {}
    for kind in kinds:
        if kind.is_limited and kind.is_sharded:
            raise ValueError(f"{kind.code} {kind.kind} is both limited and sharded; a limit needs one owner")
        if kind.code in chart:
            raise ValueError(f"{kind.code} is in the chart twice")
        chart[kind.code] = kind
    return chart


def _limited(code: int, kind: str, account_class: AccountClass, why: str) -> AccountKind:
    """An account of whoever's book it is, which never has the wrong sign."""
    return AccountKind(
        code=code, kind=kind, account_class=account_class, owner="book", why=why, is_limited=True
    )


def _sharded(
    code: int, kind: str, account_class: AccountClass, why: str, *, owner: Owner = "platform"
) -> AccountKind:
    """An account of the platform, in shards without a limit."""
    return AccountKind(
        code=code, kind=kind, account_class=account_class, owner=owner, why=why, is_sharded=True
    )


CHART: Final = checked(
    (
        _sharded(
            BANK_OPERATING, "bank.operating", "asset", "the platform's own cash; earned fees are swept here"
        ),
        _sharded(
            BANK_CLIENT_FUNDS,
            "bank.client_funds",
            "asset",
            "safeguarded money; equal to the bank's statement",
        ),
        _sharded(
            PSP_RECEIVABLE,
            "psp.receivable",
            "asset",
            "captured and not settled; zero per settled batch",
            owner="provider",
        ),
        _sharded(
            PSP_IN_TRANSIT,
            "psp.in_transit",
            "asset",
            "in a settlement file, not yet on the bank account",
            owner="provider",
        ),
        _sharded(PSP_RESERVE, "psp.reserve", "asset", "withheld by the acquirer", owner="provider"),
        _limited(
            MERCHANT_RECEIVABLE,
            "merchant.receivable",
            "asset",
            "what a merchant owes; keeps what it is owed from falling below zero",
        ),
        _sharded(
            DISPUTE_RECEIVABLE,
            "dispute.receivable",
            "asset",
            "pulled by the network, outcome open",
            owner="provider",
        ),
        _sharded(SUSPENSE, "suspense", "asset", "what could not be matched yet", owner="provider"),
        _sharded(FX_POSITION, "fx.position", "asset", "open position of a currency"),
        _sharded(
            INTERBOOK_CLEARING,
            "interbook.clearing",
            "asset",
            "on its way from one book to another; zero at rest",
        ),
        _limited(MERCHANT_PENDING, "merchant.pending", "liability", "captured, not yet available"),
        _limited(MERCHANT_AVAILABLE, "merchant.available", "liability", "may be paid out"),
        _limited(MERCHANT_RESERVE, "merchant.reserve", "liability", "rolling reserve, kept until its date"),
        _limited(DISPUTE_HOLD, "merchant.dispute_hold", "liability", "frozen while a dispute is open"),
        _limited(PAYOUT_CLEARING, "merchant.payout_clearing", "liability", "sent to the bank, unconfirmed"),
        _limited(
            REFUND_CLEARING, "merchant.refund_clearing", "liability", "set aside for a refund, unconfirmed"
        ),
        _limited(CUSTOMER_WALLET, "customer.wallet", "liability", "stored value of a customer"),
        _sharded(TAX_PAYABLE, "tax.payable", "liability", "tax on fees, owed to the tax office"),
        _sharded(DEFERRED_REVENUE, "deferred.revenue", "liability", "prepaid plans, not yet earned"),
        _sharded(FEE_PROCESSING, "fee.processing", "income", "fees of captures"),
        _sharded(FEE_DISPUTE, "fee.dispute", "income", "fees of disputes"),
        _sharded(FEE_PAYOUT, "fee.payout", "income", "fees of payouts"),
        _sharded(FX_MARGIN, "fx.margin", "income", "the spread between the customer's rate and the middle"),
        _sharded(FX_GAIN_LOSS, "fx.gain_loss", "expense", "what closing out a position brought or cost"),
        _sharded(SUBSCRIPTION_REVENUE, "subscription.revenue", "income", "the platform's own plans"),
        _sharded(COST_PSP, "cost.psp", "expense", "what providers charge"),
        _sharded(COST_DISPUTE, "cost.dispute", "expense", "what networks charge for disputes"),
        _sharded(LOSS_MERCHANT_CREDIT, "loss.merchant_credit", "expense", "debts of merchants written off"),
        _sharded(COST_BANK, "cost.bank", "expense", "what banks charge"),
        _sharded(INVOICE_OPEN, "memo.invoice_open", "memo", "merchants' invoices, which are not our money"),
        _sharded(INVOICE_CONTRA, "memo.invoice_contra", "memo", "the other side of that memorandum"),
    )
)
"""Every account there may be, by code."""

SHARD_MARK: Final = "#"
"""Stands before the number of a shard in the id of an account, and in nothing it is called after."""


class Names(NamedTuple):
    """What the accounts of one transaction are called after.

    book: whose it is, a merchant, a wallet or the treasury. partition: of the journal it is written in.
    """

    mode: str
    book: str
    provider: str
    currency: str
    partition: int


def account_id(code: int, names: Names) -> str:
    """`{mode}.{code}.{kind}.{owner}.{CCY}`, of a sharded account with `#{partition}` after it.

    The platform's own accounts leave the owner out.
    """
    mode, book, provider, currency, partition = names
    kind = CHART[code]
    if kind.owner == "book":
        # There are as many as merchants: to keep them all would cost more than to put one together.
        return _named(kind, mode, f".{book}", currency, partition)
    return _of_no_book(code, mode, f".{provider}" if kind.owner == "provider" else "", currency, partition)


def _named(kind: AccountKind, mode: str, owner: str, currency: str, partition: int) -> str:
    whole = f"{mode}.{kind.code}.{kind.kind}{owner}.{currency}"
    return f"{whole}{SHARD_MARK}{partition}" if kind.is_sharded else whole


@lru_cache(maxsize=16_384)
def _of_no_book(code: int, mode: str, owner: str, currency: str, partition: int) -> str:
    return _named(CHART[code], mode, owner, currency, partition)


def unsharded(account: str) -> str:
    """The account's id without its shard."""
    return account.partition(SHARD_MARK)[0]


@lru_cache(maxsize=65_536)
def described(account: str) -> Account:
    """What an account's id says. Raises KeyError for a code that is not in the chart."""
    whole, _, shard = account.partition(SHARD_MARK)
    _, code, rest = whole.split(".", 2)
    kind = CHART[int(code)]
    owner, _, currency = rest.removeprefix(kind.kind).rpartition(".")
    return Account(kind, owner.removeprefix(".") or None, currency, int(shard) if shard else None)
