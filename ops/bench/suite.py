"""Which benchmarks are there, and what do those asked for find?"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.table import Table

import schemas
from ops.bench import engine, ledger, live, machine, payments_over_http, sink, steps, webhooks
from ops.bench.live import Live
from ops.bench.page import page, ratios
from ops.bench.result import Result
from ops.errors import NotFound
from ops.tables import rendered as as_text
from schemas.settings import Settings

PAGE: Final = Path(schemas.__file__).parent.parent / "docs" / "reference" / "performance.md"

_ALONE: Final[Mapping[str, Callable[[Settings], list[Result]]]] = {
    "engine": lambda _: engine.run(),
    "ledger": ledger.run,
    "risk": lambda _: [steps.risk()],
    "reconciliation": lambda _: [steps.reconciliation()],
    "sink": lambda settings: [sink.run(settings)],
}
_ON_A_PLATFORM: Final[Mapping[str, Callable[[Live], list[Result]]]] = {
    "api_accept": lambda live: [payments_over_http.api_accept(live)],
    "end_to_end": lambda live: [payments_over_http.end_to_end(live)],
    "idle": lambda live: [payments_over_http.idle(live)],
    "ten_per_second": lambda live: [payments_over_http.ten_per_second(live)],
    "webhooks": webhooks.run,
}
NAMES: Final = (*_ALONE, *_ON_A_PLATFORM)


def run(settings: Settings, names: tuple[str, ...]) -> list[Result]:
    """Run the benchmarks of these names, or all and write docs/reference/performance.md.

    Everything runs in directories of its own; what runs elsewhere is not touched, but shares the
    machine. Raises NotFound for a name there is not, StackError, BenchFailed when a result is wrong.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise NotFound(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    facts = machine.facts(time.time())
    wanted = names or NAMES
    results = [one for name, bench in _ALONE.items() if name in wanted for one in bench(settings)]
    results += _on_a_platform(settings, [name for name in _ON_A_PLATFORM if name in wanted])
    if not names:
        PAGE.write_text(page(results, facts))
    return results


def rendered(results: Sequence[Result]) -> str:
    """The results as text for a terminal, ratios first."""
    figures = Table("benchmark", "variant", "unit", "CPU us/unit", "units/s", "p50 ms", "p99 ms", box=None)
    processes = Table("benchmark", "variant", "process", "CPU us/unit", "memory MiB", box=None)
    for one in results:
        figures.add_row(
            *(one.name, one.variant, one.unit, f"{one.cpu_us_per_unit:,.1f}", f"{one.units_per_second:,.0f}"),
            *("-" if value is None else f"{value:,.1f}" for value in (one.p50_ms, one.p99_ms)),
        )
        for role, cost in one.processes.items():
            processes.add_row(
                one.name, one.variant, role, f"{cost.cpu_us_per_unit:,.1f}", f"{cost.rss_mb:,.0f}"
            )
    return as_text(*ratios(results), figures, processes)


def _on_a_platform(settings: Settings, names: Sequence[str]) -> list[Result]:
    """All on one platform, so that it is started and warmed up once."""
    if not names:
        return []
    with live.platform(settings) as running:
        payments_over_http.warm_up(running)
        return [result for name in names for result in _ON_A_PLATFORM[name](running)]
