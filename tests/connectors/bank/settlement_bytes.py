"""How do tests spell settlement files: a good one, and ways to change it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

HEADER: Json = {
    "record": "header",
    "version": 1,
    "provider": "simulator",
    "batch_id": "b1",
    "settled_on": "2027-01-15",
    "currency": "EUR",
}
CAPTURE: Json = {
    "record": "line",
    "line_id": "b1-1",
    "provider_ref": "psp_1",
    "kind": "capture",
    "gross_minor": 1000,
    "fee_minor": 24,
    "net_minor": 976,
}
REFUND: Json = {
    **CAPTURE,
    "line_id": "b1-2",
    "provider_ref": "psp_2",
    "kind": "refund",
    "gross_minor": -400,
    "fee_minor": 0,
    "net_minor": -400,
}
LINES: Sequence[Json] = (CAPTURE, REFUND)


def header(**changes: Any) -> Json:
    return {**HEADER, **changes}


def capture(**changes: Any) -> Json:
    return {**CAPTURE, **changes}


def refund(**changes: Any) -> Json:
    return {**REFUND, **changes}


def batch(
    lines: Sequence[Mapping[str, Any]] = LINES, *, totals: Mapping[str, Any] | None = None, **head: Any
) -> list[Json]:
    """The rows of a file with these lines; totals that fit, unless told otherwise."""
    trailer: Json = {
        "record": "trailer",
        "lines": len(lines),
        **{
            name: sum(int(line[name]) for line in lines) for name in ("gross_minor", "fee_minor", "net_minor")
        },
        **(totals or {}),
    }
    return [header(**head), *map(dict, lines), trailer]


def jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(",".join(str(value) for value in row.values()).encode() + b"\n" for row in rows)


def spelled(rows: Sequence[Mapping[str, Any]], suffix: str) -> bytes:
    return jsonl(rows) if suffix == ".jsonl" else csv(rows)
