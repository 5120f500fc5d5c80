"""Which accounts are there, what may each of them owe, and what is it called in a journal?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from schemas.ledger import Side

AccountClass = Literal["asset", "liability", "income", "expense"]
Owner = Literal["provider", "merchant", "platform"]

PSP_RECEIVABLE: Final = 1100
MERCHANT_RECEIVABLE: Final = 1300
MERCHANT_PENDING: Final = 2010
MERCHANT_AVAILABLE: Final = 2020
REFUND_CLEARING: Final = 2060
FEE_PROCESSING: Final = 4010


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKind:
    """One line of the chart; there is an account per mode, owner and currency.

    is_limited: it never has the wrong sign, so all its postings are decided in one book.
    is_sharded: one account per partition of the journal; only the sum of the shards means anything.
    """

    code: int
    kind: str
    account_class: AccountClass
    owner: Owner
    is_limited: bool = False
    is_sharded: bool = False

    @property
    def normal_side(self) -> Side:
        """The side that makes its balance grow."""
        return "debit" if self.account_class in ("asset", "expense") else "credit"


class Account(NamedTuple):
    """What the id of an account says. owner: merchant or provider id; None for the platform's own."""

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


CHART: Final = checked(
    (
        AccountKind(
            code=PSP_RECEIVABLE,
            kind="psp.receivable",
            account_class="asset",
            owner="provider",
            is_sharded=True,
        ),
        AccountKind(
            code=MERCHANT_RECEIVABLE,
            kind="merchant.receivable",
            account_class="asset",
            owner="merchant",
            is_limited=True,
        ),
        AccountKind(
            code=MERCHANT_PENDING,
            kind="merchant.pending",
            account_class="liability",
            owner="merchant",
            is_limited=True,
        ),
        AccountKind(
            code=MERCHANT_AVAILABLE,
            kind="merchant.available",
            account_class="liability",
            owner="merchant",
            is_limited=True,
        ),
        AccountKind(
            code=REFUND_CLEARING,
            kind="merchant.refund_clearing",
            account_class="liability",
            owner="merchant",
            is_limited=True,
        ),
        AccountKind(
            code=FEE_PROCESSING,
            kind="fee.processing",
            account_class="income",
            owner="platform",
            is_sharded=True,
        ),
    )
)
"""The accounts in use, by code."""

_SHARD: Final = "#"


class Names(NamedTuple):
    """What the accounts of one transaction are called after."""

    mode: str
    merchant: str
    provider: str
    currency: str


@lru_cache(maxsize=16_384)
def account_id(code: int, names: Names) -> str:
    """`{mode}.{code}.{kind}.{owner}.{CCY}`; the platform's own accounts leave the owner out.

    The id of a sharded account lacks its shard until its place in the journal is known.
    """
    kind = CHART[code]
    owner = {"provider": f".{names.provider}", "merchant": f".{names.merchant}", "platform": ""}[kind.owner]
    return f"{names.mode}.{code}.{kind.kind}{owner}.{names.currency}"


@lru_cache(maxsize=16_384)
def sharded(account: str, partition: int) -> str:
    """The account's id in a partition of the journal; that of an account without shards stays."""
    return f"{account}{_SHARD}{partition}" if described(account).kind.is_sharded else account


def unsharded(account: str) -> str:
    """The account's id without its shard."""
    return account.partition(_SHARD)[0]


@lru_cache(maxsize=16_384)
def described(account: str) -> Account:
    """What an account's id says. Raises KeyError for a code that is not in the chart."""
    whole, _, shard = account.partition(_SHARD)
    _, code, rest = whole.split(".", 2)
    kind = CHART[int(code)]
    owner, _, currency = rest.removeprefix(kind.kind).rpartition(".")
    return Account(kind, owner.removeprefix(".") or None, currency, int(shard) if shard else None)
