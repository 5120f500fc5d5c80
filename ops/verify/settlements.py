"""What does the provider believe it settled, and what did it tell wrongly on purpose? Read from itself."""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from ops.verify.book import told

SETTLEMENT_PATH: Final = "/_simulator/settlement"


class SettledLine(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a file, in minor units; refunds are negative."""

    line_id: str
    provider_ref: str
    kind: str
    gross_minor: int
    fee_minor: int


class InjectedBreak(Struct, frozen=True, kw_only=True, gc=False):
    """Something told wrongly on purpose."""

    kind: Literal["duplicate", "wrong_amount", "unknown", "omit"]
    provider_ref: str


class SettledBatch(Struct, frozen=True, kw_only=True):
    """One file. omitted: references that no file will ever have."""

    provider: str
    batch_id: str
    settled_on: str
    currency: str
    lines: list[SettledLine]
    omitted: list[str] = []
    breaks: list[InjectedBreak] = []


class Account(Struct, frozen=True, kw_only=True):
    """All batches, oldest first. pending: references of money that moved and is in no batch yet."""

    batches: list[SettledBatch]
    pending: list[str]


_decode: Final = msgspec.json.Decoder(Account).decode


def read_account(simulator_url: str) -> Account:
    """The provider's account of its settlements. Raises BookUnreadable."""
    return told(simulator_url + SETTLEMENT_PATH, _decode)
