"""The sink's process between the real Kafka and the real Postgres: whatever dies, the rows are exact."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors.postgres.sink import TOPICS
from ops.stack import kafka as kafka_stack
from ops.stack import postgres as postgres_stack
from schemas import topics
from schemas.codec import codec_of
from tests.integration.sink_bench import (
    PARTITIONS,
    KafkaRecord,
    Process,
    Stages,
    ask,
    create_topics,
    end_offsets,
    merchant_records,
    new_database,
    payment_records,
    read_all,
    request_records,
    until,
)

pytestmark = pytest.mark.integration

Start = Callable[..., Process]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[kafka_stack.Broker]:
    """A broker of the test's own: the sink reads its topics from their beginning."""
    with kafka_stack.running(tmp_path / "kafka") as running:
        create_topics(running.bootstrap_servers, TOPICS)
        yield running


@pytest.fixture
def start(broker: kafka_stack.Broker, tmp_path: Path) -> Iterator[Start]:
    """Starts sinks and leaves none behind."""
    started: list[Process] = []

    def begin(dsn: str, **settings: object) -> Process:
        log_path = tmp_path / f"sink-{len(started)}.log"
        process = Process(
            "connectors.postgres",
            log_path,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            postgres_dsn=dsn,
            worker_session_timeout_ms=6_000,
            **settings,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()


def rows_of(dsn: str, table: str) -> int:
    """How many rows a table has; 0 while there is none."""
    [(there,)] = ask(dsn, "SELECT to_regclass(%s) IS NOT NULL", table)
    return int(ask(dsn, f"SELECT count(*) FROM {table}")[0][0]) if there else 0


def has_half(dsn: str, written: int) -> bool:
    return rows_of(dsn, "raw.payment_events") > written // 2


def positions(dsn: str, topic: str) -> list[int]:
    question = "SELECT next_offset FROM meta.sink_offset WHERE topic = %s ORDER BY partition"
    return [next_offset for (next_offset,) in ask(dsn, question, topic)]


def expected_payments(records: list[KafkaRecord]) -> dict[str, tuple[Any, ...]]:
    """Status, version and amounts of every payment after its last event."""
    decode = codec_of(topics.PAYMENTS_EVENTS).decode
    shown: dict[str, tuple[Any, ...]] = {}
    for one in records:
        after: Any = decode(one.value).after  # type: ignore[attr-defined]  # an event topic's messages are Recorded
        if after is not None:
            amounts = (after.amount, after.amount_authorized, after.amount_captured, after.amount_refunded)
            shown[after.payment_id] = (after.status.value, after.version, *amounts)
    return shown


@pytest.mark.slow
def test_kills_of_sink_and_database_lose_and_double_nothing(
    broker: kafka_stack.Broker, start: Start, tmp_path: Path
) -> None:
    """Rows and positions commit together, so it does not matter where either side dies."""
    payments, merchants, requests = payment_records(), merchant_records(300), request_records(1_000)
    stages = Stages(broker.bootstrap_servers)
    with postgres_stack.running(tmp_path / "postgres") as database:
        dsn = database.dsn
        sink = start(dsn, sink_batch=50)
        until(lambda: len(positions_or_none(dsn)) == PARTITIONS * len(TOPICS), "the assignment")
        for number in range(0, len(payments), 100):
            stages.commit(payments[number : number + 100])
            stages.abort(payments[number : number + 1])
            if number in (1_000, 3_000):
                until(partial(has_half, dsn, number), "half of the rows")
                sink.kill()
                sink = start(dsn, sink_batch=50)
            if number == 2_000:
                database.kill()
                database.restart()
            stages.write(merchants[number // 20 : number // 20 + 5])
            stages.write(requests[number // 5 : number // 5 + 20])
        sink.kill()
        sink = start(dsn)
        ends = [end_offsets(broker.bootstrap_servers, topic) for topic in TOPICS]
        until(lambda: ends == [positions(dsn, topic.name) for topic in TOPICS], "the end of every topic")

        places = "SELECT _partition, event_id FROM raw.payment_events ORDER BY _partition, _offset"
        decode = codec_of(topics.PAYMENTS_EVENTS).decode
        written = [(one.partition, decode(one.value).envelope.message_id) for one in payments]
        assert sorted(written, key=lambda place: place[0]) == ask(dsn, places)
        amounts = "amount_minor, amount_authorized_minor, amount_captured_minor, amount_refunded_minor"
        shown = ask(dsn, f"SELECT payment_id, status, version, {amounts} FROM mart.payments")
        assert expected_payments(payments) == {payment_id: tuple(rest) for payment_id, *rest in shown}
        assert len(requests[: len(payments) // 5 + 20]) == rows_of(dsn, "mart.api_requests")
        assert rows_of(dsn, "raw.merchant_events") == rows_of(dsn, "mart.merchants")
        assert [] == ask(dsn, "SELECT * FROM meta.anomalies")
        assert 0 == sink.ask_to_stop()


def positions_or_none(dsn: str) -> list[int]:
    """Every position, none while the tables are not there."""
    return (
        [p for topic in TOPICS for p in positions(dsn, topic.name)]
        if rows_of(dsn, "meta.sink_offset")
        else []
    )


def test_what_is_no_message_is_set_aside_and_the_rest_flows(
    broker: kafka_stack.Broker, postgres: postgres_stack.Server, start: Start
) -> None:
    """One corrupt record must not stop the books, and must not vanish either."""
    dsn = new_database(postgres.dsn, "sink_letters")
    stages = Stages(broker.bootstrap_servers)
    good = merchant_records(4)
    name = topics.MERCHANTS_EVENTS.name
    bad = [
        KafkaRecord(name, 0, b"key", b"no Avro"),
        KafkaRecord(name, 0, b"key", b"\0\0\0\xff\xff unregistered"),
        KafkaRecord(name, 1, None, good[0].value),
        KafkaRecord(name, 1, b"\xff", good[0].value),
        KafkaRecord(name, 1, b"key", None),
    ]
    stages.write([*good[:2], *bad, *good[2:]])
    sink = start(dsn)
    until(lambda: rows_of(dsn, "mart.merchants") == 4, "the good records")
    letters = read_all(broker.bootstrap_servers, topics.MERCHANTS_EVENTS.dead_letters, per_partition=2)
    headers = [dict(letter.headers() or []) for letter in letters]
    places = {(int(one["dlq.partition"]), int(one["dlq.offset"])) for one in headers}  # type: ignore[arg-type]  # always bytes
    assert {(0, 1), (0, 2), (1, 1), (1, 2), (1, 3)} == places
    assert {name.encode()} == {one["dlq.topic"] for one in headers}
    assert all(one["dlq.reason"] for one in headers)
    assert "dead letter" in sink.log
    assert 0 == sink.ask_to_stop()


def test_freshness_tells_the_lag_and_passes_markers(
    broker: kafka_stack.Broker, postgres: postgres_stack.Server, start: Start
) -> None:
    """Who asks whether a row can still come compares positions with ends, and markers are no rows."""
    dsn = new_database(postgres.dsn, "sink_freshness")
    stages = Stages(broker.bootstrap_servers)
    stages.commit(merchant_records(10))
    sink = start(dsn)
    topic = topics.MERCHANTS_EVENTS
    until(
        lambda: 10 + PARTITIONS == sum(end_offsets(broker.bootstrap_servers, topic)),
        "a marker behind the records of each partition",
    )
    ends = end_offsets(broker.bootstrap_servers, topic)
    until(lambda: rows_of(dsn, "meta.sink_offset") and positions(dsn, topic.name) == ends, "the ends")
    fresh = "SELECT count(*) FROM meta.freshness WHERE lag_seconds < 3"
    until(lambda: ask(dsn, fresh) == [(len(TOPICS),)], "freshness of all topics")
    [(since,)] = ask(
        dsn, "SELECT seconds_since_newest_record FROM meta.freshness WHERE topic = %s", topic.name
    )
    assert since >= 0
    assert 0 == sink.ask_to_stop()


def test_a_second_sink_of_the_same_name_ends_the_first(
    broker: kafka_stack.Broker, postgres: postgres_stack.Server, start: Start
) -> None:
    """Two processes under one name are a zombie and its successor; only one may write."""
    dsn = new_database(postgres.dsn, "sink_zombie")
    stages = Stages(broker.bootstrap_servers)
    merchants = merchant_records(20)
    stages.write(merchants[:10])
    first = start(dsn)
    until(lambda: rows_of(dsn, "mart.merchants") == 10, "the first records")
    second = start(dsn)
    assert 1 == first.wait()
    stages.write(merchants[10:])
    until(lambda: rows_of(dsn, "mart.merchants") == 20, "the records of the second")
    assert second.is_running
    assert 0 == second.ask_to_stop()
