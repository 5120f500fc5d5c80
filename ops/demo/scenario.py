"""Which payments does a demo make: amounts, customers, steps and arrivals from nothing but a seed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from connectors.psp.simulator.tokens import TEST_TOKENS, Behaviour
from ops.demo.steps import (
    Authenticate,
    Cancel,
    Capture,
    Confirm,
    Create,
    Refund,
    Review,
    Scenario,
    Step,
    Void,
)
from schemas.payments import CaptureMethod

MERCHANTS: Final = 5
"""Merchants of generated payments."""
CUSTOMERS: Final = 10_000
REGULARS: Final = 1_000
"""Customers who make every fourth payment or so; none as many as only a machine would."""
COPIES: Final = 3
"""Equal requests sent at once where duplicates are shown."""

WATCHED_MERCHANT: Final = 0
"""The merchant whose payments the demo's own rules look at."""
REVIEWED_FROM_MINOR: Final = 50_000_000
BLOCKED_FROM_MINOR: Final = 90_000_000
"""Amounts of that merchant which the rules hold or block, in minor units of any currency."""

CARDS: Final = ("tok_visa", "tok_mastercard")
DECLINING: Final = tuple(one.token for one in TEST_TOKENS if one.behaviour is Behaviour.DECLINE)

_TYPICAL_MINOR: Final = {
    "USD": 3_200,
    "EUR": 2_900,
    "GBP": 2_500,
    "JPY": 4_800,
    "KWD": 9_500,
    "INR": 240_000,
}
"""Half of all amounts in a currency are below this, in its minor units."""
_LEAST_MINOR: Final = 10
_CREATED: Final = frozenset({201})
_DECLINED: Final = frozenset({402})

Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is bought, by whom, and how it is paid. ordinal: position among the payments of its story."""

    amount_minor: int
    part_minor: int
    currency: str
    customer_id: str
    card: str
    ordinal: int


def scenarios(seed: int, *, payments: int, arrivals_per_s: float, run_id: str) -> Iterator[Scenario]:
    """The payments of a seed in the order of their arrival, which is random at an average rate."""
    gaps = _random(seed, "arrivals")
    arrives_at_s = 0.0
    for number in range(payments):
        arrives_at_s += gaps.expovariate(arrivals_per_s)
        name, ordinal = _dealt(seed, number)
        chance = _random(seed, f"payment {number}")
        yield Scenario(
            name=name,
            merchant=WATCHED_MERCHANT if name in _WATCHED else chance.randrange(MERCHANTS),
            arrives_at_s=arrives_at_s,
            key=f"{run_id}-{number:06d}",
            steps=STORIES[name](_order(chance, ordinal)),
        )


def _random(seed: int, purpose: str) -> Random:
    return Random(f"{seed}/{purpose}")  # noqa: S311  # a reproducible demo, no secret


def _dealt(seed: int, number: int) -> tuple[str, int]:
    """The story of payment `number`: every hundred payments are one shuffled deck."""
    deal, position = divmod(number, len(_DECK))
    deck = list(_DECK)
    _random(seed, f"deck {deal}").shuffle(deck)
    return deck[position]


def _order(chance: Random, ordinal: int) -> Order:
    currency = chance.choice(tuple(_TYPICAL_MINOR))
    amount_minor = max(_LEAST_MINOR, round(_TYPICAL_MINOR[currency] * chance.lognormvariate(0, 0.8)))
    return Order(
        amount_minor=amount_minor,
        part_minor=max(1, amount_minor * chance.randrange(20, 80) // 100),
        currency=currency,
        customer_id=f"cust_{chance.randrange(REGULARS if chance.random() < 0.25 else CUSTOMERS):04d}",
        card=chance.choice(CARDS),
        ordinal=ordinal,
    )


def _create(order: Order, capture_method: CaptureMethod, card: str | None = None) -> Create:
    return Create(
        amount_minor=order.amount_minor,
        currency=order.currency,
        capture_method=capture_method,
        customer_id=order.customer_id,
        card=card or order.card,
    )


def _paid(order: Order, capture_method: CaptureMethod, card: str | None = None) -> Steps:
    created = Step(action=_create(order, capture_method, card), expects=_CREATED)
    return created, Step(action=Confirm())


def _sold(order: Order) -> Steps:
    return _paid(order, "automatic")


def _refunded(order: Order) -> Steps:
    return *_sold(order), Step(action=Refund())


def _refunded_in_part(order: Order) -> Steps:
    return *_sold(order), Step(action=Refund(amount_minor=order.part_minor))


def _refunded_in_parts(order: Order) -> Steps:
    first_minor = max(1, order.part_minor // 2)
    parts = (first_minor, max(1, order.part_minor - first_minor), None)
    return *_sold(order), *(Step(action=Refund(amount_minor=part)) for part in parts)


def _captured(order: Order) -> Steps:
    return *_paid(order, "manual"), Step(action=Capture())


def _captured_in_part(order: Order) -> Steps:
    return *_paid(order, "manual"), Step(action=Capture(amount_minor=order.part_minor))


def _captured_in_part_and_refunded(order: Order) -> Steps:
    return *_captured_in_part(order), Step(action=Refund())


def _held(order: Order) -> Steps:
    return _paid(order, "manual")


def _voided(order: Order) -> Steps:
    return *_paid(order, "manual"), Step(action=Void())


def _canceled(order: Order) -> Steps:
    return Step(action=_create(order, "automatic"), expects=_CREATED), Step(action=Cancel())


def _declined(order: Order) -> Steps:
    created = Step(action=_create(order, "automatic", _declining(order)), expects=_CREATED)
    return created, Step(action=Confirm(), expects=_DECLINED)


def _declined_then_paid(order: Order) -> Steps:
    return *_declined(order), Step(action=Confirm(card=order.card), after="refused")


def _provider_fails_twice(order: Order) -> Steps:
    return _paid(order, "automatic", "tok_psp_5xx_twice")


def _provider_is_slow(order: Order) -> Steps:
    return *_paid(order, "manual", "tok_psp_slow"), Step(action=Capture())


def _answer_lost(order: Order) -> Steps:
    return *_paid(order, "automatic", "tok_psp_timeout_then_success"), Step(action=Refund())


def _call_lost(order: Order) -> Steps:
    return _paid(order, "automatic", "tok_psp_timeout_then_nothing")


def _authenticated(order: Order) -> Steps:
    return *_paid(order, "automatic", "tok_requires_action"), Step(action=Authenticate(passes=True))


def _not_authenticated(order: Order) -> Steps:
    return *_paid(order, "manual", "tok_requires_action"), Step(action=Authenticate(passes=False))


def _sent_twice(order: Order) -> Steps:
    refund = Step(action=Refund(amount_minor=order.part_minor))
    return tuple(replace(step, copies=COPIES) for step in (*_sold(order), refund))


def _key_used_again(order: Order) -> Steps:
    created, confirmed = _paid(order, "automatic")
    another = _create(replace(order, amount_minor=order.amount_minor + 1), "automatic")
    refund = Refund(amount_minor=order.part_minor)
    return (
        replace(created, misuse=another),
        confirmed,
        Step(action=refund, misuse=Refund(amount_minor=order.part_minor + 1)),
    )


def _held_and_approved(order: Order) -> Steps:
    return *_held_for_review(order), Step(action=Review(decision="approve"))


def _held_and_declined(order: Order) -> Steps:
    return *_held_for_review(order), Step(action=Review(decision="decline"))


def _held_for_review(order: Order) -> Steps:
    created, confirmed = _paid(replace(order, amount_minor=REVIEWED_FROM_MINOR + order.ordinal), "automatic")
    return created, replace(confirmed, expects=frozenset({202}))


def _blocked(order: Order) -> Steps:
    created, confirmed = _paid(replace(order, amount_minor=BLOCKED_FROM_MINOR + order.ordinal), "automatic")
    return created, replace(confirmed, expects=_DECLINED)


def _declining(order: Order) -> str:
    return DECLINING[order.ordinal % len(DECLINING)]


Story = Callable[[Order], Steps]

_STORIES: Final[tuple[tuple[str, Story, int], ...]] = (
    ("sold", _sold, 29),
    ("refunded", _refunded, 6),
    ("refunded in part", _refunded_in_part, 6),
    ("refunded in parts", _refunded_in_parts, 4),
    ("captured", _captured, 8),
    ("captured in part", _captured_in_part, 5),
    ("captured in part and refunded", _captured_in_part_and_refunded, 2),
    ("held", _held, 1),
    ("voided", _voided, 5),
    ("canceled", _canceled, 3),
    ("declined", _declined, 8),
    ("declined, then paid", _declined_then_paid, 3),
    ("provider fails twice", _provider_fails_twice, 2),
    ("provider is slow", _provider_is_slow, 2),
    ("answer of the provider lost", _answer_lost, 1),
    ("call to the provider lost", _call_lost, 1),
    ("authenticated", _authenticated, 2),
    ("not authenticated", _not_authenticated, 1),
    ("every request three times at once", _sent_twice, 5),
    ("key used again for another request", _key_used_again, 2),
    ("held for review, approved", _held_and_approved, 1),
    ("held for review, declined", _held_and_declined, 1),
    ("blocked by risk", _blocked, 2),
)
"""Every story with how many of a hundred payments are of it."""

STORIES: Final[dict[str, Story]] = {name: story for name, story, _ in _STORIES}
_WATCHED: Final = frozenset({"held for review, approved", "held for review, declined", "blocked by risk"})
_DECK: Final = tuple((name, ordinal) for name, _, share in _STORIES for ordinal in range(share))
