"""How are lines and file events written? Acknowledged by the brokers before a file moves on."""

from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, Producer

from connectors.runtime import Undelivered
from schemas import topics
from schemas.bank import FileEvent
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.kafka import producer_settings
from schemas.reconciliation import SettlementLine

FLUSH_TIMEOUT_S: Final = 60.0
"""Longer than the producer tries to deliver a record, so that a flush always learns its fate."""
_ROOM_S: Final = 0.1

_encode_line = codec_of(topics.RECON_LINES).encode
_encode_file = codec_of(topics.BANK_FILES).encode


class Teller(Protocol):
    """Says what files say. Only after `flush` is it sure to be known; Undelivered where it is not."""

    def line(self, key: str, message: Message[SettlementLine]) -> None: ...
    def file(self, message: Message[FileEvent]) -> None: ...
    def flush(self) -> None: ...


class KafkaTeller:
    """Writes to Kafka with an idempotent producer."""

    def __init__(self, bootstrap_servers: str, *, client_id: str) -> None:
        settings = producer_settings(bootstrap_servers, client_id=client_id)
        self._producer = Producer({**settings, "delivery.report.only.error": True})
        self._refused: KafkaError | None = None

    def line(self, key: str, message: Message[SettlementLine]) -> None:
        """Write a line under its reference. Raises Undelivered when an earlier record was refused."""
        self._write(topics.RECON_LINES.name, key, _encode_line(message))

    def file(self, message: Message[FileEvent]) -> None:
        """Write what became of a file. Raises Undelivered as `line`."""
        self._write(topics.BANK_FILES.name, message.body.file_id, _encode_file(message))

    def flush(self) -> None:
        """Wait until the brokers have everything. Raises Undelivered when they do not take it."""
        waiting = self._producer.flush(FLUSH_TIMEOUT_S)
        if waiting or self._refused is not None:
            raise Undelivered(f"{waiting} records wait, last refusal: {self._refused}; are the brokers up?")

    def _write(self, topic: str, key: str, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, key=key.encode(), value=value, on_delivery=self._delivered)
                return
            except BufferError:
                # The brokers are slower than the file: wait for room, or for a refusal.
                self._producer.poll(_ROOM_S)
            if self._refused is not None:
                raise Undelivered(f"{topic} refused a record: {self._refused}")

    def _delivered(self, error: KafkaError | None, _: Any) -> None:
        self._refused = self._refused or error
