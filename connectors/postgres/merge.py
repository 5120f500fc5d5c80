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
    an earlier one; loading the same records again finds nothing new. What earlier batches left is
    looked up once for each aggregate, however many of its events are staged.
    """
    assert table.aggregate is not None, f"{table.name} has no versions"
    return SQL("""
        WITH first_known AS (
            SELECT
                staged.{aggregate} AS aggregate, staged.event_id, staged.version,
                staged._topic, staged._partition, staged._offset,
                CASE WHEN row_number() OVER in_order = 1 THEN (
                    SELECT max(earlier.version)
                    FROM {table} AS earlier
                    WHERE earlier.{aggregate} = staged.{aggregate}
                        AND earlier._partition = staged._partition
                        AND earlier._offset < staged._offset
                ) END AS before
            FROM {staging} AS staged
            WINDOW in_order AS (PARTITION BY staged.{aggregate}, staged._partition ORDER BY staged._offset)
        ), judged AS (
            SELECT *, coalesce(greatest(
                first_value(before) OVER in_order,
                max(version) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
            ), 0) + 1 AS expected
            FROM first_known
            WINDOW in_order AS (PARTITION BY aggregate, _partition ORDER BY _offset)
        )
        INSERT INTO meta.anomalies
            (kind, topic, partition, record_offset, aggregate_key, event_id, version, expected_version)
        SELECT
            CASE
                WHEN judged.version > judged.expected THEN 'gap'
                WHEN ({recorded}) IS NOT DISTINCT FROM ({staged}) THEN 'repeat'
                ELSE 'conflict'
            END,
            judged._topic, judged._partition, judged._offset,
            judged.aggregate, judged.event_id, judged.version, judged.expected
        FROM judged
        JOIN {staging} AS staged ON staged._partition = judged._partition AND staged._offset = judged._offset
        LEFT JOIN {table} AS recorded ON recorded.event_id = judged.event_id
        WHERE judged.version > 0 AND judged.version <> judged.expected
        ON CONFLICT (topic, partition, record_offset) DO NOTHING
        RETURNING kind, topic, partition, record_offset, event_id, version, expected_version
        """).format(
        aggregate=Identifier(table.aggregate),
        recorded=_content(table, "recorded"),
        staged=_content(table, "staged"),
        **_names(table),
    )


def read(table: Table) -> Composed:
    """Rows of a table by their keys."""
    return SQL("SELECT {fields} FROM {table} WHERE {key} = ANY (%s)").format(
        fields=SQL(", ").join(Identifier(field) for field in table.row.__struct_fields__), **_names(table)
    )


def _content(table: Table, of: str) -> Composed:
    return SQL(", ").join(Identifier(of, column) for column in table.content)


def _names(table: Table) -> dict[str, Composed | Identifier]:
    return {
        "table": Identifier(*table.name.split(".")),
        "staging": Identifier(table.staging),
        "key": Identifier(table.key),
        "columns": SQL(", ").join(Identifier(column) for column in table.columns),
    }
