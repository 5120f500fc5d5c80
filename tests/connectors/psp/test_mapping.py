"""Money hangs on what an answer proves: a wrong "not executed" is a second charge, a wrong "done" a loss."""

import json

import pytest

from connectors.psp import mapping
from connectors.psp.port import Answered, CallEnd, NotSent, Unanswered
from schemas.outcomes import DECLINE_CODES
from schemas.psp_operations import ProviderStatement

OPERATION: dict[str, object] = {
    "provider_ref": "op_1",
    "operation": "sale",
    "status": "succeeded",
    "amount_minor": 2599,
    "currency": "EUR",
}
DONE = ProviderStatement(outcome="succeeded", provider_ref="op_1", amount_minor=2599, currency="EUR")


def unknown(code: str) -> ProviderStatement:
    return ProviderStatement(outcome="unknown", code=code)


def not_executed(code: str) -> ProviderStatement:
    return ProviderStatement(outcome="not_executed", code=code)


def refused(code: str) -> ProviderStatement:
    return ProviderStatement(outcome="refused", code=code)


def declined(code: str) -> ProviderStatement:
    return ProviderStatement(
        outcome="declined", provider_ref="op_1", amount_minor=2599, currency="EUR", code=code
    )


def operation(http_status: int = 200, **fields: object) -> Answered:
    return Answered(http_status=http_status, body=json.dumps(OPERATION | fields).encode())


def problem(http_status: int, code: str, **fields: object) -> Answered:
    return Answered(http_status=http_status, body=json.dumps({"error": {"code": code, **fields}}).encode())


GARBAGE = [
    b"",
    b"{}",
    b"<html>502 Bad Gateway</html>",
    b"\xff\xfe",
    b"null",
    b'{"error": "boom"}',
    json.dumps(OPERATION | {"status": "pending"}).encode(),
    json.dumps(OPERATION | {"amount_minor": "2599"}).encode(),
    json.dumps(OPERATION | {"amount_minor": -1}).encode(),
    json.dumps(OPERATION | {"provider_ref": None}).encode(),
    json.dumps(OPERATION | {"provider_ref": "x" * 256}).encode(),
]


@pytest.mark.parametrize(
    ("end", "statement"),
    [
        (operation(), DONE),
        (operation(201), DONE),
        (operation(402, status="declined", decline_code="lost_card"), declined("lost_card")),
        (operation(402, status="declined", decline_code="new_code"), declined("generic_decline")),
        (operation(402, status="declined"), declined("generic_decline")),
        (problem(409, "amount_exceeds_captured", executed=False), refused("amount_exceeds_captured")),
        (problem(400, "parameter_invalid"), refused("parameter_invalid")),
        (problem(409, "idempotency_key_reused", executed=False), unknown("idempotency_key_reused")),
        (problem(409, "amount_exceeds_captured", executed=True), unknown("amount_exceeds_captured")),
        (problem(401, "unauthenticated"), not_executed("unauthenticated")),
        (problem(403, "forbidden"), not_executed("forbidden")),
        (problem(503, "unavailable", executed=False), not_executed("unavailable")),
        (problem(429, "slow_down", executed=False), not_executed("slow_down")),
        (problem(429, "slow_down"), unknown("slow_down")),
        (problem(500, "internal_error"), unknown("internal_error")),
        (problem(500, "internal_error", executed=None), unknown("internal_error")),
        (problem(500, "internal_error", executed=True), unknown("internal_error")),
        (problem(500, "c" * 65, executed=False), unknown("unreadable_answer")),
        (operation(302), unknown("unreadable_answer")),
        (operation(204), unknown("unreadable_answer")),
        (NotSent(reason="ClientConnectorError"), not_executed("not_sent")),
        (Unanswered(reason="TimeoutError"), unknown("no_answer")),
    ],
)
def test_the_end_of_a_call_proves_no_more_than_it_says(end: CallEnd, statement: ProviderStatement) -> None:
    """Every kind of end has its outcome; only an explicit statement proves that nothing was done."""
    assert statement == mapping.of_execute(end)


@pytest.mark.parametrize("http_status", [200, 201, 204, 302, 400, 401, 402, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_proves_nothing(http_status: int, body: bytes) -> None:
    """A proxy's error page, a cut answer or a new status must neither fail nor book a payment."""
    assert mapping.of_execute(Answered(http_status=http_status, body=body)).outcome == "unknown"
    found = mapping.of_query(Answered(http_status=http_status, body=body), is_proof_of_absence=True)
    assert found.outcome == "unknown"


def test_an_action_tells_where_and_until_when() -> None:
    """The customer needs the address, and payments the time after which to ask again."""
    action = {"type": "redirect", "url": "https://psp.test/a", "expires_at": "2026-01-31T12:00:00.500Z"}
    expected = ProviderStatement(
        outcome="requires_action",
        provider_ref="op_1",
        amount_minor=2599,
        currency="EUR",
        next_action_url="https://psp.test/a",
        action_expires_at_ms=1_769_860_800_500,
    )
    assert expected == mapping.of_execute(operation(status="requires_action", next_action=action))


def test_an_action_without_an_address_is_unknown() -> None:
    """Nobody can act on it, so it must be asked about again instead of shown."""
    assert unknown("next_action_missing") == mapping.of_execute(operation(status="requires_action"))


@pytest.mark.parametrize("code", sorted(DECLINE_CODES))
def test_every_code_we_explain_is_kept(code: str) -> None:
    """A code that exists on both sides must reach the merchant as it is."""
    assert declined(code) == mapping.of_execute(operation(402, status="declined", decline_code=code))


@pytest.mark.parametrize(
    ("end", "is_proof", "statement"),
    [
        (operation(), False, DONE),
        (operation(402, status="declined", decline_code="lost_card"), False, declined("lost_card")),
        (problem(404, "operation_not_found"), False, unknown("not_found")),
        (problem(404, "operation_not_found"), True, not_executed("not_found")),
        (Answered(http_status=404, body=b"no such page"), True, unknown("unreadable_answer")),
        (problem(503, "unavailable", executed=False), True, unknown("http_503")),
        (problem(401, "unauthenticated"), True, unknown("http_401")),
        (problem(400, "parameter_invalid"), True, unknown("http_400")),
        (NotSent(reason="ClientConnectorError"), True, unknown("query_not_sent")),
        (Unanswered(reason="TimeoutError"), True, unknown("no_answer")),
    ],
)
def test_only_a_late_not_found_proves_absence(
    end: CallEnd, is_proof: bool, statement: ProviderStatement
) -> None:
    """A query that failed says nothing of the call it asked about."""
    assert statement == mapping.of_query(end, is_proof_of_absence=is_proof)
