"""A chain of three stages with feedback in several workers, fed in transactions and judged by its oracle."""

import random
from collections.abc import Sequence

from confluent_kafka import Producer

from schemas.kafka import PARTITIONER
from tests.integration.engine_chain import MODULE, TOPICS, Item, chain, encode
from tests.integration.engine_cluster import Cluster, WorkerProcess, eventually
from tests.integration.engine_oracle import defects_of_chain

PARTITIONS = 4
PAYMENTS, MERCHANTS = 2_000, 40


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

    def prepare(self) -> None:
        """Create its topics and provision its stages."""
        self.cluster.make_topics([f"{self.name}.{topic}" for topic in TOPICS], PARTITIONS)
        self.cluster.provision(chain(self.name), PARTITIONS)

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
