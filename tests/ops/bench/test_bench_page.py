"""The report: ratios of one run first, every figure with its process, and nothing invented."""

import re

import pytest

from ops.bench import suite
from ops.bench.meter import Reading, between, quantile, total_us
from ops.bench.page import page, ratios
from ops.bench.result import ProcessCost, Result
from ops.errors import NotFound
from schemas.settings import Settings


def result(name: str, variant: str, cpu_us: float) -> Result:
    return Result(
        name=name,
        variant=variant,
        unit="event",
        units=1_000,
        cpu_us_per_unit=cpu_us,
        units_per_second=2_500,
        processes={"worker": ProcessCost(cpu_us_per_unit=cpu_us, rss_mb=100.0)},
    )


ENGINE = [result("engine", "millrace", 20.0), result("engine", "bare_loop", 10.0)]


def test_ratios_compare_figures_of_one_run() -> None:
    """Ratios survive another machine; absolute figures do not."""
    told = "\n".join(ratios([*ENGINE, result("engine", "idiomatic_faust", 500.0)]))
    assert "20.0 us" in told
    assert "25.0 times" in told
    assert "2.00 times" in told


def test_ratios_of_what_was_not_run_are_left_out() -> None:
    """A single benchmark can be run alone."""
    assert [] == ratios([result("ten_per_second", "sale", 1.0)])
    assert 1 == len(ratios(ENGINE[:1]))


def test_the_page_has_every_figure_and_fact() -> None:
    """Who reads a figure has to see what it was measured on."""
    told = page(ENGINE, {"cores": "2", "Kafka": "4.2"})
    assert told.index("## Ratios") < told.index("## Figures") < told.index("## Machine")
    assert "| engine | bare_loop | event | 1,000 | 10.0 | 2,500 | - | - |" in told
    assert "| engine | millrace | worker | 20.0 | 100 |" in told
    assert "| Kafka | 4.2 |" in told


def test_the_page_names_every_benchmark() -> None:
    """A new benchmark has to be explained where its figures are."""
    assert all(re.search(f"`{name}`", page([], {})) for name in suite.NAMES)


def test_the_terminal_shows_ratios_first() -> None:
    """The answer comes before the table it comes from."""
    told = suite.rendered(ENGINE)
    assert told.index("us of worker CPU") < told.index("bare_loop")


def test_an_unknown_benchmark_is_named() -> None:
    """A typing error must not run everything."""
    with pytest.raises(NotFound, match="engin; there are engine, ledger"):
        suite.run(Settings(), ("engin",))


def test_a_span_is_what_was_used_between_two_readings() -> None:
    """CPU time before the measurement belongs to nobody's unit."""
    span = between(Reading(10.0, {"worker": 1.0}), Reading(12.0, {"worker": 1.5}))
    assert (2.0, {"worker": 0.5}) == (span.wall_s, dict(span.cpu_s))


def test_costs_add_up_and_quantiles_come_from_the_sample() -> None:
    """A percentile is something that was seen."""
    assert 3.0 == total_us(ProcessCost(cpu_us_per_unit=cost, rss_mb=1.0) for cost in (1.0, 2.0))
    assert [2.0, 4.0] == [quantile([4.0, 1.0, 2.0, 3.0], share) for share in (0.25, 0.99)]
