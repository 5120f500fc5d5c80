"""Which events go where: endpoints followed, events published once, resends answered."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.description import described
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import CommandRefused, Message
from schemas.ledger import Terms
from schemas.merchants import MerchantTermsSet, WebhookEndpointCreated, WebhookEndpointDeleted
from schemas.outcomes import Outcome
from schemas.payment_views import PaymentView, RefundView
from schemas.payments import PaymentStatus, RefundStatus
from schemas.rendering import payment_answer, refund_answer
from schemas.settings import Settings
from schemas.testing import MERCHANT, START_MS, command, envelope
from schemas.topics import Topic
from schemas.webhooks import (
    AnnounceEvent,
    DeliverMessage,
    EndpointAdded,
    EndpointRemoved,
    EventPublished,
    EventResent,
    EventType,
    ResendEvent,
    ResendView,
)
from streams.core import Again, Refused, Repeated, Resolve, Send
from streams.ports import Outbox, Record
from streams.simulator import MemoryStore
from streams.step import StageStep
from streams.table import StateCodec
from streams.testing import History
from streams.webhooks.app import webhooks
from streams.webhooks.payload import API_VERSION, rendered
from streams.webhooks.state import MAX_RESENDS, Webhooks

DECIDER = webhooks(Settings()).decider
KEY = MERCHANT.partition("_")[2]
PAYMENT = PaymentView(
    payment_intent_id=f"pi_{KEY}",
    payment_id=f"pay_{KEY}",
    merchant_id=MERCHANT,
    status=PaymentStatus.CAPTURED,
    amount=2599,
    amount_authorized=2599,
    amount_captured=2599,
    amount_refunded=0,
    currency="USD",
    capture_method="automatic",
    created_at_ms=START_MS,
    updated_at_ms=START_MS,
    version=3,
)
REFUND = RefundView(
    refund_id=f"ref_{KEY}01234567",
    payment_id=f"pay_{KEY}",
    merchant_id=MERCHANT,
    status=RefundStatus.SUCCEEDED,
    amount=100,
    currency="USD",
    created_at_ms=START_MS,
    updated_at_ms=START_MS,
    version=5,
)


def history(*facts: Any) -> History[Webhooks]:
    told = History(DECIDER, KEY)
    for number, body in enumerate(facts):
        told.receive(fact(body, number))
    return told


def fact(body: Any, number: int = 0) -> Message[Any]:
    return Message(envelope=envelope(f"fact-{number}"), body=body)


def created(name: str = "we_1", *event_types: str) -> WebhookEndpointCreated:
    return WebhookEndpointCreated(
        endpoint_id=name,
        url=f"https://{name}.example",
        event_types=event_types or ("*",),
        sealed_secret=b"sealed",
    )


def announced(
    kind: EventType = "payment.captured", shown: PaymentView | RefundView = PAYMENT, number: int = 1
) -> AnnounceEvent:
    return AnnounceEvent(
        event_id=f"evt_{number}", type=kind, payment_id=shown.payment_id, sequence=shown.version, object=shown
    )


def resend(endpoint_id: str | None = None, kind: EventType = "payment.captured") -> ResendEvent:
    return ResendEvent(
        event_id="evt_1", type=kind, payment_id=PAYMENT.payment_id, payload=b"{}", endpoint_id=endpoint_id
    )


@pytest.mark.parametrize(
    ("endpoints", "kind", "takers"),
    [
        ([], "payment.captured", ()),
        ([created()], "payment.captured", ("we_1",)),
        ([created("we_1", "refund.failed")], "payment.captured", ()),
        ([created("we_1", "refund.failed")], "refund.failed", ("we_1",)),
        (
            [created("we_1"), created("we_2", "payment.captured", "payment.voided")],
            "payment.voided",
            ("we_1", "we_2"),
        ),
        ([created("we_1"), WebhookEndpointDeleted(endpoint_id="we_1")], "payment.captured", ()),
        ([created("we_1"), created("we_1")], "payment.captured", ("we_1",)),
    ],
)
def test_an_event_goes_to_the_endpoints_that_take_its_type(
    endpoints: list[Any], kind: EventType, takers: tuple[str, ...]
) -> None:
    """And where nobody takes it yet, it is kept for who comes later and asks."""
    decided = history(*endpoints).receive(fact(announced(kind), 9))
    assert not isinstance(decided, Refused | Repeated | Again)
    (published,) = decided
    assert takers == published.endpoint_ids


@pytest.mark.parametrize(
    "body",
    [
        MerchantTermsSet(merchant_id=MERCHANT, number=1, terms=Terms()),
        CommandRefused(command_id="cmd_1", command="CreateMerchant", outcome="forbidden"),
        WebhookEndpointDeleted(endpoint_id="we_unknown"),
    ],
    ids=lambda body: type(body).__name__,
)
def test_what_else_happens_to_a_merchant_is_passed_over(body: Any) -> None:
    """The topic of merchants says more than webhooks need."""
    for told in (history(), history(created())):
        assert () == told.receive(fact(body, 9))


def deliveries(told: History[Webhooks]) -> list[DeliverMessage]:
    assert told.state is not None
    effects = DECIDER.react(told.state, told.events[-1])
    sent = [effect for effect in effects if isinstance(effect, Send)]
    assert {one.topic for one in sent} <= {topics.WEBHOOKS_DELIVERIES}
    bodies = [one.body for one in sent]
    assert [one.key for one in sent] == [body.endpoint.endpoint_id for body in bodies]  # type: ignore[attr-defined]
    return bodies  # type: ignore[return-value]  # bodies of the topic of deliveries


def test_every_endpoint_gets_a_message_of_its_own() -> None:
    """Its id follows from event and endpoint, so that the receiver can drop repeats."""
    told = history(created("we_1"), created("we_2"), announced())
    first, second = deliveries(told)
    assert ids.webhook_message_id("evt_1", "we_1") == first.message_id != second.message_id
    assert (1, START_MS, START_MS, False) == (
        first.attempt,
        first.begun_at_ms,
        first.due_at_ms,
        first.is_resend,
    )
    assert first.payload == second.payload
    assert "https://we_1.example" == first.endpoint.url


def test_a_resend_sends_the_stored_bytes_to_who_is_there_now() -> None:
    """Under the same message id: a receiver that has it already may drop it."""
    told = history(created("we_1"), announced(), created("we_2", "refund.failed"))
    asked = command(resend("we_2"))
    told.receive(asked)
    (delivery,) = deliveries(told)
    assert (b"{}", True, ids.webhook_message_id("evt_1", "we_2")) == (
        delivery.payload,
        delivery.is_resend,
        delivery.message_id,
    )
    assert told.state is not None
    result = DECIDER.react(told.state, told.events[-1])[-1]
    assert isinstance(result, Resolve)
    assert (asked.envelope.message_id, Outcome.SUCCEEDED) == (result.command_id, result.outcome)
    shown = DECIDER.view(told.state, DECIDER.moment(told.state, result.subject))
    assert ResendView(event_id="evt_1", endpoint_ids=("we_2",), version=4) == shown


@pytest.mark.parametrize(
    ("facts", "asked"),
    [
        ([], resend()),
        ([created("we_1", "refund.failed")], resend()),
        ([created("we_1")], resend("we_2")),
        ([created("we_1"), WebhookEndpointDeleted(endpoint_id="we_1")], resend("we_1")),
    ],
)
def test_a_resend_to_nobody_is_refused(facts: list[Any], asked: ResendEvent) -> None:
    """The caller is told, not left to wait for a delivery."""
    assert Refused(Outcome.NOT_FOUND) == history(*facts).receive(command(asked))


def test_only_the_last_resends_are_remembered() -> None:
    """The row stays small; an older answer has lost its particulars, and nothing else."""
    told = history(created())
    for number in range(MAX_RESENDS + 1):
        told.receive(command(resend(), key=f"k{number}"))
    assert told.state is not None
    assert MAX_RESENDS == len(told.state.resends)
    assert ResendView(event_id="", endpoint_ids=(), version=2) == DECIDER.view(told.state, (2,))


@pytest.mark.parametrize(
    ("kind", "shown", "answer", "omitted"),
    [
        ("payment.captured", PAYMENT, payment_answer(PAYMENT), ["description", "metadata"]),
        ("refund.succeeded", REFUND, refund_answer(REFUND), ["reason"]),
    ],
)
def test_the_payload_shows_the_object_as_the_api_does(
    kind: EventType, shown: PaymentView | RefundView, answer: Any, omitted: list[str]
) -> None:
    """Merchants parse both with the same code."""
    payload = json.loads(rendered(announced(kind, shown), mode="test", occurred_at_ms=START_MS))
    at = "2027-01-15T08:00:00.000Z"
    assert {
        "id": "evt_1",
        "type": kind,
        "timestamp": at,
        "api_version": "1",
        "livemode": False,
        "sequence": shown.version,
        "data": {"object": json.loads(msgspec.json.encode(answer)), "omitted": omitted},
        "event_id": "evt_1",
        "payment_id": PAYMENT.payment_id,
        "occurred_at": at,
    } == payload


def test_the_payload_is_documented() -> None:
    """Names and version are those of the API's description."""
    assert API_VERSION == described()["info"]["version"]
    payload = json.loads(rendered(announced(), mode="live", occurred_at_ms=START_MS))
    assert payload.keys() == described()["components"]["schemas"]["WebhookEvent"]["properties"].keys()
    assert payload["livemode"] is True


class Stage:
    """One task of the stage over a store in memory."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self._step = StageStep(webhooks(Settings()))
        self._offset = 0

    def say(self, topic: Topic, message: Message[Any]) -> Outbox:
        self._offset += 1
        value = codec_of(topic).encode(message)
        return self._step(self._store, [Record(topic.name, 0, self._offset, KEY.encode(), value, START_MS)])


def test_the_stage_says_what_its_topics_carry() -> None:
    """From the merchant's event to the delivery under the endpoint's key, and a resend with its reply."""
    stage = Stage()
    stage.say(topics.MERCHANTS_EVENTS, fact(created(), 1))
    out = stage.say(topics.WEBHOOKS_EVENTS_PAYMENTS, fact(announced(), 2))
    published, delivery = out.outputs
    body = codec_of(topics.WEBHOOKS_MESSAGES).decode(published.value).body
    assert isinstance(body, EventPublished)
    assert (topics.WEBHOOKS_DELIVERIES.name, b"we_1") == (delivery.topic, delivery.key)
    sent = codec_of(topics.WEBHOOKS_DELIVERIES).decode(delivery.value)
    assert body.payload == sent.body.payload
    asked = ResendEvent(
        event_id="evt_1", type="payment.captured", payment_id=PAYMENT.payment_id, payload=body.payload
    )
    (reply,) = stage.say(topics.WEBHOOKS_COMMANDS, command(asked)).replies
    told = codec_of(topics.API_REPLIES).decode(reply.value).body
    assert ResendView(event_id="evt_1", endpoint_ids=("we_1",), version=3) == told.view
    (again,) = stage.say(topics.WEBHOOKS_COMMANDS, command(asked, request_id="req_2")).replies
    repeated = codec_of(topics.API_REPLIES).decode(again.value).body
    assert (True, told.view) == (repeated.replayed, repeated.view)


NAMES = st.sampled_from(["we_1", "we_2", "we_3"])
KINDS: st.SearchStrategy[EventType] = st.sampled_from(["payment.captured", "payment.voided"])
MESSAGES = st.one_of(
    st.builds(created, NAMES, KINDS),
    st.builds(created, NAMES),
    st.builds(lambda name: WebhookEndpointDeleted(endpoint_id=name), NAMES),
    st.builds(announced, KINDS, st.just(PAYMENT), st.integers(1, 5)),
    st.builds(resend, st.one_of(st.none(), NAMES), KINDS),
)


@given(st.lists(MESSAGES, max_size=20))
def test_the_laws_of_every_decider(said: list[Any]) -> None:
    """Total, deterministic, the state is the fold of the events, encodings exact, no delivery to who is gone."""
    told = History(DECIDER, KEY)
    live: set[str] = set()
    for number, body in enumerate(said):
        is_command = isinstance(body, ResendEvent)
        message = command(body, key=f"k{number}") if is_command else fact(body, number)
        before = told.state
        decision = told.receive(message)
        assert decision == DECIDER.decide(before, message)
        assert is_command or not isinstance(decision, Refused | Repeated | Again)
        for event in () if isinstance(decision, Refused | Repeated | Again) else decision:
            match event:
                case EndpointAdded():
                    live.add(event.endpoint.endpoint_id)
                case EndpointRemoved():
                    live.remove(event.endpoint_id)
                case EventPublished() | EventResent():
                    assert live.issuperset(event.endpoint_ids)
                    assert event.endpoint_ids or isinstance(event, EventPublished)
                    assert len(deliveries(told)) == len(event.endpoint_ids)
    assert told.state == told.fold()
    if told.state is not None:
        assert told.state == StateCodec(Webhooks).decode(msgspec.json.encode(told.state))
        assert live == {one.endpoint_id for one in told.state.endpoints}
    codec = codec_of(topics.WEBHOOKS_MESSAGES)
    for recorded in told.events:
        assert recorded == codec.decode(codec.encode(recorded))
