"""How does a person read the report of a demo?"""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ops.demo.counts import Count
from ops.demo.report import DemoReport
from schemas.money import format_amount, parse_currency

_GOOD: Final = "[green]yes[/green]"
_BAD: Final = "[bold red]NO[/bold red]"


def render(report: DemoReport, console: Console) -> None:
    """Write the report to a console."""
    console.print(rendered(report))


def rendered(report: DemoReport) -> RenderableType:
    """The report as tables, each with the SQL its stored numbers come from."""
    return Group(
        _summary(report),
        _counts("Payments by status", report.payments_by_status, report.queries.payments_by_status),
        _amounts(report),
        _counts("Declined attempts by code", report.declines, report.queries.declines),
        _counts("Answers by HTTP status", report.answers_by_status, report.queries.answers),
        _routes(report),
        *_aftermath(report),
        *_lists(report),
        _next_steps(report),
    )


def _summary(report: DemoReport) -> Table:
    table = _grid(f"Demo {report.run_id}, seed {report.seed}")
    rows = {
        "payments": f"{report.payments} in {report.duration_s:.1f} s, {report.payments_per_s} per second",
        "requests": f"{report.requests}, {report.requests_per_s} per second while payments arrived",
        "duplicates": f"{report.copies_absorbed} of {report.copies_sent} equal requests sent at once absorbed; "
        f"{report.replays} answers were told again (Idempotent-Replayed)",
        "keys used again": f"{report.misuses_refused} of {report.misuses_sent} refused with 422",
        "repeats": _named(report.retries) or "none",
        "everything at rest": _GOOD if report.is_settled else _BAD,
        "provider agrees": _GOOD if report.amounts_agree else _BAD,
        "risk decided": _named(dict(report.aftermath.verdicts)),
        "webhooks, files, breaks agree": _GOOD if report.aftermath.agrees else _BAD,
    }
    if report.is_key_memory_off:
        rows["provider's key memory"] = "off: a blind repeat would have charged twice"
    if report.skipped_lines:
        rows["lines skipped"] = _named(report.skipped_lines)
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _counts(title: str, counts: Sequence[Count], sql: str) -> RenderableType:
    table = Table("", title=title, title_justify="left", title_style="bold")
    table.add_column("client saw", justify="right")
    table.add_column("Postgres holds", justify="right")
    for count in counts:
        table.add_row(count.name, str(count.seen), str(count.stored))
    return Group(table, _sql(sql))


def _amounts(report: DemoReport) -> RenderableType:
    title = "Our amounts against what the provider did"
    table = Table("", title=title, title_justify="left", title_style="bold")
    table.add_column("mart.payments", justify="right")
    table.add_column("provider's book", justify="right")
    table.add_column("agree")
    for comparison in report.amounts:
        currency = parse_currency(comparison.currency)
        table.add_row(
            comparison.measure,
            format_amount(comparison.ours_minor, currency),
            format_amount(comparison.provider_minor, currency),
            _GOOD if comparison.agrees else _BAD,
        )
    return Group(table, _sql(report.queries.amounts))


def _routes(report: DemoReport) -> Table:
    title = "Latency by route, from the client's side"
    table = Table("route", title=title, title_justify="left", title_style="bold")
    for heading in ("answers", "p50 ms", "p99 ms", "most ms"):
        table.add_column(heading, justify="right")
    for figures in report.routes:
        table.add_row(
            escape(figures.route),
            str(figures.requests),
            f"{figures.p50_ms:.1f}",
            f"{figures.p99_ms:.1f}",
            f"{figures.most_ms:.1f}",
        )
    return table


def _aftermath(report: DemoReport) -> Iterable[RenderableType]:
    found = report.aftermath
    title = "Webhook endpoints: what they should hear, heard, and what the tables say"
    table = Table("endpoint", title=title, title_justify="left", title_style="bold")
    for heading in ("announced", "received", "again", "refused", "delivered", "waiting"):
        table.add_column(heading, justify="right")
    for one in found.endpoints:
        numbers = (one.announced, one.received, one.repeats, one.refused, one.delivered, one.waiting)
        table.add_row(one.kind, *map(str, numbers))
    yield Group(table, _sql(report.queries.deliveries))
    yield _counts("Settlement breaks: injected, and found", found.breaks, report.queries.breaks)
    yield _counts("The last settlement file and its copies", found.files, report.queries.files)


def _lists(report: DemoReport) -> Iterable[RenderableType]:
    if report.unsettled_count:
        yield _list("Payments the client gave up on", report.unsettled, report.unsettled_count)
    if report.open_operations_count:
        yield _list("Operations not at rest", report.open_operations, report.open_operations_count)
        yield _sql(report.queries.open_operations)
    if report.surprise_count:
        yield _list("Surprises", report.surprises, report.surprise_count)


def _list(title: str, lines: Sequence[str], count: int) -> Text:
    text = Text(f"{title}: {count}", style="bold red")
    for line in lines:
        text.append(f"\n  {line}", style="not bold default")
    if count > len(lines):
        text.append(f"\n  and {count - len(lines)} more", style="not bold default")
    return text


def _next_steps(report: DemoReport) -> RenderableType:
    # Lines are broken between words, which is inside the quotes of a command; it can still be pasted.
    text = Text("Where to look next", style="bold")
    for step in report.next_steps:
        text.append(f"\n{step.question}\n", style="not bold default")
        text.append(f"  {step.command}", style="not bold cyan")
    return text


def _sql(sql: str) -> Text:
    return Text(f"{sql}\n", style="dim")


def _named(counts: dict[str, int]) -> str:
    return ", ".join(f"{escape(name)} x{count}" for name, count in counts.items())


def _grid(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column()
    return table
