"""Which chunk is handled next: what was read and not yet handled, fairly between the tasks of a stage."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from streams.engine.errors import OrderBroken
from streams.ports import Record


class Chunk(NamedTuple):
    """Records of one task in order. base, next: its positions before and after them."""

    partition: int
    epoch: int
    records: list[Record]
    base: Mapping[str, int]
    next: dict[str, int]


class Intake:
    """Filled by the consumer thread, emptied by the event loop.

    epoch: the assignment the records belong to; records of another are not taken. A task that was
    given a chunk gets no other before `release`, so that the step decides how far a task runs ahead.
    on_ready: called from the consumer thread when there is something to take.
    """

    def __init__(self, *, chunk_records: int, buffered_records: int, on_ready: Callable[[], None]) -> None:
        self._chunk_records = chunk_records
        self._buffered_records = buffered_records
        self._on_ready = on_ready
        self._lock = threading.Lock()
        self._has_room = threading.Event()
        self._has_room.set()
        self._inboxes: dict[int, _Inbox] = {}
        self._turns: list[int] = []
        self.epoch = 0

    def open(self, epoch: int, positions: Mapping[int, Mapping[str, int]]) -> None:
        """Begin an assignment. positions: where each task (by partition) stands."""
        with self._lock:
            self.epoch = epoch
            self._inboxes = {partition: _Inbox(at) for partition, at in positions.items()}
            self._turns = list(positions)
        self._has_room.set()

    def close(self, epoch: int) -> None:
        """End the assignment before `epoch`; what was not taken is forgotten."""
        self.open(epoch, {})

    def put(self, epoch: int, records: Iterable[Record], ends: Iterable[tuple[str, int, int]]) -> None:
        """Add what was read. ends: (topic, partition, offset) where an input was read to its end.

        Raises OrderBroken for a record that is not behind the one before it.
        """
        with self._lock:
            if epoch != self.epoch:
                return
            inboxes = self._inboxes
            for record in records:
                inboxes[record.partition].add(record)
            for topic, partition, offset in ends:
                inboxes[partition].end_at(topic, offset)
            if any(len(inbox.records) >= self._buffered_records for inbox in inboxes.values()):
                self._has_room.clear()
        self._on_ready()

    def wait_for_room(self, timeout_seconds: float) -> bool:
        """Wait until no task has more than its share read ahead; False after the timeout."""
        return self._has_room.wait(timeout_seconds)

    def take(self) -> Chunk | None:
        """The next chunk, round robin over the tasks that have records and were released."""
        with self._lock:
            for _ in range(len(self._turns)):
                partition = self._turns.pop(0)
                self._turns.append(partition)
                inbox = self._inboxes[partition]
                if inbox.records and not inbox.is_taken:
                    chunk = inbox.take(partition, self.epoch, self._chunk_records)
                    if all(len(other.records) < self._buffered_records for other in self._inboxes.values()):
                        self._has_room.set()
                    return chunk
        return None

    def release(self, epoch: int, partition: int) -> None:
        """The task can be given its next chunk."""
        with self._lock:
            if epoch == self.epoch:
                self._inboxes[partition].is_taken = False

    def quiet_positions(self, partition: int) -> dict[str, int] | None:
        """Where the inputs of a task were read to, behind control records; None while it has work."""
        with self._lock:
            inbox = self._inboxes.get(partition)
            if inbox is None or inbox.records or inbox.is_taken:
                return None
            return inbox.advance()


class _Inbox:
    """What was read for one task and not yet given to it."""

    __slots__ = ("_ends", "_expected", "given_to", "is_taken", "records")

    def __init__(self, positions: Mapping[str, int]) -> None:
        self.records: list[Record] = []
        self.given_to = dict(positions)
        self.is_taken = False
        self._expected = dict(positions)
        self._ends: dict[str, int] = {}

    def add(self, record: Record) -> None:
        topic, offset = record.topic, record.offset
        if offset < self._expected[topic]:
            raise OrderBroken(
                f"{topic}:{record.partition}:{offset} came where {self._expected[topic]} or later was due"
            )
        self._expected[topic] = offset + 1
        self.records.append(record)

    def end_at(self, topic: str, offset: int) -> None:
        self._ends[topic] = offset
        self._expected[topic] = max(self._expected[topic], offset)

    def take(self, partition: int, epoch: int, most: int) -> Chunk:
        records = self.records[:most]
        del self.records[:most]
        base = self.given_to
        following = dict(base)
        for record in records:
            following[record.topic] = record.offset + 1
        self.given_to = following
        if not self.records:
            following = self.advance()
        self.is_taken = True
        return Chunk(partition, epoch, records, base, dict(following))

    def advance(self) -> dict[str, int]:
        """Move behind the control records that end the inputs; only right with no record waiting."""
        self.given_to = {topic: max(at, self._ends.get(topic, 0)) for topic, at in self.given_to.items()}
        return dict(self.given_to)
