"""What is to be written for a batch: every row of a log, and of every thing the last state."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from connectors.postgres.events import Event, lineage_of
from connectors.postgres.tables import Lineage, Table

R = TypeVar("R", bound=Struct)

Known = Mapping[Table, Mapping[str, Struct]]
"""Rows that are in the database, by their key."""


class Row(NamedTuple):
    """A row and the record it follows from."""

    row: Struct
    lineage: Lineage


class Needed:
    """Rows a batch changes but does not make: a projection has to know how they stand."""

    def __init__(self) -> None:
        self._made: set[tuple[Table, str]] = set()
        self._wanted: dict[Table, set[str]] = defaultdict(set)

    def make(self, table: Table, key: str) -> None:
        """The row begins in this batch."""
        self._made.add((table, key))

    def require(self, table: Table, key: str) -> None:
        """The row is changed."""
        if (table, key) not in self._made:
            self._wanted[table].add(key)

    @property
    def wanted(self) -> Mapping[Table, set[str]]:
        """Keys to read, by table."""
        return self._wanted


class Projection:
    """The rows of a batch. `known`: rows as they stand before it."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._logged: dict[Table, list[Row]] = defaultdict(list)
        self._states: dict[Table, dict[str, Row]] = defaultdict(dict)
        self._newest: dict[Table, dict[str, tuple[Event, Callable[[Event], Struct]]]] = defaultdict(dict)

    def log(self, table: Table, event: Event, row: Struct) -> None:
        """Add a row that is written once."""
        self._logged[table].append(Row(row, lineage_of(event)))

    def put(self, table: Table, event: Event, row: Struct, *, version: int | None = None) -> None:
        """Let `row` be how its thing stands after the event; version: of the thing, if not the event's."""
        self._states[table][getattr(row, table.key)] = Row(row, lineage_of(event, version))

    def show(self, table: Table, key: str, event: Event, build: Callable[[Event], Struct]) -> None:
        """Let the newest of the events shown under a key be what its row is built from, once."""
        before = self._newest[table].get(key)
        if before is None or event.message.envelope.version > before[0].message.envelope.version:
            self._newest[table][key] = (event, build)

    def current(self, table: Table, kind: type[R], key: str) -> R | None:
        """How a thing stands: as this batch left it so far, or as the database has it."""
        put = self._states[table].get(key)
        row: Any = self._known.get(table, {}).get(key) if put is None else put.row
        assert row is None or isinstance(row, kind), f"{table.name} has rows of {kind.__name__}"
        return row

    def rows(self, table: Table) -> Sequence[Row]:
        """What is to be written to a table: of a log in the order of the events."""
        return (*self._logged.get(table, ()), *self._states.get(table, {}).values(), *self._built(table))

    def _built(self, table: Table) -> Iterable[Row]:
        for event, build in self._newest.get(table, {}).values():
            yield Row(build(event), lineage_of(event))
