"""P3: stories that must not be told are refused by the table of legal moves."""

from collections.abc import Callable
from typing import Any

import pytest

from ops.verify.report import Invariant
from schemas import payments as p
from schemas.envelope import Recorded
from schemas.testing import PAYMENT_KEY, envelope
from streams.core import record

Judge = Callable[..., dict[str, Invariant]]

VISA = p.PaymentMethod(type="card", token="tok_visa")
CREATED = p.PaymentIntentCreated(amount_minor=100, currency="USD", capture_method="manual", fingerprint=b"")
REQUEST: dict[str, Any] = {"provider": "simulator", "not_after_ms": 1, "due_at_ms": 2}
ASKED = p.AuthorizationRequested(
    operation_id="auth_1", amount_minor=100, kind="authorize", attempt=1, payment_method=VISA, **REQUEST
)
ASKED_AGAIN = p.AuthorizationRequested(
    operation_id="auth_2", amount_minor=100, kind="authorize", attempt=2, payment_method=VISA, **REQUEST
)
TRY = p.RiskAssessmentRequested(
    assessment_id="asm_1", attempt=1, payment_method=VISA, entities=(), decide_by_ms=1, not_after_ms=2
)
TRY_AGAIN = p.RiskAssessmentRequested(
    assessment_id="asm_2", attempt=2, payment_method=VISA, entities=(), decide_by_ms=1, not_after_ms=2
)
HELD_BACK = p.PaymentHeldForReview(assessment_id="asm_1", attempt=1, reason_code="large", due_at_ms=9)
APPROVED = p.PaymentReviewed(assessment_id="asm_1", attempt=1, decision="approve")
DECLINED = p.PaymentReviewed(assessment_id="asm_1", attempt=1, decision="decline")
BLOCKED = p.PaymentBlocked(
    assessment_id="asm_1", attempt=1, code="blocked_by_risk", reason_code="card_velocity"
)
HELD = p.PaymentAuthorized(
    operation_id="auth_1", amount_minor=100, provider_ref="r", expires_at_ms=9, window_closes_at_ms=9
)
FAILED = p.PaymentFailed(operation_id="auth_1", code="do_not_honor", proof="answered")
LATE = p.PaymentAuthorized(
    operation_id="auth_1",
    amount_minor=100,
    provider_ref="r",
    expires_at_ms=9,
    window_closes_at_ms=9,
    late=True,
)
CAPTURE = p.CaptureRequested(operation_id="cap_1", amount_minor=100, **REQUEST)
CAPTURE_2 = p.CaptureRequested(operation_id="cap_2", amount_minor=100, **REQUEST)
TAKEN = p.PaymentCaptured(operation_id="cap_1", amount_minor=100, provider_ref="r")
VOID = p.VoidRequested(operation_id="void_1", amount_minor=100, reason="requested", **REQUEST)
VOIDED = p.PaymentVoided(operation_id="void_1", amount_minor=100, provider_ref="r")
REFUND = p.RefundRequested(operation_id="ref_1", amount_minor=100, cause="requested", **REQUEST)
RESERVED = p.RefundReserved(operation_id="ref_1", not_after_ms=1, due_at_ms=2)
GIVEN = p.RefundSucceeded(operation_id="ref_1", amount_minor=100, provider_ref="r")
UNKNOWN = p.OperationUnknown(operation_id="auth_1", query=0, due_at_ms=3)


def verdict(judged: Judge, *bodies: Any) -> Invariant:
    events = []
    for version, body in enumerate(bodies, start=1):
        told = record(PAYMENT_KEY, version, body, envelope("cmd_1"))
        events.append(Recorded(envelope=told.envelope, body=body))
    return judged(events)["P3"]


@pytest.mark.parametrize(
    "story",
    [
        (CREATED, TRY, ASKED, HELD, CAPTURE, TAKEN, REFUND, RESERVED, GIVEN),
        (CREATED, TRY, ASKED, FAILED, TRY_AGAIN, ASKED_AGAIN),
        (CREATED, TRY, ASKED, UNKNOWN, HELD, VOID, VOIDED),
        (CREATED, TRY, ASKED, FAILED, LATE),
        (CREATED, p.PaymentIntentCanceled()),
        (CREATED, TRY, BLOCKED, TRY_AGAIN, ASKED_AGAIN),
        (CREATED, TRY, HELD_BACK, APPROVED, ASKED),
        (CREATED, TRY, HELD_BACK, DECLINED, BLOCKED),
        (CREATED, TRY, HELD_BACK, BLOCKED),
    ],
)
def test_a_legal_story_passes(story: tuple[Any, ...], judged: Judge) -> None:
    """The table allows what the platform does every day."""
    assert verdict(judged, *story).passed


@pytest.mark.parametrize(
    "story",
    [
        (ASKED,),
        (CREATED, CREATED),
        (CREATED, HELD),
        (CREATED, ASKED),
        (CREATED, TRY, TRY),
        (CREATED, TRY_AGAIN),
        (CREATED, TRY, HELD_BACK, ASKED),
        (CREATED, TRY, BLOCKED, ASKED),
        (CREATED, TRY, p.PaymentReviewed(assessment_id="asm_1", attempt=1, decision="approve")),
        (CREATED, TRY, p.PaymentIntentCanceled()),
        (CREATED, TRY, ASKED, BLOCKED),
        (CREATED, TRY, ASKED, ASKED_AGAIN),
        (CREATED, TRY, ASKED, HELD, ASKED_AGAIN),
        (CREATED, TRY, ASKED, HELD, HELD),
        (CREATED, TRY, ASKED, HELD, FAILED),
        (CREATED, TRY, ASKED, FAILED, HELD),
        (CREATED, TRY, ASKED, HELD, VOID, VOIDED, CAPTURE),
        (CREATED, TRY, ASKED, HELD, VOID, CAPTURE),
        (CREATED, TRY, ASKED, HELD, VOID, VOIDED, TAKEN),
        (CREATED, TRY, ASKED, HELD, CAPTURE, VOID),
        (CREATED, TRY, ASKED, HELD, CAPTURE, TAKEN, CAPTURE_2),
        (CREATED, TRY, ASKED, HELD, CAPTURE, TAKEN, VOID),
        (CREATED, TRY, ASKED, HELD, REFUND),
        (CREATED, TRY, ASKED, HELD, CAPTURE, TAKEN, REFUND, RESERVED, GIVEN, GIVEN),
        (CREATED, TRY, ASKED, HELD, CAPTURE, TAKEN, REFUND, RESERVED, RESERVED),
        (CREATED, TRY, ASKED, HELD, CAPTURE, VOIDED),
        (CREATED, TRY, ASKED, HELD, UNKNOWN),
        (CREATED, p.PaymentIntentCanceled(), TRY),
        (CREATED, TRY, ASKED, HELD, p.PaymentIntentCanceled()),
        (CREATED, TRY, ASKED, HELD, CAPTURE, p.PaymentExpired(amount_minor=100)),
        (CREATED, TRY, ASKED, p.OperationReviewed(operation_id="auth_1")),
    ],
)
def test_an_illegal_last_event_is_named(story: tuple[Any, ...], judged: Judge) -> None:
    """Whoever wrote such an event broke the state machine."""
    found = verdict(judged, *story)
    assert not found.passed
    assert type(story[-1]).__name__ in found.evidence[0]
    assert verdict(judged, *story[:-1]).passed
