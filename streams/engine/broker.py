"""What does the broker say about topics: identities, partition counts, bounds, records to the end."""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic, sleep
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.kafka import LIBRARY_LOG
from streams.engine import clients
from streams.engine.config import EngineConfig
from streams.engine.errors import KafkaFailed
from streams.engine.guards import Bounds, TopicFacts

T = TypeVar("T")

_READ_RECORDS = 5_000
# consume() waits its whole timeout unless it gets all it asked for.
_READ_SECONDS = 0.03
_RETRY_SECONDS = 0.1


def topic_facts(config: EngineConfig, topics: Iterable[str]) -> dict[str, TopicFacts]:
    """Identity and partition count of the topics that exist. Raises KafkaFailed without an answer."""
    admin = AdminClient(clients.asking(config), logger=LIBRARY_LOG)
    seconds = config.restore_timeout_ms / 1000
    facts = {}
    for topic, future in admin.describe_topics(
        TopicCollection(list(topics)), request_timeout=seconds
    ).items():
        try:
            found = future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                continue
            raise KafkaFailed(f"{topic} cannot be described: {error.args[0]}") from error
        facts[topic] = TopicFacts(str(found.topic_id), len(found.partitions))
    return facts


def always() -> bool:
    """The answer is wanted whatever happens meanwhile."""
    return True


def answered(
    ask: Callable[[], T], complaint: str, *, seconds: float, is_wanted: Callable[[], bool] = always
) -> T:
    """The broker's answer. One that began a moment ago, or just took over a partition or a group, has none yet.

    complaint: what is said of a broker that has none for so many seconds. Raises KafkaFailed, Superseded.
    """
    deadline = monotonic() + seconds
    while True:
        try:
            return ask()
        except KafkaException as error:
            if monotonic() > deadline:
                raise KafkaFailed(f"{complaint}: {error.args[0]}") from error
        if not is_wanted():
            raise Superseded
        sleep(_RETRY_SECONDS)


class LogReader:
    """Reads one partition of any topic to its end, committed records only, without a group.

    is_wanted: asked between reads; when it turns false the reading stops with `Superseded`.
    """

    def __init__(
        self, config: EngineConfig, owner: str, partition: int, is_wanted: Callable[[], bool] = always
    ) -> None:
        self._seconds = config.restore_timeout_ms / 1000
        self._partition = partition
        self._is_wanted = is_wanted
        self._consumer = Consumer(clients.restoring(config, owner))

    def bounds(self, topic: str) -> Bounds:
        """First and next offset. Raises KafkaFailed, Superseded."""
        asked = TopicPartition(topic, self._partition)
        return answered(
            lambda: Bounds(*self._consumer.get_watermark_offsets(asked, self._seconds)),
            f"{topic}:{self._partition}: no offsets",
            seconds=self._seconds,
            is_wanted=self._is_wanted,
        )

    def read(self, topic: str, offset: int) -> Iterator[list[Message]]:
        """Batches of records from `offset` to the present end. Raises KafkaFailed, Superseded."""
        self._consumer.assign([TopicPartition(topic, self._partition, offset)])
        name = f"{topic}:{self._partition}"
        is_at_end, silent_seconds = False, 0.0
        while not is_at_end:
            if not self._is_wanted():
                raise Superseded
            records = []
            found = self._consumer.consume(_READ_RECORDS, _READ_SECONDS)
            silent_seconds = 0.0 if found else silent_seconds + _READ_SECONDS
            if silent_seconds > self._seconds:
                raise KafkaFailed(f"{name}: silent for {self._seconds:.0f} s at a restore")
            for message in found:
                problem = message.error()
                if problem is None:
                    records.append(message)
                elif problem.code() == KafkaError._PARTITION_EOF:
                    is_at_end = True
                else:
                    raise KafkaFailed(f"{name}: cannot be read: {problem}")
            yield records

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()


class Superseded(Exception):
    """The assignment a restore works for has ended; nothing is wrong."""
