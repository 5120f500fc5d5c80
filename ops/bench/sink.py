"""What does a row cost in the sink: a prefilled topic of payment events, into a new database."""

import sys
import tempfile
import time
from pathlib import Path

import psycopg
from confluent_kafka import Producer
from msgspec.structs import replace

from ops.bench import history
from ops.bench.errors import BenchFailed
from ops.bench.meter import Meter, Reading, between
from ops.bench.result import Result
from ops.platform import environment
from ops.provision import provision_topics
from ops.stack import kafka, postgres
from ops.stack.processes import ProcessSpec, Running
from schemas.kafka import producer_settings
from schemas.settings import Settings

SALES = 10_000
_PAUSE_S = 0.1
_DEADLINE_S = 120.0
_TABLE = "raw.payment_events"


def run(settings: Settings) -> Result:
    """30,000 events of 10,000 sales into Postgres. Raises BenchFailed when a row is missing."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch:
        # Postgres runs as a user of its own where we are root.
        Path(scratch).chmod(0o711)
        directory = Path(scratch) / "stack"
        with kafka.running(directory) as broker, postgres.running(directory) as server:
            own = replace(
                settings,
                data_dir=str(directory),
                kafka_bootstrap_servers=broker.bootstrap_servers,
                postgres_dsn=server.dsn,
            )
            rows = _fill(own)
            sink = Running(
                ProcessSpec(
                    role="sink",
                    argv=(sys.executable, "-m", "connectors.postgres"),
                    env=environment(own),
                    cwd=directory,
                ),
                directory / "logs" / "sink.log",
            )
            sink.start()
            try:
                meter = Meter({"sink": sink.pid, "postgres": server.pid, "kafka": broker.pid})
                return _measure(meter, own.postgres_dsn, rows)
            finally:
                sink.stop()


def _fill(settings: Settings) -> int:
    """Write the events of all sales; how many there are."""
    provision_topics(settings)
    producer = Producer(producer_settings(settings.kafka_bootstrap_servers, client_id="bench"))
    rows = 0
    for one in history.sales(SALES):
        producer.produce(one.topic, one.value, one.key)
        rows += 1
    if producer.flush(_DEADLINE_S) > 0:
        raise BenchFailed("the broker did not take the events of the sink's benchmark")
    return rows


def _measure(meter: Meter, dsn: str, rows: int) -> Result:
    """From the first rows, so that the start of the process is left out, to the last."""
    first: tuple[int, Reading] | None = None
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        found, reading = _count(dsn), meter.read()
        if found and first is None:
            first = (found, reading)
        if first is not None and found >= rows:
            return _result(meter, first, reading, rows)
        time.sleep(_PAUSE_S)
    raise BenchFailed(f"the sink wrote {_count(dsn)} of {rows} rows within {_DEADLINE_S:.0f} s")


def _result(meter: Meter, first: tuple[int, Reading], last: Reading, rows: int) -> Result:
    done = rows - first[0]
    if done <= 0:
        raise BenchFailed("all rows were written between two looks at them; the workload is too small")
    span = between(first[1], last)
    costs = meter.costs(span, done)
    return Result(
        name="sink",
        variant="payments.events",
        unit="row",
        units=done,
        cpu_us_per_unit=costs["sink"].cpu_us_per_unit,
        units_per_second=round(done / span.wall_s),
        processes=costs,
    )


def _count(dsn: str) -> int:
    """Rows so far; none before the sink has made the table."""
    try:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(f"SELECT count(*) FROM {_TABLE}").fetchone()  # noqa: S608  # our own name
    except psycopg.errors.UndefinedTable:
        return 0
    return 0 if row is None else int(row[0])
