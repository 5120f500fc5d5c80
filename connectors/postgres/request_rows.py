"""Which row follows from an answer of the API?"""

from typing import Final

from connectors.postgres.events import Event, told
from connectors.postgres.projection import Projection
from connectors.postgres.tables import EventRow, Table


class ApiRequestRow(EventRow, frozen=True, kw_only=True):
    """A row of raw.api_requests."""

    request_id: str
    method: str
    route: str
    status: int
    outcome: str
    merchant_id: str | None
    idempotency_key: str | None
    object_id: str | None
    object_version: int | None
    is_replayed: bool
    duration_us: int


API_REQUESTS: Final = Table("raw.api_requests", ApiRequestRow, "event_id")


def project(projection: Projection, event: Event) -> None:
    """The answer as it was given."""
    body = event.message.body
    answer = {name: getattr(body, name) for name in body.__struct_fields__ if name != "mode"}
    projection.log(API_REQUESTS, event, ApiRequestRow(**told(event.message), **answer))
