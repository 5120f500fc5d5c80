"""What does docs/reference/performance.md say: ratios first, then what they come from and how to repeat it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ops.bench.result import Result

_HEAD = """\
# Performance

Written by `millrace bench` (`make bench`), never by hand.
CPU time is the figure to trust: microseconds of user and system time per unit of work, from the processes themselves, children included.
Rates and latencies depend on what else the machine did meanwhile.
"""
_TAIL = """\
## What was measured

- `engine`: the reference workload of four events for each of many payments (`ops/bench/reference.py`): load the state,
  skip an event that is among the last eight, else store version, status and sum with a changelog, and write one output.
  One prefilled topic of 4 partitions; worker and broker on a core each where there are two; the start of the worker is left out.
  Every output and every state is checked afterwards; a wrong one fails the run.
  `millrace` is the generic step in the engine, exactly once; `bare_loop` a transactional confluent-kafka loop by hand;
  `idiomatic_faust` an agent of plain Faust (one event at a time, `table[key] = value`, `await topic.send`), at least once,
  on a tenth of the events.
- `ledger`: captures of four legs with nothing held. `in memory`: 5,000 through the generic step in chunks of 500. `real stage`: a ledger
  worker between Kafka topics, with RocksDB and the engine's transactions, worker and broker on a core each; the broker syncs every
  batch to disk before it answers. Commands wait when it starts; accounts are those with a limit, one to a book, drawn at random.
  `in flight`: a new command for every record that came back, from the command to the committed record. `SQL ledger`: the same four
  legs in Postgres with a unique transaction id, balances updated in place, synced; its CPU is client and server together.
  Every journal is read again at the end: each capture once, debits equal to credits.
- `risk`, `reconciliation`: 5,000 units through the generic step in chunks of 500, in memory, without Kafka or RocksDB:
  the four look-ups, the features and the verdict of one payment; a settlement line that matches.
- `webhooks`: sales by 8 callers for 12 s, for a merchant without an endpoint, with one that works, and with one that works
  beside one that refuses every connection and one that never answers. The latency of a delivery is from the event to its `delivered_at`.
- `sink`: a prefilled topic of payment events into a new database; the start of the process is left out.
- `api_accept`, `end_to_end`: a whole platform, 64 callers at once, until Postgres shows everything.
  `ten_per_second`: the same sale at a fixed rate. `idle`: nothing, and a unit is a second: 10,000 us are 1 % of a core.

## Repeat it

`millrace bench` runs everything in directories of its own and writes this page; `millrace bench engine` runs one and only shows it.
"""


def page(results: Sequence[Result], facts: Mapping[str, str]) -> str:
    """The whole page."""
    parts = (
        _HEAD,
        "## Ratios\n",
        _lines(f"- {line}" for line in ratios(results)),
        "## Figures\n",
        _table(
            ("benchmark", "variant", "unit", "units", "CPU us/unit", "units/s", "p50 ms", "p99 ms"),
            _figures(results),
        ),
        "## By process\n",
        _table(("benchmark", "variant", "process", "CPU us/unit", "memory MiB"), _processes(results)),
        "## Machine\n",
        _table(("", ""), facts.items()),
        _TAIL,
    )
    return "\n".join(parts)


def ratios(results: Sequence[Result]) -> list[str]:
    """What the figures of one run say beside each other."""
    engine = {one.variant: one.cpu_us_per_unit for one in results if one.name == "engine"}
    found = []
    if "millrace" in engine:
        found.append(f"an event costs {engine['millrace']:.1f} us of worker CPU, exactly once")
        if "idiomatic_faust" in engine:
            found.append(
                f"plain Faust costs {engine['idiomatic_faust'] / engine['millrace']:.1f} times as much"
            )
        if "bare_loop" in engine:
            found.append(
                f"that is {engine['millrace'] / engine['bare_loop']:.2f} times a loop written by hand"
            )
    named = {one.name: one for one in results}
    found += _ledger(results)
    if (accept := named.get("api_accept")) is not None:
        found.append(
            f"the API accepts {1_000_000 / accept.cpu_us_per_unit:,.0f} requests per second of its CPU"
        )
    for name, told in _PER_CPU_SECOND.items():
        if (one := named.get(name)) is not None:
            found.append(f"{told.format(1_000_000 / one.cpu_us_per_unit)} per second of CPU")
    if (sink := named.get("sink")) is not None:
        found.append(f"the sink writes {1_000_000 / sink.cpu_us_per_unit:,.0f} rows per second of its CPU")
    if (paid := named.get("end_to_end")) is not None:
        found.append(f"a sale costs {paid.cpu_us_per_unit / 1000:.1f} ms of CPU in all processes together")
    if (idle := named.get("idle")) is not None:
        memory = sum(cost.rss_mb for cost in idle.processes.values())
        found.append(
            f"at rest everything takes {idle.cpu_us_per_unit / 10_000:.1f} % of a core and {memory:,.0f} MiB"
        )
    return found + _webhooks(results)


_PER_CPU_SECOND: Final = {
    "risk": "risk assesses {:,.0f} payments",
    "reconciliation": "reconciliation matches {:,.0f} lines",
}


def _ledger(results: Sequence[Result]) -> list[str]:
    """What a capture costs here and in a ledger of plain SQL."""
    costs = {one.variant: one.cpu_us_per_unit for one in results if one.name == "ledger"}
    real = {variant: cost for variant, cost in costs.items() if "accounts" in variant}
    if not real:
        return []
    (few, first), (many, last) = next(iter(real.items())), list(real.items())[-1]
    found = [
        f"the ledger worker posts {1_000_000 / first:,.0f} durable captures of four legs per second of its CPU ({few})",
        f"{many} cost {last / first:.2f} times as much",
    ]
    for variant, cost in costs.items():
        if variant.startswith("SQL"):
            found.append(f"a capture in an {variant} costs {cost / first:.1f} times as much")
    return found


def _webhooks(results: Sequence[Result]) -> list[str]:
    """What merchants' receivers cost, and cost each other."""
    webhooks = {one.variant: one for one in results if one.name == "webhooks"}
    alone, beside = (
        webhooks.get("sale, no endpoint"),
        webhooks.get("sale, a dead and a hanging endpoint besides"),
    )
    found = []
    if alone is not None and beside is not None and alone.p50_ms and beside.p50_ms:
        found.append(
            f"with a dead and a hanging receiver a sale's median latency is {beside.p50_ms / alone.p50_ms:.2f} "
            "times that without any"
        )
    if (told := webhooks.get("delivery, to a working endpoint")) is not None:
        found.append(
            f"the egress delivers {1_000_000 / told.cpu_us_per_unit:,.0f} webhooks per second of its CPU"
        )
    return found


def _figures(results: Iterable[Result]) -> Iterable[Sequence[str]]:
    for one in results:
        yield (
            one.name,
            one.variant,
            one.unit,
            f"{one.units:,}",
            f"{one.cpu_us_per_unit:,.1f}",
            f"{one.units_per_second:,.0f}",
            _milliseconds(one.p50_ms),
            _milliseconds(one.p99_ms),
        )


def _processes(results: Iterable[Result]) -> Iterable[Sequence[str]]:
    for one in results:
        for role, cost in one.processes.items():
            yield one.name, one.variant, role, f"{cost.cpu_us_per_unit:,.1f}", f"{cost.rss_mb:,.0f}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---"] * len(head)
    return _lines(f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows))


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
