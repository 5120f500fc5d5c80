"""Who talks to the consumer group: one thread per stage that reads, groups and follows rebalances."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from time import monotonic
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.engine import clients
from streams.engine.config import EngineConfig
from streams.engine.errors import Fenced, KafkaFailed
from streams.engine.intake import Intake
from streams.engine.spec import StageSpec
from streams.ports import Record

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.25
_ASSIGNING_POLL_SECONDS = 0.02
_FULL_SECONDS = 0.05


class Rebalance(Protocol):
    """What the poller tells the event loop about its assignment; called from the poller's thread."""

    def assigned(self, epoch: int, partitions: set[tuple[str, int]]) -> None:
        """Restore these; the poller goes on and waits for `start_reading`."""
        ...

    def revoked(self, epoch: int, partitions: set[tuple[str, int]]) -> threading.Event:
        """Finish what is running; the event says that it is finished."""
        ...


class Poller(threading.Thread):
    """The consumer of a stage, from `start` to `stop`. Its methods only leave a note for its thread.

    epoch: counts assignments and revocations; what belongs to an older one is dropped.
    """

    def __init__(
        self,
        spec: StageSpec,
        config: EngineConfig,
        *,
        intake: Intake,
        rebalance: Rebalance,
        fail: Callable[[BaseException], None],
    ) -> None:
        super().__init__(name=f"poller.{spec.name}", daemon=True)
        self._spec = spec
        self._config = config
        self._intake = intake
        self._rebalance = rebalance
        self._fail = fail
        self._stopping = threading.Event()
        self._wanted: tuple[int, Mapping[int, Mapping[str, int]]] | None = None
        self._lag: SimpleQueue[Mapping[int, Mapping[str, int]]] = SimpleQueue()
        self._is_reading = False
        self.epoch = 0
        self.assignment: frozenset[tuple[str, int]] = frozenset()
        self._consumer = Consumer({**clients.reading(config, spec.group), "error_cb": self._on_error})

    def start_reading(self, epoch: int, positions: Mapping[int, Mapping[str, int]]) -> None:
        """Read every task (by partition) from its positions, unless the assignment has changed since."""
        self._wanted = (epoch, positions)

    def publish_lag(self, positions: Mapping[int, Mapping[str, int]]) -> None:
        """Commit positions as group offsets before the next read; they serve as a lag metric only."""
        self._lag.put(positions)

    def stop(self) -> None:
        """Leave off reading. A static member keeps its partitions until its session ends."""
        self._stopping.set()

    def run(self) -> None:
        """Read until stopped; any failure ends the process."""
        try:
            self._consumer.subscribe(
                list(self._spec.input_topics),
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            while not self._stopping.is_set():
                self._read_once()
        except Exception as error:
            self._fail(error)
            raise

    def _read_once(self) -> None:
        self._take_up_assignment()
        self._publish_lag()
        if not self._intake.wait_for_room(_FULL_SECONDS):
            return
        started = monotonic()
        epoch = self.epoch
        first = self._consumer.poll(_POLL_SECONDS if self._is_reading else _ASSIGNING_POLL_SECONDS)
        if first is None:
            return
        found = [first, *self._consumer.consume(self._config.buffered_records, 0)]
        if epoch == self.epoch:
            # A rebalance inside the calls above makes what they returned somebody else's.
            self._hand_on(epoch, found)
        if len(found) < self._config.chunk_records:
            self._stopping.wait(self._config.pace_ms / 1000 - (monotonic() - started))

    def _hand_on(self, epoch: int, found: Sequence[Message]) -> None:
        records: list[Record] = []
        ends: list[tuple[str, int, int]] = []
        add = records.append
        for message in found:
            problem = message.error()
            if problem is None:
                headers = message.headers()
                add(
                    Record(
                        message.topic(),  # type: ignore[arg-type]  # only an error may lack it
                        message.partition(),  # type: ignore[arg-type]  # as above
                        message.offset(),  # type: ignore[arg-type]  # as above
                        message.key(),
                        message.value(),
                        message.timestamp()[1],
                        tuple(headers) if headers else (),  # type: ignore[arg-type]  # a consumer gets bytes
                    )
                )
            elif problem.code() == KafkaError._PARTITION_EOF:
                ends.append((message.topic() or "", message.partition() or 0, message.offset() or 0))
            else:
                raise KafkaFailed(f"stage {self._spec.name}: cannot read its inputs: {problem}")
        self._intake.put(epoch, records, ends)

    def _take_up_assignment(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None or wanted[0] != self.epoch:
            return
        epoch, positions = wanted
        self._intake.open(epoch, positions)
        self._consumer.assign(_partitions(positions))
        self._is_reading = True

    def _publish_lag(self) -> None:
        """Only here: another thread would wait for the poll that is going on, and block its caller."""
        lag: dict[int, Mapping[str, int]] = {}
        while not self._lag.empty():
            lag.update(self._lag.get())
        if not lag or not self._is_reading:
            return
        try:
            self._consumer.commit(offsets=_partitions(lag), asynchronous=True)
        except KafkaException as error:
            _log.info("stage %s: the lag could not be published: %s", self._spec.name, error)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Nothing is read before the tasks are restored; the group must not wait for that."""
        consumer.assign([])
        self._is_reading = False
        self.epoch += 1
        self.assignment = frozenset((one.topic, one.partition) for one in partitions)
        self._rebalance.assigned(self.epoch, set(self.assignment))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Let running commits finish, so that the next owner need not refuse them."""
        was_reading, self._is_reading = self._is_reading, False
        self.epoch += 1
        self._intake.close(self.epoch)
        finished = self._rebalance.revoked(self.epoch, set(self.assignment))
        if was_reading and not finished.wait(self._config.revoke_timeout_ms / 1000):
            _log.warning("stage %s: a commit outlasts the rebalance", self._spec.name)
        self.assignment = frozenset()
        consumer.unassign()

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._fail(Fenced(f"stage {self._spec.name}: the group went on without this worker"))

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fail(Fenced(f"stage {self._spec.name}: this member was replaced: {error}"))
        else:
            _log.warning("stage %s: %s", self._spec.name, error)


def _partitions(positions: Mapping[int, Mapping[str, int]]) -> list[TopicPartition]:
    return [
        TopicPartition(topic, partition, offset)
        for partition, inputs in positions.items()
        for topic, offset in inputs.items()
    ]
