"""How is an event delivered once more, as it was first sent?"""

from msgspec import Struct

from api import parsing
from api.answers import Answer
from api.calls import Call
from api.problems import Problem
from api.results import result_answer
from api.services import Services
from schemas import ids, topics
from schemas.api import View
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

    def body_of(view: View) -> tuple[object, None]:
        assert isinstance(view, ResendView), "a resend is told with the endpoints it goes to"
        return ResendAnswer(event_id=event_id, endpoint_ids=view.endpoint_ids), None

    return result_answer(
        reply,
        event_id,
        body_of,
        params={"endpoint_id": "endpoint_id"},
        missing="no webhook endpoint to send it to",
    )
