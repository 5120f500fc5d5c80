"""What follows from an event about a merchant's payment: a message to each of its endpoints that takes it.

Endpoints come from the merchants' events, announcements from the payments': two topics without an
order between them. An event announced at about the time an endpoint is added or removed may or may
not go there; what was announced before the endpoint existed can be sent to it by a resend.
"""

from collections.abc import Sequence
from typing import Any, assert_never

from msgspec.structs import replace

from schemas import ids
from schemas.envelope import CommandRefused, Message
from schemas.merchants import Event as MerchantEvent
from schemas.merchants import (
    MerchantCreated,
    MerchantTermsSet,
    OperatorCreated,
    WebhookEndpointCreated,
    WebhookEndpointDeleted,
)
from schemas.outcomes import Outcome
from schemas.topics import WEBHOOKS_DELIVERIES
from schemas.webhooks import (
    AggregateEvent,
    AnnounceEvent,
    DeliverMessage,
    Endpoint,
    EndpointAdded,
    EndpointRemoved,
    EventPublished,
    EventResent,
    ResendEvent,
)
from streams.core import Decision, Effect, Refused, Resolve, Send
from streams.webhooks.payload import rendered
from streams.webhooks.state import MAX_RESENDS, Resend, Webhooks, endpoint_of, takers

Input = MerchantEvent | AnnounceEvent | ResendEvent


def decide(state: Webhooks | None, message: Message[Any]) -> Decision[AggregateEvent]:
    """Follow the merchant's endpoints; publish what is announced; resend what is asked for."""
    body: Input = message.body
    match body:
        case AnnounceEvent():
            return _publish(state, message, body)
        case ResendEvent():
            return _resend(state, body)
        case WebhookEndpointCreated():
            return _add(state, body)
        case WebhookEndpointDeleted(endpoint_id=endpoint_id):
            is_there = endpoint_of(state, endpoint_id) is not None
            return (EndpointRemoved(endpoint_id=endpoint_id),) if is_there else ()
        case MerchantCreated() | OperatorCreated() | MerchantTermsSet() | CommandRefused():
            return ()
        case _:
            assert_never(body)


def evolve(state: Webhooks | None, event: Message[AggregateEvent]) -> Webhooks:
    """The merchant's webhooks after one more event."""
    version = event.envelope.version
    before = state or Webhooks(
        merchant_id=event.envelope.merchant_id, mode=event.envelope.mode, version=version
    )
    changed = replace(before, version=version)
    body = event.body
    match body:
        case EndpointAdded(endpoint=endpoint):
            return replace(changed, endpoints=(*before.endpoints, endpoint))
        case EndpointRemoved(endpoint_id=endpoint_id):
            kept = tuple(one for one in before.endpoints if one.endpoint_id != endpoint_id)
            return replace(changed, endpoints=kept)
        case EventPublished():
            return changed
        case EventResent():
            resend = Resend(event_id=body.event_id, endpoint_ids=body.endpoint_ids, version=version)
            return replace(changed, resends=(*before.resends, resend)[-MAX_RESENDS:])
        case _:
            assert_never(body)


def react(state: Webhooks, event: Message[AggregateEvent]) -> Sequence[Effect]:
    """A published event is delivered to its endpoints; a resent one too, and that is the result."""
    body = event.body
    match body:
        case EventPublished():
            return _deliveries(state, body, event.envelope.occurred_at_ms)
        case EventResent():
            result = Resolve(event.envelope.causation_id, Outcome.SUCCEEDED, state.version)
            return (*_deliveries(state, body, event.envelope.occurred_at_ms), result)
        case EndpointAdded() | EndpointRemoved():
            return ()
        case _:
            assert_never(body)


def deadline_ms(state: Webhooks) -> int | None:
    """Deliveries are timed where they are made."""
    return None


def _publish(
    state: Webhooks | None, message: Message[Any], announced: AnnounceEvent
) -> Decision[AggregateEvent]:
    at_ms = message.envelope.occurred_at_ms
    published = EventPublished(
        event_id=announced.event_id,
        type=announced.type,
        payment_id=announced.payment_id,
        payload=rendered(announced, mode=message.envelope.mode, occurred_at_ms=at_ms),
        endpoint_ids=takers(state, announced.type),
    )
    return (published,)


def _resend(state: Webhooks | None, asked: ResendEvent) -> Decision[AggregateEvent]:
    if asked.endpoint_id is None:
        endpoint_ids = takers(state, asked.type)
    else:
        endpoint_ids = (asked.endpoint_id,) if endpoint_of(state, asked.endpoint_id) else ()
    if not endpoint_ids:
        return Refused(Outcome.NOT_FOUND)
    resent = EventResent(
        event_id=asked.event_id,
        type=asked.type,
        payment_id=asked.payment_id,
        payload=asked.payload,
        endpoint_ids=endpoint_ids,
    )
    return (resent,)


def _add(state: Webhooks | None, created: WebhookEndpointCreated) -> Decision[AggregateEvent]:
    if endpoint_of(state, created.endpoint_id) is not None:
        return ()
    endpoint = Endpoint(
        endpoint_id=created.endpoint_id,
        url=created.url,
        event_types=created.event_types,
        sealed_secret=created.sealed_secret,
    )
    return (EndpointAdded(endpoint=endpoint),)


def _deliveries(state: Webhooks, sent: EventPublished | EventResent, at_ms: int) -> tuple[Send, ...]:
    return tuple(_delivery(state, sent, endpoint_id, at_ms) for endpoint_id in sent.endpoint_ids)


def _delivery(state: Webhooks, sent: EventPublished | EventResent, endpoint_id: str, at_ms: int) -> Send:
    endpoint = endpoint_of(state, endpoint_id)
    assert endpoint is not None, f"an event goes to the endpoint {endpoint_id} that is not there"
    message = DeliverMessage(
        message_id=ids.webhook_message_id(sent.event_id, endpoint_id),
        event_id=sent.event_id,
        type=sent.type,
        payment_id=sent.payment_id,
        endpoint=endpoint,
        payload=sent.payload,
        attempt=1,
        begun_at_ms=at_ms,
        due_at_ms=at_ms,
        is_resend=isinstance(sent, EventResent),
    )
    return Send(WEBHOOKS_DELIVERIES, message, key=endpoint_id)
