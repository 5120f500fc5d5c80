"""What is said about webhooks: events to announce, deliveries to make, and what became of each attempt."""

from typing import Final, Literal

from msgspec import Struct

from schemas.envelope import Body, Code, CommandRefused, Identifier, Sealed
from schemas.payment_views import PaymentView, RefundView
from schemas.payments import Url

EventType = Literal[
    "payment.authorized",
    "payment.captured",
    "payment.voided",
    "payment.expired",
    "payment.canceled",
    "payment.failed",
    "payment.requires_action",
    "payment.in_review",
    "refund.succeeded",
    "refund.failed",
]
EVERY_TYPE: Final = "*"
AttemptOutcome = Literal["delivered", "failed", "exhausted"]
MAX_ENDPOINTS: Final = 16
"""Endpoints of one merchant."""


class AnnounceEvent(Body, frozen=True, kw_only=True):
    """Tell the merchant of the envelope that something happened. sequence: version of the payment."""

    event_id: Identifier
    type: EventType
    payment_id: Identifier
    sequence: int
    object: PaymentView | RefundView


class ResendEvent(Body, frozen=True, kw_only=True):
    """Deliver an event again, as it was first rendered, to one endpoint or to all that are there now."""

    event_id: Identifier
    type: EventType
    payment_id: Identifier
    payload: bytes
    endpoint_id: Identifier | None = None


class Endpoint(Struct, frozen=True, kw_only=True):
    """Where a merchant receives events. sealed_secret: what they are signed with."""

    endpoint_id: Identifier
    url: Url
    event_types: tuple[Code, ...]
    sealed_secret: Sealed


class EndpointAdded(Body, frozen=True, kw_only=True):
    """From now on events of the merchant go to this endpoint too."""

    endpoint: Endpoint


class EndpointRemoved(Body, frozen=True, kw_only=True):
    """No more events go to this endpoint."""

    endpoint_id: Identifier


class EventPublished(Body, frozen=True, kw_only=True):
    """An event, rendered once, and the endpoints it goes to. payload: JSON, sent and signed byte for byte.

    endpoint_ids: may be empty; an endpoint that comes later can be sent the event on request.
    """

    event_id: Identifier
    type: Code
    payment_id: Identifier
    payload: bytes
    endpoint_ids: tuple[Identifier, ...]


class EventResent(Body, frozen=True, kw_only=True):
    """An event goes out once more, on request. payload: as it was first rendered."""

    event_id: Identifier
    type: Code
    payment_id: Identifier
    payload: bytes
    endpoint_ids: tuple[Identifier, ...]


AggregateEvent = EndpointAdded | EndpointRemoved | EventPublished | EventResent
Event = AggregateEvent | CommandRefused


class DeliverMessage(Body, frozen=True, kw_only=True):
    """Deliver one event to one endpoint; tried again later until it is delivered or exhausted.

    message_id: the same for every attempt, so that the receiver can drop repeats. attempt: 1, 2, ...
    begun_at_ms: when the first attempt was due. due_at_ms: not to be sent earlier.
    is_resend: asked for once more; a failure of it is final.
    """

    message_id: Identifier
    event_id: Identifier
    type: Code
    payment_id: Identifier
    endpoint: Endpoint
    payload: bytes
    attempt: int
    begun_at_ms: int
    due_at_ms: int
    is_resend: bool = False


class DeliveryAttempted(Body, frozen=True, kw_only=True):
    """One attempt to deliver a message. http_status: None without an answer. error: why there was none.

    failed: tried again at next_attempt_at_ms. exhausted: never tried again.
    is_resend: it was asked for; attempts the schedule still holds go on all the same.
    """

    message_id: Identifier
    event_id: Identifier
    type: Code
    payment_id: Identifier
    endpoint_id: Identifier
    attempt: int
    outcome: AttemptOutcome
    latency_ms: int
    http_status: int | None = None
    error: Code | None = None
    next_attempt_at_ms: int | None = None
    is_resend: bool = False


class ResendView(Struct, frozen=True, kw_only=True, tag="webhook_resend", tag_field="object"):
    """A resend as an answer shows it."""

    event_id: Identifier
    endpoint_ids: tuple[Identifier, ...]
    version: int
