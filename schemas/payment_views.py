"""How is a payment or refund shown: in answers, in rows, and after each of its events?"""

from msgspec import Struct

from schemas.envelope import Code, Identifier, PersonalText
from schemas.payments import (
    CaptureMethod,
    PaymentMethod,
    PaymentNotes,
    PaymentStatus,
    RefundStatus,
    Url,
)


class PaymentSnapshot(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment after an event, without what is personal. Amounts in minor units.

    failure_code: why the last authorization failed. provider_ref: of the authorization or sale.
    """

    payment_intent_id: Identifier
    payment_id: Identifier
    merchant_id: Identifier
    status: PaymentStatus
    amount: int
    amount_authorized: int
    amount_captured: int
    amount_refunded: int
    currency: Code
    capture_method: CaptureMethod
    created_at_ms: int
    updated_at_ms: int
    version: int
    customer_id: Identifier | None = None
    payment_method: PaymentMethod | None = None
    authorization_id: Identifier | None = None
    next_action_url: Url | None = None
    failure_code: Code | None = None
    provider: Code | None = None
    provider_ref: Identifier | None = None


class PaymentView(
    PaymentSnapshot, frozen=True, kw_only=True, omit_defaults=True, tag="payment", tag_field="object"
):
    """A payment as an answer shows it."""

    notes: PaymentNotes = PaymentNotes()


class RefundView(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="refund", tag_field="object"):
    """A refund as an answer shows it."""

    refund_id: Identifier
    payment_id: Identifier
    merchant_id: Identifier
    status: RefundStatus
    amount: int
    currency: Code
    created_at_ms: int
    updated_at_ms: int
    version: int
    reason: PersonalText | None = None
    failure_code: Code | None = None
    provider_ref: Identifier | None = None
