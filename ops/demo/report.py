"""What came of a demo: what the client saw, beside what Postgres holds and what the provider did."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from ops.demo.aftermath import Aftermath
from ops.demo.counts import Count, counts
from ops.demo.effects import Moved
from ops.demo.queries import Queries
from ops.demo.tables import Amounts, Stored
from ops.demo.tally import Tally

MEASURES: Final = ("authorized", "captured", "refunded")


class RouteFigures(Struct, frozen=True, kw_only=True):
    """How long one route took, from the client's side, in milliseconds."""

    route: str
    requests: int
    p50_ms: float
    p99_ms: float
    most_ms: float


class Comparison(Struct, frozen=True, kw_only=True):
    """One total by our tables and by the provider's book, in minor units of `currency`."""

    measure: str
    currency: str
    ours_minor: int
    provider_minor: int
    agrees: bool


class NextStep(Struct, frozen=True, kw_only=True):
    """Where to look next, as a command."""

    question: str
    command: str


class DemoReport(Struct, frozen=True, kw_only=True):
    """One demo. Every number under `seen` is the client's; under `stored` it is from the SQL in `queries`.

    Answers by status differ where no merchant was known to the API (503 while it starts) or an answer
    was lost on its way to the client.

    payments: begun. requests: answers received. duration_s: from the first payment until all were at
    rest, waits for silent providers included; the rates are over the time in which payments arrived.
    replays: answers marked as told again (Idempotent-Replayed). copies_sent: equal requests sent at once
    beyond the first; copies_absorbed: of these, all whose result was the first one's. retries: repeats by what came before: an HTTP status, a lost
    connection, or the proof that the provider had not carried it out.
    is_settled: every payment came to rest and the tables show it. amounts_agree: every comparison holds.
    unsettled: payments the client gave up on; open_operations: what the tables hold as not ended; both,
    and surprises, are named up to a bound and counted in full. skipped_lines: lines of a
    requests file that are no payment requests, by type. is_key_memory_off: the provider forgot keys.
    """

    run_id: str
    seed: int
    payments: int
    merchant_ids: tuple[str, ...]
    duration_s: float
    requests: int
    requests_per_s: float
    payments_per_s: float
    is_settled: bool
    amounts_agree: bool
    payments_by_status: tuple[Count, ...]
    answers_by_status: tuple[Count, ...]
    declines: tuple[Count, ...]
    routes: tuple[RouteFigures, ...]
    replays: int
    copies_sent: int
    copies_absorbed: int
    misuses_sent: int
    misuses_refused: int
    retries: dict[str, int]
    amounts: tuple[Comparison, ...]
    unsettled_count: int
    unsettled: tuple[str, ...]
    open_operations_count: int
    open_operations: tuple[str, ...]
    surprise_count: int
    surprises: tuple[str, ...]
    skipped_lines: dict[str, int]
    is_key_memory_off: bool
    aftermath: Aftermath
    queries: Queries
    next_steps: tuple[NextStep, ...]


class Circumstances(Struct, frozen=True, kw_only=True):
    """What a report says beside its counts; see DemoReport.

    arriving_s, arriving_requests: seconds until the last payment had begun, and answers until then.
    """

    run_id: str
    seed: int
    merchant_ids: tuple[str, ...]
    duration_s: float
    arriving_s: float
    arriving_requests: int
    skipped_lines: dict[str, int]
    is_key_memory_off: bool
    aftermath: Aftermath
    queries: Queries
    next_steps: tuple[NextStep, ...]


def report_of(
    circumstances: Circumstances, tally: Tally, stored: Stored, provider: Mapping[Moved, int]
) -> DemoReport:
    """The report of a demo that is over."""
    amounts = comparisons(stored.amounts, provider)
    seconds = max(circumstances.arriving_s, 0.001)
    return DemoReport(
        run_id=circumstances.run_id,
        seed=circumstances.seed,
        payments=tally.started,
        merchant_ids=circumstances.merchant_ids,
        duration_s=round(circumstances.duration_s, 3),
        requests=tally.requests,
        requests_per_s=round(circumstances.arriving_requests / seconds, 1),
        payments_per_s=round(tally.started / seconds, 1),
        is_settled=not (tally.unsettled_count or stored.open_count or stored.behind),
        amounts_agree=all(comparison.agrees for comparison in amounts),
        payments_by_status=counts(_statuses_seen(tally), stored.statuses),
        answers_by_status=counts(_texts(tally.answers), _texts(stored.answers)),
        declines=counts(tally.declines, stored.declines),
        routes=tuple(figures(route, tally.latencies_us[route]) for route in sorted(tally.latencies_us)),
        replays=tally.replayed,
        copies_sent=tally.copies_sent,
        copies_absorbed=tally.copies_absorbed,
        misuses_sent=tally.misuses_sent,
        misuses_refused=tally.misuses_refused,
        retries=dict(tally.retries.most_common()),
        amounts=amounts,
        unsettled_count=tally.unsettled_count,
        unsettled=tuple(tally.unsettled),
        open_operations_count=stored.open_count,
        open_operations=tuple(stored.open_operations),
        surprise_count=tally.surprise_count,
        surprises=tuple(tally.surprises),
        skipped_lines=circumstances.skipped_lines,
        is_key_memory_off=circumstances.is_key_memory_off,
        aftermath=circumstances.aftermath,
        queries=circumstances.queries,
        next_steps=circumstances.next_steps,
    )


def comparisons(ours: Sequence[Amounts], provider: Mapping[Moved, int]) -> tuple[Comparison, ...]:
    """Every total either side has, by currency."""
    totals = {
        Moved(measure, amounts.currency): getattr(amounts, f"{measure}_minor")
        for amounts in ours
        for measure in MEASURES
    }
    currencies = sorted({moved.currency for moved in (*totals, *provider)})
    return tuple(
        Comparison(
            measure=measure,
            currency=currency,
            ours_minor=totals.get(Moved(measure, currency), 0),
            provider_minor=provider.get(Moved(measure, currency), 0),
            agrees=totals.get(Moved(measure, currency), 0) == provider.get(Moved(measure, currency), 0),
        )
        for currency in currencies
        for measure in MEASURES
    )


def figures(route: str, latencies_us: "array[int]") -> RouteFigures:
    """The latencies of one route, of which there is at least one."""
    ordered = sorted(latencies_us)
    return RouteFigures(
        route=route,
        requests=len(ordered),
        p50_ms=percentile_ms(ordered, 50),
        p99_ms=percentile_ms(ordered, 99),
        most_ms=percentile_ms(ordered, 100),
    )


def percentile_ms(ordered_us: Sequence[int], percent: int) -> float:
    """The latency that `percent` (1..100) of all do not exceed: one that was measured, none in between."""
    rank = -(-len(ordered_us) * percent // 100)
    return round(ordered_us[rank - 1] / 1_000, 1)


def _statuses_seen(tally: Tally) -> dict[str, int]:
    statuses: dict[str, int] = {}
    for payment in tally.payments.values():
        statuses[payment.status] = statuses.get(payment.status, 0) + 1
    return statuses


def _texts(by_number: Mapping[int, int]) -> dict[str, int]:
    return {str(number): count for number, count in by_number.items()}
