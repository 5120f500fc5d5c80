"""What a stage step is given and what it gives back: bytes in, bytes out, one ordered store.

The engine runs a step over the real Kafka and RocksDB; the simulator runs the same step over
in-memory topics. Nothing here or above it in `streams` performs I/O.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One input record as read from Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...] = ()


class Output(NamedTuple):
    """One record to produce. `partition` None means murmur2 of the key."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class View(Protocol):
    """A task's ordered byte store as one unit of work sees it: its own writes over what is stored."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """Write `value` under `key`; visible at once to this view, durable with the commit."""
        ...

    def delete(self, key: bytes) -> None:
        """Remove `key`; removing what is not there is allowed."""
        ...

    def scan(self, start: bytes, end: bytes, limit: int) -> Iterable[tuple[bytes, bytes]]:
        """At most `limit` rows with start <= key < end, in key order."""
        ...


class Outbox(NamedTuple):
    """What one unit of work produced.

    outputs are part of the transaction; replies are sent by a plain producer after the commit
    and may be lost (a lost reply is a 202 or a retry).
    """

    outputs: list[Output]
    replies: list[Output]


class Step(Protocol):
    """One unit of work over records of one partition, in order. Deterministic; never waits.

    May raise `HandlerBug` for a defect at one record; the engine then ends the process and names
    topic, partition and offset.
    """

    def __call__(self, view: View, records: Sequence[Record]) -> Outbox: ...


class HandlerBug(Exception):
    """A step failed at one record; the only way past it is a fix or a quarantine."""

    def __init__(self, record: Record, cause: BaseException) -> None:
        super().__init__(
            f"{record.topic}:{record.partition}:{record.offset}: {type(cause).__name__}: {cause}"
        )
        self.record = record
