"""What is the merchant told of a payment's event?"""

from typing import Final

from msgspec.structs import replace

from schemas import ids, topics
from schemas.envelope import Body, Message
from schemas.payment_views import PaymentView, RefundView
from schemas.payments import (
    AggregateEvent,
    PaymentAuthorized,
    PaymentBlocked,
    PaymentCaptured,
    PaymentExpired,
    PaymentFailed,
    PaymentHeldForReview,
    PaymentIntentCanceled,
    PaymentNotes,
    PaymentRequiresAction,
    PaymentVoided,
    RefundFailed,
    RefundSucceeded,
)
from schemas.webhooks import AnnounceEvent, EventType
from streams.core import NO_SUBJECT, Send
from streams.payments.state import Payment, indexed
from streams.payments.views import moment, view

_TYPES: Final[dict[type[Body], EventType]] = {
    PaymentAuthorized: "payment.authorized",
    PaymentCaptured: "payment.captured",
    PaymentVoided: "payment.voided",
    PaymentExpired: "payment.expired",
    PaymentIntentCanceled: "payment.canceled",
    PaymentFailed: "payment.failed",
    PaymentBlocked: "payment.failed",
    PaymentRequiresAction: "payment.requires_action",
    PaymentHeldForReview: "payment.in_review",
    RefundSucceeded: "refund.succeeded",
    RefundFailed: "refund.failed",
}
"""Events a merchant is told of; the others are between us and others."""


def announced(state: Payment, event: Message[AggregateEvent]) -> Send | None:
    """The event as the merchant sees it, with the payment or refund as it is now; None for most events."""
    body = event.body
    kind = _TYPES.get(type(body))
    if kind is None:
        return None
    subject = NO_SUBJECT
    if isinstance(body, RefundSucceeded | RefundFailed):
        subject = indexed(state, body.operation_id)
    announcement = AnnounceEvent(
        event_id=event.envelope.message_id,
        type=kind,
        payment_id=f"pay_{state.payment_key}",
        sequence=state.version,
        object=_without_personal(view(state, moment(state, subject))),
    )
    return Send(topics.WEBHOOKS_EVENTS_PAYMENTS, announcement, key=ids.key_of(state.merchant_id))


def _without_personal(shown: PaymentView | RefundView) -> PaymentView | RefundView:
    """What the merchant typed stays where it can be erased."""
    match shown:
        case PaymentView():
            return replace(shown, notes=PaymentNotes())
        case RefundView():
            return replace(shown, reason=None)
