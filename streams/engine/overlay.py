"""What does a unit of work see of its table: its own writes over pending, committing and stored ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from streams.engine.digest import INTERNAL
from streams.ports import Output

Changes = Mapping[bytes, bytes | None]
"""Rows by key; None means deleted."""


class Stored(Protocol):
    """The rows as of the last finished commit."""

    def get(self, key: bytes) -> bytes | None: ...
    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]: ...


class Batch:
    """The work of one transaction: everything finished since the last commit began.

    before: what each row was when the batch first read or changed it; a cache for reads and, for
    every changed row, what the digest has to subtract. inputs: the positions it is committed with. acks: to
    be called once it is durable.
    """

    __slots__ = ("acks", "before", "changes", "inputs", "outputs", "records", "replies")

    def __init__(self) -> None:
        self.changes: dict[bytes, bytes | None] = {}
        self.before: dict[bytes, bytes | None] = {}
        self.outputs: list[Output] = []
        self.acks: list[Callable[[], object]] = []
        self.replies: list[Output] = []
        self.records = 0
        self.inputs: Mapping[str, int] = {}

    @property
    def is_worth_a_commit(self) -> bool:
        """True when the batch changed or says something; positions alone can wait."""
        return bool(self.changes or self.outputs or self.replies)


class UnitView:
    """The `View` of one unit of work; `finish` adds its writes to the pending batch."""

    __slots__ = ("_before", "_changes", "_committing", "_pending", "_stored")

    def __init__(self, pending: Batch, committing: Changes, stored: Stored) -> None:
        self._changes: dict[bytes, bytes | None] = {}
        self._pending = pending.changes
        self._before = pending.before
        self._committing = committing
        self._stored = stored

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        if key in self._changes:
            return self._changes[key]
        if key in self._pending:
            return self._pending[key]
        return self._read(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write `value` under `key`."""
        assert key[:1] != INTERNAL, "rows under 0x00 are the engine's own"
        self._changes[key] = value

    def delete(self, key: bytes) -> None:
        """Remove `key`; removing what is not there is allowed."""
        assert key[:1] != INTERNAL, "rows under 0x00 are the engine's own"
        self._changes[key] = None

    def scan(self, start: bytes, end: bytes, limit: int) -> Iterable[tuple[bytes, bytes]]:
        """At most `limit` rows with start <= key < end, in key order."""
        written: dict[bytes, bytes | None] = {}
        for layer in (self._committing, self._pending, self._changes):
            written.update((key, value) for key, value in layer.items() if start <= key < end)
        return _merged(sorted(written.items()), self._stored.scan(start, end), limit)

    def finish(self) -> None:
        """Add the writes of this unit to the batch; the view must not be used afterwards."""
        for key in self._changes:
            if key not in self._before:
                self._read(key)
        self._pending.update(self._changes)

    def _read(self, key: bytes) -> bytes | None:
        """The row before the pending batch, remembered there."""
        if key in self._before:
            return self._before[key]
        value = self._committing[key] if key in self._committing else self._stored.get(key)
        self._before[key] = value
        return value


def _merged(
    written: list[tuple[bytes, bytes | None]], stored: Iterator[tuple[bytes, bytes]], limit: int
) -> list[tuple[bytes, bytes]]:
    """Both in key order, the written row in place of the stored one, deleted rows left out."""
    rows: list[tuple[bytes, bytes]] = []
    below = next(stored, None)
    for key, value in written:
        while below is not None and below[0] < key and len(rows) < limit:
            rows.append(below)
            below = next(stored, None)
        if below is not None and below[0] == key:
            below = next(stored, None)
        if len(rows) >= limit:
            return rows
        if value is not None:
            rows.append((key, value))
    while below is not None and len(rows) < limit:
        rows.append(below)
        below = next(stored, None)
    return rows
