"""How do rows and positions become durable together: one transaction per batch, written exactly once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

import psycopg
import structlog
from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader

from connectors.postgres import merge
from connectors.postgres.database import Database, DatabaseUnavailable
from connectors.postgres.encoding import rows_json, versions_json
from connectors.postgres.personal import json_text
from connectors.postgres.projection import Known, Projection, Row
from connectors.postgres.rows import LOGS, STATES
from connectors.postgres.tables import Table
from connectors.runtime import Assigned, OwnershipLost, Partition

T = TypeVar("T")

MAX_TRIES: Final = 5

_log = structlog.get_logger(__name__)

_ADVANCE: Final = """
    UPDATE meta.sink_offset AS kept
    SET next_offset = moved.next_offset,
        newest_record_at = coalesce(moved.newest_record_at, kept.newest_record_at),
        loaded_at = CASE WHEN moved.newest_record_at IS NULL THEN kept.loaded_at ELSE now() END,
        caught_up_at = CASE WHEN moved.is_at_end THEN now() ELSE kept.caught_up_at END
    FROM unnest(%s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::boolean[])
        AS moved (topic, partition, from_offset, next_offset, newest_record_at, is_at_end)
    WHERE kept.topic = moved.topic
        AND kept.partition = moved.partition
        AND kept.next_offset = moved.from_offset
"""
_BEGIN_PARTITIONS: Final = """
    INSERT INTO meta.sink_offset (topic, partition, next_offset)
    SELECT * FROM unnest(%s::text[], %s::integer[], %s::bigint[])
    ON CONFLICT (topic, partition) DO NOTHING
"""
_POSITIONS: Final = """
    SELECT topic, partition, next_offset
    FROM meta.sink_offset
    JOIN unnest(%s::text[], %s::integer[]) AS wanted (topic, partition) USING (topic, partition)
"""


class Advance(NamedTuple):
    """How a batch moves the position of one partition.

    newest_record_at: when its newest record was written; None when only the position moves.
    is_at_end: the end of the partition is reached with it.
    """

    partition: Partition
    from_offset: int
    next_offset: int
    newest_record_at: datetime | None
    is_at_end: bool


class Writer:
    """Writes projections and positions into the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self, assigned: Sequence[Assigned]) -> dict[Partition, int]:
        """Where to go on; a partition that has never been loaded begins at its low end."""

        def begin(_: int) -> dict[Partition, int]:
            topics = [one.partition.topic for one in assigned]
            numbers = [one.partition.number for one in assigned]
            lows = [one.low_offset for one in assigned]
            self._database.connection().execute(_BEGIN_PARTITIONS, [topics, numbers, lows])
            return self._read_positions([one.partition for one in assigned])

        return self._retried(begin)

    def write(
        self,
        advances: Sequence[Advance],
        needed: Mapping[Table, set[str]],
        project: Callable[[Known], Projection],
    ) -> None:
        """Write what `project` makes of the rows `needed`, and move the positions, or neither.

        Raises OwnershipLost when another process has moved them, DatabaseUnavailable after MAX_TRIES.
        """

        def attempt(tries: int) -> None:
            # A commit whose answer was lost may have happened.
            if tries > 1 and self._is_written(advances):
                return
            with self._database.connection().transaction():
                self._advance(advances)
                self._merge(project({table: self._known(table, keys) for table, keys in needed.items()}))

        self._retried(attempt)

    def _retried(self, work: Callable[[int], T]) -> T:
        for tries in range(1, MAX_TRIES + 1):
            try:
                return work(tries)
            except psycopg.OperationalError as error:
                _log.warning("transaction failed", tries=tries, error=str(error).strip())
                last = error
            self._database.discard()
            self._database.pause(tries)
        raise DatabaseUnavailable(f"gave up after {MAX_TRIES} transactions: {last}") from last

    def _read_positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        topics, numbers = [one.topic for one in partitions], [one.number for one in partitions]
        found = self._database.connection().execute(_POSITIONS, [topics, numbers])
        return {Partition(topic, number): next_offset for topic, number, next_offset in found.fetchall()}

    def _is_written(self, advances: Sequence[Advance]) -> bool:
        found = self._read_positions([one.partition for one in advances])
        return all(found[one.partition] == one.next_offset for one in advances) and any(
            one.from_offset != one.next_offset for one in advances
        )

    def _advance(self, advances: Sequence[Advance]) -> None:
        columns = [
            [one.partition.topic for one in advances],
            [one.partition.number for one in advances],
            [one.from_offset for one in advances],
            [one.next_offset for one in advances],
            [one.newest_record_at for one in advances],
            [one.is_at_end for one in advances],
        ]
        moved = self._database.connection().execute(_ADVANCE, columns).rowcount
        if moved != len(advances):
            raise OwnershipLost(
                f"{len(advances) - moved} of {len(advances)} positions were moved by another process; this one ends"
            )

    def _known(self, table: Table, keys: set[str]) -> dict[str, Struct]:
        with self._database.connection().cursor(row_factory=dict_row) as cursor:
            # A document stays the text it will be written as.
            cursor.adapters.register_loader("jsonb", TextLoader)
            found = cursor.execute(merge.read(table), [sorted(keys)]).fetchall()
        return {row[table.key]: table.row(**row) for row in found}

    def _merge(self, projection: Projection) -> None:
        for table in LOGS:
            if rows := projection.rows(table):
                self._database.connection().execute(merge.merge_log(table), [rows_json(table, rows)])
                if table.aggregate is not None:
                    self._tell_anomalies(table, rows)
        for table in STATES:
            if rows := projection.rows(table):
                self._database.connection().execute(merge.merge_state(table), [rows_json(table, rows)])

    def _tell_anomalies(self, table: Table, rows: Sequence[Row]) -> None:
        with self._database.connection().cursor(row_factory=dict_row) as cursor:
            judged = cursor.execute(merge.find_anomalies(table), [versions_json(table, rows)]).fetchall()
            if not judged:
                return
            places = {(one["_partition"], one["_offset"]) for one in judged}
            told = [row for row in rows if (row.lineage.partition, row.lineage.offset) in places]
            written = cursor.execute(
                merge.record_anomalies(table), [rows_json(table, told), json_text(judged)]
            )
            for anomaly in written.fetchall():
                _log.error("versions do not follow each other", **anomaly)
