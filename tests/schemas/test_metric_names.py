"""The registry of metrics is the whole truth: named by the rules, used where it says, and nothing beside it."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import schemas
from api.metrics import Metrics
from connectors.metrics import new_registry
from connectors.postgres.measures import Measures as SinkMeasures
from connectors.psp.measures import Measures as GatewayMeasures
from schemas import metrics
from schemas.metrics import Metric

ROOT = Path(schemas.__file__).parent.parent
PACKAGES = {
    "api": "api",
    "worker": "ops",
    "clock": "connectors/clock",
    "gateway": "connectors/psp",
    "sink": "connectors/postgres",
    "egress": "connectors/webhooks",
    "bank": "connectors/bank",
    "audit": "connectors/audit",
}
CONSTANTS = {constant: value for constant, value in vars(metrics).items() if isinstance(value, Metric)}
HISTOGRAM_UNITS = ("seconds",)
FEW = {"route", "status", "result", "stage", "partition", "provider", "operation", "outcome", "reason",
       "template", "verdict"}  # fmt: skip


def test_the_registry_is_complete() -> None:
    """A constant that is not in ALL would be exposed and documented nowhere."""
    assert set(CONSTANTS.values()) == set(metrics.ALL)
    names = [one.name for one in metrics.ALL]
    assert len(names) == len(set(names))
    assert not set(names) & metrics.RESERVED.keys()


@pytest.mark.parametrize("one", metrics.ALL, ids=lambda one: one.name)
def test_names_end_with_their_unit(one: Metric) -> None:
    """A query reads right, and nobody divides seconds by milliseconds."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", one.name)
    assert ("counter" == one.kind) == one.name.endswith("_total")
    assert ("histogram" == one.kind) <= one.name.endswith(HISTOGRAM_UNITS)
    assert one.process in PACKAGES


@pytest.mark.parametrize("one", metrics.ALL, ids=lambda one: one.name)
def test_labels_have_few_values(one: Metric) -> None:
    """A label of merchants or endpoints makes a million series."""
    assert set(one.labels) <= FEW


@pytest.mark.parametrize("constant", CONSTANTS)
def test_a_metric_is_measured_where_it_says(constant: str) -> None:
    """A name in the reference that no process exposes is a promise nobody kept."""
    package = ROOT / PACKAGES[CONSTANTS[constant].process]
    if not package.exists():
        pytest.skip(f"there is no {package.name} in this program")
    text = "\n".join(path.read_text() for path in package.rglob("*.py"))
    assert re.search(rf"\b{constant}\b", text)


def test_metrics_are_made_by_the_registry_alone() -> None:
    """Whoever makes one elsewhere exposes a name that nothing documents."""
    made = re.compile(r"\b(Counter|Gauge|Histogram|Summary|Info|Enum)\(")
    found = [
        str(path.relative_to(ROOT))
        for package in ("api", "connectors", "ops", "streams", "schemas")
        for path in (ROOT / package).rglob("*.py")
        if "prometheus_client" in path.read_text() and made.search(path.read_text())
    ]
    assert ["schemas/metrics.py"] == found


def exposed(registry: CollectorRegistry) -> set[str]:
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in registry.collect()
        if not family.name.startswith("process_")
    }


def test_processes_expose_exactly_their_own() -> None:
    """What is scraped from a process is what its rows in the reference say."""
    gateway, sink = new_registry(), new_registry()
    GatewayMeasures(gateway)
    SinkMeasures(sink, lambda: 0)
    for process, registry in (("gateway", gateway), ("sink", sink)):
        assert {one.name for one in metrics.ALL if one.process == process} == exposed(registry)
    told = set(re.findall(r"^# TYPE (\w+)", Metrics().text().decode(), re.MULTILINE))
    own = {one for one in told if not one.startswith("process_") and not one.endswith("_created")}
    assert {one.name for one in metrics.ALL if one.process == "api"} == own


def test_what_nobody_measures_is_not_faked() -> None:
    """A chargeback rate of zero would be believed."""
    text = "\n".join(
        path.read_text() for path in ROOT.rglob("*.py") if path.is_relative_to(ROOT / "connectors")
    )
    assert not [name for name in metrics.RESERVED if name in text]
