"""Three stages with feedback in two workers, under faults: every item once, every table exact."""

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.kafka import PARTITIONER
from streams.engine import positions
from streams.engine.digest import digest_of
from tests.integration.engine_chain import MODULE, TOPICS, Fold, Item, chain, encode
from tests.integration.engine_cluster import Changelog, Cluster, WorkerProcess, eventually
from tests.integration.engine_oracle import (
    defects_of_chain,
    defects_of_table,
    defects_of_topic,
    defects_of_versions,
)

PARTITIONS = 4
PAYMENTS, MERCHANTS = 2_000, 40


class Broker:
    """What the fixture `kafka` gives, as far as it is used here."""

    bootstrap_servers: str


class Chain:
    """A chain of one test: its commands come in transactions, some of them aborted."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.items: list[Item] = []
        self.workers: list[WorkerProcess] = []
        self._random = random.Random(name)
        self._producer = Producer(
            {
                "bootstrap.servers": cluster.bootstrap_servers,
                "partitioner": PARTITIONER,
                "transactional.id": f"{name}.commands",
            }
        )
        self._producer.init_transactions(30)

    def worker(self, name: str) -> WorkerProcess:
        worker = WorkerProcess(MODULE, self.cluster.config(name), [self.name])
        self.workers.append(worker)
        return worker

    def send(self, count: int) -> None:
        """Send new commands in transactions of 1 to 200, every tenth of which is aborted first."""
        while count > 0:
            size = min(count, self._random.randint(1, 200))
            first = len(self.items)
            items = [
                Item(number, f"pay{number % PAYMENTS}", f"mer{number % MERCHANTS}")
                for number in range(first, first + size)
            ]
            if self._random.random() < 0.1:
                self._write([item._replace(number=-1 - item.number) for item in items])
                # Unless the broker has the records, there is nothing that a reader could wrongly see.
                assert 0 == self._producer.flush(30)
                self._producer.abort_transaction(30)
            self._write(items)
            self._producer.commit_transaction(30)
            self.items += items
            count -= size

    def has_passed(self, entries: int) -> bool:
        """Whether more records than these have come to the end of the chain."""
        return self.entries() > entries

    def entries(self) -> int:
        """Records at the end of the chain so far; a worker that ended by itself is started again."""
        for worker in self.workers:
            if worker.process.poll() is not None:
                worker.start()
        return len(self.cluster.read(f"{self.name}.entries", range(PARTITIONS)))

    def defects(self) -> list[str]:
        """What is wrong once every command has come through."""
        eventually(lambda: self.entries() >= len(self.items), f"{len(self.items)} entries", seconds=120)
        return defects_of_chain(self.cluster, self.name, self.items, PARTITIONS)

    def _write(self, items: Sequence[Item]) -> None:
        self._producer.begin_transaction()
        for item in items:
            self._producer.produce(f"{self.name}.commands", encode(item, b"", 0), item.payment)


@pytest.fixture
def running(kafka: Broker, tmp_path: Path) -> Iterator[Chain]:
    name = f"chain{abs(hash(str(tmp_path))) % 10**9}"
    started = Chain(Cluster(kafka.bootstrap_servers, tmp_path), name)
    started.cluster.make_topics([f"{name}.{topic}" for topic in TOPICS], PARTITIONS)
    started.cluster.provision(chain(name), PARTITIONS)
    yield started
    for worker in started.workers:
        worker.kill()


@pytest.mark.integration
def test_feedback(running: Chain) -> None:
    """Two workers carry a chain whose stages read each other's transactions."""
    running.send(5_000)
    running.worker("one")
    running.worker("two")
    running.send(2_000)
    assert [] == running.defects()


@pytest.mark.integration
@pytest.mark.chaos
def test_kills_and_wipes(running: Chain) -> None:
    """Workers die under load, with and without their disks."""
    running.send(10_000)
    workers = [running.worker("one"), running.worker("two")]
    for number in range(4):
        before = running.entries()
        running.send(1_500)
        eventually(partial(running.has_passed, before), "progress")
        worker = workers[number % 2]
        worker.kill()
        if number >= 2:
            shutil.rmtree(worker.log.with_suffix(""))
        worker.start()
    assert [] == running.defects()


ITEMS = [Item(number, f"pay{number % 3}", f"mer{number % 2}") for number in range(12)]


def told(items: Sequence[Item]) -> list[bytes]:
    counts: dict[str, int] = {}
    values = []
    for item in items:
        counts[item.payment] = counts.get(item.payment, 0) + 1
        values.append(encode(item, item.payment.encode(), counts[item.payment]))
    return values


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda values: values[:-1], "lost"),
        (lambda values: [*values, values[0]], "too many"),
        (lambda values: [*values[:-1], encode(ITEMS[-1], b"pay2", 3)], "version told twice"),
        (lambda values: [*values, encode(Item(-5, "pay0", "mer0"), b"pay0", 9)], "too many"),
    ],
    ids=["a lost record", "a doubled record", "a stale state", "an aborted record"],
)
def test_the_oracle_sees(damage: Callable[[list[bytes]], list[bytes]], what: str) -> None:
    """An oracle that finds nothing proves nothing."""
    whole = told(ITEMS)
    assert [] == defects_of_topic(ITEMS, whole) + defects_of_versions(whole)
    found = defects_of_topic(ITEMS, damage(whole)) + defects_of_versions(damage(whole))
    assert any(what in defect for defect in found)


def test_the_oracle_sees_a_stale_table() -> None:
    """The last item of a key folded into what the key was before another."""
    fold = Fold().with_item(ITEMS[0]).with_item(ITEMS[3])
    stale = Fold().with_item(ITEMS[3])

    def changelog(row: Fold) -> Changelog:
        rows = {b"state/pay0": str(list(row)).encode()}
        at = positions.following(
            positions.genesis({}, {}), {}, records=1, checksum=0, table=digest_of(rows.items())
        )
        return Changelog(rows, [at])

    assert [] == defects_of_table({b"pay0": fold}, [changelog(fold)])
    assert [] != defects_of_table({b"pay0": fold}, [changelog(stale)])
