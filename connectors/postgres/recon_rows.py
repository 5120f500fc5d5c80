"""Which rows follow from how a provider's references match what we expected?"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from connectors.postgres.events import Event, after_of, content, told
from connectors.postgres.projection import Projection
from connectors.postgres.tables import Document, EventRow, Table, at
from schemas.reconciliation import MatchSnapshot


class ReconEventRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.recon_events; `body` and `after` are JSON texts."""

    match_key: str
    merchant_id: str
    version: int
    type: str
    schema: str
    body: Document
    after: Document | None


class ReconResultRow(Struct, frozen=True, kw_only=True):
    """A row of mart.recon_results."""

    match_key: str
    mode: str
    provider: str
    provider_ref: str
    status: str
    version: int
    duplicates: int
    payment_id: str | None
    operation_id: str | None
    kind: str | None
    expected_minor: int | None
    expected_currency: str | None
    line_id: str | None
    file_id: str | None
    settled_minor: int | None
    settled_currency: str | None
    fee_minor: int | None
    settled_on: str | None
    updated_at: datetime


RECON_EVENTS: Final = Table("raw.recon_events", ReconEventRow, "event_id", "match_key")
RECON_RESULTS: Final = Table("mart.recon_results", ReconResultRow, "match_key")


def project(projection: Projection, event: Event) -> None:
    """The event in its log, and the reference as it stands after it."""
    row = ReconEventRow(
        **told(event.message),
        **content(event.message),
        match_key=event.key,
        merchant_id=event.message.envelope.merchant_id,
    )
    projection.log(RECON_EVENTS, event, row)
    projection.show(RECON_RESULTS, event.key, event, _result)


def _result(event: Event) -> ReconResultRow:
    envelope, after = event.message.envelope, after_of(event, MatchSnapshot)
    shown = {name: getattr(after, name) for name in MatchSnapshot.__struct_fields__}
    return ReconResultRow(
        match_key=event.key, mode=envelope.mode, updated_at=at(envelope.occurred_at_ms), **shown
    )
