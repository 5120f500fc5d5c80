"""What do the tables say of the payments of a demo, once they are as new as what the client has seen?"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from ops.demo.errors import TablesUnreadable
from ops.demo.patience import pause_s
from ops.demo.queries import BEHIND, Queries
from ops.demo.tally import LastSeen

UNREACHABLE_S: Final = 60.0
"""How long Postgres may be away."""
LOOK_AGAIN_S: Final = 0.5
LOG_CATCHES_UP_S: Final = 5.0

Row = tuple[Any, ...]  # columns are of whatever types the statement selects


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Totals of one currency, in minor units."""

    currency: str
    authorized_minor: int
    captured_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the tables hold. open_operations: the first of open_count. behind: payments in an older version than the client saw, 0 unless time ran out."""

    statuses: Mapping[str, int]
    amounts: Sequence[Amounts]
    declines: Mapping[str, int]
    answers: Mapping[int, int]
    open_operations: Sequence[str]
    open_count: int
    payment_ids: frozenset[str]
    behind: int


class Tables:
    """Reads Postgres, and reads again while it is away."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def stored(
        self, queries: Queries, seen: Mapping[str, LastSeen], *, answers: int, deadline_s: float
    ) -> Stored:
        """Wait until nothing is open and nothing is behind, but not for ever; then read everything.

        answers: how many answers the client had, which the request log should hold as well.

        Raises TablesUnreadable when Postgres is away for more than a minute.
        """
        ends_at = time.monotonic() + deadline_s
        versions = (list(seen), [payment.version for payment in seen.values()])
        while True:
            behind = int((await self.rows(BEHIND, versions))[0][0])
            open_operations = await self.rows(queries.open_operations)
            if time.monotonic() >= ends_at or not (behind or any(map(_is_moving, open_operations))):
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        await self._wait_for_log(queries, answers)
        return await self._read(queries, open_operations, behind)

    async def _wait_for_log(self, queries: Queries, answers: int) -> None:
        """Let the request log catch up; it never will for answers given before the caller was known."""
        ends_at = time.monotonic() + LOG_CATCHES_UP_S
        while time.monotonic() < ends_at:
            if sum(row[1] for row in await self.rows(queries.answers)) >= answers:
                return
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _read(self, queries: Queries, open_operations: Sequence[Row], behind: int) -> Stored:
        return Stored(
            statuses=dict(await self.rows(queries.payments_by_status)),
            amounts=[
                Amounts(
                    currency=currency,
                    authorized_minor=authorized,
                    captured_minor=captured,
                    refunded_minor=refunded,
                )
                for currency, authorized, captured, refunded in await self.rows(queries.amounts)
            ],
            declines=dict(await self.rows(queries.declines)),
            answers={status: answers for status, answers, _ in await self.rows(queries.answers)},
            open_operations=[
                f"{payment}: {kind} {operation} is {status}"
                for payment, operation, kind, status, _ in open_operations
            ],
            open_count=open_operations[0][4] if open_operations else 0,
            payment_ids=frozenset(payment_id for (payment_id,) in await self.rows(queries.payment_ids)),
            behind=behind,
        )

    async def rows(self, statement: str, values: Sequence[object] | None = None) -> list[Row]:
        """The rows of a statement. Raises TablesUnreadable when Postgres is away for more than a minute."""
        ends_at, failures = time.monotonic() + UNREACHABLE_S, 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._dsn, connect_timeout=5) as connection:
                    cursor = await connection.execute(statement.encode(), values)
                    return await cursor.fetchall()
            except psycopg.OperationalError as error:
                failures += 1
                if time.monotonic() >= ends_at:
                    raise TablesUnreadable(f"Postgres is away: {str(error).strip()}") from error
                await asyncio.sleep(pause_s(failures, jitter=0))


def _is_moving(operation: Row) -> bool:
    """Whether time alone will end it; a customer or an operator may never act."""
    return operation[3] not in ("requires_action", "in_review")
