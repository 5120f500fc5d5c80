"""What stands between a wish and a provider: risk before an authorization, the ledger before a refund."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas import ids, ledger, topics
from schemas import payment_commands as c
from schemas import payments as p
from schemas.envelope import Message
from schemas.outcomes import Outcome
from schemas.payment_views import PaymentView
from schemas.payments import PaymentStatus
from schemas.settings import Settings
from schemas.testing import MERCHANT, PAYMENT_KEY, operator_command
from streams.core import NO_SUBJECT, Resolve, Send
from streams.payments.app import payments
from streams.payments.state import Payment, held_minor, payment_status, refund_status
from streams.payments.testing import DAY, MINUTE, Story
from streams.payments.views import moment, view

Tell = Callable[[Story], Story]
REACT = payments(Settings()).decider.react


def reviewed(story: Story, decision: str) -> Story:
    return story.receive(operator_command(c.ReviewPayment(decision=decision)))  # type: ignore[arg-type]  # a test's word


def overtaken(story: Story) -> Story:
    """A second attempt waits for its verdict when the first, believed declined, turns out to have charged."""
    story.create(method="automatic").confirm()
    first = story.last
    return story.provider("declined", code="generic_decline").attempt().provider("succeeded", first)


def overtaken_while_held(story: Story) -> Story:
    """The same while an operator looks at the second attempt; and the charge cannot be given back."""
    story.create(method="automatic").confirm()
    first = story.last
    story.provider("declined", code="generic_decline").attempt().verdict("review")
    story.provider("succeeded", first)
    return story.provider("refused", story.last, code="refund_not_possible")


CASES: dict[str, tuple[Tell, list[str], PaymentStatus]] = {
    "assessed first": (
        lambda s: s.create().attempt(),
        ["RiskAssessmentRequested"],
        PaymentStatus.PENDING_AUTH,
    ),
    "allowed": (
        lambda s: s.create().attempt().verdict("allow"),
        ["AuthorizationRequested"],
        PaymentStatus.PENDING_AUTH,
    ),
    "blocked": (lambda s: s.create().attempt().verdict("block"), ["PaymentBlocked"], PaymentStatus.FAILED),
    "held": (
        lambda s: s.create().attempt().verdict("review"),
        ["PaymentHeldForReview"],
        PaymentStatus.IN_REVIEW,
    ),
    "approved": (
        lambda s: reviewed(s.create().attempt().verdict("review"), "approve"),
        ["PaymentReviewed", "AuthorizationRequested"],
        PaymentStatus.PENDING_AUTH,
    ),
    "review declined": (
        lambda s: reviewed(s.create().attempt().verdict("review"), "decline"),
        ["PaymentReviewed", "PaymentBlocked"],
        PaymentStatus.FAILED,
    ),
    "nobody reviews": (
        lambda s: s.create().attempt().verdict("review").wait(DAY),
        ["PaymentBlocked"],
        PaymentStatus.FAILED,
    ),
    "review what is not held": (
        lambda s: reviewed(s.create().attempt(), "approve"),
        ["unexpected_state"],
        PaymentStatus.PENDING_AUTH,
    ),
    "review twice": (
        lambda s: reviewed(reviewed(s.create().attempt().verdict("review"), "approve"), "decline"),
        ["unexpected_state"],
        PaymentStatus.PENDING_AUTH,
    ),
    "no verdict while the customer waits": (
        lambda s: s.create().attempt().wait(MINUTE),
        ["PaymentBlocked"],
        PaymentStatus.FAILED,
    ),
    "a verdict after that": (
        lambda s: s.create().attempt().wait(MINUTE).verdict("allow"),
        [],
        PaymentStatus.FAILED,
    ),
    "a verdict twice": (
        lambda s: s.create().attempt().verdict("allow").verdict("block"),
        [],
        PaymentStatus.PENDING_AUTH,
    ),
    "a verdict on another attempt": (
        lambda s: s.create().attempt().verdict("allow", assessment_id="asm_other"),
        [],
        PaymentStatus.PENDING_AUTH,
    ),
    "confirm while assessed": (
        lambda s: s.create().attempt().attempt(),
        ["operation_in_progress"],
        PaymentStatus.PENDING_AUTH,
    ),
    "cancel while held": (
        lambda s: s.create().attempt().verdict("review").ask(c.CancelPaymentIntent()),
        ["operation_in_progress"],
        PaymentStatus.IN_REVIEW,
    ),
    "confirm after a block": (
        lambda s: s.create().attempt().verdict("block").confirm(),
        ["AuthorizationRequested"],
        PaymentStatus.PENDING_AUTH,
    ),
    "allowed after an earlier attempt charged": (
        lambda s: overtaken(s).verdict("allow"),
        ["PaymentBlocked"],
        PaymentStatus.CAPTURED,
    ),
    "held after an earlier attempt charged": (
        lambda s: overtaken(s).verdict("review"),
        ["PaymentBlocked"],
        PaymentStatus.CAPTURED,
    ),
    "approved after an earlier attempt charged": (
        lambda s: reviewed(overtaken_while_held(s), "approve"),
        ["unexpected_state"],
        PaymentStatus.CAPTURED,
    ),
    "review declined after an earlier attempt charged": (
        lambda s: reviewed(overtaken_while_held(s), "decline"),
        ["PaymentReviewed", "PaymentBlocked"],
        PaymentStatus.CAPTURED,
    ),
    "refund reserved first": (
        lambda s: s.captured().refund_asked(),
        ["RefundRequested"],
        PaymentStatus.CAPTURED,
    ),
    "refund covered": (
        lambda s: s.captured().refund_asked().ledger("posted"),
        ["RefundReserved"],
        PaymentStatus.CAPTURED,
    ),
    "refund not covered": (
        lambda s: s.captured().refund_asked().ledger("refused"),
        ["RefundFailed"],
        PaymentStatus.CAPTURED,
    ),
    "the ledger says it twice": (
        lambda s: s.captured().refund_asked().ledger("posted").ledger("posted"),
        [],
        PaymentStatus.CAPTURED,
    ),
    "the ledger is silent": (
        lambda s: s.captured().refund_asked().wait(10_000),
        ["RefundReservationRepeated"],
        PaymentStatus.CAPTURED,
    ),
    "an answer for nobody": (
        lambda s: s.captured().refund_asked().ledger("posted", operation_id="ref_nobody"),
        [],
        PaymentStatus.CAPTURED,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_gates(case: str) -> None:
    """No provider is asked before risk has allowed an attempt, or the ledger a refund."""
    tell, expected_events, expected_status = CASES[case]
    story = tell(Story())
    assert expected_events == story.names()
    assert expected_status == payment_status(story.state)


def effects(story: Story) -> list[Any]:
    """What followed from the last message, event by event, each with the state of its time."""
    decider = payments(Settings()).decider
    state: Payment | None = None
    count = len(story.said)
    found: list[Any] = []
    for number, event in enumerate(story.history.events):
        state = decider.evolve(state, event)
        if number >= len(story.history.events) - count:
            found.extend(REACT(state, event))
    return found


def sent(story: Story) -> list[tuple[str, str | None, str]]:
    return [
        (effect.topic.name, effect.key, type(effect.body).__name__)
        for effect in effects(story)
        if isinstance(effect, Send)
    ]


BOOK = ids.key_of(MERCHANT)


def test_an_attempt_is_looked_up_by_all_its_entities() -> None:
    """A card tester changes cards, not the machine; each entity is counted where its windows are."""
    story = Story().create().attempt(ip_key="ip_1", device_key="device_1")
    looked_up = [(topic, key) for topic, key, name in sent(story) if name == "LookUpEntity"]
    card = ids.entity_key("card", "test", "tok_visa", MERCHANT, PAYMENT_KEY)
    assert [
        ("risk.lookups.v1", card),
        ("risk.lookups.v1", "ip_1"),
        ("risk.lookups.v1", "device_1"),
    ] == looked_up
    assert ("risk.requests.v1", None, "AssessPayment") in sent(story)


MONEY: dict[str, tuple[Tell, str]] = {
    "authorized": (lambda s: s.authorized(), "RecordHold"),
    "captured": (lambda s: s.captured(), "RecordCapture"),
    "voided": (lambda s: s.authorized().void().provider("succeeded"), "RecordRelease"),
    "remainder": (
        lambda s: s.authorized().capture(4_000).provider("succeeded").provider("succeeded"),
        "RecordRelease",
    ),
    "expired": (lambda s: s.authorized().wait(7 * DAY).provider("refused").wait(DAY), "RecordRelease"),
    "refund asked": (lambda s: s.captured().refund_asked(), "ReserveRefund"),
    "refund asked again": (lambda s: s.captured().refund_asked().wait(10_000), "ReserveRefund"),
    "refunded": (lambda s: s.captured().refund().provider("succeeded"), "RecordRefundSucceeded"),
    "refund failed": (lambda s: s.captured().refund().provider("refused"), "RecordRefundFailed"),
    "late sale given back": (
        lambda s: s.create(method="automatic").confirm().provider("declined").provider("succeeded"),
        "RecordRefundRequested",
    ),
}


@pytest.mark.parametrize("case", MONEY)
def test_the_ledger_is_told_of_money(case: str) -> None:
    """What moves at the provider and is in no book would be money nobody finds again."""
    tell, command = MONEY[case]
    assert (topics.LEDGER_COMMANDS_PAYMENTS.name, BOOK, command) in sent(tell(Story()))


def test_the_ledger_is_told_how_a_capture_was_paid() -> None:
    """Its price may depend on it."""
    manual, automatic = Story().captured(), Story().create(method="automatic").confirm().provider("succeeded")
    for story in (manual, automatic):
        (told,) = [
            one.body
            for one in effects(story)
            if isinstance(one, Send) and isinstance(one.body, ledger.RecordCapture)
        ]
        assert "card" == told.method


@pytest.mark.parametrize(
    "outcome",
    [Outcome.BALANCE_INSUFFICIENT, Outcome.AMOUNT_EXCEEDS_REFUNDABLE, Outcome.ACCOUNT_CLOSED],
)
def test_a_refund_the_ledger_refused_is_not_booked(outcome: Outcome) -> None:
    """Nothing was set aside, so there is nothing to take back, and the provider hears nothing."""
    story = Story().captured().refund_asked().ledger("refused", code=outcome.code)
    assert [("webhooks.events.payments.v1", BOOK, "AnnounceEvent")] == sent(story)
    assert [outcome] == [one.outcome for one in effects(story) if isinstance(one, Resolve)]


def test_a_reservation_keeps_its_transaction() -> None:
    """Asked again under another id, the ledger would set the amount aside twice."""
    story = Story().captured().refund_asked()
    first = [one.body for one in effects(story) if isinstance(one, Send) and "ledger" in one.topic.name]
    again = [
        one.body
        for one in effects(story.wait(10_000))
        if isinstance(one, Send) and "ledger" in one.topic.name
    ]
    assert first == again
    assert isinstance(first[0], ledger.ReserveRefund)


def test_each_posting_has_its_own_transaction() -> None:
    """A refund that fails, succeeds late and fails again is three facts."""
    story = Story().captured().refund().provider("refused")
    seen = set()
    for outcome in ("succeeded", "refused", "refused"):
        commands = [
            one.body for one in effects(story) if isinstance(one, Send) and "ledger" in one.topic.name
        ]
        seen |= {command.transaction_id for command in commands}  # type: ignore[attr-defined]  # ledger commands
        story.provider(outcome, story.state.operations[-1])
    assert 2 <= len(seen)


@pytest.mark.parametrize("decision", ["approve", "decline"])
def test_a_review_is_answered_by_what_follows_from_it(decision: str) -> None:
    """A repeat is told the same as the first time."""
    story = reviewed(Story().create().attempt().verdict("review"), decision)
    answers = [
        (event.body, effect)
        for event in story.history.events[-2:]
        for effect in REACT(story.state, event)
        if isinstance(effect, Resolve) and effect.command_id == event.envelope.causation_id
    ]
    assert [type(story.history.events[-1].body)] == [type(body) for body, _ in answers]


def test_a_block_does_not_hide_what_charged() -> None:
    """Whoever reads the payment finds the provider's reference, though a later attempt was blocked."""
    state = overtaken(Story()).verdict("block").state
    shown = view(state, moment(state, NO_SUBJECT))
    assert isinstance(shown, PaymentView)
    assert (PaymentStatus.CAPTURED, True) == (shown.status, shown.authorization_id is not None)


def test_a_capture_takes_from_one_authorization() -> None:
    """While a second hold, of a late success, is not undone yet, it cannot be captured along with the first."""
    story = Story().create().confirm()
    first = story.last
    story.provider("declined", code="generic_decline").confirm().provider("succeeded")
    story.provider("succeeded", first).provider("refused", story.last, code="unknown_authorization")
    assert ["CaptureRequested"] == story.capture().names()
    assert 10_000 == story.last.amount_minor


def test_a_late_partial_capture_frees_the_rest() -> None:
    """The part is given back, and what the capture left is released: nothing stays held with nobody able to end it."""
    story = Story().authorized(10_000).capture(6_000)
    capture = story.last
    story.provider("declined", code="generic_decline").provider("succeeded", capture)
    assert ["PaymentCaptured", "RefundRequested", "VoidRequested"] == story.names()
    assert ("void", 4_000) == (story.last.kind, story.last.amount_minor)
    story.provider("succeeded")
    assert 0 == held_minor(story.state)


def test_a_held_confirm_is_answered_once() -> None:
    """The merchant was told 202 and hears the rest by webhook; a repeat must not be told something else."""
    held = Story().create().attempt().verdict("review")
    assert [Outcome.HELD_FOR_REVIEW] == [one.outcome for one in effects(held) if isinstance(one, Resolve)]
    confirm_id = held.history.events[1].envelope.causation_id
    declined = reviewed(held, "decline")
    assert confirm_id not in [one.command_id for one in effects(declined) if isinstance(one, Resolve)]


def test_movements_are_expected_under_the_provider_reference() -> None:
    """A settlement line carries nothing but the provider's own reference."""
    story = Story().captured()
    reference = story.last.provider_ref
    assert ("recon.expected.payments.v1", f"simulator:{reference}", "ExpectMovement") in sent(story)


def test_announcements_hold_nothing_personal() -> None:
    """What the merchant typed is kept where it can be erased, and announcements are kept elsewhere."""
    story = Story().ask(
        c.CreatePaymentIntent(
            amount_minor=500,
            currency="USD",
            capture_method="automatic",
            payment_method=p.PaymentMethod(type="card", token="tok_visa"),
            notes=p.PaymentNotes(description="for Zoe", metadata={"name": "Zoe"}),
        ),
        key="create",
    )
    story.confirm().provider("succeeded")
    story.ask(c.RefundPayment(reason="Zoe sent it back")).ledger("posted").provider("succeeded")
    announced = [one.body for one in effects(story) if isinstance(one, Send) and "webhooks" in one.topic.name]
    assert announced and "Zoe" not in repr(announced)


def test_a_pending_reservation_is_a_pending_refund() -> None:
    """The merchant sees a refund on its way, not one that does not exist."""
    story = Story().captured().refund_asked()
    assert "pending" == refund_status(story.last)


def test_commands_read_back() -> None:
    """Every question survives its topic's encoding."""
    from schemas.codec import codec_of

    told: list[Tell] = [tell for tell, _ in MONEY.values()]
    told.append(lambda s: s.create().attempt(ip_key="ip_1", device_key="device_1"))
    for tell in told:
        story = tell(Story())
        for effect in effects(story):
            if isinstance(effect, Send):
                cause = story.history.events[-1].envelope
                message: Message[Any] = Message(envelope=cause, body=effect.body)
                codec = codec_of(effect.topic)
                assert message == codec.decode(codec.encode(message))


def test_keys_belong_to_the_payment() -> None:
    """Results find their payment by the key inside the operation's id."""
    assert PAYMENT_KEY == ids.key_of(Story().captured().refund_asked().last.operation_id)
