"""How is an event delivered once more, as it was first sent?"""

from msgspec import Struct

from api import parsing
from api.answers import REPLAYED_HEADER, Answer, to_json
from api.calls import Call
from api.problems import Problem
from api.services import Services
from schemas import ids, topics
from schemas.outcomes import Outcome
from schemas.webhooks import ResendEvent, ResendView

_MAX_EVENT_ID = 64


class ResendBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/events/{id}/resend; without an endpoint, all that take events of this type."""

    endpoint_id: str | None = None
    idempotency_key: str | None = None


class ResendAnswer(Struct, frozen=True, kw_only=True):
    """A resend and the endpoints it goes to. None of its deliveries is retried."""

    object: str = "webhook_resend"
    event_id: str
    endpoint_ids: tuple[str, ...]


class PendingResend(Struct, frozen=True, kw_only=True):
    """A resend that has no result yet; a repeat with the same idempotency key tells it."""

    object: str = "pending"
    object_id: str


async def resend(services: Services, call: Call) -> Answer:
    """POST /v1/events/{event_id}/resend."""
    event_id = call.part("event_id")
    body = parsing.parse_body(call.body, ResendBody)
    if body.endpoint_id is not None:
        parsing.object_key(body.endpoint_id, "we")
    scope = call.scope(body.idempotency_key)
    sent = None
    if len(event_id) <= _MAX_EVENT_ID and event_id.isascii() and event_id.isprintable():
        sent = await services.webhooks.event(event_id, call.merchant_id)
    if sent is None:
        raise Problem(Outcome.NOT_FOUND, "no such event of yours has been sent to an endpoint")
    command = ResendEvent(
        event_id=sent.event_id,
        type=sent.type,
        payment_id=sent.payment_id,
        payload=sent.payload,
        endpoint_id=body.endpoint_id,
    )
    key = ids.key_of(call.merchant_id)
    assert key is not None, f"{call.merchant_id} is no merchant id"
    reply = await services.commands.ask(
        call,
        topics.WEBHOOKS_COMMANDS,
        command,
        key=key,
        command_id=scope.command_id(event_id),
        merchant_id=call.merchant_id,
    )
    if reply is None:
        return Answer(
            outcome=Outcome.PENDING,
            body=to_json(PendingResend(object_id=event_id)),
            headers={"Retry-After": "1"},
            object_id=event_id,
        )
    outcome = Outcome.numbered(reply.outcome)
    if outcome.value.error_type is not None:
        param = reply.differing[0] if reply.differing else None
        detail = "no webhook endpoint to send it to" if outcome is Outcome.NOT_FOUND else None
        raise Problem(outcome, detail, param=param)
    assert isinstance(reply.view, ResendView), "a resend is told with the endpoints it goes to"
    return Answer(
        outcome=outcome,
        body=to_json(ResendAnswer(event_id=event_id, endpoint_ids=reply.view.endpoint_ids)),
        headers={REPLAYED_HEADER: "true"} if reply.replayed else {},
        object_id=event_id,
        is_replayed=reply.replayed,
    )
