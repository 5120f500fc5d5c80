"""Which events do many payments leave: decided and folded by the real decider, in this process."""

from collections.abc import Iterator
from typing import Any

from ops.bench.commands import START_MS, envelope
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Actor, Message, Request
from schemas.fingerprint import fingerprint
from schemas.payment_commands import ConfirmPaymentIntent, CreatePaymentIntent
from schemas.payments import PaymentMethod
from schemas.psp import ExecuteOperation, OperationResult
from schemas.risk import AssessPayment, RiskDecided
from schemas.settings import Settings
from schemas.topics import Topic
from streams.payments.app import payments
from streams.ports import Output, Record
from streams.simulator import MemoryStore
from streams.step import StageStep

EVENTS_PER_SALE = 4
_MERCHANT = ids.merchant_id(cell="00", mode="test", idempotency_key="bench")
_CREATE = CreatePaymentIntent(
    amount_minor=2_599,
    currency="USD",
    capture_method="automatic",
    payment_method=PaymentMethod(type="card", token="tok_visa"),  # noqa: S106  # a test token is no secret
)


def sales(count: int) -> Iterator[Output]:
    """The records of payments.events that so many sales leave, four of each: created, assessed, requested, captured."""
    step = StageStep(payments(Settings()))
    for number in range(count):
        store = MemoryStore()
        key = ids.payment_key(mode="test", merchant=_MERCHANT, source="api", idempotency_key=f"{number}")

        def say(
            topic: Topic, message: Message[Any], key: str = key, store: MemoryStore = store
        ) -> list[Output]:
            value = codec_of(topic).encode(message)
            return step(store, [Record(topic.name, 0, 0, key.encode(), value, START_MS)]).outputs

        created = say(topics.PAYMENTS_COMMANDS_API, _command(_CREATE, f"create-{number}"))
        asked = say(topics.PAYMENTS_COMMANDS_API, _command(ConfirmPaymentIntent(), f"confirm-{number}"))
        allowed = say(topics.RISK_DECISIONS, _allowed(asked))
        captured = say(topics.PSP_RESULTS, _success(allowed))
        said = (*created, *asked, *allowed, *captured)
        yield from (one for one in said if one.topic == topics.PAYMENTS_EVENTS.name)


def _command(body: CreatePaymentIntent | ConfirmPaymentIntent, command_id: str) -> Message[Any]:
    request = Request(command_id=command_id, fingerprint=fingerprint(body))
    actor = Actor(role="merchant", principal=_MERCHANT, key_id="bench")
    return Message(envelope=envelope(command_id, _MERCHANT, actor=actor, request=request), body=body)


def _allowed(asked: list[Output]) -> Message[Any]:
    request = _one(asked, topics.RISK_REQUESTS)
    assert isinstance(request, AssessPayment), "a confirm is assessed"
    verdict = RiskDecided(
        assessment_id=request.assessment_id,
        payment_id=request.payment_id,
        attempt=request.attempt,
        amount_minor=request.amount_minor,
        currency=request.currency,
        verdict="allow",
        reason_code="no_rule_matched",
        ruleset_id="bench",
        inputs=(),
    )
    return Message(envelope=envelope(f"verdict-{request.assessment_id}", _MERCHANT), body=verdict)


def _one(outputs: list[Output], topic: Topic) -> Any:
    (body,) = (codec_of(topic).decode(one.value).body for one in outputs if one.topic == topic.name)
    return body


def _success(asked: list[Output]) -> Message[Any]:
    request = _one(asked, topics.PSP_REQUESTS)
    assert isinstance(request, ExecuteOperation), "an allowed attempt asks for a sale"
    result = OperationResult(
        operation_id=request.operation_id,
        psp_key=request.psp_key,
        call_attempt=request.call_attempt,
        provider=request.provider,
        source="answer",
        outcome="succeeded",
        provider_ref=f"ref-{request.psp_key}",
        amount_minor=request.amount_minor,
        currency=request.currency,
    )
    actor = Actor(role="provider", principal=request.provider)
    return Message(envelope=envelope(f"result-{request.psp_key}", _MERCHANT, actor=actor), body=result)
