"""What is a table of the sink: its rows, its key, and where each row came from. schemas/sql has the meanings."""

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple, NewType, get_args, get_type_hints

from msgspec import Struct

Document = NewType("Document", str)
"""A JSON text, stored as jsonb."""


class Lineage(NamedTuple):
    """Which record a row was last written from; its columns carry these names with a leading `_`."""

    event_id: str
    version: int
    topic: str
    partition: int
    offset: int
    event_at: datetime


class EventRow(Struct, frozen=True, kw_only=True):
    """What every logged event has."""

    event_id: str
    occurred_at: datetime
    mode: str
    cell: str
    clock_id: str
    causation_id: str
    correlation_id: str
    actor_role: str
    actor_principal: str
    actor_key_id: str | None


class Table(NamedTuple):
    """A table and its rows. `key`: its primary key.

    aggregate: of a log of versioned events, the column that tells which aggregate; None for the rest.
    """

    name: str
    row: type[Struct]
    key: str
    aggregate: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns in the order in which a row's values are written, without the time of loading."""
        return (*self.row.__struct_fields__, *(f"_{field}" for field in Lineage._fields))

    @property
    def content(self) -> tuple[str, ...]:
        """Of a log of versioned events, the columns by which two events under one version are told apart."""
        return tuple(column for column in ("body", "after") if column in self.row.__struct_fields__)

    @property
    def documents(self) -> frozenset[str]:
        """Columns of JSON."""
        return _documents(self.row)


@cache
def _documents(row: type[Struct]) -> frozenset[str]:
    hints = get_type_hints(row)
    return frozenset(name for name, hint in hints.items() if Document in (hint, *get_args(hint)))


def at(time_ms: int) -> datetime:
    """A point in time from Unix milliseconds."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)
