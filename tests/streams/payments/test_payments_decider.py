"""Cases of the payments decider: given what happened, a message leads to these events or this refusal."""

from collections.abc import Callable

import pytest

from schemas import payment_commands as c
from schemas.outcomes import Outcome
from schemas.payments import PaymentStatus
from schemas.testing import operator_command
from streams.payments.state import (
    captured_minor,
    held_minor,
    payment_status,
    refundable_minor,
    refunded_minor,
)
from streams.payments.testing import DAY, MINUTE, Story

Tell = Callable[[Story], Story]
CASES: dict[str, tuple[Tell, list[str], PaymentStatus]] = {
    "create": (lambda s: s.create(), ["PaymentIntentCreated"], PaymentStatus.REQUIRES_CONFIRMATION),
    "create without method": (
        lambda s: s.create(token=None),
        ["PaymentIntentCreated"],
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
    ),
    "create again": (lambda s: s.create().create(), ["created"], PaymentStatus.REQUIRES_CONFIRMATION),
    "create otherwise": (
        lambda s: s.create().create(5),
        ["idempotency_mismatch"],
        PaymentStatus.REQUIRES_CONFIRMATION,
    ),
    "confirm": (lambda s: s.create().confirm(), ["AuthorizationRequested"], PaymentStatus.PENDING_AUTH),
    "confirm twice": (
        lambda s: s.create().confirm().confirm(),
        ["operation_in_progress"],
        PaymentStatus.PENDING_AUTH,
    ),
    "confirm without method": (
        lambda s: s.create(token=None).confirm(),
        ["payment_method_missing"],
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
    ),
    "authorized": (lambda s: s.authorized(), ["PaymentAuthorized"], PaymentStatus.AUTHORIZED),
    "sale": (
        lambda s: s.create(method="automatic").confirm().provider("succeeded"),
        ["PaymentCaptured"],
        PaymentStatus.CAPTURED,
    ),
    "declined": (
        lambda s: s.create().confirm().provider("declined", code="insufficient_funds"),
        ["PaymentFailed"],
        PaymentStatus.FAILED,
    ),
    "confirm after decline": (
        lambda s: s.create().confirm().provider("declined").confirm(),
        ["AuthorizationRequested"],
        PaymentStatus.PENDING_AUTH,
    ),
    "confirm when authorized": (
        lambda s: s.authorized().confirm(),
        ["unexpected_state"],
        PaymentStatus.AUTHORIZED,
    ),
    "requires action": (
        lambda s: s.create().confirm().provider("requires_action"),
        ["PaymentRequiresAction"],
        PaymentStatus.REQUIRES_ACTION,
    ),
    "action done": (
        lambda s: s.create().confirm().provider("requires_action").provider("succeeded", source="callback"),
        ["PaymentAuthorized"],
        PaymentStatus.AUTHORIZED,
    ),
    "cancel": (
        lambda s: s.create().ask(c.CancelPaymentIntent()),
        ["PaymentIntentCanceled"],
        PaymentStatus.CANCELED,
    ),
    "cancel while asked": (
        lambda s: s.create().confirm().ask(c.CancelPaymentIntent()),
        ["operation_in_progress"],
        PaymentStatus.PENDING_AUTH,
    ),
    "cancel canceled": (
        lambda s: s.create().ask(c.CancelPaymentIntent()).ask(c.CancelPaymentIntent()),
        ["unexpected_state"],
        PaymentStatus.CANCELED,
    ),
    "capture all": (lambda s: s.captured(), ["PaymentCaptured"], PaymentStatus.CAPTURED),
    "capture part": (
        lambda s: s.authorized().capture(4_000).provider("succeeded"),
        ["PaymentCaptured", "VoidRequested"],
        PaymentStatus.CAPTURED,
    ),
    "remainder released": (
        lambda s: s.authorized().capture(4_000).provider("succeeded").provider("succeeded"),
        ["AuthorizationReleased"],
        PaymentStatus.CAPTURED,
    ),
    "capture too much": (
        lambda s: s.authorized().capture(10_001),
        ["amount_exceeds_authorized"],
        PaymentStatus.AUTHORIZED,
    ),
    "capture twice": (
        lambda s: s.authorized().capture().capture(),
        ["operation_in_progress"],
        PaymentStatus.AUTHORIZED,
    ),
    "capture captured": (lambda s: s.captured().capture(), ["unexpected_state"], PaymentStatus.CAPTURED),
    "capture refused": (
        lambda s: s.authorized().capture().provider("refused", code="x"),
        ["CaptureFailed"],
        PaymentStatus.AUTHORIZED,
    ),
    "capture unknown": (
        lambda s: s.authorized().capture().provider("unknown"),
        ["OperationUnknown"],
        PaymentStatus.UNKNOWN,
    ),
    "void": (
        lambda s: s.authorized().void().provider("succeeded"),
        ["PaymentVoided"],
        PaymentStatus.VOIDED,
    ),
    "void while capturing": (
        lambda s: s.authorized().capture().void(),
        ["operation_in_progress"],
        PaymentStatus.AUTHORIZED,
    ),
    "void captured": (lambda s: s.captured().void(), ["unexpected_state"], PaymentStatus.CAPTURED),
    "refund part": (
        lambda s: s.captured().refund(4_000).provider("succeeded"),
        ["RefundSucceeded"],
        PaymentStatus.PARTIALLY_REFUNDED,
    ),
    "refund all": (
        lambda s: s.captured().refund().provider("succeeded"),
        ["RefundSucceeded"],
        PaymentStatus.REFUNDED,
    ),
    "refund too much": (
        lambda s: s.captured().refund(6_000).refund(6_000),
        ["amount_exceeds_refundable"],
        PaymentStatus.CAPTURED,
    ),
    "refund refunded": (
        lambda s: s.captured().refund().provider("succeeded").refund(),
        ["amount_exceeds_refundable"],
        PaymentStatus.REFUNDED,
    ),
    "refund uncaptured": (lambda s: s.authorized().refund(), ["unexpected_state"], PaymentStatus.AUTHORIZED),
    "refund fails later": (
        lambda s: s.captured().refund().provider("succeeded").provider("declined", code="expired_card"),
        ["RefundFailed"],
        PaymentStatus.CAPTURED,
    ),
    "wrong amount": (
        lambda s: s.create().confirm().provider("succeeded", amount_minor=1),
        ["OperationHeldForReview"],
        PaymentStatus.IN_REVIEW,
    ),
    "wrong currency": (
        lambda s: s.create().confirm().provider("succeeded", currency="EUR"),
        ["OperationHeldForReview"],
        PaymentStatus.IN_REVIEW,
    ),
    "success twice": (lambda s: s.authorized().provider("succeeded"), [], PaymentStatus.AUTHORIZED),
    "success under two references": (
        lambda s: s.authorized().provider("succeeded", provider_ref="another"),
        ["OperationHeldForReview"],
        PaymentStatus.IN_REVIEW,
    ),
    "decline after success": (
        lambda s: s.authorized().provider("declined"),
        ["OperationHeldForReview"],
        PaymentStatus.IN_REVIEW,
    ),
    "late authorization": (
        lambda s: s.create().confirm().provider("declined").provider("succeeded"),
        ["PaymentAuthorized", "VoidRequested"],
        PaymentStatus.AUTHORIZED,
    ),
    "late sale": (
        lambda s: s.create(method="automatic").confirm().provider("declined").provider("succeeded"),
        ["PaymentCaptured", "RefundRequested"],
        PaymentStatus.CAPTURED,
    ),
    "late capture": (
        lambda s: s.authorized().capture().provider("refused").provider("succeeded"),
        ["PaymentCaptured", "RefundRequested"],
        PaymentStatus.CAPTURED,
    ),
    "not executed": (
        lambda s: s.create().confirm().provider("not_executed"),
        ["OperationPostponed"],
        PaymentStatus.PENDING_AUTH,
    ),
    "called again": (
        lambda s: s.create().confirm().provider("not_executed").wait(500),
        ["OperationRetried"],
        PaymentStatus.PENDING_AUTH,
    ),
    "an old call's word": (
        lambda s: s.create().confirm().provider("not_executed").wait(500).provider("unknown", call_attempt=0),
        [],
        PaymentStatus.PENDING_AUTH,
    ),
    "no answer": (
        lambda s: s.create().confirm().wait(90_000),
        ["OperationUnknown"],
        PaymentStatus.UNKNOWN,
    ),
    "asked": (
        lambda s: s.create().confirm().wait(90_000).wait(MINUTE),
        ["OperationQueried"],
        PaymentStatus.UNKNOWN,
    ),
    "found": (
        lambda s: s.create().confirm().wait(90_000).wait(MINUTE).provider("succeeded", source="query"),
        ["PaymentAuthorized"],
        PaymentStatus.AUTHORIZED,
    ),
    "proved not executed too late to call again": (
        lambda s: s.create().confirm().wait(90_000).wait(MINUTE).provider("not_executed", source="query"),
        ["PaymentFailed"],
        PaymentStatus.FAILED,
    ),
    "never answered": (
        lambda s: s.create().confirm().wait(90_000).wait(8 * DAY),
        ["OperationHeldForReview"],
        PaymentStatus.IN_REVIEW,
    ),
    "expired": (lambda s: s.authorized().wait(7 * DAY), ["VoidRequested"], PaymentStatus.AUTHORIZED),
    "expiry confirmed": (
        lambda s: s.authorized().wait(7 * DAY).provider("succeeded"),
        ["PaymentExpired"],
        PaymentStatus.EXPIRED,
    ),
    "expiry refused, window open": (
        lambda s: s.authorized().wait(7 * DAY).provider("refused").wait(MINUTE),
        [],
        PaymentStatus.AUTHORIZED,
    ),
    "expiry refused, window closed": (
        lambda s: s.authorized().wait(7 * DAY).provider("refused").wait(DAY),
        ["PaymentExpired"],
        PaymentStatus.EXPIRED,
    ),
    "expiry waits for an unknown capture": (
        lambda s: s.authorized().capture().provider("unknown").wait(7 * DAY),
        ["OperationQueried"],
        PaymentStatus.UNKNOWN,
    ),
    "captured although expiry was due": (
        lambda s: s.authorized().capture().provider("unknown").wait(7 * DAY).provider("succeeded"),
        ["PaymentCaptured"],
        PaymentStatus.CAPTURED,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_payment_cases(case: str) -> None:
    """Each case is a rule merchants rely on; together they are the state machine."""
    tell, expected_events, expected_status = CASES[case]
    story = tell(Story())
    assert expected_events == story.names()
    assert expected_status == payment_status(story.state)


def test_a_command_on_nothing_is_not_found() -> None:
    """An unknown id must look the same as another merchant's."""
    for body in (c.ConfirmPaymentIntent(), c.CapturePayment(), c.VoidPayment(), c.RefundPayment()):
        assert Story().ask(body).names() == ["not_found"]


def test_confirms_end_after_ten_attempts() -> None:
    """A card tester must not get unlimited tries on one intent."""
    story = Story().create()
    for _ in range(10):
        story.confirm().provider("declined")
    assert story.confirm().names() == ["attempts_exhausted"]


def test_operations_of_one_payment_are_bounded() -> None:
    """A state must stay small however often a merchant asks."""
    story = Story().captured()
    while len(story.state.operations) < 100:
        story.refund(1).provider("refused")
    assert story.refund(1).names() == ["operations_exhausted"]


def test_amounts_follow_the_operations() -> None:
    """Amounts are sums over operations, so they can never disagree with them."""
    story = Story().authorized().capture(7_000).provider("succeeded").provider("succeeded")
    story.refund(3_000).provider("succeeded").refund(1_000)
    amounts = (captured_minor(story.state), refunded_minor(story.state), refundable_minor(story.state))
    assert amounts == (7_000, 3_000, 3_000)
    assert held_minor(story.state) == 0


def test_an_operator_resolves_an_unknown_operation() -> None:
    """When a provider never answers, only its own records tell; an operator brings them."""
    story = Story().create().confirm().provider("unknown")
    resolve = c.ResolveOperation(
        operation_id=story.last.operation_id, resolution="succeeded", provider_ref="r"
    )
    story.receive(operator_command(resolve))
    assert (story.names(), payment_status(story.state)) == (["PaymentAuthorized"], PaymentStatus.AUTHORIZED)


def test_an_operator_settles_a_contradiction() -> None:
    """A payment must not stay in review for ever once somebody looked."""
    story = Story().authorized().provider("declined")
    settle = c.ResolveOperation(operation_id=story.last.operation_id, resolution="as_booked")
    story.receive(operator_command(settle))
    assert (story.names(), payment_status(story.state)) == (["OperationReviewed"], PaymentStatus.AUTHORIZED)


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [("succeeded", Outcome.PROVIDER_REFERENCE_MISSING), ("as_booked", Outcome.UNEXPECTED_STATE)],
)
def test_a_resolution_must_fit(resolution: str, expected: Outcome) -> None:
    """An operator's slip must change nothing."""
    story = Story().create().confirm().provider("unknown")
    body = c.ResolveOperation(operation_id=story.last.operation_id, resolution=resolution)  # type: ignore[arg-type]  # a test's word
    assert [expected.code] == story.receive(operator_command(body)).names()


def test_results_of_unknown_operations_change_nothing() -> None:
    """A stray callback must not create or move money."""
    story = Story().authorized()
    assert story.provider("succeeded", operation_id="auth_nobody").names() == []
