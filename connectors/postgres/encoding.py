"""How do rows travel to Postgres: as one JSON array whose members are named after the columns."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import asdict

from connectors.postgres.personal import json_text
from connectors.postgres.projection import Row
from connectors.postgres.tables import Lineage, Table

_LINEAGE: Final = tuple(f"_{field}" for field in Lineage._fields)


def rows_json(table: Table, rows: Sequence[Row]) -> str:
    """Rows of a table; a document stands in them as it is, bytes as Postgres reads them."""
    documents = table.documents
    return json_text([_plain(one, documents) for one in rows])


def versions_json(table: Table, rows: Iterable[Row]) -> str:
    """Aggregate, version and place of the events of a log."""
    assert table.aggregate is not None, f"{table.name} has no versions"
    return json_text(
        [
            {
                "aggregate": getattr(row, table.aggregate),
                "version": lineage.version,
                "_partition": lineage.partition,
                "_offset": lineage.offset,
            }
            for row, lineage in rows
        ]
    )


def _plain(one: Row, documents: frozenset[str]) -> dict[str, Any]:
    plain: dict[str, Any] = asdict(one.row)
    for name in documents:
        text = plain[name]
        if text is not None:
            plain[name] = msgspec.Raw(text.encode())
    for name, value in plain.items():
        if isinstance(value, bytes):
            plain[name] = "\\x" + value.hex()
    plain.update(zip(_LINEAGE, one.lineage, strict=True))
    return plain
