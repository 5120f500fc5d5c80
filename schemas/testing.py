"""How do tests say messages: builders with harmless defaults, so that a case names only what matters."""

from typing import Any, TypeVar

from schemas import ids
from schemas.envelope import Actor, Body, Envelope, Message, ReplyAddress, Request
from schemas.fingerprint import fingerprint

B = TypeVar("B", bound=Body)

MERCHANT = ids.merchant_id(cell="00", mode="test", idempotency_key="first merchant")
OTHER_MERCHANT = ids.merchant_id(cell="00", mode="test", idempotency_key="second merchant")
PAYMENT_KEY = ids.payment_key(mode="test", merchant=MERCHANT, source="api", idempotency_key="order-1")
START_MS = 1_800_000_000_000
"""The time most tests begin at."""

_MERCHANT_ACTOR = Actor(role="merchant", principal=MERCHANT, key_id="key_1")
_OPERATOR_ACTOR = Actor(role="operator", principal="opr_1", key_id="key_2")
_PROVIDER_ACTOR = Actor(role="provider", principal="simulator")


def envelope(message_id: str, *, at_ms: int = START_MS, **changes: Any) -> Envelope:
    """An envelope of the first merchant in test mode, occurring at `at_ms`."""
    fields: dict[str, Any] = {
        "message_id": message_id,
        "causation_id": message_id,
        "correlation_id": "req_1",
        "occurred_at_ms": at_ms,
        "mode": "test",
        "merchant_id": MERCHANT,
        "cell": "00",
        "actor": _MERCHANT_ACTOR,
    }
    return Envelope(**{**fields, **changes})


def command(
    body: B, *, key: str = "k1", at_ms: int = START_MS, merchant: str = MERCHANT, **changes: Any
) -> Message[B]:
    """A command of a merchant under idempotency key `key`, with a caller that waits 10 s."""
    command_id = ids.command_id(
        mode="test", merchant=merchant, route=type(body).__name__, target="", idempotency_key=key
    )
    request_id = changes.pop("request_id", "req_1")
    reply_to = ReplyAddress(partition=0, request_id=request_id, expires_at_ms=at_ms + 10_000)
    request = Request(command_id=command_id, fingerprint=fingerprint(body), reply_to=reply_to)
    return Message(
        envelope=envelope(command_id, at_ms=at_ms, merchant_id=merchant, request=request, **changes),
        body=body,
    )


def operator_command(body: B, *, key: str = "k1", at_ms: int = START_MS) -> Message[B]:
    """A command of an operator, who acts for no merchant."""
    return command(body, key=key, at_ms=at_ms, merchant="platform", actor=_OPERATOR_ACTOR)


def from_provider(body: B, *, message_id: str = "result-1", at_ms: int = START_MS) -> Message[B]:
    """A result or callback as the gateway or the API writes it."""
    return Message(envelope=envelope(message_id, at_ms=at_ms, actor=_PROVIDER_ACTOR), body=body)
