"""How does a connector read its topics: one loop of poll, batch and hand over, whatever it writes to.

A handler says where its positions live. Positions in Kafka: `on_assigned` returns None, the loop
starts at the group's committed offsets and the handler calls `commit` once its work is durable.
Positions elsewhere: `on_assigned` returns them, and `commit` only tells the lag.

The loop, its handler and every callback run in one thread. What is unexpected ends the process.
"""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from types import FrameType
from typing import Any, Final, NamedTuple, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.kafka import consumer_settings
from schemas.settings import Settings

POLL_TIMEOUT_S: Final = 0.25
PAUSED_POLL_TIMEOUT_S: Final = 0.02
BROKER_TIMEOUT_S: Final = 10.0

_log = structlog.get_logger(__name__)


class ConnectorError(RuntimeError):
    """A connector cannot go on; its process ends and is started again.

    PositionLost     the position lies outside what the topic still holds
    OwnershipLost    another process has taken the partitions
    ReadFailed       the brokers refused to serve a partition
    Undelivered      a record was not acknowledged by the brokers
    """


class PositionLost(ConnectorError):
    """Records between the position and the topic's low end are gone, or the topic is another one."""


class OwnershipLost(ConnectorError):
    """The group gave the partitions to another member while this one was silent."""


class ReadFailed(ConnectorError):
    """A partition cannot be read."""


class Undelivered(ConnectorError):
    """A produced record was not acknowledged in time, or refused."""


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


class Assigned(NamedTuple):
    """A partition this process has got, with the offsets it held at that moment: low <= offset < end."""

    partition: Partition
    low_offset: int
    end_offset: int


class Record(NamedTuple):
    """One record as read. timestamp_ms: when it was written, Unix milliseconds."""

    partition: Partition
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Handler(Protocol):
    """What a connector does with its records.

    capacity     how many records it takes now; 0 pauses reading, while polling goes on
    on_assigned  start offsets by partition, from the beginning where absent; None: the group's
    on_records   at most `capacity` records, in order by partition (one more right after an assignment)
    on_end       everything below next_offset has been handed over; it also lies behind the markers of
                 transactions, which are no records
    on_idle      nothing came for a moment
    on_revoked   finish or give up what is in hand, within 8 s; also called when the process stops
    """

    def capacity(self) -> int: ...
    def on_assigned(self, assigned: Sequence[Assigned]) -> Mapping[Partition, int] | None: ...
    def on_records(self, records: Sequence[Record]) -> None: ...
    def on_end(self, partition: Partition, next_offset: int) -> None: ...
    def on_idle(self) -> None: ...
    def on_revoked(self, partitions: Sequence[Partition]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Which topics a connector reads as which group.

    member: name of this process in the group; started again within the session timeout it gets its
    partitions back at once, and a second process of the same name ends the first.
    linger_ms: how long the first record of a batch waits for others.
    """

    group: str
    member: str
    topics: tuple[str, ...]
    linger_ms: int = 0


class ConnectorLoop:
    """Reads the subscribed topics and hands their records to a handler until `stopping` is set."""

    def __init__(self, subscription: Subscription, settings: Settings, stopping: Event) -> None:
        self._subscription = subscription
        self._stopping = stopping
        self._is_paused = False
        self._withheld: set[Partition] = set()
        self._handler: Handler
        self._consumer = Consumer(_settings(subscription, settings))
        self.last_poll_s = time.monotonic()
        """When the last poll returned, on the monotonic clock; old after this process was suspended."""

    def run(self, handler: Handler) -> None:
        """Read until stopped, then hand the partitions back. Raises ConnectorError and what the handler raises."""
        self._handler = handler
        self._consumer.subscribe(
            list(self._subscription.topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        while not self._stopping.is_set():
            self._turn()
        # Only a clean end runs the handler's last step; after an error nothing more is written.
        self._consumer.close()

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Tell the group the next offset of each partition; sent in the background."""
        self._consumer.commit(offsets=_offsets(positions), asynchronous=True)

    def commit_and_wait(self, positions: Mapping[Partition, int]) -> None:
        """Tell the group the next offset of each partition. Raises KafkaException when it is refused.

        Only from the loop's thread: a poll in another one would take the answer and never give it.
        """
        if positions:
            self._consumer.commit(offsets=_offsets(positions), asynchronous=False)

    def withhold(self, partition: Partition) -> None:
        """Read no more of one partition until it is resumed; only from the loop's thread."""
        self._withheld.add(partition)
        self._consumer.pause([TopicPartition(partition.topic, partition.number)])

    def resume(self, partition: Partition) -> None:
        """Read a withheld partition again, as soon as the handler has capacity."""
        self._withheld.discard(partition)
        if not self._is_paused:
            self._consumer.resume([TopicPartition(partition.topic, partition.number)])

    def end_offset(self, partition: Partition) -> int:
        """The end of a partition right now, from its broker. Raises KafkaException when it is silent.

        Like a commit, only from the loop's thread.
        """
        return self._watermarks(partition)[1]

    def _turn(self) -> None:
        capacity = self._handler.capacity()
        self._pause_or_resume(capacity)
        first = self._consumer.poll(PAUSED_POLL_TIMEOUT_S if self._is_paused else POLL_TIMEOUT_S)
        self.last_poll_s = time.monotonic()
        if first is None:
            self._handler.on_idle()
            return
        rest = (
            self._consumer.consume(capacity - 1, self._subscription.linger_ms / 1000) if capacity > 1 else []
        )
        self.last_poll_s = time.monotonic()
        self._hand_over([first, *rest])

    def _hand_over(self, messages: Sequence[Message]) -> None:
        records = [_record(message) for message in messages if message.error() is None]
        if records:
            self._handler.on_records(records)
        for message in messages:
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                partition, next_offset = _place(message)
                self._handler.on_end(partition, next_offset)
            elif error is not None:
                _refuse(error)

    def _pause_or_resume(self, capacity: int) -> None:
        if self._is_paused and capacity > 0:
            self._consumer.resume(
                [
                    one
                    for one in self._consumer.assignment()
                    if Partition(one.topic, one.partition) not in self._withheld
                ]
            )
            self._is_paused = False
        elif not self._is_paused and capacity == 0:
            self._consumer.pause(self._consumer.assignment())
            self._is_paused = True

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        assigned = [self._assigned(Partition(one.topic, one.partition)) for one in partitions]
        starts = self._handler.on_assigned(assigned)
        if starts is None:
            starts = self._committed(partitions)
        positions = {one.partition: _start(one, starts) for one in assigned}
        # Pauses belong to the assignment that ends here.
        self._is_paused = False
        self._withheld.clear()
        consumer.assign(_offsets(positions))
        _log.info("partitions assigned", positions={f"{p.topic}:{p.number}": o for p, o in positions.items()})

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._handler.on_revoked([Partition(one.topic, one.partition) for one in partitions])
        _log.info("partitions revoked", partitions=[f"{one.topic}:{one.partition}" for one in partitions])

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        names = ", ".join(f"{one.topic}:{one.partition}" for one in partitions)
        raise OwnershipLost(f"{self._subscription.group} gave {names} to another member; starting again")

    def _assigned(self, partition: Partition) -> Assigned:
        low_offset, end_offset = self._watermarks(partition)
        return Assigned(partition, low_offset, end_offset)

    def _watermarks(self, partition: Partition) -> tuple[int, int]:
        place = TopicPartition(partition.topic, partition.number)
        bounds = self._consumer.get_watermark_offsets(place, timeout=BROKER_TIMEOUT_S)
        if bounds is None:
            raise ReadFailed(f"{partition.topic}:{partition.number}: no broker told its offsets in time")
        return bounds

    def _committed(self, partitions: list[TopicPartition]) -> dict[Partition, int]:
        committed = self._consumer.committed(partitions, timeout=BROKER_TIMEOUT_S)
        return {Partition(one.topic, one.partition): one.offset for one in committed if one.offset >= 0}


def stop_on_signals() -> Event:
    """An event that SIGTERM or SIGINT sets; call it from the main thread."""
    stopping = Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping


def run_process(role: str, work: Callable[[], None]) -> int:
    """Run a connector's work to its end; the exit code of its process. An error is logged, never swallowed."""
    try:
        work()
    except Exception:  # noqa: BLE001  # the border of the process: any error becomes its exit code
        _log.exception("process failed", role=role)
        return 1
    _log.info("process stopped", role=role)
    return 0


def _settings(subscription: Subscription, settings: Settings) -> dict[str, Any]:
    return {
        **consumer_settings(
            settings.kafka_bootstrap_servers, client_id=subscription.member, group=subscription.group
        ),
        "group.instance.id": subscription.member,
        "session.timeout.ms": settings.worker_session_timeout_ms,
        "heartbeat.interval.ms": max(settings.worker_session_timeout_ms // 5, 1),
        "enable.partition.eof": True,
        "on_commit": _committed_or_told,
    }


def _committed_or_told(error: KafkaError | None, _: list[TopicPartition]) -> None:
    if error is not None:
        # The next commit covers this one; a member that lost its partitions hears of it by the callback.
        _log.warning("commit refused", error=str(error))


def _start(assigned: Assigned, starts: Mapping[Partition, int]) -> int:
    start = starts.get(assigned.partition, assigned.low_offset)
    if not assigned.low_offset <= start <= assigned.end_offset:
        raise PositionLost(
            f"{assigned.partition.topic}:{assigned.partition.number} is to be read from offset {start}, "
            f"but holds {assigned.low_offset} to {assigned.end_offset}: records are lost or the topic was "
            "created anew; find out which before moving the position"
        )
    return start


def _refuse(error: KafkaError) -> None:
    if error.fatal() or not error.retriable():
        raise ReadFailed(f"{error.name()}: {error.str()}") from KafkaException(error)
    _log.warning("read failed, will be repeated", error=error.str())


def _record(message: Message) -> Record:
    partition, offset = _place(message)
    headers: Any = message.headers() or ()  # declared wider than what a consumer returns
    return Record(partition, offset, message.timestamp()[1], message.key(), message.value(), tuple(headers))


def _place(message: Message) -> tuple[Partition, int]:
    topic, number, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None, "a fetched record has a topic"
    assert number is not None, "a fetched record has a partition"
    assert offset is not None, "a fetched record has an offset"
    return Partition(topic, number), offset


def _offsets(positions: Mapping[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(one.topic, one.number, offset) for one, offset in positions.items()]
