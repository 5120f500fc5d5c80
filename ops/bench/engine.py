"""What does an event cost in the engine, beside plain Faust and a loop written by hand?"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ops.bench import reference_log
from ops.bench.errors import BenchFailed
from ops.bench.meter import Meter, Reading, between
from ops.bench.reference import PAYMENTS
from ops.bench.reference_log import Ends
from ops.bench.result import Result
from ops.stack import kafka
from ops.stack.kafka import KafkaSettings
from ops.stack.ports import free_port
from ops.stack.processes import ProcessSpec, Running

NAME = "engine"
BROKER_HEAP_MB = 768
FAUST_PAYMENTS = 5_000
"""Plain Faust is so much slower that a tenth of the workload takes it longer than the others the whole."""
_PAUSE_S = 0.05
_QUIET_S = 1.5
_DEADLINE_S = 180.0


class _Progress(NamedTuple):
    """How far the outputs had grown, and what had been used by then."""

    written: int
    reading: Reading


def run() -> list[Result]:
    """All variants on one broker, each in a process of its own. Raises BenchFailed when one is wrong."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch, _broker(Path(scratch)) as broker:
        return [
            measure(broker, variant, FAUST_PAYMENTS if variant == "idiomatic_faust" else PAYMENTS)
            for variant in reference_log.VARIANTS
        ]


def measure(broker: kafka.Broker, variant: str, payments: int) -> Result:
    """One variant over the records of so many payments, judged afterwards. Raises BenchFailed."""
    servers = broker.bootstrap_servers
    reference_log.create_topics(servers, variant)
    records = reference_log.fill(servers, variant, payments)
    ends = Ends(servers, reference_log.names_of(variant).tallies)
    try:
        with worker(variant, servers) as running:
            meter = Meter({"worker": running.pid, "broker": broker.pid})
            first, last = _watch(meter, ends, records, running)
            span = between(first.reading, last.reading)
            # Control records occupy offsets too; outputs are spread evenly among them.
            units = records * (1 - first.written / last.written)
            costs = meter.costs(span, units)
    finally:
        ends.close()
    reference_log.check(servers, variant, payments)
    return Result(
        name=NAME,
        variant=variant,
        unit="event",
        units=round(units),
        cpu_us_per_unit=costs["worker"].cpu_us_per_unit,
        units_per_second=round(units / span.wall_s),
        processes=costs,
    )


@contextmanager
def worker(variant: str, bootstrap_servers: str) -> Iterator[Running]:
    """A process that runs a variant for as long as the block lasts, with a state of its own."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch:
        argv = (sys.executable, "-m", "ops.bench.reference_worker", variant, bootstrap_servers)
        spec = ProcessSpec(role=variant, argv=(*argv, str(Path(scratch) / "state")), cwd=Path(scratch))
        running = Running(spec, Path(scratch) / f"{variant}.log")
        with pinned(1):
            running.start()
        try:
            yield running
        finally:
            running.stop()


def _watch(meter: Meter, ends: Ends, records: int, running: Running) -> tuple[_Progress, _Progress]:
    """Where the first outputs appeared, so that the start of the process is left out, and the last."""
    first: _Progress | None = None
    last = _Progress(0, meter.read())
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        written, reading = ends.total(), meter.read()
        if written > last.written:
            last = _Progress(written, reading)
            first = first or last
        elif first is not None and written >= records and reading.at_s - last.reading.at_s > _QUIET_S:
            if last.written == first.written:
                raise BenchFailed("the whole workload was done between two looks at it; it is too small")
            return first, last
        time.sleep(_PAUSE_S)
    raise BenchFailed(
        f"{last.written} of {records} outputs within {_DEADLINE_S:.0f} s:\n{running.end_of_log()}"
    )


@contextmanager
def _broker(scratch: Path) -> Iterator[kafka.Broker]:
    spec = kafka.prepare(scratch, KafkaSettings(port=free_port(), heap_mb=BROKER_HEAP_MB))
    broker = kafka.Broker(spec, scratch / "kafka.log")
    try:
        with pinned(0):
            broker.start()
        yield broker
    finally:
        broker.stop()


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes started in the block stay on one core of their own; nothing where there is only one."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(allowed) < 2:
        yield
        return
    os.sched_setaffinity(0, {sorted(allowed)[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
