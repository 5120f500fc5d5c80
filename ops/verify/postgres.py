"""How are the tables read for the verification: a few statements, rows streamed, nothing written."""

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, LiteralString

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from ops.verify.confidential import CANDIDATE
from ops.verify.errors import TablesUnreadable
from ops.verify.ledger_fold import AccountCounters
from ops.verify.log import Ends
from ops.verify.reconciliation import ResultRow
from ops.verify.tables import Loaded, OperationRow, PaymentRow

_LOOK_AGAIN_S: Final = 0.2
_ROWS: Final = 5_000
_MOST_SUSPECTS: Final = 1_000

_PAYMENTS: Final = """
    SELECT payment_id, version, merchant_id, customer_id, amount_minor, amount_authorized_minor,
        amount_captured_minor, amount_refunded_minor, currency, status, capture_method, _event_id, _offset
    FROM mart.payments WHERE _partition = %s
"""
_VERSIONS: Final = "SELECT payment_id, version FROM mart.payments"
_OPERATIONS: Final = """
    SELECT operation_id, payment_id, version, kind, status, amount_minor
    FROM mart.payment_operations WHERE _partition = %s
"""
_BALANCES: Final = """
    SELECT account_id, seq, debits_pending_minor, debits_posted_minor, credits_pending_minor, credits_posted_minor,
        balance_minor = (debits_posted_minor - credits_posted_minor) * CASE WHEN code / 1000 IN (1, 5, 9) OR code = 4050 THEN 1 ELSE -1 END
    FROM mart.balances WHERE _partition = %s
"""
_AS_OF: Final = """
    SELECT e.account_id,
           coalesce(sum(e.amount_minor) FILTER (WHERE e.direction = 'debit'), 0),
           coalesce(sum(e.amount_minor) FILTER (WHERE e.direction = 'credit'), 0)
    FROM mart.ledger_entries e JOIN mart.ledger_transactions t USING (transaction_id)
    WHERE t._partition = %s AND t.seq <= %s AND e.phase = 'posted'
    GROUP BY e.account_id
"""
_CHANGES: Final = """
    SELECT balance_transaction_id, amount_minor, fee_minor, net_minor
    FROM mart.balance_transactions WHERE _partition = %s
"""
_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM raw.ledger_journal WHERE _partition = %s AND _offset < %s"
_RESULTS: Final = """
    SELECT provider, provider_ref, status, duplicates, operation_id, kind, expected_minor, expected_currency,
        line_id, file_id, settled_minor, settled_currency, fee_minor, settled_on
    FROM mart.recon_results
"""
_ACCEPTED: Final = "SELECT DISTINCT file_id FROM mart.settlement_files WHERE status = 'accepted'"
_REQUESTS: Final = "SELECT request_id, status FROM raw.api_requests WHERE _partition = %s"
_OBJECTS: Final = """
    SELECT refund_id FROM mart.refunds UNION ALL SELECT merchant_id FROM mart.merchants
    UNION ALL SELECT operator_id FROM mart.operators UNION ALL SELECT endpoint_id FROM mart.webhook_endpoints
    UNION ALL SELECT event_id FROM mart.webhook_events
"""
_ANOMALIES: Final = """
    SELECT format('%s at %s:%s:%s, version %s of %s where %s was expected',
        kind, topic, partition, record_offset, version, aggregate_key, expected_version)
    FROM meta.anomalies ORDER BY anomaly_id
"""
_POSITIONS: Final = "SELECT topic, partition, next_offset FROM meta.sink_offset"
_LOADED: Final = """
    SELECT cut.partition, count(*), sum(logged._offset)::bigint
    FROM {table} AS logged JOIN unnest(%s::integer[], %s::bigint[]) AS cut(partition, below)
        ON logged._partition = cut.partition AND logged._offset < cut.below
    GROUP BY cut.partition
"""
_TEXT_COLUMNS: Final = """
    SELECT columns.table_schema, columns.table_name,
        array_agg(columns.column_name::text ORDER BY columns.ordinal_position)
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE columns.table_schema IN ('raw', 'mart') AND tables.table_type = 'BASE TABLE'
        AND columns.data_type IN ('text', 'jsonb')
    GROUP BY columns.table_schema, columns.table_name ORDER BY 1, 2
"""
_SUSPECTS: Final = """
    SELECT _topic || ':' || _partition || ':' || _offset, {columns}
    FROM {table} WHERE concat_ws(' ', {columns}) ~ %s LIMIT %s
"""
_SUSPICIOUS: Final = f"{CANDIDATE}|sk_(test|live)_"


class Postgres:
    """A connection that only reads."""

    def __init__(self, dsn: str) -> None:
        try:
            self._connection = psycopg.connect(
                dsn, autocommit=True, connect_timeout=10, application_name="millrace.verify"
            )
        except psycopg.OperationalError as error:
            raise TablesUnreadable(f"Postgres: {str(error).strip()}; is it running?") from error

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def wait_for(self, cuts: Mapping[str, Ends], wait_s: float) -> list[str]:
        """Wait until everything below the cuts is loaded; names the partitions that are not in time."""
        ends_at = time.monotonic() + wait_s
        while True:
            behind = self._behind(cuts)
            if not behind or time.monotonic() >= ends_at:
                return behind
            time.sleep(_LOOK_AGAIN_S)

    def payment_versions(self) -> Iterator[tuple[str, int]]:
        """Id and version of all payments."""
        return ((payment_id, version) for payment_id, version in self._rows(_VERSIONS))

    def payments(self, partition: int) -> Iterator[PaymentRow]:
        """The rows of mart.payments that came from a partition."""
        return (PaymentRow(*row) for row in self._rows(_PAYMENTS, [partition]))

    def operations(self, partition: int) -> Iterator[OperationRow]:
        """The rows of mart.payment_operations that came from a partition."""
        return (OperationRow(*row) for row in self._rows(_OPERATIONS, [partition]))

    def balances(self, partition: int) -> Iterator[dict[str, Any]]:
        """The rows of mart.balances that came from a partition: account_id, seq, the four counters, and

        is_sum: whether the balance is what the counters add up to.
        """
        names = ("account_id", "seq", *AccountCounters._fields, "is_sum")
        return (dict(zip(names, row, strict=True)) for row in self._rows(_BALANCES, [partition]))

    def journal_seq(self, partition: int, below: int) -> int:
        """Number of the last journal record of a partition below an offset; 0 where there is none."""
        return int(next(self._rows(_SEQ, [partition, below]))[0])

    def posted_as_of(self, partition: int, seq: int) -> dict[str, tuple[int, int]]:
        """Debits and credits posted by account, of all entries of a partition up to a record of its journal."""
        return {
            account_id: (int(debits), int(credits))
            for account_id, debits, credits in self._rows(_AS_OF, [partition, seq])
        }

    def balance_transactions(self, partition: int) -> dict[str, tuple[int, int, int]]:
        """Gross, fee and net by transaction, of the rows of mart.balance_transactions that came from a partition."""
        return {
            transaction_id: (amount, fee, net)
            for transaction_id, amount, fee, net in self._rows(_CHANGES, [partition])
        }

    def recon_results(self) -> Iterator[ResultRow]:
        """The rows of mart.recon_results."""
        names = ResultRow.__struct_fields__
        return (ResultRow(**dict(zip(names, row, strict=True))) for row in self._rows(_RESULTS))

    def accepted_files(self) -> set[str]:
        """Ids of the settlement files that were taken in."""
        return {row[0] for row in self._rows(_ACCEPTED)}

    def request_statuses(self, partition: int) -> dict[str, int]:
        """Status by request id, of the answers that came from a partition."""
        return dict(self._rows(_REQUESTS, [partition]))

    def objects(self) -> Iterator[str]:
        """Ids of all refunds, merchants, operators, webhook endpoints and events."""
        return (row[0] for row in self._rows(_OBJECTS))

    def anomalies(self) -> Iterator[str]:
        """What the load came across that should not have been, as sentences."""
        return (row[0] for row in self._rows(_ANOMALIES))

    def loaded(self, schema: str, table: str, cut: Ends) -> Mapping[int, Loaded]:
        """How many events below the cut a log table holds, by partition."""
        statement = SQL(_LOADED).format(table=Identifier(schema, table))
        found = self._rows(statement, [list(cut), list(cut.values())])
        return {partition: Loaded(count, offsets) for partition, count, offsets in found}

    def text_columns(self) -> list[tuple[str, str, list[str]]]:
        """Schema, table and names of the columns that hold texts or documents, of raw and mart."""
        return list(self._rows(_TEXT_COLUMNS))

    def row_count(self, schema: str, table: str) -> int:
        """How many rows a table has."""
        statement = SQL("SELECT count(*) FROM {table}").format(table=Identifier(schema, table))
        return int(next(self._rows(statement))[0])

    def suspects(
        self, schema: str, table: str, columns: Sequence[str]
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Where a row came from and its texts, of rows in which a card number or a secret key may stand."""
        statement = SQL(_SUSPECTS).format(
            table=Identifier(schema, table), columns=SQL(", ").join(map(Identifier, columns))
        )
        for place, *texts in self._rows(statement, [_SUSPICIOUS, _MOST_SUSPECTS]):
            yield f"{schema}.{table}, from {place}", tuple(texts)

    def _behind(self, cuts: Mapping[str, Ends]) -> list[str]:
        loaded = {(topic, partition): offset for topic, partition, offset in self._rows(_POSITIONS)}
        return [
            f"{topic}:{partition} is loaded up to offset {loaded.get((topic, partition), 0)}, and holds {end}"
            for topic, ends in cuts.items()
            for partition, end in ends.items()
            if loaded.get((topic, partition), 0) < end
        ]

    def _rows(
        self, statement: LiteralString | Composed, values: Sequence[object] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """Rows as they come; columns are of whatever types the statement selects."""
        try:
            with self._connection.transaction(), self._connection.cursor(name="verify") as cursor:
                cursor.itersize = _ROWS
                cursor.execute(statement, values or None)
                yield from cursor
        except psycopg.Error as error:
            raise TablesUnreadable(f"Postgres: {str(error).strip()}") from error
