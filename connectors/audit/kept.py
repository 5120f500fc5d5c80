"""Where are seals kept? In a topic, written by one process at a time, and in an append-only file outside."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from connectors.runtime import BROKER_TIMEOUT_S, ConnectorError
from schemas import ids, topics
from schemas.audit import JournalSealed, line_of
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Envelope, Message
from schemas.kafka import consumer_settings, producer_settings
from schemas.settings import Settings

_KEY: Final = b"seal"
_TRANSACTION: Final = "millrace.audit.seals"
_TAIL: Final = 16
"""Offsets before the end that are read first: a seal and the mark of its transaction take two, and so does
each attempt that was aborted."""
_POLL_S: Final = 0.2


class Contradiction(ConnectorError):
    """The file outside says something else than the topic: one of them was changed."""


class KeptSeals:
    """The seals of a platform. Taking them over ends whoever wrote them before."""

    def __init__(self, settings: Settings, path: Path) -> None:
        self._settings, self._path = settings, path
        self._producer = Producer(
            {
                **producer_settings(settings.kafka_bootstrap_servers, client_id="audit"),
                "transactional.id": _TRANSACTION,
            }
        )
        path.parent.mkdir(parents=True, exist_ok=True)

    def last(self) -> JournalSealed | None:
        """The newest seal, after the file has all of them. Raises Contradiction."""
        self._producer.init_transactions(BROKER_TIMEOUT_S)
        told = self._last_line()
        number = _number(told) if told else 0
        seals = list(self._read(_TAIL))
        if not seals or seals[0].number > max(number, 1):
            seals = list(self._read(None))
        known = {seal.number: seal for seal in seals}
        if told and (number not in known or line_of(known[number]) != told):
            raise Contradiction(
                f"{self._path} ends with seal {number}, and {topics.LEDGER_SEALS.name} does not have it so; "
                "find out which was changed before anything else is sealed"
            )
        for following in range(number + 1, max(known, default=0) + 1):
            self._append(known[following])
        return known[max(known)] if known else None

    def keep(self, seal: JournalSealed) -> None:
        """Put it into the topic and then into the file; fenced if another process has taken over."""
        message_id = ids.digest("seal", str(seal.number), seal.root)
        envelope = Envelope(
            message_id=message_id,
            causation_id=message_id,
            correlation_id=message_id,
            occurred_at_ms=seal.sealed_at_ms,
            mode=self._settings.mode,
            merchant_id="platform",
            cell=self._settings.cell,
            actor=PLATFORM,
        )
        value = codec_of(topics.LEDGER_SEALS).encode(Message(envelope=envelope, body=seal))
        self._producer.begin_transaction()
        self._producer.produce(topics.LEDGER_SEALS.name, value, _KEY)
        self._producer.commit_transaction(BROKER_TIMEOUT_S)
        self._append(seal)

    def _append(self, seal: JournalSealed) -> None:
        with self._path.open("ab") as file:
            file.write(line_of(seal).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _last_line(self) -> str:
        """The last whole line; one that a crash cut off is taken away, the topic still has its seal."""
        if not self._path.exists():
            return ""
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))
        return whole.rstrip(b"\n").rpartition(b"\n")[2].decode()

    def _read(self, tail: int | None) -> Iterator[JournalSealed]:
        """The committed seals: those within `tail` offsets of the end, or all."""
        consumer = Consumer(
            {
                **consumer_settings(
                    self._settings.kafka_bootstrap_servers, client_id="audit", group="millrace.audit.seals"
                ),
                "enable.partition.eof": True,
            }
        )
        try:
            starts = list(_starts(consumer, tail))
            consumer.assign(starts)
            open_ends = {start.partition for start in starts}
            while open_ends:
                message = consumer.poll(_POLL_S)
                if message is None:
                    continue
                error: Any = message.error()
                if error is None:
                    yield codec_of(topics.LEDGER_SEALS).decode(message.value()).body
                elif error.code() == KafkaError._PARTITION_EOF:
                    open_ends.discard(message.partition())
                elif error.fatal() or not error.retriable():
                    raise ConnectorError(f"{topics.LEDGER_SEALS.name}: {error.str()}")
        finally:
            consumer.close()


def _starts(consumer: Consumer, tail: int | None) -> Iterator[TopicPartition]:
    name = topics.LEDGER_SEALS.name
    for number in consumer.list_topics(name, timeout=BROKER_TIMEOUT_S).topics[name].partitions:
        low, end = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=BROKER_TIMEOUT_S)
        yield TopicPartition(name, number, low if tail is None else max(low, end - tail))


def _number(line: str) -> int:
    return int(msgspec.json.decode(line)["number"])
