"""How are status, verification, topics and rules laid out on a terminal?"""

from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.topics import ALL, FOREVER

_UNBOUNDED = 2_000
_MINUTE_MS = 60 * 1000
_DAY_MS = 24 * 60 * _MINUTE_MS


def rendered(*parts: Any) -> str:
    """Rich parts as text; coloured and folded to its width where standard output is a terminal."""
    console = Console()
    width = max(100, console.width) if console.is_terminal else _UNBOUNDED
    target = Console(file=StringIO(), force_terminal=console.is_terminal, width=width)
    for part in parts:
        for column in part.columns if isinstance(part, Table) else ():
            # Names and ids are there to be copied, so they are never cut short.
            column.overflow = "fold"
        target.print(part)
    assert isinstance(target.file, StringIO)
    return target.file.getvalue().rstrip()


def status_table(found: Any) -> str:
    """Addresses, processes and lag."""
    addresses = Table("address", "", box=None)
    for name in ("api_url", "kafka", "postgres_dsn", "psp_simulator_url"):
        addresses.add_row(name, getattr(found, name))
    for role, url in found.metrics_urls.items():
        addresses.add_row(f"metrics of {role}", url)
    processes = Table("process", "pid", "ready", "restarts", box=None)
    for one in found.processes:
        processes.add_row(one.role, str(one.pid or "-"), _mark(one.ready), str(one.restarts))
    stages = Table("stage", "lag, messages", "lag, seconds", box=None)
    for lag in found.stages:
        stages.add_row(lag.name, str(lag.lag_messages), str(lag.lag_seconds))
    return rendered(addresses, processes, stages)


def verify_table(report: Any) -> str:
    """Every invariant with PASS or FAIL, what was checked, and the evidence."""
    table = Table("", "invariant", "checked", "evidence", box=None)
    for one in report.invariants:
        told = "\n".join(one.evidence[:10])
        table.add_row(_mark(one.passed, "PASS", "FAIL"), f"{one.id} {one.name}", f"{one.checked:,}", told)
    return rendered(table, _mark(report.passed, "every invariant holds", "an invariant is broken"))


def checks_table(played: Any) -> str:
    """Every check of a scenario with PASS or FAIL and its evidence."""
    table = Table("", "check", "evidence", box=None)
    for one in played.checks:
        table.add_row(_mark(one.passed, "PASS", "FAIL"), one.name, one.evidence)
    ended = _mark(played.passed, "every check holds", "a check failed")
    return rendered(table, Text(f"{played.transactions:,} transactions"), ended)


def topics_table() -> str:
    """Every topic of the registry."""
    table = Table("topic", "key", "writer", "readers", "encoding", "retention", box=None)
    for topic in ALL:
        kept = _duration(topic.retention_ms)
        table.add_row(
            topic.name, topic.key_domain, topic.writer, ", ".join(topic.readers), topic.encoding, kept
        )
    return rendered(table)


def rules_in_force_table(found: Any) -> str:
    """The rules that decide now, in their order, and who deployed them."""
    origin = "the program's own" if found.is_default else f"deployed by {found.deployed_by}: {found.reason}"
    told = [Text(f"ruleset {found.ruleset_id}, {origin}")]
    if found.differing_partitions:
        named = ", ".join(map(str, found.differing_partitions))
        told.append(Text(f"a deployment broke off: partitions {named} differ; deploy again", "bold red"))
    return rendered(*told, _rules_table(found.rules))


def rules_plan_table(plan: Any) -> str:
    """What a deployment of rules changes, or changed."""
    verb = "would replace" if plan.is_dry_run else "replaces"
    lines = [f"ruleset {plan.ruleset_id} {verb} {plan.replaces}"]
    lines += [
        f"{name}: {', '.join(getattr(plan, name))}"
        for name in ("added", "removed", "changed")
        if getattr(plan, name)
    ]
    if plan.is_dry_run:
        lines.append("nothing was done; --execute does it")
    return rendered(*map(Text, lines), _rules_table(plan.rules))


def _rules_table(rules: Any) -> Table:
    table = Table("", "rule", "when", "verdict", "reason code", box=None)
    for place, rule in enumerate(rules, 1):
        when = " and ".join(f"{one.field} {one.operator} {one.value}" for one in rule.when)
        table.add_row(str(place), rule.name, when, rule.verdict, rule.reason_code)
    return table


def _duration(kept_ms: int) -> str:
    if kept_ms == FOREVER:
        return "for ever"
    return f"{kept_ms / _DAY_MS:g} d" if kept_ms >= _DAY_MS else f"{kept_ms / _MINUTE_MS:g} min"


def _mark(is_good: bool, good: str = "yes", bad: str = "NO") -> Text:
    return Text(good, style="green") if is_good else Text(bad, style="bold red")
