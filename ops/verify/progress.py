"""How far has a consumer group come, and has it passed what was there before?"""

import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from ops.verify.errors import LogUnreadable
from ops.verify.log import Ends
from schemas.kafka import consumer_settings
from schemas.settings import Settings

_TIMEOUT_S: Final = 15.0
_LOOK_AGAIN_S: Final = 0.2


class Reading(NamedTuple):
    """A group that reads a topic."""

    group: str
    topic: str


def committed(settings: Settings, reading: Reading, partitions: Sequence[int]) -> Ends:
    """The next offset the group will read, by partition; 0 where it never read. Raises LogUnreadable."""
    consumer = Consumer(
        consumer_settings(settings.kafka_bootstrap_servers, client_id="millrace-verify", group=reading.group)
    )
    try:
        places = [TopicPartition(reading.topic, number) for number in partitions]
        return {one.partition: max(0, one.offset) for one in consumer.committed(places, timeout=_TIMEOUT_S)}
    except KafkaException as error:
        raise LogUnreadable(f"positions of {reading.group}: {error.args[0]}; is Kafka running?") from error
    finally:
        consumer.close()


def wait_for(settings: Settings, wanted: Mapping[Reading, Ends], wait_s: float) -> list[str]:
    """Wait until every group has read its topic up to these ends; names those that have not in time."""
    ends_at = time.monotonic() + wait_s
    while True:
        behind = [told for reading, ends in wanted.items() for told in _behind(settings, reading, ends)]
        if not behind or time.monotonic() >= ends_at:
            return behind
        time.sleep(_LOOK_AGAIN_S)


def _behind(settings: Settings, reading: Reading, ends: Ends) -> list[str]:
    found = committed(settings, reading, list(ends))
    return [
        f"{reading.group} has read {reading.topic}:{partition} up to offset {found[partition]}, it holds {end}"
        for partition, end in ends.items()
        if found[partition] < end
    ]
