"""Do answers and errors say what the stage said, in the shape clients know?"""

import json
from typing import Any

import pytest

from api.answers import reply_answer, to_json
from api.problems import Problem, error_body, explained_codes
from schemas.api import Reply
from schemas.outcomes import Outcome
from schemas.payment_views import PaymentView, RefundView
from schemas.payments import PaymentNotes, PaymentStatus, RefundStatus
from schemas.rendering import payment_answer, rfc3339

KEY = "00" + "a" * 24


def payment(**changed: Any) -> PaymentView:
    fields: dict[str, Any] = {
        "payment_intent_id": f"pi_{KEY}",
        "payment_id": f"pay_{KEY}",
        "merchant_id": f"mer_{KEY}",
        "status": PaymentStatus.CAPTURED,
        "amount": 2599,
        "amount_authorized": 2599,
        "amount_captured": 2599,
        "amount_refunded": 0,
        "currency": "USD",
        "capture_method": "automatic",
        "created_at_ms": 1_769_860_800_001,
        "updated_at_ms": 1_769_860_800_999,
        "version": 3,
        **changed,
    }
    return PaymentView(**fields)


def refund() -> RefundView:
    return RefundView(
        refund_id=f"ref_{KEY}01234567",
        payment_id=f"pay_{KEY}",
        merchant_id=f"mer_{KEY}",
        status=RefundStatus.FAILED,
        amount=100,
        currency="USD",
        created_at_ms=0,
        updated_at_ms=1,
        version=5,
        failure_code="amount_exceeds_captured",
    )


def reply(outcome: Outcome, **changed: Any) -> Reply:
    return Reply(request_id="req_1", command_id="cmd_1", outcome=outcome.value.number, **changed)


def refusal(said: Reply) -> dict[str, Any]:
    with pytest.raises(Problem) as caught:
        reply_answer(said, "/status")
    error: dict[str, Any] = json.loads(error_body(caught.value, "req_1"))["error"]
    return error


def test_a_payment_is_flat_and_complete() -> None:
    """Clients read fields by name; one that is empty is null, not absent."""
    view = payment(
        next_action_url="https://bank/3ds", notes=PaymentNotes(description="d", metadata={"a": "b"})
    )
    shown = json.loads(to_json(payment_answer(view)))
    assert {"type": "redirect", "redirect_url": "https://bank/3ds"} == shown["next_action"]
    assert ("d", {"a": "b"}, None, None) == (
        shown["description"],
        shown["metadata"],
        shown["customer_id"],
        shown["last_error"],
    )
    assert ("2026-01-31T12:00:00.001Z", "2026-01-31T12:00:00.999Z") == (
        shown["created_at"],
        shown["updated_at"],
    )
    assert "stale" not in shown


def test_times_are_exact_to_the_millisecond() -> None:
    """A float of seconds would turn .999 into .998 now and then."""
    assert [f"1970-01-01T00:00:00.{ms:03}Z" for ms in range(1000)] == [rfc3339(ms) for ms in range(1000)]


def test_a_success_is_marked_when_it_is_a_repeat() -> None:
    """A client can tell that nothing happened twice."""
    answer = reply_answer(reply(Outcome.CREATED, view=payment(), replayed=True), "/status")
    assert ({"Idempotent-Replayed": "true"}, f"pay_{KEY}", 3) == (
        answer.headers,
        answer.object_id,
        answer.object_version,
    )


def test_held_for_review_says_where_to_look() -> None:
    """A 202 always names its status URL."""
    assert (
        "/status"
        == reply_answer(reply(Outcome.HELD_FOR_REVIEW, view=payment()), "/status").headers["Location"]
    )


def test_a_decline_has_the_issuers_reason() -> None:
    """Merchants act on the decline code."""
    error = refusal(reply(Outcome.DECLINED, view=payment(failure_code="lost_card")))
    assert ("card_error", "declined", "lost_card") == (error["type"], error["code"], error["decline_code"])
    assert f"pay_{KEY}" == error["payment"]["payment_id"]
    assert "generic_decline" == refusal(reply(Outcome.DECLINED, view=payment()))["decline_code"]


def test_a_refund_that_failed_is_shown_as_a_refund() -> None:
    """The object inside an error is called what it is."""
    error = refusal(reply(Outcome.REFUSED_BY_PROVIDER, view=refund()))
    assert "amount_exceeds_captured" == error["refund"]["last_error"]["code"]


def test_a_mismatch_names_what_differs() -> None:
    """Finding the drifted parameter is the whole work after such an error."""
    error = refusal(reply(Outcome.IDEMPOTENCY_MISMATCH, differing=("amount", "currency")))
    assert ("amount", "differing parameters: amount, currency") == (error["param"], error["detail"])


@pytest.mark.parametrize(
    "outcome", [one for one in Outcome if one.value.error_type is not None], ids=lambda o: o.code
)
def test_every_refusal_has_a_whole_error_object(outcome: Outcome) -> None:
    """No outcome may surprise a client with another shape."""
    error = json.loads(error_body(Problem(outcome), "req_1"))["error"]
    assert {"type", "code", "message", "request_id", "doc_url"} <= error.keys()
    assert error["code"] in explained_codes()
