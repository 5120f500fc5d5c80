"""The life of a payment is told in the order of cause and time, from plain rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.explain.assembly import life_of
from ops.explain.life import Step
from ops.explain.stored import Found
from ops.explain.text import life_text
from schemas import ids

START = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
PAYMENT: dict[str, Any] = {
    "payment_id": "pay_1",
    "payment_intent_id": "pi_1",
    "merchant_id": "mer_1",
    "mode": "test",
    "status": "captured",
    "version": 4,
    "amount_minor": 2599,
    "amount_authorized_minor": 2599,
    "amount_captured_minor": 2599,
    "amount_refunded_minor": 0,
    "currency": "USD",
}


def row(name: str, *, after_ms: int = 0, topic: str = "t", offset: int = 0, **columns: Any) -> dict[str, Any]:
    """A row with its lineage; `name` is the id of its record."""
    return {
        "_event_id": name,
        "_version": columns.get("version", 0),
        "_topic": topic,
        "_partition": 0,
        "_offset": offset,
        "occurred_at": START + timedelta(milliseconds=after_ms),
        "actor_role": "merchant",
        "actor_principal": "mer_1",
        **columns,
    }


def event(version: int, kind: str, *, after_ms: int = 0, **columns: Any) -> dict[str, Any]:
    """An event of the payment; `body`, `cause` and `request` as given."""
    body = columns.pop("body", {})
    return row(
        f"evt_{version}",
        after_ms=after_ms,
        topic="payments.events.v1",
        offset=version,
        event_id=f"evt_{version}",
        version=version,
        type=kind,
        body=body,
        causation_id=columns.pop("cause", "?"),
        correlation_id=columns.pop("request", "req_?"),
        **columns,
    )


def request(name: str, *, after_ms: int = 0, **columns: Any) -> dict[str, Any]:
    return row(
        name,
        after_ms=after_ms,
        request_id=name,
        method="POST",
        route="/v1/payments",
        status=200,
        outcome="succeeded",
        object_id="pay_1",
        object_version=None,
        idempotency_key=None,
        duration_us=1_000,
        **{"is_replayed": False, **columns},
    )


def decision(name: str, *, after_ms: int = 0) -> dict[str, Any]:
    told = row(
        name,
        after_ms=after_ms,
        assessment_id=name,
        attempt=1,
        verdict="allow",
        rule=None,
        reason_code="no_rule_matched",
        ruleset_id="rules_1",
        amount_minor=2599,
        currency="USD",
        inputs=[{"entity": {"kind": "card", "key": "card_1"}, "features": {"attempts_1h": 2}}],
    )
    told["decided_at"] = told.pop("occurred_at")
    return told


def transaction(name: str, operation: str, *, after_ms: int = 0) -> dict[str, Any]:
    told = row(
        name,
        after_ms=after_ms,
        transaction_id=name,
        type="refund_requested",
        status="posted",
        reference_id=operation,
        seq=1,
        terms_version=1,
        available_at=None,
        amount_minor=2599,
        currency="USD",
    )
    told["created_at"] = told.pop("occurred_at")
    return told


def order(found: Found) -> list[str]:
    return [step.id for step in life_of(found).steps]


def test_events_stand_in_the_order_of_their_topic_whatever_their_clocks_say() -> None:
    """A provider's clock may be behind ours; the versions are what counts."""
    events = [event(1, "A", after_ms=500), event(2, "B", after_ms=100), event(3, "C", after_ms=900)]
    assert ["evt_1", "evt_2", "evt_3"] == order(Found(PAYMENT, events=events))


def test_a_request_comes_before_what_it_led_to_and_a_replay_when_it_was_asked() -> None:
    """The answer is logged with the time the request was accepted, which is the time of its events."""
    events = [event(1, "A", request="req_1"), event(2, "B", after_ms=1_000, request="req_2")]
    asked = [
        request("req_3", after_ms=2_000, is_replayed=True),
        request("req_2", after_ms=1_000),
        request("req_1"),
    ]
    assert ["req_1", "evt_1", "req_2", "evt_2", "req_3"] == order(
        Found(PAYMENT, events=events, requests=asked)
    )


def test_a_decision_comes_before_the_event_it_caused() -> None:
    """Question, verdict and call may all carry the time of the request they follow from."""
    events = [
        event(1, "RiskAssessmentRequested"),
        event(2, "AuthorizationRequested", cause="asm_1", body={"operation_id": "auth_1"}),
    ]
    assert ["evt_1", "asm_1", "evt_2"] == order(Found(PAYMENT, events=events, decisions=[decision("asm_1")]))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("RefundReserved", {"operation_id": "ref_1"}),
        (
            "RefundFailed",
            {"operation_id": "ref_1", "code": "insufficient_funds", "proof": "refused_by_ledger"},
        ),
    ],
)
def test_a_reservation_comes_before_what_it_allowed_or_refused(kind: str, body: dict[str, Any]) -> None:
    """Nothing is sent before the ledger has answered, and the story has to show that."""
    events = [
        event(1, "RefundRequested", body={"operation_id": "ref_1", "cause": "requested"}),
        event(2, kind, body=body),
    ]
    posted = [transaction("txn_1", "ref_1"), transaction("txn_2", "ref_1", after_ms=700)]
    assert ["evt_1", "txn_1", "evt_2", "txn_2"] == order(Found(PAYMENT, events=events, transactions=posted))


def test_what_happens_at_the_same_time_has_a_fixed_order() -> None:
    """The same rows are told the same way, whatever order they were read in."""
    events = [event(1, "PaymentCaptured", body={"amount_minor": 2599, "provider_ref": "sim_1"})]
    posted = [transaction("txn_2", "cap_1") | {"_offset": 2}, transaction("txn_1", "cap_1") | {"_offset": 1}]
    assert ["evt_1", "txn_1", "txn_2"] == order(Found(PAYMENT, events=events, transactions=posted))


def step_of(found: Found, name: str) -> Step:
    return next(step for step in life_of(found).steps if step.id == name)


def test_a_call_is_told_with_the_key_the_provider_sees() -> None:
    """An operator asks the provider by the key we sent; a refund is called only once it is reserved."""
    body = {"operation_id": "ref_1", "cause": "requested"}
    events = [
        event(1, "RefundRequested", body=body),
        event(2, "RefundReserved", body={"operation_id": "ref_1"}),
        event(3, "OperationRetried", body={"operation_id": "ref_1", "call_attempt": 1}),
    ]
    found = Found(PAYMENT, events=events)
    keys = [step.details.get("provider_idempotency_key") for step in life_of(found).steps]
    assert [None, ids.psp_key("ref_1", 0), ids.psp_key("ref_1", 1)] == keys


def test_every_step_carries_its_evidence() -> None:
    """Time, actor, record, version and the provider's reference: what an auditor asks for."""
    body = {"operation_id": "cap_1", "amount_minor": 2599, "provider_ref": "sim_1", "late": False}
    step = step_of(Found(PAYMENT, events=[event(4, "PaymentCaptured", after_ms=5, body=body)]), "evt_4")
    assert ("2027-01-15T08:00:00.005Z", "merchant mer_1", 4, "sim_1") == (
        step.at,
        step.actor,
        step.version,
        step.provider_ref,
    )
    assert ("payments.events.v1:0:4", 2599) == (str(step.place), step.amount and step.amount.amount_minor)
    assert {"operation_id": "cap_1", "late": False} == step.details


def test_legs_stand_under_their_transaction() -> None:
    """Amounts are aligned and formatted, so that a person can add them up."""
    entries = [
        {
            "transaction_id": "txn_1",
            "account_id": account,
            "direction": side,
            "phase": "posted",
            "amount_minor": amount,
            "currency": "USD",
        }
        for account, side, amount in (("1100", "debit", 259_900), ("2010.merchant", "credit", 2599))
    ]
    found = Found(PAYMENT, transactions=[transaction("txn_1", "cap_1")], entries=entries)
    text = life_text(life_of(found))
    assert "debit  1100          2599.00 USD posted" in text
    assert "credit 2010.merchant   25.99 USD posted" in text


def test_operations_show_every_key_they_were_called_under() -> None:
    """A provider that was asked twice was asked under two keys."""
    operation = {
        "operation_id": "cap_1",
        "kind": "capture",
        "status": "failed",
        "provider": "simulator",
        "amount_minor": 2599,
        "amount_moved_minor": None,
        "currency": "USD",
        "provider_ref": None,
        "call_attempt": 1,
        "queries": 2,
        "failure_code": "declined",
        "failure_proof": "answered",
        "conflict": None,
    }
    life = life_of(
        Found(PAYMENT, operations=[operation, {**operation, "status": "reserving", "call_attempt": 0}])
    )
    called, reserving = life.operations
    assert (ids.psp_key("cap_1", 0), ids.psp_key("cap_1", 1)) == called.idempotency_keys
    assert () == reserving.idempotency_keys
    assert "failed (declined)" in life_text(life)


def test_an_unknown_freshness_is_said() -> None:
    """A story with a part missing must not look whole."""
    assert "unknown" in life_text(life_of(Found(PAYMENT)))
    assert "2027-01-15T08:00:00.000Z" == life_of(Found(PAYMENT, as_of=START)).as_of
