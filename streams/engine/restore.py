"""How does a task get its table back: take the task over, read the changelog's tail, check all of it."""

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import time

import msgspec
from confluent_kafka import Message

from streams.engine import guards
from streams.engine import positions as codec
from streams.engine.broker import LogReader
from streams.engine.config import EngineConfig
from streams.engine.digest import Digest
from streams.engine.errors import GuardRefused
from streams.engine.guards import Bounds, TopicFacts
from streams.engine.positions import POSITIONS_KEY, PositionsRecord
from streams.engine.replay import Replay, check_table
from streams.engine.spec import Quarantined, StageSpec
from streams.engine.store import LocalCopy, TaskStore
from streams.engine.task import Task
from streams.engine.transaction import TaskProducer

_log = logging.getLogger(__name__)
_UNFINISHED_ROWS = 50_000


def task_directory(spec: StageSpec, config: EngineConfig, partition: int) -> Path:
    """Where the local copy of a task lies."""
    return config.data_dir / f"{spec.name}.v{spec.version}" / str(partition)


_UNREADABLE = ("Corruption", "IO error: While mmap read")
"""How the words of RocksDB begin where a file is damaged or cut off; its binding has no error class of its own."""


def open_store(directory: Path, config: EngineConfig) -> TaskStore:
    """The local copy as it is found; an unreadable one is forgotten, since the changelog has it all."""
    try:
        return TaskStore(directory, write_ahead=config.write_ahead)
    except Exception as error:
        if not str(error).startswith(_UNREADABLE):
            raise
        _log.warning("%s: the local copy is wiped: %s", directory, error)
        shutil.rmtree(directory)
        return TaskStore(directory, write_ahead=config.write_ahead)


def open_task(
    spec: StageSpec,
    config: EngineConfig,
    partition: int,
    facts: Mapping[str, TopicFacts],
    is_wanted: Callable[[], bool],
) -> Task:
    """The task of a partition, ready for its first chunk at its restored positions.

    Earlier owners are fenced before the end of the changelog is read, so nothing can be added
    behind it. Raises GuardRefused, KafkaFailed, Superseded.
    """
    owner = spec.transactional_id(partition)
    producer = TaskProducer(config, owner, spec.changelog, partition)
    store = open_store(task_directory(spec, config, partition), config)
    reader = LogReader(config, owner, partition, is_wanted)
    is_open = False
    try:
        producer.take_over()
        bounds = reader.bounds(spec.changelog)
        restore = _Restore(owner, store, config, changelog_id=facts[spec.changelog].topic_id)
        at = guards.check_provisioned(owner, restore.run(reader, spec.changelog, bounds), bounds)
        inputs = {topic: (reader.bounds(topic), facts[topic].topic_id) for topic in spec.input_topics}
        task = Task(
            owner,
            step=spec.new_step(),
            store=store,
            producer=producer,
            positions=at,
            local=restore.local,
            resume_at=guards.resume_at(spec, owner, at, inputs),
            quarantined=_quarantined(spec, reader),
            config=config,
        )
        is_open = True
        return task
    finally:
        reader.close()
        if not is_open:
            producer.close()
            store.close()


def _quarantined(spec: StageSpec, reader: LogReader) -> set[Quarantined]:
    """The records set aside so far: this partition's copy of the broadcast topic, read to its end."""
    if spec.quarantine is None:
        return set()
    topic, decode = spec.quarantine.topic, spec.quarantine.decode
    low = reader.bounds(topic).low
    values = (message.value() for batch in reader.read(topic, low) for message in batch)
    decoded = (decode(value) for value in values if value is not None)
    return {found for found in decoded if found is not None}


class _Restore:
    """One changelog partition on its way into one store.

    table: the digest of the stored rows, kept up row by row. local: what the store is a copy of.
    """

    def __init__(self, owner: str, store: TaskStore, config: EngineConfig, *, changelog_id: str) -> None:
        self._owner = owner
        self._store = store
        self._config = config
        self._now_ms = int(time() * 1000)
        self._finished: dict[bytes, bytes | None] = {}
        self._unfinished: dict[bytes, bytes | None] = {}
        self.local = LocalCopy(
            owner=owner, changelog_id=changelog_id, positions_offset=-1, written_at_ms=self._now_ms
        )
        self.table = Digest()

    def run(self, reader: LogReader, changelog: str, bounds: Bounds) -> PositionsRecord | None:
        """The last positions record, with the store as it says; None: the changelog holds none.

        A local copy that turns out wrong is forgotten and the changelog read from its beginning.
        """
        copy = self._usable_copy(bounds)
        if copy is not None:
            try:
                return self._continue(reader, changelog, *copy)
            except GuardRefused as refused:
                _log.warning("%s: the local copy is wiped: %s", self._owner, refused)
        self._store.wipe()
        self.table = Digest()
        self._finished.clear()
        self._unfinished.clear()
        replay = self._replay(None)
        for batch in reader.read(changelog, bounds.low):
            self._fold(batch, replay)
        return self._checked(replay)

    def _usable_copy(self, bounds: Bounds) -> tuple[LocalCopy, bytes] | None:
        found = self._store.local_copy()
        if found is None:
            return None
        defect = guards.local_copy_defect(
            found[0],
            owner=self._owner,
            changelog_id=self.local.changelog_id,
            changelog=bounds,
            now_ms=self._now_ms,
            config=self._config,
        )
        if defect is not None:
            _log.warning("%s: the local copy is wiped: %s", self._owner, defect)
            return None
        return found

    def _continue(
        self, reader: LogReader, changelog: str, local: LocalCopy, encoded: bytes
    ) -> PositionsRecord | None:
        """Read on from the local copy, whose positions record must be where it was written."""
        at = codec.decode(encoded)
        self.local, self.table = local, at.table
        replay = self._replay(at)
        is_first = True
        for batch in reader.read(changelog, local.positions_offset):
            if batch and is_first:
                is_first = False
                if batch[0].offset() != local.positions_offset or batch[0].value() != encoded:
                    raise GuardRefused(f"another record lies at its offset {local.positions_offset}")
                batch = batch[1:]
            self._fold(batch, replay)
        return self._checked(replay)

    def _replay(self, at: PositionsRecord | None) -> Replay:
        return Replay(self._owner, at, checked_from_ms=self._now_ms - self._config.checked_age_ms)

    def _checked(self, replay: Replay) -> PositionsRecord | None:
        if not replay.is_between_transactions:
            raise GuardRefused(f"{self._owner}: the changelog ends inside a transaction")
        if replay.positions is not None:
            check_table(self._owner, replay.positions, self.table)
        return replay.positions

    def _fold(self, batch: Sequence[Message], replay: Replay) -> None:
        """Check the records and store the finished transactions among them."""
        encoded = None
        for message in batch:
            key, value = message.key() or b"", message.value()
            if key != POSITIONS_KEY:
                replay.row(key, value)
                self._unfinished[key] = value
                continue
            encoded = value or b""
            _, written_at_ms = message.timestamp()
            replay.end_transaction(encoded, written_at_ms)
            self._finished.update(self._unfinished)
            self._unfinished.clear()
            self.local = msgspec.structs.replace(
                self.local, positions_offset=message.offset(), written_at_ms=self._now_ms
            )
        if encoded is not None:
            self._follow(self._finished)
            self._store.apply(self._finished, self.local, encoded)
            self._finished.clear()
        if len(self._unfinished) > _UNFINISHED_ROWS:
            # Compaction left the rows of old transactions without the records that ended them.
            self._follow(self._unfinished)
            self._store.apply_unfinished(self._unfinished)
            self._unfinished.clear()

    def _follow(self, changes: Mapping[bytes, bytes | None]) -> None:
        table, stored = self.table, self._store.get
        for key, value in changes.items():
            table = table.replaced(key, stored(key), value)
        self.table = table
