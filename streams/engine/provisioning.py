"""How does a stage come into being: the first positions record of every task, written once."""

from collections.abc import Mapping, Sequence
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.engine import clients, guards, positions
from streams.engine.broker import LogReader, answered, topic_facts
from streams.engine.config import EngineConfig
from streams.engine.errors import GuardRefused
from streams.engine.guards import TopicFacts
from streams.engine.spec import StageSpec
from streams.engine.transaction import TaskProducer

_SETTLE_SECONDS = 5.0
_SETTLE_PAUSE_SECONDS = 0.1


def provision_stage(spec: StageSpec, config: EngineConfig) -> list[int]:
    """Write the first positions of every task that has none; the partitions written.

    All topics must exist. Runs again without effect. Raises GuardRefused when the stage has handled
    records and its changelog is gone, or when an input has lost its head; KafkaFailed.
    """
    names = (*spec.input_topics, spec.changelog, *((spec.quarantine.topic,) if spec.quarantine else ()))
    facts = _existing(config, names)
    partitions = range(guards.check_topics(spec, facts))
    missing = [partition for partition in partitions if not _has_records(spec, config, partition)]
    if missing:
        _check_unused(spec, config, missing)
    for partition in missing:
        _write_first(spec, config, partition, facts)
    return missing


def _existing(config: EngineConfig, names: Sequence[str]) -> dict[str, TopicFacts]:
    """Facts about the topics; a topic made just now takes a moment to be known to every broker."""
    deadline = monotonic() + _SETTLE_SECONDS
    while True:
        facts = topic_facts(config, names)
        if len(facts) == len(names) or monotonic() > deadline:
            return facts
        sleep(_SETTLE_PAUSE_SECONDS)


def _has_records(spec: StageSpec, config: EngineConfig, partition: int) -> bool:
    """Whether anything was ever committed to the changelog; an aborted first attempt does not count."""
    reader = LogReader(config, spec.transactional_id(partition), partition)
    try:
        low = reader.bounds(spec.changelog).low
        return low > 0 or any(reader.read(spec.changelog, low))
    finally:
        reader.close()


def _check_unused(spec: StageSpec, config: EngineConfig, partitions: list[int]) -> None:
    asked = [TopicPartition(topic, partition) for topic in spec.input_topics for partition in partitions]
    consumer = Consumer(clients.group_offsets(config, spec.group))
    try:
        found = _committed(consumer, asked, spec, config.restore_timeout_ms / 1000)
    finally:
        consumer.close()
    for one in found:
        if one.offset > 0:
            raise GuardRefused(
                f"stage {spec.name}: {one.topic}:{one.partition} was handled up to {one.offset}, and the "
                f"changelog {spec.changelog} is empty; it was lost and starting afresh would repeat records"
            )


def _committed(
    consumer: Consumer, asked: list[TopicPartition], spec: StageSpec, seconds: float
) -> list[TopicPartition]:
    def ask() -> list[TopicPartition]:
        found = consumer.committed(asked, seconds)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return found

    return answered(ask, f"stage {spec.name}: no group offsets", seconds=seconds)


def _write_first(
    spec: StageSpec, config: EngineConfig, partition: int, facts: Mapping[str, TopicFacts]
) -> None:
    owner = spec.transactional_id(partition)
    reader = LogReader(config, owner, partition)
    producer = TaskProducer(config, owner, spec.changelog, partition)
    try:
        begin = {topic: reader.bounds(topic).low for topic in spec.input_topics}
        for topic, low in begin.items():
            if low > 0 and topic not in spec.skippable:
                raise GuardRefused(f"{owner}: {topic} begins at {low}; its first records were deleted")
        producer.take_over()
        first = positions.genesis(begin, {topic: facts[topic].topic_id for topic in spec.input_topics})
        producer.commit((), (), positions.encode(first))
    finally:
        reader.close()
        producer.close()
