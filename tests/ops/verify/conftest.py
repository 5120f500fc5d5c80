"""What the pure judges say of a simulated world, as it is and after somebody tampered with it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from ops.simulation.world import Plan, World
from ops.verify.amounts import Amounts
from ops.verify.effects import Effect, Effects
from ops.verify.payments import PaymentsPartition
from ops.verify.report import Finding, Invariant
from ops.verify.tables import Tables
from ops.verify.transitions import Transitions
from ops.verify.versions import Versions
from schemas import topics
from schemas.envelope import Recorded

Events = Sequence[Recorded[Any, Any]]
Judge = Callable[..., dict[str, Invariant]]


def effects_of(world: World) -> list[Effect]:
    """The book of the simulated provider as the real one shows it."""
    return [
        Effect(
            idempotency_key=effect.psp_key,
            payment_reference=effect.payment_id,
            operation=effect.kind,
            amount_minor=effect.amount_minor,
            currency=effect.currency,
        )
        for effect in world.provider.effects
    ]


def _judged(events: Events, effects: Iterable[Effect] = (), cut: int = 1 << 60) -> dict[str, Invariant]:
    transitions, amounts, versions, book = Transitions(), Amounts(), Versions(), Effects(effects)
    book.check_keys()
    tables = Tables((), (), Finding("P7", "no tables here"), must_hold_below=0)
    partition = PaymentsPartition(transitions, amounts, tables, book, cut=cut, booked={}, open_keys=set())
    for offset, event in enumerate(events):
        key, place = event.envelope.aggregate_key, f"events:0:{offset}"
        if versions.event(key, event, place):
            partition.event(key, event, offset, place)
    partition.finish()
    verdicts = (book.verdict(), transitions.verdict(), amounts.verdict(), versions.verdict())
    return {one.id: one for one in verdicts}


@pytest.fixture(scope="session")
def judged() -> Judge:
    """P2, P3, P6 and P13 by id, of events and effects; events from offset `cut` on came late."""
    return _judged


@pytest.fixture(scope="session")
def world() -> World:
    """A world at rest that went through much trouble."""
    return World(3, Plan(payments=40, rounds=600)).run()


@pytest.fixture(scope="session")
def events(world: World) -> Events:
    """Its payment events, partition by partition."""
    return [event for event in world.messages(topics.PAYMENTS_EVENTS) if isinstance(event, Recorded)]


@pytest.fixture(scope="session")
def effects(world: World) -> list[Effect]:
    """What its provider did."""
    return effects_of(world)
