"""The generic step: repeats, waiting callers, refusals, dead letters and deadlines, for every decider."""

from typing import Any

import pytest
from msgspec.structs import replace

from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, CommandRefused, Message
from schemas.ledger import PostingResult
from schemas.outcomes import Outcome
from schemas.payment_commands import CapturePayment, ConfirmPaymentIntent, CreatePaymentIntent, RefundPayment
from schemas.payment_views import RefundView
from schemas.payments import PaymentMethod
from schemas.platform import Tick
from schemas.psp import ExecuteOperation, OperationResult, QueryOperation
from schemas.risk import AssessPayment, RiskDecided
from schemas.settings import Settings
from schemas.testing import OTHER_MERCHANT, PAYMENT_KEY, START_MS, command, envelope, from_provider
from schemas.topics import Topic
from streams import handled
from streams.payments.app import payments
from streams.ports import HandlerBug, Outbox, Record
from streams.simulator import MemoryStore
from streams.step import StageStep

CREATE = CreatePaymentIntent(
    amount_minor=10_000,
    currency="USD",
    capture_method="automatic",
    payment_method=PaymentMethod(type="card", token="tok_visa"),
)


class Stage:
    """One payments task over a store in memory, spoken to record by record."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._step = StageStep(payments(Settings()))
        self._offset = 0
        self.outbox = Outbox([], [])

    def restart(self) -> None:
        self._step = StageStep(payments(Settings()))

    def take(self, topic: Topic, value: bytes | None, key: bytes | None = PAYMENT_KEY.encode()) -> Outbox:
        self._offset += 1
        self.outbox = self._step(self.store, [Record(topic.name, 0, self._offset, key, value, START_MS)])
        return self.outbox

    def say(self, message: Message[Any], topic: Topic = topics.PAYMENTS_COMMANDS_API) -> Outbox:
        return self.take(topic, codec_of(topic).encode(message))

    def tick(self, now_ms: int) -> Outbox:
        message = Message(
            envelope=envelope(f"tick-{now_ms}", at_ms=now_ms, merchant_id="platform", actor=PLATFORM),
            body=Tick(now_ms=now_ms),
        )
        return self.say(message, topics.CLOCK_TICKS)

    def written(self, topic: Topic) -> list[Any]:
        outputs = [*self.outbox.outputs, *self.outbox.replies]
        return [codec_of(topic).decode(one.value) for one in outputs if one.topic == topic.name]

    def replies(self) -> list[tuple[str, str, bool]]:
        bodies = [message.body for message in self.written(topics.API_REPLIES)]
        return [(body.request_id, Outcome.numbered(body.outcome).code, body.replayed) for body in bodies]

    def allow(self) -> None:
        """Risk allows the attempt it was just asked about."""
        (asked,) = self.written(topics.RISK_REQUESTS)
        assert isinstance(asked.body, AssessPayment)
        verdict = RiskDecided(
            assessment_id=asked.body.assessment_id,
            payment_id=asked.body.payment_id,
            attempt=asked.body.attempt,
            amount_minor=asked.body.amount_minor,
            currency=asked.body.currency,
            verdict="allow",
            reason_code="no_rule_matched",
            ruleset_id="rules",
            inputs=(),
        )
        self.say(from_provider(verdict, message_id="verdict"), topics.RISK_DECISIONS)

    def reserve(self) -> None:
        """The ledger sets aside what it was just asked for."""
        (asked,) = self.written(topics.LEDGER_COMMANDS_PAYMENTS)
        result = PostingResult(
            transaction_id=asked.body.transaction_id, operation_id=asked.body.operation_id, outcome="posted"
        )
        self.say(from_provider(result, message_id="posted"), topics.LEDGER_RESULTS_PAYMENTS)

    def charge(self) -> OperationResult:
        """Create and confirm; returns the success the provider would answer."""
        self.say(command(CREATE, key="create"))
        self.say(command(ConfirmPaymentIntent(), key="confirm"))
        self.allow()
        (request,) = self.written(topics.PSP_REQUESTS)
        assert isinstance(request.body, ExecuteOperation)
        return OperationResult(
            operation_id=request.body.operation_id,
            psp_key=request.body.psp_key,
            call_attempt=0,
            provider="simulator",
            source="answer",
            outcome="succeeded",
            provider_ref="ref-1",
            amount_minor=10_000,
            currency="USD",
        )


def test_a_creation_is_answered_and_its_repeat_replayed() -> None:
    """A client that lost the answer gets the same one, and no second payment."""
    stage = Stage()
    stage.say(command(CREATE))
    assert [("req_1", "created", False)] == stage.replies()
    first = stage.written(topics.API_REPLIES)[0].body.view
    stage.say(command(CREATE, request_id="req_2"))
    assert [("req_2", "created", True)] == stage.replies()
    assert first == stage.written(topics.API_REPLIES)[0].body.view
    assert [] == stage.outbox.outputs


def test_a_creation_is_a_repeat_for_life() -> None:
    """Long after its handled row was swept, the same key still names the same payment."""
    stage = Stage()
    stage.say(command(CREATE))
    for name in list(stage.store.items()):
        if name.startswith(handled.HANDLED):
            stage.store.delete(name)
    stage.say(command(CREATE))
    assert [("req_1", "created", True)] == stage.replies()


def test_another_body_under_the_same_key_is_refused_and_named() -> None:
    """A burnt key must be noticed, with the parameter that burnt it."""
    stage = Stage()
    stage.charge()
    first, second = (command(CapturePayment(amount_minor=amount), key="x") for amount in (5, 6))
    assert first.envelope.message_id == second.envelope.message_id
    stage.say(first)
    stage.say(second)
    (reply,) = stage.written(topics.API_REPLIES)
    assert Outcome.IDEMPOTENCY_MISMATCH.value.number == reply.body.outcome
    assert ("amount",) == reply.body.differing


def test_every_waiting_caller_gets_the_one_result() -> None:
    """Eight parallel repeats wait together; the ninth is told that the key is in use."""
    stage = Stage()
    result = stage.charge()
    for number in range(2, 9):
        stage.say(command(ConfirmPaymentIntent(), key="confirm", request_id=f"req_{number}"))
        assert [] == stage.replies()
    stage.say(command(ConfirmPaymentIntent(), key="confirm", request_id="req_9"))
    assert [("req_9", "idempotency_key_in_use", False)] == stage.replies()
    stage.say(from_provider(result), topics.PSP_RESULTS)
    assert [(f"req_{n}", "succeeded", n > 1) for n in range(1, 9)] == stage.replies()
    stage.say(command(ConfirmPaymentIntent(), key="confirm", request_id="req_10"))
    assert [("req_10", "succeeded", True)] == stage.replies()


def test_callers_that_gave_up_make_room() -> None:
    """A client that polls with its key for minutes is not locked out by its own earlier calls."""
    stage = Stage()
    stage.charge()
    for number in range(20):
        at_ms = START_MS + number * 11_000
        stage.say(command(ConfirmPaymentIntent(), key="confirm", request_id=f"r{number}", at_ms=at_ms))
        assert [] == stage.replies()


def test_an_unknown_outcome_tells_callers_to_come_back() -> None:
    """Nobody holds a connection open for an answer that may take hours."""
    stage = Stage()
    result = stage.charge()
    unknown = OperationResult(
        operation_id=result.operation_id,
        psp_key=result.psp_key,
        call_attempt=0,
        provider="simulator",
        source="answer",
        outcome="unknown",
    )
    stage.say(from_provider(unknown), topics.PSP_RESULTS)
    assert [("req_1", "pending", False)] == stage.replies()
    stage.tick(START_MS + 60_000)
    assert isinstance(stage.written(topics.PSP_REQUESTS)[0].body, QueryOperation)
    stage.say(from_provider(result, message_id="found"), topics.PSP_RESULTS)
    stage.say(command(ConfirmPaymentIntent(), key="confirm", request_id="req_2"))
    assert [("req_2", "succeeded", True)] == stage.replies()


def test_a_refusal_is_an_event_and_changes_nothing() -> None:
    """What a client did wrong is on record, and the aggregate is as it was."""
    stage = Stage()
    stage.charge()
    before = stage.store.get(b"state/" + PAYMENT_KEY.encode())
    stage.say(command(RefundPayment(amount_minor=1), key="early"))
    (event,) = stage.written(topics.PAYMENTS_EVENTS)
    assert isinstance(event.body, CommandRefused)
    assert ("unexpected_state", 0) == (event.body.outcome, event.envelope.version)
    assert before == stage.store.get(b"state/" + PAYMENT_KEY.encode())
    assert [("req_1", "unexpected_state", False)] == stage.replies()


def test_another_merchants_payment_does_not_exist() -> None:
    """Ids are no secret; what lies behind them is."""
    stage = Stage()
    stage.charge()
    stage.say(command(CapturePayment(), key="steal", merchant=OTHER_MERCHANT))
    (reply,) = stage.written(topics.API_REPLIES)
    assert (Outcome.NOT_FOUND.value.number, None) == (reply.body.outcome, reply.body.view)
    (event,) = stage.written(topics.PAYMENTS_EVENTS)
    assert OTHER_MERCHANT == event.envelope.merchant_id


def test_refunds_are_answered_as_refunds() -> None:
    """The answer is about what was asked for."""
    stage = Stage()
    stage.say(from_provider(stage.charge()), topics.PSP_RESULTS)
    stage.say(command(RefundPayment(amount_minor=400, reason="late"), key="refund"))
    stage.reserve()
    (request,) = stage.written(topics.PSP_REQUESTS)
    done = OperationResult(
        operation_id=request.body.operation_id,
        psp_key=request.body.psp_key,
        call_attempt=0,
        provider="simulator",
        source="answer",
        outcome="succeeded",
        provider_ref="ref-2",
        amount_minor=400,
        currency="USD",
    )
    stage.say(from_provider(done, message_id="refunded"), topics.PSP_RESULTS)
    view = stage.written(topics.API_REPLIES)[0].body.view
    assert isinstance(view, RefundView)
    assert ("succeeded", 400, "late") == (view.status, view.amount, view.reason)


def test_garbage_goes_to_the_dead_letters_and_the_rest_flows() -> None:
    """One corrupt record must not stop a partition."""
    stage = Stage()
    stage.take(topics.PAYMENTS_COMMANDS_API, b"garbage")
    (letter,) = stage.outbox.outputs
    assert topics.PAYMENTS_COMMANDS_API.dead_letters == letter.topic
    assert {"dlq.reason", "dlq.topic", "dlq.partition", "dlq.offset"} == {name for name, _ in letter.headers}
    stage.take(
        topics.PAYMENTS_COMMANDS_API, codec_of(topics.PAYMENTS_COMMANDS_API).encode(command(CREATE)), key=None
    )
    assert 1 == len(stage.outbox.outputs)
    stage.say(command(CREATE))
    assert [("req_1", "created", False)] == stage.replies()


@pytest.mark.parametrize(
    ("topic", "is_asked"), [(topics.PAYMENTS_COMMANDS_API, False), (topics.LEDGER_RESULTS_PAYMENTS, True)]
)
def test_only_what_callers_ask_for_is_answered(topic: Topic, is_asked: bool) -> None:
    """A command nobody waits for, or a fact somebody does, is no message of its topic."""
    stage, asked = Stage(), command(CREATE)
    body: Any = (
        PostingResult(transaction_id="txn_1", operation_id="ref_1", outcome="posted") if is_asked else CREATE
    )
    request = asked.envelope.request if is_asked else None
    outbox = stage.say(Message(envelope=replace(asked.envelope, request=request), body=body), topic)
    assert [topic.dead_letters] == [output.topic for output in outbox.outputs]


def test_a_defect_names_its_record() -> None:
    """An operator has to know which record to look at."""
    stage = Stage()
    stage.store.put(b"state/" + PAYMENT_KEY.encode(), b"not a state")
    with pytest.raises(HandlerBug, match=r"payments\.commands\.api\.v1:0:1"):
        stage.say(command(ConfirmPaymentIntent()))


def test_deadlines_survive_a_restart() -> None:
    """What a step remembers of its scans can be forgotten at any time."""
    stage = Stage()
    stage.charge()
    stage.tick(START_MS + 1_000)
    stage.restart()
    stage.tick(START_MS + 90_000)
    assert ["OperationUnknown"] == [
        type(event.body).__name__ for event in stage.written(topics.PAYMENTS_EVENTS)
    ]
    stage.tick(START_MS + 90_000)
    assert [] == stage.outbox.outputs


def test_handled_rows_are_small_and_swept() -> None:
    """A table must not grow with every request for ever; five weeks of repeats are answered."""
    stage = Stage()
    stage.say(from_provider(stage.charge()), topics.PSP_RESULTS)
    rows = {name: row for name, row in stage.store.items().items() if name.startswith(handled.HANDLED)}
    assert rows and all(len(row) <= 64 for row in rows.values())
    stage.tick(START_MS + handled.RETENTION_MS - 1)
    assert rows.keys() <= stage.store.items().keys()
    stage.tick(START_MS + handled.RETENTION_MS + 1)
    assert not rows.keys() & stage.store.items().keys()


def test_an_old_tick_changes_nothing() -> None:
    """Ticks come in duplicate and late; time only ever moves on."""
    stage = Stage()
    stage.charge()
    stage.tick(START_MS + 90_000)
    stage.tick(START_MS)
    assert [] == stage.outbox.outputs
