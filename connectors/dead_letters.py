"""Where do records go whose bytes are no message: to the dead letters of their topic, with the reason."""

from functools import cached_property
from typing import Final

import structlog
from confluent_kafka import KafkaError, Message, Producer

from connectors.runtime import Record, Undelivered
from schemas.codec import CodecError
from schemas.kafka import producer_settings
from schemas.topics import DEAD_LETTER_SUFFIX

FLUSH_TIMEOUT_S: Final = 30.0
MAX_REASON_BYTES: Final = 1000

_log = structlog.get_logger(__name__)


class DeadLetters:
    """Writes records aside; a caller flushes before its position moves past them."""

    def __init__(self, bootstrap_servers: str, *, client_id: str) -> None:
        self._settings = producer_settings(bootstrap_servers, client_id=client_id)
        self._refused: KafkaError | None = None
        self._unflushed = 0

    def put(self, record: Record, error: CodecError) -> None:
        """Write a record to `<topic>.dlq`, same partition, with the reason and where it was in its headers."""
        topic, number = record.partition
        self._producer.produce(
            topic + DEAD_LETTER_SUFFIX,
            value=record.value,
            key=record.key,
            partition=number,
            headers=[
                *record.headers,
                ("dlq.reason", str(error).encode()[:MAX_REASON_BYTES]),
                ("dlq.topic", topic.encode()),
                ("dlq.partition", str(number).encode()),
                ("dlq.offset", str(record.offset).encode()),
            ],
            on_delivery=self._delivered,
        )
        self._unflushed += 1
        _log.error(
            "dead letter",
            topic=topic,
            partition=number,
            offset=record.offset,
            key=(record.key or b"").decode("utf-8", "replace"),
            reason=str(error),
        )

    def flush(self) -> None:
        """Wait until the brokers have every letter. Raises Undelivered when they do not take one."""
        if self._unflushed == 0:
            return
        waiting = self._producer.flush(FLUSH_TIMEOUT_S)
        if waiting or self._refused is not None:
            raise Undelivered(
                f"{waiting} dead letters wait, last refusal: {self._refused}; is the topic there?"
            )
        self._unflushed = 0

    @cached_property
    def _producer(self) -> Producer:
        # Most processes never write a letter, so most never have this producer.
        return Producer(self._settings)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._refused = self._refused or error
