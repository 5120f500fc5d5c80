"""How is a topic read: partition by partition from its beginning to an end seen before, committed records only."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is public

from ops.verify.errors import LogUnreadable
from schemas.kafka import consumer_settings
from schemas.settings import Settings
from streams.engine.broker import answered
from streams.engine.errors import KafkaFailed

_TIMEOUT_S: Final = 15.0
_SILENT_S: Final = 30.0
_READ_RECORDS: Final = 5_000
# consume() waits its whole timeout unless it gets all it asked for.
_READ_S: Final = 0.03

T = TypeVar("T")
Ends = Mapping[int, int]
"""Next offset by partition."""


class LogRecord(NamedTuple):
    """One record as read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def place(self) -> str:
        """Where it lies."""
        return f"{self.topic}:{self.partition}:{self.offset}"


class Log:
    """The topics of a cluster; no member of any group."""

    def __init__(self, settings: Settings) -> None:
        wanted: dict[str, Any] = {
            **consumer_settings(
                settings.kafka_bootstrap_servers, client_id="millrace-verify", group="millrace.verify"
            ),
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.message.max.bytes": 2 * 1_048_576,
            "queued.max.messages.kbytes": 16_384,
            # A full queue is looked at again at once; the standard pauses for a second.
            "fetch.queue.backoff.ms": 2,
        }
        self._consumer = Consumer(wanted)
        self._admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
        self._topics: dict[str, list[int]] | None = None

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def ends(self, topic: str) -> Ends:
        """Next offset of every partition. Raises LogUnreadable for a topic that does not exist."""
        return self.ends_of([topic])[topic]

    def ends_of(self, topics: Collection[str]) -> Mapping[str, Ends]:
        """The same of many topics, for one question to the cluster."""
        asked = {
            TopicPartition(topic, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]  # of the library
            for topic in topics
            for partition in self._partitions(topic)
        }

        def ask() -> Mapping[str, Ends]:
            ends: dict[str, dict[int, int]] = {topic: {} for topic in topics}
            for place, answer in self._admin.list_offsets(asked, request_timeout=_TIMEOUT_S).items():
                ends[place.topic][place.partition] = answer.result().offset
            return ends

        return _answered(ask, "ends of topics")

    def end(self, topic: str, partition: int) -> int:
        """Next offset of a partition right now. Raises LogUnreadable."""
        asked = TopicPartition(topic, partition)
        return _answered(
            lambda: self._consumer.get_watermark_offsets(asked, timeout=_TIMEOUT_S)[1], f"{topic}:{partition}"
        )

    def read(self, topic: str, partition: int, end: int) -> Iterator[LogRecord]:
        """The committed records below `end`. Raises LogUnreadable when nothing comes for half a minute."""
        if end == 0:
            return
        self._consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        silent_since_s = time.monotonic()
        while True:
            messages = self._consumer.consume(_READ_RECORDS, _READ_S)
            if messages:
                silent_since_s = time.monotonic()
            elif time.monotonic() - silent_since_s > _SILENT_S:
                raise LogUnreadable(
                    f"{topic}:{partition}: nothing came below offset {end} for {_SILENT_S:.0f} s"
                )
            for message in messages:
                if _is_past(message, end):
                    return
                if message.error() is None:
                    yield _record(message)

    def _partitions(self, topic: str) -> Sequence[int]:
        if self._topics is None:
            try:
                found = self._consumer.list_topics(timeout=_TIMEOUT_S).topics
            except KafkaException as error:
                raise LogUnreadable(f"{topic}: {error.args[0]}; is Kafka running?") from error
            # Counts are fixed for life.
            self._topics = {name: sorted(one.partitions) for name, one in found.items()}
        if topic not in self._topics:
            raise LogUnreadable(f"{topic}: there is no such topic; `millrace up` creates the topics")
        return self._topics[topic]

    def records(self, topic: str, ends: Ends) -> Iterator[LogRecord]:
        """The committed records below `ends`, partition by partition."""
        for partition, end in ends.items():
            yield from self.read(topic, partition, end)


def _is_past(message: Message, end: int) -> bool:
    """True at or behind the end: a record, or the end of the partition after the markers of a transaction."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        if error.fatal() or not error.retriable():
            raise LogUnreadable(f"{message.topic()}:{message.partition()}: {error.str()}")
        return False
    return (message.offset() or 0) >= end


def _record(message: Message) -> LogRecord:
    headers: Iterable[Any] = message.headers() or ()  # declared wider than what a consumer returns
    return LogRecord(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        message.key(),
        message.value(),
        tuple(headers),
    )


def _answered(ask: Callable[[], T], what: str) -> T:
    """The cluster's answer. Raises LogUnreadable when it has none for a while."""
    try:
        return answered(ask, what, seconds=_TIMEOUT_S)
    except KafkaFailed as error:
        raise LogUnreadable(f"{error}; is Kafka running?") from error
