"""The whole platform under seeds: crashes at every write point, duplicates, zombies, silent providers."""

import pytest

from ops.simulation.oracle import violations
from ops.simulation.world import Plan, World
from schemas import topics


@pytest.mark.parametrize("seed", range(25))
def test_money_is_right_whatever_happens(seed: int) -> None:
    """The promise of the platform, one seed at a time."""
    assert [] == violations(World(seed).run())


def test_a_provider_that_often_stays_silent_is_survived() -> None:
    """Unknown outcomes are the rule here, not the exception."""
    plan = Plan(fault_rate=0.8, crash_rate=0.3, duplicate_rate=0.3)
    assert [] == violations(World(1, plan).run())


def test_the_simulation_reaches_the_rare_branches() -> None:
    """A simulation that never meets trouble proves nothing."""
    met = {
        type(event.body).__name__
        for seed in range(8)
        for event in World(seed).run().messages(topics.PAYMENTS_EVENTS)
    }
    rare = {
        "OperationUnknown",
        "OperationQueried",
        "OperationRetried",
        "PaymentExpired",
        "AuthorizationReleased",
    }
    assert set() == rare - met


def test_the_oracle_sees_a_double_charge() -> None:
    """An oracle that cannot fail judges nothing: a second effect under another key must show."""
    world = World(3).run()
    effect = next(effect for effect in world.provider.effects if effect.kind in ("sale", "capture"))
    world.provider.effects.append(effect._replace(psp_key="another", provider_ref="another"))
    assert any("provider took" in violation for violation in violations(world))


def test_the_oracle_sees_a_lost_table_row() -> None:
    """A table that lost a write differs from the fold of its events."""
    world = World(3).run()
    stores = (task.store for (stage, _), task in world.tasks.items() if stage == "payments")
    store = next(store for store in stores if any(name.startswith(b"state/") for name in store.items()))
    store.delete(next(name for name in store.items() if name.startswith(b"state/")))
    assert any(violation.startswith("P7: payments table") for violation in violations(world))
