"""What do the routes of webhooks and terms say, before and after the stage has decided?"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from multidict import CIMultiDict

from api import webhook_endpoints
from api.auth import Caller
from api.calls import Call
from api.parsing import parse_body
from api.problems import Problem
from api.recent import RecentViews
from api.resends import ResendBody, resend
from api.services import Services
from api.webhook_endpoints import CreateBody, create, delete, get, secret_text, signing_secret
from api.webhook_queries import SentEvent
from schemas.api import Reply, View
from schemas.envelope import Body, Mode
from schemas.merchants import CreateWebhookEndpoint, DeleteWebhookEndpoint, WebhookEndpointView
from schemas.outcomes import Outcome
from schemas.sealing import Sealer
from schemas.testing import MERCHANT, OTHER_MERCHANT
from schemas.webhooks import ResendEvent, ResendView

SEALER = Sealer("ab" * 32)
SENT = SentEvent("evt_1", "payment.captured", "pay_1", b'{"id":"evt_1"}')


class Request:
    """A request as far as the handlers look at it."""

    def __init__(self, parts: Mapping[str, str]) -> None:
        self.headers = CIMultiDict({"Idempotency-Key": "key-1"})
        self.match_info = dict(parts)


@dataclass
class Platform:
    """The stages and the database, in memory: answers every command with `outcome` and `view`."""

    outcome: Outcome = Outcome.CREATED
    view: View | None = None
    stored: dict[str, WebhookEndpointView] = field(default_factory=dict)
    asked: list[Body] = field(default_factory=list)
    recent: RecentViews = field(default_factory=RecentViews)
    sealer: Sealer | None = SEALER

    @property
    def commands(self) -> "Platform":
        return self

    @property
    def webhooks(self) -> "Platform":
        return self

    async def ask(self, call: Call, topic: object, body: Body, **_: object) -> Reply:
        self.asked.append(body)
        view = self.view
        if isinstance(body, CreateWebhookEndpoint):
            view = endpoint(body.endpoint_id, url=body.url, event_types=body.event_types)
        number = self.outcome.value.number
        return Reply(request_id=call.request_id, command_id="cmd_1", outcome=number, view=view)

    async def endpoint(self, endpoint_id: str, merchant_id: str) -> WebhookEndpointView | None:
        found = self.stored.get(endpoint_id)
        return found if found is not None and found.merchant_id == merchant_id else None

    async def event(self, event_id: str, merchant_id: str) -> SentEvent | None:
        return SENT if (event_id, merchant_id) == ("evt_1", MERCHANT) else None


def endpoint(name: str, **changed: Any) -> WebhookEndpointView:
    fields = {"url": "https://shop.example.com", "event_types": ("*",), "created_at_ms": 0, "version": 3}
    return WebhookEndpointView(endpoint_id=name, merchant_id=MERCHANT, **{**fields, **changed})


def call(body: object = None, merchant: str = MERCHANT, mode: Mode = "test", **parts: str) -> Call:
    return Call(
        request=cast("Any", Request(parts)),
        request_id="req_1",
        route="/v1/webhook_endpoints",
        mode=mode,
        accepted_at_ms=0,
        body=b"{}" if body is None else json.dumps(body).encode(),
        caller=Caller(role="merchant", principal=merchant, key_id="key_1"),
        secret_key="sk_test_1",
    )


def services(platform: Platform) -> Services:
    return cast("Services", platform)


ENDPOINT_ID = f"we_{MERCHANT.partition('_')[2]}"


async def test_the_secret_is_shown_once_and_travels_sealed() -> None:
    """A retry under the same key shows it again, because it follows from the merchant's own key."""
    platform = Platform()
    first, again = [
        json.loads((await create(services(platform), call({"url": "https://shop.example.com"}))).body)
        for _ in range(2)
    ]
    assert first == again
    assert 32 == len(base64.b64decode(first["secret"].removeprefix("whsec_")))
    (command, repeated) = platform.asked
    assert isinstance(command, CreateWebhookEndpoint) and command == repeated
    secret = SEALER.open(command.sealed_secret, name=command.endpoint_id)
    assert secret_text(secret) == first["secret"] == secret_text(signing_secret(call(), "key-1"))
    assert (["*"], False, MERCHANT) == (first["event_types"], first["deleted"], first["merchant_id"])


async def test_reading_shows_no_secret_and_what_this_process_just_saw() -> None:
    """The database is a moment behind; a merchant must find what it just created."""
    platform = Platform()
    await create(services(platform), call({"url": "https://shop.example.com"}))
    (made,) = [one for one in platform.asked if isinstance(one, CreateWebhookEndpoint)]
    read = json.loads((await get(services(platform), call(endpoint_id=made.endpoint_id))).body)
    assert "secret" not in read
    platform.stored[made.endpoint_id] = endpoint(made.endpoint_id, version=9, is_deleted=True)
    read = json.loads((await get(services(platform), call(endpoint_id=made.endpoint_id))).body)
    assert (True, 9) == (read["deleted"], read["version"])


@pytest.mark.parametrize("name", ["we_1", "mer_1", f"pay_{'0' * 26}", ENDPOINT_ID])
async def test_what_is_not_the_merchants_is_not_there(name: str) -> None:
    """Malformed, unknown and foreign ids are told apart by nobody."""
    platform = Platform(stored={ENDPOINT_ID: endpoint(ENDPOINT_ID)})
    with pytest.raises(Problem, match="not_found"):
        await get(services(platform), call(merchant=OTHER_MERCHANT, endpoint_id=name))


async def test_a_deletion_is_told_with_the_endpoint() -> None:
    """Whoever asks again is told the same."""
    platform = Platform(Outcome.SUCCEEDED, view=endpoint(ENDPOINT_ID, is_deleted=True))
    told = json.loads((await delete(services(platform), call(endpoint_id=ENDPOINT_ID))).body)
    assert (True, ENDPOINT_ID) == (told["deleted"], told["endpoint_id"])
    assert [DeleteWebhookEndpoint(endpoint_id=ENDPOINT_ID)] == platform.asked


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "url"),
        ({"url": "http://shop.example.com"}, "url"),
        ({"url": 1}, "url"),
        ({"url": "https://shop.example.com", "event_types": []}, "event_types"),
        ({"url": "https://shop.example.com", "event_types": ["payment.exploded"]}, "event_types[0]"),
        ({"url": "https://shop.example.com", "secret": "mine"}, "secret"),
    ],
)
async def test_a_bad_endpoint_is_refused_by_name(body: dict[str, object], param: str) -> None:
    """And nothing is asked of the stage."""
    platform = Platform()
    with pytest.raises(Problem) as refused:
        await create(services(platform), call(body))
    assert (400, param) == (refused.value.outcome.value.http_status, refused.value.param)
    assert [] == platform.asked


async def test_without_a_sealing_key_no_endpoint_is_created() -> None:
    """The operator is told which setting is missing."""
    with pytest.raises(Problem, match="MILLRACE_WEBHOOKS_SEALING_KEY"):
        await create(services(Platform(sealer=None)), call({"url": "https://shop.example.com"}))


async def test_the_limit_of_endpoints_is_told() -> None:
    """A refusal of the stage is the answer."""
    with pytest.raises(Problem) as refused:
        await create(
            services(Platform(Outcome.TOO_MANY_ENDPOINTS)), call({"url": "https://shop.example.com"})
        )
    assert Outcome.TOO_MANY_ENDPOINTS is refused.value.outcome


def test_event_types_are_a_set() -> None:
    """The same endpoint asked for in another order is the same request."""
    body = parse_body(
        b'{"url": "u", "event_types": ["refund.failed", "payment.voided", "refund.failed"]}', CreateBody
    )
    assert ("payment.voided", "refund.failed") == webhook_endpoints.event_types_of(body.event_types)
    assert ("*",) == webhook_endpoints.event_types_of(("payment.voided", "*"))


async def test_a_resend_sends_what_was_sent() -> None:
    """The stored bytes, so that the signature is over the same body."""
    view = ResendView(event_id="evt_1", endpoint_ids=(ENDPOINT_ID,), version=4)
    platform = Platform(Outcome.SUCCEEDED, view=view)
    answer = await resend(services(platform), call({"endpoint_id": ENDPOINT_ID}, event_id="evt_1"))
    assert {"object": "webhook_resend", "event_id": "evt_1", "endpoint_ids": [ENDPOINT_ID]} == json.loads(
        answer.body
    )
    (command,) = platform.asked
    assert isinstance(command, ResendEvent)
    assert (SENT.payload, SENT.type, ENDPOINT_ID) == (command.payload, command.type, command.endpoint_id)


@pytest.mark.parametrize(
    ("merchant", "event_id", "body"),
    [
        (MERCHANT, "evt_2", {}),
        (OTHER_MERCHANT, "evt_1", {}),
        (MERCHANT, "evt_1\x00", {}),
        (MERCHANT, "evt_1" * 50, {}),
        (MERCHANT, "evt_1", {"endpoint_id": "we_other"}),
    ],
)
async def test_a_resend_of_what_is_not_there_is_not_found(
    merchant: str, event_id: str, body: dict[str, object]
) -> None:
    """Unknown and foreign events, and endpoints that cannot exist."""
    platform = Platform()
    with pytest.raises(Problem, match="not_found"):
        await resend(services(platform), call(body, merchant, event_id=event_id))
    assert [] == platform.asked
    assert ResendBody() == parse_body(b"{}", ResendBody)
