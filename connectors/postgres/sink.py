"""What does the sink do with its records: decode a batch, write its rows and positions, tell the lag."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import structlog
from confluent_kafka import KafkaException

from connectors.dead_letters import DeadLetters
from connectors.postgres.events import Event
from connectors.postgres.measures import Measures
from connectors.postgres.rows import PROJECTORS, needed_by, project
from connectors.postgres.tables import at
from connectors.postgres.writer import Advance, Writer
from connectors.runtime import Assigned, ConnectorLoop, Partition, Record
from schemas import topics
from schemas.codec import CorruptMessage, codec_of

TOPICS: Final = tuple(PROJECTORS)
CHECK_EVERY_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Sink:
    """The handler of the sink's loop; its positions live in Postgres, beside the rows."""

    def __init__(
        self,
        loop: ConnectorLoop,
        writer: Writer,
        letters: DeadLetters,
        *,
        measures: Measures,
        batch: int,
    ) -> None:
        self._loop = loop
        self._writer = writer
        self._letters = letters
        self._measures = measures
        self._batch = batch
        self._positions: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._checked_s = time.monotonic()

    def capacity(self) -> int:
        """Every batch is written before the next is read."""
        return self._batch

    def on_assigned(self, assigned: Sequence[Assigned]) -> Mapping[Partition, int]:
        """Go on where the rows end."""
        self._positions = self._writer.positions(assigned) if assigned else {}
        self._ends.clear()
        return self._positions

    def on_records(self, records: Sequence[Record]) -> None:
        """Write a batch; bytes that are no message are set aside first."""
        events = [event for record in records if (event := self._event(record)) is not None]
        self._letters.flush()
        newest: dict[Partition, Record] = {}
        for record in records:
            assert record.offset >= self._positions[record.partition], f"{record.partition}: read again"
            newest[record.partition] = record
        advances = [
            self._advance(partition, last.offset + 1, newest_ms=last.timestamp_ms)
            for partition, last in newest.items()
        ]
        self._write(advances, events)

    def on_end(self, partition: Partition, next_offset: int) -> None:
        """Remember the end; it is written when nothing else is to be done."""
        self._ends[partition] = next_offset

    def on_idle(self) -> None:
        """Write which ends are reached; ask the brokers now and then whether they still are the ends."""
        if time.monotonic() - self._checked_s > CHECK_EVERY_S:
            self._checked_s = time.monotonic()
            self._check_ends()
        if self._ends:
            self._write([self._advance(partition, end) for partition, end in self._ends.items()], [])
            self._ends.clear()

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Everything in hand is written."""
        self._positions.clear()
        self._ends.clear()

    def _check_ends(self) -> None:
        try:
            for partition, position in self._positions.items():
                if self._loop.end_offset(partition) <= position:
                    self._ends[partition] = position
        except KafkaException as error:
            # Freshness then shows a growing lag, which is the truth.
            _log.warning("ends not known", error=str(error))

    def _advance(self, partition: Partition, next_offset: int, *, newest_ms: int | None = None) -> Advance:
        position = self._positions[partition]
        moved_to = max(position, next_offset)
        return Advance(
            partition=partition,
            from_offset=position,
            next_offset=moved_to,
            newest_record_at=None if newest_ms is None else at(newest_ms),
            is_at_end=self._ends.get(partition, -1) >= moved_to,
        )

    def _write(self, advances: Sequence[Advance], events: Sequence[Event]) -> None:
        self._writer.write(advances, needed_by(events), partial(project, events))
        # Only what is written: a batch that is tried again must not count twice.
        self._measures.note(events)
        moved = {one.partition: one.next_offset for one in advances}
        self._positions.update(moved)
        # Postgres holds the positions; the group's are there for whoever looks at lag in Kafka.
        self._loop.commit(moved)

    def _event(self, record: Record) -> Event | None:
        try:
            message = codec_of(topics.BY_NAME[record.partition.topic]).decode(record.value)
            return Event(record, _key(record), message)
        except CorruptMessage as error:
            self._letters.put(record, error)
            return None


def _key(record: Record) -> str:
    if record.key is None:
        raise CorruptMessage(f"{record.partition.topic}: a record without a key belongs to nothing")
    try:
        return record.key.decode()
    except UnicodeDecodeError as error:
        raise CorruptMessage(f"{record.partition.topic}: the key is no text: {error}") from error
