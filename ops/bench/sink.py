"""What does an event cost on its way into Postgres?"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psycopg
from confluent_kafka import Producer
from msgspec.structs import replace

from ops import platform, provision
from ops.bench.errors import BenchFailed
from ops.bench.meter import Meter, Reading, between
from ops.bench.result import Result
from ops.stack import kafka, postgres
from ops.stack.processes import ProcessSpec, Running
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.kafka import producer_settings
from schemas.payments import ConfirmPaymentIntent, CreatePaymentIntent, PaymentMethod
from schemas.psp import OperationResult
from schemas.settings import Settings
from schemas.testing import MERCHANT, START_MS, command, from_provider
from schemas.topics import Topic
from streams.payments.app import payments
from streams.ports import Output, Record
from streams.simulator import MemoryStore
from streams.step import StageStep

_PAYMENTS: Final = 10_000
_DEADLINE_S: Final = 120.0
_PAUSE_S: Final = 0.05
_LOADED: Final = "SELECT coalesce(sum(next_offset), 0) FROM meta.sink_offset WHERE topic = %s"
_INTENT: Final = CreatePaymentIntent(
    amount_minor=2599,
    currency="USD",
    capture_method="automatic",
    payment_method=PaymentMethod(type="card", token="tok_visa"),  # noqa: S106  # a test token is no secret
)


def run(settings: Settings) -> Result:
    """Load prefilled events of whole payments. Raises BenchFailed when they do not arrive."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as scratch:
        home = Path(scratch) / "data"
        with kafka.running(home) as broker, postgres.running(home) as server:
            own = replace(
                settings,
                data_dir=str(home),
                kafka_bootstrap_servers=broker.bootstrap_servers,
                postgres_dsn=server.dsn,
            )
            provision.provision_topics(own)
            return _measure(own, _fill(own), {"broker": broker.pid, "postgres": server.pid})


def _measure(settings: Settings, events: int, pids: dict[str, int]) -> Result:
    spec = ProcessSpec(
        role="sink",
        argv=(sys.executable, "-m", "connectors.postgres"),
        env=platform.environment(settings),
        cwd=Path(settings.data_dir),
    )
    sink = Running(spec, Path(settings.data_dir) / "logs" / "sink.log")
    sink.start()
    try:
        meter = Meter({"sink": sink.pid, **pids})
        first, at_first, last = _watch(settings.postgres_dsn, events, meter)
        span = between(first, last)
        costs = meter.costs(span, events - at_first)
    finally:
        sink.stop()
    return Result(
        name="sink",
        variant="events of payments",
        unit="event",
        units=events - at_first,
        cpu_us_per_unit=costs["sink"].cpu_us_per_unit,
        units_per_second=round((events - at_first) / span.wall_s),
        processes=costs,
    )


def _watch(dsn: str, events: int, meter: Meter) -> tuple[Reading, int, Reading]:
    """When the first events had arrived and how many, and when all had."""
    first: tuple[Reading, int] | None = None
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        loaded, reading = _loaded(dsn), meter.read()
        if first is None and loaded > 0:
            first = (reading, loaded)
        if first is not None and loaded >= events:
            return first[0], first[1], reading
        time.sleep(_PAUSE_S)
    raise BenchFailed(f"{_loaded(dsn)} of {events} events were loaded within {_DEADLINE_S:.0f} s")


def _loaded(dsn: str) -> int:
    try:
        with psycopg.connect(dsn) as connection:
            found = connection.execute(_LOADED, (topics.PAYMENTS_EVENTS.name,)).fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return int(found[0]) if found else 0


def _fill(settings: Settings) -> int:
    """Write the events of many captured payments, as the real step makes them; how many."""
    step, store = StageStep(payments(settings)), MemoryStore()
    producer = Producer(producer_settings(settings.kafka_bootstrap_servers, client_id="millrace-bench"))
    written = 0
    for number in range(_PAYMENTS):
        for output in _life(step, store, number):
            producer.produce(output.topic, output.value, output.key)
            written += 1
        producer.poll(0)
    producer.flush(60)
    return written


def _life(step: StageStep[Any], store: MemoryStore, number: int) -> list[Output]:
    key = ids.payment_key(mode="test", merchant=MERCHANT, source="api", idempotency_key=f"bench-{number}")
    asked = (command(_INTENT, key=f"c{number}"), command(ConfirmPaymentIntent(), key=f"k{number}"))
    made = [
        one for message in asked for one in _said(step, store, key, message, topics.PAYMENTS_COMMANDS_API)
    ]
    called = codec_of(topics.PSP_REQUESTS).decode(
        next(one.value for one in made if one.topic == topics.PSP_REQUESTS.name)
    )
    done = OperationResult(
        operation_id=called.body.operation_id,
        psp_key=called.body.psp_key,
        call_attempt=0,
        provider="simulator",
        source="answer",
        outcome="succeeded",
        provider_ref=f"ref-{number}",
        amount_minor=_INTENT.amount_minor,
        currency=_INTENT.currency,
    )
    made += _said(step, store, key, from_provider(done, message_id=f"r{number}"), topics.PSP_RESULTS)
    return [one for one in made if one.topic == topics.PAYMENTS_EVENTS.name]


def _said(
    step: StageStep[Any], store: MemoryStore, key: str, message: Message[Any], topic: Topic
) -> list[Output]:
    value = codec_of(topic).encode(message)
    return step(store, [Record(topic.name, 0, 0, key.encode(), value, START_MS)]).outputs
