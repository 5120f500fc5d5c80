"""A statement runs in the order things occurred, though some of it was told late."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from api.ledger_queries import LedgerQueries, StoredAccount

ACCOUNT = StoredAccount(
    "test.2020.x.USD", 2020, "merchant.available", "USD", "test", "mer_1", 0, 0, 0, 0, 0, 9
)
SINCE, UNTIL = datetime(2026, 1, 3, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


class _Stored:
    """Answers with an opening balance and then with rows, as the database orders them."""

    def __init__(self, opening: int, rows: list[tuple[Any, ...]]) -> None:
        self._answers = [[(opening,)], rows]
        self.asked: list[Mapping[str, object]] = []

    async def rows(self, query: object, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        self.asked.append(parameters)
        return self._answers.pop(0)


def _row(day: int, seq: int, amount: int, side: str = "credit", phase: str = "posted") -> tuple[Any, ...]:
    at = datetime(2026, 1, day, tzinfo=UTC)
    return (f"txn_{seq}:1", f"txn_{seq}", "available", "cap_1", seq, side, phase, amount, at, 0)


def test_balances_follow_the_opening_in_the_order_of_time() -> None:
    """What was posted as the ninth record occurred before the fifth."""
    stored = _Stored(
        400, [_row(4, 9, 100), _row(5, 5, 1_000, "debit"), _row(5, 6, 50, phase="pending"), _row(6, 7, 2_000)]
    )
    opening, entries = asyncio.run(LedgerQueries(stored).statement(ACCOUNT, SINCE, UNTIL))  # type: ignore[arg-type]  # it answers as they do
    assert (400, [500, -500, -500, 1_500]) == (opening, [one.balance_after_minor for one in entries])


def test_an_entry_is_in_one_of_two_statements_that_meet() -> None:
    """From its first moment, and before its last."""
    stored = _Stored(0, [])
    assert (0, []) == asyncio.run(LedgerQueries(stored).statement(ACCOUNT, SINCE, UNTIL))  # type: ignore[arg-type]  # as above
    assert [(SINCE, UNTIL - timedelta(microseconds=1))] * 2 == [
        (one["since"], one["until"]) for one in stored.asked
    ]
