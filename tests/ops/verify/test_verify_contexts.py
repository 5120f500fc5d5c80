"""P9, P16 and L34 break when somebody tampers with messages, features or what the ledger says of a payment."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ops.simulation.contexts import (
    books_that_differ,
    features_that_differ,
    results_that_differ,
    tables_that_differ,
    webhooks_that_differ,
)
from ops.simulation.world import Plan, World
from ops.verify.books import books_agree
from ops.verify.deliveries import Deliveries, Received
from ops.verify.followers import Published
from ops.verify.ledger_fold import PaymentAmounts
from ops.verify.payments import Booked
from ops.verify.report import Finding, Invariant
from schemas import topics
from schemas.codec import codec_of
from schemas.topics import Topic
from schemas.webhooks import DeliveryAttempted

PUBLISHED = Published("evt_1", "we_1", "digest", is_below_cut=True)
ATTEMPT = DeliveryAttempted(
    message_id="msg_1",
    event_id="evt_1",
    type="payment.captured",
    payment_id="pay_1",
    endpoint_id="we_1",
    attempt=1,
    outcome="delivered",
    latency_ms=3,
)
RECEIPT = Received(endpoint_id="we_1", message_id="msg_1", digest="digest")


def delivered(
    *attempts: DeliveryAttempted,
    published: dict[str, Published] | None = None,
    receipts: tuple[Received, ...] = (),
    waiting: tuple[str, ...] = (),
) -> Invariant:
    judge = Deliveries({"msg_1": PUBLISHED} if published is None else published, Finding("P9", "webhooks"))
    for message_id in waiting:
        judge.waits(message_id)
    for attempt in attempts:
        judge.attempt(attempt, "attempts:0:0", is_below_cut=True)
    judge.received(receipts)
    return judge.verdict()


RIGHT: dict[str, Callable[[], Invariant]] = {
    "delivered at once": lambda: delivered(ATTEMPT, receipts=(RECEIPT,)),
    "delivered twice": lambda: delivered(ATTEMPT, ATTEMPT, receipts=(RECEIPT, RECEIPT)),
    "delivered later": lambda: delivered(replace(ATTEMPT, outcome="failed"), replace(ATTEMPT, attempt=2)),
    "waits for its first attempt": lambda: delivered(waiting=("msg_1",)),
    "published since the cut": lambda: delivered(
        published={"msg_1": Published("evt_1", "we_1", "digest", is_below_cut=False)}
    ),
}
WRONG: dict[str, tuple[Callable[[], Invariant], str]] = {
    "never attempted": (lambda: delivered(), "neither attempted nor waits"),
    "never published": (lambda: delivered(ATTEMPT, published={}), "never published"),
    "another event under the id": (lambda: delivered(replace(ATTEMPT, event_id="evt_2")), "it was attempted"),
    "an attempt left out": (lambda: delivered(replace(ATTEMPT, attempt=2)), "leave one out"),
    "not trusted": (
        lambda: delivered(ATTEMPT, receipts=(replace(RECEIPT, problem="no valid signature"),)),
        "did not trust",
    ),
    "for somebody else": (
        lambda: delivered(ATTEMPT, receipts=(replace(RECEIPT, endpoint_id="we_2"),)),
        "not for it",
    ),
    "another payload": (
        lambda: delivered(ATTEMPT, receipts=(replace(RECEIPT, digest="other"),)),
        "another payload",
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_may_happen_to_a_message(case: str) -> None:
    """At least once, now or later: a repeat under the same id harms nobody."""
    found = RIGHT[case]()
    assert found.passed, found.evidence


@pytest.mark.parametrize("case", WRONG)
def test_what_must_not_happen_to_a_message(case: str) -> None:
    """A merchant who never hears of an event, or hears what nobody said, acts on something that is not so."""
    judged, told = WRONG[case]
    found = judged()
    assert not found.passed
    assert told in found.evidence[0]


@pytest.mark.parametrize(
    ("booked", "posted", "passes"),
    [
        (Booked(0, 100, 40, is_quiet=True), PaymentAmounts(0, 100, 40), True),
        (Booked(0, 100, 40, is_quiet=True), PaymentAmounts(0, 100, 0), False),
        (Booked(0, 100, 40, is_quiet=True), None, False),
        (Booked(100, 0, 0, is_quiet=True), PaymentAmounts(0, 0, 0), False),
        (Booked(0, 100, 40, is_quiet=False), PaymentAmounts(0, 100, 0), True),
        (Booked(0, 0, 0, is_quiet=True), None, True),
        (None, PaymentAmounts(0, 100, 0), False),
    ],
)
def test_the_ledger_and_the_payments_agree(
    booked: Booked | None, posted: PaymentAmounts | None, passes: bool
) -> None:
    """Money in the books that no payment explains is as wrong as a payment in no book."""
    verdict = books_agree(
        {} if booked is None else {"pay_1": booked}, {} if posted is None else {"pay_1": posted}
    )
    assert passes is verdict.passed, verdict.evidence


@pytest.fixture
def world() -> World:
    """A world at rest, for one test to spoil."""
    return World(5, Plan(payments=20, rounds=300)).run()


def spoiled(world: World, topic: Topic, change: Callable[[Any], Any]) -> None:
    """Change the last record of a topic that `change` makes another."""
    codec = codec_of(topic)
    for records in (world.log.read(topic.name, partition, 0, 1 << 30) for partition in range(2)):
        for one in reversed(records):
            message = codec.decode(one.value)
            if (changed := change(message)) != message:
                value = codec.encode(changed)
                world.log.replace(one._replace(value=value))
                return
    raise AssertionError(f"nothing to change on {topic.name}")


def test_a_world_as_it_is_raises_no_alarm(world: World) -> None:
    """A judge that cries wolf is not listened to."""
    found = [
        *tables_that_differ(world),
        *books_that_differ(world),
        *features_that_differ(world),
        *webhooks_that_differ(world),
        *results_that_differ(world),
    ]
    assert [] == found


def test_a_changed_feature_is_seen(world: World) -> None:
    """A count that nobody can count again lets a thief pass, or blocks a customer."""

    def less(message: Any) -> Any:
        features = replace(message.body.features, attempts_24h=message.body.features.attempts_24h + 1)
        return replace(message, body=replace(message.body, features=features))

    spoiled(world, topics.RISK_OBSERVATIONS, less)
    assert any(told.startswith("P16") for told in features_that_differ(world))


def test_a_changed_posting_is_seen(world: World) -> None:
    """One changed amount breaks the chain, the balance of its transaction, and the payment's word."""

    def more(message: Any) -> Any:
        legs = getattr(message.body, "legs", None)
        if not legs:
            return message
        changed = (replace(legs[0], amount_minor=legs[0].amount_minor + 1), *legs[1:])
        return replace(message, body=replace(message.body, legs=changed))

    spoiled(world, topics.LEDGER_JOURNAL, more)
    told = [one.partition(":")[0] for one in books_that_differ(world)]
    assert {"L1", "L4"} <= set(told)


def test_a_result_that_hides_a_break_is_seen(world: World) -> None:
    """A break that reads matched is never looked at."""
    reference = next(iter(world.settlement.breaks))
    world.settlement.breaks.pop(reference)
    assert any(reference in told for told in results_that_differ(world))


def test_a_message_that_was_not_sent_is_seen(world: World) -> None:
    """An endpoint that is left out hears of nothing, and nobody complains."""

    def fewer(message: Any) -> Any:
        ids = getattr(message.body, "endpoint_ids", ())
        return replace(message, body=replace(message.body, endpoint_ids=())) if ids else message

    spoiled(world, topics.WEBHOOKS_MESSAGES, fewer)
    assert [] != list(webhooks_that_differ(world))
