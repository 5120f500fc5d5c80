"""A demo shows everything the platform can do, and the same demo again under the same seed."""

from itertools import islice

from connectors.psp.simulator.tokens import TEST_TOKENS
from ops.demo.scenario import DECLINING, MERCHANTS, STORIES, scenarios
from ops.demo.steps import Authenticate, Cancel, Capture, Confirm, Create, Refund, Review, Scenario, Void
from schemas.money import check_amount_minor, parse_currency


def made(payments: int, *, seed: int = 1, run_id: str = "run") -> list[Scenario]:
    return list(scenarios(seed, payments=payments, arrivals_per_s=100, run_id=run_id))


def creation(scenario: Scenario) -> Create:
    action = scenario.steps[0].action
    assert isinstance(action, Create)
    return action


def test_a_seed_gives_the_same_payments_again() -> None:
    """A fault that showed in a demo must show again."""
    assert made(300) == made(300)


def test_another_seed_gives_other_payments() -> None:
    """A seed that changes nothing explores nothing."""
    assert made(100) != made(100, seed=2)


def test_a_longer_demo_begins_like_a_shorter_one() -> None:
    """A fault at payment 1,700 must be found again without making it fit the length."""
    assert made(50) == list(islice(made(500), 50))


def test_a_hundred_payments_tell_every_story_in_its_share() -> None:
    """Even a short demo shows everything."""
    assert set(STORIES) == {scenario.name for scenario in made(100)}


def test_every_kind_of_step_occurs() -> None:
    """What no step does, no demo proves."""
    steps = [step for scenario in made(100) for step in scenario.steps]
    kinds = {Create, Confirm, Cancel, Capture, Void, Refund, Authenticate, Review}
    assert kinds == {type(step.action) for step in steps}
    assert {True, False} == {step.action.passes for step in steps if isinstance(step.action, Authenticate)}
    assert {"accepted", "refused"} == {step.after for step in steps}
    assert {Create, Refund} == {type(step.misuse) for step in steps if step.misuse}
    assert {Create, Confirm, Refund} == {type(step.action) for step in steps if step.copies > 1}


def test_captures_and_refunds_are_whole_partial_and_repeated() -> None:
    """The rules about amounts only show where amounts differ."""
    steps = [step for scenario in made(100) for step in scenario.steps]
    captures = [step.action.amount_minor for step in steps if isinstance(step.action, Capture)]
    refunds = [step.action.amount_minor for step in steps if isinstance(step.action, Refund)]
    assert None in captures and any(captures)
    assert None in refunds and any(refunds)
    most = max(sum(isinstance(step.action, Refund) for step in one.steps) for one in made(100))
    assert most == 3


def test_every_test_token_is_used() -> None:
    """A decline code or provider fault that no demo meets is one nobody sees work."""
    cards = {creation(scenario).card for scenario in made(100)}
    assert {one.token for one in TEST_TOKENS} == cards
    assert set(DECLINING) <= cards


def test_amounts_are_money_in_every_currency() -> None:
    """Minor units differ: yen have none and dinars have three digits."""
    created = [creation(scenario) for scenario in made(500)]
    assert {"JPY", "KWD", "USD"} <= {one.currency for one in created}
    for one in created:
        check_amount_minor(one.amount_minor, parse_currency(one.currency))


def test_parts_never_exceed_their_whole() -> None:
    """A demo that asks for too much shows refusals where it means to show refunds."""
    for scenario in made(500):
        asked = [step.action for step in scenario.steps]
        whole = creation(scenario).amount_minor
        parts = [one.amount_minor or 0 for one in asked if isinstance(one, Capture | Refund)]
        assert sum(parts) < whole or not any(parts), scenario.name


def test_customers_arrive_in_order_at_the_asked_rate() -> None:
    """Arrivals that bunch up or drift measure something else than was asked for."""
    arrivals = [scenario.arrives_at_s for scenario in made(2_000)]
    assert sorted(arrivals) == arrivals
    assert 18 < arrivals[-1] < 22


def test_keys_belong_to_their_run() -> None:
    """A second demo on the same data must make new payments, not repeat the first."""
    first = {scenario.key for scenario in made(100)}
    assert len(first) == 100
    assert not first & {scenario.key for scenario in made(100, run_id="another")}
    assert {scenario.merchant for scenario in made(200)} == set(range(MERCHANTS))
