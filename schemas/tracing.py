"""Which ids tell in every log line what it is about: the same names and values in every process.

request_id      the API call at the start of the chain; the tick where time started it
trace_id        derived from request_id, in the form of W3C Trace Context
merchant_id, payment_id, operation_id, provider_ref, idempotency_key, event_id, endpoint_id, message_id
                where the message has them
"""

import re
from hashlib import sha256
from typing import Any, Final

from schemas import ids, topics
from schemas.codec import CodecError, codec_of
from schemas.envelope import Message, Recorded

TRACE_ID_LENGTH: Final = 32
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?\Z")
_OF_BODY: Final = (
    "payment_id",
    "operation_id",
    "provider_ref",
    "idempotency_key",
    "event_id",
    "endpoint_id",
    "transaction_id",
    "file_id",
)
_OF_PAYMENTS: Final = frozenset({"pi", "pay", "auth", "cap", "void", "ref", "asm"})
_OF_AFTER: Final = ("payment_id", "provider_ref")


def trace_id(correlation_id: str) -> str:
    """The trace of a chain of messages: 32 hex characters of SHA-256 over its correlation id.

    Derived, so no record has to carry it and every process comes to the same.
    """
    return sha256(correlation_id.encode()).hexdigest()[:TRACE_ID_LENGTH]


def trace_of_caller(traceparent: str | None) -> str | None:
    """The trace id in a W3C `traceparent` header; None without a valid one."""
    found = _TRACEPARENT.match(traceparent or "")
    if found is None or traceparent is None or traceparent.startswith("ff") or set(found[1]) == {"0"}:
        return None
    return found[1]


def ids_of(message: Message[Any]) -> dict[str, str]:
    """The ids of a message: from its envelope, its body, and the aggregate an event shows."""
    envelope, body = message.envelope, message.body
    found = {
        "request_id": envelope.correlation_id,
        "trace_id": trace_id(envelope.correlation_id),
        "message_id": envelope.message_id,
        "merchant_id": envelope.merchant_id,
    }
    after = message.after if isinstance(message, Recorded) else None
    for source, names in ((after, _OF_AFTER), (body, _OF_BODY)):
        for name in names:
            value = getattr(source, name, None)
            if value:
                found[name] = value
    if "payment_id" not in found and (payment_id := payment_of(found.get("operation_id"))):
        found["payment_id"] = payment_id
    return found


def payment_of(object_id: str | None) -> str | None:
    """Id of the payment that an id of a payment, its intent or one of its operations belongs to; else None."""
    if object_id is None or object_id.partition("_")[0] not in _OF_PAYMENTS:
        return None
    key = ids.key_of(object_id)
    return None if key is None else f"pay_{key}"


def ids_in(topic: str, value: bytes | None) -> dict[str, str]:
    """The ids of the message in a record; none where its bytes or its topic are unknown to us."""
    known = topics.BY_NAME.get(topic)
    if known is None:
        return {}
    try:
        return ids_of(codec_of(known).decode(value))
    except CodecError:
        return {}
