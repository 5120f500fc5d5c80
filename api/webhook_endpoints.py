"""Where does a merchant receive its events: endpoints created, listed, read and deleted."""

import base64
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from api import parsing
from api.accounts import derived_bytes
from api.answers import Answer, to_json
from api.calls import Call
from api.endpoint_urls import checked_url
from api.lists import list_answer, page_of
from api.problems import Problem
from api.recent import newer
from api.results import result_answer
from api.services import Services
from api.webhook_queries import StoredAttempt
from schemas import ids, topics
from schemas.api import Reply, View
from schemas.merchants import CreateWebhookEndpoint, DeleteWebhookEndpoint, WebhookEndpointView
from schemas.outcomes import Outcome
from schemas.rendering import rfc3339
from schemas.webhooks import EVERY_TYPE, EventType

ASKED_TYPES = EventType | Literal["*"]
_PARAMS = {"url": "url", "event_types": "event_types"}


class CreateBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /v1/webhook_endpoints. event_types: which events to send; all without."""

    url: str
    event_types: tuple[ASKED_TYPES, ...] = (EVERY_TYPE,)
    idempotency_key: str | None = None


class EndpointAnswer(Struct, frozen=True, kw_only=True):
    """A webhook endpoint. secret: only in the answer to its creation and repeats of it."""

    object: str = "webhook_endpoint"
    endpoint_id: str
    merchant_id: str
    url: str
    event_types: tuple[str, ...]
    deleted: bool
    created_at: str
    version: int
    secret: str | UnsetType = UNSET


class AttemptAnswer(Struct, frozen=True, kw_only=True):
    """One attempt to deliver an event. error: why there was no HTTP status; next_attempt_at: of a failed one."""

    object: str = "webhook_attempt"
    message_id: str
    event_id: str
    type: str
    payment_id: str
    attempt: int
    outcome: str
    http_status: int | None
    error: str | None
    latency_ms: int
    next_attempt_at: str | None
    attempted_at: str


async def create(services: Services, call: Call) -> Answer:
    """POST /v1/webhook_endpoints: the endpoint and the secret its events are signed with, shown only here."""
    body = parsing.parse_body(call.body, CreateBody)
    if services.sealer is None:
        raise Problem(Outcome.UNAVAILABLE, "webhooks are not set up here; set MILLRACE_WEBHOOKS_SEALING_KEY")
    url, event_types = checked_url(body.url, call.mode), event_types_of(body.event_types)
    scope = call.scope(body.idempotency_key)
    endpoint_id = ids.endpoint_id(merchant=call.merchant_id, idempotency_key=scope.key)
    secret = signing_secret(call, scope.key)
    command = CreateWebhookEndpoint(
        endpoint_id=endpoint_id,
        url=url,
        event_types=event_types,
        sealed_secret=services.sealer.seal(secret, name=endpoint_id),
    )
    reply = await _asked(services, call, command, scope.command_id(endpoint_id))
    return _told(services, reply, endpoint_id, secret=secret_text(secret))


async def list_endpoints(services: Services, call: Call) -> Answer:
    """GET /v1/webhook_endpoints: those that are not deleted, newest first."""
    page = page_of(call.query("limit", "starting_after"))
    if page.starting_after is not None:
        await _found(services, page.starting_after, call.merchant_id, missing=_NO_SUCH_START)
    found = await services.webhooks.endpoints(call.merchant_id, page.starting_after, page.limit + 1)
    known = [newer(one, services.recent.endpoint(one.endpoint_id, call.merchant_id)) for one in found]
    return list_answer(call, page, [_shown(one) for one in known if one is not None and not one.is_deleted])


async def get(services: Services, call: Call) -> Answer:
    """GET /v1/webhook_endpoints/{endpoint_id}; a deleted one says so."""
    view = await _found(services, _endpoint_id(call), call.merchant_id)
    return Answer(
        outcome=Outcome.SUCCEEDED,
        body=to_json(_shown(view)),
        object_id=view.endpoint_id,
        object_version=view.version,
    )


async def delete(services: Services, call: Call) -> Answer:
    """DELETE /v1/webhook_endpoints/{endpoint_id}; again is a success too."""
    endpoint_id = _endpoint_id(call)
    scope = call.scope(None)
    command = DeleteWebhookEndpoint(endpoint_id=endpoint_id)
    reply = await _asked(services, call, command, scope.command_id(endpoint_id))
    return _told(services, reply, endpoint_id)


async def attempts(services: Services, call: Call) -> Answer:
    """GET /v1/webhook_endpoints/{endpoint_id}/attempts, newest first."""
    view = await _found(services, _endpoint_id(call), call.merchant_id)
    page = page_of(call.query("limit"))
    found = await services.webhooks.attempts(view.endpoint_id, page.limit + 1)
    return list_answer(call, page, [_attempt(one) for one in found])


def signing_secret(call: Call, key: str) -> bytes:
    """The secret of the endpoint created under idempotency key `key`: 32 bytes.

    It is derived from the merchant's own secret key, so that a retry shows the same one although we
    keep it only sealed.
    """
    return derived_bytes(call, key)


def secret_text(secret: bytes) -> str:
    """A signing secret as merchants are shown it and as Standard Webhooks libraries take it."""
    return "whsec_" + base64.b64encode(secret).decode()


_NO_SUCH_START = Problem(
    Outcome.PARAMETER_INVALID, "you have no such webhook endpoint", param="starting_after"
)


async def _asked(
    services: Services, call: Call, command: CreateWebhookEndpoint | DeleteWebhookEndpoint, command_id: str
) -> Reply | None:
    key = ids.key_of(call.merchant_id)
    assert key is not None, f"{call.merchant_id} is no merchant id"
    return await services.commands.ask(
        call,
        topics.MERCHANTS_COMMANDS,
        command,
        key=key,
        command_id=command_id,
        merchant_id=call.merchant_id,
    )


def _told(
    services: Services, reply: Reply | None, endpoint_id: str, *, secret: str | UnsetType = UNSET
) -> Answer:
    def body(view: View) -> tuple[object, int]:
        assert isinstance(view, WebhookEndpointView), "what is done to an endpoint is told with it"
        services.recent.remember_endpoint(view)
        return _shown(view, secret), view.version

    return result_answer(reply, endpoint_id, body, params=_PARAMS, headers={"Cache-Control": "no-store"})


async def _found(
    services: Services, endpoint_id: str, merchant_id: str, *, missing: Problem | None = None
) -> WebhookEndpointView:
    stored = await services.webhooks.endpoint(endpoint_id, merchant_id)
    view = newer(stored, services.recent.endpoint(endpoint_id, merchant_id))
    if view is None:
        raise missing or Problem(Outcome.NOT_FOUND)
    return view


def _endpoint_id(call: Call) -> str:
    endpoint_id = call.part("endpoint_id")
    parsing.object_key(endpoint_id, "we")
    return endpoint_id


def event_types_of(asked: tuple[ASKED_TYPES, ...]) -> tuple[str, ...]:
    """The types asked for, each once and in order, `*` alone where it is among them. Raises Problem for none."""
    if not asked:
        raise Problem(
            Outcome.PARAMETER_INVALID, "at least one event type, or leave it out", param="event_types"
        )
    return (EVERY_TYPE,) if EVERY_TYPE in asked else tuple(sorted(set(asked)))


def _shown(view: WebhookEndpointView, secret: str | UnsetType = UNSET) -> EndpointAnswer:
    return EndpointAnswer(
        endpoint_id=view.endpoint_id,
        merchant_id=view.merchant_id,
        url=view.url,
        event_types=view.event_types,
        deleted=view.is_deleted,
        created_at=rfc3339(view.created_at_ms),
        version=view.version,
        secret=secret,
    )


def _attempt(stored: StoredAttempt) -> AttemptAnswer:
    next_ms = stored.next_attempt_at_ms
    return AttemptAnswer(
        message_id=stored.message_id,
        event_id=stored.event_id,
        type=stored.type,
        payment_id=stored.payment_id,
        attempt=stored.attempt,
        outcome=stored.outcome,
        http_status=stored.http_status,
        error=stored.error,
        latency_ms=stored.latency_ms,
        next_attempt_at=None if next_ms is None else rfc3339(next_ms),
        attempted_at=rfc3339(stored.occurred_at_ms),
    )
