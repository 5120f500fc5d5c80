"""Which stored rows answer a read, and what do they say?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import sql

from api.connections import Connections, Row
from schemas.payment_views import PaymentSnapshot, PaymentView, RefundView
from schemas.payments import PaymentMethod, PaymentNotes, PaymentStatus, RefundStatus
from schemas.rendering import rfc3339
from schemas.topics import LEDGER_BALANCES

_PAYMENTS: Final = """
    SELECT p.payment_intent_id, p.payment_id, p.merchant_id, p.status, p.amount_minor,
           p.amount_authorized_minor, p.amount_captured_minor, p.amount_refunded_minor, p.currency,
           p.capture_method, p.created_at, p.updated_at, p.version, p.customer_id,
           p.payment_method_type, p.payment_method_token, p.authorization_id, p.next_action_url,
           p.failure_code, p.provider, p.provider_ref, n.description, n.metadata
    FROM mart.payments p LEFT JOIN personal.payment_notes n USING (payment_id)
    WHERE p.merchant_id = %(merchant_id)s"""
_PAYMENT: Final = _PAYMENTS + " AND p.payment_id = %(payment_id)s"
_REFUND: Final = """
    SELECT r.refund_id, r.payment_id, r.merchant_id, r.status, r.amount_minor, r.currency, r.created_at,
           r.updated_at, r.version, w.reason, r.failure_code, r.provider_ref
    FROM mart.refunds r LEFT JOIN personal.refund_reasons w USING (refund_id)
    WHERE r.merchant_id = %(merchant_id)s AND r.refund_id = %(refund_id)s"""
_EVENTS: Final = """
    SELECT e.event_id, e.type, e.occurred_at, e.payment_id, e.version, e.correlation_id,
           e.body ->> 'operation_id', (e.body ->> 'amount_minor')::bigint, e.body ->> 'code',
           e.body ->> 'outcome', e.after, n.description, n.metadata
    FROM raw.payment_events e LEFT JOIN personal.payment_notes n USING (payment_id)
    WHERE e.merchant_id = %(merchant_id)s"""
_BALANCES: Final = """
    SELECT code, currency, balance_minor, credits_pending_minor - debits_pending_minor
    FROM mart.balances
    WHERE merchant_id = %(merchant_id)s AND mode = %(mode)s AND code = ANY (%(codes)s)"""
_AS_OF: Final = """
    SELECT CASE WHEN bool_and(coalesce(caught_up_at, newest_record_at) IS NOT NULL)
        THEN min(greatest(caught_up_at, newest_record_at)) END
    FROM meta.sink_offset WHERE topic = %(topic)s"""

_PAYMENT_CONDITIONS: Final = {
    "status": " AND p.status = %(status)s",
    "customer_id": " AND p.customer_id = %(customer_id)s",
    "created_after": " AND p.created_at > %(created_after)s",
    "starting_after": """ AND (p.created_at, p.payment_id) < (
        SELECT created_at, payment_id FROM mart.payments
        WHERE payment_id = %(starting_after)s AND merchant_id = %(merchant_id)s)""",
}
_EVENT_CONDITIONS: Final = {
    "payment_id": " AND e.payment_id = %(payment_id)s",
    "starting_after": """ AND (e.occurred_at, e.event_id) < (
        SELECT occurred_at, event_id FROM raw.payment_events
        WHERE event_id = %(starting_after)s AND merchant_id = %(merchant_id)s)""",
}
_PAYMENT_ORDER: Final = " ORDER BY p.created_at DESC, p.payment_id DESC LIMIT %(rows)s"
_EVENT_ORDER: Final = " ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT %(rows)s"


class StoredEvent(NamedTuple):
    """One event of a payment as the database keeps it. after: the payment then; None for refusals."""

    event_id: str
    type: str
    occurred_at_ms: int
    payment_id: str
    version: int
    request_id: str
    operation_id: str | None
    amount_minor: int | None
    code: str | None
    after: PaymentView | None


class StoredBalance(NamedTuple):
    """One account of a merchant. posted_minor: on its normal side. pending_minor: credits announced less debits."""

    code: int
    currency: str
    posted_minor: int
    pending_minor: int


class Queries:
    """Reads of one merchant's objects; what belongs to another is not there."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def payment(self, payment_id: str, merchant_id: str) -> PaymentView | None:
        """A payment as last stored."""
        rows = await self._connections.rows(_PAYMENT, {"payment_id": payment_id, "merchant_id": merchant_id})
        return _payment(rows[0]) if rows else None

    async def refund(self, refund_id: str, merchant_id: str) -> RefundView | None:
        """A refund as last stored."""
        rows = await self._connections.rows(_REFUND, {"refund_id": refund_id, "merchant_id": merchant_id})
        return _refund(rows[0]) if rows else None

    async def payments(self, merchant_id: str, filters: Mapping[str, object], rows: int) -> list[PaymentView]:
        """Payments newest first; filters by status, customer_id, created_after, starting_after."""
        query = _composed(_PAYMENTS, _PAYMENT_CONDITIONS, filters, _PAYMENT_ORDER)
        found = await self._connections.rows(query, {**filters, "merchant_id": merchant_id, "rows": rows})
        return [_payment(row) for row in found]

    async def events(self, merchant_id: str, filters: Mapping[str, object], rows: int) -> list[StoredEvent]:
        """Events newest first; filters by payment_id, starting_after."""
        query = _composed(_EVENTS, _EVENT_CONDITIONS, filters, _EVENT_ORDER)
        found = await self._connections.rows(query, {**filters, "merchant_id": merchant_id, "rows": rows})
        return [_event(row) for row in found]

    async def has_event(self, event_id: str, merchant_id: str) -> bool:
        """True if the merchant has this event."""
        query = "SELECT 1 FROM raw.payment_events WHERE event_id = %(id)s AND merchant_id = %(merchant_id)s"
        return bool(await self._connections.rows(query, {"id": event_id, "merchant_id": merchant_id}))

    async def balances(self, merchant_id: str, mode: str, codes: Sequence[int]) -> list[StoredBalance]:
        """The merchant's accounts of these codes of the chart."""
        wanted = {"merchant_id": merchant_id, "mode": mode, "codes": list(codes)}
        return [StoredBalance(*row) for row in await self._connections.rows(_BALANCES, wanted)]

    async def ledger_as_of_ms(self) -> int | None:
        """Up to when balances are loaded from every partition; None while one was never read."""
        [(as_of,)] = await self._connections.rows(_AS_OF, {"topic": LEDGER_BALANCES.name})
        return None if as_of is None else unix_ms(as_of)

    async def ping(self) -> None:
        """Raises Problem when nothing can be read."""
        await self._connections.rows("SELECT 1", {})


def _composed(
    select: str, conditions: Mapping[str, str], filters: Mapping[str, object], order: str
) -> sql.Composed:
    """A query of constant parts; what a caller sent is only ever a parameter."""
    parts = [select, *(conditions[name] for name in filters), order]
    return sql.Composed([sql.SQL(part) for part in parts])


def _payment(row: Row) -> PaymentView:
    (intent, payment, merchant, status, amount, authorized, captured, refunded, currency, method, created,
     updated, version, customer, kind, token, authorization, url, failure, provider, ref, text, more) = row  # fmt: skip
    return PaymentView(
        payment_intent_id=intent,
        payment_id=payment,
        merchant_id=merchant,
        status=PaymentStatus(status),
        amount=amount,
        amount_authorized=authorized,
        amount_captured=captured,
        amount_refunded=refunded,
        currency=currency,
        capture_method=method,
        created_at_ms=unix_ms(created),
        updated_at_ms=unix_ms(updated),
        version=version,
        customer_id=customer,
        payment_method=None if token is None else PaymentMethod(type=kind, token=token),
        authorization_id=authorization,
        next_action_url=url,
        failure_code=failure,
        provider=provider,
        provider_ref=ref,
        notes=PaymentNotes(description=text, metadata=more or {}),
    )


def _refund(row: Row) -> RefundView:
    refund, payment, merchant, status, amount, currency, created, updated, version, reason, failure, ref = row
    return RefundView(
        refund_id=refund,
        payment_id=payment,
        merchant_id=merchant,
        status=RefundStatus(status),
        amount=amount,
        currency=currency,
        created_at_ms=unix_ms(created),
        updated_at_ms=unix_ms(updated),
        version=version,
        reason=reason,
        failure_code=failure,
        provider_ref=ref,
    )


def _event(row: Row) -> StoredEvent:
    (
        event_id,
        kind,
        occurred,
        payment,
        version,
        request_id,
        operation,
        amount,
        code,
        outcome,
        after,
        *notes,
    ) = row
    return StoredEvent(
        event_id=event_id,
        type=kind,
        occurred_at_ms=unix_ms(occurred),
        payment_id=payment,
        version=version,
        request_id=request_id,
        operation_id=operation,
        amount_minor=amount,
        code=code or outcome,
        after=None if after is None else _after(after, notes),
    )


def _after(after: Any, notes: Sequence[Any]) -> PaymentView:
    snapshot = msgspec.convert(after, PaymentSnapshot)
    text, more = notes
    shown = PaymentNotes(description=text, metadata=more or {})
    return PaymentView(**msgspec.structs.asdict(snapshot), notes=shown)


def unix_ms(at: datetime) -> int:
    """Exact for the milliseconds we store; a float of seconds would be off by one now and then."""
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def time_answer(at: datetime) -> str:
    """A time of the database as answers say it: RFC 3339."""
    return rfc3339(unix_ms(at))
