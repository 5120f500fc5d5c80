"""What does the same capture cost in a ledger of plain SQL: accounts, transactions and entries in Postgres?

The schema a team would begin with: a unique transaction id makes a repeat harmless, balances are kept in
the accounts, rows are locked in the order of their ids, and all of it is one database transaction.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psycopg

from ops.bench.errors import BenchFailed
from ops.bench.meter import Meter, between, total_us
from ops.bench.result import Result
from ops.stack import postgres

_BOOKS: Final = 50
_AMOUNT: Final = 2_599
_FEE: Final = 105
_SCHEMA: Final = """
CREATE TABLE accounts (id text PRIMARY KEY, debits bigint NOT NULL DEFAULT 0, credits bigint NOT NULL DEFAULT 0);
CREATE TABLE transactions (
    id text PRIMARY KEY, type text NOT NULL, reference_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE entries (
    transaction_id text NOT NULL REFERENCES transactions, number smallint NOT NULL, account_id text NOT NULL REFERENCES accounts,
    direction text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0), PRIMARY KEY (transaction_id, number)
);
"""
_TRANSACTION: Final = (
    "INSERT INTO transactions (id, type, reference_id) VALUES (%s, 'capture', %s) ON CONFLICT DO NOTHING"
)
_ENTRIES: Final = (
    "INSERT INTO entries VALUES (%s, 1, %s, 'debit', %s), (%s, 2, %s, 'credit', %s), "
    "(%s, 3, %s, 'debit', %s), (%s, 4, %s, 'credit', %s)"
)
_ACCOUNT: Final = "UPDATE accounts SET debits = debits + %s, credits = credits + %s WHERE id = %s"
_RECEIVABLE: Final = "1100.psp.receivable"
_INCOME: Final = "4010.fee.processing"


def run(count: int) -> list[Result]:
    """One capture to a database transaction, and a hundred; judged afterwards. Raises BenchFailed."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch:
        # Postgres runs as a user of its own where we are root.
        Path(scratch).chmod(0o711)
        with (
            postgres.running(Path(scratch) / "stack") as server,
            psycopg.connect(server.dsn, autocommit=True) as connection,
        ):
            connection.execute(_SCHEMA)
            names = [_RECEIVABLE, _INCOME, *(_pending(number) for number in range(_BOOKS))]
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO accounts (id) VALUES (%s)", [(name,) for name in names])
            meter = Meter({"client": os.getpid(), "postgres": server.pid})
            results = [
                _measure(connection, meter, "SQL ledger, one a commit", 0, count // 4, 1),
                _measure(connection, meter, "SQL ledger, a hundred a commit", count // 4, count, 100),
            ]
            _check(connection, count // 4 + count)
    return results


def _measure(
    connection: psycopg.Connection, meter: Meter, variant: str, start: int, count: int, batch: int
) -> Result:
    first = meter.read()
    for low in range(start, start + count, batch):
        _post(connection, range(low, min(low + batch, start + count)))
    span = between(first, meter.read())
    costs = meter.costs(span, count)
    return Result(
        name="ledger",
        variant=variant,
        unit="capture",
        units=count,
        cpu_us_per_unit=total_us(costs.values()),
        units_per_second=round(count / span.wall_s),
        processes=costs,
    )


def _post(connection: psycopg.Connection, numbers: Sequence[int]) -> None:
    """Post captures in one database transaction; the statements of each kind go to the server together."""
    transactions, accounts, entries = [], [], []
    for number in numbers:
        name, merchant = f"txn_{number:026d}", _pending(number % _BOOKS)
        transactions.append((name, f"cap_{number:026d}"))
        legs = ((_RECEIVABLE, _AMOUNT), (merchant, _AMOUNT), (merchant, _FEE), (_INCOME, _FEE))
        entries.append(tuple(value for account, amount in legs for value in (name, account, amount)))
        accounts += [(_AMOUNT, 0, _RECEIVABLE), (_FEE, _AMOUNT, merchant), (0, _FEE, _INCOME)]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(_TRANSACTION, transactions)
        cursor.executemany(_ACCOUNT, accounts)
        cursor.executemany(_ENTRIES, entries)


def _check(connection: psycopg.Connection, expected: int) -> None:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM entries), "
        "(SELECT sum(debits) - sum(credits) FROM accounts)"
    ).fetchone()
    if row != (expected, 4 * expected, 0):
        raise BenchFailed(f"the SQL ledger has transactions, entries and a difference of {row}")


def _pending(number: int) -> str:
    return f"2010.merchant.pending.{number:026d}"
