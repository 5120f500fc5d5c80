"""Callbacks come from the open internet: only what the provider signed, and recently, is believed."""

import hashlib
import hmac
import json

import pytest

from schemas.psp import OperationResult
from schemas.psp_callbacks import MalformedCallback, result_of, verify

SECRET = "whsec_test"
NOW_S = 1_700_000_000
BODY = json.dumps(
    {
        "id": "cb_1",
        "type": "operation.updated",
        "operation": {
            "provider_ref": "op_1",
            "operation": "sale",
            "status": "succeeded",
            "payment_reference": "pay_00abc",
            "idempotency_key": "key1",
            "amount_minor": 2599,
            "currency": "EUR",
            "network_reference": "123",
            "created_at": "2026-01-31T12:00:00.000Z",
            "metadata": {"operation_id": "auth_00abc01", "call_attempt": "2", "provider": "simulator"},
        },
    }
).encode()


def signed(body: bytes = BODY, *, at: str = str(NOW_S), secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def changed(**fields: object) -> bytes:
    callback = json.loads(BODY)
    callback["operation"].update(fields)
    return json.dumps(callback).encode()


@pytest.mark.parametrize(
    "header",
    [
        signed(),
        signed(at=str(NOW_S - 300)),
        signed(at=str(NOW_S + 300)),
        signed().replace("v1=", "v1=00,v1="),
        signed().replace(",", ", "),
        signed() + ",v2=ff",
    ],
)
def test_what_the_provider_signed_is_believed(header: str) -> None:
    """A clock a little off, a second secret or an unknown scheme must not lose a callback."""
    assert verify(SECRET, header, BODY, NOW_S)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        "nonsense",
        "v1=" + signed().partition("v1=")[2],
        f"t={NOW_S}",
        signed(at=str(NOW_S - 301)),
        signed(at=str(NOW_S + 301)),
        signed(secret="another"),
        signed(BODY + b" "),
        signed().upper(),
        signed() + f",t={NOW_S}",
        signed(at="\u0661\u0667" + "\u0660" * 8),
        signed(at="9" * 5000),
        f"t={NOW_S},v1=ä",
    ],
)
def test_anything_else_is_refused(header: str | None) -> None:
    """A forged, replayed or mangled header must be refused without an error."""
    assert not verify(SECRET, header, BODY, NOW_S)


def test_without_a_secret_nothing_is_believed() -> None:
    """An installation that configured no secret must not accept what anybody can sign."""
    assert not verify("", signed(secret=""), BODY, NOW_S)


def test_a_callback_becomes_the_result_of_its_operation() -> None:
    """Payments judges a callback like an answer, so it must name the same operation and call."""
    expected = OperationResult(
        operation_id="auth_00abc01",
        psp_key="key1",
        call_attempt=2,
        provider="simulator",
        source="callback",
        outcome="succeeded",
        provider_ref="op_1",
        amount_minor=2599,
        currency="EUR",
    )
    assert ("pay_00abc", expected) == result_of(BODY)


def test_a_declined_callback_carries_its_code() -> None:
    """A customer who failed to authenticate is told so, whichever way the news came."""
    _, result = result_of(changed(status="declined", decline_code="authentication_required"))
    assert ("declined", "authentication_required") == (result.outcome, result.code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\xff",
        b"[]",
        changed(status="exploded"),
        changed(amount_minor=-1),
        changed(amount_minor="2599"),
        changed(metadata={}),
        changed(metadata={"operation_id": "a", "call_attempt": "-1", "provider": "simulator"}),
        changed(provider_ref="x" * 256),
        BODY.replace(b"operation.updated", b"payout.updated"),
    ],
)
def test_what_is_no_callback_of_ours_is_refused(body: bytes) -> None:
    """Signed but unusable bytes must be told apart from a crash."""
    with pytest.raises(MalformedCallback):
        result_of(body)
