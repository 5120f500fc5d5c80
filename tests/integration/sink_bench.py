"""How do tests run the sink: databases of their own, records for its topics, and its process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka import Message as ConsumedMessage
from confluent_kafka.admin import AdminClient, NewTopic

from ops.simulation.world import Plan, World
from schemas import ids, topics
from schemas.api import AnsweredRequest
from schemas.codec import codec_of
from schemas.envelope import Message, Recorded
from schemas.kafka import consumer_settings, producer_settings
from schemas.merchants import AccountSnapshot, ApiKey, MerchantCreated, Profile
from schemas.settings import variable
from schemas.testing import START_MS, envelope
from schemas.topics import Topic
from streams.core import record

PARTITIONS: Final = 2
DEADLINE_S: Final = 60.0
ROOT: Final = Path(__file__).parents[2]


class KafkaRecord(NamedTuple):
    """What a test writes to a topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


def until(condition: Callable[[], Any], what: str, *, deadline_s: float = DEADLINE_S) -> Any:
    """The first truthy answer of `condition`; fails naming `what` when it never comes."""
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {deadline_s} s")


def new_database(dsn: str, name: str) -> str:
    """An empty database beside the one of `dsn`; its address."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # a name of the test's own
    return f"{dsn.rpartition('/')[0]}/{name}"


def ask(dsn: str, question: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(question, values).fetchall()  # type: ignore[arg-type]  # a text of the test's own


def end_offsets(bootstrap_servers: str, topic: Topic) -> list[int]:
    """Where the partitions of a topic end, markers of transactions included."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "test"})
    places = [TopicPartition(topic.name, number) for number in range(PARTITIONS)]
    ends = [(consumer.get_watermark_offsets(place, timeout=DEADLINE_S) or (0, -1))[1] for place in places]
    consumer.close()
    return ends


def read_all(bootstrap_servers: str, name: str, *, per_partition: int) -> list[ConsumedMessage]:
    """The committed records of a topic, once every partition has at least so many."""
    settings = consumer_settings(bootstrap_servers, client_id="test", group="test")
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(name, number, 0) for number in range(PARTITIONS)])
    found: list[ConsumedMessage] = []

    def is_complete() -> bool:
        found.extend(consumer.consume(100, 0.2))
        read = [one.partition() for one in found]
        return all(read.count(number) >= per_partition for number in range(PARTITIONS))

    until(is_complete, f"{per_partition} records on every partition of {name}")
    consumer.close()
    return found


class Process:
    """A connector's process, as the supervisor runs it."""

    def __init__(self, module: str, log_path: Path, **settings: object) -> None:
        environment = {variable(name): str(value) for name, value in settings.items()}
        self.log_path = log_path
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, env=os.environ | environment, stderr=log
            )

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self._process.kill()
        self._process.wait()

    def ask_to_stop(self) -> int:
        """Its exit code after SIGTERM; fails when it takes longer than the supervisor waits."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(10)

    def wait(self) -> int:
        """Its exit code, whenever it ends by itself."""
        return self._process.wait(DEADLINE_S)

    @property
    def is_running(self) -> bool:
        """True while it has not ended."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has logged."""
        return self.log_path.read_text()


def create_topics(bootstrap_servers: str, wanted: Sequence[Topic]) -> None:
    """The topics and their dead letters, waiting until the brokers have them."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    names = [name for topic in wanted for name in (topic.name, topic.dead_letters)]
    for future in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        future.result(DEADLINE_S)
    # The controller has them before the broker serves them.
    until(lambda: names_served(admin) >= set(names), "the topics")


def names_served(admin: AdminClient) -> set[str]:
    """Topics the broker knows with all their partitions."""
    served = admin.list_topics(timeout=DEADLINE_S).topics
    return {name for name, topic in served.items() if len(topic.partitions) == PARTITIONS}


class Stages:
    """Writes what the stages and the API write; the events of payments in transactions."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._plain = Producer(producer_settings(bootstrap_servers, client_id="test"))
        settings = producer_settings(bootstrap_servers, client_id="test") | {"transactional.id": "test"}
        self._transactional = Producer(settings)
        self._transactional.init_transactions(DEADLINE_S)

    def commit(self, records: Sequence[KafkaRecord]) -> None:
        """One transaction of records: topic, partition, key, value."""
        self._transactional.begin_transaction()
        self._put(self._transactional, records)
        self._transactional.commit_transaction(DEADLINE_S)

    def abort(self, records: Sequence[KafkaRecord]) -> None:
        """A transaction that is not committed; nobody may ever see its records."""
        self._transactional.begin_transaction()
        self._put(self._transactional, records)
        self._transactional.flush(DEADLINE_S)
        self._transactional.abort_transaction(DEADLINE_S)

    def write(self, records: Sequence[KafkaRecord]) -> None:
        """Records outside of transactions, acknowledged."""
        self._put(self._plain, records)
        assert 0 == self._plain.flush(DEADLINE_S)

    @staticmethod
    def _put(producer: Producer, records: Sequence[KafkaRecord]) -> None:
        for topic, partition, key, value in records:
            producer.produce(topic, value=value, key=key, partition=partition)


def payment_records() -> list[KafkaRecord]:
    """Some thousand real events of payments, refusals among them, from a simulated world of trouble."""
    log = World(7, Plan(payments=500, rounds=5_000)).run().log.all(topics.PAYMENTS_EVENTS)
    return [KafkaRecord(one.topic, one.partition, one.key, one.value) for one in log]


def merchant_records(count: int) -> list[KafkaRecord]:
    """The creation of so many merchants."""
    encode = codec_of(topics.MERCHANTS_EVENTS).encode
    found = []
    for number in range(count):
        merchant_id = ids.merchant_id(cell="00", mode="test", idempotency_key=f"m{number}")
        body = MerchantCreated(
            merchant_id=merchant_id,
            profile=Profile(display_name=f"Merchant \0 {number}"),
            api_key=ApiKey(key_id=f"key_{number}", key_sha256=f"{number:064x}", last4="abcd"),
            fingerprint=b"f",
        )
        key = merchant_id.partition("_")[2]
        event = record(key, 1, body, envelope(f"cmd_{number}", merchant_id=merchant_id))
        after = AccountSnapshot(
            account_id=merchant_id, key_id=f"key_{number}", created_at_ms=START_MS, version=1
        )
        value = encode(Recorded(envelope=event.envelope, body=body, after=after))
        found.append(KafkaRecord(topics.MERCHANTS_EVENTS.name, number % PARTITIONS, key.encode(), value))
    return found


def request_records(count: int) -> list[KafkaRecord]:
    """So many answers of the API."""
    encode = codec_of(topics.API_REQUESTS).encode
    found = []
    for number in range(count):
        body = AnsweredRequest(
            request_id=f"req_{number}",
            method="POST",
            route="payment_intents.create",
            status=201,
            outcome="created",
            mode="test",
            duration_us=number,
        )
        value = encode(Message(envelope=envelope(f"evt_req_{number}"), body=body))
        found.append(
            KafkaRecord(topics.API_REQUESTS.name, number % PARTITIONS, f"req_{number}".encode(), value)
        )
    return found
