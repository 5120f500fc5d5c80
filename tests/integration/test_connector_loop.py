"""The one connector loop on the real Kafka: where it starts, what it hands over, how it ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Event, Thread

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.runtime import (
    Assigned,
    ConnectorError,
    ConnectorLoop,
    Partition,
    PositionLost,
    ReadFailed,
    Record,
    Subscription,
)
from ops.stack import kafka as kafka_stack
from schemas.kafka import producer_settings
from schemas.settings import Settings
from tests.integration.sink_bench import DEADLINE_S, until

pytestmark = pytest.mark.integration


class Recording:
    """A handler that writes down what it is told; `starts` is what it answers to an assignment."""

    def __init__(self, starts: Mapping[Partition, int] | None = None) -> None:
        self.starts = starts
        self.takes = 100
        self.assigned: list[Assigned] = []
        self.records: list[Record] = []
        self.batches: list[int] = []
        self.ends: dict[Partition, int] = {}
        self.revoked: list[Partition] = []
        self.idle = 0
        self.at_release: Callable[[], None] = lambda: None
        self.at_idle: Callable[[], None] = lambda: None

    def capacity(self) -> int:
        return self.takes

    def on_assigned(self, assigned: Sequence[Assigned]) -> Mapping[Partition, int] | None:
        self.assigned = list(assigned)
        return self.starts

    def on_records(self, records: Sequence[Record]) -> None:
        self.records += records
        self.batches.append(len(records))

    def on_end(self, partition: Partition, next_offset: int) -> None:
        self.ends[partition] = next_offset

    def on_idle(self) -> None:
        self.idle += 1
        self.at_idle()

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        self.revoked += partitions
        self.at_release()


class Running:
    """A loop in a thread, until stopped; its error, if it ended by one."""

    def __init__(self, bootstrap_servers: str, topic: str, handler: Recording) -> None:
        self.stopping = Event()
        self.error: ConnectorError | None = None
        settings = Settings(kafka_bootstrap_servers=bootstrap_servers, worker_session_timeout_ms=6_000)
        subscription = Subscription(group=f"group.{topic}", member="one", topics=(topic,), linger_ms=5)
        self.loop = ConnectorLoop(subscription, settings, self.stopping)
        self._handler = handler
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for the loop to bring something about; its error if it ends instead."""
        until(lambda: self.error is not None or condition(), what)
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        self.stopping.set()
        self.join()

    def join(self) -> None:
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the loop does not end"

    def _run(self) -> None:
        try:
            self.loop.run(self._handler)
        except ConnectorError as error:
            self.error = error


@pytest.fixture
def topic(kafka: kafka_stack.Broker, request: pytest.FixtureRequest) -> Iterator[str]:
    """A topic of the test's own, with two partitions."""
    name = f"loop.{request.node.name.removeprefix('test_')}"[:200]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(DEADLINE_S)
    # The controller has it before the broker serves it, and a loop ends at a topic that is not there.
    until(lambda: len(admin.list_topics(name, timeout=DEADLINE_S).topics[name].partitions) == 2, name)
    yield name
    admin.delete_topics([name])[name].result(DEADLINE_S)


def write(bootstrap_servers: str, topic: str, count: int, *, partition: int = 0) -> None:
    producer = Producer(producer_settings(bootstrap_servers, client_id="test"))
    for number in range(count):
        producer.produce(topic, value=str(number), key="key", partition=partition, headers=[("n", b"1")])
    assert 0 == producer.flush(DEADLINE_S)


def test_a_group_begins_at_the_beginning_and_goes_on_where_it_committed(
    kafka: kafka_stack.Broker, topic: str
) -> None:
    """Nothing is skipped at the first start, and nothing committed is read again."""
    write(kafka.bootstrap_servers, topic, 10)
    first = Recording()
    running = Running(kafka.bootstrap_servers, topic, first)
    running.until(lambda: len(first.records) == 10 and len(first.ends) == 2, "all records and both ends")
    first.at_release = lambda: running.loop.commit_and_wait({Partition(topic, 0): 7})
    running.stop()
    assert running.error is None
    assert {Assigned(Partition(topic, 0), 0, 10), Assigned(Partition(topic, 1), 0, 0)} == set(first.assigned)
    assert {Partition(topic, 0): 10, Partition(topic, 1): 0} == first.ends
    assert {Partition(topic, 0), Partition(topic, 1)} == set(first.revoked)
    assert (b"0", b"key", (("n", b"1"),)) == (
        first.records[0].value,
        first.records[0].key,
        first.records[0].headers,
    )

    second = Recording()
    running = Running(kafka.bootstrap_servers, topic, second)
    running.until(lambda: len(second.records) == 3, "the rest")
    running.stop()
    assert [7, 8, 9] == [record.offset for record in second.records]


def test_a_handler_with_positions_of_its_own_is_believed(kafka: kafka_stack.Broker, topic: str) -> None:
    """Positions beside the written rows are the truth, whatever the group says."""
    write(kafka.bootstrap_servers, topic, 10)
    handler = Recording({Partition(topic, 0): 8})
    running = Running(kafka.bootstrap_servers, topic, handler)
    running.until(lambda: len(handler.records) == 2, "the last two")
    running.stop()
    assert [8, 9] == [record.offset for record in handler.records]


def test_a_position_outside_the_topic_ends_the_process(kafka: kafka_stack.Broker, topic: str) -> None:
    """A topic that was created anew must not be taken for the old one."""
    write(kafka.bootstrap_servers, topic, 3)
    running = Running(kafka.bootstrap_servers, topic, Recording({Partition(topic, 0): 4}))
    running.join()
    assert isinstance(running.error, PositionLost)
    assert "from offset 4, but holds 0 to 3" in str(running.error)


def test_a_missing_topic_ends_the_process(kafka: kafka_stack.Broker) -> None:
    """Waiting in silence for a topic that nobody creates would look like having nothing to do."""
    running = Running(kafka.bootstrap_servers, "loop.nowhere", Recording())
    running.join()
    assert isinstance(running.error, ReadFailed)


def test_a_full_handler_is_given_nothing_while_polling_goes_on(kafka: kafka_stack.Broker, topic: str) -> None:
    """Work in flight is bounded, and the group still hears from a member that waits for a provider."""
    handler = Recording()
    handler.takes = 0
    running = Running(kafka.bootstrap_servers, topic, handler)
    running.until(lambda: handler.assigned, "the assignment")
    write(kafka.bootstrap_servers, topic, 50)
    idle, polled_s = handler.idle, running.loop.last_poll_s
    running.until(lambda: handler.idle > idle + 5, "polls while full")
    assert running.loop.last_poll_s > polled_s
    assert 1 >= len(handler.records)
    handler.takes = 7
    running.until(lambda: len(handler.records) == 50, "all records")
    running.stop()
    assert 7 == max(handler.batches)
    assert list(range(50)) == [record.offset for record in handler.records]


def test_the_end_of_a_partition_is_asked_anew(kafka: kafka_stack.Broker, topic: str) -> None:
    """Who claims to be up to date asks the broker, not what it was told before."""
    handler = Recording()
    ends: list[int] = []
    running = Running(kafka.bootstrap_servers, topic, handler)
    running.until(lambda: handler.assigned, "the assignment")
    handler.at_idle = lambda: ends.append(running.loop.end_offset(Partition(topic, 1)))
    running.until(lambda: ends and ends[-1] == 0, "the first answer")
    write(kafka.bootstrap_servers, topic, 4, partition=1)
    running.until(lambda: ends[-1] == 4, "the new end")
    running.stop()
    assert running.error is None
