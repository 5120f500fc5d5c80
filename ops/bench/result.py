"""What does a benchmark find: one row of the report."""

from collections.abc import Mapping

import msgspec


class ProcessCost(msgspec.Struct, frozen=True, kw_only=True):
    """One role. cpu_us_per_unit: microseconds of CPU, children included. rss_mb: resident MiB at the end."""

    cpu_us_per_unit: float
    rss_mb: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of one benchmark.

    units: how many `unit`s were done. cpu_us_per_unit: of the process or processes the benchmark is
    about. units_per_second: on this machine, with everything else that ran on it. p50_ms, p99_ms:
    latency of one unit, None where units are not timed one by one.
    """

    name: str
    variant: str
    unit: str
    units: int
    cpu_us_per_unit: float
    units_per_second: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    processes: Mapping[str, ProcessCost]
