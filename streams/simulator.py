"""Does a stage stay right when anything may stop anywhere: the engine's commit on in-memory topics.

One task is one partition of one stage. Changelog, outputs and input positions commit together;
the local store follows the commit; replies follow both. A crash may come at any of these points,
a disk may be lost, and an owner that was replaced must not commit again.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any

from schemas.topics import Topic, changelog
from streams.definition import StageDefinition
from streams.ports import Output, Record
from streams.step import StageStep


class CrashPoint(Enum):
    """Where a task can die within one unit of work."""

    BEFORE_COMMIT = auto()
    AFTER_COMMIT = auto()
    BEFORE_REPLIES = auto()


class Fenced(Exception):
    """A task tried to commit after another owner had begun."""


class MemoryStore:
    """An ordered byte store in memory; the local store of a simulated task, and a `View`."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}
        self._names: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        return self._rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Write `value` under `key`."""
        if key not in self._rows:
            insort(self._names, key)
        self._rows[key] = value

    def delete(self, key: bytes) -> None:
        """Remove `key` if it is there."""
        if self._rows.pop(key, None) is not None:
            del self._names[bisect_left(self._names, key)]

    def scan(self, start: bytes, end: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most `limit` rows with start <= key < end, in key order."""
        low, high = bisect_left(self._names, start), bisect_left(self._names, end)
        return [(name, self._rows[name]) for name in self._names[low : min(high, low + limit)]]

    def apply(self, changes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Write every change; None deletes."""
        for key, value in changes:
            if value is None:
                self.delete(key)
            else:
                self.put(key, value)

    def items(self) -> dict[bytes, bytes]:
        """All rows."""
        return dict(self._rows)


class UnitView:
    """A unit's own writes over the store; nothing reaches the store before the commit."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.changes: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.changes[key] if key in self.changes else self._store.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.changes[key] = value

    def delete(self, key: bytes) -> None:
        self.changes[key] = None

    def scan(self, start: bytes, end: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows = dict(self._store.scan(start, end, limit + len(self.changes)))
        for key, value in self.changes.items():
            if value is None:
                rows.pop(key, None)
            elif start <= key < end:
                rows[key] = value
        return sorted(rows.items())[:limit]


class Log:
    """Topics in memory: per topic and partition the committed records in order."""

    def __init__(self, partitions: int, place: Callable[[bytes], int]) -> None:
        self.partitions = partitions
        self._place = place
        self._records: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.changelogs: dict[tuple[str, int], list[tuple[bytes, bytes | None]]] = defaultdict(list)
        self.positions: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
        self.epochs: dict[tuple[str, int], int] = defaultdict(int)

    def append(self, output: Output, now_ms: int) -> None:
        """Add one record; without a partition it goes where its key belongs."""
        partition = self._place(output.key) if output.partition is None else output.partition
        at = self._records[output.topic, partition]
        at.append(Record(output.topic, partition, len(at), output.key, output.value, now_ms, output.headers))

    def replace(self, record: Record) -> None:
        """Put a record in the place of the one at its offset: what no log does, for those who look for it."""
        self._records[record.topic, record.partition][record.offset] = record

    def read(self, topic: str, partition: int, start: int, limit: int) -> list[Record]:
        """At most `limit` records from offset `start`."""
        return self._records[topic, partition][start : start + limit]

    def all(self, topic: Topic) -> list[Record]:
        """Every record of a topic, partition by partition."""
        return [one for partition in range(self.partitions) for one in self._records[topic.name, partition]]


class SimulatedTask:
    """One partition of one stage with the commit order of the real engine."""

    def __init__(self, log: Log, definition: StageDefinition[Any], partition: int) -> None:
        self._log = log
        self._definition = definition
        self._partition = partition
        self._inputs = [topic.name for topic in definition.all_inputs]
        self._id = (changelog(definition.name, definition.version), partition)
        self.store = MemoryStore()
        self.take_over()

    def take_over(self, *, is_disk_lost: bool = True) -> None:
        """Become the owner: fence the one before, then restore to the end of the changelog."""
        self._log.epochs[self._id] += 1
        self._epoch = self._log.epochs[self._id]
        if is_disk_lost:
            self.store = MemoryStore()
        self.store.apply(self._log.changelogs[self._id])
        self._positions = {name: self._log.positions[self._id].get(name, 0) for name in self._inputs}
        self._step = StageStep(self._definition)

    def work(self, limit: int, now_ms: int, crash: CrashPoint | None = None) -> list[Output] | None:
        """Handle up to `limit` records of each input as one unit; returns its replies.

        None means that the task died at `crash`; it has to take over before it works again.
        Raises Fenced when another owner took over since.
        """
        records = [
            one
            for name in self._inputs
            for one in self._log.read(name, self._partition, self._positions[name], limit)
        ]
        view = UnitView(self.store)
        outbox = self._step(view, records)
        if crash is CrashPoint.BEFORE_COMMIT:
            return None
        positions = dict(self._positions)
        for one in records:
            positions[one.topic] = one.offset + 1
        self._commit(view.changes, outbox.outputs, positions, now_ms)
        if crash is CrashPoint.AFTER_COMMIT:
            return None
        self.store.apply(view.changes.items())
        self._positions = positions
        return None if crash is CrashPoint.BEFORE_REPLIES else outbox.replies

    def is_idle(self) -> bool:
        """True when every input has been read to its end."""
        return not any(
            self._log.read(name, self._partition, position, 1) for name, position in self._positions.items()
        )

    def _commit(
        self,
        changes: dict[bytes, bytes | None],
        outputs: list[Output],
        positions: dict[str, int],
        now_ms: int,
    ) -> None:
        if self._log.epochs[self._id] != self._epoch:
            raise Fenced(f"{self._id} has a newer owner")
        self._log.changelogs[self._id].extend(changes.items())
        self._log.positions[self._id] = positions
        for output in outputs:
            self._log.append(output, now_ms)
