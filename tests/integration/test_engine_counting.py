"""One stage on the real broker: killed, replaced, damaged, and still exact."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2  # type: ignore[import-untyped]  # Faust's client has no stubs

from streams.engine.digest import digest_of
from streams.engine.errors import Fenced, GuardRefused, StepFailed
from streams.engine.provisioning import provision_stage
from streams.engine.restore import task_directory
from streams.engine.spec import StageSpec
from tests.integration.engine_cluster import Cluster, WorkerProcess, eventually
from tests.integration.engine_counting import DEFECTIVE, IGNORED, MODULE, counting_stage, topics_of

pytestmark = pytest.mark.integration

PARTITIONS = 4
KEYS = 50


class Broker:
    """What the fixture `kafka` gives, as far as it is used here."""

    bootstrap_servers: str


class Counted:
    """A counting stage of one test, its records and its workers."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.spec: StageSpec = counting_stage(name)
        self.sent: list[tuple[bytes, bytes]] = []
        self.workers: list[WorkerProcess] = []

    def worker(self, name: str, **changed: object) -> WorkerProcess:
        worker = WorkerProcess(MODULE, self.cluster.config(name, **changed), [self.name])
        self.workers.append(worker)
        return worker

    def send(self, count: int) -> None:
        first = len(self.sent)
        records = [(b"key%d" % (n % KEYS), b"v%d" % n) for n in range(first, first + count)]
        self.sent += records
        self.cluster.send(f"{self.name}.in", records)

    def outputs(self) -> list[bytes]:
        found = self.cluster.read(f"{self.name}.out", range(PARTITIONS))
        return [message.value() or b"" for message in found]

    def wait_for(self, count: int) -> None:
        eventually(lambda: len(self.outputs()) >= count, f"{count} outputs of {self.name}")

    def check(self) -> None:
        """Every record was counted once, and the changelog says the same as the outputs."""
        self.wait_for(len(self.sent))
        per_key = Counter(key for key, _ in self.sent)
        told = Counter(value.split(b":")[0] for value in self.outputs())
        assert {value: 1 for _, value in self.sent} == told
        self._check_partitions()
        rows: dict[bytes, bytes] = {}
        for partition in range(PARTITIONS):
            changelog = self.cluster.changelog(self.spec, partition)
            rows |= changelog.rows
            assert digest_of(changelog.rows.items()) == changelog.positions[-1].table
            numbers = [record.transaction for record in changelog.positions]
            assert all(earlier + 1 == later for earlier, later in pairwise(numbers))
        assert {key: b"%d" % count for key, count in per_key.items()} == rows

    def _check_partitions(self) -> None:
        """Every key lies where all other writers of the platform would put it."""
        for message in self.cluster.read(f"{self.name}.out", range(PARTITIONS)):
            assert _partition(message.key() or b"") == message.partition()


@pytest.fixture
def counted(kafka: Broker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Counted]:
    name = request.node.name.removeprefix("test_").replace("[", ".").replace("]", "")[:60]
    stage = Counted(Cluster(kafka.bootstrap_servers, tmp_path), f"{name}.{tmp_path.name[-3:]}")
    stage.cluster.make_topics(topics_of(stage.name), PARTITIONS)
    stage.cluster.provision([stage.spec], PARTITIONS)
    yield stage
    for worker in stage.workers:
        worker.kill()


def test_kill(counted: Counted) -> None:
    """A worker dies at any moment; its successor goes on exactly where the log says."""
    counted.send(20_000)
    one, _ = counted.worker("one"), counted.worker("two")
    counted.wait_for(1_000)
    for _ in range(3):
        one.restart()
        counted.send(5_000)
        before = len(counted.outputs())
        counted.wait_for(min(before + 4_000, len(counted.sent)))
    counted.check()


def test_drain(counted: Counted) -> None:
    """A stop loses nothing and is quick."""
    counted.send(20_000)
    worker = counted.worker("one")
    counted.wait_for(500)
    assert 0 == worker.stop()
    worker.start()
    counted.check()
    assert 0 == worker.stop()


def test_wiped_disk(counted: Counted) -> None:
    """The disk of a worker holds nothing that the log does not."""
    counted.send(5_000)
    worker = counted.worker("one")
    counted.wait_for(5_000)
    worker.kill()
    shutil.rmtree(counted.cluster.directory / "one")
    counted.send(5_000)
    worker.start()
    counted.check()


@pytest.mark.parametrize("write_ahead", [False, True])
def test_local_copy(counted: Counted, write_ahead: bool) -> None:
    """A worker that goes on from its local copy counts on from the right numbers."""
    counted.send(5_000)
    worker = counted.worker("one", write_ahead=write_ahead)
    counted.wait_for(5_000)
    if write_ahead:
        worker.kill()
    else:
        worker.stop()
    counted.send(5_000)
    worker.start()
    counted.check()
    assert "wiped" not in worker.said()


def test_zombie(counted: Counted) -> None:
    """A worker that was paused past its session is refused by the broker and ends."""
    counted.send(2_000)
    paused = counted.worker("one", session_timeout_ms=6_000)
    counted.wait_for(2_000)
    paused.process.send_signal(signal.SIGSTOP)
    heir = counted.worker("two", session_timeout_ms=6_000)
    counted.send(2_000)
    counted.wait_for(4_000)
    paused.process.send_signal(signal.SIGCONT)
    assert Fenced.exit_code == paused.exit_code()
    counted.send(2_000)
    counted.check()
    assert heir.process.poll() is None


def test_join(counted: Counted) -> None:
    """A worker that joins takes over part of the tasks without any of them ending."""
    counted.send(2_000)
    one = counted.worker("one")
    counted.wait_for(2_000)
    counted.send(20_000)
    two = counted.worker("two")
    eventually(lambda: "restored [2, 3]" in two.said(), "tasks of the second worker")
    counted.send(2_000)
    counted.check()
    assert [None, None] == [one.process.poll(), two.process.poll()]


def test_defect(counted: Counted) -> None:
    """A defect stops the worker at its record, every time, until an operator sets the record aside."""
    counted.send(100)
    counted.cluster.send(f"{counted.name}.in", [(b"key0", DEFECTIVE)])
    worker = counted.worker("one")
    assert StepFailed.exit_code == worker.exit_code()
    worker.start()
    assert StepFailed.exit_code == worker.exit_code()
    (bad,) = [
        message
        for message in counted.cluster.read(f"{counted.name}.in", range(PARTITIONS))
        if message.value() == DEFECTIVE
    ]
    name = f"{bad.topic()}:{bad.partition()}:{bad.offset()}"
    assert name in worker.said()
    aside = f"{bad.topic()} {bad.partition()} {bad.offset()}".encode()
    # A broadcast topic has a copy on every partition; the keys find them all.
    counted.cluster.send(f"{counted.name}.quarantine", [(b"%d" % n, aside) for n in range(64)])
    worker.start()
    counted.send(100)
    counted.check()


def test_positions_move_without_a_reason_to_commit(counted: Counted) -> None:
    """Retention must never pass a position behind records that changed nothing."""
    counted.worker("one", idle_positions_ms=500, lag_interval_ms=200)
    counted.send(100)
    counted.check()
    counted.cluster.send(f"{counted.name}.in", [(b"key%d" % n, IGNORED) for n in range(100)])
    ends = counted.cluster.ends(f"{counted.name}.in", PARTITIONS)

    def positions_now() -> list[int]:
        found = [counted.cluster.changelog(counted.spec, partition) for partition in range(PARTITIONS)]
        return [changelog.positions[-1].inputs[f"{counted.name}.in"] for changelog in found]

    eventually(lambda: ends == positions_now(), f"positions at {ends}")


def test_backlog(counted: Counted) -> None:
    """A partition with a backlog must not keep the others waiting until it is through."""
    busy = [key for key in (b"key%d" % n for n in range(KEYS)) if _partition(key) == 0]
    (quiet,) = [key for key in (b"key%d" % n for n in range(KEYS)) if _partition(key) == 1][:1]
    counted.sent = [(busy[n % len(busy)], b"v%d" % n + bytes(300)) for n in range(40_000)] + [
        (quiet, b"waits")
    ]
    counted.cluster.send(f"{counted.name}.in", counted.sent)
    counted.worker("one")
    counted.check()
    found = counted.cluster.read(f"{counted.name}.out", range(PARTITIONS))
    (waited_ms,) = [message.timestamp()[1] for message in found if message.key() == b"waits"]
    before = sum(message.timestamp()[1] < waited_ms for message in found)
    assert before < len(found) / 4


def test_lost_changelog(counted: Counted) -> None:
    """Starting afresh would count everything again."""
    counted.send(100)
    worker = counted.worker("one", lag_interval_ms=200)
    counted.check()
    eventually(lambda: counted.cluster.has_group_offsets(counted.spec, PARTITIONS), "group offsets")
    worker.kill()
    counted.cluster.admin.delete_topics([counted.spec.changelog])[counted.spec.changelog].result(30)
    _make_again(counted, counted.spec.changelog)
    with pytest.raises(GuardRefused, match="was lost"):
        provision_stage(counted.spec, counted.cluster.config("provisioning"))
    worker.start()
    assert GuardRefused.exit_code == worker.exit_code()


def test_input_made_again(counted: Counted) -> None:
    """Positions are of the topic that was; the new one's records would be skipped."""
    counted.send(100)
    worker = counted.worker("one")
    counted.check()
    worker.kill()
    name = f"{counted.name}.in"
    counted.cluster.admin.delete_topics([name])[name].result(30)
    _make_again(counted, name)
    worker.start()
    assert GuardRefused.exit_code == worker.exit_code()
    assert "made again" in worker.said()


def test_not_provisioned(counted: Counted) -> None:
    """An empty changelog is either new or lost; only provisioning may say which."""
    name = f"{counted.name}.unprovisioned"
    counted.cluster.make_topics([*topics_of(name), counting_stage(name).changelog], PARTITIONS)
    worker = WorkerProcess(MODULE, counted.cluster.config("one"), [name])
    counted.workers.append(worker)
    assert GuardRefused.exit_code == worker.exit_code()
    assert "provision the stage" in worker.said()


def test_provisioning_again(counted: Counted) -> None:
    """Every start of the platform provisions."""
    counted.send(100)
    counted.worker("one")
    counted.check()
    assert [] == provision_stage(counted.spec, counted.cluster.config("provisioning"))
    assert 0 == counted.cluster.changelog(counted.spec, 0).positions[0].transaction
    counted.send(100)
    counted.check()


def test_foreign_copy(counted: Counted) -> None:
    """A local copy with another history is noticed by its last record and forgotten."""
    counted.send(1_000)
    worker = counted.worker("one")
    counted.check()
    worker.stop()
    directories = [task_directory(counted.spec, counted.cluster.config("one"), n) for n in range(PARTITIONS)]
    shutil.rmtree(directories[0])
    shutil.copytree(directories[1], directories[0])
    worker.start()
    counted.send(1_000)
    counted.check()
    assert "wiped: it belongs to" in worker.said()


def _partition(key: bytes) -> int:
    return int(murmur2(key) & 0x7FFFFFFF) % PARTITIONS


def _make_again(counted: Counted, name: str) -> None:
    def is_gone() -> bool:
        return name not in counted.cluster.admin.list_topics(timeout=10).topics

    eventually(is_gone, f"{name} deleted")
    counted.cluster.make_topics([name], PARTITIONS)
