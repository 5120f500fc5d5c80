"""The clock's process on the real Kafka: every partition hears the time, until it is told to stop."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.stack import kafka as kafka_stack
from schemas import topics
from schemas.codec import codec_of
from tests.integration.sink_bench import PARTITIONS, Process, create_topics, read_all

pytestmark = pytest.mark.integration


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[kafka_stack.Broker]:
    """A broker of the test's own: who reads the clock's topic elsewhere must not hear this one."""
    with kafka_stack.running(tmp_path / "kafka") as running:
        yield running


def clock(broker: kafka_stack.Broker, log_path: Path) -> Process:
    settings = {"kafka_bootstrap_servers": broker.bootstrap_servers, "clock_tick_ms": 50}
    return Process("connectors.clock", log_path, **settings)


def test_every_partition_hears_the_time(broker: kafka_stack.Broker, tmp_path: Path) -> None:
    """A task of any partition fires its deadlines by these ticks alone."""
    create_topics(broker.bootstrap_servers, [topics.CLOCK_TICKS])
    before_ms = time.time_ns() // 1_000_000
    process = clock(broker, tmp_path / "clock.log")
    try:
        read = read_all(broker.bootstrap_servers, topics.CLOCK_TICKS.name, per_partition=5)
        assert 0 == process.ask_to_stop()
    finally:
        process.kill()
    decode = codec_of(topics.CLOCK_TICKS).decode
    for number in range(PARTITIONS):
        heard = [decode(one.value()).body.now_ms for one in read if one.partition() == number]
        assert heard
        assert heard == sorted(heard)
        assert all(before_ms <= now_ms <= time.time_ns() // 1_000_000 for now_ms in heard)


def test_a_clock_nobody_can_hear_ends(broker: kafka_stack.Broker, tmp_path: Path) -> None:
    """Stages without time miss every deadline, so a clock without a topic must be seen to fail."""
    process = clock(broker, tmp_path / "clock.log")
    try:
        assert 1 == process.wait()
    finally:
        process.kill()
    assert "are the topics created?" in process.log
