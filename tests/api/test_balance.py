"""What a merchant reads as its balance is what the ledger's accounts say."""

from typing import Any

import msgspec
import pytest

from api.balance import (
    AVAILABLE,
    DISPUTE_HOLD,
    OWED,
    PAYOUT_CLEARING,
    PENDING,
    REFUND_CLEARING,
    RESERVE,
    balance_answer,
)
from api.queries import StoredBalance

NOTHING: dict[str, list[dict[str, Any]]] = {
    "available": [],
    "pending": [],
    "held": [],
    "reserved": [],
    "disputed": [],
    "paying_out": [],
    "refunding": [],
    "owed": [],
}


def shown(*accounts: StoredBalance) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(balance_answer(accounts, is_live=False, as_of_ms=0))
    return {name: answer[name] for name in NOTHING}


def usd(amount: int) -> list[dict[str, Any]]:
    return [{"amount": amount, "currency": "USD"}]


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (StoredBalance(AVAILABLE, "USD", 500, 0), {"available": usd(500)}),
        (StoredBalance(PENDING, "USD", 700, 0), {"pending": usd(700), "held": usd(0)}),
        (StoredBalance(PENDING, "USD", 0, 300), {"pending": usd(0), "held": usd(300)}),
        (StoredBalance(RESERVE, "USD", 30, 0), {"reserved": usd(30)}),
        (StoredBalance(DISPUTE_HOLD, "USD", 40, 0), {"disputed": usd(40)}),
        (StoredBalance(PAYOUT_CLEARING, "USD", 50, 0), {"paying_out": usd(50)}),
        (StoredBalance(REFUND_CLEARING, "USD", 20, 0), {"refunding": usd(20)}),
        (StoredBalance(OWED, "USD", 10, 0), {"owed": usd(10)}),
        (StoredBalance(1100, "USD", 10, 10), {}),
    ],
)
def test_each_account_is_shown_where_it_belongs(account: StoredBalance, expected: dict[str, Any]) -> None:
    """What is only held must not look like money; what is owed must not look like it either."""
    assert {**NOTHING, **expected} == shown(account)


def test_currencies_are_never_added_and_stand_in_order() -> None:
    """A hundred yen and a hundred cents are not two hundred of anything."""
    accounts = [StoredBalance(AVAILABLE, currency, 100, 0) for currency in ("USD", "EUR", "JPY")]
    assert ["EUR", "JPY", "USD"] == [one["currency"] for one in shown(*accounts)["available"]]


@pytest.mark.parametrize(
    ("as_of_ms", "expected"), [(None, None), (1_800_000_000_000, "2027-01-15T08:00:00.000Z")]
)
def test_the_answer_says_how_fresh_it_is(as_of_ms: int | None, expected: str | None) -> None:
    """An empty balance of a platform that has read nothing is not an empty balance."""
    answer = balance_answer([], is_live=True, as_of_ms=as_of_ms)
    assert (True, expected) == (answer.livemode, answer.as_of)
