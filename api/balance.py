"""How much money does a merchant have with us: available, pending, held, kept back, on its way, and owed?"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from api.answers import Answer, to_json
from api.calls import Call
from api.queries import StoredBalance
from api.services import Services
from schemas.outcomes import Outcome
from schemas.rendering import rfc3339

PENDING: Final = 2010
AVAILABLE: Final = 2020
RESERVE: Final = 2030
DISPUTE_HOLD: Final = 2040
PAYOUT_CLEARING: Final = 2050
REFUND_CLEARING: Final = 2060
OWED: Final = 1300
SHOWN: Final = (PENDING, AVAILABLE, RESERVE, DISPUTE_HOLD, PAYOUT_CLEARING, REFUND_CLEARING, OWED)
"""Codes of the chart that the answer is made of."""


class BalanceAmount(Struct, frozen=True, kw_only=True):
    """An amount in minor units of its currency."""

    amount: int
    currency: str


class BalanceAnswer(Struct, frozen=True, kw_only=True):
    """The balance of a merchant, by currency; a currency without an account is not listed.

    available: may be given back or paid out. pending: captured, fees taken off, not available yet.
    held: authorized and not captured; no money has moved. reserved: kept back of sales for a time, as agreed.
    disputed: frozen until a dispute or inquiry ends. paying_out: on its way to the merchant's bank.
    refunding: set aside for refunds the provider has not confirmed. owed: what the merchant owes the platform.
    as_of: everything the ledger posted until then is counted; None before anything was read from it.
    """

    object: str = "balance"
    livemode: bool
    available: list[BalanceAmount]
    pending: list[BalanceAmount]
    held: list[BalanceAmount]
    reserved: list[BalanceAmount]
    disputed: list[BalanceAmount]
    paying_out: list[BalanceAmount]
    refunding: list[BalanceAmount]
    owed: list[BalanceAmount]
    as_of: str | None


async def get(services: Services, call: Call) -> Answer:
    """GET /v1/balance."""
    # How far the load is, is asked first: what is read after it is at least as new.
    as_of_ms = await services.queries.ledger_as_of_ms()
    stored = await services.queries.balances(call.merchant_id, call.mode, SHOWN)
    return Answer(
        outcome=Outcome.SUCCEEDED,
        body=to_json(balance_answer(stored, is_live=call.mode == "live", as_of_ms=as_of_ms)),
        object_id=call.merchant_id,
    )


def balance_answer(stored: Iterable[StoredBalance], *, is_live: bool, as_of_ms: int | None) -> BalanceAnswer:
    """The balance as answers show it, currencies in order of their codes."""
    accounts = sorted(stored, key=lambda account: account.currency)
    return BalanceAnswer(
        livemode=is_live,
        available=_posted(accounts, AVAILABLE),
        pending=_posted(accounts, PENDING),
        held=[
            BalanceAmount(amount=account.pending_minor, currency=account.currency)
            for account in accounts
            if account.code == PENDING
        ],
        reserved=_posted(accounts, RESERVE),
        disputed=_posted(accounts, DISPUTE_HOLD),
        paying_out=_posted(accounts, PAYOUT_CLEARING),
        refunding=_posted(accounts, REFUND_CLEARING),
        owed=_posted(accounts, OWED),
        as_of=None if as_of_ms is None else rfc3339(as_of_ms),
    )


def _posted(accounts: Iterable[StoredBalance], code: int) -> list[BalanceAmount]:
    return [
        BalanceAmount(amount=account.posted_minor, currency=account.currency)
        for account in accounts
        if account.code == code
    ]
