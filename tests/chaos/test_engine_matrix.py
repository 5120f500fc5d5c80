"""The engine under every fault of its matrix: nothing lost, nothing doubled, nothing stale.

Three stages with feedback run in two workers on a broker of their own; commands come in transactions,
some of them aborted. The handlers do not deduplicate, so that every record that is lost or handled
twice shows in the outputs, the versions or the tables.
"""

import random
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ops.stack import kafka
from tests.integration.engine_chain_run import Chain
from tests.integration.engine_cluster import Cluster, WorkerProcess, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
BATCH = 3_000


class Faulty:
    """A chain, its broker and its two workers, and what can be done to them."""

    def __init__(self, chain: Chain, broker: kafka.Broker) -> None:
        self.chain = chain
        self.broker = broker
        self.workers = [chain.worker("one"), chain.worker("two")]
        self._random = random.Random(chain.name)

    def under_load(self) -> WorkerProcess:
        """Send more, wait until some of it has come through, and pick a worker to hurt."""
        before = self.chain.entries()
        self.chain.send(BATCH)
        eventually(partial(self.chain.has_passed, before), "progress", seconds=120)
        return self._random.choice(self.workers)


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Faulty]:
    with kafka.running(tmp_path / "broker") as broker:
        chain = Chain(Cluster(broker.bootstrap_servers, tmp_path), "matrix")
        chain.prepare()
        yield Faulty(chain, broker)
        for worker in chain.workers:
            worker.kill()


def test_ten_kills(faulty: Faulty) -> None:
    """kill -9 of either worker, ten times."""
    for _ in range(10):
        faulty.under_load().restart()
    assert [] == faulty.chain.defects()


def test_two_pauses_past_the_session(faulty: Faulty) -> None:
    """A worker that sleeps longer than its session wakes up as a zombie; its commits must be refused."""
    for _ in range(2):
        sleeper = faulty.under_load()
        sleeper.process.send_signal(signal.SIGSTOP)
        before = faulty.chain.entries()
        faulty.chain.send(BATCH)
        # The partitions of the sleeper have moved when everything sent since has come through.
        everything = len(faulty.chain.items)
        eventually(lambda want=everything: faulty.chain.entries() >= want, f"more than {before}", seconds=120)
        sleeper.process.send_signal(signal.SIGCONT)
        faulty.chain.send(BATCH)
    assert [] == faulty.chain.defects()


def test_a_storm_of_six_rebalances(faulty: Faulty) -> None:
    """A third worker joins and leaves, killed or asked, again and again."""
    third: WorkerProcess | None = None
    for number in range(6):
        faulty.under_load()
        if third is None:
            third = faulty.chain.worker("three")
        elif third.process.poll() is None:
            (third.kill if number % 2 else third.stop)()
        else:
            third.start()
    assert [] == faulty.chain.defects()


def test_three_lost_disks(faulty: Faulty) -> None:
    """A worker loses its disk with its life, three times."""
    for _ in range(3):
        worker = faulty.under_load()
        worker.kill()
        shutil.rmtree(worker.log.with_suffix(""), ignore_errors=True)
        worker.start()
    assert [] == faulty.chain.defects()


def test_two_broker_kills(faulty: Faulty) -> None:
    """The only broker dies under load, twice; workers end themselves rather than guess, and come back."""
    for _ in range(2):
        faulty.under_load()
        faulty.broker.kill()
        faulty.broker.start()
    assert [] == faulty.chain.defects()
