"""How does a stage run: its tasks, fed chunk by chunk by one Faust agent, each commit in a thread."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from time import monotonic
from typing import NamedTuple, Protocol, TypeVar

from streams.deferred import waiting
from streams.engine import guards
from streams.engine.broker import Superseded, topic_facts
from streams.engine.config import EngineConfig
from streams.engine.intake import Chunk, Intake
from streams.engine.overlay import Batch
from streams.engine.positions import PositionsRecord
from streams.engine.replies import Replies
from streams.engine.restore import open_task
from streams.engine.spec import StageSpec
from streams.engine.task import Task

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Delivered(Protocol):
    """A chunk as Faust delivers it."""

    @property
    def value(self) -> Chunk: ...
    def ack(self) -> bool: ...


class TaskStatus(NamedTuple):
    """One task as of its last finished commit. deferred_records: those that wait for their aggregate."""

    stage: str
    partition: int
    positions: PositionsRecord
    handled_records: int
    deferred_records: int
    committed_at_ms: int


class Stage:
    """The tasks of one stage in this worker. All methods belong to the event loop.

    fail: called with the error that makes it impossible to go on; it ends the process.
    ready: set when the intake may have a chunk to give.
    """

    def __init__(
        self,
        spec: StageSpec,
        config: EngineConfig,
        *,
        executor: Executor,
        replies: Replies,
        fail: Callable[[BaseException], None],
    ) -> None:
        self.spec = spec
        self.config = config
        self.fail = fail
        self.ready = asyncio.Event()
        self._executor = executor
        self._replies = replies
        self._tasks: dict[int, Task] = {}
        self._epoch = 0
        self._held: set[int] = set()
        self._commits: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.intake = Intake(
            chunk_records=config.chunk_records,
            buffered_records=config.buffered_records,
            on_ready=self._notify,
        )

    @property
    def positions(self) -> dict[int, Mapping[str, int]]:
        """Committed input positions by partition."""
        return {partition: task.positions.inputs for partition, task in self._tasks.items()}

    def status(self) -> list[TaskStatus]:
        """Every task of this worker."""
        return [
            TaskStatus(
                self.spec.name,
                partition,
                task.positions,
                task.handled_records,
                waiting(task.store.get),
                task.committed_at_ms,
            )
            for partition, task in sorted(self._tasks.items())
        ]

    def handle(self, delivered: Delivered) -> None:
        """Run the step over a chunk and see to its commit; the chunk of an ended assignment is dropped."""
        chunk = delivered.value
        if chunk.epoch != self._epoch:
            return
        task = self._tasks[chunk.partition]
        try:
            task.handle(chunk)
        except Exception as error:
            self.fail(error)
            raise
        task.pending.acks.append(delivered.ack)
        if task.has_room:
            self._release(chunk.partition)
        else:
            self._held.add(chunk.partition)
        if task.should_commit:
            self._begin_commit(chunk.partition, task)

    def commit_idle(self, now_ms: int) -> None:
        """Commit positions that moved without a reason for a commit of their own."""
        for partition, task in self._tasks.items():
            quiet_ms = now_ms - task.committed_at_ms
            if not task.is_quiet or quiet_ms < self.config.idle_records_ms:
                continue
            if quiet_ms >= self.config.idle_positions_ms:
                read_to = self.intake.quiet_positions(partition)
                if read_to is not None:
                    task.handled_to = read_to
                if task.handled_to != task.positions.inputs:
                    self._begin_commit(partition, task)
            elif self._has_read_records(task):
                self._begin_commit(partition, task)

    def _has_read_records(self, task: Task) -> bool:
        """True when records that somebody waits for were handled since the last commit."""
        inputs = task.positions.inputs
        return any(
            offset != inputs.get(topic)
            for topic, offset in task.handled_to.items()
            if topic not in self.spec.skippable
        )

    async def open_tasks(
        self, epoch: int, assigned: Collection[tuple[str, int]], is_wanted: Callable[[], bool]
    ) -> dict[int, Mapping[str, int]] | None:
        """Restore every assigned task; where to read each, or None when the assignment has ended."""
        await self.close_tasks()
        started = monotonic()
        try:
            tasks = await self._restore(guards.check_assignment(self.spec, assigned), is_wanted)
        except Exception as error:
            self.fail(error)
            raise
        if tasks is None:
            return None
        self._tasks, self._epoch = tasks, epoch
        taken_ms = (monotonic() - started) * 1000
        _log.info("stage %s: restored %s in %.0f ms", self.spec.name, sorted(tasks), taken_ms)
        return {partition: task.handled_to for partition, task in tasks.items()}

    async def finish(self) -> None:
        """Wait for running commits and those already worth one; afterwards nothing is handled."""
        self._epoch = -1
        while self._commits:
            await asyncio.wait(self._commits)

    async def close_tasks(self) -> None:
        """Finish, and let go of every producer and store."""
        await self.finish()
        tasks, self._tasks = self._tasks, {}
        self._held.clear()
        await _in_threads(self._executor, [task.close for task in tasks.values()])

    async def _restore(self, partitions: list[int], is_wanted: Callable[[], bool]) -> dict[int, Task] | None:
        spec, config = self.spec, self.config
        names = [*spec.input_topics, spec.changelog, *([spec.quarantine.topic] if spec.quarantine else [])]
        (facts,) = await _in_threads(self._executor, [lambda: topic_facts(config, names)])
        guards.check_topics(spec, facts)

        def opening(partition: int) -> Callable[[], Task | None]:
            def run() -> Task | None:
                try:
                    return open_task(spec, config, partition, facts, is_wanted)
                except Superseded:
                    return None

            return run

        found = await _in_threads(self._executor, [opening(partition) for partition in partitions])
        opened = {
            partition: task for partition, task in zip(partitions, found, strict=True) if task is not None
        }
        if len(opened) == len(partitions) and is_wanted():
            return opened
        await _in_threads(self._executor, [task.close for task in opened.values()])
        return None

    def _begin_commit(self, partition: int, task: Task) -> None:
        if task.committing is None:
            batch = task.begin_commit()
            commit = asyncio.ensure_future(self._commit(partition, task, batch))
            self._commits.add(commit)
            commit.add_done_callback(self._commits.discard)

    async def _commit(self, partition: int, task: Task, batch: Batch) -> None:
        """Commit, and again while the step went on meanwhile."""
        while True:
            try:
                positions = await self._loop.run_in_executor(self._executor, task.commit, batch)
            except Exception as error:
                self.fail(error)
                raise
            task.finish_commit(positions)
            self._replies.send(batch.replies)
            for ack in batch.acks:
                ack()
            if partition in self._held:
                self._held.discard(partition)
                self._release(partition)
            if not task.should_commit:
                return
            batch = task.begin_commit()

    def _release(self, partition: int) -> None:
        self.intake.release(self._epoch, partition)
        self.ready.set()

    def _notify(self) -> None:
        self._loop.call_soon_threadsafe(self.ready.set)


async def _in_threads(executor: Executor, calls: list[Callable[[], T]]) -> list[T]:
    """The results of blocking calls, made at the same time; the first error when any failed."""
    loop = asyncio.get_running_loop()
    futures = [loop.run_in_executor(executor, call) for call in calls]
    return await asyncio.gather(*futures)
