"""How far is each stage behind its inputs, in messages and in seconds?"""

import time
from collections.abc import Iterable

import msgspec
from confluent_kafka import Consumer, TopicPartition

from schemas.kafka import consumer_settings
from schemas.settings import Settings
from streams.engine.spec import StageSpec
from streams.stages import stage_specs

_TIMEOUT_S = 10.0
_READ_S = 3.0


class StageLag(msgspec.Struct, frozen=True, kw_only=True):
    """lag_messages: records not yet handled. lag_seconds: age of the oldest of them; 0 when there is none."""

    name: str
    lag_messages: int
    lag_seconds: float


def stage_lags(settings: Settings) -> list[StageLag]:
    """The lag of every stage, from its group's offsets. Raises KafkaException without a broker."""
    return [_lag_of(settings, spec) for spec in stage_specs(settings)]


def _lag_of(settings: Settings, spec: StageSpec) -> StageLag:
    consumer = Consumer(
        consumer_settings(settings.kafka_bootstrap_servers, client_id="millrace-status", group=spec.group)
    )
    try:
        # Ticks that change nothing are not committed by themselves, and nobody waits for them.
        waited_for = [one.topic for one in spec.inputs if not one.is_skippable]
        partitions = [TopicPartition(topic, n) for topic in waited_for for n in range(settings.partitions)]
        behind = list(_behind(consumer, consumer.committed(partitions, timeout=_TIMEOUT_S)))
        oldest_ms = _oldest_ms(consumer, [at for at, _ in behind])
    finally:
        consumer.close()
    seconds = 0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000)
    messages = sum(count for _, count in behind)
    return StageLag(name=spec.name, lag_messages=messages, lag_seconds=round(seconds, 1) if messages else 0.0)


def _behind(consumer: Consumer, committed: Iterable[TopicPartition]) -> Iterable[tuple[TopicPartition, int]]:
    for at in committed:
        low, high = consumer.get_watermark_offsets(at, timeout=_TIMEOUT_S)
        start = max(at.offset, low)
        if high > start:
            yield TopicPartition(at.topic, at.partition, start), high - start


def _oldest_ms(consumer: Consumer, starts: list[TopicPartition]) -> int | None:
    """Time of the oldest record at or behind the given offsets; control records have none."""
    if not starts:
        return None
    consumer.assign(starts)
    first: dict[tuple[str, int], int] = {}
    deadline = time.monotonic() + _READ_S
    while len(first) < len(starts) and time.monotonic() < deadline:
        messages = consumer.consume(100, 0.2)
        if not messages:
            break
        for message in messages:
            if message.error() is None:
                place = (str(message.topic()), int(message.partition() or 0))
                first.setdefault(place, int(message.timestamp()[1]))
    return min(first.values(), default=None)
