"""What do benchmarks put on topics: the envelope of a message, and a capture for the ledger?"""

from typing import Final

from schemas import ids
from schemas.envelope import PLATFORM, Actor, Envelope, Request
from schemas.ledger import RecordCapture

START_MS: Final = 1_800_000_000_000
"""When everything in a benchmark occurs."""


def envelope(
    message_id: str, merchant: str, *, actor: Actor = PLATFORM, request: Request | None = None
) -> Envelope:
    """Of a message that nothing caused."""
    return Envelope(
        message_id=message_id,
        causation_id=message_id,
        correlation_id=message_id,
        occurred_at_ms=START_MS,
        mode="test",
        merchant_id=merchant,
        cell="00",
        actor=actor,
        request=request,
    )


def capture(merchant: str, payment: str) -> RecordCapture:
    """25.99 USD of a payment, whose key is given, with nothing held."""
    return RecordCapture(
        transaction_id=ids.transaction_id(merchant, payment, "capture"),
        operation_id=ids.authorization_id(payment, 1),
        payment_id=f"pay_{payment}",
        provider="simulator",
        amount_minor=2_599,
        currency="USD",
    )
