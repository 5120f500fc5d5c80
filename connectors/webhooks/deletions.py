"""Which endpoints have been deleted since a message for them was written?"""

from typing import Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from connectors.runtime import ReadFailed
from schemas import topics
from schemas.codec import CorruptMessage, codec_of
from schemas.kafka import consumer_settings
from schemas.merchants import WebhookEndpointDeleted

_BATCH: Final = 500
_METADATA_S: Final = 10.0
_decode = codec_of(topics.MERCHANTS_EVENTS).decode
_log = structlog.get_logger(__name__)


class Deletions:
    """Follows merchants.events from its beginning, without a group. `is_deleted` may be asked from any thread."""

    def __init__(self, bootstrap_servers: str, *, client_id: str) -> None:
        self._consumer = Consumer(
            {
                **consumer_settings(
                    bootstrap_servers, client_id=client_id, group="millrace.webhooks.deletions"
                ),
                "enable.partition.eof": True,
            }
        )
        self._deleted: set[str] = set()
        self._behind: set[int] | None = None

    @property
    def is_ready(self) -> bool:
        """True once everything that was there at the start has been read."""
        return self._behind is not None and not self._behind

    def is_deleted(self, endpoint_id: str) -> bool:
        """True if the endpoint is known to be deleted."""
        return endpoint_id in self._deleted

    def follow(self) -> None:
        """Read what is there, without waiting. Raises ReadFailed."""
        if self._behind is None:
            self._behind = self._assign()
        for record in self._consumer.consume(_BATCH, 0):
            error = record.error()
            if error is None:
                self._learn(record.value(), record.offset())
            elif error.code() == KafkaError._PARTITION_EOF:
                self._behind.discard(record.partition() or 0)
            elif error.fatal() or not error.retriable():
                raise ReadFailed(f"{topics.MERCHANTS_EVENTS.name}: {error.str()}") from KafkaException(error)

    def close(self) -> None:
        """Follow no longer."""
        self._consumer.close()

    def _assign(self) -> set[int]:
        name = topics.MERCHANTS_EVENTS.name
        found = self._consumer.list_topics(name, timeout=_METADATA_S).topics[name]
        if found.error is not None:
            raise ReadFailed(f"{name}: {found.error.str()}; are the topics created?")
        self._consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in found.partitions])
        return set(found.partitions)

    def _learn(self, value: bytes | None, offset: int | None) -> None:
        try:
            body = _decode(value).body
        except CorruptMessage as error:
            # The sink sets such a record aside; here it can only be passed over.
            _log.error("account event unreadable", error=str(error), offset=offset)
            return
        if isinstance(body, WebhookEndpointDeleted):
            self._deleted.add(body.endpoint_id)
