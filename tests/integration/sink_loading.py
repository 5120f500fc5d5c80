"""How do tests load records of any topic into a database, as the sink does, without a broker."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event as Flag

from connectors.postgres.app import prepare
from connectors.postgres.database import Database
from connectors.postgres.events import Event
from connectors.postgres.rows import needed_by, project
from connectors.postgres.tables import at
from connectors.postgres.writer import Advance, Writer
from connectors.runtime import Assigned
from schemas.testing import START_MS


@contextmanager
def writing(dsn: str) -> Iterator[Writer]:
    """A writer on a migrated database."""
    database = Database(dsn, Flag(), prepare)
    try:
        yield Writer(database)
    finally:
        database.discard()


def load(writer: Writer, events: Sequence[Event], *, batch: int = 1_000) -> None:
    """Write events of any topics in batches, from where their positions stand."""
    for begin in range(0, len(events), batch):
        part = events[begin : begin + batch]
        ends = {one.record.partition: one.record.offset + 1 for one in part}
        positions = writer.positions([Assigned(partition, 0, end) for partition, end in ends.items()])
        advances = [
            Advance(
                partition, positions[partition], max(end, positions[partition]), at(START_MS), is_at_end=True
            )
            for partition, end in ends.items()
        ]
        writer.write(advances, needed_by(part), partial(project, part))
