"""How much CPU time and memory have processes used: read from the system, children included."""

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]  # it ships no types

from ops.bench.errors import BenchFailed
from ops.bench.result import ProcessCost

_MIB = 1024 * 1024
_MICROSECONDS = 1_000_000


class Reading(NamedTuple):
    """One moment: seconds on the monotonic clock, and CPU seconds used so far by role."""

    at_s: float
    cpu_s: Mapping[str, float]


class Span(NamedTuple):
    """Between two readings: wall seconds, and CPU seconds by role."""

    wall_s: float
    cpu_s: Mapping[str, float]


class Meter:
    """Watches processes. pids: process id by role; a role's children count as part of it."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {role: psutil.Process(pid) for role, pid in pids.items()}

    def read(self) -> Reading:
        """CPU time used up to now. Raises BenchFailed when a process has ended."""
        return Reading(time.monotonic(), {role: self._cpu_s(role) for role in self._processes})

    def costs(self, span: Span, units: float) -> dict[str, ProcessCost]:
        """What each role spent per unit, and its memory now."""
        return {
            role: ProcessCost(
                cpu_us_per_unit=round(used_s * _MICROSECONDS / units, 2), rss_mb=round(self._rss_mb(role), 1)
            )
            for role, used_s in span.cpu_s.items()
        }

    def _cpu_s(self, role: str) -> float:
        """A child that ended meanwhile is in its parent's count of children."""
        try:
            process = self._processes[role]
            if process.status() == psutil.STATUS_ZOMBIE:
                raise BenchFailed(f"{role} has ended; its log says why")
            own = process.cpu_times()
            ended = own.user + own.system + own.children_user + own.children_system
            return float(ended) + sum(_cpu_of(child) for child in process.children(recursive=True))
        except psutil.NoSuchProcess as error:
            raise BenchFailed(f"{role} has ended; its log says why") from error

    def _rss_mb(self, role: str) -> float:
        """Memory that processes share is counted once where the system tells it apart."""
        process = self._processes[role]
        children = process.children(recursive=True)
        if not children:
            return float(process.memory_info().rss) / _MIB
        return sum(_proportional_bytes(one) for one in (process, *children)) / _MIB


def between(first: Reading, last: Reading) -> Span:
    """What was used from one reading to the other."""
    used = {role: last.cpu_s[role] - first.cpu_s[role] for role in first.cpu_s}
    return Span(max(last.at_s - first.at_s, 1e-9), used)


def total_us(costs: Iterable[ProcessCost]) -> float:
    """Microseconds of CPU per unit of several roles together."""
    return round(sum(cost.cpu_us_per_unit for cost in costs), 2)


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie. Asserts that there are values."""
    assert values, "nothing was measured"
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cpu_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _proportional_bytes(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return int(getattr(full, "pss", full.rss))
