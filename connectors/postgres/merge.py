"""How do new rows get into a table: the SQL that stages and merges them, put together per table."""

from psycopg.sql import SQL, Composed, Identifier

from connectors.postgres.tables import Table


def create_staging(table: Table) -> Composed:
    """A temporary table for the new rows of one transaction."""
    return SQL(
        "CREATE TEMPORARY TABLE {staging} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
    ).format(**_names(table))


def copy_in(table: Table) -> Composed:
    """Takes rows into the staging table."""
    return SQL("COPY {staging} ({columns}) FROM STDIN").format(**_names(table))


def merge_log(table: Table) -> Composed:
    """Staged events that are not there yet are added; one that is stays as it was."""
    return SQL(
        "INSERT INTO {table} SELECT * FROM {staging} ORDER BY _partition, _offset ON CONFLICT ({key}) DO NOTHING"
    ).format(**_names(table))


def merge_state(table: Table) -> Composed:
    """Staged rows replace those of a lower version."""
    changes = [
        SQL("{column} = excluded.{column}").format(column=Identifier(column))
        for column in (*table.columns, "_loaded_at")
        if column != table.key
    ]
    return SQL(
        "INSERT INTO {table} AS kept SELECT * FROM {staging} ON CONFLICT ({key}) DO UPDATE SET {changes}"
        " WHERE kept._version < excluded._version"
    ).format(changes=SQL(", ").join(changes), **_names(table))


def find_anomalies(table: Table) -> Composed:
    """Staged events whose version does not follow those before them on their partition.

    Comes after the merge, so an event is judged by what lies below its own offset, in this batch or
    an earlier one; loading the same records again finds nothing new.
    """
    assert table.aggregate is not None, f"{table.name} has no versions"
    return SQL("""
        INSERT INTO meta.anomalies
            (kind, topic, partition, record_offset, aggregate_key, event_id, version, expected_version)
        SELECT
            CASE
                WHEN staged.version > expected.version THEN 'gap'
                WHEN (recorded.body, recorded.after) IS NOT DISTINCT FROM (staged.body, staged.after) THEN 'repeat'
                ELSE 'conflict'
            END,
            staged._topic, staged._partition, staged._offset,
            staged.{aggregate}, staged.event_id, staged.version, expected.version
        FROM {staging} AS staged
        CROSS JOIN LATERAL (
            SELECT coalesce(max(earlier.version), 0) + 1 AS version
            FROM {table} AS earlier
            WHERE earlier.{aggregate} = staged.{aggregate}
                AND earlier._partition = staged._partition
                AND earlier._offset < staged._offset
        ) AS expected
        LEFT JOIN {table} AS recorded ON recorded.event_id = staged.event_id
        WHERE staged.version > 0 AND staged.version <> expected.version
        ON CONFLICT (topic, partition, record_offset) DO NOTHING
        RETURNING kind, topic, partition, record_offset, event_id, version, expected_version
        """).format(aggregate=Identifier(table.aggregate), **_names(table))


def _names(table: Table) -> dict[str, Composed | Identifier]:
    return {
        "table": Identifier(*table.name.split(".")),
        "staging": Identifier(table.staging),
        "key": Identifier(table.key),
        "columns": SQL(", ").join(Identifier(column) for column in table.columns),
    }
