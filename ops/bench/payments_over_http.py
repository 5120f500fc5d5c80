"""What do requests and payments cost on the whole platform: at full speed, at ten a second, and at rest?"""

import time
from collections.abc import Callable, Mapping

from ops.bench import load
from ops.bench.live import Live
from ops.bench.load import Load, Shop, Work
from ops.bench.meter import Span, between, quantile, total_us
from ops.bench.result import ProcessCost, Result

CONCURRENCY = 64
_WARM_UP_S = 4.0
_ACCEPT_S = 10.0
_PAY_S = 15.0
_IDLE_S = 10.0
_SETTLED_S = 3.0
_SLOW_RATE = 10.0
_SLOW_COUNT = 200
_ACCEPTED, _PAID = "requires_confirmation", "captured"


def warm_up(live: Live) -> None:
    """Let every process do its work for a while before anything is measured."""
    _measured(live, _PAID, lambda: _busy(live, Shop.pay, _WARM_UP_S, CONCURRENCY // 4))


def api_accept(live: Live) -> Result:
    """Requests that create an intent, 64 at once; the CPU named is that of the API process."""
    done, span = _measured(live, _ACCEPTED, lambda: _busy(live, Shop.create, _ACCEPT_S))
    costs = live.meter.costs(span, len(done.latencies_ms))
    return _result(
        "api_accept", "create, 64 at once", "request", done, costs, cpu_us=costs["api"].cpu_us_per_unit
    )


def end_to_end(live: Live) -> Result:
    """Sales (create and confirm), 64 at once, until Postgres shows them; the CPU is that of everything."""
    done, span = _measured(live, _PAID, lambda: _busy(live, Shop.pay, _PAY_S))
    return _everything("end_to_end", "sale, 64 at once", done, live.meter.costs(span, len(done.latencies_ms)))


def ten_per_second(live: Live) -> Result:
    """Sales at ten a second for twenty seconds."""
    done, span = _measured(
        live,
        _PAID,
        lambda: load.evenly(
            live.api_url, live.secret_key, Shop.pay, per_second=_SLOW_RATE, count=_SLOW_COUNT
        ),
    )
    return _everything(
        "ten_per_second", "sale, 10 a second", done, live.meter.costs(span, len(done.latencies_ms))
    )


def idle(live: Live) -> Result:
    """Ten seconds of nothing; a unit is a second, so 10,000 us are one per cent of a core."""
    time.sleep(_SETTLED_S)
    first = live.meter.read()
    time.sleep(_IDLE_S)
    span = between(first, live.meter.read())
    costs = live.meter.costs(span, span.wall_s)
    return Result(
        name="idle",
        variant="all processes",
        unit="second",
        units=round(span.wall_s),
        cpu_us_per_unit=total_us(costs.values()),
        units_per_second=1.0,
        processes=costs,
    )


def _busy(live: Live, work: Work, seconds: float, concurrency: int = CONCURRENCY) -> Load:
    return load.at_once(live.api_url, live.secret_key, work, concurrency=concurrency, seconds=seconds)


def _measured(live: Live, status: str, run: Callable[[], Load]) -> tuple[Load, Span]:
    """The load, and what was used until Postgres showed all of it."""
    already = live.count(status)
    first = live.meter.read()
    done = run()
    live.settle(status, already + len(done.latencies_ms))
    return done, between(first, live.meter.read())


def _everything(name: str, variant: str, done: Load, costs: Mapping[str, ProcessCost]) -> Result:
    return _result(name, variant, "payment", done, costs, cpu_us=total_us(costs.values()))


def _result(
    name: str, variant: str, unit: str, done: Load, costs: Mapping[str, ProcessCost], *, cpu_us: float
) -> Result:
    units = len(done.latencies_ms)
    return Result(
        name=name,
        variant=variant,
        unit=unit,
        units=units,
        cpu_us_per_unit=cpu_us,
        units_per_second=round(units / done.wall_s, 1),
        p50_ms=round(quantile(done.latencies_ms, 0.5), 1),
        p99_ms=round(quantile(done.latencies_ms, 0.99), 1),
        processes=costs,
    )
