"""What does a capture of four legs cost: through the real ledger stage, and in a plain SQL ledger beside it?

Everything is on one disk in one run, and synced: the broker flushes every batch to disk before it answers,
Postgres every commit. Commands come from Kafka and the journal goes there; each variant is judged at its end.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import Producer
from msgspec.structs import replace

from ops.bench import ledger_log, sql_ledger, steps
from ops.bench.engine import pinned
from ops.bench.errors import BenchFailed
from ops.bench.ledger_log import Captures, JournalEnds
from ops.bench.meter import Meter, between, quantile
from ops.bench.result import Result
from ops.platform import environment
from ops.provision import provision_topics
from ops.stack import kafka
from ops.stack.kafka import KafkaSettings
from ops.stack.ports import free_port
from ops.stack.processes import ProcessSpec, Running
from ops.workers import engine_config
from schemas.kafka import producer_settings
from schemas.settings import Settings
from streams.engine.provisioning import provision_stage
from streams.stages import stage_specs

NAME: Final = "ledger"
_UNIT: Final = "capture"
_SYNCED: Final = {"log.flush.interval.messages": "1"}
_HEAP_MB: Final = 768
_CAPTURES: Final = 30_000
_TIMED: Final = 4_000
_FEW: Final = 10_000
_PAUSE_S: Final = 0.05
_REST_S: Final = 2.0
_RESTING_SHARE: Final = 0.1
_DEADLINE_S: Final = 900.0


class Sizes:
    """How much is measured. many_accounts: how many there are before the last variant."""

    def __init__(
        self, *, captures: int = _CAPTURES, timed: int = _TIMED, many_accounts: int = 1_000_000
    ) -> None:
        self.captures, self.timed, self.many_accounts = captures, timed, many_accounts


def run(settings: Settings, sizes: Sizes | None = None) -> list[Result]:
    """All variants, the SQL ledger between them. Raises BenchFailed when anything is missing or does not balance."""
    sizes = sizes or Sizes()
    results = [replace(steps.ledger(), variant="in memory, chunks of 500")]
    with _stage(settings, partitions=1) as stage:
        few = min(_FEW, sizes.many_accounts)
        stage.post(Captures(few), few)
        results.append(stage.measure(f"real stage, {few:,} accounts", Captures(few, seed=1), sizes.captures))
        results += [
            stage.timed(in_flight, Captures(few, seed=in_flight), sizes.timed) for in_flight in (100, 1_000)
        ]
        results.append(stage.measure("real stage, one hot merchant", Captures(1, seed=2), sizes.captures))
    results += sql_ledger.run(sizes.captures // 6)
    with _stage(settings, partitions=1) as stage:
        stage.post(Captures(sizes.many_accounts), sizes.many_accounts)
        variant = f"real stage, {sizes.many_accounts:,} accounts"
        results.append(stage.measure(variant, Captures(sizes.many_accounts, seed=3), sizes.captures))
    return results


class Stage:
    """A ledger worker of one's own on a broker of one's own."""

    def __init__(self, settings: Settings, broker: kafka.Broker, worker: Running) -> None:
        self._meter = Meter({"worker": worker.pid, "broker": broker.pid})
        self._ends = JournalEnds(settings)
        self._settings = settings
        self._producer = Producer(producer_settings(broker.bootstrap_servers, client_id="bench"))
        self.expected = 0

    def post(self, captures: Captures, count: int) -> None:
        """Open the books and post so many captures, one to a book where there are as many."""
        captures.open_books(self._producer)
        self._give(captures, count)
        self._wait()
        self._rest()

    def measure(self, variant: str, captures: Captures, count: int) -> Result:
        """What a capture costs when many wait: from the first journal records to the last."""
        if captures.books == 1:
            captures.open_books(self._producer)
        before = self._ends.captures(self.expected)
        self._give(captures, count)
        first = self._meter.read()
        self._wait()
        last, done = self._meter.read(), self._ends.captures(self.expected) - before
        span = between(first, last)
        costs = self._meter.costs(span, done)
        return Result(
            name=NAME,
            variant=variant,
            unit=_UNIT,
            units=done,
            cpu_us_per_unit=costs["worker"].cpu_us_per_unit,
            units_per_second=round(done / span.wall_s),
            processes=costs,
        )

    def timed(self, in_flight: int, captures: Captures, count: int) -> Result:
        """How long a capture takes from its command to its record in the journal, with so many under way."""
        first = self._meter.read()
        taken_ms = ledger_log.latencies_ms(self._settings, self._producer, captures, count, in_flight)
        self.expected += count
        span = between(first, self._meter.read())
        costs = self._meter.costs(span, count)
        return Result(
            name=NAME,
            variant=f"real stage, {in_flight:,} in flight",
            unit=_UNIT,
            units=count,
            cpu_us_per_unit=costs["worker"].cpu_us_per_unit,
            units_per_second=round(count / span.wall_s),
            p50_ms=round(quantile(taken_ms, 0.5), 2),
            p99_ms=round(quantile(taken_ms, 0.99), 2),
            processes=costs,
        )

    def check(self) -> None:
        """Raises BenchFailed unless every capture is in the journal once and the books balance."""
        ledger_log.check(self._settings, self.expected)

    def close(self) -> None:
        """Let go of the connections."""
        self._ends.close()

    def _rest(self) -> None:
        """Wait until the worker's store has put in order what was written, which is not what a capture costs."""
        deadline = time.monotonic() + _DEADLINE_S
        before = self._meter.read()
        while time.monotonic() < deadline:
            time.sleep(_REST_S)
            after = self._meter.read()
            if between(before, after).cpu_s["worker"] < _RESTING_SHARE * _REST_S:
                return
            before = after

    def _give(self, captures: Captures, count: int) -> None:
        captures.give(self._producer, count)
        self.expected += count

    def _wait(self) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while self._ends.captures(self.expected) < self.expected:
            if time.monotonic() > deadline:
                raise BenchFailed(f"the ledger did not post {self.expected} captures in {_DEADLINE_S:.0f} s")
            self._meter.read()
            time.sleep(_PAUSE_S)


@contextmanager
def _stage(settings: Settings, *, partitions: int) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch:
        directory = Path(scratch)
        spec = kafka.prepare(directory, KafkaSettings(port=free_port(), heap_mb=_HEAP_MB, overrides=_SYNCED))
        broker = kafka.Broker(spec, directory / "kafka.log")
        own = replace(
            settings,
            data_dir=str(directory),
            partitions=partitions,
            kafka_bootstrap_servers=broker.bootstrap_servers,
            worker_pace_ms=0,
        )
        worker = Running(
            ProcessSpec(
                role="worker",
                argv=(sys.executable, "-m", "ops.cli", "worker", "ledger"),
                env=environment(own),
                cwd=directory,
            ),
            directory / "worker.log",
        )
        try:
            with pinned(0):
                broker.start()
            provision_topics(own)
            for stage_spec in stage_specs(own, ("ledger",)):
                provision_stage(stage_spec, engine_config(own))
            with pinned(1):
                worker.start()
            stage = Stage(own, broker, worker)
            yield stage
            stage.check()
            stage.close()
        finally:
            worker.stop()
            broker.stop()
