"""How does this process follow a topic: every record of chosen partitions, in a thread, without a group."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Literal

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from api.problems import ReaderStopped
from schemas.kafka import ClientSettings

Records = Sequence[Message]

_BATCH: Final = 500
_POLL_S: Final = 0.2
_METADATA_S: Final = 5.0
_RETRY_S: Final = 0.5
_LOST: Final = frozenset({KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET})
_log = structlog.get_logger(__name__)


class TopicReader:
    """Hands every record of a topic to `on_records`, in the reader's thread.

    partitions: which to follow; None: all. It is ready once it has reached the end of each of them,
    so everything that was there when it began has been handed over.
    """

    def __init__(
        self,
        settings: ClientSettings,
        topic: str,
        *,
        partitions: Sequence[int] | None,
        start: Literal["beginning", "end"],
        on_records: Callable[[Records], None],
    ) -> None:
        self._settings = {**settings, "enable.partition.eof": True}
        self._topic = topic
        self._partitions = partitions
        self._start = start
        self._on_records = on_records
        self._behind: set[int] | None = None
        self._stopping = threading.Event()

    @property
    def is_ready(self) -> bool:
        """True once the end of every partition has been reached."""
        return self._behind is not None and not self._behind

    def stop(self) -> None:
        """Let `run` return soon."""
        self._stopping.set()

    def run(self) -> None:
        """Follow the topic until stopped. Raises ReaderStopped when records are gone before they were read."""
        consumer = Consumer(self._settings)
        try:
            self._assign(consumer)
            while not self._stopping.is_set():
                first = consumer.poll(_POLL_S)
                if first is not None:
                    # The first poll waits for a record; what is there already must not wait for more.
                    self._take([first, *consumer.consume(_BATCH - 1, 0)])
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> None:
        while not self._stopping.is_set():
            try:
                starts = [self._start_of(consumer, one) for one in self._wanted(consumer)]
            except KafkaException as error:
                _log.warning("topic_not_readable_yet", topic=self._topic, error=str(error))
                self._stopping.wait(_RETRY_S)
            else:
                self._behind = {one.partition for one in starts}
                consumer.assign(starts)
                return

    def _wanted(self, consumer: Consumer) -> Sequence[int]:
        if self._partitions is not None:
            return self._partitions
        found = consumer.list_topics(self._topic, timeout=_METADATA_S).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions)

    def _start_of(self, consumer: Consumer, partition: int) -> TopicPartition:
        low, high = consumer.get_watermark_offsets(
            TopicPartition(self._topic, partition), timeout=_METADATA_S, cached=False
        )
        return TopicPartition(self._topic, partition, low if self._start == "beginning" else high)

    def _take(self, polled: Records) -> None:
        records = [one for one in polled if one.error() is None]
        if records:
            self._on_records(records)
        for one in polled:
            error = one.error()
            if error is not None:
                self._note(error, one.partition())

    def _note(self, error: KafkaError, partition: int | None) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            if self._behind and partition is not None:
                self._behind.discard(partition)
        elif error.code() in _LOST or error.fatal():
            raise ReaderStopped(f"{self._topic}: {error}")
        else:
            _log.warning("reader_error", topic=self._topic, error=str(error))
