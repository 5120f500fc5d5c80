"""The simulator shares no code with us, so what it signs and what we verify must be held together by a test."""

from connectors.psp.simulator.callbacks import callback_body, signature
from connectors.psp.simulator.entries import Operation
from connectors.psp.simulator.rendering import operation_view
from schemas.psp import OperationResult
from schemas.psp_callbacks import result_of, verify

NOW_S = 1_700_000_000


def test_the_simulator_signs_what_we_verify_and_understand() -> None:
    """A customer's authentication reaches payments only if both sides mean the same bytes."""
    operation = Operation(
        provider_ref="op_1",
        idempotency_key="key1",
        fingerprint="f",
        payment_reference="pay_1",
        operation="authorize",
        amount_minor=2_599,
        currency="EUR",
        status="declined",
        created_at_ms=NOW_S * 1000,
        decline_code="authentication_required",
        metadata={"operation_id": "auth_1", "call_attempt": "3", "provider": "simulator"},
    )
    body = callback_body(operation, operation_view(operation, origin=""))
    assert verify("secret", signature("secret", body, unix_s=NOW_S), body, NOW_S)
    expected = OperationResult(
        operation_id="auth_1",
        psp_key="key1",
        call_attempt=3,
        provider="simulator",
        source="callback",
        outcome="declined",
        provider_ref="op_1",
        amount_minor=2_599,
        currency="EUR",
        code="authentication_required",
    )
    assert ("pay_1", expected) == result_of(body)
