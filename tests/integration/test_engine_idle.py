"""A worker with nothing to do uses nothing: nine stages in one process, started many times."""

import time
from functools import partial
from pathlib import Path

import pytest

from tests.integration.engine_cluster import Cluster, WorkerProcess, eventually
from tests.integration.engine_counting import MODULE, counting_stage, topics_of

STAGES, PARTITIONS = 9, 2
SPINNING_CPU_SECONDS = 0.3
"""An event loop that never waits uses a whole second of CPU per second; idle stages use a few hundredths."""


class Broker:
    """What the fixture `kafka` gives, as far as it is used here."""

    bootstrap_servers: str


def idle_cpu_seconds(worker: WorkerProcess) -> float:
    """CPU used in one second of idleness."""
    before, started = worker.cpu_seconds(), time.monotonic()
    eventually(lambda: time.monotonic() - started >= 1, "a second")
    return (worker.cpu_seconds() - before) / (time.monotonic() - started)


def has_restored(worker: WorkerProcess, stages: int) -> bool:
    """Whether so many stages were restored since the first start."""
    return worker.said().count(": restored [0, 1]") == stages


def measure(kafka: Broker, directory: Path, name: str, starts: int) -> list[float]:
    """Start nine stages in one process again and again; the CPU of an idle second of each start."""
    cluster = Cluster(kafka.bootstrap_servers, directory)
    names = [f"{name}{number}" for number in range(STAGES)]
    cluster.make_topics([topic for stage in names for topic in topics_of(stage)], PARTITIONS)
    cluster.provision([counting_stage(stage) for stage in names], PARTITIONS)
    worker = WorkerProcess(MODULE, cluster.config("one"), names)
    try:
        found = []
        for number in range(1, starts + 1):
            eventually(partial(has_restored, worker, number * STAGES), "nine stages restored")
            found.append(idle_cpu_seconds(worker))
            if number < starts:
                assert 0 == worker.stop()
                worker.start()
        return found
    finally:
        worker.kill()


@pytest.mark.integration
def test_nine_stages_are_idle(kafka: Broker, tmp_path: Path) -> None:
    """A spinning event loop would take a core of a small machine."""
    found = measure(kafka, tmp_path, "idle", starts=5)
    assert [] == [seconds for seconds in found if seconds > SPINNING_CPU_SECONDS]


@pytest.mark.integration
@pytest.mark.slow
def test_nine_stages_are_idle_at_every_start(kafka: Broker, tmp_path: Path) -> None:
    """A start that spins once in ten shows only in many starts."""
    found = measure(kafka, tmp_path, "often", starts=50)
    assert [] == [seconds for seconds in found if seconds > SPINNING_CPU_SECONDS]
