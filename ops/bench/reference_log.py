"""Where does a variant of the engine benchmark read and write, and is everything there once and right?"""

from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as Consumed
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # missing from its __all__

from ops.bench import reference
from ops.bench.errors import BenchFailed
from ops.bench.reference import KINDS, PARTITIONS, decode_output, decode_tally, expected_total
from ops.bench.reference_stage import STAGE, VERSION
from schemas import topics
from schemas.kafka import consumer_settings, producer_settings

VARIANTS = ("millrace", "bare_loop", "idiomatic_faust")
_TIMEOUT_S = 60.0


class Names(NamedTuple):
    """The topics of one variant."""

    records: str
    tallies: str
    changelog: str


def names_of(variant: str) -> Names:
    """The topics of a variant. The engine and Faust name their changelogs themselves."""
    changelogs = {
        "millrace": topics.changelog(STAGE, VERSION),
        "bare_loop": "reference.bare_loop.changelog",
        "idiomatic_faust": "reference.idiomatic_faust-tallies-changelog",
    }
    stem = f"reference.{variant}"
    return Names(f"{stem}.records.v1", f"{stem}.tallies.v1", changelogs[variant])


def create_topics(bootstrap_servers: str, variant: str) -> None:
    """Create the topics of a variant, and the broadcast topics every stage reads."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    names = names_of(variant)
    wanted = [_new(names.records, {}), _new(names.tallies, {})]
    wanted.append(_new(names.changelog, dict(topics.CHANGELOG_SETTINGS)))
    if variant == "millrace":
        wanted += [_new(one.name, {}) for one in (topics.CLOCK_TICKS, topics.QUARANTINE)]
    for future in admin.create_topics(wanted).values():
        try:
            future.result(_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def fill(bootstrap_servers: str, variant: str, payments: int) -> int:
    """Write the records of so many payments; how many there are."""
    # Uncompressed, so that reading it costs every client library the same.
    settings = {**producer_settings(bootstrap_servers, client_id="bench"), "compression.type": "none"}
    producer = Producer(settings)
    topic, count = names_of(variant).records, 0
    for count, one in enumerate(reference.records(payments), 1):
        producer.produce(topic, reference.encode(one), one.payment_id.encode())
        if count % 10_000 == 0:
            producer.flush(_TIMEOUT_S)
    if producer.flush(_TIMEOUT_S) > 0:
        raise BenchFailed(f"{topic}: the broker did not take the records within {_TIMEOUT_S:.0f} s")
    return count


class Ends:
    """How far a topic has grown, control records included: cheap enough to be asked all the time."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        settings = consumer_settings(bootstrap_servers, client_id="bench", group="bench")
        self._consumer = Consumer(settings)
        self._places = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    def total(self) -> int:
        """The sum of the end offsets of all partitions."""
        bounds = [self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S) for place in self._places]
        return sum(found[1] for found in bounds if found is not None)

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()


def check(bootstrap_servers: str, variant: str, payments: int) -> None:
    """Raises BenchFailed unless every output is there once and every state is right and final."""
    names = names_of(variant)
    outputs = [decode_output(value).id for _, value in _committed(bootstrap_servers, names.tallies) if value]
    wanted = payments * len(KINDS)
    if len(outputs) != wanted or len(set(outputs)) != wanted:
        raise BenchFailed(
            f"{variant}: {len(outputs)} outputs of {len(set(outputs))} records where {wanted} were due once"
        )
    rows = dict(_committed(bootstrap_servers, names.changelog))
    totals = {_number(key): _final_total(value) for key, value in rows.items() if b"pay_" in key and value}
    wrong = [number for number in range(payments) if totals.get(number) != expected_total(number)]
    if wrong or len(totals) != payments:
        raise BenchFailed(
            f"{variant}: {len(totals)} states, {len(wrong)} of them wrong, first payments {wrong[:5]}"
        )


def _final_total(value: bytes) -> int | None:
    tally = decode_tally(value)
    return tally.total if tally.version == len(KINDS) and tally.status == KINDS[-1] else None


def _number(key: bytes) -> int:
    """The number of a payment in a row's key, however the variant quotes or prefixes it."""
    start = key.index(b"pay_00") + len(b"pay_00")
    return int(key[start : start + 24])


def _committed(bootstrap_servers: str, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Every committed record of a topic."""
    settings = consumer_settings(bootstrap_servers, client_id="bench", group="bench")
    consumer = Consumer({**settings, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    ended = 0
    try:
        while ended < PARTITIONS:
            found = consumer.consume(5_000, 0.2)
            yield from ((one.key() or b"", one.value()) for one in found if one.error() is None)
            ended += sum(_is_end(one) for one in found)
    finally:
        consumer.close()


def _is_end(one: Consumed) -> bool:
    problem = one.error()
    if problem is None:
        return False
    if problem.code() != KafkaError._PARTITION_EOF:
        raise BenchFailed(f"{one.topic()} cannot be read: {problem}")
    return True


def _new(name: str, config: dict[str, str]) -> NewTopic:
    return NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=config)
