"""P2, P3, P6 and P13 hold in a world full of trouble, and each breaks when somebody tampers."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from ops.simulation.world import Plan, World
from ops.verify.effects import Effect
from ops.verify.report import Invariant
from schemas import payments as p
from schemas import topics
from schemas.envelope import Recorded

Events = Sequence[Recorded[Any, Any]]
Judge = Callable[..., dict[str, Invariant]]


def broken(verdicts: dict[str, Invariant]) -> set[str]:
    return {one.id for one in verdicts.values() if not one.passed}


def index_of(events: Events, kind: type[Any], **fields: Any) -> int:
    return next(
        index
        for index, event in enumerate(events)
        if isinstance(event.body, kind)
        and all(getattr(event.body, name) == value for name, value in fields.items())
    )


def with_body(events: Events, index: int, **changes: Any) -> Events:
    changed = replace(events[index], body=replace(events[index].body, **changes))
    return [*events[:index], changed, *events[index + 1 :]]


@pytest.mark.parametrize("seed", range(6))
def test_a_world_full_of_trouble_raises_no_alarm(seed: int, judged: Judge) -> None:
    """A judge that cries wolf is not listened to."""
    world = World(seed, Plan(fault_rate=0.5, crash_rate=0.2, duplicate_rate=0.2)).run()
    effects = [
        Effect(
            idempotency_key=one.psp_key,
            payment_reference=one.payment_id,
            operation=one.kind,
            amount_minor=one.amount_minor,
            currency=one.currency,
        )
        for one in world.provider.effects
    ]
    assert set() == broken(judged(world.messages(topics.PAYMENTS_EVENTS), effects))


def test_a_second_effect_under_one_key_is_seen(judged: Judge, events: Events, effects: list[Effect]) -> None:
    """A provider that acts twice under one key charged somebody twice."""
    verdict = judged(events, [*effects, effects[0]])["P2"]
    assert not verdict.passed
    assert effects[0].idempotency_key in "".join(verdict.evidence)


@pytest.mark.parametrize("operation", ["authorize", "sale", "capture", "refund", "void"])
def test_a_second_effect_under_another_key_is_seen(
    operation: str, judged: Judge, events: Events, effects: list[Effect]
) -> None:
    """A provider that forgot the first key cannot tell; its book can."""
    effect = next(one for one in effects if one.operation == operation)
    verdict = judged(events, [*effects, replace(effect, idempotency_key="a new key")])["P2"]
    assert not verdict.passed
    assert effect.payment_reference in "".join(verdict.evidence)


@pytest.mark.parametrize("operation", ["authorize", "sale", "capture", "refund", "void"])
def test_an_effect_that_never_happened_is_missed(
    operation: str, judged: Judge, events: Events, effects: list[Effect]
) -> None:
    """We must not believe in money the provider never moved."""
    index = next(i for i, one in enumerate(effects) if one.operation == operation)
    assert {"P2"} == broken(judged(events, effects[:index] + effects[index + 1 :]))


def test_another_amount_or_currency_or_payment_is_seen(
    judged: Judge, events: Events, effects: list[Effect]
) -> None:
    """Each of them is money that is not where we say it is."""
    changes: list[dict[str, Any]] = [
        {"amount_minor": effects[0].amount_minor + 1},
        {"currency": "EUR"},
        {"payment_reference": "pay_nobody"},
        {"operation": "refund"},
    ]
    for change in changes:
        assert {"P2"} == broken(judged(events, [replace(effects[0], **change), *effects[1:]])), change


def test_an_open_operation_is_counted_and_not_judged(
    judged: Judge, events: Events, effects: list[Effect]
) -> None:
    """Whether an unanswered call acted is not known, so either book is right."""
    key = events[index_of(events, p.OperationUnknown)].envelope.aggregate_key
    story = [event for event in events if event.envelope.aggregate_key == key and event.after is not None]
    story = story[: index_of(story, p.OperationUnknown) + 1]
    operation_id = story[-1].body.operation_id
    asked = next(event.body for event in story if getattr(event.body, "operation_id", "") == operation_id)
    known = {operation for event in story if (operation := getattr(event.body, "operation_id", None))}
    from schemas import ids

    keys = {ids.psp_key(operation, 0): operation for operation in known}
    ended = [one for one in effects if keys.get(one.idempotency_key) not in (None, operation_id)]
    acted = Effect(
        idempotency_key=ids.psp_key(operation_id, 0),
        payment_reference=f"pay_{key}",
        operation=getattr(asked, "kind", type(asked).__name__.removesuffix("Requested").lower()),
        amount_minor=asked.amount_minor,
        currency="USD",
    )
    for book in (ended, [*ended, acted]):
        verdict = judged(story, book)["P2"]
        assert verdict.passed, verdict.evidence
        assert any("not judged: 1 operations that are unknown" in line for line in verdict.evidence)
    greedy = replace(acted, amount_minor=acted.amount_minor + 1)
    assert not judged(story, [*ended, greedy])["P2"].passed


def test_what_changed_while_the_book_was_read_is_not_judged(judged: Judge, events: Events) -> None:
    """The book is older than such a payment; only a later look can judge it."""
    verdict = judged(events, (), cut=0)["P2"]
    assert verdict.passed
    assert any("changed while the book was read" in line for line in verdict.evidence)


@pytest.mark.parametrize(
    "kind",
    [
        p.PaymentIntentCreated,
        p.AuthorizationRequested,
        p.PaymentAuthorized,
        p.PaymentCaptured,
        p.VoidRequested,
    ],
)
def test_a_lost_event_is_a_gap(kind: type[Any], judged: Judge, events: Events) -> None:
    """An event that is gone must never go unnoticed."""
    index = index_of(events, kind)
    assert "P13" in broken(judged([*events[:index], *events[index + 1 :]]))


def test_an_event_told_twice_is_a_repeat(judged: Judge, events: Events) -> None:
    """It would count its money twice in every reader that does not look."""
    index = index_of(events, p.PaymentCaptured)
    assert "P13" in broken(judged([*events, events[index]]))


def test_a_refusal_told_twice_is_a_repeat(judged: Judge, events: Events) -> None:
    """Refusals have no version, but an id of their own."""
    refusal = next(event for event in events if event.envelope.version == 0)
    assert "P13" in broken(judged([*events, refusal]))


def test_an_event_with_a_foreign_id_is_seen(judged: Judge, events: Events) -> None:
    """Ids are derived, so that readers can recognise a repeat."""
    envelope = replace(events[0].envelope, message_id="evt_another")
    assert "P13" in broken(judged([replace(events[0], envelope=envelope), *events[1:]]))


def test_more_captured_than_authorized_is_seen(judged: Judge, events: Events) -> None:
    """The events' own amounts are summed, whatever they say of the payment."""
    index = index_of(events, p.PaymentAuthorized)
    assert "P6" in broken(judged(with_body(events, index, amount_minor=1)))


def test_more_refunded_than_captured_is_seen(judged: Judge, events: Events) -> None:
    """A refund above the capture gives away the merchant's money."""
    index = index_of(events, p.RefundSucceeded)
    assert "P6" in broken(judged(with_body(events, index, amount_minor=10**9)))


def test_an_event_that_shows_other_amounts_is_seen(judged: Judge, events: Events) -> None:
    """What readers show must be what the events add up to."""
    index = index_of(events, p.PaymentCaptured)
    after = replace(events[index].after, amount_captured=1)
    assert "P6" in broken(
        judged([*events[:index], replace(events[index], after=after), *events[index + 1 :]])
    )


def test_a_provider_that_holds_on_after_the_end_is_seen(
    judged: Judge, events: Events, effects: list[Effect]
) -> None:
    """The customer's money must not stay blocked when the payment is over."""
    void = next(one for one in effects if one.operation == "void")
    verdict = judged(events, [one for one in effects if one is not void])["P2"]
    assert any("still holds" in line and void.payment_reference in line for line in verdict.evidence)
