"""How does Faust get its chunks: a transport driver whose consumer is a librdkafka thread."""

import asyncio
import threading
from collections.abc import Iterable, Mapping
from time import time
from typing import Any, NamedTuple

from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.types import TP, ConsumerMessage, Message
from mode import Service

from streams.engine.intake import Chunk
from streams.engine.poller import Poller
from streams.engine.stage import Stage


class _Rebalance(NamedTuple):
    """An assignment, or with `finished` a revocation."""

    epoch: int
    partitions: set[tuple[str, int]]
    finished: threading.Event | None


class Consumer(FaustConsumer):
    """Faust's consumer over a poller thread: chunks in, rebalances out, acks counted.

    Positions come from the tasks alone: nothing here seeks, and group offsets are a lag metric.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: the signature is Faust's
        super().__init__(*args, **kwargs)
        self._stage: Stage = self.app.stage  # type: ignore[attr-defined]  # a StageApp
        self._loop_of_app = asyncio.get_running_loop()
        self._rebalances: asyncio.Queue[_Rebalance] = asyncio.Queue()
        self._published: dict[int, Mapping[str, int]] = {}
        self._poller: Poller | None = None

    @property
    def poller(self) -> Poller:
        """The thread that reads; there once Faust has subscribed."""
        assert self._poller is not None, "Faust subscribes before it asks anything"
        return self._poller

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group. The topics are the stage's inputs, for as long as the process lives."""
        assert set(topics) == set(self._stage.spec.input_topics), "a stage reads exactly its inputs"
        if self._poller is None:
            stage = self._stage
            self._poller = Poller(
                stage.spec, stage.config, intake=stage.intake, rebalance=self, fail=stage.fail
            )
            self._poller.start()

    def stop_reading(self) -> None:
        """Take nothing more from Kafka."""
        if self._poller is not None:
            self._poller.stop()

    def assigned(self, epoch: int, partitions: set[tuple[str, int]]) -> None:
        """Called by the poller's thread; it goes on at once."""
        self._tell(_Rebalance(epoch, partitions, None))

    def revoked(self, epoch: int, partitions: set[tuple[str, int]]) -> threading.Event:
        """Called by the poller's thread, which waits for the event."""
        finished = threading.Event()
        self._tell(_Rebalance(epoch, partitions, finished))
        return finished

    def assignment(self) -> set[TP]:
        """What the group assigned to this worker."""
        return set() if self._poller is None else _as_faust(self._poller.assignment)

    async def wait_empty(self) -> None:
        """Wait until nothing that was handled waits for its commit."""
        await self._stage.finish()

    def ack(self, message: Message) -> bool:
        """The chunk is committed; Faust need not wait for it any more."""
        is_first = not message.acked
        message.acked = True
        self._unacked_messages.discard(message)
        return is_first

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Faust's commit timer: commit positions that wait for nothing else, publish the lag."""
        if self._poller is None:
            return False
        self._stage.commit_idle(int(time() * 1000))
        moved = {
            partition: inputs
            for partition, inputs in self._stage.positions.items()
            if self._published.get(partition) != inputs
        }
        if moved:
            self._poller.publish_lag(moved)
            self._published.update(moved)
        return bool(moved)

    async def create_topic(self, topic: str, *args: Any, **kwargs: Any) -> None:
        """Topics are provisioned before a worker starts."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Stuck tasks show in the positions of their status."""

    @Service.task
    async def _deliver(self) -> None:
        """Give chunks to the agent as fast as tasks take them."""
        stage, topic = self._stage, self._stage.spec.input_topics[0]
        while not self.should_stop:
            stage.ready.clear()
            chunk = stage.intake.take()
            if chunk is None:
                await stage.ready.wait()
            else:
                await self.callback(_message(topic, chunk))

    @Service.task
    async def _follow(self) -> None:
        """Tell Faust about rebalances, one after the other."""
        while not self.should_stop:
            epoch, partitions, finished = await self._rebalances.get()
            if not self.app.rebalancing:
                self.app.on_rebalance_start()
            self.app.consumer_generation_id = epoch
            if finished is None:
                await self.on_partitions_assigned(_as_faust(partitions), epoch)
                self.app.on_rebalance_end()
            else:
                await self.on_partitions_revoked(_as_faust(partitions))
                # Faust waits only while it sees an assignment; the poller may be past that.
                await self._stage.finish()
                finished.set()

    def _tell(self, rebalance: _Rebalance) -> None:
        self._loop_of_app.call_soon_threadsafe(self._rebalances.put_nowait, rebalance)

    # What Faust's own fetcher, recovery and offset bookkeeping would call; all three are replaced.

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def _commit(self, offsets: Any) -> bool:
        raise NotImplementedError(_REPLACED)

    async def seek_to_committed(self) -> Any:
        raise NotImplementedError(_REPLACED)

    async def _seek(self, partition: TP, offset: int) -> None:
        raise NotImplementedError(_REPLACED)

    async def seek_wait(self, partitions: Any) -> None:
        raise NotImplementedError(_REPLACED)

    async def position(self, tp: TP) -> int | None:
        raise NotImplementedError(_REPLACED)

    def highwater(self, tp: TP) -> int:
        raise NotImplementedError(_REPLACED)

    async def highwaters(self, *partitions: TP) -> Any:
        raise NotImplementedError(_REPLACED)

    async def earliest_offsets(self, *partitions: TP) -> Any:
        raise NotImplementedError(_REPLACED)

    def topic_partitions(self, topic: str) -> int | None:
        raise NotImplementedError(_REPLACED)

    def key_partition(self, topic: str, key: Any, partition: int | None = None) -> int | None:
        raise NotImplementedError(_REPLACED)

    async def _getmany(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(_REPLACED)

    def _to_message(self, tp: TP, record: Any) -> Any:
        raise NotImplementedError(_REPLACED)


_REPLACED = "tasks keep, restore and commit positions themselves"


class Transport(base.Transport):
    """The driver behind `rdkafka://`; it serves stages only."""

    Consumer = Consumer
    driver_version = "1"
    default_port = 9092


def _message(topic: str, chunk: Chunk) -> ConsumerMessage:
    """A chunk as a message of the first input; its number of records stands for its size."""
    size = len(chunk.records)
    return ConsumerMessage(
        topic,
        chunk.partition,
        chunk.base[topic],
        0.0,
        0,
        None,
        None,
        chunk,  # type: ignore[arg-type]  # Faust hands a value on as it is
        None,
        0,
        size,
        generation_id=chunk.epoch,
    )


def _as_faust(partitions: Iterable[tuple[str, int]]) -> set[TP]:
    return {TP(topic, partition) for topic, partition in partitions}
