"""What events tell is counted once they are written, once, and with the durations a merchant feels."""

from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from connectors.postgres.events import Event
from connectors.postgres.measures import MAX_AGE_MS, Measures
from connectors.runtime import Partition, Record
from ops.example_messages import path_of
from ops.register_schemas import contract_messages
from ops.simulation.world import Plan, World
from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Body, Recorded
from schemas.ledger import PostingRefused, TransactionPosted
from schemas.payment_views import PaymentSnapshot
from schemas.payments import (
    AuthorizationRequested,
    CaptureFailed,
    CaptureRequested,
    OperationUnknown,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentMethod,
    PaymentRequiresAction,
    PaymentStatus,
    RefundFailed,
    RefundRequested,
    RefundSucceeded,
)
from schemas.risk import RiskDecided
from schemas.testing import MERCHANT, PAYMENT_KEY, START_MS, envelope
from schemas.webhooks import DeliveryAttempted

AUTH, CAP, REF = f"auth_{PAYMENT_KEY}01", f"cap_{PAYMENT_KEY}0123abcd", f"ref_{PAYMENT_KEY}0123abcd"
SHOWN = PaymentSnapshot(
    payment_intent_id=f"pi_{PAYMENT_KEY}",
    payment_id=f"pay_{PAYMENT_KEY}",
    merchant_id=MERCHANT,
    status=PaymentStatus.AUTHORIZED,
    amount=100,
    amount_authorized=100,
    amount_captured=0,
    amount_refunded=0,
    currency="USD",
    capture_method="manual",
    created_at_ms=START_MS,
    updated_at_ms=START_MS,
    version=1,
    provider="simulator",
)
ASKED = {"amount_minor": 100, "provider": "simulator", "not_after_ms": START_MS, "due_at_ms": START_MS}
CARD = PaymentMethod(type="card", token="tok_visa")
MOVED = {"amount_minor": 100, "provider_ref": "ch_1"}


def event(body: Body, *, after_ms: int = 0, occurred_ms: int = 0) -> Event:
    """An event that occurred, and whose record was written, so long after the start."""
    message: Recorded[Any, Any] = Recorded(
        envelope=envelope("evt_1", at_ms=START_MS + occurred_ms), body=body, after=SHOWN
    )
    record = Record(Partition("any", 0), 0, START_MS + after_ms, PAYMENT_KEY.encode(), b"", ())
    return Event(record, PAYMENT_KEY, message)


def authorizing(kind: str = "authorize") -> Event:
    body = AuthorizationRequested(operation_id=AUTH, kind=kind, attempt=1, payment_method=CARD, **ASKED)  # type: ignore[arg-type]  # fields above
    return event(body)


def authorized(after_ms: int = 0, **changes: Any) -> Event:
    body = PaymentAuthorized(
        operation_id=AUTH, expires_at_ms=START_MS, window_closes_at_ms=START_MS, **MOVED, **changes
    )
    return event(body, after_ms=after_ms)


def failed(code: str, after_ms: int = 0) -> Event:
    return event(PaymentFailed(operation_id=AUTH, code=code, proof="answered"), after_ms=after_ms)


def capturing() -> Event:
    return event(CaptureRequested(operation_id=CAP, **ASKED))  # type: ignore[arg-type]  # fields above


def refunding() -> Event:
    return event(RefundRequested(operation_id=REF, cause="requested", **ASKED))  # type: ignore[arg-type]  # as above


def captured(operation_id: str, after_ms: int) -> Event:
    return event(PaymentCaptured(operation_id=operation_id, **MOVED), after_ms=after_ms)  # type: ignore[arg-type]


def acting() -> Event:
    body = PaymentRequiresAction(
        operation_id=AUTH, provider_ref="ch_1", next_action_url="https://bank.example", due_at_ms=START_MS
    )
    return event(body)


def told(*events: Event, now_ms: int = START_MS) -> dict[str, float]:
    """Every sample that moved, as a query would name it; of histograms the count and the sum."""
    registry = CollectorRegistry()
    Measures(registry, lambda: now_ms).note(events)
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.value and not sample.name.endswith(("_bucket", "_created"))
    }


def took(name: str, seconds: float) -> dict[str, float]:
    head, _, labels = name.partition("/")
    return {f"{head}_count/{labels}": 1.0, f"{head}_sum/{labels}": seconds}


REFUSED = PostingRefused(
    transaction_id="txn_1",
    command="ReserveRefund",
    outcome="balance_insufficient",
    operation_id=REF,
    payment_id=SHOWN.payment_id,
    amount_minor=1,
    currency="USD",
)
POSTED = TransactionPosted(
    transaction_id="txn_1",
    template="capture",
    operation_id=CAP,
    payment_id=SHOWN.payment_id,
    provider="simulator",
    amount_minor=1,
    currency="USD",
    legs=(),
    terms_version=1,
)
ATTEMPTED = DeliveryAttempted(
    message_id="msg_1",
    event_id="evt_1",
    type="payment.captured",
    payment_id=SHOWN.payment_id,
    endpoint_id="we_1",
    attempt=1,
    outcome="failed",
    latency_ms=250,
)
DECIDED = RiskDecided(
    assessment_id="asm_1",
    payment_id=SHOWN.payment_id,
    attempt=1,
    amount_minor=1,
    currency="USD",
    verdict="block",
    reason_code="velocity",
    ruleset_id="rul_1",
    inputs=(),
)

CASES: dict[str, tuple[list[Event], dict[str, float]]] = {
    "authorized": (
        [authorizing(), authorized(1_500)],
        {"auth_total/simulator/succeeded": 1.0} | took("psp_auth_seconds/simulator/succeeded", 1.5),
    ),
    "declined": (
        [authorizing(), failed("insufficient_funds", 200)],
        {"auth_total/simulator/declined": 1.0} | took("psp_auth_seconds/simulator/declined", 0.2),
    ),
    "failed": (
        [authorizing(), failed("not_sent", 200)],
        {"auth_total/simulator/failed": 1.0} | took("psp_auth_seconds/simulator/failed", 0.2),
    ),
    "a sale is an authorization and a capture": (
        [authorizing("sale"), captured(AUTH, 300)],
        {"auth_total/simulator/succeeded": 1.0}
        | took("psp_auth_seconds/simulator/succeeded", 0.3)
        | took("capture_seconds/sale/succeeded", 0.3),
    ),
    "captured": ([capturing(), captured(CAP, 400)], took("capture_seconds/capture/succeeded", 0.4)),
    "capture failed": (
        [capturing(), event(CaptureFailed(operation_id=CAP, code="refused", proof="answered"), after_ms=400)],
        took("capture_seconds/capture/failed", 0.4),
    ),
    "refunded, then taken back: the first answer counts": (
        [
            refunding(),
            event(RefundSucceeded(operation_id=REF, **MOVED), after_ms=500),  # type: ignore[arg-type]
            event(RefundFailed(operation_id=REF, code="x", proof="answered", amount_minor=1, reversed=True)),
        ],
        took("refund_seconds/succeeded", 0.5),
    ),
    "refund failed": (
        [
            refunding(),
            event(RefundFailed(operation_id=REF, code="x", proof="answered", amount_minor=1), after_ms=500),
        ],
        took("refund_seconds/failed", 0.5),
    ),
    "unknown for a while": (
        [
            authorizing(),
            event(OperationUnknown(operation_id=AUTH, query=0, due_at_ms=START_MS)),
            authorized(60_000),
        ],
        {"operations_unknown_total/authorization": 1.0, "auth_total/simulator/succeeded": 1.0}
        | took("psp_auth_seconds/simulator/succeeded", 60.0),
    ),
    "the customer's time is not ours": (
        [authorizing(), acting(), authorized(90_000)],
        {"auth_total/simulator/succeeded": 1.0},
    ),
    "its beginning was not seen": ([authorized()], {"auth_total/simulator/succeeded": 1.0}),
    "a success nobody waited for": ([authorizing(), authorized(late=True)], {}),
    "a clock that is behind": (
        [authorizing(), authorized(-5)],
        {"auth_total/simulator/succeeded": 1.0, "psp_auth_seconds_count/simulator/succeeded": 1.0},
    ),
    "posted": (
        [event(POSTED, after_ms=70, occurred_ms=20)],
        took("ledger_posting_lag_seconds/capture", 0.05),
    ),
    "refused by the ledger": ([event(REFUSED)], {"ledger_refusals_total/balance_insufficient": 1.0}),
    "webhook attempt": (
        [event(ATTEMPTED)],
        {"webhook_attempts_total/failed": 1.0} | took("webhook_delivery_seconds/failed", 0.25),
    ),
    "risk": ([event(DECIDED)], {"risk_decisions_total/block": 1.0}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_events_tell(name: str) -> None:
    """One row a case."""
    events, expected = CASES[name]
    assert expected == told(*events)


RECON = {
    "LineMatched": "matched",
    "AmountMismatched": "amount_mismatch",
    "InternalMissing": "missing_internal",
    "ExternalMissing": "missing_external",
    "LineDuplicated": "duplicate",
    "MovementExpected": None,
    "LineFound": None,
}


def example(topic: topics.Topic, body: type[Body]) -> Event:
    message_type: Any = Recorded[topic.body, topic.after]  # type: ignore[name-defined]  # known at run time only
    message = msgspec.json.decode(path_of(topic, body).read_bytes(), type=message_type)
    return Event(Record(Partition(topic.name, 0), 0, START_MS, b"key", b"", ()), "key", message)


def test_every_contract_message_can_be_counted() -> None:
    """Whatever topic the sink comes to load, counting must not end it."""
    told(*(example(topic, body) for topic, body in contract_messages()))


def test_results_of_reconciliation_are_counted_by_status() -> None:
    """What is only awaited is no result yet."""
    found = {body.__name__: body for topic, body in contract_messages() if topic is topics.RECON_RESULTS}
    assert RECON.keys() == found.keys()
    for name, status in RECON.items():
        expected = {} if status is None else {f"recon_results_total/{status}": 1.0}
        assert expected == told(example(topics.RECON_RESULTS, found[name]))


def test_history_is_no_traffic() -> None:
    """A sink that loads everything anew must not look like a burst of payments."""
    events = (authorizing(), authorized())
    assert {} == told(*events, now_ms=START_MS + MAX_AGE_MS + 1)
    assert told(*events, now_ms=START_MS + MAX_AGE_MS)


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations that never end must not fill the process; the oldest lose their duration."""
    monkeypatch.setattr("connectors.postgres.measures.MAX_OPEN", 1)
    found = told(capturing(), refunding(), captured(CAP, 400))
    assert {} == found


def test_a_simulated_world_is_counted_as_its_events_say() -> None:
    """Many payments with every fault: as many authorizations end as the log shows."""
    decode = codec_of(topics.PAYMENTS_EVENTS).decode
    log = World(7, Plan(fault_rate=0.5)).run().log.all(topics.PAYMENTS_EVENTS)
    messages = [decode(one.value) for one in log]
    ended = sum(
        isinstance(one.body, PaymentAuthorized | PaymentFailed)
        or (isinstance(one.body, PaymentCaptured) and one.body.operation_id.startswith("auth_"))
        for one in messages
        if not getattr(one.body, "late", False)
    )
    events = [
        Event(Record(Partition("any", 0), 0, one.envelope.occurred_at_ms, b"key", b"", ()), "key", one)
        for one in messages
    ]
    found = told(*events, now_ms=0)
    assert ended == sum(value for name, value in found.items() if name.startswith("auth_total/"))
    assert ended > 0
