"""Every process of a running platform shows its metrics and logs lines that one parser reads."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from ops import lifecycle
from ops.stack import supervisor
from schemas import metrics
from schemas.tracing import trace_id
from tests.integration.platform_merchant import Merchant, client_session
from tests.integration.platform_running import Running, running, until

pytestmark = pytest.mark.integration

THEIRS = {"kafka", "postgres", "supervisor"}
SECRETS = re.compile(r"sk_(?:test|live)_\w{8}|\bop_[\w-]{20}|whsec_\w{8}|tok_visa")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("observed") / "data") as started:
        yield started


def scraped(platform: Running, role: str) -> dict[str, float]:
    """Every sample of a process, by its name with labels; a process that has just begun may not serve yet."""
    lines = until(lambda: asked(platform.designed.metrics_urls[role]), f"{role} shows its metrics")
    return {name: float(value) for name, _, value in (one.rpartition(" ") for one in lines if one[0] != "#")}


def asked(url: str) -> list[str]:
    try:
        with urlopen(url, timeout=10) as answer:
            lines: list[str] = answer.read().decode().splitlines()
            return lines
    except URLError:
        return []


def lines_of(platform: Running, role: str) -> list[dict[str, Any]]:
    log: Path = platform.designed.data_dir / "logs" / f"{role}.log"
    return [json.loads(line) for line in log.read_text().splitlines()]


async def test_a_payment_is_seen_by_every_process(platform: Running) -> None:
    """Who asks what became of a payment finds it in numbers and, by one id, in every log."""
    async with client_session() as session:
        merchant = Merchant(session, platform.api_url, platform.new_merchant_key("Observed"))
        payment = await merchant.confirmed(capture_method="automatic")
    sink = until(
        lambda: found if (found := scraped(platform, "sink")).get(AUTHORIZED) else None,
        "an authorization counts",
    )
    assert 1.0 == sink[AUTHORIZED]
    called = 'psp_calls_total{operation="sale",outcome="succeeded",provider="simulator"}'
    assert 1.0 == scraped(platform, "gateway")[called]
    assert scraped(platform, "api")['idempotency_total{result="miss"}'] >= 2
    assert scraped(platform, "clock")["clock_ticks_total"] > 0
    until(lambda: 0 == lag(scraped(platform, "worker")), "the stages are at the ends of their inputs")
    answered = [line for line in lines_of(platform, "api") if line.get("payment_id") == payment["payment_id"]]
    assert answered
    request_id = next(line["request_id"] for line in answered if line["route"].endswith("/confirm"))
    told = [line for line in lines_of(platform, "gateway") if line.get("request_id") == request_id]
    assert ["request begins", "request ended"] == [line["event"] for line in told]
    assert {trace_id(request_id)} == {
        line["trace_id"] for line in (*told, *answered) if line["request_id"] == request_id
    }
    assert told[-1]["provider_ref"]
    assert (payment["payment_id"], payment["merchant_id"]) == (
        told[-1]["payment_id"],
        told[-1]["merchant_id"],
    )


AUTHORIZED = 'auth_total{provider="simulator",result="succeeded"}'


def lag(samples: dict[str, float]) -> float:
    found = [value for name, value in samples.items() if name.startswith("stage_lag_records")]
    assert found, "every task tells its lag"
    return sum(found)


def test_every_process_shows_only_what_the_registry_names(platform: Running) -> None:
    """A dashboard is built from the reference."""
    for role in platform.designed.metrics_urls:
        names = {name.partition("{")[0] for name in scraped(platform, role)}
        own = {
            re.sub(r"_(bucket|count|sum|created)$", "", name)
            for name in names
            if not name.startswith("process_")
        }
        known = {re.sub("_total$", "", one.name) for one in metrics.ALL if one.process == role}
        assert {re.sub("_total$", "", name) for name in own} <= known, role
        assert "process_cpu_seconds_total" in names


def test_every_line_of_ours_is_json_without_secrets(platform: Running) -> None:
    """One parser reads the logs of all processes, and they may be copied anywhere."""
    roles = [spec.role for spec in platform.designed.processes if spec.role not in THEIRS]
    for role in roles:
        for line in lines_of(platform, role):
            assert {"time", "level", "role", "event"} <= line.keys(), (role, line)
            assert not SECRETS.search(json.dumps(line)), (role, line)


def test_status_tells_where(platform: Running) -> None:
    """An operator points Prometheus at what `millrace status` shows."""
    assert supervisor.is_running(platform.designed.data_dir)
    assert platform.designed.metrics_urls == lifecycle.status(platform.settings).metrics_urls
