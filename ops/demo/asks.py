"""Which HTTP request does a step become?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from ops.demo.steps import Cancel, Capture, Confirm, Create, Refund, Review, Void


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, however often it is sent. route: the path with its parts named, for counting."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    route: str
    secret_key: str
    body: Mapping[str, object] | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The payment a step is about; ids are empty before it is created.

    secret_key: the merchant's. operator_key: of who decides what is held for review.
    """

    secret_key: str
    operator_key: str
    payment_intent_id: str = ""
    payment_id: str = ""


ApiAction = Create | Confirm | Cancel | Capture | Void | Refund | Review
"""Steps that are requests to the API; a customer's check happens at the provider."""

_INTENT = "/v1/payment_intents/{payment_intent_id}"
_PAYMENT = "/v1/payments/{payment_id}"


def ask_of(action: ApiAction, subject: Subject, idempotency_key: str) -> Ask:
    """The request of an action on a payment."""
    route, body = _route_and_body(action)
    return Ask(
        method="POST",
        route=route,
        path=_filled(route, subject),
        secret_key=subject.operator_key if isinstance(action, Review) else subject.secret_key,
        body=body,
        idempotency_key=idempotency_key,
    )


def payment_read(subject: Subject, min_version: int) -> Ask:
    """The request that reads a payment, at least as new as `min_version`."""
    path = f"{_filled(_PAYMENT, subject)}?min_version={min_version}"
    return Ask(method="GET", route=_PAYMENT, path=path, secret_key=subject.secret_key)


def status_read(status_url: str, subject: Subject) -> Ask:
    """The request that reads what became of something pending."""
    collection = status_url.split("/")[2]
    route = {
        "payment_intents": _INTENT,
        "payments": _PAYMENT,
        "refunds": "/v1/refunds/{refund_id}",
    }[collection]
    return Ask(method="GET", route=route, path=status_url, secret_key=subject.secret_key)


def merchant_creation(display_name: str, *, operator_key: str, idempotency_key: str) -> Ask:
    """The request that creates a merchant."""
    return Ask(
        method="POST",
        route="/v1/merchants",
        path="/v1/merchants",
        secret_key=operator_key,
        body={"display_name": display_name},
        idempotency_key=idempotency_key,
    )


def endpoint_creation(url: str, *, secret_key: str, idempotency_key: str) -> Ask:
    """The request that sends a merchant's events to a URL."""
    return Ask(
        method="POST",
        route="/v1/webhook_endpoints",
        path="/v1/webhook_endpoints",
        secret_key=secret_key,
        body={"url": url},
        idempotency_key=idempotency_key,
    )


def endpoint_deletion(endpoint_id: str, *, secret_key: str) -> Ask:
    """The request that ends it."""
    return Ask(
        method="DELETE",
        route="/v1/webhook_endpoints/{endpoint_id}",
        path=f"/v1/webhook_endpoints/{endpoint_id}",
        secret_key=secret_key,
        idempotency_key=f"delete-{endpoint_id}",
    )


def _route_and_body(action: ApiAction) -> tuple[str, dict[str, object]]:
    match action:
        case Create():
            return "/v1/payment_intents", _creation(action)
        case Confirm(card=None):
            return f"{_INTENT}/confirm", {}
        case Confirm(card=card):
            return f"{_INTENT}/confirm", {"payment_method": {"type": "card", "token": card}}
        case Cancel():
            return f"{_INTENT}/cancel", {}
        case Capture(amount_minor=amount_minor):
            return f"{_PAYMENT}/capture", _amount(amount_minor)
        case Void():
            return f"{_PAYMENT}/void", {}
        case Refund(amount_minor=amount_minor):
            return f"{_PAYMENT}/refunds", _amount(amount_minor)
        case Review(decision=decision):
            return f"{_PAYMENT}/review", {"decision": decision, "reason": "a demo's decision"}
        case _:
            assert_never(action)


def _creation(create: Create) -> dict[str, object]:
    return {
        "amount": create.amount_minor,
        "currency": create.currency,
        "capture_method": create.capture_method,
        "customer_id": create.customer_id,
        "payment_method": {"type": "card", "token": create.card},
    }


def _amount(amount_minor: int | None) -> dict[str, object]:
    return {} if amount_minor is None else {"amount": amount_minor}


def _filled(route: str, subject: Subject) -> str:
    return route.format(payment_intent_id=subject.payment_intent_id, payment_id=subject.payment_id)
