"""Alert rules and the guide name metrics and labels that exist, and every number an operator must watch."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import schemas
from schemas import metrics
from schemas.metrics import Metric

ROOT = Path(schemas.__file__).parent.parent
GUIDE = ROOT / "docs" / "runbooks" / "watching.md"
RULES: list[dict[str, Any]] = [
    rule
    for path in sorted((ROOT / "ops" / "alerts").glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
BY_SERIES = {
    one.name + suffix: one
    for one in metrics.ALL
    for suffix in (("_bucket", "_count", "_sum") if one.kind == "histogram" else ("",))
}
# Words of the language, and of Prometheus itself.
GIVEN = {"sum", "by", "rate", "increase", "max", "histogram_quantile", "and", "le", "job", "up", "instance"}


def expressions_of_the_guide() -> list[str]:
    return re.findall(r"```promql\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def misnamed(expression: str) -> list[str]:
    """Names in an expression that are no series, and labels that its series have not."""
    bare = re.sub(r'"[^"]*"|\[\w+\]', "", expression)
    series = [BY_SERIES[name] for name in re.findall(r"[a-z_]+", bare) if name in BY_SERIES]
    labels = {label for one in series for label in one.labels}
    return [name for name in re.findall(r"[a-z_]+", bare) if name not in BY_SERIES.keys() | GIVEN | labels]


def values_of(one: Metric, label: str, expression: str) -> set[str]:
    pattern = re.escape(one.name) + r"\w*\{[^}]*?\b" + label + r'(?:=~|!=|=)"([^"]*)"'
    return {value for found in re.findall(pattern, expression) for value in found.split("|")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_watch_what_exists(rule: dict[str, Any]) -> None:
    """An alert on a name that was changed never fires."""
    assert [] == misnamed(rule["expr"])
    assert {"alert", "expr", "labels", "annotations"} <= rule.keys()
    assert rule["labels"]["severity"] in ("page", "ticket")
    named = re.findall(r"docs/[\w./-]+", rule["annotations"]["summary"])
    assert [] == [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("expression", expressions_of_the_guide())
def test_the_guide_asks_what_exists(expression: str) -> None:
    """A query an operator copies at night has to work."""
    assert [] == misnamed(expression)


def test_the_values_of_labels_exist() -> None:
    """`meaning` lists the values of a label, so a query that names another one finds nothing."""
    told = "\n".join([*(rule["expr"] for rule in RULES), *expressions_of_the_guide()])
    for one in (metrics.AUTH, metrics.IDEMPOTENCY, metrics.WEBHOOK_ATTEMPTS, metrics.RECON_RESULTS):
        for label in one.labels:
            assert [] == [value for value in values_of(one, label, told) if value not in one.meaning]


def test_the_guide_answers_every_question() -> None:
    """What has to be watched is known before anything is wrong."""
    text = GUIDE.read_text()
    for question in (
        "Auth success rate",
        "Capture latency",
        "refund latency",
        "PSP error rate",
        "Idempotency hits",
        "Ledger posting lag",
        "Webhook failure rate",
        "Reconciliation mismatch rate",
        "Chargeback rate",
    ):
        assert f"**{question}" in text or f"and {question}" in text, question


def test_a_wrong_name_is_found() -> None:
    """The checks above are worth something."""
    assert ["auth_totals"] == misnamed("rate(auth_totals[5m])")
    assert ["merchant"] == misnamed('rate(auth_total{merchant="mer_1"}[5m])')


def test_links_of_the_guide_lead_somewhere() -> None:
    """A dead link is a promise nobody kept."""
    links = re.findall(r"\]\(([^)#:]+)\)", GUIDE.read_text())
    assert links
    assert [] == [link for link in links if not (GUIDE.parent / link).exists()]
