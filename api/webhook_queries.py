"""Which stored rows tell of a merchant's webhooks: endpoints, attempts and the events that were sent?"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from psycopg import sql

from api.connections import Connections, Row
from api.queries import unix_ms
from schemas.merchants import WebhookEndpointView
from schemas.webhooks import EventType

_ENDPOINTS: Final = """
    SELECT w.endpoint_id, w.merchant_id, w.url, w.event_types, w.created_at, w.version, w.is_deleted
    FROM mart.webhook_endpoints w WHERE w.merchant_id = %(merchant_id)s"""
_ENDPOINT: Final = _ENDPOINTS + " AND w.endpoint_id = %(endpoint_id)s"
_LIVE: Final = _ENDPOINTS + " AND NOT w.is_deleted"
_AFTER: Final = """ AND (w.created_at, w.endpoint_id) < (
    SELECT created_at, endpoint_id FROM mart.webhook_endpoints
    WHERE endpoint_id = %(starting_after)s AND merchant_id = %(merchant_id)s)"""
_ORDER: Final = " ORDER BY w.created_at DESC, w.endpoint_id DESC LIMIT %(rows)s"
_ATTEMPTS: Final = """
    SELECT a.message_id, a.webhook_event_id, a.type, a.payment_id, a.attempt, a.outcome, a.http_status, a.error,
           a.latency_ms, a.next_attempt_at, a.occurred_at
    FROM raw.webhook_attempts a WHERE a.endpoint_id = %(endpoint_id)s
    ORDER BY a.occurred_at DESC, a.message_id DESC, a.attempt DESC LIMIT %(rows)s"""
_EVENT: Final = """
    SELECT e.event_id, e.type, e.payment_id, e.payload
    FROM mart.webhook_events e WHERE e.merchant_id = %(merchant_id)s AND e.event_id = %(event_id)s"""


class StoredAttempt(NamedTuple):
    """One attempt to deliver a message, as the database keeps it. Times in Unix milliseconds."""

    message_id: str
    event_id: str
    type: str
    payment_id: str
    attempt: int
    outcome: str
    http_status: int | None
    error: str | None
    latency_ms: int
    next_attempt_at_ms: int | None
    occurred_at_ms: int


class SentEvent(NamedTuple):
    """An event that was published. payload: as it was rendered then."""

    event_id: str
    type: EventType
    payment_id: str
    payload: bytes


class WebhookQueries:
    """Reads of one merchant's webhooks; what belongs to another is not there."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def endpoint(self, endpoint_id: str, merchant_id: str) -> WebhookEndpointView | None:
        """An endpoint as last stored, deleted or not."""
        found = await self._rows(_ENDPOINT, {"endpoint_id": endpoint_id, "merchant_id": merchant_id})
        return _endpoint(found[0]) if found else None

    async def endpoints(
        self, merchant_id: str, starting_after: str | None, rows: int
    ) -> list[WebhookEndpointView]:
        """Endpoints that are not deleted, newest first."""
        query = _LIVE + ("" if starting_after is None else _AFTER) + _ORDER
        parameters = {"merchant_id": merchant_id, "starting_after": starting_after, "rows": rows}
        return [_endpoint(row) for row in await self._rows(query, parameters)]

    async def attempts(self, endpoint_id: str, rows: int) -> list[StoredAttempt]:
        """Attempts to deliver to an endpoint, newest first; whose it is, is for the caller to check."""
        found = await self._rows(_ATTEMPTS, {"endpoint_id": endpoint_id, "rows": rows})
        return [_attempt(row) for row in found]

    async def event(self, event_id: str, merchant_id: str) -> SentEvent | None:
        """An event that was published to at least one endpoint."""
        found = await self._rows(_EVENT, {"event_id": event_id, "merchant_id": merchant_id})
        return _sent(found[0]) if found else None

    async def _rows(self, query: str, parameters: Mapping[str, object]) -> list[Row]:
        # Queries are put together from the constants above; what a caller sent is only ever a parameter.
        return await self._connections.rows(sql.SQL(query), parameters)


def _endpoint(row: Row) -> WebhookEndpointView:
    endpoint_id, merchant_id, url, event_types, created, version, is_deleted = row
    return WebhookEndpointView(
        endpoint_id=endpoint_id,
        merchant_id=merchant_id,
        url=url,
        event_types=tuple(event_types),
        created_at_ms=unix_ms(created),
        version=version,
        is_deleted=is_deleted,
    )


def _attempt(row: Row) -> StoredAttempt:
    message_id, event_id, kind, payment_id, attempt, outcome, status, error, latency, next_at, occurred = row
    return StoredAttempt(
        message_id=message_id,
        event_id=event_id,
        type=kind,
        payment_id=payment_id,
        attempt=attempt,
        outcome=outcome,
        http_status=status,
        error=error,
        latency_ms=latency,
        next_attempt_at_ms=None if next_at is None else unix_ms(next_at),
        occurred_at_ms=unix_ms(occurred),
    )


def _sent(row: Row) -> SentEvent:
    event_id, kind, payment_id, payload = row
    return SentEvent(event_id, msgspec.convert(kind, EventType), payment_id, bytes(payload))
