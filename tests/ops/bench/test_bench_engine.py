"""The engine benchmark on the real Kafka: small, and judged like the large one."""

import time
from collections.abc import Iterator

import pytest

from ops.bench import engine, reference_log
from ops.bench.errors import BenchFailed
from ops.bench.meter import Meter
from ops.stack import kafka as kafka_stack

pytestmark = pytest.mark.integration
PAYMENTS = 500
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of the module's own."""
    with kafka_stack.running(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap_servers


def until_right(servers: str, variant: str) -> None:
    """Wait until every output and state is there once and right."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            reference_log.check(servers, variant, PAYMENTS)
        except BenchFailed:
            if time.monotonic() > deadline:
                raise
        else:
            return


def test_the_generic_step_does_the_reference_workload(servers: str) -> None:
    """The figure is worth something only if every state and output behind it is right."""
    reference_log.create_topics(servers, "millrace")
    assert PAYMENTS * 4 == reference_log.fill(servers, "millrace", PAYMENTS)
    with engine.worker("millrace", servers) as worker:
        until_right(servers, "millrace")
        meter = Meter({"worker": worker.pid})
        assert 0 < meter.read().cpu_s["worker"]


def test_a_wrong_result_has_no_figure(servers: str) -> None:
    """A variant that loses work must not look fast."""
    reference_log.create_topics(servers, "bare_loop")
    with pytest.raises(BenchFailed, match="0 outputs"):
        reference_log.check(servers, "bare_loop", 1)
