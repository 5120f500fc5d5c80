"""The report adds up, and says so when it does not."""

from array import array
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from ops.demo.aftermath import Aftermath, EndpointFigures
from ops.demo.counts import Count
from ops.demo.effects import Moved
from ops.demo.next_steps import next_steps
from ops.demo.plan import Target
from ops.demo.queries import queries_of
from ops.demo.render import render
from ops.demo.report import (
    Circumstances,
    Comparison,
    DemoReport,
    comparisons,
    counts,
    percentile_ms,
    report_of,
)
from ops.demo.tables import Amounts, Stored
from ops.demo.tally import Tally
from schemas.settings import Settings

AFTERMATH = Aftermath(
    endpoints=(
        EndpointFigures(
            endpoint_id="we_1",
            kind="working",
            announced=3,
            received=3,
            repeats=1,
            refused=0,
            delivered=3,
            waiting=0,
        ),
    ),
    verdicts={"allow": 3, "block": 1},
    breaks=(Count(name="duplicate", seen=1, stored=1),),
    files=(Count(name="accepted", seen=2, stored=2),),
)
MERCHANTS = ("mer_00aaa", "mer_00bbb")
QUERIES = queries_of(MERCHANTS)
TARGET = Target(
    api_url="http://127.0.0.1:8080",
    operator_key="op_test_secret",
    simulator_url="http://127.0.0.1:9400",
    settings=Settings(postgres_dsn="postgresql://millrace:hidden@127.0.0.1:5432/millrace"),
    bank_dir=Path("bank"),
)


def tally() -> Tally:
    """Two payments, one refunded, and a decline that was told twice."""
    tally = Tally(started=3, replayed=1, copies_sent=1, misuses_sent=1, misuses_refused=1)
    for status, latency_us in ((201, 4_000), (201, 6_000), (402, 90_000), (402, 2_000)):
        tally.answered("POST /v1/payment_intents", status, latency_us)
    tally.saw("pay_1", "captured", 4)
    tally.saw("pay_1", "refunded", 6)
    tally.saw("pay_1", "captured", 4)
    tally.saw("pay_2", "failed", 3)
    tally.declines["lost_card"] += 1
    tally.retries["connection"] += 2
    return tally


def stored(*, captured_minor: int = 1_000, behind: int = 0, open_count: int = 0) -> Stored:
    return Stored(
        statuses={"refunded": 1, "failed": 1},
        amounts=[
            Amounts(
                currency="EUR", authorized_minor=1_000, captured_minor=captured_minor, refunded_minor=1_000
            )
        ],
        declines={"lost_card": 1},
        answers={201: 2, 402: 2},
        open_operations=["pay_9: refund ref_9 is unknown"][:open_count],
        open_count=open_count,
        payment_ids=frozenset({"pay_1", "pay_2"}),
        behind=behind,
    )


def report(*, tables: Stored | None = None, counted: Tally | None = None) -> DemoReport:
    circumstances = Circumstances(
        aftermath=AFTERMATH,
        run_id="demo-1",
        seed=1,
        merchant_ids=MERCHANTS,
        duration_s=9.0,
        arriving_s=2.0,
        arriving_requests=3,
        skipped_lines={"fraud_label": 2},
        is_key_memory_off=True,
        queries=QUERIES,
        next_steps=next_steps(TARGET, QUERIES, "pay_1"),
    )
    provider = Counter({Moved(measure, "EUR"): 1_000 for measure in ("authorized", "captured", "refunded")})
    return report_of(circumstances, counted or tally(), tables or stored(), provider)


def test_a_good_demo_is_settled_and_agrees() -> None:
    """The two words a reader looks for first."""
    good = report()
    assert good.is_settled
    assert good.amounts_agree
    assert (Count(name="failed", seen=1, stored=1), Count(name="refunded", seen=1, stored=1)) == (
        good.payments_by_status
    )
    assert (Count(name="201", seen=2, stored=2), Count(name="402", seen=2, stored=2)) == (
        good.answers_by_status
    )
    assert (Count(name="lost_card", seen=1, stored=1),) == good.declines
    assert good.requests == 4


def test_rates_leave_out_the_wait_for_silent_providers() -> None:
    """A minute in which nothing arrives is no throughput."""
    assert report().requests_per_s == 1.5
    assert report().payments_per_s == 1.5


def test_one_minor_unit_of_difference_is_a_disagreement() -> None:
    """There is no tolerance in money."""
    wrong = report(tables=stored(captured_minor=999))
    assert not wrong.amounts_agree
    expected = Comparison(
        measure="captured", currency="EUR", ours_minor=999, provider_minor=1_000, agrees=False
    )
    assert [expected] == [comparison for comparison in wrong.amounts if not comparison.agrees]


def test_what_only_one_side_knows_is_a_disagreement() -> None:
    """Money in a currency we have nothing in must show, and so must money the provider never had."""
    found = comparisons([], {Moved("captured", "JPY"): 5})
    assert [("authorized", True), ("captured", False), ("refunded", True)] == [
        (one.measure, one.agrees) for one in found
    ]
    ours = [Amounts(currency="KWD", authorized_minor=1, captured_minor=0, refunded_minor=0)]
    assert [False, True, True] == [one.agrees for one in comparisons(ours, {})]


@pytest.mark.parametrize("tables", [stored(behind=1), stored(open_count=1)])
def test_tables_that_lag_or_hold_open_operations_are_not_settled(tables: Stored) -> None:
    """Totals that agree by chance while something moves prove nothing."""
    assert not report(tables=tables).is_settled


def test_a_payment_the_client_gave_up_on_is_not_settled() -> None:
    """At the end everything has come to rest or is listed."""
    counted = tally()
    counted.left_unsettled("pay_3 (sold): no answer")
    unsettled = report(counted=counted)
    assert not unsettled.is_settled
    assert ("pay_3 (sold): no answer",) == unsettled.unsettled


def test_surprises_are_named_up_to_a_bound_and_counted_in_full() -> None:
    """An outage gives one surprise per payment; the report stays readable."""
    counted = tally()
    for number in range(100):
        counted.surprised(f"surprise {number}")
    assert report(counted=counted).surprise_count == 100
    assert len(report(counted=counted).surprises) == 20


def test_names_only_one_side_has_are_counted_as_none_on_the_other() -> None:
    """A status that never reached the tables must not vanish from the comparison."""
    assert (Count(name="a", seen=1, stored=0), Count(name="b", seen=0, stored=2)) == counts(
        {"a": 1}, {"b": 2}
    )


@pytest.mark.parametrize(
    ("latencies_ms", "percent", "expected_ms"),
    [
        ([7], 50, 7.0),
        ([1, 2], 50, 1.0),
        ([1, 2, 3], 50, 2.0),
        (range(1, 101), 99, 99.0),
        (range(1, 201), 99, 198.0),
        (range(1, 201), 100, 200.0),
    ],
)
def test_percentiles_are_latencies_that_were_measured(
    latencies_ms: list[int], percent: int, expected_ms: float
) -> None:
    """A p99 between two measurements is one nobody had."""
    ordered = array("Q", (latency * 1_000 for latency in latencies_ms))
    assert expected_ms == percentile_ms(ordered, percent)


def test_the_report_is_json_and_comes_back() -> None:
    """Tools read it; a report that only people can read is half a report."""
    assert report() == msgspec.json.decode(msgspec.json.encode(report()), type=DemoReport)


def test_every_stored_number_names_its_sql_for_these_merchants() -> None:
    """A number nobody can derive again is a claim."""
    of_the_provider = ("breaks", "files")
    for name, sql in msgspec.to_builtins(QUERIES).items():
        assert sql.startswith("SELECT ")
        assert ("'mer_00aaa', 'mer_00bbb'" in sql) is (name not in of_the_provider)
        assert "\n" not in sql
        assert "{" not in sql


def test_next_steps_can_be_pasted_and_hide_the_password() -> None:
    """Reports are shared."""
    commands = [step.command for step in next_steps(TARGET, QUERIES, "pay_1")]
    assert not any("hidden" in command or "op_test" in command for command in commands)
    assert any("psql " in command and "pay_1" in command for command in commands)
    assert any(command.startswith("curl ") and "pay_1" in command for command in commands)
    assert "millrace verify" in commands


def test_a_person_reads_the_same_numbers() -> None:
    """The rendering leaves nothing out that is wrong."""
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        render(report(tables=stored(captured_minor=999, open_count=1)), console)
    text = captured.get()
    for expected in ("demo-1", "9.99 EUR", "10.00 EUR", "NO", "lost_card", "fraud_label x2", "ref_9", "p99"):
        assert expected in text
    assert QUERIES.amounts in " ".join(text.split())
