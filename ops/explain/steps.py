"""What does one row say as a step of a payment's life?"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ops.explain.life import Amount, Leg, Place, Step
from ops.explain.stored import Row
from schemas import ids

_SHOWN_APART: Final = frozenset({"schema", "amount_minor", "provider_ref"})
_TIME_COLUMNS: Final = ("occurred_at", "decided_at", "created_at", "refused_at", "told_at")


def rfc3339(at: datetime) -> str:
    """A time as `2026-01-31T12:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(row: Row) -> datetime:
    """When what a row tells happened."""
    found: datetime = next(row[name] for name in _TIME_COLUMNS if name in row)
    return found


def of_event(row: Row, currency: str) -> Step:
    """An event of the payment; the calls it makes are told with the key the provider sees."""
    body: dict[str, Any] = row["body"]
    details = {name: value for name, value in body.items() if name not in _SHOWN_APART and value is not None}
    call_attempt = _call_attempt(row["type"], body)
    if call_attempt is not None:
        details["provider_idempotency_key"] = ids.psp_key(body["operation_id"], call_attempt)
    return Step(
        at=rfc3339(time_of(row)),
        context="payments",
        id=row["event_id"],
        what=_event_line(row["type"], body),
        place=_place(row),
        actor=_actor(row),
        version=row["version"] or None,
        amount=_amount(body.get("amount_minor"), body.get("currency") or currency),
        provider_ref=body.get("provider_ref"),
        details=details,
    )


def of_request(row: Row) -> Step:
    """A request to the API and the answer it got."""
    details = {
        name: row[name]
        for name in ("object_id", "object_version", "idempotency_key", "is_replayed", "duration_us")
        if row[name] is not None
    }
    replayed = ", replayed" if row["is_replayed"] else ""
    return Step(
        at=rfc3339(time_of(row)),
        context="api",
        id=row["request_id"],
        what=f"{row['method']} {row['route']} -> {row['status']} {row['outcome']}{replayed}",
        place=_place(row),
        actor=_actor(row),
        details=details,
    )


def of_decision(row: Row) -> Step:
    """A decision of risk, with everything it was made from."""
    matched = f"rule {row['rule']}" if row["rule"] else "no rule"
    return Step(
        at=rfc3339(time_of(row)),
        context="risk",
        id=row["assessment_id"],
        what=f"{row['verdict']}: {matched}, {row['reason_code']}",
        place=_place(row),
        amount=_amount(row["amount_minor"], row["currency"]),
        details={"attempt": row["attempt"], "ruleset_id": row["ruleset_id"], "inputs": row["inputs"]},
    )


def of_transaction(row: Row, entries: Sequence[Row]) -> Step:
    """A transaction of the ledger and its legs."""
    details = {"operation_id": row["reference_id"], "seq": row["seq"], "terms_version": row["terms_version"]}
    if row["available_at"] is not None:
        details["available_at"] = rfc3339(row["available_at"])
    return Step(
        at=rfc3339(time_of(row)),
        context="ledger",
        id=row["transaction_id"],
        what=f"{row['type']} {row['status']}",
        place=_place(row),
        actor=_actor(row),
        version=row["_version"] or None,
        amount=_amount(row["amount_minor"], row["currency"]),
        legs=tuple(
            Leg(
                account_id=entry["account_id"],
                direction=entry["direction"],
                phase=entry["phase"],
                amount=Amount(amount_minor=entry["amount_minor"], currency=entry["currency"]),
            )
            for entry in entries
        ),
        details=details,
    )


def of_ledger_refusal(row: Row) -> Step:
    """A posting the ledger refused."""
    return Step(
        at=rfc3339(time_of(row)),
        context="ledger",
        id=row["transaction_id"],
        what=f"{row['command']} refused: {row['outcome']}",
        place=_place(row),
        version=row["_version"] or None,
        amount=_amount(row["amount_minor"], row["currency"]),
        details={"operation_id": row["reference_id"], "seq": row["seq"]},
    )


def of_webhook_event(row: Row) -> Step:
    """An event that was rendered for the merchant, and how its deliveries stand."""
    deliveries: list[dict[str, Any]] = row["deliveries"] or []
    told = ", ".join(sorted(one["status"] for one in deliveries)) or "no endpoint"
    return Step(
        at=rfc3339(time_of(row)),
        context="webhooks",
        id=row["event_id"],
        what=f"{row['type']} sent out: {told}",
        place=_place(row),
        version=row["_version"] or None,
        details={"deliveries": deliveries},
    )


def of_attempt(row: Row) -> Step:
    """An attempt to deliver an event."""
    answer = row["error"] or "no answer" if row["http_status"] is None else f"HTTP {row['http_status']}"
    details = {
        "message_id": row["message_id"],
        "event_id": row["webhook_event_id"],
        "endpoint_id": row["endpoint_id"],
        "latency_ms": row["latency_ms"],
    }
    if row["next_attempt_at"] is not None:
        details["next_attempt_at"] = rfc3339(row["next_attempt_at"])
    return Step(
        at=rfc3339(time_of(row)),
        context="webhooks",
        id=row["message_id"],
        what=f"{row['type']} attempt {row['attempt']} {row['outcome']}: {answer}",
        place=_place(row),
        actor=_actor(row),
        details=details,
    )


def of_recon_event(row: Row) -> Step:
    """How a reference of the provider came to match, or not."""
    after: dict[str, Any] = row["after"] or {}
    settled = _amount(after.get("settled_minor"), after.get("settled_currency"))
    expected = _amount(after.get("expected_minor"), after.get("expected_currency"))
    shown_apart = {"provider", "provider_ref", "status", "version"}
    return Step(
        at=rfc3339(time_of(row)),
        context="reconciliation",
        id=row["match_key"],
        what=f"{row['type']}: {after.get('status', 'unknown')}",
        place=_place(row),
        actor=_actor(row),
        version=row["version"] or None,
        amount=settled or expected,
        provider_ref=after.get("provider_ref"),
        details={name: value for name, value in after.items() if name not in shown_apart},
    )


def of_file(row: Row) -> Step:
    """The provider's file in which a movement of the payment was settled, or that was refused."""
    named = ("file_name", "sha256", "batch_id", "settled_on", "lines", "problem", "detail", "line")
    return Step(
        at=rfc3339(time_of(row)),
        context="bank",
        id=row["file_id"],
        what=f"settlement file {row['file_name']} {row['status']}{', restated' if row['is_restated'] else ''}",
        place=_place(row),
        amount=_amount(row["net_minor"], row["currency"]),
        details={name: row[name] for name in named if row[name] is not None},
    )


def _event_line(kind: str, body: dict[str, Any]) -> str:
    match kind:
        case "CommandRefused":
            return f"{body['command']} refused: {body['outcome']}"
        case "PaymentFailed" | "CaptureFailed" | "VoidFailed" | "RefundFailed":
            return f"{kind}: {body['code']} ({body['proof']})"
        case "OperationUnknown" | "OperationQueried":
            return f"{kind}: query {body['query']}"
        case "OperationHeldForReview":
            return f"{kind}: {body['conflict']}"
        case "PaymentReviewed":
            return f"{kind}: {body['decision']}"
        case "PaymentBlocked" | "PaymentHeldForReview":
            return f"{kind}: {body['reason_code']}"
        case _:
            return kind


def _call_attempt(kind: str, body: dict[str, Any]) -> int | None:
    """Number of the call an event lets the gateway make; None for those that make none."""
    match kind:
        case "AuthorizationRequested" | "CaptureRequested" | "VoidRequested" | "RefundReserved":
            return 0
        case "RefundRequested" if body.get("cause") != "requested":
            return 0
        case "OperationRetried":
            return int(body["call_attempt"])
        case _:
            return None


def _place(row: Row) -> Place:
    return Place(topic=row["_topic"], partition=row["_partition"], offset=row["_offset"])


def _actor(row: Row) -> str | None:
    if "actor_role" not in row:
        return None
    return f"{row['actor_role']} {row['actor_principal']}"


def _amount(amount_minor: int | None, currency: str | None) -> Amount | None:
    if amount_minor is None or currency is None:
        return None
    return Amount(amount_minor=amount_minor, currency=currency)
