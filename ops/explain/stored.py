"""What do the tables hold about one payment: its id from any other, and all its rows, read at one moment."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.rows import dict_row

from ops.errors import NotFound, TablesAway
from schemas import ids

Row = dict[str, Any]  # columns are of whatever types the tables have

PAYMENT_PREFIXES: Final = ("pay", "pi", "auth", "cap", "void", "ref", "asm")
"""Ids that hold the key of their payment."""

_PAYMENT_OF: Final[dict[str, LiteralString]] = {
    "req": """
        SELECT object_id AS found FROM raw.api_requests WHERE request_id = %(id)s AND object_id IS NOT NULL
        UNION ALL
        SELECT payment_id FROM raw.payment_events WHERE correlation_id = %(id)s
        LIMIT 1""",
    "txn": """
        SELECT payment_id AS found FROM mart.ledger_transactions WHERE transaction_id = %(id)s
        UNION ALL
        SELECT payment_id FROM mart.ledger_refusals WHERE transaction_id = %(id)s
        LIMIT 1""",
    "evt": """
        SELECT payment_id AS found FROM raw.payment_events WHERE event_id = %(id)s
        UNION ALL
        SELECT payment_id FROM mart.webhook_events WHERE event_id = %(id)s
        UNION ALL
        SELECT body ->> 'payment_id' FROM raw.ledger_journal WHERE event_id = %(id)s AND body ? 'payment_id'
        UNION ALL
        SELECT body ->> 'payment_id' FROM raw.webhook_messages WHERE event_id = %(id)s AND body ? 'payment_id'
        UNION ALL
        SELECT payment_id FROM raw.webhook_attempts WHERE event_id = %(id)s
        UNION ALL
        SELECT after ->> 'payment_id' FROM raw.recon_events WHERE event_id = %(id)s AND after ? 'payment_id'
        LIMIT 1""",
    "msg": "SELECT payment_id AS found FROM mart.webhook_deliveries WHERE message_id = %(id)s",
}
_AS_OF: Final = """
    SELECT CASE WHEN bool_and(coalesce(caught_up_at, newest_record_at) IS NOT NULL)
        THEN min(greatest(caught_up_at, newest_record_at)) END AS as_of
    FROM meta.sink_offset"""
_PAYMENT: Final = "SELECT * FROM mart.payments WHERE payment_id = %(payment_id)s"
_EVENTS: Final = "SELECT * FROM raw.payment_events WHERE payment_id = %(payment_id)s ORDER BY _offset"
_OPERATIONS: Final = """
    SELECT * FROM mart.payment_operations WHERE payment_id = %(payment_id)s ORDER BY requested_at, operation_id"""
_REQUESTS: Final = """
    SELECT * FROM raw.api_requests
    WHERE request_id = ANY (%(requests)s) OR object_id = ANY (%(objects)s)
    ORDER BY occurred_at, request_id"""
_DECISIONS: Final = "SELECT * FROM mart.risk_decisions WHERE payment_id = %(payment_id)s ORDER BY attempt"
_TRANSACTIONS: Final = """
    SELECT t.*, j.actor_role, j.actor_principal
    FROM mart.ledger_transactions AS t JOIN raw.ledger_journal AS j ON j.event_id = t._event_id
    WHERE t.payment_id = %(payment_id)s ORDER BY t.seq"""
_ENTRIES: Final = """
    SELECT e.* FROM mart.ledger_entries AS e JOIN mart.ledger_transactions AS t USING (transaction_id)
    WHERE t.payment_id = %(payment_id)s ORDER BY e.transaction_id, split_part(e.entry_id, ':', 2)::integer"""
_REFUSALS: Final = "SELECT * FROM mart.ledger_refusals WHERE payment_id = %(payment_id)s ORDER BY seq"
_WEBHOOK_EVENTS: Final = """
    SELECT w.*, d.deliveries FROM mart.webhook_events AS w CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('message_id', d.message_id, 'endpoint_id', d.endpoint_id,
            'status', d.status, 'attempts', d.attempts, 'resends', d.resends) ORDER BY d.message_id) AS deliveries
        FROM mart.webhook_deliveries AS d WHERE d.event_id = w.event_id
    ) AS d WHERE w.payment_id = %(payment_id)s ORDER BY w.created_at, w.event_id"""
_ATTEMPTS: Final = """
    SELECT * FROM raw.webhook_attempts WHERE payment_id = %(payment_id)s ORDER BY message_id, _offset"""
_RECON_EVENTS: Final = """
    SELECT e.* FROM raw.recon_events AS e JOIN mart.recon_results AS r USING (match_key)
    WHERE r.payment_id = %(payment_id)s ORDER BY e.match_key, e._offset"""
_FILES: Final = """
    SELECT * FROM mart.settlement_files WHERE file_id IN (
        SELECT file_id FROM mart.recon_results WHERE payment_id = %(payment_id)s)
    ORDER BY told_at, event_id"""


class Found(NamedTuple):
    """All rows about one payment, with their columns as the tables name them. as_of: a time or None."""

    payment: Row
    events: Sequence[Row] = ()
    operations: Sequence[Row] = ()
    requests: Sequence[Row] = ()
    decisions: Sequence[Row] = ()
    transactions: Sequence[Row] = ()
    entries: Sequence[Row] = ()
    refusals: Sequence[Row] = ()
    webhook_events: Sequence[Row] = ()
    attempts: Sequence[Row] = ()
    recon_events: Sequence[Row] = ()
    files: Sequence[Row] = ()
    as_of: Any = None


class Stored:
    """A connection that only reads, all of it at one moment."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def found(self, identifier: str) -> Found:
        """Everything about the payment an id leads to. Raises NotFound."""
        payment_id = self.payment_of(identifier)
        payments = self._rows(_PAYMENT, payment_id=payment_id)
        [fresh] = self._rows(_AS_OF)
        if not payments:
            as_of = fresh["as_of"]
            raise NotFound(
                f"there is no payment {payment_id} in the tables"
                + (f", which show everything up to {as_of:%Y-%m-%dT%H:%M:%SZ}" if as_of else "")
                + "; `millrace status` shows whether the load is behind"
            )
        events = self._rows(_EVENTS, payment_id=payment_id)
        operations = self._rows(_OPERATIONS, payment_id=payment_id)
        objects = [payment_id, payments[0]["payment_intent_id"], *(one["operation_id"] for one in operations)]
        requests = sorted({event["correlation_id"] for event in events})
        return Found(
            payment=payments[0],
            events=events,
            operations=operations,
            requests=self._rows(_REQUESTS, requests=requests, objects=objects),
            decisions=self._rows(_DECISIONS, payment_id=payment_id),
            transactions=self._rows(_TRANSACTIONS, payment_id=payment_id),
            entries=self._rows(_ENTRIES, payment_id=payment_id),
            refusals=self._rows(_REFUSALS, payment_id=payment_id),
            webhook_events=self._rows(_WEBHOOK_EVENTS, payment_id=payment_id),
            attempts=self._rows(_ATTEMPTS, payment_id=payment_id),
            recon_events=self._rows(_RECON_EVENTS, payment_id=payment_id),
            files=self._rows(_FILES, payment_id=payment_id),
            as_of=fresh["as_of"],
        )

    def payment_of(self, identifier: str) -> str:
        """Id of the payment an id leads to. Raises NotFound."""
        prefix = identifier.partition("_")[0]
        key = ids.key_of(identifier)
        if prefix in PAYMENT_PREFIXES and key is not None:
            return f"pay_{key}"
        if prefix not in _PAYMENT_OF:
            known = ", ".join(f"{one}_" for one in (*PAYMENT_PREFIXES, *_PAYMENT_OF))
            raise NotFound(f"{identifier} is no id that leads to a payment; these do: {known}")
        rows = self._rows(_PAYMENT_OF[prefix], id=identifier)
        if not rows or rows[0]["found"] is None:
            raise NotFound(f"{identifier} is not in the tables, or was about no payment")
        found: str = rows[0]["found"]
        if found.partition("_")[0] not in PAYMENT_PREFIXES:
            raise NotFound(f"{identifier} was about {found}, which is no payment")
        return self.payment_of(found)

    def _rows(self, statement: LiteralString, **values: object) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()


@contextmanager
def reading(dsn: str) -> Iterator[Stored]:
    """The tables as they are at one moment. Raises TablesAway when they cannot be read."""
    try:
        with psycopg.connect(
            dsn,
            row_factory=dict_row,
            connect_timeout=10,
            application_name="millrace.explain",
            options="-c default_transaction_read_only=on -c TimeZone=UTC",
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield Stored(connection)
    except psycopg.Error as error:
        raise TablesAway(
            f"Postgres: {str(error).strip()}; `millrace status` shows whether it runs"
        ) from error
