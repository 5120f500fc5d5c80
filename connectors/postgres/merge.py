"""How do new rows get into a table: the SQL that takes them as one JSON value and merges them, per table.

A batch touches some of many tables. Temporary tables would cost at every commit whether they were used
or not; rows in a parameter cost only where they are.
"""

from psycopg.sql import SQL, Composed, Identifier

from connectors.postgres.tables import Table


def merge_log(table: Table) -> Composed:
    """New events that are not there yet are added; one that is stays as it was."""
    return SQL(
        "INSERT INTO {table} ({columns}) SELECT {columns} FROM {rows} AS new ON CONFLICT ({key}) DO NOTHING"
    ).format(**_names(table))


def merge_state(table: Table) -> Composed:
    """New rows replace those of a lower version."""
    changes = [
        SQL("{column} = excluded.{column}").format(column=Identifier(column))
        for column in (*table.columns, "_loaded_at")
        if column != table.key
    ]
    return SQL(
        "INSERT INTO {table} AS kept ({columns}) SELECT {columns} FROM {rows} AS new"
        " ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE kept._version < excluded._version"
    ).format(changes=SQL(", ").join(changes), **_names(table))


def read(table: Table) -> Composed:
    """Rows of a table by their keys."""
    return SQL("SELECT {fields} FROM {table} WHERE {key} = ANY (%s)").format(
        fields=_listed(table.row.__struct_fields__), **_names(table)
    )


def find_anomalies(table: Table) -> Composed:
    """New events whose version does not follow those before them on their partition.

    Takes aggregate, version, partition and offset of each. Comes after the merge, so an event is judged
    by what lies below its own offset, in this batch or an earlier one; loading the same records again
    finds nothing new. What earlier batches left is looked up once for each aggregate, however many of
    its events are new.
    """
    return SQL("""
        WITH first_known AS (
            SELECT new.*, CASE WHEN row_number() OVER in_order = 1 THEN (
                SELECT max(earlier.version)
                FROM {table} AS earlier
                WHERE earlier.{aggregate} = new.aggregate
                    AND earlier._partition = new._partition
                    AND earlier._offset < new._offset
            ) END AS before
            FROM json_to_recordset(%s::json)
                AS new (aggregate text, version bigint, _partition integer, _offset bigint)
            WINDOW in_order AS (PARTITION BY new.aggregate, new._partition ORDER BY new._offset)
        ), judged AS (
            SELECT *, coalesce(greatest(
                first_value(before) OVER in_order,
                max(version) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            ), 0) + 1 AS expected
            FROM first_known
            WINDOW in_order AS (PARTITION BY aggregate, _partition ORDER BY _offset)
        )
        SELECT _partition, _offset, expected FROM judged WHERE version > 0 AND version <> expected
        """).format(aggregate=_aggregate(table), **_names(table))


def record_anomalies(table: Table) -> Composed:
    """Write down events found so, each with what the event recorded under its id says.

    Takes the events, then partition, offset and expected version of each.
    """
    return SQL("""
        INSERT INTO meta.anomalies
            (kind, topic, partition, record_offset, aggregate_key, event_id, version, expected_version)
        SELECT
            CASE
                WHEN new.version > judged.expected THEN 'gap'
                WHEN ({recorded}) IS NOT DISTINCT FROM ({told}) THEN 'repeat'
                ELSE 'conflict'
            END,
            new._topic, new._partition, new._offset, new.{aggregate}, new.event_id, new.version, judged.expected
        FROM {rows} AS new
        JOIN json_to_recordset(%s::json) AS judged (_partition integer, _offset bigint, expected bigint)
            USING (_partition, _offset)
        LEFT JOIN {table} AS recorded ON recorded.event_id = new.event_id
        ON CONFLICT (topic, partition, record_offset) DO NOTHING
        RETURNING kind, topic, partition, record_offset, event_id, version, expected_version
        """).format(
        aggregate=_aggregate(table),
        recorded=_listed(table.content, "recorded"),
        told=_listed(table.content, "new"),
        **_names(table),
    )


def _aggregate(table: Table) -> Identifier:
    assert table.aggregate is not None, f"{table.name} has no versions"
    return Identifier(table.aggregate)


def _listed(columns: tuple[str, ...], *of: str) -> Composed:
    return SQL(", ").join(Identifier(*of, column) for column in columns)


def _names(table: Table) -> dict[str, Composed | Identifier]:
    name = Identifier(*table.name.split("."))
    return {
        "table": name,
        "key": Identifier(table.key),
        "columns": _listed(table.columns),
        "rows": SQL("json_populate_recordset(NULL::{table}, %s::json)").format(table=name),
    }
