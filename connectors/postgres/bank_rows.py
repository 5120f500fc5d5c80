"""Which row follows from a file of a provider?"""

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from connectors.postgres.events import Event
from connectors.postgres.projection import Projection
from connectors.postgres.tables import Table, at
from schemas.bank import SettlementFileAccepted, SettlementFileRefused


class SettlementFileRow(Struct, frozen=True, kw_only=True):
    """A row of mart.settlement_files."""

    event_id: str
    file_id: str
    sha256: str
    file_name: str
    status: str
    mode: str
    provider: str | None = None
    batch_id: str | None = None
    settled_on: str | None = None
    currency: str | None = None
    lines: int | None = None
    gross_minor: int | None = None
    fee_minor: int | None = None
    net_minor: int | None = None
    is_restated: bool = False
    problem: str | None = None
    detail: str | None = None
    line: int | None = None
    told_at: datetime


SETTLEMENT_FILES: Final = Table("mart.settlement_files", SettlementFileRow, "event_id")


def project(projection: Projection, event: Event) -> None:
    """The file as it was taken or refused; a corrected one is another row."""
    envelope, body = event.message.envelope, event.message.body
    row = SettlementFileRow(
        event_id=envelope.message_id,
        status=_status(body),
        mode=envelope.mode,
        told_at=at(envelope.occurred_at_ms),
        **{name: getattr(body, name) for name in body.__struct_fields__},
    )
    projection.log(SETTLEMENT_FILES, event, row)


def _status(body: Any) -> str:
    match body:
        case SettlementFileAccepted():
            return "accepted"
        case SettlementFileRefused():
            return "refused"
        case _:
            raise AssertionError(f"{type(body).__name__} is nothing said about a file")
