"""What does one partition of a stage do: handle chunks, and commit what is finished as one."""

from collections.abc import Collection, Mapping
from time import time

from schemas.tracing import ids_in
from streams.engine import positions as codec
from streams.engine.config import EngineConfig
from streams.engine.digest import checksum
from streams.engine.errors import OrderBroken, StepFailed
from streams.engine.intake import Chunk
from streams.engine.overlay import Batch, UnitView
from streams.engine.positions import PositionsRecord
from streams.engine.spec import Quarantined
from streams.engine.store import LocalCopy, TaskStore
from streams.engine.transaction import TaskProducer
from streams.ports import HandlerBug, Record, Step


class Task:
    """One partition of one stage. `handle` and the commit calls belong to the event loop, `commit`
    alone to a thread: it touches only the batch being committed, the producer and the store.

    positions: as of the last finished commit. handled_to: next offset of each input after the
    last handled record; it runs ahead of the positions.
    """

    def __init__(
        self,
        owner: str,
        *,
        step: Step,
        store: TaskStore,
        producer: TaskProducer,
        positions: PositionsRecord,
        local: LocalCopy,
        resume_at: Mapping[str, int],
        quarantined: Collection[Quarantined],
        config: EngineConfig,
    ) -> None:
        self.owner = owner
        self.store = store
        self.positions = positions
        self.handled_to = dict(resume_at)
        self.pending = Batch()
        self.committing: Batch | None = None
        self.handled_records = 0
        self.committed_at_ms = int(time() * 1000)
        self._step = step
        self._producer = producer
        self._local = local
        self._quarantined = frozenset(quarantined)
        self._config = config

    @property
    def is_quiet(self) -> bool:
        """True when nothing is committing or waits for a commit (positions alone may wait)."""
        return self.committing is None and not self.pending.is_worth_a_commit

    @property
    def should_commit(self) -> bool:
        """True when the pending batch says something, or holds as many records as it may."""
        return self.pending.is_worth_a_commit or not self.has_room

    @property
    def has_room(self) -> bool:
        """True when another chunk may be handled before the next commit begins."""
        return self.pending.records < self._config.pending_records

    def handle(self, chunk: Chunk) -> None:
        """Run the step over a chunk. Raises OrderBroken, StepFailed."""
        if chunk.base != self.handled_to:
            raise OrderBroken(
                f"{self.owner}: a chunk begins at {chunk.base}, the task is at {self.handled_to}"
            )
        records = self._without_quarantined(chunk.records) if self._quarantined else chunk.records
        if records:
            self._run(records)
        self.handled_to = chunk.next
        self.pending.records += len(chunk.records)
        self.handled_records += len(chunk.records)

    def begin_commit(self) -> Batch:
        """Freeze the pending batch; until `finish_commit` units read through it."""
        assert self.committing is None, "one transaction at a time"
        batch, self.pending = self.pending, Batch()
        batch.inputs = dict(self.handled_to)
        self.committing = batch
        return batch

    def commit(self, batch: Batch) -> PositionsRecord:
        """Commit to Kafka, then to the local store. Raises Fenced, CommitUncertain."""
        changed = [(key, value) for key, value in batch.changes.items() if value != batch.before[key]]
        table, seed = self.positions.table.after(changed, batch.before), 0
        for key, value in changed:
            seed = checksum(seed, key, value)
        following = codec.following(
            self.positions, batch.inputs, records=len(changed), checksum=seed, table=table
        )
        encoded = codec.encode(following)
        offset = self._producer.commit(changed, batch.outputs, encoded)
        self._local = LocalCopy(
            owner=self.owner,
            changelog_id=self._local.changelog_id,
            positions_offset=offset,
            written_at_ms=int(time() * 1000),
        )
        self.store.apply(dict(changed), self._local, encoded)
        return following

    def finish_commit(self, positions: PositionsRecord) -> None:
        """The batch is durable: units read the store again."""
        self.positions = positions
        self.committing = None
        self.committed_at_ms = int(time() * 1000)

    def close(self) -> None:
        """Let go of the producer and the store."""
        self._producer.close()
        self.store.close()

    def _run(self, records: list[Record]) -> None:
        committing = self.committing.changes if self.committing is not None else _NOTHING
        view = UnitView(self.pending, committing, self.store)
        try:
            outbox = self._step(view, records)
        except HandlerBug as error:
            raise StepFailed(
                f"{self.owner}: a defect at {error}; fix it, or set the record aside with `millrace quarantine "
                f"{error.record.topic}:{error.record.partition}:{error.record.offset}`",
                ids=_ids_of(error.record),
            ) from error
        view.finish()
        self.pending.outputs.extend(outbox.outputs)
        self.pending.replies.extend(outbox.replies)

    def _without_quarantined(self, records: list[Record]) -> list[Record]:
        return [
            record
            for record in records
            if Quarantined(record.topic, record.partition, record.offset) not in self._quarantined
        ]


def _ids_of(record: Record) -> dict[str, str]:
    place = {"topic": record.topic, "partition": str(record.partition), "offset": str(record.offset)}
    return place | ids_in(record.topic, record.value)


_NOTHING: Mapping[bytes, bytes | None] = {}
