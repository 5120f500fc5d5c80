"""Does the embedded Kafka keep what it acknowledged, whatever ends it?"""

import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.stack import kafka as kafka_stack

pytestmark = pytest.mark.integration
_TOPIC = "kept"


def test_acknowledged_records_survive_a_kill(tmp_path: Path) -> None:
    """Everything above relies on acks=all meaning kept, on this very broker."""
    with kafka_stack.running(tmp_path) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic(_TOPIC, 1, 1)])[_TOPIC].result(10)
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
        producer.produce(_TOPIC, b"value")
        assert 0 == producer.flush(10)
        broker.kill()
        broker.start()
        assert b"value" == first_value(broker.bootstrap_servers)


def test_a_stopped_broker_comes_back_with_its_data(tmp_path: Path) -> None:
    """`down` and `up` must not format the storage again."""
    with kafka_stack.running(tmp_path) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic(_TOPIC, 1, 1)])[_TOPIC].result(10)
    with kafka_stack.running(tmp_path) as broker:
        topics = AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=10).topics
        assert _TOPIC in topics


def test_a_transaction_is_exactly_once_on_it(kafka: kafka_stack.Broker) -> None:
    """The transaction log of the single node must accept what the engine does."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic("transacted", 1, 1)])["transacted"].result(10)
    producer = Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "transactional.id": "stack-test",
            "transaction.timeout.ms": 15_000,
        }
    )
    producer.init_transactions(20)
    for value, conclude in ((b"aborted", producer.abort_transaction), (b"kept", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce("transacted", value)
        conclude(20)
    assert b"kept" == first_value(kafka.bootstrap_servers, "transacted")


def first_value(bootstrap_servers: str, topic: str = _TOPIC) -> bytes | None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "stack-test",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    try:
        consumer.subscribe([topic])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                return message.value()
        return None
    finally:
        consumer.close()
