"""Which benchmarks are there, and what does their report say?"""

import os
import platform as machine
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import confluent_kafka

import schemas
from ops.bench import engine, platform_load, sink
from ops.bench.platform_load import Load
from ops.bench.result import Result
from ops.errors import NotFound
from ops.stack import kafka
from schemas.settings import Settings

PAGE: Final = Path(schemas.__file__).parent.parent / "docs" / "reference" / "performance.md"

_ON_A_PLATFORM: Final[dict[str, Callable[[Load], Result]]] = {
    "idle": platform_load.idle,
    "ten_per_second": platform_load.ten_per_second,
    "api_accept": platform_load.api_accept,
    "end_to_end": platform_load.end_to_end,
}
NAMES: Final = (engine.NAME, "sink", *_ON_A_PLATFORM)


def run(settings: Settings, names: Sequence[str]) -> list[Result]:
    """Run benchmarks by name; all of them, and write the page of the reference, when none is named.

    Raises NotFound for a name that does not exist, BenchFailed where a result is wrong.
    """
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise NotFound(f"no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    wanted = names or NAMES
    results = engine.run() if engine.NAME in wanted else []
    if "sink" in wanted:
        results.append(sink.run(settings))
    on_a_platform = [name for name in _ON_A_PLATFORM if name in wanted]
    if on_a_platform:
        with platform_load.loaded_platform(settings) as load:
            results.extend(_ON_A_PLATFORM[name](load) for name in on_a_platform)
    if not names:
        PAGE.write_text(page(results))
    return results


def rendered(results: Sequence[Result]) -> str:
    """The results as a Markdown table with a row for every process."""
    heads = "| benchmark | variant | units | CPU us per unit | units/s | p50 ms | p99 ms |\n|---|---|---|---|---|---|---|"
    rows = [
        f"| {one.name} | {one.variant} | {one.units:,} {one.unit}s | {one.cpu_us_per_unit:,.1f} "
        f"| {one.units_per_second:,.1f} | {_or_dash(one.p50_ms)} | {_or_dash(one.p99_ms)} |"
        for one in results
    ]
    return "\n".join((heads, *rows))


def page(results: Sequence[Result]) -> str:
    """The page of the reference: ratios first, then figures, then every process."""
    parts = (
        "# Performance",
        "<!-- written by `make bench`; edits are lost -->",
        "CPU time is what each process used by the system's own accounting, children included; "
        "wall figures depend on what else ran. Ratios were taken within one run.",
        _machine(),
        *_ratios(results),
        rendered(results),
        "## By process",
        _by_process(results),
        "Repeat it with `make bench`, or one part with `millrace bench NAME`.",
    )
    return "\n\n".join(parts) + "\n"


def _ratios(results: Sequence[Result]) -> list[str]:
    cost = {one.variant: one.cpu_us_per_unit for one in results if one.name == engine.NAME}
    if not {"millrace", "idiomatic_faust", "bare_loop"} <= cost.keys():
        return []
    ours = cost["millrace"]
    return [
        f"An event through the generic step costs **{ours:.1f} us** of worker CPU, exactly once: "
        f"**{cost['idiomatic_faust'] / ours:.0f} times less** than an idiomatic Faust agent, "
        f"and **{ours / cost['bare_loop']:.2f} times** what a transactional loop written by hand costs."
    ]


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, Python {machine.python_version()}, Kafka {kafka.VERSION}, "
        f"librdkafka {confluent_kafka.libversion()[0]}, {datetime.now(UTC):%Y-%m-%d}."  # noqa: TID251  # when it was measured
    )


def _by_process(results: Sequence[Result]) -> str:
    rows = [
        f"| {one.name} {one.variant} | {role} | {cost.cpu_us_per_unit:,.1f} | {cost.rss_mb:,.0f} |"
        for one in results
        for role, cost in one.processes.items()
    ]
    return "\n".join(("| benchmark | process | CPU us per unit | resident MiB |", "|---|---|---|---|", *rows))


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
