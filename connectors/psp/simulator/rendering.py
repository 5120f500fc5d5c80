"""How does the provider show an operation, an effect, a payment's summary?"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connectors.psp.simulator.entries import PENDING_ACTION, Operation

ACTION_PATH = "/actions"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def operation_view(operation: Operation, origin: str) -> Mapping[str, object]:
    """An operation as callers see it; `origin` is the provider's own address. Times are RFC 3339, UTC."""
    view: dict[str, object] = {
        "provider_ref": operation.provider_ref,
        "operation": operation.operation,
        "status": operation.status,
        "payment_reference": operation.payment_reference,
        "idempotency_key": operation.idempotency_key,
        "amount_minor": operation.amount_minor,
        "currency": operation.currency,
        "network_reference": network_reference(operation),
        "created_at": rfc3339(operation.created_at_ms),
        "metadata": operation.metadata,
    }
    if operation.decline_code is not None:
        view["decline_code"] = operation.decline_code
    if operation.original_reference is not None:
        view["original_reference"] = operation.original_reference
    if operation.status == PENDING_ACTION:
        assert operation.action_expires_at_ms is not None, operation.provider_ref
        view["next_action"] = {
            "type": "redirect",
            "url": f"{origin}{ACTION_PATH}/{operation.provider_ref}",
            "expires_at": rfc3339(operation.action_expires_at_ms),
        }
    return view


def effect_view(operation: Operation) -> Mapping[str, object]:
    """One line of what the provider really did. `at` is when it became so."""
    at_ms = operation.created_at_ms if operation.settled_at_ms is None else operation.settled_at_ms
    return {
        "idempotency_key": operation.idempotency_key,
        "payment_reference": operation.payment_reference,
        "operation": operation.operation,
        "amount_minor": operation.amount_minor,
        "currency": operation.currency,
        "outcome": operation.status,
        "at": rfc3339(at_ms),
        "provider_ref": operation.provider_ref,
    }


def network_reference(operation: Operation) -> str:
    """The card network's reference of an operation: 15 digits, as on a cardholder's statement."""
    digest = hashlib.sha256(f"network/{operation.provider_ref}".encode()).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 10**15:015d}"


def rfc3339(unix_ms: int) -> str:
    """A time in milliseconds, as 2026-01-31T12:00:00.000Z."""
    moment = _EPOCH + timedelta(milliseconds=unix_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
