"""What do the generated pages of docs/reference say: topics, tables, outcomes, metrics, settings, entries.

`make docs` writes them; a test fails when one is older than the code.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, get_args

from msgspec import inspect

import schemas
from ops.markdown import table
from ops.platform import LAPTOP_WINDOWS
from ops.reference_entries import page_parts
from ops.verify.ledger_invariants import INVARIANTS
from schemas import metrics, topics
from schemas.envelope import schema_name
from schemas.outcomes import DECLINE_CODES, Outcome
from schemas.settings import Settings, variable

REFERENCE: Final = Path(schemas.__file__).parent.parent / "docs" / "reference"
_SQL: Final = Path(schemas.__file__).parent / "sql"
_DAY_MS: Final = 24 * 60 * 60 * 1000
_COMMENT: Final = re.compile(
    r"COMMENT ON (TABLE|VIEW|COLUMN) ([\w.]+)\s+IS\s+'((?:[^']|'')*)'\s*;", re.IGNORECASE | re.DOTALL
)


def topics_page() -> str:
    """Every topic with its key domain, writer, readers, encoding, retention and messages."""
    rows = [
        (
            f"`{topic.name}`",
            topic.key_domain,
            topic.writer,
            ", ".join(topic.readers),
            topic.encoding,
            "for ever"
            if topic.retention_ms == topics.FOREVER
            else f"{topic.retention_ms // _DAY_MS} days"
            if topic.retention_ms >= _DAY_MS
            else f"{topic.retention_ms // 60_000} minutes",
            ", ".join(schema_name(body.__name__) for body in get_args(topic.body) or (topic.body,)),
        )
        for topic in topics.ALL
    ]
    names = [
        f"- `{topics.changelog(stage, version)}`: the table of stage `{stage}`"
        for stage, version in topics.STAGES.items()
    ]
    return _page(
        "Topics",
        "One role writes each topic. Records that do not decode go to `<topic>.dlq` with reason and offset.",
        table(("topic", "key domain", "writer", "readers", "encoding", "retention", "messages"), rows),
        "## Changelogs\n\n" + "\n".join(names),
    )


def outcomes_page() -> str:
    """Every outcome in order of precedence, and every decline code."""
    rows = [
        (
            f"`{one.code}`",
            str(one.value.http_status),
            one.value.error_type or "",
            one.value.param or "",
            one.value.message,
        )
        for one in Outcome
    ]
    declines = [(f"`{code}`", meaning) for code, meaning in DECLINE_CODES.items()]
    return _page(
        "Outcomes",
        "How a request can end, in order of precedence: when several apply, the first one is the answer.",
        table(("code", "HTTP status", "type", "param", "message"), rows),
        "## Decline codes\n\n" + table(("code", "meaning"), declines),
    )


def metrics_page() -> str:
    """Every metric."""
    rows = [
        (f"`{one.name}`", one.kind, one.process, ", ".join(one.labels), one.meaning) for one in metrics.ALL
    ]
    reserved = [f"- `{name}`: {meaning}." for name, meaning in metrics.RESERVED.items()]
    return _page(
        "Metrics",
        "In Prometheus' text form: `GET /metrics` on the port of the API, of every other process on its "
        "`MILLRACE_METRICS_PORT`, and of each worker also on `run/<worker>.sock` of the data directory. "
        "`millrace status` shows every address. Every process also tells `process_*`: CPU time, memory, open files.",
        table(("metric", "kind", "process", "labels", "meaning"), rows),
        "## Names that nothing exposes yet\n\n" + "\n".join(reserved),
    )


def settings_page() -> str:
    """Every setting with its default and range."""
    rows = []
    for field in inspect.type_info(Settings).fields:  # type: ignore[attr-defined]  # a struct has fields
        meaning, bounds = _meaning(field.type)
        rows.append(
            (
                f"`{variable(field.name)}`",
                f"`{field.default}`" if field.default != "" else "(empty)",
                bounds,
                meaning,
            )
        )
    return _page(
        "Settings",
        "Read from the environment once; an unknown or bad variable is refused by name. Times are in milliseconds.",
        table(("variable", "default", "range", "meaning"), rows),
        "## On one machine\n\n`millrace up` sets these otherwise, so that what is unknown or missing shows within a minute; what the "
        "environment says goes before:\n\n"
        + table(
            ("variable", "with `millrace up`"),
            [(f"`{variable(name)}`", f"`{value}`") for name, value in LAPTOP_WINDOWS.items()],
        ),
    )


def tables_page() -> str:
    """Every Postgres table and view with its columns, from the comments in schemas/sql."""
    found = [match for path in sorted(_SQL.glob("*.sql")) for match in _COMMENT.findall(path.read_text())]
    columns: dict[str, dict[str, str]] = {}
    meanings: dict[str, str] = {}
    for kind, name, text in found:
        meaning = " ".join(text.replace("''", "'").split())
        if kind.upper() == "COLUMN":
            shown, _, column = name.rpartition(".")
            # A later file may describe a column anew.
            columns.setdefault(shown, {})[f"`{column}`"] = meaning
        else:
            meanings[name] = meaning
    parts = [
        f"## {shown}\n\n{meanings.get(shown, '')}\n\n{table(('column', 'meaning'), rows.items())}"
        for shown, rows in columns.items()
    ]
    return _page("Tables", "What the sink keeps in Postgres. Money is in minor units, time is UTC.", *parts)


def entries_page() -> str:
    """The chart of accounts, every entry, and each of them as posted by the ledger."""
    return _page(
        "Ledger entries",
        "Every account and every kind of transaction there is. Amounts of legs are sums of named amounts; per "
        "currency and phase each name is debited as often as it is credited, so every entry balances for all "
        "amounts. Balances are on the account's normal side. Pending legs announce and released legs take back.",
        *page_parts(),
    )


def invariants_page() -> str:
    """What must be true of the ledger, and who judges it."""
    rows = [(one.id, one.name, one.judged_by) for one in INVARIANTS]
    return _page(
        "Ledger invariants",
        "What must be true of the ledger at all times. A fault is named with the partition and record it is at.",
        table(("invariant", "what must be true", "judged by"), rows),
    )


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "topics.md": topics_page,
    "outcomes.md": outcomes_page,
    "metrics.md": metrics_page,
    "settings.md": settings_page,
    "tables.md": tables_page,
    "ledger-entries.md": entries_page,
    "ledger-invariants.md": invariants_page,
}


def write() -> None:
    """Write every page."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())


def _meaning(info: inspect.Type) -> tuple[str, str]:
    extra = info.extra_json_schema or {} if isinstance(info, inspect.Metadata) else {}
    described = str(extra.get("description", ""))
    inner = info.type if isinstance(info, inspect.Metadata) else info
    match inner:
        case inspect.IntType(ge=low, le=high):
            return described, f"{'' if low is None else f'{low:,}'} .. {'' if high is None else f'{high:,}'}"
        case inspect.LiteralType(values=values):
            return described, ", ".join(str(value) for value in values)
        case inspect.StrType(pattern=pattern) if pattern:
            return described, f"`{pattern}`".replace("|", "\\|")
        case _:
            return described, ""


def _page(title: str, lead: str, *parts: str) -> str:
    return (
        "\n\n".join((f"# {title}", "<!-- generated by `make docs`; edits are lost -->", lead, *parts)) + "\n"
    )


if __name__ == "__main__":
    write()
